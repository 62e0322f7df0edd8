"""Visitors, patrols, hazards and duty at the console, as a program sees the pages."""

import html
import json
import re
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from msgspec.structs import replace

from edge_agent.errors import VisitError
from edge_agent.model.reads import DocumentPresented, IdDocument
from tests.console.rig import DOORS, Answer, Client, Rig
from tests.waiting import until

PART = {"hx-request": "true"}
SCRIPT = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
JPEG = b"\xff\xd8\xff\xe0" + b"x" * 1000


def visit_in(answer: Answer) -> str:
    found = re.search(r"v-[0-9a-f]{12}", answer.text)
    assert found, answer.text
    return found.group()


def walk_in(guard: Client, **form: str) -> Answer:
    return guard.post("/visits", {"verb": "walk_in", "name": "李雷", "host": "3-1-502"} | form, **PART)


def put_card(rig: Rig, name: str = "张三丰", digest: str = "d" * 64, desk: str = "reception") -> None:
    document = IdDocument("cn-resident", name, "110105**********2X", digest)
    shown = DocumentPresented(desk, rig.clock.now().up_ms, document)
    rig.loop.call_soon_threadsafe(rig.visits.presented, shown)


def test_a_walk_in_is_one_form_and_one_key(rig: Rig) -> None:
    guard = rig.signed_in("guard")
    made = walk_in(guard, confirmed_by="intercom")
    assert made.status == 200, made.text
    assert made.headers["hx-trigger"] == "visits"
    visit = visit_in(made)
    arrived = until(lambda: [e for e in rig.events("visit.arrived") if getattr(e, "visit", "") == visit])[0]
    assert (getattr(arrived, "by", ""), getattr(arrived, "confirmed_by", "")) == ("local/guard", "intercom")
    assert getattr(arrived, "host", "") == "p-0001", "the one who lives there"
    assert "李雷" in guard.get("/visits?show=inside").text
    code = re.search(r"(\d{4} \d{4})", made.text)
    assert code
    found = guard.post("/visits/+scan", {"text": code[1]}, **PART)
    assert "登记离开" in found.text, "inside: shown with the key to check out"
    wall = until(lambda: page if "访客到访" in (page := guard.get("/").text) else "")
    assert "访客 · 3-1-502 · 操作人 guard" in wall
    left = guard.post("/visits/+step", {"verb": "leave", "visit": visit}, **PART)
    assert left.status == 200
    assert "李雷" not in guard.get("/visits/+rows?show=inside").text
    again = guard.post("/visits/+step", {"verb": "leave", "visit": visit}, **PART)
    assert again.status == 409
    assert "已结束" in again.text


def test_an_expected_visitor_is_let_in_by_the_scan_alone(rig: Rig) -> None:
    guard = rig.signed_in("guard")
    visit = visit_in(walk_in(guard, verb="expect", name="韩梅梅"))
    page = guard.get(f"/visits/{visit}").text
    assert "<svg" in page
    text = rig.do(lambda: rig.visits.do("visit.show", _which(visit), "local/x"))[0].ticket.text
    assert text.startswith("SCP1.")
    assert "在内" in guard.post("/visits/+scan", {"text": text}, **PART).text
    assert guard.post("/visits/+scan", {"text": text[:-3] + "AAA"}, **PART).status == 409
    assert guard.post("/visits/+scan", {"text": "12345678"}, **PART).status == 409


def _which(visit: str) -> object:
    from edge_agent.model.visit_orders import Which

    return Which(visit=visit)


def test_the_card_on_the_reader_fills_the_form_and_is_let_in(rig: Rig) -> None:
    guard = rig.signed_in("guard")
    assert guard.get("/visits/+desk?seen=").status == 204
    put_card(rig)
    draft = until(lambda: shown if (shown := guard.get("/visits/+desk?seen=")).status == 200 else None)
    assert "张三丰" in draft.text
    seen = re.search(r'name="seen" value="([^"]*)"', draft.text)
    assert seen
    assert guard.get("/visits/+desk?" + urlencode({"seen": seen[1]})).status == 204
    made = guard.post("/visits", {"verb": "walk_in", "desk": "reception", "host": "张伟"}, **PART)
    assert made.status == 200, made.text
    assert "110105**********2X" in guard.get(f"/visits/{visit_in(made)}").text
    assert guard.get("/visits/+desk?" + urlencode({"seen": seen[1]})).status == 200, "the form is empty again"
    gone = guard.post("/visits", {"verb": "walk_in", "desk": "reception", "host": "张伟"}, **PART)
    assert gone.status == 409


def test_who_is_let_in_is_whose_card_the_guard_looked_at(rig: Rig) -> None:
    """Another visitor puts a card there in the second before the key is pressed, or a tablet slept meanwhile."""
    guard = rig.signed_in("guard")
    expected = visit_in(walk_in(guard, verb="expect", name="赵六"))
    put_card(rig, "赵六", "6" * 64)
    looked_at = until(lambda: text if "赵六" in (text := guard.get("/visits/+desk?seen=").text) else "")
    put_card(rig, "钱七", "7" * 64)
    until(lambda: "钱七" in guard.get("/visits/+desk?seen=").text)
    form = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', looked_at))
    before = len(rig.events("visit.arrived"))
    other = guard.post("/visits", {"verb": "walk_in", "host": "3-1-502"} | form, **PART)
    assert (other.status, "另一张证件" in other.text) == (409, True)
    button = json.loads(html.unescape(re.search(r"hx-vals='([^']*)'", looked_at)[1]))  # type: ignore[index]
    assert guard.post("/visits/+step", {"visit": expected} | button, **PART).status == 409
    assert len(rig.events("visit.arrived")) == before
    shown = guard.get("/visits/+desk?seen=").text
    form = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', shown))
    assert "钱七" in guard.post("/visits", {"verb": "walk_in", "host": "3-1-502"} | form, **PART).text
    assert guard.get("/visits/+desk?seen=").status == 204


def test_two_desks_have_a_visitor_each(tmp_path: Path) -> None:
    """The second guard was shown the first one's visitor until that one was through."""
    rig = Rig(tmp_path, doors=DOORS[:1])
    west = replace(rig.config.desks[0], name="west")
    rig.config = replace(rig.config, desks=(*rig.config.desks, west))
    with rig.running():
        first, second = rig.signed_in("guard"), rig.signed_in("supervisor")
        put_card(rig, "赵六", "6" * 64)
        put_card(rig, "钱七", "7" * 64, desk="west")
        choice = html.unescape(re.findall(r'href="(/set/desk/[^"]*)"', second.get("/visits").text)[1])
        assert second.get(choice).headers["location"] == "/visits"
        shown = until(lambda: text if "钱七" in (text := second.get("/visits/+desk?seen=").text) else "")
        assert "赵六" not in shown
        assert "赵六" in first.get("/visits/+desk?seen=").text
        assert 'aria-current="true"' in second.get("/visits").text
        assert first.get("/set/desk/nowhere?back=/visits").headers.get("set-cookie") is None


def test_a_barred_document_is_told_to_the_guard_before_and_after(rig: Rig) -> None:
    guard = rig.signed_in("guard")
    put_card(rig, "坏人", "b" * 64)
    until(lambda: "坏人" in guard.get("/visits/+desk?seen=").text)
    visit = visit_in(guard.post("/visits", {"verb": "walk_in", "desk": "reception", "host": "3-1-502"}, **PART))
    guard.post("/visits/+step", {"verb": "leave", "visit": visit}, **PART)
    assert guard.post("/visits/+blacklist", {"verb": "bar", "visit": visit, "reason": "偷盗"}).status == 303
    assert "偷盗" in guard.get("/visits/+blacklist").text
    put_card(rig, "坏人", "b" * 64)
    assert "偷盗" in until(lambda: text if "坏人" in (text := guard.get("/visits/+desk?seen=").text) else "")
    refused = guard.post("/visits", {"verb": "walk_in", "desk": "reception", "host": "3-1-502"}, **PART)
    assert refused.status == 409
    assert "偷盗" in refused.text
    told = str(rig.newest("visit.refused"))
    assert "blacklisted" in told
    assert "偷盗" not in told
    bar = re.search(r'name="bar" value="([^"]+)"', guard.get("/visits/+blacklist").text)
    assert bar
    assert guard.post("/visits/+blacklist", {"verb": "unbar", "bar": bar[1]}).status == 303
    assert guard.post("/visits", {"verb": "walk_in", "desk": "reception", "host": "3-1-502"}, **PART).status == 200


def test_the_host_is_asked_first_where_the_guard_wants_it(rig: Rig) -> None:
    guard = rig.signed_in("guard")
    made = walk_in(guard, name="问一问", ask="1")
    assert "已询问被访人" in made.text
    visit = visit_in(made)
    assert guard.post("/visits/+step", {"verb": "arrive", "visit": visit}, **PART).status == 409
    assert guard.post("/visits/+step", {"verb": "confirm", "visit": visit, "answer": "nonsense"}, **PART).status == 409
    yes = guard.post("/visits/+step", {"verb": "confirm", "visit": visit, "answer": "confirmed", "who": "电话"}, **PART)
    assert yes.status == 200
    assert guard.post("/visits/+step", {"verb": "arrive", "visit": visit}, **PART).status == 200


def test_the_city_brings_the_hosts_answer_once(rig: Rig) -> None:
    guard = rig.signed_in("guard")
    visit = visit_in(walk_in(guard, name="城市", ask="1"))
    rig.do(lambda: rig.visits.host_says(visit, "declined", "city/app"))
    assert "被访人拒绝" in guard.get(f"/visits/{visit}").text
    with pytest.raises(VisitError, match="was not asked"):
        rig.do(lambda: rig.visits.host_says(visit, "confirmed", "city/app"))


def test_a_contractor_a_group_a_delivery(rig: Rig) -> None:
    guard = rig.signed_in("guard")
    crew = {"verb": "expect", "kind": "contractor", "name": "王五", "host": "3-1-502", "company": "装修队", "mon": "1",
            "wed": "1", "hours_from": "08:00", "hours_until": "17:30", "until": "2099-06-30T18:00"}  # fmt: skip
    page = guard.get(f"/visits/{visit_in(guard.post('/visits', crew, **PART))}").text
    assert "FREQ=WEEKLY;BYDAY=MO,WE" in page
    assert guard.post("/visits", crew | {"hours_until": "25:00"}, **PART).status == 409
    group = walk_in(guard, name="导游", members="甲\n乙，丙")
    assert len(set(re.findall(r"v-[0-9a-f]{12}", group.text))) == 4
    parcel = guard.post("/visits", {"verb": "walk_in", "kind": "delivery", "name": "快递", "host": ""}, **PART)
    assert parcel.status == 200, parcel.text


def test_what_is_missing_or_wrong_is_said_in_words(rig: Rig) -> None:
    guard = rig.signed_in("guard")
    for form, words in (
        ({"name": ""}, "姓名"), ({"host": "nobody"}, "查无此被访人"), ({"host": ""}, "被访人"),
        ({"number": "110105194912310021"}, "身份证号码有误"), ({"plate": "!"}, "!"), ({"until": "soon"}, "soon"),
        ({"until": "2001-01-01T00:00"}, "结束时间"), ({"people": "many"}, "many"), ({"door": "back"}, "back"),
    ):  # fmt: skip
        answer = walk_in(guard, **form)
        assert answer.status == 409, form
        assert words in answer.text, (form, answer.text)


def test_what_a_visitor_says_is_text_on_every_page(rig: Rig) -> None:
    """Through every field that a visitor can influence."""
    guard = rig.signed_in("guard")
    fields = ("name", "company", "purpose", "phone", "note")
    made = walk_in(guard, **{field: SCRIPT[:64] for field in fields}, plate="<b>A1</b>")
    assert made.status == 409, "that is no plate"
    made = walk_in(guard, **{field: SCRIPT[:64] for field in fields}, confirmed_by=SCRIPT[:64], group=SCRIPT[:64])
    assert made.status == 200, made.text
    visit = visit_in(made)
    put_card(rig, SCRIPT[:30], "e" * 64)
    until(lambda: guard.get("/visits/+desk?seen=").status == 200)
    guard.post("/visits/+blacklist", {"verb": "bar", "visit": visit, "reason": SCRIPT})
    pages = [made.text] + [
        guard.get(path).text
        for path in (
            "/visits", f"/visits/{visit}", f"/visits/{visit}/badge", "/visits/+blacklist", "/visits/+desk?seen=",
            "/visits/+rows?show=inside&" + urlencode({"text": SCRIPT}), "/visits?" + urlencode({"name": SCRIPT}),
        )
    ]  # fmt: skip
    for text in pages:
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert not re.search(r"\son\w+=\"", text)
    guard.post("/patrol", {"verb": "begin", "post": SCRIPT[:64]})
    upload(guard, {"category": "fire", "place": SCRIPT[:64], "text": SCRIPT, "owner": SCRIPT[:64]})
    for path in ("/patrol", "/hazards"):
        text = guard.get(path).text
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "<b>3-1</b>" not in text
    guard.post("/patrol", {"verb": "end"})


def test_a_badge_prints_and_a_picture_is_the_pass(rig: Rig) -> None:
    guard = rig.signed_in("guard")
    visit = visit_in(walk_in(guard))
    badge = guard.get(f"/visits/{visit}/badge")
    assert "李雷" in badge.text
    assert "<style" not in badge.text
    assert "style=" not in badge.text
    picture = guard.get(f"/visits/{visit}/qr.png")
    zxingcpp, image = pytest.importorskip("zxingcpp"), pytest.importorskip("cv2")
    import numpy as np

    read = zxingcpp.read_barcode(image.imdecode(np.frombuffer(picture.body, np.uint8), image.IMREAD_GRAYSCALE))
    assert read.text.startswith("SCP1.")
    guard.post("/visits/+step", {"verb": "leave", "visit": visit}, **PART)
    assert guard.get(f"/visits/{visit}/badge").status == 409
    assert guard.get("/visits/v-ffffffffffff/badge").status == 404


def test_a_phone_shows_the_pass_without_signing_in_and_nothing_that_could_be_guessed(rig: Rig) -> None:
    guard, phone = rig.signed_in("guard"), Client(rig)
    visit = visit_in(walk_in(guard, confirmed_by="intercom"))
    ticket = rig.do(lambda: rig.visits.do("visit.show", _which(visit), "local/x"))[0].ticket
    shown = phone.get(f"/pass/{ticket.text}")
    assert shown.status == 200
    assert "<svg" in shown.text
    assert f"{ticket.code[:4]} {ticket.code[4:]}" in shown.text
    assert DOORS[0] in shown.text
    for secret in ("李雷", "3-1-502", "张伟", visit):
        assert secret not in shown.text, "only what is on the pass"
    for guessed in (ticket.code, visit, ticket.text[:-3] + "AAA", "SCP1..", quote(SCRIPT, safe="")):
        answer = phone.get(f"/pass/{guessed}")
        assert (answer.status, "<svg" in answer.text) == (404, False), guessed
    guard.post("/visits/+step", {"verb": "renew", "visit": visit}, **PART)
    assert phone.get(f"/pass/{ticket.text}").status == 404, "the guard gave a new one"


def upload(guard: Client, form: dict[str, str], photo: bytes = b"", name: str = "a.jpg") -> Answer:
    line = b"----edge"
    parts = [
        b'--%s\r\ncontent-disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (line, key.encode(), value.encode())
        for key, value in (form | {"csrf": guard.csrf}).items()
    ]
    parts.append(
        b'--%s\r\ncontent-disposition: form-data; name="photo"; filename="%s"\r\ncontent-type: image/jpeg\r\n\r\n%s\r\n'
        % (line, name.encode(), photo)
    )
    body = b"".join(parts) + b"--%s--\r\n" % line
    return guard.ask("POST", "/hazards", body, {"content-type": f"multipart/form-data; boundary={line.decode()}"})


def test_a_hazard_is_reported_with_its_photo_and_closed(rig: Rig) -> None:
    guard = rig.signed_in("guard")
    answer = upload(guard, {"category": "blocked_exit", "place": "2-1", "text": "杂物"}, JPEG, "../../x.jpg")
    assert answer.status == 303, answer.text
    page = guard.get("/hazards").text
    hazard = re.search(r"/hazards/(h-[0-9a-f]{12})/photo", page)
    assert hazard
    photo = guard.get(f"/hazards/{hazard[1]}/photo")
    assert (photo.body, photo.headers["content-type"]) == (JPEG, "image/jpeg")
    assert "sandbox" in photo.headers["content-security-policy"]
    refused = upload(guard, {"category": "fire", "place": "2-1-17"}, b"<svg onload=alert(1)>")
    assert (refused.status, 'value="2-1-17"' in refused.text, 'value="fire" selected' in refused.text) == (
        409,
        True,
        True,
    )
    assert upload(guard, {"category": "fire", "place": ""}).status == 409
    assert guard.get("/hazards/..%2f..%2fkeys/photo").status == 404
    assert guard.post(f"/hazards/{hazard[1]}", {"outcome": "fixed"}).status == 303
    assert guard.post(f"/hazards/{hazard[1]}", {"outcome": "fixed"}).status == 409
    assert "杂物" in guard.get("/hazards?show=closed").text


def test_a_patrol_point_is_done_by_its_tag_and_duty_by_name(rig: Rig) -> None:
    guard = rig.signed_in("guard")
    assert "待巡" in guard.get("/patrol").text
    assert guard.post("/patrol", {"verb": "scan", "code": "P-7"}).status == 303
    assert "✓ 已巡" in guard.get("/patrol").text
    assert guard.post("/patrol", {"verb": "scan", "code": "P-7"}).status == 409
    assert guard.post("/patrol", {"verb": "scan", "code": "?"}).status == 409
    assert guard.post("/patrol", {"verb": "begin", "post": "北门"}).status == 303
    assert "北门" in guard.get("/patrol").text
    assert guard.post("/patrol", {"verb": "begin"}).status == 409
    assert guard.post("/patrol", {"verb": "end"}).status == 303


def test_looking_at_visitors_is_on_record(rig: Rig) -> None:
    guard = rig.signed_in("guard")
    visit = visit_in(walk_in(guard))
    guard.get(f"/visits/{visit}")
    seen = rig.newest("audit.viewed")
    assert (getattr(seen, "what", ""), getattr(seen, "person", "")) == ("visit", visit)
    assert rig.signed_in("auditor").get("/visits").status == 403
