"""The office: people found, entered, blocked; cards revoked; lists with a preview; deletion with its proof."""

import re
from urllib.parse import urlencode

import pytest

from tests.console.rig import Answer, Client, Rig
from tests.waiting import until

LIST = (
    "person_id,name,category,house,card,card_format\np-0002,李娜,tenant,2-2-101,100:1002,H10301\np-0003,王强,king,1,,\n"
)


@pytest.fixture(scope="module")
def office(rig: Rig) -> Client:
    return rig.signed_in("supervisor")


def upload(client: Client, path: str, field: str, name: str, data: bytes, **more: str) -> Answer:
    """A form with a file, as a browser sends it."""
    mark = "a-boundary-that-no-file-has"
    parts = [f'--{mark}\r\ncontent-disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode() for key, value in
             ({"csrf": client.csrf} | more).items()]  # fmt: skip
    head = f'--{mark}\r\ncontent-disposition: form-data; name="{field}"; filename="{name}"\r\n\r\n'.encode()
    body = b"".join(parts) + head + data + f"\r\n--{mark}--\r\n".encode()
    return client.ask("POST", path, body, {"content-type": f"multipart/form-data; boundary={mark}"})


def enter(client: Client, person: str, name: str, card: str) -> None:
    given = {"person_id": person, "name": name, "category": "tenant", "card": card, "card_format": "H10301"}
    assert client.post("/people", given).status == 303


def test_somebody_is_entered_found_and_may_pass_within_a_second(rig: Rig, office: Client) -> None:
    given = {"person_id": "p-0100", "name": "陈晨", "category": "tenant", "house": "5-1-301", "card": "100:1100"}
    assert office.post("/people", given | {"card_format": "H10301"}).headers["location"] == "/people/p-0100"
    for text in ("陈", "p-0100", "5-1-3"):
        assert "p-0100" in office.get("/people?" + urlencode({"text": text})).text
    assert "p-0100" not in office.get("/people?" + urlencode({"text": "%"})).text, "a % is a % and finds nobody"
    until(lambda: "p-0100" in rig.books.current.persons)
    until(lambda: any(getattr(event, "source", "") == "console/supervisor" for event in rig.events("person.changed")))
    viewed = [event for event in rig.events("audit.viewed") if getattr(event, "what", "") == "people"]
    assert viewed


def test_what_cannot_be_is_said_and_what_was_typed_stays(office: Client) -> None:
    wrong = {"person_id": "p-0101", "name": "赵", "category": "tenant", "card": "zzz", "card_format": "H10301"}
    answer = office.post("/people", wrong)
    assert answer.status == 409
    assert 'value="p-0101"' in answer.text
    assert 'role="alert"' in answer.text
    assert office.post("/people", {"person_id": "../x", "name": "a", "category": "tenant"}).status == 409


def test_who_is_entered_as_new_takes_nobodys_place(rig: Rig, office: Client) -> None:
    enter(office, "p-0102", "孙悟", "100:1102")
    other = {"person_id": "p-0102", "name": "别人", "category": "resident", "house": "8-8-8", "valid_until": ""}
    answer = office.post("/people", other | {"new": "yes"})
    assert (answer.status, "已存在" in answer.text, 'value="别人"' in answer.text) == (409, True, True)
    page = office.get("/people/p-0102").text
    assert "孙悟" in page
    assert "8-8-8" not in page
    assert 'name="new"' in office.get("/people/+new").text
    assert 'name="new"' not in page, "there it changes who is there"


def test_an_empty_pin_or_card_leaves_what_there_is(rig: Rig, office: Client) -> None:
    office.post("/people", {"person_id": "p-0001", "name": "张伟", "category": "resident", "pin": "84019273"})
    assert "••••" in office.get("/people/p-0001").text
    office.post("/people", {"person_id": "p-0001", "name": "张伟", "category": "resident", "pin": "", "card": ""})
    page = office.get("/people/p-0001").text
    assert "••••" in page
    assert "84019273" not in page
    assert "card/26/" in page


def test_a_block_and_its_end_and_a_lost_card(rig: Rig, office: Client) -> None:
    office.post(
        "/people",
        {"person_id": "p-0110", "name": "周", "category": "tenant", "card": "100:1110", "card_format": "H10301"},
    )
    assert "已停用" in office.post("/people/p-0110", {"verb": "block"}).text
    assert not rig.books.current.persons["p-0110"].enabled, "the doors know it when it is answered"
    office.post("/people/p-0110", {"verb": "unblock"})
    until(lambda: rig.books.current.persons["p-0110"].enabled)
    ref = re.findall(r'name="ref" value="([^"]+)"', office.get("/people/p-0110").text)[0]
    assert "已注销" in office.post("/people/p-0110", {"verb": "revoke", "ref": ref}).text
    assert office.post("/people/p-0110", {"verb": "revoke", "ref": "card/x/y"}).status == 409


def test_a_list_is_shown_before_it_is_taken(rig: Rig, office: Client) -> None:
    shown = upload(office, "/people/+import", "file", "people.csv", LIST.encode())
    assert shown.status == 200
    assert "p-0002" in shown.text
    assert "king" in shown.text, "the line that cannot go in, and why"
    assert "p-0002" not in office.get("/people").text
    word = re.findall(r'name="word" value="([^"]+)"', shown.text)[0]
    other = rig.signed_in("supervisor")
    assert other.post("/people/+import", {"word": word}).status == 409, "another session's preview"
    shown = upload(office, "/people/+import", "file", "people.csv", LIST.encode())
    word = re.findall(r'name="word" value="([^"]+)"', shown.text)[0]
    assert office.post("/people/+import", {"word": word}).status == 200
    assert "李娜" in office.get("/people").text
    assert not [path for path in rig.state.iterdir() if path.name.startswith("import-")], "no list is left behind"


def test_removing_somebody_needs_the_id_and_gives_proof(rig: Rig, office: Client) -> None:
    office.post(
        "/people",
        {"person_id": "p-0120", "name": "吴", "category": "tenant", "card": "100:1120", "card_format": "H10301"},
    )
    assert office.post("/people/p-0120", {"verb": "remove", "sure": "p-0121"}).status == 409
    assert office.post("/people/--help", {"verb": "remove", "sure": "--help"}).status == 404, "no switch of a command"
    answer = office.post("/people/p-0120", {"verb": "remove", "sure": "p-0120"})
    assert answer.status == 200
    assert "p-0120" in answer.text
    assert office.get("/people/p-0120").status == 404
    removed = until(lambda: [e for e in rig.events("person.changed") if getattr(e, "what", "") == "removed"] or None)
    assert getattr(removed[-1], "person", "") == "p-0120"


def test_a_photograph_that_is_none_is_refused_with_its_reason(office: Client) -> None:
    answer = upload(office, "/people/p-0001/face", "photo", "x.jpg", b"this is no photograph", consent="2026-01")
    assert answer.status == 409
    assert 'role="alert"' in answer.text


def test_a_guard_reads_and_changes_nothing(rig: Rig) -> None:
    guard = rig.signed_in("guard")
    page = guard.get("/people/p-0001")
    assert page.status == 200
    assert '<form method="post" action="/people' not in page.text
    assert 'name="phone"' not in page.text
    for path in ("/people", "/people/p-0001", "/people/+import", "/people/p-0001/face"):
        assert guard.post(path, {"verb": "block", "person_id": "p-0001"}).status == 403
