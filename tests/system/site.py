"""A gateway for system tests: the simulated estate without camera or city, as an async context."""

import asyncio
import contextlib
import re
import socket
import ssl
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from edge_agent.city.store import CityStore
from edge_agent.contract.envelope import source_of
from edge_agent.errors import StoreError
from edge_agent.model.events import Row
from edge_agent.protocols.wiegand import parse_entry
from edge_agent.sim.broker import free_port
from edge_agent.sim.estate import GATEWAY, Estate
from edge_agent.sockets import short_name
from edge_agent.store.reading import JournalReader
from tests.command import run
from tests.waiting import auntil

RESIDENT = "100:1001"
Asked = Callable[[str], Awaitable[tuple[int, bytes]]]  # a path of the console → status, body


class Site(Estate):
    """The estate, whose commands cost a sixth; `Estate.command` itself is played by the demo (test_scenario.py)."""

    async def command(self, *arguments: object) -> str:
        done = await asyncio.to_thread(run, Path.cwd(), *arguments, lang="", together=True, environment=self.agent.env)
        if done.returncode:
            raise RuntimeError(f"edge-agent {' '.join(map(str, arguments))}: {done.stdout}")
        return done.stdout


@contextlib.asynccontextmanager
async def estate(folder: Path) -> AsyncIterator[Estate]:
    """Built, with broker and simulated devices running; agent and city are the test's to start."""
    site = Site(folder, {})
    try:
        await site.build()
        yield site
    finally:
        await site.close()


def play(folder: Path, story: Callable[[Estate], Awaitable[None]]) -> None:
    async def run() -> None:
        async with estate(folder) as site:
            await story(site)

    asyncio.run(run())


def show_card(site: Estate, entry: str = RESIDENT) -> None:
    card = parse_entry(entry, "H10301")
    site.reader.tell(do="card", bits=card.bits, raw=card.raw)


async def with_console(site: Estate, *scopes: str) -> Asked:
    """Set the console up as an installer would, before the agent starts. What asks it for a page, with a token."""
    await site.command("console", "setup", "--host", "127.0.0.1")
    port = free_port()
    text = site.config.read_text("utf-8")
    site.config.write_text(text.replace('listen = "0.0.0.0:8443"', f'listen = "127.0.0.1:{port}"'), "utf-8")
    scoped = [word for scope in scopes for word in ("--scope", scope)]
    told = await site.command("console", "token", "add", "test", *scoped)
    token = re.findall(r"[\w.-]{20,}", told)[-1]
    trusted = ssl.create_default_context(cafile=str(site.gateway / "keys/console.pem"))

    def asked(path: str) -> tuple[int, bytes]:
        shown = {"Authorization": f"Bearer {token}"}
        request = urllib.request.Request(f"https://127.0.0.1:{port}{path}", headers=shown)
        try:
            with urllib.request.urlopen(request, context=trusted, timeout=10) as answer:
                return answer.status, answer.read()
        except OSError as error:
            return getattr(error, "code", 0), b""

    return lambda path: asyncio.to_thread(asked, path)


async def ready(site: Estate, timeout: float = 15.0) -> None:
    """The reader's line is secure and its stale window over."""
    await auntil(lambda: "ready" in log_of(site), timeout, lambda: log_of(site))


def listens(site: Estate) -> bool:
    """The agent takes orders of this machine's commands; a killed one leaves its socket behind."""
    with (
        contextlib.suppress(OSError),
        short_name(site.state / "run/control.sock") as name,
        socket.socket(socket.AF_UNIX) as line,
    ):
        line.connect(name)
        return True
    return False


async def known_to_the_city(site: Estate) -> None:
    """The city has heard the gateway's birth: now it can sign commands for it."""
    await auntil(site.city_db.exists, 20)
    with contextlib.closing(CityStore(site.city_db)) as city:
        await auntil(lambda: city.gateway(source_of(GATEWAY)), 20, lambda: log_of(site)[-1500:])


def log_of(site: Estate) -> str:
    path = site.logs / "agent.log"
    return path.read_text("utf-8") if path.exists() else ""


def journal(site: Estate, after: int = 0) -> list[Row]:
    """What the agent has recorded; nothing while it is still making its journal."""
    try:
        reader = JournalReader(site.state / "journal.db")
    except StoreError:
        return []
    try:
        return reader.read(after, 10_000)[0]
    finally:
        reader.close()


def tags(site: Estate) -> list[str]:
    return [row.tag for row in journal(site)]
