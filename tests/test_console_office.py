"""console_office: what it makes of what a browser sends."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from edge_agent.console_office import Office, _own_name


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


def test_a_list_that_a_power_cut_left_behind_is_gone_after_the_next_start(tmp_path: Path) -> None:
    left, notes = tmp_path / "import-q3x_7d", tmp_path / "face-import-0123.done"
    left.mkdir()
    (left / "业主名单.csv").write_text("p-1,张伟,13800138000")
    notes.write_text("p-1")
    Office(SimpleNamespace(state=tmp_path))  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == [notes]
