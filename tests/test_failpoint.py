"""Failpoints: what is listed is in the code, unarmed it does nothing, armed it ends the process at once."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from edge_agent.failpoint import DIED, POINTS, VARIABLE, failpoint

ROOT = Path(__file__).parent.parent / "edge_agent"


def test_every_point_is_somewhere_and_every_place_is_listed() -> None:
    source = "\n".join(path.read_text("utf-8") for path in ROOT.rglob("*.py") if path.name != "failpoint.py")
    assert set(re.findall(r'failpoint\("([a-z.]+)"\)', source)) == set(POINTS)


def test_an_unarmed_point_does_nothing() -> None:
    for name in POINTS:
        failpoint(name)


@pytest.mark.parametrize(
    ("armed", "passed", "status"),
    [("pulse.after", 1, DIED), ("pulse.after:3", 3, DIED), ("pulse.after:9", 4, 0), ("pulse.before", 4, 0)],
)
def test_an_armed_point_ends_the_process_in_its_turn(armed: str, passed: int, status: int) -> None:
    code = (
        "from edge_agent.failpoint import failpoint\n"
        "for n in range(1, 5):\n    print(n, flush=True)\n    failpoint('pulse.after')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={VARIABLE: armed}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == status
    assert done.stdout.split()[-1] == str(passed)


def test_a_point_that_does_not_exist_is_told() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import edge_agent.failpoint"],
        env={VARIABLE: "pulse.aftr"}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "pulse.aftr" in done.stderr
