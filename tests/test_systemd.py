"""The unit is valid and confines the daemon."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNIT = Path(__file__).parent.parent / "systemd" / "edge-agent.service"

pytestmark = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not on this machine (Debian: systemd)"
)


def test_the_unit_verifies(tmp_path: Path) -> None:
    """systemd finds nothing to complain about, drop-in and all, given that the program is installed where it says."""
    text = UNIT.read_text().replace("/opt/edge-agent/.venv/bin/edge-agent", sys.executable)
    assert sys.executable in text
    copy = tmp_path / UNIT.name
    copy.write_text(text)
    (tmp_path / f"{UNIT.name}.d").mkdir()
    (tmp_path / f"{UNIT.name}.d/remote.conf").write_text(UNIT.with_name("edge-agent-remote.conf").read_text())
    done = subprocess.run(["systemd-analyze", "verify", copy], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (0, "")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: users and folders are made below another root directory")
def test_user_and_folders_are_made(tmp_path: Path) -> None:
    """systemd-sysusers and systemd-tmpfiles take the two files and make what the README says."""
    (tmp_path / "etc").mkdir()
    groups = "root:x:0:\ndialout:x:20:\nvideo:x:44:\n"
    (tmp_path / "etc/group").write_text(groups)
    (tmp_path / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    for program, file in (("systemd-sysusers", "sysusers"), ("systemd-tmpfiles", "tmpfiles")):
        create = ["--create"] if file == "tmpfiles" else []
        command = [program, *create, f"--root={tmp_path}", str(UNIT.with_suffix(f".{file}"))]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert "edge-agent" in (tmp_path / "etc/passwd").read_text()
    assert "dialout:x:20:edge-agent" in (tmp_path / "etc/group").read_text()
    assert (tmp_path / "etc/edge-agent/keys").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "var/lib/edge-agent").stat().st_mode & 0o777 == 0o700


def calls_of(group: str) -> set[str]:
    """The system calls of one of systemd's groups, with those of the groups within it."""
    shown = subprocess.run(["systemd-analyze", "syscall-filter", group], capture_output=True, text=True, check=True)
    names = {line.strip() for line in shown.stdout.splitlines()[1:] if line.startswith(" ")} - {""}
    found = {name for name in names if not name.startswith(("@", "#"))}
    for name in names:
        if name.startswith("@"):
            found |= calls_of(name)
    return found


def test_the_confinement_leaves_what_the_daemon_needs() -> None:
    """Reading the clock's quality (without it every dated credential would be refused), and the child's limits."""
    allowed: set[str] = set()
    for line in re.findall(r"^SystemCallFilter=(.+)$", UNIT.read_text(), re.MULTILINE):
        calls: set[str] = set()
        for name in line.lstrip("~").split():
            calls |= calls_of(name) if name.startswith("@") else {name}
        allowed = allowed - calls if line.startswith("~") else allowed | calls
    assert {"adjtimex", "clock_adjtime", "prlimit64", "prctl", "fsync", "fcntl", "socketpair", "execve"} <= allowed
    assert "ProtectClock" not in UNIT.read_text()  # it takes both calls away again
    assert not {"reboot", "init_module", "mount"} & allowed


def test_the_unit_is_confined() -> None:
    """The exposure systemd computes stays at 2.0 of 10 or below."""
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=20", UNIT]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-400:]


def test_the_udev_rules_are_made_of_matches_and_assignments() -> None:
    """udev(7): KEY, perhaps {name}, operator, text in quotes; a rule must not set what it is to compare."""
    part = r'[A-Z_]+(\{\w+\})?(==|!=|=|\+=)"[^"]+"'
    rules = [line.lstrip("#") for line in UNIT.with_suffix(".rules").read_text().splitlines() if '="' in line]
    assert len(rules) == 4
    for rule in rules:
        assert re.fullmatch(rf"{part}(, {part})*", rule), rule
        assert rule.startswith(('SUBSYSTEM=="', 'ACTION=="')), rule
