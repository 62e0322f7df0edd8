"""`edge-agent events`: what happened, as it happens."""

import asyncio
from datetime import tzinfo
from pathlib import Path

import click
import msgspec

from edge_agent.cli.describe import describe, silent
from edge_agent.cli.options import CONFIG, STATE, site_zone, state_directory
from edge_agent.cli.speech import language, tell, words
from edge_agent.contract.checkpoint import vouches
from edge_agent.contract.rotation import own_keys
from edge_agent.contract.signatures import load_public
from edge_agent.store.accepted import follow_accepted
from edge_agent.store.reading import JournalReader

LOOK_S = 0.2
PAGE = 500


@click.group("events")
def command() -> None:
    """Look at the journal."""


@command.command("follow")
@CONFIG
@STATE
@click.option("--accepted", is_flag=True, help="One JSON line {read_id, epoch, seq} at the moment of each commit.")
@click.option("--json", "as_json", is_flag=True, help="The events' own JSON instead of words.")
@click.option("--from", "start", type=int, help="Begin after this seq (default: the last 10).")
@click.option(
    "--silent",
    "with_silent",
    is_flag=True,
    help="Also silent alerts (duress), and the numbers: a gap in them would tell.",
)
def follow(
    config: Path, state: Path | None, accepted: bool, as_json: bool, start: int | None, with_silent: bool
) -> None:
    """Show events as they are accepted, in the site's time. Ctrl-C ends it."""
    folder = state_directory(config, state)
    try:
        if accepted:
            asyncio.run(_accepted(folder / "run/accepted.sock"))
        else:
            asyncio.run(_events(folder / "journal.db", as_json, start, with_silent, site_zone(config)))
    except KeyboardInterrupt:
        tell("cli.stopped")


@command.command("verify")
@CONFIG
@STATE
@click.option(
    "--key",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The gateway's public key (default: keys/gateway.pub, and those before it).",
)
def verify(config: Path, state: Path | None, key: Path | None) -> None:
    """Walk the whole journal: no event missing, none altered, every checkpoint signed by this gateway."""
    keys = [load_public(key)] if key else own_keys(config.parent / "keys")
    reader = JournalReader(state_directory(config, state) / "journal.db")
    try:
        epoch = reader.epoch
        found = reader.verify(
            lambda said, seq, hash_, pruned: any(vouches(said, epoch, seq, hash_, pruned, public) for public in keys)
        )
    finally:
        reader.close()
    for fault in found.broken:
        tell(f"cli.chain_{fault.why}", seq=fault.seq)
    code = "cli.chain_whole" if found.ok else "cli.chain_broken"
    tell(
        code, count=found.checked, first=found.first, last=found.last, faults=found.faults, signed=found.signed,
        upto=found.signed_upto, epoch=epoch,
    )  # fmt: skip
    if not found.ok:
        raise click.exceptions.Exit(1)


async def _accepted(socket: Path) -> None:
    def listening(seq: int) -> None:
        click.echo(words("cli.following", seq=seq), err=True)

    async for line in follow_accepted(socket, listening):
        click.echo(msgspec.json.encode(line).decode())


async def _events(journal: Path, as_json: bool, start: int | None, with_silent: bool, zone: tzinfo | None) -> None:
    reader = JournalReader(journal)
    after = max(0, reader.last - 10) if start is None else start
    try:
        while True:
            for row in reader.read(after, PAGE)[0]:
                after = row.seq
                if silent(row) and not with_silent:
                    continue
                if as_json:
                    click.echo(f'{{"seq":{row.seq},"tag":"{row.tag}","data":{row.body.decode()}}}')
                else:
                    line = describe(row, language(), zone)
                    number = f"{row.seq:>7}  " if with_silent else ""  # one that is left out would tell of it
                    click.echo(f"{number}{line.time}  {line.what}  {line.who}  {line.detail}".rstrip())
            await asyncio.sleep(LOOK_S)
    finally:
        reader.close()
