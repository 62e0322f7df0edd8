"""Lists of people from the city over real brokers, and the inbox under pressure."""

import asyncio
import hashlib
from pathlib import Path

import msgspec
import pytest

from edge_agent.city import roll
from edge_agent.city.broker import BrokerAddress
from edge_agent.city.command import Second, make_command, wire
from edge_agent.city.store import KnownGateway
from edge_agent.contract import topics
from edge_agent.contract.commanders import Commander, Keyring, load_keyring
from edge_agent.contract.messages import MessageError
from edge_agent.contract.signatures import KeyFileError, PrivateKey, new_key, save_public, sign
from edge_agent.flows.errands import fetched
from edge_agent.flows.refusals import Refusals
from edge_agent.flows.roll import Roll
from edge_agent.model.commands import ROLES, Command, Signer
from edge_agent.model.encoding import canonical
from edge_agent.model.events import CommandCompleted, CommandRefused
from edge_agent.model.grants import CHUNK_MAX_BYTES, Chunk, CredentialGrant, CredentialName, PersonGrant
from edge_agent.uplink.broker import Incoming
from edge_agent.uplink.city import MqttUplink
from edge_agent.uplink.inbox import COMMANDS_WAITING, Inbox
from tests.flows.world import MemoryClock, MemoryJournal
from tests.uplink.rig import BOOT, GATEWAY, beat, both_brokers, broker, bystander, city_in, running, uplink_for
from tests.waiting import auntil


def people(count: int, first: int = 0) -> list[PersonGrant]:
    return [
        PersonGrant(f"p-{n}", "resident", "1-1-1", credentials=(CredentialGrant("card", 26, f"{n:x}"),))
        for n in range(first, first + count)
    ]


class Taken:
    """A register that remembers what it was given."""

    def __init__(self) -> None:
        self.version, self.given = 0, list[tuple[int, bool, int]]()

    async def list_version(self) -> int:
        return self.version

    async def take_list(self, version: int, whole: bool, pieces: list[bytes]) -> tuple[int, int, int]:
        self.version = version
        self.given.append((version, whole, sum(map(len, pieces))))
        return 1, 0, 0


@both_brokers
def test_a_list_is_announced_fetched_by_hash_and_in_force(tmp_path: Path, kind: str) -> None:
    """Whole first, then what changed; an older announcement, a forged one and an altered piece come to nothing."""

    async def scene() -> None:
        uplink, _ = uplink_for(city, there.url, there.mqtt)
        register, journal = Taken(), MemoryJournal()
        flow = Roll(uplink, register, journal, Refusals(journal, MemoryClock()))  # type: ignore[arg-type]
        address = BrokerAddress(there.url, there.mqtt)

        def reasons() -> list[str]:
            return [row.event.reason for row in journal.all if isinstance(row.event, CommandRefused)]

        async def announce(
            version: int, deltas: dict[int, roll.Content], key: PrivateKey, issuer: str = "registry"
        ) -> None:
            await roll.publish(address, GATEWAY, deltas, roll.announcement(GATEWAY, version, deltas, issuer, key))

        whole = {0: roll.cut(people(4000))}
        assert len(whole[0].pieces) > 1
        await announce(100, whole, city.command)
        async with running(uplink.run(beat), flow.run(beat)):
            await auntil(lambda: register.version == 100)
            assert register.given[0][:2] == (100, True)
            done = journal.all[0].event
            assert isinstance(done, CommandCompleted)
            assert (done.command, done.issuer) == ("people-100", "registry")
            await roll.withdraw(address, GATEWAY, whole)
            await gone(uplink, whole[0].chunks[0])
            change = {100: roll.cut(people(2), ["p-9"], [CredentialName("card", 26, "7")]), 0: whole[0]}
            await announce(101, change, city.command)
            await auntil(lambda: register.version == 101)
            assert register.given[1][1] is False
            await announce(100, whole, city.command)
            await auntil(lambda: reasons() == ["list_rolled_back"])
            await announce(102, whole, new_key())
            await auntil(lambda: "list_bad_signature" in reasons())
            with bystander(there.url) as client:
                piece = whole[0].chunks[0]
                topic = topics.content(GATEWAY, piece.sha256)
                client.publish(topic, b"x" * piece.size, 1, retain=True).wait_for_publish(5)
                await gone(uplink, piece)
            await announce(103, {55: roll.cut(people(1))}, city.command)
            await auntil(lambda: "base_missing" in reasons())
            await announce(104, whole, city.command, "local/li")
            await auntil(lambda: "list_bad_issuer" in reasons())
            assert register.version == 101

    with broker(tmp_path, kind) as there, city_in(tmp_path) as city:
        asyncio.run(scene())


async def gone(uplink: MqttUplink, chunk: Chunk) -> None:
    """Soon nothing is taken for this piece any more: the embedded broker confirms before it keeps or forgets."""
    async with asyncio.timeout(30):
        while await fetched(uplink, chunk.sha256, chunk.size) is not None:
            pass


def test_every_piece_fits_into_a_packet_and_its_hash_is_its_name() -> None:
    content = roll.cut(people(5000), [f"x-{n}" for n in range(100)], [CredentialName("plate", value="粤A12345")])
    assert all(len(piece) <= CHUNK_MAX_BYTES for piece in content.pieces)
    assert [chunk.sha256 for chunk in content.chunks] == [hashlib.sha256(p).hexdigest() for p in content.pieces]


# ---- signatures ------------------------------------------------------------------------------------------------------

KNOWN = KnownGateway(
    source=f"urn:sc:gw:{GATEWAY}", epoch="ab" * 16, boot_id=BOOT, up_ms=1, heard_ms=0, bdseq=1, state="online"
)


def order(key: PrivateKey, verb: str = "open", second: Second | None = None, counter: int = 1) -> Command:
    return make_command(KNOWN, verb, None, {}, "desk", key, counter, now_ms=1, second=second)


def ring(**keys: PrivateKey) -> Keyring:
    return Keyring(Commander(Signer(name, frozenset(ROLES)), key.public_key()) for name, key in keys.items())


def test_the_second_signature_is_somebody_elses_over_the_same_command() -> None:
    first, second = new_key(), new_key()
    both = wire(order(first, "evacuate", Second("chief", second)))
    command, signers = ring(desk=first, chief=second).unseal(both)
    assert [signer.name for signer in signers] == ["desk", "chief"]
    assert command.cosign is not None
    with pytest.raises(MessageError, match="bad_signature"):
        ring(desk=first).unseal(both)
    with pytest.raises(MessageError, match="bad_signature"):
        ring(chief=second).unseal(both)
    other = wire(order(first, "lockdown", Second("chief", second)))

    moved = {**msgspec.json.decode(other), "cosign": msgspec.json.decode(both)["cosign"]}
    with pytest.raises(MessageError, match="second signature"):
        ring(desk=first, chief=second).unseal(canonical(sign(moved, first)))


def test_a_list_of_keys_with_roles(tmp_path: Path) -> None:
    key = new_key()
    save_public(tmp_path / "desk.pub", key.public_key())
    path = tmp_path / "commanders.toml"
    path.write_text('[[key]]\nname = "desk"\nfile = "desk.pub"\nroles = ["guard"]\n')
    _, signers = load_keyring(path).unseal(wire(order(key)))
    assert signers == (Signer("desk", frozenset({"guard"})),)
    assert load_keyring(tmp_path / "desk.pub").unseal(wire(order(key)))[1][0].roles == frozenset(ROLES)
    for text in ("", "[[key]]\n", '[[key]]\nname="x"\npublic="AA"\nroles=[]\n', path.read_text() * 2,
                 '[[key]]\nname="x"\nfile="desk.pub"\nroles=["king"]\n'):  # fmt: skip
        path.write_text(text)
        with pytest.raises(KeyFileError):
            load_keyring(path)


# ---- the inbox -------------------------------------------------------------------------------------------------------


def test_forged_commands_never_keep_out_genuine_ones_and_revocations_come_first() -> None:
    async def scene() -> None:
        key = new_key()
        inbox = Inbox(new_key().public_key(), Keyring.of(key.public_key()))
        for n in range(COMMANDS_WAITING):
            assert inbox.take_command(Incoming(n + 1, "cmd", b"{}", False)) is None
        assert inbox.take_command(Incoming(100, "cmd", b"{}", False)) == 100
        for n, verb in enumerate(["open", "grant", "revoke", "open"]):
            out = inbox.take_command(Incoming(200 + n, "cmd", wire(order(key, verb, counter=n + 1)), False))
            assert out == COMMANDS_WAITING - n  # the last forged one made room, and is acknowledged
        verbs = [delivery.command.verb for _ in range(4) if (delivery := await inbox.next_command()).command]
        assert verbs == ["revoke", "open", "grant", "open"]
        assert (await inbox.next_command()).problem == "bad_signature"

    asyncio.run(scene())
