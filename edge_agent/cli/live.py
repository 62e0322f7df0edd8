"""The live view of `edge-agent demo`: what happens at the gate, what the journal has, what the city has confirmed.

It reads what anybody could read: the journal and the city's database (read-only) and what the simulated gate prints.
A small story keeps the estate busy: residents, strangers, an expired card, a visitor with the wrong card.
"""

import asyncio
import itertools
import random
from collections import deque
from contextlib import nullcontext
from pathlib import Path

import click
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from edge_agent.city.reading import CityReader, Stored
from edge_agent.cli.describe import colour, describe, silent
from edge_agent.cli.waiting import Failed, when_open
from edge_agent.model.events import Row
from edge_agent.protocols.wiegand import parse_entry
from edge_agent.sim.estate import DOOR, EXPIRED_CARD, GATEWAY, RESIDENT_CARD, UNKNOWN_CARD, Estate
from edge_agent.store.reading import JournalReader
from edge_agent.words import say

SHOWN = 14
LOOK_S = 0.1
NARROW = 80  # columns; below that who and why share one, so that the reason of a refusal can be read


class View:
    """What is on the screen now."""

    def __init__(self, estate: Estate, lang: str, console: Console) -> None:
        self.estate, self.lang, self.console = estate, lang, console
        self.rows: deque[Row] = deque(maxlen=SHOWN)
        self.stored: dict[int, Stored] = {}
        self.acked = 0

    def word(self, code: str) -> str:
        return say(code, self.lang)

    @property
    def narrow(self) -> bool:
        return self.console.width < NARROW

    def render(self) -> Panel:
        title = f"{self.word('demo.title')} · {GATEWAY} · {DOOR}"
        return Panel(Group(self._status(), self._events()), title=title, subtitle=self.word("demo.quit"))

    def line(self, row: Row) -> str:
        """The same for what is no terminal."""
        line = describe(row, self.lang)
        return "  ".join(part for part in (str(row.seq), line.time, line.what, line.who, line.detail) if part)

    def _status(self) -> Table:
        grid = Table.grid(padding=(0, 2))
        last = self.rows[-1].seq if self.rows else 0
        relay = next((line["relay"] for line in reversed(self.estate.gate.lines) if "relay" in line), "off")
        contact = next((line["contact"] for line in reversed(self.estate.gate.lines) if "contact" in line), "closed")
        broker = self.estate.broker
        gate = Text(f"{self.word('door.open' if contact == 'open' else 'door.locked')}")
        gate.append(f" · {self.word('demo.relay_on' if relay == 'on' else 'demo.relay_off')}")
        gate.stylize("bold green" if contact == "open" or relay == "on" else "bold")
        city = Text(f"{max(self.stored, default=0)}", "bold green" if max(self.stored, default=0) >= last else "yellow")
        cells = [
            (self.word("demo.gate"), gate),
            (self.word("demo.journal"), Text(str(last), "bold")),
            (self.word("demo.city"), city),
            (self.word("demo.broker"), Text(f"{broker.kind} {broker.mqtt}" if broker else "–")),
        ]
        for row in (cells[:1], cells[1:]) if self.narrow else (cells,):
            grid.add_row(Text("  ").join(Text(f"{name}: ").append_text(value) for name, value in row))
        return grid

    def _events(self) -> Table:
        table = Table(expand=True, box=None, pad_edge=False)
        table.add_column("#", justify="right", no_wrap=True)
        for column in ("time", "what") if self.narrow else ("time", "what", "who"):
            table.add_column(self.word(f"demo.column.{column}"), no_wrap=True)
        table.add_column(self.word("demo.column.detail"), ratio=1, no_wrap=True, overflow="ellipsis")
        table.add_column(self.word("demo.column.city"), justify="center", no_wrap=True)
        for row in self.rows:
            line = describe(row, self.lang)
            mark = Text("✓", "green") if row.seq in self.stored else Text("…", "yellow")
            told = [f"{line.who} {line.detail}".strip()] if self.narrow else [line.who, line.detail]
            table.add_row(str(row.seq), line.time, Text(line.what, colour(row)), *told, mark)
        return table


async def show(estate: Estate, lang: str) -> None:
    """Run until cancelled (Ctrl-C)."""
    view = View(estate, lang, Console())
    try:
        async with asyncio.TaskGroup() as jobs:
            jobs.create_task(_story(estate))
            jobs.create_task(_look(view, estate.state / "journal.db", estate.city_db))
    except* Failed as failed:
        raise failed.exceptions[0] from None


async def _look(view: View, journal: Path, city: Path) -> None:
    reader = await when_open(lambda: JournalReader(journal), "the journal")
    stored = await when_open(lambda: CityReader(city), "the city's database")
    source, heard, looked = f"urn:sc:gw:{GATEWAY}", 0, 0
    terminal = view.console.is_terminal  # a file or a pipe gets lines as they come
    with Live(view.render(), console=view.console, refresh_per_second=10) if terminal else nullcontext() as live:
        while True:
            for row in reader.read(looked, 500)[0]:
                looked = row.seq
                if not silent(row):
                    view.rows.append(row)
                    if not terminal:
                        click.echo(view.line(row))
            for event in stored.events(source, heard):
                view.stored[event.seq] = event
            before, heard = heard, _contiguous(view.stored, heard)
            if live is not None:
                live.update(view.render())
            elif heard > before:
                click.echo(f"{view.word('demo.city')}: {heard} ✓")
            await asyncio.sleep(LOOK_S)


def _contiguous(stored: dict[int, Stored], upto: int) -> int:
    while upto + 1 in stored:
        upto += 1
    return upto


async def _story(estate: Estate) -> None:
    """People come and go; seeded, so that every demo tells the same story."""
    chance = random.Random(417)
    await estate.reader.line(lambda line: line.get("sc") is True, timeout=30)
    await asyncio.sleep(1)
    for turn in itertools.count():
        match turn % 6:
            case 0:
                _card(estate, RESIDENT_CARD)
            case 1:
                _face(estate, "obama2.jpg")
            case 2:
                _card(estate, UNKNOWN_CARD)
            case 3:
                _card(estate, f"100:{2000 + chance.randrange(50)}")
            case 4:
                _face(estate, "biden.jpg")
            case _:
                _card(estate, EXPIRED_CARD)
        await asyncio.sleep(chance.uniform(4, 6))


def _card(estate: Estate, entry: str) -> None:
    card = parse_entry(entry, "H10301")
    estate.reader.tell(do="card", bits=card.bits, raw=card.raw)


def _face(estate: Estate, photo: str) -> None:
    if photo in estate.photos:
        estate.camera.tell(do="show", photo=str(estate.photos[photo]), seconds=3)
