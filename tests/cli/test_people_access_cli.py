"""Passes, duress cards, plates and PINs through the real command line."""

from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge_agent import config
from edge_agent.cli import group, options
from edge_agent.contract.passes import read_pass
from edge_agent.contract.signatures import load_public
from edge_agent.drivers.clock import KernelTime, SystemClock
from edge_agent.model.people import PinOwner
from edge_agent.model.reads import Token
from edge_agent.store.people import PeopleStore
from edge_agent.store.pin_index import load_index
from tests.command import run

CONFIG = """[gateway]
id = "G1"
[uplink]
url = "mqtt://127.0.0.1:1"
[[link]]
name = "board"
url = "sim://board"
[[door]]
name = "north"
gate = { link = "board", profile = "gates/sim", relay = 0 }
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "agent.toml").write_text(CONFIG)
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        ("people", "add", "p-1", "--house", "1-1-101"), ("people", "import", "people.csv"), ("people", "list"),
        ("people", "export", "p-1", "--by", "wang", "--reason", "asked"), ("people", "block", "p-1"),
        ("people", "unblock", "p-1"), ("people", "revoke-card", "p-1", "1:7"), ("people", "remove", "p-1"),
        ("people", "pass", "p-1", "--until", "2099-01-01"), ("people", "revoke-pass", "other"), ("audit", "list"),
        ("face", "pending"), ("face", "remove", "p-1"), ("face", "expire"), ("access", "import", "people.csv"),
    ],
)  # fmt: skip
def test_a_command_reads_the_configuration_once(
    site: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    """Three times was a second on a small machine."""
    monkeypatch.chdir(site)
    Path("people.csv").write_text("person_id,name,category\np-2,y,resident\n")
    run(site, "keys", "init")
    run(site, "people", "add", "p-1", "--name", "x", "--category", "resident", "--card", "1:7")
    read, times = config.read_config, list[Path]()
    for module in (config, options):
        monkeypatch.setattr(module, "read_config", lambda path: times.append(path) or read(path))
    CliRunner().invoke(group, arguments)
    CliRunner().invoke(group, arguments)
    assert len(times) == 2, "once each, and not kept for the next"


def test_a_pass_is_made_verified_and_revoked(site: Path) -> None:
    """The text alone on standard output; the gateway's public key verifies it; a later pass is another one."""
    run(site, "keys", "init")
    assert run(site, "people", "pass", "p-1", "--until", "2099-01-01").returncode == 1
    run(site, "people", "add", "p-1", "--name", "x", "--category", "visitor", "--host", "p-9")
    done = run(
        site, "people", "pass", "p-1", "--until", "2099-01-01T10:00", "--from", "2026-01-01", "--door", "north",
        "--uses", 2,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    ticket = read_pass(done.stdout.strip().encode(), load_public(site / "keys/gateway.pub"))
    assert ticket is not None
    assert (ticket.person, ticket.doors, ticket.max_uses) == ("p-1", ("north",), 2)
    assert ticket.expires_ms - ticket.not_before_ms > 70 * 365 * 86_400_000
    assert ticket.id in done.stderr
    assert run(site, "people", "revoke-pass", ticket.id).returncode == 0
    with closing(PeopleStore(site / "state/people.db")) as people:
        assert people.book("UTC").credentials[Token("qr", f"pass/{ticket.id}")].state == "revoked"
    assert "未签发" in run(site, "people", "revoke-pass", "other", lang="zh").stdout


@pytest.mark.parametrize(
    "wrong",
    [["--until", "2020-01-01"], ["--until", "soon"], ["--until", "2099-01-01", "--door", "south"],
     ["--until", "2099-01-01", "--uses", "0"], ["--until", "2099-01-01", "--from", "2099-06-01"]],
)  # fmt: skip
def test_a_pass_that_makes_no_sense_is_refused(site: Path, wrong: list[str]) -> None:
    run(site, "keys", "init")
    run(site, "people", "add", "p-1", "--name", "x", "--category", "visitor")
    done = run(site, "people", "pass", "p-1", *wrong, lang="zh")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.strip()


def test_everything_that_can_be_said_of_a_person(site: Path) -> None:
    """Duress card, uses, plate, flags, PIN and phone with the gateway's index; without the key it is said."""
    add = ["people", "add", "p-1", "--name", "x", "--category", "visitor", "--pin", "1239"]
    assert "keys init" in run(site, *add).stdout
    run(site, "keys", "init")
    done = run(
        site, *add, "--card", "1:7", "--max-uses", 3, "--plate", "皖a·12345", "--phone", "13800001111",
        "--needs-longer", "yes", "--escort-exempt", "是",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert run(site, "people", "add", "p-1", "--duress-card", "1:8").returncode == 0
    with closing(PeopleStore(site / "state/people.db")) as people:
        book = people.book("UTC")
    index = load_index(site / "keys/pin-index.key")
    assert index is not None
    assert (book.persons["p-1"].needs_longer, book.persons["p-1"].escort_exempt) == (True, True)
    assert sorted((held.duress, held.max_uses or 0) for held in book.credentials.values()) == [
        (False, 0), (False, 0), (False, 3), (True, 0),
    ]  # fmt: skip
    assert {Token("plate", "皖A12345"), index.phone("13800001111")} <= book.credentials.keys()
    assert book.pin_index[index.pin("1230")] == (PinOwner("p-1", duress=True),)
    for wrong in (["--max-uses", "0"], ["--plate", "?"], ["--needs-longer", "perhaps"], ["--host", "p-1"]):
        assert run(site, "people", "add", "p-1", *wrong).returncode == 1
    assert run(site, "people", "add", "p-1", "--card", "1:9", "--duress-card", "1:9").returncode == 1


def test_an_access_list_through_its_command(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dry run, diff in both languages, exit status; the PIN is nowhere in what is printed."""
    from click.testing import CliRunner

    from edge_agent.cli.access_import import import_
    from edge_agent.cli.speech import set_language

    monkeypatch.chdir(site)
    run(site, "keys", "init")
    (site / "site.toml").write_text(
        '[[rule]]\nid = "r"\ndoors = ["north"]\ncategories = ["guard"]\n'
        '[[rule]]\nid = "wrong"\ndoors = ["east"]\ncategories = ["guard"]\n'
        '[[person]]\nid = "p-1"\nname = "张伟"\ncategory = "guard"\npin = "73914"\n',
        "utf-8",
    )
    set_language("zh")
    dry = CliRunner().invoke(import_, ["--dry-run", "site.toml"])
    assert (dry.exit_code, "未作任何改动" in dry.output) == (1, True), dry.output
    with closing(PeopleStore(site / "state/people.db")) as people:
        assert (people.people(), people.rules()) == ([], ())
    set_language("en")
    done = CliRunner().invoke(import_, ["site.toml"])
    assert done.exit_code == 1
    assert done.output.splitlines() == [
        "+ person p-1: 张伟, guard",
        "~ person p-1: pin - → ••••",
        "+ rule r: doors north, categories guard, effect permit",
        "! site.toml: rule[1]: there is no door east. Known are *, north.",
        "2 added, 1 changed, 0 unchanged, 1 refused; read: site.toml (utf-8)",
    ]
    again = CliRunner().invoke(import_, ["site.toml"])
    assert again.output.splitlines()[0] == "= 2 unchanged"
    assert "73914" not in dry.output + done.output + again.output


@pytest.mark.parametrize(("policy", "synced", "warned"), [("deny", False, 1), ("deny", True, 0), ("allow", False, 0)])
def test_a_pass_from_a_clock_that_is_not_right_comes_with_a_warning(
    site: Path, monkeypatch: pytest.MonkeyPatch, policy: str, synced: bool, warned: int
) -> None:
    """It was issued without a word, and refused at the gate: clock not trusted."""
    run(site, "keys", "init")
    run(site, "people", "add", "p-1", "--name", "x", "--category", "visitor")
    (site / "agent.toml").write_text(CONFIG + f'[policy]\nuntrusted_clock = "{policy}_timed"\n')
    monkeypatch.setattr("edge_agent.cli.office.SystemClock", lambda: SystemClock(lambda: KernelTime(synced, 1)))
    command = ["--lang", "en", "people", "pass", "p-1", "--until", "2099-01-01", "-c", str(site / "agent.toml")]
    done = CliRunner().invoke(group, command, catch_exceptions=False)
    assert (done.exit_code, "clock" in done.stdout) == (0, False)
    assert done.stderr.count("clock is not synchronised") == warned
