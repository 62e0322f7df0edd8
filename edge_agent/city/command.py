"""Makes, signs and sends commands. The key stays here: neither broker nor gateway can make one.

What moves something is bound to the gateway's boot and to its uptime, so that it dies by itself when it is late,
repeated or when the gateway restarts. The city's guess of that uptime (what the last birth said, plus the time since)
is never ahead of the gateway's own. What says how things are to be (a grant, a revocation, a configuration) is bound to
nothing but its version, which is its counter: it may be sent again until its result is here.
"""

import asyncio
import secrets
import time
from typing import Any

import msgspec

from edge_agent.city.broker import REFUSED, BrokerAddress, CityConnection
from edge_agent.city.rows import KnownGateway
from edge_agent.city.store import CityStore
from edge_agent.contract import topics
from edge_agent.contract.commanders import cosigned
from edge_agent.contract.envelope import source_of
from edge_agent.contract.messages import COMMAND_TTL_S
from edge_agent.contract.signatures import PrivateKey, sign
from edge_agent.errors import UplinkError
from edge_agent.model.commands import VERBS, Command
from edge_agent.model.encoding import canonical, plain

LOOK_EVERY_S = 0.05
LIVES_LEAST_S = 2.0


def make_command(
    gateway: KnownGateway,
    verb: str,
    door: str | None,
    args: dict[str, Any],
    issuer: str,
    key: PrivateKey,
    counter: int,
    ttl_s: float = COMMAND_TTL_S,
    now_ms: int | None = None,
    second: "Second | None" = None,
) -> Command:
    """A signed command that may be carried out within `ttl_s` (at most 30) and once. `now_ms`: the city's Unix ms;
    `second`: who agrees, where one signature is not enough. Raises UplinkError when no command can say this.
    """
    known = VERBS.get(verb)
    state = known is not None and known.state
    elapsed_ms = max(0, (time.time_ns() // 1_000_000 if now_ms is None else now_ms) - gateway.heard_ms)
    message: dict[str, Any] = {
        "id": secrets.token_hex(16),
        "gateway": gateway.source.removeprefix(source_of("")),
        "verb": verb,
        "args": args,
        "issuer": issuer,
        "boot_id": "" if state else gateway.boot_id,
        "not_after_up_ms": 0 if state else gateway.up_ms + elapsed_ms + int(min(ttl_s, COMMAND_TTL_S) * 1000),
        "counter": counter,
    }
    if door is not None:
        message["door"] = door
    if second is not None:
        message = cosigned(message, second.issuer, second.key)
    try:
        return msgspec.convert(sign(message, key), Command)
    except (TypeError, ValueError, OverflowError) as error:  # msgspec's: too long, or no JSON
        raise UplinkError("uplink.no_command", why=error) from error


def wire(command: Command) -> bytes:
    """The signed bytes. A command without a door has no `door` at all, as it was signed."""
    return canonical({name: value for name, value in plain(command).items() if value is not None})


class Second(msgspec.Struct, frozen=True):
    """Another person with a key of their own, for what takes two."""

    issuer: str
    key: PrivateKey


def life_s(wait_s: float) -> float:
    """How long a command lives whose answer is waited for: as long, but not too briefly to arrive; 0: nobody waits."""
    return max(LIVES_LEAST_S, wait_s) if wait_s > 0 else COMMAND_TTL_S


class CommandDesk:
    """One desk of the city: `issuer` stands in every command and in the gateway's journal."""

    def __init__(
        self, store: CityStore, address: BrokerAddress, key: PrivateKey, issuer: str, second: Second | None = None
    ) -> None:
        self._second = second
        self._store, self._address, self._key, self._issuer = store, address, key, issuer

    def make(
        self,
        gateway: str,
        verb: str,
        door: str | None,
        args: dict[str, Any] | None = None,
        ttl_s: float = COMMAND_TTL_S,
    ) -> Command:
        """Raises UplinkError when the city does not know the gateway's boot, or no command can say this."""
        known = self._store.gateway(source_of(gateway))
        if known is None:
            raise UplinkError("uplink.no_gateway", gateway=gateway)
        counter = self._store.next_counter()
        return make_command(known, verb, door, args or {}, self._issuer, self._key, counter, ttl_s, second=self._second)

    async def send(self, command: Command) -> None:
        """To the broker, never retained, forgotten by it after 30 s. Raises UplinkError when it does not take it."""
        connection = CityConnection(self._address, f"city-desk-{secrets.token_hex(4)}", lambda _: None)
        try:
            await connection.open()
            code = await connection.publish(topics.down(command.gateway, "cmd"), wire(command), COMMAND_TTL_S)
            if code >= REFUSED:
                raise UplinkError("uplink.refused", where=self._address.url, why=f"code {code:#x} to a command")
        finally:
            await connection.close()

    async def result(self, command: Command, wait_s: float) -> tuple[str, dict[str, Any]] | None:
        """(tag, event) the gateway reported about `command`; None when nothing came within `wait_s`."""
        return await self.named(command.gateway, command.id, wait_s)

    async def named(self, gateway: str, id: str, wait_s: float) -> tuple[str, dict[str, Any]] | None:
        """The same by its id: a list of people is reported as people-<version>."""
        deadline = time.monotonic() + wait_s
        while (found := self._store.result_of(source_of(gateway), id)) is None:
            if time.monotonic() > deadline:
                return None
            await asyncio.sleep(LOOK_EVERY_S)
        tag, body = found
        return tag, msgspec.json.decode(body)
