"""The first commands an installer and a city's operator type, with the mistakes of a first day."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    "command",
    [
        ("init", "taken/x"),
        ("keys", "init", "--dir", "taken/keys"),
        ("keys", "osdp", "taken/reader.key"),
        ("city", "run", "--broker", "mqtt://127.0.0.1:1", "--folder", "taken/city"),
        ("demo", "--once", "--keep", "taken/demo"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize(("lang", "word"), [("en", "cannot be made"), ("zh", "无法创建目录")])
def test_a_folder_that_cannot_be_made_is_said(command: tuple[str, ...], lang: str, word: str, tmp_path: Path) -> None:
    (tmp_path / "taken").touch()  # a file where a folder should be
    assert word in refused(tmp_path, lang, *command)


@pytest.mark.parametrize("url", ["nonsense", "http://127.0.0.1", "mqtt://", "mqtt://h:port"])
def test_a_city_without_a_usable_broker_address_does_not_start(url: str, tmp_path: Path) -> None:
    assert url in refused(tmp_path, "en", "city", "run", "--broker", url, "--folder", "city")


def refused(folder: Path, lang: str, *command: str) -> str:
    """What is said on standard error: without a traceback, with status 1."""
    done = subprocess.run(
        [sys.executable, "-m", "edge_agent", "--lang", lang, *command],
        cwd=folder, capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    assert (done.returncode, "Traceback" in done.stderr) == (1, False), done.stderr
    return done.stderr
