"""Photographs and processes for the tests of vision: skips, with the reason, where the photographs cannot be had."""

import atexit
import contextlib
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from edge_agent.errors import FaceError
from edge_agent.sim.photos import obtain

ROOT = Path(__file__).parents[2]


def photos() -> dict[str, Path]:
    try:
        return obtain(ROOT / ".cache" / "photos")
    except FaceError as error:
        pytest.skip(str(error))


@cache
def small_photos() -> dict[str, Path]:
    """The same at half their size: what is searched thoroughly for faces is in a quarter of the time."""
    whole, made = photos(), {}  # first: without them each test that asks is skipped, and would leave a folder
    folder = Path(tempfile.mkdtemp(prefix="photos-"))
    atexit.register(shutil.rmtree, folder)
    for name, path in whole.items():
        with Image.open(path) as picture:
            picture.reduce(2).save(folder / name, quality=92)
        made[name] = folder / name
    return made


def people() -> Path:
    """The folder of identity-per-folder photographs, when this machine has one."""
    data = Path(os.environ.get("EDGE_AGENT_DATA", ROOT.parent / "shared" / "data"))
    if not (data / "faces").is_dir():
        pytest.skip(f"no photographs of several people in {data} (EDGE_AGENT_DATA)")
    return data / "faces"


class SimCamera:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._said: queue.Queue[dict[str, Any]] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        self.port = self.heard("port")["port"]
        self.url = f"http://127.0.0.1:{self.port}/"

    def show(self, photo: Path, seconds: float = 2.5, height_px: int = 240) -> None:
        order = {"do": "show", "photo": str(photo), "seconds": seconds, "height_px": height_px}
        self.say(json.dumps(order))

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def heard(self, key: str, within_s: float = 15.0) -> dict[str, Any]:
        """The next line with that key."""
        while key not in (words := self._said.get(timeout=within_s)):
            pass
        return words

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._said.put(json.loads(line))


@contextlib.contextmanager
def sim_camera(port: int = 0, fps: float = 15) -> Iterator[SimCamera]:
    command = [sys.executable, "-m", "edge_agent.sim.camera", "--port", str(port), "--fps", str(fps)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        camera = SimCamera(process)
        try:
            yield camera
        finally:
            process.kill()
