"""Whoever has the broker's password: commands, acknowledgements and lists by the thousand, none of them to be believed.

`python -m tests.uplink.hostile COUNT SEED` plays them against the gateway's real inbox and command flow and prints what
came of it. A replayed command was genuine once; nothing here is genuine now.
"""

import asyncio
import random
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator

import msgspec

from edge_agent.city.command import make_command, wire
from edge_agent.city.store import KnownGateway
from edge_agent.contract.commanders import Keyring
from edge_agent.contract.messages import AckMessage, ManifestMessage, seal
from edge_agent.contract.signatures import PrivateKey, new_key
from edge_agent.flows.alarm import Alarms
from edge_agent.flows.command import Commands
from edge_agent.flows.errands import Errands
from edge_agent.flows.premises import Premises
from edge_agent.flows.roll import Roll
from edge_agent.model.commands import VERBS, Delivery
from edge_agent.model.grants import Chunk, Delta
from edge_agent.model.site import Policy
from edge_agent.uplink.broker import Incoming
from edge_agent.uplink.inbox import COMMANDS_WAITING, Inbox
from tests.flows.test_command import MemoryRegister, MemorySetup, RemoteGate
from tests.flows.world import MemoryBooks, MemoryClock, MemoryJournal, MemoryUplink, no_beat

GATEWAY = "G1"
BOOT = "b" * 32
BATCH = COMMANDS_WAITING  # as many as the inbox holds: nothing is dropped unseen here
HUGE = b" " * 1_048_576


class Attacker:
    """Makes bytes; `key` is the city's, for what it said once and for whom it did not say it."""

    def __init__(self, seed: int, key: PrivateKey) -> None:
        self.chance, self.key, self.forger = random.Random(seed), key, new_key()
        self.once = [self._said(verb, counter) for counter in (1, 2, 3) for verb in VERBS]

    def _said(self, verb: str, counter: int, **other: object) -> bytes:
        """Signed by the city's own key, and dead: another boot, too late, another gateway, or done already."""
        fate = self.chance.choice(["boot", "late", "gateway", "soon"])
        known = KnownGateway(
            source=f"urn:sc:gw:{'G2' if fate == 'gateway' else GATEWAY}", epoch="ab" * 16,
            boot_id="a" * 32 if fate == "boot" else BOOT, up_ms=1 if fate == "late" else 10**9, heard_ms=0, bdseq=1,
            state="online",
        )  # fmt: skip
        state = VERBS[verb].state  # a state verb is bound to nothing: it is harmless by its version, or by its gateway
        if state:
            known = msgspec.structs.replace(known, source="urn:sc:gw:G2")
        return wire(
            make_command(known, verb, "gate" if verb == "open" else None, {}, "desk", self.key, counter, now_ms=1)
        )

    def commands(self) -> Iterator[tuple[bytes, bool]]:
        """(payload, retained) for ever."""
        makers = [
            self._noise, self._broken_text, self._deep, self._types, self._replayed, self._altered, self._forged,
            self._numbers, self._large, self._cosigned,
        ]  # fmt: skip
        while True:
            yield self.chance.choice(makers)(), self.chance.random() < 0.1

    def _noise(self) -> bytes:
        return self.chance.randbytes(self.chance.randrange(0, 400))

    def _broken_text(self) -> bytes:
        text = bytearray(self.chance.choice(self.once))
        for _ in range(self.chance.randrange(1, 6)):
            text[self.chance.randrange(len(text))] = self.chance.choice([0x80, 0xC0, 0xFF, 0xED, 0x00, 0x22, 0x5C])
        return bytes(text).replace(b"desk", self.chance.choice([b"desk", rb"\ud83d", rb"\u0000"]))

    def _deep(self) -> bytes:
        depth = self.chance.choice([10, 1000, 5000])
        opening = self.chance.choice([b"[", b'{"a":', b'{"kid":['])
        return (opening * depth)[:16_384]

    def _types(self) -> bytes:
        message = msgspec.json.decode(self.chance.choice(self.once))
        for name in self.chance.sample(sorted(message), 2):
            message[name] = self.chance.choice([None, True, 1.5, -1, [], {}, "x", [[]], {"kid": []}, "\U0001f600"])
        return msgspec.json.encode(message)

    def _replayed(self) -> bytes:
        return self.chance.choice(self.once)

    def _altered(self) -> bytes:
        message = msgspec.json.decode(self.chance.choice(self.once))
        message |= {"gateway": GATEWAY, "boot_id": BOOT, "counter": 10**9, "verb": "open", "door": "gate"}
        return msgspec.json.encode(message)

    def _forged(self) -> bytes:
        known = KnownGateway(source=f"urn:sc:gw:{GATEWAY}", epoch="ab" * 16, boot_id=BOOT, up_ms=100_000, heard_ms=0,
                             bdseq=1, state="online")  # fmt: skip
        command = make_command(
            known, "open", "gate", {}, "desk", self.forger, self.chance.randrange(1, 10**9), now_ms=1
        )
        return wire(msgspec.structs.replace(command, kid=self.chance.choice([command.kid, "0" * 16, ""])))

    def _numbers(self) -> bytes:
        number = self.chance.choice([b"1e400", b"-0", b"9" * 400, b"1" + b"0" * 30, b"18446744073709551616", b"NaN"])
        return self.chance.choice(self.once).replace(b'"counter":', b'"counter":' + number + b',"x":', 1)

    def _large(self) -> bytes:
        return (
            HUGE if self.chance.random() < 0.02 else b'{"id":"' + b"x" * self.chance.randrange(10_000, 40_000) + b'"}'
        )

    def _cosigned(self) -> bytes:
        message = msgspec.json.decode(self.chance.choice(self.once))
        message["cosign"] = self.chance.choice([[], "x", {}, {"kid": message["kid"], "issuer": 1, "sig": []}])
        return msgspec.json.encode(message)

    def acks(self) -> Iterator[bytes]:
        said = seal(AckMessage(epoch="cd" * 16, upto=2**62, now="2026-01-01T00:00:00.000Z"), self.key)
        while True:
            text = bytearray(said)
            text[self.chance.randrange(len(text))] ^= 1 << self.chance.randrange(8)
            yield self.chance.choice([bytes(text), said, self._noise(), self._deep(), self._types(), self._numbers()])

    def lists(self) -> Iterator[bytes]:
        delta = Delta(0, (Chunk("0" * 64, 5),))
        for_other = seal(ManifestMessage(gateway="G2", version=9, deltas=(delta,), issuer="x"), self.key)
        forged = seal(ManifestMessage(gateway=GATEWAY, version=9, deltas=(delta,), issuer="x"), self.forger)
        while True:
            yield self.chance.choice([for_other, forged, self._noise(), self._deep(), self._types(), self._numbers()])


class Report(msgspec.Struct):
    commands: int = 0
    others: int = 0
    openings: int = 0
    refused: int = 0
    events: int = 0
    reasons: Counter[str] = msgspec.field(default_factory=Counter)
    good_acks: int = 0
    rss_kb: int = 0
    grown_kb: int = 0
    seconds: float = 0.0


class CountingJournal(MemoryJournal):
    """Keeps the last rows only, so that memory that grows is the gateway's."""

    count = 0

    def _commit(self, event):  # type: ignore[no-untyped-def]
        self.count += 1
        row = super()._commit(event)
        self.trace.clear()
        del self.all[:-50], self.changes[:-50]
        return row


class HostileUplink(MemoryUplink):
    def __init__(self, inbox: Inbox) -> None:
        super().__init__()
        self.inbox = inbox

    async def command(self) -> Delivery:
        return await self.inbox.next_command()

    async def listed(self):  # type: ignore[no-untyped-def]
        return await self.inbox.next_list()

    def accept(self, token: int) -> None:
        self.inbox.accepted(token)


async def play(count: int, seed: int) -> Report:
    """`count` hostile commands, and as many other messages in between."""
    city_command, city_ack = new_key(), new_key()
    attacker = Attacker(seed, city_command)
    inbox = Inbox(city_ack.public_key(), Keyring.of(city_command.public_key()))
    uplink, clock, opened = HostileUplink(inbox), MemoryClock(), list[str]()
    journal = CountingJournal()
    premises = Premises(journal, MemoryBooks(), clock, Alarms(journal, clock), Policy())
    trace: list[str] = []
    register = MemoryRegister(trace)
    doors = {"gate": RemoteGate(opened), "garage": RemoteGate(opened)}
    flow = Commands(GATEWAY, uplink, premises, doors, Errands(register, MemorySetup(trace), uplink, dict))
    roll = Roll(uplink, register, journal, flow.refusals)
    report, began = Report(), time.monotonic()
    commands, acks, lists = attacker.commands(), attacker.acks(), attacker.lists()
    jobs = [asyncio.create_task(flow.run(no_beat)), asyncio.create_task(roll.run(no_beat))]
    try:
        while report.commands < count:
            for _ in range(min(BATCH, count - report.commands)):
                payload, retained = next(commands)
                inbox.take_command(Incoming(1, "cmd", payload, retained))
                report.commands += 1
                inbox.take_ack(next(acks))
                if report.commands % 8 == 0:
                    inbox.take_list(next(lists), GATEWAY)
                report.others += 1
            while inbox._commands:  # noqa: ASYNC110 - until the flow has looked at all of them
                await asyncio.sleep(0)
            clock.up_ms += 1000
            if report.commands == min(count, max(BATCH, count // 10) // BATCH * BATCH):
                report.rss_kb = _rss_kb()
            for job in jobs:
                if job.done():
                    job.result()
        await asyncio.sleep(0)
    finally:
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)
    report.grown_kb = _rss_kb() - report.rss_kb
    report.openings, report.events = len(opened) + len(premises.standing.orders) + len(trace), journal.count
    report.refused, report.good_acks = flow.refusals.total, inbox.acks.qsize()
    report.seconds = time.monotonic() - began
    return report


def _rss_kb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    done = asyncio.run(play(int(sys.argv[1]), int(sys.argv[2])))
    print(
        f"{done.commands} commands and {done.others} acknowledgements, seed {sys.argv[2]}, {done.seconds:.0f} s: "
        f"{done.openings} openings, {done.refused} refused, {done.events} events, "
        f"memory {done.rss_kb} kB and {done.grown_kb} kB more at the end"
    )
    sys.exit(1 if done.openings or done.good_acks or done.refused < done.commands else 0)
