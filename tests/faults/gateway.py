"""One gateway of the laboratory: the real daemon, a text reader on a pty, a simulated gate, and its ledger."""

import asyncio
import contextlib
import json
import os
import random
import shutil
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from edge_agent.contract.signatures import load_private, new_key, save_private, save_public
from edge_agent.sim.process import Line, Process, module
from edge_agent.sim.wire import Wire
from edge_agent.sockets import short_name
from tests.faults.ledger import Ledger
from tests.faults.template import DATED, DATED_CARD, EXPIRED_CARD, PEOPLE, Template, card_of, person_of
from tests.waiting import auntil

ROOT = Path(__file__).parents[2]
QUIET_S = 1.0  # longer than a line is doubted after a start, on a busy machine

TOML = """\
[gateway]
id = "{id}"
zone = "Asia/Shanghai"
site = "estate"
state = "{state}"

[uplink]
url = "{url}"
mqtt = {mqtt}
confirm = "city"
{uplink}

[[link]]
name = "reader-line"
url = "sim://reader"

[[link]]
name = "gate-line"
url = "sim://gate"

[[terminal]]
name = "north-in"
profile = "readers/text-stx"
link = "reader-line"
door = "north-gate"
direction = "in"

[[door]]
name = "north-gate"
kind = "pedestrian"
gate = {{ link = "gate-line", profile = "gates/sim", exit = 0 }}
release_s = {release_s}
open_s = 15
ways = [["card"]]
"""


class Gateway:
    """`state` may lie on any file system; what must outlive that one is in `folder`."""

    def __init__(self, id: str, folder: Path, state: Path, url: str, rng: random.Random) -> None:
        self.id, self.folder, self.state, self.url, self.rng = id, folder, state, url, rng
        self.config = folder / "agent.toml"
        self.journal = state / "journal.db"
        self.next_point = ""  # for a start by somebody else
        self.uplink_lines = ""  # more of [uplink]
        self.more = ""  # tables beyond the door and its reader
        self.mqtt = "5"
        self.release_s = 1
        folder.mkdir(parents=True)
        self.ledger = Ledger(folder / "ledger.jsonl")
        env = {"PYTHONPATH": str(ROOT), "EDGE_AGENT_CONFIG": str(self.config)}
        arguments = module("tests.faults.child", "run", "--config", self.config)
        self.agent = Process(f"{id}-agent", arguments, folder / "agent.log", env)
        arguments = module("edge_agent.sim.gate", "--pty", folder / "sim/gate", "--open-ms", "600")
        self.gate = Process(f"{id}-gate", arguments, folder / "gate.log", env)
        self._wire: Wire | None = None
        self._jobs: list[asyncio.Task[None]] = []
        self._offering: asyncio.Task[None] | None = None

    async def build(self, template: Template, city: Path) -> None:
        """Keys, people, configuration, devices; the daemon is not started."""
        shutil.copytree(template.keys, self.folder / "keys")
        save_private(self.folder / "keys/gateway.key", new_key())
        save_public(city / f"gateways/{self.id}.pub", load_private(self.folder / "keys/gateway.key").public_key())
        self.write_config()
        (self.folder / "sim").mkdir(mode=0o700)
        self.prepare_state(template)
        self._wire = Wire(self.folder / "sim/reader")
        near = self._wire.fileno()
        assert near is not None
        asyncio.get_running_loop().add_reader(near, self._wire.read)  # what the daemon shows is thrown away
        await self.gate.start()
        self._jobs.append(asyncio.create_task(self._follow()))

    def write_config(self) -> None:
        self.config.write_text(self.toml(), "utf-8")

    def toml(self) -> str:
        return TOML.format(
            id=self.id, state=self.state, url=self.url, uplink=self.uplink_lines, mqtt=self.mqtt,
            release_s=self.release_s,
        ) + self.more  # fmt: skip

    def prepare_state(self, template: Template) -> None:
        """The devices' ptys are outside: a power cut of the disk does not cut them."""
        self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        for file in template.state.iterdir():
            shutil.copy(file, self.state / file.name)
        (self.state / "sim").symlink_to(self.folder / "sim")

    # ---- the daemon --------------------------------------------------------------------------------------------------

    async def start(self, point: str = "", wait: bool = True) -> float:
        """Start the daemon, with a fault inside (child.py); seconds until it decides, 0 without waiting."""
        self.agent.env["LAB_POINT"], self.next_point = point or self.next_point, ""
        before = self.log.count("deciding")
        await self.agent.start()
        if not wait:
            return 0.0
        await auntil(
            lambda: self.log.count("deciding") > before or not self.agent.running, 30, lambda: self.log[-2000:]
        )
        return (time.monotonic_ns() - self.agent.started_ns) / 1e9

    async def kill(self) -> None:
        self.agent.kill()
        await self.agent.ended()

    @contextlib.asynccontextmanager
    async def kept_running(self) -> AsyncIterator[list[int]]:
        """Started again whenever it ends, as systemd does; the statuses it ended with."""
        ended: list[int] = []

        async def keep() -> None:
            while True:
                ended.append(await self.agent.ended(3600))
                await self.agent.start()

        job = asyncio.create_task(keep())
        try:
            yield ended
        finally:
            job.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await job

    async def ready(self) -> None:
        """It has its devices, and the reader's line is not doubted any more: a card opens."""
        await auntil(self._has_devices, 30, f"{self.id} to open its devices")
        await asyncio.sleep(QUIET_S)

    def _has_devices(self) -> bool:
        ptys = {os.readlink(self.folder / "sim" / name) for name in ("reader", "gate")}
        opened = set()
        with contextlib.suppress(FileNotFoundError):  # it has ended, and somebody starts it again
            for handle in Path(f"/proc/{self.agent.pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    opened.add(os.readlink(handle))
        return ptys <= opened

    @property
    def log(self) -> str:
        path = self.folder / "agent.log"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    # ---- people ------------------------------------------------------------------------------------------------------

    def show_card(self) -> None:
        number = len(self.ledger.offers)
        self.ledger.offer(person_of(number))
        self._write(card_of(number % PEOPLE))

    def show_expired(self) -> None:
        """A card that must not open."""
        self.ledger.offer("")
        self._write(card_of(EXPIRED_CARD))

    def show_dated(self) -> None:
        """A pass with dates: it opens by a clock that can be trusted, and not otherwise."""
        self.ledger.offer(DATED)
        self._write(card_of(DATED_CARD))

    def _write(self, number: str) -> None:
        assert self._wire is not None
        text = "0" + number
        folded = 0
        for letter in text:
            folded ^= ord(letter)
        self._wire.write(b"\x02" + text.encode("ascii") + bytes((folded, 3)))

    async def let_in(self, after: int, tries: int = 5, show: Callable[[], None] | None = None) -> None:
        """Somebody who may gets in; who is refused because the machine stood still tries again, as people do."""
        for _ in range(tries):
            (show or self.show_card)()
            with contextlib.suppress(TimeoutError):
                await self.gate.line(lambda line: line.get("relay") == "on", after, 3.0)
                return
        raise AssertionError(f"a resident does not get in at {self.id}: {self.log[-1500:]}")

    def press_exit(self) -> None:
        self.gate.tell(do="exit")

    def offering(self, per_s: float) -> None:
        """People come at random, `per_s` on average, until `quiet`."""

        async def come() -> None:
            while True:
                await asyncio.sleep(min(1.0, self.rng.expovariate(per_s)))
                self.show_card()

        if self._offering is not None:
            self._offering.cancel()
        self._offering = asyncio.create_task(come())

    async def quiet(self) -> None:
        if self._offering is not None:
            self._offering.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._offering
            self._offering = None

    async def served(self, more: int = 1, timeout: float = 20.0, since: int | None = None) -> None:
        """Until the daemon has accepted `more` further reads (than `since`, a former number of them)."""
        target = (len(self.ledger.reads) if since is None else since) + more
        await auntil(
            lambda: len(self.ledger.reads) >= target, timeout, lambda: f"reads of {self.id}: {self.log[-1500:]}"
        )

    async def shut(self) -> None:
        """The relay is off."""

        def off() -> bool:
            states = [line["relay"] for line in self.gate.lines if "relay" in line]
            return not states or states[-1] == "off"

        await auntil(off, 10, f"{self.id} to lock")

    def openings(self, after: int = 0) -> list[Line]:
        return [line for line in self.gate.lines[after:] if line.get("relay") == "on"]

    # ---- the accepted stream -----------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        while True:
            try:
                with short_name(self.state / "run/accepted.sock") as name:
                    reader, writer = await asyncio.open_unix_connection(name)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            first = True
            try:
                while line := await reader.readline():
                    said: dict[str, Any] = json.loads(line)
                    self.ledger.promise(said["epoch"], said["seq"], said["read_id"], whole=first)
                    first = False
            except (OSError, ValueError):  # EINVAL too, from a daemon that is killed for memory
                pass
            finally:
                writer.close()

    async def close(self) -> None:
        await self.quiet()
        for job in self._jobs:
            job.cancel()
        await asyncio.gather(*self._jobs, return_exceptions=True)
        await self.agent.stop()
        await self.gate.stop()
        if self._wire is not None:
            if (near := self._wire.fileno()) is not None:
                asyncio.get_running_loop().remove_reader(near)
            self._wire.vanish()
        self.ledger.close()


def rss_kib(pid: int) -> int:
    """Resident memory of a process."""
    with contextlib.suppress(OSError, IndexError):
        pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") // 1024
    return 0
