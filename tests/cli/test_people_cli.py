"""People through the real command line: what goes in, what is refused, and how it is said."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from edge_agent.cli.roll import FOLDED_AT_MOST, roll, show
from edge_agent.model.reads import Card
from edge_agent.store.people import PeopleStore
from edge_agent.store.records import Listed
from tests.command import run

HEADER = "person_id,name,category,house,valid_from,valid_until,card,card_format,pin,phone\n"
CONFIG = '[gateway]\nid = "G1"\n[uplink]\nurl = "mqtt://127.0.0.1:1"\n'
PHOTOS = Path(__file__).parent.parent.parent / ".cache/photos"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "agent.toml").write_text(CONFIG)
    return tmp_path


def stored(site: Path) -> PeopleStore:
    return PeopleStore(site / "state/people.db")


def test_added_updated_blocked_revoked_removed(site: Path) -> None:
    add = ["people", "add", "p-1", "--name", "张伟", "--category", "tenant"]
    assert run(site, *add, "--card", "100:7", "--until", "2030-01-01").returncode == 0
    assert run(site, *add, "--card", "100:8").returncode == 0
    people = stored(site)
    try:
        person = people.person("p-1")
        assert person is not None
        assert person.valid_until_ms is not None, "an option that is not given leaves what is stored"
        assert len(person.cards) == 2
        assert run(site, "people", "revoke-card", "p-1", "100:7").returncode == 0
        assert run(site, "people", "block", "p-1").returncode == 0
        book = people.book("UTC", (), {})
        assert not book.persons["p-1"].enabled
        assert sorted(credential.state for credential in book.credentials.values()) == ["enabled", "revoked"]
        assert run(site, "people", "unblock", "p-1").returncode == 0
        assert "p-1" in run(site, "people", "list").stdout
        assert run(site, "people", "remove", "p-1").returncode == 0
        assert people.person("p-1") is None
    finally:
        people.close()
    gone = run(site, "people", "block", "p-1")
    assert gone.returncode == 1
    assert "p-1" in gone.stderr


def test_a_face_store_that_cannot_be_read_hides_nobody(site: Path) -> None:
    run(site, "people", "add", "p-1", "--name", "张伟", "--category", "tenant")
    run(site, "keys", "init")
    (site / "state/faces.db").write_bytes(b"no database, " * 400)
    done = run(site, "people", "list")
    assert "p-1" in done.stdout
    assert (done.returncode, "faces.db" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    "wrong",
    [
        ["张伟-13800001111", "--name", "x", "--category", "resident"],
        ["p-1", "--name", "x", "--category", "emperor"],
        ["p-1", "--name", "x", "--category", "resident", "--pin", "abc"],
        ["p-1", "--name", "x", "--category", "resident", "--card", "1:99999"],
        ["p-1", "--name", "x", "--category", "resident", "--card", "1:2", "--card-format", "H1"],
        ["p-1", "--name", "x", "--category", "resident", "--until", "tomorrow"],
        ["p-1", "--name", "x", "--category", "resident", "--from", "2030-01-02", "--until", "2030-01-01"],
    ],
)
def test_a_mistake_is_said_and_nothing_goes_in(wrong: list[str], site: Path) -> None:
    done = run(site, "people", "add", *wrong, lang="zh")
    assert done.returncode == 1
    assert done.stderr.strip()
    people = stored(site)
    try:
        assert people.people() == []
    finally:
        people.close()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_list_in_the_encodings_people_have(encoding: str, site: Path) -> None:
    rows = "".join(f"p-{n},住户{n},resident,1-1-{n},,,100:{n},H10301,,\n" for n in range(1, 4))
    (site / "people.csv").write_bytes((HEADER + rows).encode(encoding))
    done = run(site, "people", "import", "people.csv", lang="zh")
    assert (done.returncode, "新增 3" in done.stdout) == (0, True), done.stdout + done.stderr
    people = stored(site)
    try:
        assert people.people()[0].name == "住户1"
        assert Card(26, 0) not in people.book("UTC", (), {}).credentials
    finally:
        people.close()


def test_ten_thousand_rows_three_of_them_bad(site: Path) -> None:
    """The good ones go in; each bad one is listed with its line and reason; the exit status says that some were bad."""
    rows = [f"p-{n},x,resident,,,,{n >> 16}:{n & 0xFFFF},H10301,," for n in range(10_000)]
    rows[5], rows[500], rows[9_999] = "p-5,x,emperor,,,,,,,", "p-500,x,resident,,,,1:70000,H10301,,", rows[4]
    (site / "people.csv").write_text(HEADER + "\n".join(rows) + "\n", "utf-8")
    done = run(site, "people", "import", "people.csv")
    assert done.returncode == 1
    assert "9997 added" in done.stdout
    assert [line.split(":")[1].strip() for line in done.stderr.splitlines()] == ["line 7", "line 502", "line 10001"]


@pytest.mark.parametrize("text", ["name,category\nx,resident\n", "", "person_id,name,category,wrong\n"])
def test_a_list_with_other_columns_is_refused_as_a_whole(text: str, site: Path) -> None:
    (site / "people.csv").write_text(text)
    done = run(site, "people", "import", "people.csv")
    assert done.returncode == 1
    assert "people.csv" in done.stderr


def test_a_face_needs_a_person_a_consent_a_key_and_a_photograph_with_one_face(site: Path) -> None:
    """Each is said in turn, and none of them is a traceback."""
    (site / "notes.jpg").write_text("this is no picture")
    assert "p-1" in run(site, "face", "enroll", "p-1", "notes.jpg").stderr
    run(site, "people", "add", "p-1", "--name", "x", "--category", "resident", "--card", "100:7")
    assert "consent" in run(site, "face", "enroll", "p-1", "notes.jpg").stderr
    assert "face-store.key" in run(site, "face", "enroll", "p-1", "notes.jpg", "--consent", "v1").stderr
    run(site, "keys", "init")
    for name in ("notes.jpg", "nowhere.jpg"):
        done = run(site, "face", "enroll", "p-1", name, "--consent", "v1")
        assert (done.returncode, name in done.stderr) == (1, True)


def test_a_face_goes_in_and_a_broken_copy_of_it_does_not(site: Path) -> None:
    photo = PHOTOS / "obama.jpg"
    if not photo.exists():
        pytest.skip("the test photographs could not be fetched (make photos)")
    run(site, "people", "add", "p-1", "--name", "x", "--category", "resident", "--card", "100:7")
    run(site, "keys", "init")
    (site / "cut.jpg").write_bytes(photo.read_bytes()[:20_000])
    done = run(site, "face", "enroll", "p-1", photo, "cut.jpg", "--consent", "v1")
    assert (done.returncode, "cut.jpg" in done.stderr) == (1, True)
    assert "1 photo" in done.stdout


def test_a_list_of_many_is_one_line_each_and_quickly_there(capsys: pytest.CaptureFixture[str]) -> None:
    """Above a thousand people nothing is laid out or folded; columns stand, also beside Chinese names."""
    names = ("张伟", "Smith", "欧阳 娜娜\x07")
    many = [
        Listed(f"p-{n}", names[n % 3], "resident", "3-1-502", None, None, True, n % 2)
        for n in range(FOLDED_AT_MOST + 1)
    ]
    show(roll(many, {"p-1": 3}, ZoneInfo("UTC")), as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == FOLDED_AT_MOST + 2
    assert lines[1].endswith("0      0")
    assert lines[2].endswith("1      3")
    assert "欧阳 娜娜?" in lines[3]
    assert {sum(2 if c > "\u2e80" else 1 for c in line) for line in lines} == {len(lines[2])}
