"""Publishes who may pass at a gateway: the content in pieces by hash, then the signed announcement, all retained.

The gateway fetches what it needs and reports `command.completed` of `people-<version>`; then `withdraw` takes the
pieces off the broker again. The version is one of the city's counter, so that single grants sort with it.
"""

import hashlib
import secrets
from collections.abc import Iterable, Mapping

import msgspec

from edge_agent.city.broker import REFUSED, BrokerAddress, CityConnection
from edge_agent.contract import topics
from edge_agent.contract.messages import ManifestMessage, seal
from edge_agent.contract.signatures import PrivateKey
from edge_agent.errors import UplinkError
from edge_agent.model.encoding import canonical
from edge_agent.model.grants import CHUNK_MAX_BYTES, Chunk, CredentialName, Delta, PeopleChunk, PersonGrant

ENVELOPE_BYTES = 64  # of a chunk without anything in it, generously


class Content(msgspec.Struct, frozen=True):
    """Pieces by their hash, in order."""

    pieces: tuple[bytes, ...]

    @property
    def chunks(self) -> tuple[Chunk, ...]:
        return tuple(Chunk(hashlib.sha256(piece).hexdigest(), len(piece)) for piece in self.pieces)


def cut(people: Iterable[PersonGrant], removed: Iterable[str] = (), revoked: Iterable[CredentialName] = ()) -> Content:
    """People, whom to remove and what to revoke, in pieces that fit into one packet each."""
    pieces: list[bytes] = []
    parts: tuple[tuple[str, Iterable[object]], ...] = (("removed", removed), ("revoked", revoked), ("people", people))
    for name, items in parts:
        waiting: list[object] = []
        size = ENVELOPE_BYTES
        for item in items:
            length = len(canonical(item)) + 1
            if size + length > CHUNK_MAX_BYTES:
                pieces.append(canonical({name: waiting}))
                waiting, size = [], ENVELOPE_BYTES
            waiting.append(item)
            size += length
        if waiting:
            pieces.append(canonical({name: waiting}))
    return Content(tuple(pieces) or (canonical(PeopleChunk()),))


def announcement(gateway: str, version: int, deltas: Mapping[int, Content], issuer: str, key: PrivateKey) -> bytes:
    """`deltas`: what leads to `version` from each list the gateway may have; from 0 the whole list."""
    ways = tuple(Delta(base, content.chunks) for base, content in deltas.items())
    return seal(ManifestMessage(gateway=gateway, version=version, deltas=ways, issuer=issuer), key)


async def publish(address: BrokerAddress, gateway: str, deltas: Mapping[int, Content], message: bytes) -> None:
    """Pieces first, then the announcement. Raises UplinkError when the broker does not take one."""
    wanted = {
        topics.content(gateway, chunk.sha256): piece
        for content in deltas.values()
        for chunk, piece in zip(content.chunks, content.pieces, strict=True)
    }
    await retain(address, {**wanted, topics.down(gateway, "cfg"): message})


async def withdraw(address: BrokerAddress, gateway: str, deltas: Mapping[int, Content]) -> None:
    """The pieces are where they belong: the broker forgets them. The announcement stays."""
    await retain(
        address,
        {topics.content(gateway, chunk.sha256): b"" for content in deltas.values() for chunk in content.chunks},
    )


async def retain(address: BrokerAddress, messages: Mapping[str, bytes]) -> None:
    """Publish each retained and wait for the broker's word; empty ones are forgotten. Raises UplinkError."""
    connection = CityConnection(address, f"city-roll-{secrets.token_hex(4)}", lambda _: None)
    try:
        await connection.open()
        for topic, payload in messages.items():
            code = await connection.retain(topic, payload)
            if code >= REFUSED:
                raise UplinkError("uplink.refused", where=address.url, why=f"code {code:#x} to {topic}")
    finally:
        await connection.close()
