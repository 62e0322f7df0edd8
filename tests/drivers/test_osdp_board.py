"""The simulated OSDP devices against a panel that is neither ours nor libosdp, over a pty, secure channel on."""

import fcntl
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.drivers.rig import simulated
from tests.waiting import until

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".cache/osdp-panel/bin/python"
MASTER = "a0" * 16
CARD = {"bits": 26, "raw": 0x0025A69}


@pytest.fixture(scope="session")
def panel_python() -> Path:
    """A Python that has `osdp` 1.6: both packages call their module `osdp`, so it needs an environment of its own."""
    PYTHON.parents[2].mkdir(exist_ok=True)
    with (PYTHON.parents[2] / "osdp-panel.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run side by side: one of them makes it, the others wait
        why = "" if _has_panel() else _make_panel()
    if not _has_panel():
        pytest.skip(f"no environment for the independent panel `osdp` 1.6: {why}")
    return PYTHON


def _make_panel() -> str:
    """Why it could not be made, or nothing."""
    steps: tuple[list[object], ...] = (
        [sys.executable, "-m", "venv", "--clear", PYTHON.parents[1]],
        [PYTHON, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--timeout", "10", "osdp==1.6"],
    )
    for step in steps:
        try:
            subprocess.run([str(word) for word in step], check=True, capture_output=True, text=True, timeout=60)
        except subprocess.CalledProcessError as error:
            return str(error.stderr).strip()[-200:]
        except subprocess.TimeoutExpired:
            return "it takes too long"
    return ""


def _has_panel() -> bool:
    if not PYTHON.exists():
        return False
    probe = [PYTHON, "-c", "import osdp; osdp.SerialPortOsdpConnection"]
    return subprocess.run(probe, check=False, capture_output=True).returncode == 0


class Panel:
    def __init__(self, python: Path, port: Path) -> None:
        self.lines: list[dict[str, Any]] = []
        script = Path(__file__).with_name("osdp_panel.py")
        self._child = subprocess.Popen(
            [python, script, port, "1", MASTER],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def _listen(self) -> None:
        assert self._child.stdout is not None
        for line in self._child.stdout:
            self.lines.append(json.loads(line))

    def said(self, key: str) -> list[Any]:
        return [line[key] for line in self.lines if key in line]

    def ask(self, **order: Any) -> None:
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps(order) + "\n")
        self._child.stdin.flush()

    def end(self) -> None:
        self._child.kill()
        self._child.wait(5)
        self._listener.join(5)
        for pipe in (self._child.stdin, self._child.stdout):
            assert pipe is not None
            pipe.close()


@pytest.fixture(params=["reader", "osdp_board"])
def connected(request: pytest.FixtureRequest, tmp_path: Path, panel_python: Path) -> Iterator[tuple[Any, Panel]]:
    """A device as it comes out of its box, taken from the default key to its own by the independent panel."""
    options = ("--outputs", "2", "--inputs", "3") if request.param == "osdp_board" else ()
    with simulated(request.param, tmp_path / "device", *options) as device:
        panel = Panel(panel_python, tmp_path / "device")
        try:
            until(lambda: panel.said("secure"), timeout=30)
            yield device, panel
        finally:
            panel.end()


def test_an_independent_panel_gives_a_new_device_its_key_and_reads_cards_and_keys(connected: Any) -> None:
    device, panel = connected
    device.tell("card", **CARD)
    device.tell("keys", text="12#")
    until(lambda: panel.said("card") and panel.said("keys"))
    assert panel.said("card") == [{"bits": 26, "data": "00969a40"}]
    assert panel.said("keys") == ["31320d"]


@pytest.mark.parametrize("connected", ["osdp_board"], indirect=True)
def test_an_independent_panel_moves_an_output_and_reads_the_inputs(connected: Any) -> None:
    """300 x 100 ms is what libosdp's binding cannot say: the board counts it as two bytes."""
    device, panel = connected
    device.tell("input", number=2, on=True)
    device.tell("tamper", on=True)
    until(lambda: panel.said("tamper"))
    panel.ask(output=1, code=5, tenths=300)
    until(lambda: panel.said("outputs"))
    assert panel.said("taken") == [True]
    assert panel.said("outputs") == [[False, True]]
    assert panel.said("inputs") == [[False, False, True]]
    assert [said["tenths"] for said in device.said("output")] == [300]
