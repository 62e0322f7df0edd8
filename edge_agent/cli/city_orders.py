"""`edge-agent city open|send|people|configure|certify`: what the city wants of a gateway, signed, and its answer."""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click
import msgspec

from edge_agent.city.broker import BrokerAddress
from edge_agent.city.command import CommandDesk, Second, life_s
from edge_agent.city.lists import Lists, Sent, ways
from edge_agent.city.roll import announcement, publish, retain
from edge_agent.city.store import CityStore
from edge_agent.cli.city_options import DATABASE, FOLDER, address, broker_options, place
from edge_agent.cli.options import Finite
from edge_agent.cli.speech import complain, tell
from edge_agent.contract import topics
from edge_agent.contract.envelope import source_of
from edge_agent.contract.signatures import PrivateKey, load_private
from edge_agent.errors import EdgeAgentError, UplinkError
from edge_agent.model.commands import VERBS
from edge_agent.model.grants import CREDENTIALS_AT_MOST, CredentialGrant, PersonGrant
from edge_agent.model.reads import Card
from edge_agent.protocols.wiegand import parse_entry
from edge_agent.store.entries import PersonEntry
from edge_agent.store.people_csv import read_people
from edge_agent.store.text_file import read_text

KEY = "keys/city-command.key"
CONTENT_WAIT_S = 60.0

ISSUER = click.option("--issuer", required=True, help="Who gives the command; stands in the gateway's journal.")
SIGNING = click.option(
    "--signing-key", type=click.Path(path_type=Path, dir_okay=False), help=f"The issuer's (default: {KEY})."
)


def wait(seconds: float) -> Callable[[Any], Any]:
    return click.option(
        "--wait", "wait_s", type=Finite(0, 3600), default=seconds, show_default=True,
        help="Seconds to wait for the answer, and for what moves something to live (2 to 30; 0: 30, and none waits).",
    )  # fmt: skip


class Desk(msgspec.Struct, frozen=True):
    """What all of these commands work with."""

    folder: Path
    store: CityStore
    address: BrokerAddress
    key: PrivateKey
    issuer: str

    def commands(self, second: Second | None = None) -> CommandDesk:
        return CommandDesk(self.store, self.address, self.key, self.issuer, second)

    def known(self, gateway: str) -> None:
        """Raises UplinkError for a gateway that was never heard."""
        if self.store.gateway(source_of(gateway)) is None:
            raise UplinkError("uplink.no_gateway", gateway=gateway)


@contextmanager
def desk(
    folder: Path, database: str | None, issuer: str, signing_key: Path | None, broker: dict[str, Any]
) -> Iterator[Desk]:
    where, key = address(**broker), load_private(signing_key or folder / KEY)
    with closing(CityStore(place(folder, database))) as store:
        yield Desk(folder, store, where, key, issuer)


@click.command("open")
@FOLDER
@DATABASE
@broker_options
@ISSUER
@SIGNING
@wait(10.0)
@click.argument("gateway")
@click.argument("door")
def open_(
    folder: Path,
    database: str | None,
    issuer: str,
    signing_key: Path | None,
    wait_s: float,
    gateway: str,
    door: str,
    **broker: Any,
) -> None:
    """Open DOOR of GATEWAY once, with a command signed by the city's command key."""
    with desk(folder, database, issuer, signing_key, broker) as at:
        _end(asyncio.run(_order(at.commands(), gateway, "open", door, {}, wait_s)))


@click.command("send", epilog=f"Verbs: {', '.join(sorted(VERBS))}. Their arguments: docs/platform.md.")
@FOLDER
@DATABASE
@broker_options
@ISSUER
@SIGNING
@wait(10.0)
@click.option("--door", help="The door it is about, for the verbs that are about one.")
@click.option("--args", "arguments", default="{}", show_default=True, help="A JSON object: what the verb needs beside.")
@click.option("--second", "second_issuer", help="Who agrees, where it takes two people: all doors opened.")
@click.option("--second-key", type=click.Path(path_type=Path, dir_okay=False), help="The second person's key.")
@click.argument("gateway")
@click.argument("verb")
def send(
    folder: Path,
    database: str | None,
    issuer: str,
    signing_key: Path | None,
    wait_s: float,
    door: str | None,
    arguments: str,
    second_issuer: str | None,
    second_key: Path | None,
    gateway: str,
    verb: str,
    **broker: Any,
) -> None:
    """Send GATEWAY the signed command VERB, and show what it answers."""
    if verb not in VERBS:
        raise EdgeAgentError("city.bad_verb", verb=verb, known=", ".join(sorted(VERBS)))
    if (second_issuer is None) != (second_key is None):
        raise EdgeAgentError("city.second")
    try:
        args = msgspec.json.decode(arguments, type=dict[str, Any])
        msgspec.convert(args, VERBS[verb].args)
    except (msgspec.DecodeError, UnicodeEncodeError, OverflowError) as error:
        raise EdgeAgentError("city.bad_args", why=error) from None
    second = None if second_key is None or second_issuer is None else Second(second_issuer, load_private(second_key))
    with desk(folder, database, issuer, signing_key, broker) as at:
        _end(asyncio.run(_order(at.commands(second), gateway, verb, door, args, wait_s)))


@click.command("people")
@FOLDER
@DATABASE
@broker_options
@ISSUER
@SIGNING
@wait(CONTENT_WAIT_S)
@click.option("--zone", default="Asia/Shanghai", show_default=True, help="The file's dates are local there.")
@click.option("--whole", is_flag=True, help="Send everybody, not what changed since the last list.")
@click.argument("gateway")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def people(
    folder: Path,
    database: str | None,
    issuer: str,
    signing_key: Path | None,
    wait_s: float,
    zone: str,
    whole: bool,
    gateway: str,
    file: Path,
    **broker: Any,
) -> None:
    """Make FILE (CSV, as for `people import`) the list of who may pass at GATEWAY, by what the city grants.

    Names, phone numbers and PINs do not travel. Nothing is sent while a row of the file is wrong.
    """
    grants = read_grants(file, zone)
    with desk(folder, database, issuer, signing_key, broker) as at:
        at.known(gateway)
        _end(asyncio.run(_send_list(at, gateway, grants, whole, wait_s)))


@click.command("configure")
@FOLDER
@DATABASE
@broker_options
@ISSUER
@SIGNING
@wait(CONTENT_WAIT_S)
@click.argument("gateway")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def configure(
    folder: Path,
    database: str | None,
    issuer: str,
    signing_key: Path | None,
    wait_s: float,
    gateway: str,
    file: Path,
    **broker: Any,
) -> None:
    """Give GATEWAY a new agent.toml. It starts anew with it, and goes back when that one does not reach the city."""
    text = _bytes(file)
    sha256 = hashlib.sha256(text).hexdigest()
    topic = topics.content(gateway, sha256)

    async def story(at: Desk) -> bool:
        await retain(at.address, {topic: text})
        try:
            args = {"sha256": sha256, "size": len(text)}
            return await _order(at.commands(), gateway, "configure", None, args, wait_s)
        finally:
            await retain(at.address, {topic: b""})

    with desk(folder, database, issuer, signing_key, broker) as at:
        at.known(gateway)
        _end(asyncio.run(story(at)))


@click.command("certify")
@FOLDER
@DATABASE
@broker_options
@ISSUER
@SIGNING
@wait(CONTENT_WAIT_S)
@click.argument("gateway")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def certify(
    folder: Path,
    database: str | None,
    issuer: str,
    signing_key: Path | None,
    wait_s: float,
    gateway: str,
    file: Path,
    **broker: Any,
) -> None:
    """Give GATEWAY the renewed certificate in FILE (PEM, with its chain), for the key it has."""
    try:
        pem = _bytes(file).decode("ascii")
    except UnicodeDecodeError as error:
        raise UplinkError("uplink.file", path=file, why=error) from None
    with desk(folder, database, issuer, signing_key, broker) as at:
        _end(asyncio.run(_order(at.commands(), gateway, "certify", None, {"pem": pem}, wait_s)))


def read_grants(file: Path, zone: str) -> list[PersonGrant]:
    """The people of a CSV as the city grants them. Raises Problem and EdgeAgentError; a wrong row is told and ends it:
    a list that lacks somebody would take their right away.
    """
    try:
        where = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise EdgeAgentError("city.bad_zone", zone=zone) from None
    text, _ = read_text(file)
    lines, problems, rows = read_people(file.name, text, where, parse_entry)
    for problem in problems:
        complain(problem)
    if problems:
        raise EdgeAgentError("city.bad_list", bad=len(problems), rows=rows)
    return [_grant(line.entry) for line in lines]


def _grant(entry: PersonEntry) -> PersonGrant:
    if len(entry.credentials) > CREDENTIALS_AT_MOST:
        raise EdgeAgentError("city.too_many_credentials", person=entry.id, most=CREDENTIALS_AT_MOST)
    given = {
        name: value
        for name in ("house", "valid_from_ms", "valid_until_ms", "host", "needs_longer", "escort_exempt")
        if (value := getattr(entry, name)) is not msgspec.UNSET
    }
    credentials = []
    for item in entry.credentials:
        more = {
            name: value
            for name in ("duress", "max_uses", "valid_from_ms", "valid_until_ms")
            if (value := getattr(item, name)) is not msgspec.UNSET
        }
        if isinstance(item.key, Card):
            credentials.append(CredentialGrant("card", item.key.bits, f"{item.key.raw:x}", **more))
        else:
            credentials.append(CredentialGrant(item.key.kind, value=item.key.digest, **more))  # type: ignore[arg-type]
    return PersonGrant(entry.id, str(entry.category), credentials=tuple(credentials), **given)


async def _send_list(at: Desk, gateway: str, grants: list[PersonGrant], whole: bool, wait_s: float) -> bool:
    lists, version = Lists(at.folder), at.store.next_counter()
    before = Sent() if whole else lists.last(gateway)
    deltas = ways(before, grants)
    pieces = tuple(chunk.sha256 for content in deltas.values() for chunk in content.chunks)
    stale = tuple(set(lists.last(gateway).left) - set(pieces))
    message = announcement(gateway, version, deltas, at.issuer, at.key)
    lists.keep(gateway, Sent(version, tuple(grants), pieces + stale))
    await publish(at.address, gateway, deltas, message)
    size = sum(map(len, deltas[before.version].pieces))
    tell("city.list_sent", version=version, people=len(grants), base=before.version, kb=f"{size / 1000:.1f}")
    answer = await _answered(at.commands().named(gateway, f"people-{version}", wait_s), wait_s, "cli.command_late")
    if answer is not None:
        await retain(at.address, {topics.content(gateway, sha256): b"" for sha256 in pieces + stale})
        lists.keep(gateway, Sent(version, tuple(grants)) if answer else Sent())
    return bool(answer)


async def _order(
    commands: CommandDesk, gateway: str, verb: str, door: str | None, args: dict[str, Any], wait_s: float
) -> bool:
    order = commands.make(gateway, verb, door, args, ttl_s=life_s(wait_s))
    await commands.send(order)
    tell("cli.command_sent", id=order.id)
    silent = "cli.command_late" if VERBS[verb].state else "cli.command_silent"
    return bool(await _answered(commands.result(order, wait_s), wait_s, silent))


async def _answered(result: Awaitable[tuple[str, dict[str, Any]] | None], wait_s: float, silent: str) -> bool | None:
    """Whether it was done, None without an answer; says so (`silent`: how)."""
    started = time.monotonic()
    answer = await result
    if answer is None:
        tell(silent, s=wait_s)
        return None
    tag, data = answer
    said = data.get("answer") or {}
    more = "".join(f", {name} {value}" for name, value in said.items())
    reason = (
        f" ({data['reason']}{': ' if data.get('detail') else ''}{data.get('detail', '')})" if "reason" in data else ""
    )
    tell("cli.command_done", tag=f"{tag}{reason}{more}", ms=round((time.monotonic() - started) * 1000))
    return tag == "command.completed"


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UplinkError("uplink.file", path=file, why=error.strerror) from None


def _end(good: bool) -> None:
    if not good:
        raise SystemExit(1)
