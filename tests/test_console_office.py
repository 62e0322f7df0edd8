"""console_office: what it makes of what a browser sends."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from edge_agent.console_office import Office, _own_name
from tests.waiting import until


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("业主名单(3栋).csv", "业主名单(3栋).csv"),
        ("C:\\lists\\people.TOML", "people.TOML"),
        ("../../etc/passwd", "passwd"),
        ("..", "list.csv"),
        ("", "list.csv"),
        ("a\0b\n.csv", "a_b_.csv"),
    ],
)
def test_a_list_keeps_its_name_in_what_is_said_of_it_and_leaves_its_folder_never(sent: str, kept: str) -> None:
    assert _own_name(sent) == kept


def test_a_long_name_keeps_its_end() -> None:
    assert _own_name("名" * 300 + ".toml").endswith("名.toml")
    assert len(_own_name("名" * 300 + ".toml").encode()) < 255


TAKES = """
import asyncio, sys
from pathlib import Path
from types import SimpleNamespace
from edge_agent.console_office import Office
state = Path(sys.argv[1])
office = Office(SimpleNamespace(state=state, file=state / "agent.toml"))
office._run = lambda *command: asyncio.Event().wait()  # as if it were read for ever
asyncio.run(office.take_list("people.csv", sys.argv[2].encode(), True, "en"))
"""


def test_a_list_that_a_kill_left_in_the_clear_is_gone_with_the_next_start(tmp_path: Path) -> None:
    """Names, phones and PINs are in it."""
    with subprocess.Popen([sys.executable, "-c", TAKES, tmp_path, "p-1,张伟,13800138000,80808642"]) as office:
        until(lambda: list(tmp_path.glob("import-*/people.csv")) or office.poll() is not None)
        office.kill()
    assert list(tmp_path.glob("import-*")), "killed in the middle"
    notes = tmp_path / "face-import-0123.done"
    notes.touch()
    Office(SimpleNamespace(state=tmp_path, file=tmp_path / "agent.toml"))  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == [notes]
