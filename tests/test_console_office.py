"""console_office: what it makes of what a browser sends."""

import pytest

from edge_agent.console_office import _own_name


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
