"""`edge-agent city watch`: the gateways and what they report, live."""

import time
from contextlib import closing
from datetime import datetime
from pathlib import Path

import click
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from edge_agent.city.reading import CityReader, Stored
from edge_agent.cli.city_look import NARROW, gateway_table, name_of
from edge_agent.cli.city_options import DATABASE, FOLDER, place
from edge_agent.cli.describe import colour, describe
from edge_agent.cli.speech import language, tell, words
from edge_agent.model.encoding import canonical
from edge_agent.model.events import Row

SHOWN = 16
GATEWAYS = 12
LOOK_S = 0.5


@click.command("watch")
@FOLDER
@DATABASE
@click.option("--once", is_flag=True, help="Show what there is now, and end.")
def watch(folder: Path, database: str | None, once: bool) -> None:
    """The gateways and what they report, as it is stored. Ctrl-C ends it."""
    console = Console()
    with closing(CityReader(place(folder, database))) as reader:
        if once:
            console.print(render(reader, console))
            return
        try:
            with Live(render(reader, console), console=console, refresh_per_second=4) as live:
                while True:
                    time.sleep(LOOK_S)
                    live.update(render(reader, console))
        except KeyboardInterrupt:
            tell("cli.stopped")


def render(reader: CityReader, console: Console) -> Panel:
    narrow = console.width < NARROW
    known = sorted(reader.gateways(), key=lambda gateway: (gateway.state == "online", gateway.seen_ms))
    shown = sorted(known[:GATEWAYS], key=lambda gateway: gateway.source)
    marks = {gateway.source: reader.watermarks(gateway.source) for gateway in shown}
    parts = [gateway_table(shown, marks, narrow) if known else Text(words("city.none"))]
    if len(known) > GATEWAYS:
        parts.append(Text(words("city.verify.more", count=len(known) - GATEWAYS)))
    return Panel(Group(*parts, Text(), _events(reader.latest(SHOWN), narrow)), title=words("city.title"))


def _events(events: list[Stored], narrow: bool) -> Table:
    table = Table(expand=True, box=None, pad_edge=False)
    for column in ("time", "gateway", "what"):
        table.add_column(words(f"city.column.{column}"), no_wrap=True)
    table.add_column(words("city.column.detail"), ratio=1, no_wrap=True, overflow="ellipsis")
    for event in events:
        row = _row(event)
        line = describe(row, language())
        mark = Text("!", "bold red") if event.chain == "broken" else Text("")
        told = Text(f"{line.who} {line.detail}".strip())
        gateway = Text(name_of(event.source), overflow="ellipsis")
        gateway.truncate(8 if narrow else 20, overflow="ellipsis")
        table.add_row(Text(line.time), gateway, Text(line.what, colour(row)), mark + told)
    return table


def _row(event: Stored) -> Row:
    wall_ms = int(datetime.fromisoformat(event.time).timestamp() * 1000)
    return Row(event.seq, event.epoch, event.tag, canonical(event.data), wall_ms, event.clock, 0, "", 0, b"", b"")
