"""The command line at a bench: a folder with agent.toml, simulated devices, and a terminal 60 columns wide."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.cells import cell_len

from tests import command
from tests.drivers.cables import Cable

CONFIG = """\
[gateway]
id = "G1"
[uplink]
url = "mqtt://127.0.0.1:1"
[[link]]
name = "side"
url = "sim://side"
[[link]]
name = "gate"
url = "sim://gate"
[[terminal]]
name = "side-in"
profile = "readers/text-stx"
link = "side"
door = "north"
[[door]]
name = "north"
gate = { link = "gate", profile = "gates/sim" }
release_s = 0.5
"""


class Bench:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sim = folder / "state/sim"
        self.sim.mkdir(parents=True)
        (folder / "agent.toml").write_text(CONFIG)

    def run(self, *arguments: object, lang: str = "en", said: str = "", narrow: bool = False) -> tuple[int, str]:
        """Exit status and all that was said."""
        done = command.run(self.folder, *arguments, lang=lang, said=said, columns=60, together=True)
        if narrow:
            assert max(map(cell_len, done.stdout.splitlines())) <= 60, done.stdout
        return done.returncode, done.stdout


@contextmanager
def answering(path: Path, answer: Callable[[bytes], bytes]) -> Iterator[list[bytes]]:
    """A device of the test's own on a pty: what it is sent, and what it says to that. `answer(b"")` comes first."""
    cable = Cable(path)
    heard: list[bytes] = []
    stop = threading.Event()
    os.set_blocking(cable.near, False)

    def serve() -> None:
        while not stop.wait(0.002):
            try:
                data = os.read(cable.near, 4096)
            except BlockingIOError:
                data = b""
            if data:
                heard.append(data)
            if reply := answer(data):
                os.write(cable.near, reply)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield heard
    finally:
        stop.set()
        thread.join()
        cable.close()
