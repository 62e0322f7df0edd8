"""The requirements of docs/privacy.md that this gateway can be asked about, each by its number."""

import csv
import os
import shutil
import unicodedata
import zipfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from edge_agent.cli.face_bulk import Photos
from edge_agent.config import load_config
from edge_agent.core.retention import due
from edge_agent.errors import Problems, StoreError
from edge_agent.model.clock import ClockState, Moment
from edge_agent.model.events import ConsentWithdrawn, Event, PersonErased
from edge_agent.model.evidence import Exhibit
from edge_agent.model.face_models import DLIB
from edge_agent.model.site import Retention
from edge_agent.store.faces import FaceStore, load_key
from edge_agent.store.people import PeopleStore
from edge_agent.store.retention import Retainer
from edge_agent.vision.enrol import PhotoResult, Picture
from tests.cli.test_people_cli import CONFIG
from tests.command import run
from tests.flows.world import MemoryClock
from tests.vision.pictures import small_photos

DOOR = """
[[link]]
name = "l"
url = "sim://l"
[[link]]
name = "g"
url = "sim://g"
[[door]]
name = "gate"
gate = { link = "g", profile = "gates/sim" }
ways = [["card"], ["face"]]
[[terminal]]
name = "t"
profile = "readers/text-stx"
link = "l"
door = "gate"
[[camera]]
name = "c"
url = "file:///nowhere.mp4"
door = "gate"
"""


TERMINALS_MATCH = f"""{CONFIG}
[faces]
engine = "terminal"
{DOOR.split("[[camera]]", maxsplit=1)[0]}
[[link]]
name = "s"
url = "sim://s"
[[terminal]]
name = "screen"
profile = "terminals/face-text"
link = "s"
door = "gate"
"""


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("new")
    (folder / "agent.toml").write_text(CONFIG)
    run(folder, "keys", "init")
    return folder


@pytest.fixture(scope="module")
def new_enrolled(new: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = shutil.copytree(new, tmp_path_factory.mktemp("enrolled"), dirs_exist_ok=True)
    add(folder)
    assert enrol(folder, "p-1", "--consent", "v1").returncode == 0
    return folder


@pytest.fixture
def site(new: Path, tmp_path: Path) -> Path:
    """With its keys."""
    return shutil.copytree(new, tmp_path, dirs_exist_ok=True)


@pytest.fixture
def enrolled(new_enrolled: Path, tmp_path: Path) -> Path:
    """The same with p-1's face, as agreed to in v1."""
    return shutil.copytree(new_enrolled, tmp_path, dirs_exist_ok=True)


def add(site: Path, person: str = "p-1", *more: str) -> None:
    card = f"100:{int(person.split('-')[1])}"
    done = run(site, "people", "add", person, "--name", "张伟", "--category", "resident", "--card", card, *more)
    assert done.returncode == 0, done.stderr


def enrol(site: Path, person: str, *arguments: object, photo: str = "obama.jpg"):  # type: ignore[no-untyped-def]
    return run(site, "face", "enroll", person, small_photos()[photo], *arguments)


def faces(site: Path) -> closing[FaceStore]:
    return closing(FaceStore(site / "state/faces.db", load_key(site / "keys/face-store.key"), "G1"))


def count(site: Path, person: str) -> int:
    with faces(site) as store:
        return sum(enrolled.templates for enrolled in store.enrolled() if enrolled.person == person)


def refused_config(site: Path, text: str) -> str:
    (site / "agent.toml").write_text(CONFIG + text)
    with pytest.raises(Problems) as caught:
        load_config(site / "agent.toml")
    assert caught.value.text("zh") != caught.value.text("en")
    return caught.value.text("en")


def noted(site: Path) -> list[Event]:
    with closing(PeopleStore(site / "state/people.db")) as people:
        return [change.event for change in people.pending()]


def test_r01_a_face_is_never_the_only_way_in(site: Path) -> None:
    """Not at a door, and not for a person."""
    assert "face" in refused_config(site, DOOR.replace('[["card"], ["face"]]', '[["face"]]'))
    (site / "agent.toml").write_text(CONFIG)
    run(site, "people", "add", "p-9", "--name", "x", "--category", "resident")
    done = enrol(site, "p-9", "--consent", "v1")
    assert (done.returncode, "only way in" in done.stderr) == (1, True)


def test_r02_no_face_without_consent_with_text_version_time_and_channel(site: Path) -> None:
    add(site)
    assert "consent" in enrol(site, "p-1").stderr
    assert enrol(site, "p-1", "--consent", "v3", "--until", "2999-01-01").returncode == 0
    with closing(PeopleStore(site / "state/people.db")) as people:
        (given,) = people.consents("p-1")
    assert (given.purpose, given.text_version, given.channel, given.guardian) == ("match", "v3", "cli", "")
    assert given.given_ms > 0
    assert given.until_ms is not None


def test_r02_a_child_needs_a_guardian(site: Path) -> None:
    run(site, "people", "add", "p-2", "--name", "x", "--category", "child", "--card", "100:2")
    done = enrol(site, "p-2", "--consent", "v1")
    assert (done.returncode, "guardian" in done.stderr) == (1, True)
    assert enrol(site, "p-2", "--consent", "v1", "--guardian", "p-1").returncode == 0


def test_r02_consents_are_for_one_purpose_each(enrolled: Path) -> None:
    """To be matched is not to have the picture kept: none is, until that was agreed to, too."""
    with faces(enrolled) as store:
        assert store.crops("p-1") == []
    assert enrol(enrolled, "p-1", "--keep-image", "k1", photo="obama2.jpg").returncode == 0
    with faces(enrolled) as store:
        assert [crop[:2] for crop in store.crops("p-1")] == [b"\xff\xd8"]
    assert run(enrolled, "face", "withdraw", "p-1", "--purpose", "keep_image").returncode == 0
    with faces(enrolled) as store:
        assert store.crops("p-1") == []
    assert count(enrolled, "p-1") == 2


def test_r03_withdrawal_destroys_with_proof_and_leaves_the_card(site: Path) -> None:
    add(site)
    assert enrol(site, "p-1", "--consent", "v1", "--keep-image", "k1").returncode == 0
    done = run(site, "face", "withdraw", "p-1")
    assert done.returncode == 0, done.stderr
    assert count(site, "p-1") == 0
    order, proof = [msgspec.json.decode(line) for line in run(site, "face", "proof", "p-1").stdout.splitlines()]
    assert (order["why"], order["terminals"]) == ("withdrawn", {})
    assert (proof["why"], proof["templates"], proof["crops"], len(proof["digest"])) == ("withdrawn", 1, 1, 64)
    events = noted(site)
    assert any(isinstance(event, ConsentWithdrawn) for event in events)
    assert any(isinstance(event, PersonErased) and event.digest == proof["digest"] for event in events)
    with closing(PeopleStore(site / "state/people.db")) as people:
        person = people.person("p-1")
        assert person is not None
        assert [card.state for card in person.cards] == ["enabled"]
    assert "consent" in enrol(site, "p-1").stderr
    assert run(site, "face", "withdraw", "p-1").returncode == 1


def test_r03_a_terminal_that_keeps_faces_deletes_and_confirms(site: Path) -> None:
    """One that cannot confirm by itself is confirmed by whoever deleted the face there; until then it is pending."""
    (site / "agent.toml").write_text(TERMINALS_MATCH)
    add(site)
    assert "no person" in run(site, "face", "agree", "p-9", "--consent", "v1").stderr
    agreed = run(site, "face", "agree", "p-1", "--consent", "v1")
    assert (agreed.returncode, "screen" in agreed.stdout) == (0, True), agreed.stderr
    assert run(site, "face", "pending").returncode == 0
    assert run(site, "face", "withdraw", "p-1").returncode == 0
    waiting = run(site, "face", "pending")
    assert (waiting.returncode, "screen" in waiting.stdout) == (1, True)
    assert "no deletion" in run(site, "face", "confirm", "p-2", "screen", "--by", "wang").stderr
    assert run(site, "face", "confirm", "p-1", "screen", "--by", "wang").returncode == 0
    assert run(site, "face", "pending").returncode == 0
    (order,) = [msgspec.json.decode(line) for line in run(site, "face", "proof", "p-1").stdout.splitlines()]
    assert order["terminals"]["screen"]["by"] == "wang"
    (erased,) = [event for event in noted(site) if isinstance(event, PersonErased)]
    assert (erased.person, erased.terminal, erased.why) == ("p-1", "screen", "withdrawn")
    assert not any("wang" in str(event) for event in noted(site))


def test_r03_who_agreed_anew_is_not_deleted_again(site: Path) -> None:
    (site / "agent.toml").write_text(TERMINALS_MATCH)
    add(site)
    for order in ("agree", "withdraw", "agree"):
        more = ("--consent", "v1") if order == "agree" else ()
        assert run(site, "face", order, "p-1", *more).returncode == 0
    assert run(site, "face", "pending").returncode == 0
    assert run(site, "people", "remove", "p-1").returncode == 0
    assert run(site, "face", "pending").returncode == 1


def test_r03_what_has_ended_is_destroyed(enrolled: Path) -> None:
    assert "nobody" in run(enrolled, "face", "expire").stdout
    with closing(PeopleStore(enrolled / "state/people.db")) as people:
        people.withdraw_consent("p-1", "match", people.consents("p-1")[0].given_ms + 1)
    assert "p-1" in run(enrolled, "face", "expire").stdout
    assert count(enrolled, "p-1") == 0


def test_r04_no_image_and_no_template_leaves_the_face_store(
    site: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Neither on the wire, nor in logs, other databases or temporary folders; and no name or number beside a template.

    The needles are the template itself, the first bytes of a picture, the photograph's own bytes, name and card.
    """
    add(site, "p-1", "--phone", "13800138000")
    temp = tmp_path_factory.mktemp("tmp")
    os.environ["TMPDIR"] = str(temp)
    try:
        done = enrol(site, "p-1", "--consent", "v1", "--keep-image", "k1")
        assert done.returncode == 0, done.stderr
    finally:
        del os.environ["TMPDIR"]
    with faces(site) as store:
        ((_, template),), (crop,) = store.templates(DLIB.model), store.crops("p-1")
    photo = small_photos()["obama.jpg"].read_bytes()
    needles = (template[:16], template[-16:], crop[:40], crop[200:240], photo[1000:1040], b"\xff\xd8\xff")
    for path in (path for path in site.rglob("*") if path.is_file()):
        data = path.read_bytes()
        assert not any(needle in data for needle in needles), path
        if path.name.startswith("faces.db"):
            assert "张伟".encode() not in data
            assert b"13800138000" not in data
    assert list(temp.iterdir()) == []
    assert not any(needle in (done.stdout + done.stderr).encode() for needle in needles)
    for event in noted(site):
        body = msgspec.json.encode(event)
        assert not any(needle in body for needle in needles)
        assert "张伟".encode() not in body
        assert b"13800138000" not in body
        assert len(body) < 400


def test_r05_a_face_that_matches_nobody_is_in_no_answer() -> None:
    """What a track comes to has no field that could hold a face (its memory: tests/core/test_faces.py)."""
    from edge_agent.model.reads import Face

    assert set(Face.__struct_fields__) == {"outcome", "person", "score", "liveness", "by_terminal"}


def test_r06_a_template_opens_only_for_whom_and_what_it_was_made(enrolled: Path) -> None:
    """Gateway, person and model are bound: in another row, or with another key, it is noise; cards do not need it."""
    key = load_key(enrolled / "keys/face-store.key")
    for wrong in (
        lambda: FaceStore(enrolled / "state/faces.db", bytes(32), "G1"),
        lambda: FaceStore(enrolled / "state/faces.db", key, "G2"),
    ):
        with pytest.raises(StoreError) as caught:
            wrong()
        assert caught.value.code == "store.key_wrong"
    (enrolled / "keys/face-store.key").chmod(0o644)
    assert "face-store.key" in enrol(enrolled, "p-1", photo="obama2.jpg").stderr
    assert (enrolled / "state/people.db").exists()


def test_r07_what_was_agreed_to_is_kept_three_years_and_no_longer(enrolled: Path) -> None:
    """Also when the person was removed; a hold keeps it longer, and gives back nobody's face."""
    assert run(enrolled, "people", "remove", "p-1").returncode == 0
    assert count(enrolled, "p-1") == 0
    with closing(PeopleStore(enrolled / "state/people.db")) as people:
        (given,) = people.consents("p-1")
    ended_ms = given.until_ms
    assert ended_ms is not None
    three_years = 1096 * 86_400_000
    held = Retainer(enrolled / "state", enrolled / "keys/face-store.key", "G1", Retention(hold="case 7"), MemoryClock())
    retainer = Retainer(enrolled / "state", enrolled / "keys/face-store.key", "G1", Retention(), MemoryClock())
    for sweeping, at_ms, kept in (
        (retainer, ended_ms + three_years, 1),
        (held, ended_ms + 2 * three_years, 1),
        (retainer, ended_ms + three_years + 60_000, 0),
    ):
        sweeping.sweep(at_ms)
        with closing(PeopleStore(enrolled / "state/people.db")) as people, faces(enrolled) as store:
            assert len(people.consents("p-1")) == kept
            assert len(people.face_orders("p-1")) == kept
            assert len(store.erasures("p-1")) == kept


def test_r07_a_visitors_face_dies_with_the_visit_and_a_consents_with_its_end(site: Path) -> None:
    visit = ("--category", "visitor", "--until", "2031-03-01")
    add(site, "p-1")
    assert run(site, "people", "add", "p-2", "--name", "x", "--card", "100:2", *visit).returncode == 0
    assert enrol(site, "p-1", "--consent", "v1", "--until", "2031-06-01").returncode == 0
    done = enrol(site, "p-2", "--consent", "v1", "--keep-image", "k1", photo="biden.jpg")
    assert done.returncode == 0, done.stderr
    retainer = Retainer(site / "state", site / "keys/face-store.key", "G1", Retention(), MemoryClock())

    def left() -> list[int]:
        return [count(site, "p-1"), count(site, "p-2")]

    for day, expected in (
        ("2031-02-28", [1, 1]),
        ("2031-03-03", [1, 0]),
        ("2031-05-31", [1, 0]),
        ("2031-06-02", [0, 0]),
    ):
        retainer.sweep(round(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000))
        assert left() == expected, day
    proofs = {event.person: event.why for event in noted(site) if isinstance(event, PersonErased)}
    assert proofs == {"p-1": "lapsed", "p-2": "visit_over"}
    with closing(PeopleStore(site / "state/people.db")) as people, faces(site) as store:
        assert {order.person: order.why for order in people.face_orders()} == proofs
        assert store.pictured() == set()
        retainer.sweep(round(datetime(2031, 6, 3, tzinfo=UTC).timestamp() * 1000))
        assert len(people.face_orders()) == 2


def test_r07_entries_are_kept_as_long_as_was_configured(site: Path) -> None:
    """180 days unless said otherwise (rows going by age: tests/store/test_upkeep.py)."""
    (site / "agent.toml").write_text(CONFIG)
    assert load_config(site / "agent.toml").retention.entry_days == 180
    (site / "agent.toml").write_text(f"{CONFIG}[retention]\nentry_days = 90\n")
    assert load_config(site / "agent.toml").retention.entry_days == 90
    assert "record_days" in refused_config(site, "[retention]\nrecord_days = 365\n")
    assert "entry_days" in refused_config(site, "[retention]\nentry_days = 7\n")


def test_r07_evidence_is_kept_thirty_days_and_under_a_hold_until_it_ends(site: Path) -> None:
    """Thirty at least; a hold stops what goes by age: clips and visits too."""
    assert "keep_days" in refused_config(site, "[evidence]\nkeep_days = 29\n")
    now_ms = 1_900_000_000_000
    now = Moment(now_ms, 9, "b" * 32, ClockState.SYNCED, 20)
    clips = [
        Exhibit(f"ev-{n}", "yard", "a", "m", "p", n, now_ms - days * 86_400_000, 1000)
        for n, days in enumerate((400, 91, 31, 29, 0), 1)
    ]
    for text, gone in (
        ("", [1, 2, 3]),
        ("[evidence]\nkeep_days = 90\n", [1, 2]),
        ('[evidence]\nkeep_days = 90\n[retention]\nhold = "case 7"\n', []),
    ):
        (site / "agent.toml").write_text(CONFIG + text)
        config = load_config(site / "agent.toml")
        there = {clip.evidence for clip in clips}
        assert [exhibit.number for exhibit, _ in due(clips, config.evidence, now, there)] == gone
    assert config.visits.retain_days > 36_500


def test_r08_who_took_what_and_why_is_registered_and_nothing_can_be_changed_unseen(site: Path) -> None:
    add(site)
    by = ("--by", "王芳", "--unit", "派出所", "--reason", "失窃", "--document", "2026-17")
    assert run(site, "people", "export", "p-1", *by).returncode == 0
    assert run(site, "audit", "record", "north camera 07:00-07:30", "--kind", "provided", *by).returncode == 0
    for number in range(3):
        assert run(site, "audit", "record", f"list {number}", "--by", "li", "--reason", "round").returncode == 0
    lines = [msgspec.json.decode(line) for line in run(site, "audit", "list", "--json").stdout.splitlines()]
    assert [line["number"] for line in lines] == [1, 2, 3, 4, 5]
    assert (lines[0]["entry"]["person"], lines[0]["entry"]["document"], lines[0]["entry"]["unit"]) == (
        "p-1",
        "2026-17",
        "派出所",
    )
    assert "派出所" in run(site, "audit", "list").stdout
    assert (done := run(site, "audit", "verify")).returncode == 0, done.stderr
    assert lines[-1]["hash"][:32] in done.stdout
    (file,) = (site / "state").glob("audit-*.log")
    whole = file.read_bytes()
    rows = whole.splitlines(keepends=True)
    assert file.stat().st_mode & 0o077 == 0
    for harm, said in (
        (whole.replace(b'"2026-17"', b'"2026-18"', 1), "altered"),
        (b"".join([rows[0], *rows[2:]]), "missing"),
        (b"".join([rows[0], rows[2], rows[1], *rows[3:]]), "moved"),
        (b"".join([*rows[:2], b"{}\n", *rows[3:]]), "not an entry"),
    ):
        file.write_bytes(harm)
        broken = run(site, "audit", "verify")
        assert (broken.returncode, said in broken.stderr) == (1, True), broken.stderr
    file.write_bytes(whole[:-20])  # the power failed while the last line was written
    assert run(site, "audit", "record", "after", "--by", "li", "--reason", "round").returncode == 0
    assert "not an entry" in run(site, "audit", "verify").stderr
    assert "after" in run(site, "audit", "list").stdout
    (site / "state/audit.lock").unlink()
    (site / "state/audit.lock").mkdir()
    refused = run(site, "people", "export", "p-1", *by)
    assert (refused.returncode, "张伟" in refused.stdout) == (1, False), "not registered, not shown"


def test_r15_a_breach_is_registered_and_its_notice_written(site: Path) -> None:
    done = run(
        site, "audit", "breach", "--what", "门禁记录", "--cause", "card lost", "--harm", "habits known", "--done",
        "locked", "--persons", "12", "--by", "li", "--contact", "010-1",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for part in ("个人信息安全事件告知书", "personal-data breach", "门禁记录", "12", "010-1", "habits known"):
        assert part in done.stdout
    assert "breach" in run(site, "audit", "list").stdout
    assert run(site, "audit", "verify").returncode == 0


def test_r09_the_sheet_for_a_filing_counts_and_warns(site: Path) -> None:
    (site / "agent.toml").write_text(CONFIG + DOOR)
    done = run(site, "faces", "filing")
    assert done.returncode == 0, done.stderr
    sheet = msgspec.json.decode(done.stdout)
    assert (sheet["faces_stored"], sheet["cameras"][0]["name"]) == (0, "c")
    assert "card" in sheet["signs"]["gate"]
    assert ["card"] in sheet["other_ways_in"]["gate"]


def test_r09_the_sheet_warns_from_eighty_thousand_faces_on(
    site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Eighty percent of what has to be filed (here the limit is lowered to the two faces there are)."""
    from edge_agent.cli import faces as command

    assert command.FACES_WARNED == 80_000
    with faces(site) as store:
        for person in ("p-1", "p-2"):
            store.put(person, DLIB.model, bytes(512))
    for limit, warned in ((3, False), (2, True)):
        monkeypatch.setattr(command, "FACES_WARNED", limit)
        order = ["--config", str(site / "agent.toml"), "--state", str(site / "state")]
        command.filing.main(order, standalone_mode=False)
        assert ("100,000" in "".join(capsys.readouterr())) == warned


@pytest.mark.parametrize("place", ["bath", "toilet", "changing", "nursing", "dormitory_room"])
def test_r10_no_camera_in_a_banned_place(site: Path, place: str) -> None:
    assert place in refused_config(site, f'{DOOR}place = "{place}"\n')


def test_r11_no_faces_at_a_school_without_guardians(site: Path) -> None:
    school = CONFIG.replace('id = "G1"', 'id = "G1"\nsite = "school"')
    (site / "agent.toml").write_text(school + DOOR)
    with pytest.raises(Problems) as caught:
        load_config(site / "agent.toml")
    assert "guardian" in caught.value.text("en")
    (site / "agent.toml").write_text(f"{school}[faces]\nguardian_consent = true\n{DOOR}")
    assert load_config(site / "agent.toml").faces.guardian_consent
    add(site, "p-3")
    assert "guardian" in enrol(site, "p-3", "--consent", "v1").stderr


def test_r11_no_face_terminals_at_a_school_without_guardians(site: Path) -> None:
    school = TERMINALS_MATCH.replace('id = "G1"', 'id = "G1"\nsite = "school"')
    (site / "agent.toml").write_text(school)
    with pytest.raises(Problems) as caught:
        load_config(site / "agent.toml")
    assert "guardian" in caught.value.text("en")
    (site / "agent.toml").write_text(school.replace("[faces]", "[faces]\nguardian_consent = true"))
    add(site, "p-3")
    assert "guardian" in run(site, "face", "agree", "p-3", "--consent", "v1").stderr
    assert run(site, "face", "agree", "p-3", "--consent", "v1", "--guardian", "p-1").returncode == 0


def test_a_person_gets_all_that_is_stored_about_them(enrolled: Path) -> None:
    """People, consents, how many templates; no template itself."""
    assert run(enrolled, "people", "export", "p-1").returncode == 2, "who and why is asked"
    text = run(enrolled, "people", "export", "p-1", "--by", "wang", "--reason", "asked for").stdout
    told = msgspec.json.decode(text)
    assert told["person"]["name"] == "张伟"
    assert told["consents"][0]["text_version"] == "v1"
    assert told["faces"][0]["templates"] == 1
    assert len(text) < 2000


def test_one_face_is_not_enrolled_for_two_people(enrolled: Path) -> None:
    """Unless they are said to be alike."""
    add(enrolled, "p-2")
    done = enrol(enrolled, "p-2", "--consent", "v1", photo="obama2.jpg")
    assert (done.returncode, "p-1" in done.stderr) == (1, True)
    assert enrol(enrolled, "p-2", "--allow-alike", photo="obama2.jpg").returncode == 0


def test_many_are_imported_from_a_zip_and_an_import_goes_on_where_it_stopped(site: Path) -> None:
    """Each refusal with its line and reason in the report; run again, only what was refused is tried again."""
    add(site, "p-1")
    add(site, "p-2")
    with zipfile.ZipFile(site / "photos.zip", "w") as archive:
        archive.write(small_photos()["obama.jpg"], "a/obama.jpg")
        archive.write(small_photos()["biden.jpg"], "biden.jpg")
        archive.writestr("notes.jpg", "this is no picture")
    rows = [
        "person_id,photo",
        "p-1,a/obama.jpg",
        "p-2,biden.jpg",
        "p-2,notes.jpg",
        "p-2,../../etc/passwd",
        "p-7,biden.jpg",
    ]
    (site / "faces.csv").write_text("\r\n".join(rows), "gb18030")
    order = ("face", "import", "faces.csv", "photos.zip", "--consent", "v1", "--report", "refused.csv")
    done = run(site, *order)
    assert (done.returncode, "2 photograph(s)" in done.stdout) == (1, True), done.stderr
    with (site / "refused.csv").open(encoding="utf-8-sig", newline="") as file:
        refused = list(csv.DictReader(file))
    assert sorted((row["line"], row["person_id"]) for row in refused) == [("4", "p-2"), ("5", "p-2"), ("6", "p-7")]
    assert (count(site, "p-1"), count(site, "p-2")) == (1, 1)
    again = run(site, *order)
    assert "0 photograph(s)" in again.stdout
    assert "2 done before" in again.stdout
    assert (count(site, "p-1"), count(site, "p-2")) == (1, 1)


def test_a_result_carries_its_error_in_words() -> None:
    for reason in ("spoof", "animated", "not_a_photo", "dark", "bright", "not_frontal", "edge_clipped", "crashed"):
        error = PhotoResult("a.jpg", reason=reason).error
        assert error is not None
        assert "a.jpg" in error.text("zh")


def test_names_of_photographs_from_a_mac_and_with_backslashes(tmp_path: Path) -> None:
    """A Mac takes letters apart; a list made on Windows has backslashes."""
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(unicodedata.normalize("NFD", "Zoë/é.jpg"), b"mac")
    photos = Photos(path)
    assert photos.picture("Zoë\\é.jpg").data == b"mac"
    assert photos.picture("nobody.jpg").data == b""
    photos.close()
    folder = tmp_path / "folder"
    (folder / unicodedata.normalize("NFD", "Zoë")).mkdir(parents=True)
    (folder / unicodedata.normalize("NFD", "Zoë/é.jpg")).write_bytes(b"mac")
    assert Photos(folder).picture("Zoë\\é.jpg").path.endswith(unicodedata.normalize("NFD", "é.jpg"))
    assert Photos(folder).picture("..\\agent.toml") == Picture("..\\agent.toml", b"")


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8"])
def test_a_zip_that_does_not_say_its_names_encoding(tmp_path: Path, encoding: str) -> None:
    """As the packers of Windows write it: bytes of the code page, no mark."""
    path = tmp_path / "photos.zip"
    names = ("照片/张伟.jpg", "plain.jpg")
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr("x" * len(name.encode(encoding)), name.encode())
    data = path.read_bytes()
    for name in names:
        data = data.replace(b"x" * len(name.encode(encoding)), name.encode(encoding))
    path.write_bytes(data)
    photos = Photos(path)
    for name in names:
        assert photos.picture(name).data == name.encode()
        assert photos.picture(name.replace("/", "\\")).data == name.encode()
    photos.close()
