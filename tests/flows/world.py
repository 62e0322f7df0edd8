"""The flows' world in memory: each port in a few lines, so that a test can say what went wrong in it."""

import asyncio
from types import MappingProxyType
from typing import Any

import msgspec

from edge_agent.errors import DeviceUnavailable, JournalUnavailable
from edge_agent.model import standing
from edge_agent.model.ack import Ack
from edge_agent.model.clock import ClockState, Moment
from edge_agent.model.commands import Delivery, Listed
from edge_agent.model.events import Event, Row, encode_event
from edge_agent.model.people import Book, Credential, Person, Rule
from edge_agent.model.reads import Card, Direction, Pass, Pin, Presented, Read, Token, Unreadable
from edge_agent.model.room import Room
from edge_agent.model.site import Door, GateBinding
from edge_agent.ports import Anchor, Birth, Change, DoorState, Health, IntentDone, IntentOpened, Sent

CARD = Card(26, 0x12D687)
BOOK = Book(
    version="7",
    persons=MappingProxyType({"p-1": Person("p-1", "resident", "3-1-502")}),
    credentials=MappingProxyType({CARD: Credential(CARD, "p-1")}),
    rules=(Rule("residents-always", ("*",), categories=("resident",)),),
)
DOOR = Door(name="gate", gate=GateBinding(link="l", profile="gates/sim", contact=0), release_s=0.5, open_s=1.0)


def a_read(card: Card = CARD, read_id: str = "r-1", terminal: str = "north-in", stale: bool = False) -> Read:
    return Read(read_id, terminal, "gate", Direction.IN, 100_000, card, stale)


class MemoryClock:
    def __init__(self) -> None:
        self.up_ms = 100_000
        self.past: list[int] = []
        self.jump_ms = 0  # what somebody has set the wall clock off by
        self.state = ClockState.SYNCED
        self.boot_id = "b" * 32

    def now(self) -> Moment:
        return Moment(1_777_867_200_000 + self.up_ms + self.jump_ms, self.up_ms, self.boot_id, self.state, 20)

    def at_least(self, wall_ms: int, boot_id: str = "", up_ms: int = 0) -> None:
        self.past.append(wall_ms)


class MemoryBooks:
    def __init__(self, book: Book = BOOK) -> None:
        self.current = book


class MemoryRecording:
    def __init__(self, future: "asyncio.Future[Row]") -> None:
        self._future = future

    async def committed(self, within_s: float | None = None) -> Row | None:
        try:
            return await asyncio.wait_for(asyncio.shield(self._future), within_s)
        except TimeoutError:
            return None


class MemoryJournal:
    """Commits at once, unless `slow` (waits for `release`) or `full`."""

    epoch = "e" * 32
    fill = 0.0
    first = 1
    room = Room(1 << 30, 1 << 23, 1 << 23)
    clock: "MemoryClock | None" = None  # of the rows' times, where they matter

    def __init__(self, trace: list[str] | None = None) -> None:
        self.all: list[Row] = []
        self.changes: list[Change] = []
        self.dead: list[tuple[int, str]] = []
        self.acked = 0
        self.full = self.slow = False
        self.waiting: list[tuple[Event, asyncio.Future[Row]]] = []
        self.trace = trace if trace is not None else []
        self._news = asyncio.Condition()

    @property
    def accepting(self) -> bool:
        return not self.full

    @property
    def last(self) -> int:
        return len(self.all)

    def tags(self) -> list[str]:
        return [row.tag for row in self.all]

    def record(self, event: Event, *changes: Change, read_id: str | None = None) -> MemoryRecording:
        future: asyncio.Future[Row] = asyncio.get_running_loop().create_future()
        if self.full:
            future.set_exception(JournalUnavailable("store.disk_full", file="journal.db"))
            future.exception()
        elif self.slow:
            self.waiting.append((event, future))
        else:
            self.changes += changes
            future.set_result(self._commit(event))
        return MemoryRecording(future)

    def release(self) -> None:
        self.slow = False
        for event, future in self.waiting:
            future.set_result(self._commit(event))
        self.waiting.clear()

    def _commit(self, event: Event) -> Row:
        self.trace.append(f"commit {event.tag}")
        wall_ms = 1 if self.clock is None else self.clock.now().wall_ms
        row = Row(
            self.last + 1, self.epoch, event.tag, encode_event(event), wall_ms, "synced", 1, "b" * 32, 100_000, b"", b""
        )
        self.all.append(row)
        asyncio.get_running_loop().create_task(self._announce())
        return row

    async def _announce(self) -> None:
        async with self._news:
            self._news.notify_all()

    def keep(self, *changes: Change) -> MemoryRecording:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self.full:
            future.set_exception(JournalUnavailable("store.disk_full", file="journal.db"))
            future.exception()
        else:
            self.trace += [f"apply {type(change).__name__}" for change in changes]
            self.changes += changes
            future.set_result(None)
        return MemoryRecording(future)

    async def apply(self, *changes: Change) -> None:
        await self.keep(*changes).committed()

    async def rows(self, after: int, limit: int, urgent: bool | None = None) -> list[Row]:
        wanted = [row for row in self.all[after:] if urgent is None or type(row.event).urgent is urgent]  # type: ignore[union-attr]
        return wanted[:limit]

    def confirm(self, upto: int) -> None:
        self.acked = max(self.acked, upto)

    async def dead_letter(self, seq: int, reason: str) -> None:
        self.dead.append((seq, reason))

    async def changed(self, seq: int) -> None:
        async with self._news:
            await self._news.wait_for(lambda: self.last > seq)

    async def open_intents(self) -> list[IntentOpened]:
        done = {change.command for change in self.changes if isinstance(change, IntentDone)}
        return [change for change in self.changes if isinstance(change, IntentOpened) and change.command not in done]

    async def standing(self) -> list[standing.Change]:
        """As a file would give it back: the last change of each thing."""
        kept = [c for c in self.changes if not isinstance(c, DoorState | IntentOpened | IntentDone | Anchor)]
        return [msgspec.msgpack.decode(msgspec.msgpack.encode(c), type=standing.Change) for c in kept]

    async def command_counter(self) -> int:
        return max((change.counter for change in self.changes if isinstance(change, IntentOpened)), default=0)


class MemoryGate:
    def __init__(self, trace: list[str] | None = None) -> None:
        self.pulses: list[float] = []
        self.secured = 0
        self.away = False
        self.reads_back = asyncio.Event()  # a release returns once the board has said it
        self.reads_back.set()
        self.trace = trace if trace is not None else []

    async def release(self, seconds: float) -> None:
        if self.away:
            raise DeviceUnavailable("devices.gate_away", door="gate")
        self.trace.append("release")
        self.pulses.append(seconds)
        await self.reads_back.wait()

    async def secure(self) -> None:
        if self.away:
            raise DeviceUnavailable("devices.gate_away", door="gate")
        self.trace.append("secure")
        self.secured += 1


class MemoryTerminals:
    def __init__(self) -> None:
        self.shown: list[tuple[str, str]] = []
        self.reasons: list[str] = []

    def show(self, terminal: str, outcome: str, reason: str = "") -> None:
        self.shown.append((terminal, outcome))
        self.reasons.append(reason)


class MemorySecrets:
    """PINs in clear, for the tests alone."""

    def __init__(self, pins: dict[str, str] | None = None, codes: dict[bytes, Presented] | None = None) -> None:
        self.pins, self.codes = pins or {}, codes or {}

    async def pin(self, digits: str, claimed: str | None) -> Pin:
        await asyncio.sleep(0)
        for person, pin in self.pins.items():
            duress = pin[:-1] + str((int(pin[-1]) + 1) % 10)
            if digits in {pin, duress} and claimed in {None, person}:
                return Pin(person, digits == duress, claimed)
        return Pin(None, claimed=claimed)

    def short_code(self, digits: str) -> Pass | None:
        return None

    def phone(self, digits: str) -> Token | None:
        return Token("phone", digits) if len(digits) == 11 else None

    def code(self, text: bytes) -> Presented:
        return self.codes.get(text, Unreadable("no code"))


class MemoryUplink:
    """A broker and a city in one: takes what `refuse` does not forbid, and acknowledges what it stored."""

    window = 8
    city_away = False

    def __init__(self) -> None:
        self.session = 0
        self.health: list[Health] = []
        self.vouched: list[tuple[str, int, bytes]] = []
        self.births: list[Birth] = []
        self.answered = False
        self.watermark: int | None = None  # what the city answers a birth with; None = it is away
        self.stored: list[int] = []
        self.sent: list[tuple[int, bool]] = []
        self.accepted: list[int] = []
        self.refuse: dict[int, Sent] = {}
        self.acks: asyncio.Queue[Ack] = asyncio.Queue()
        self.commands: asyncio.Queue[Delivery] = asyncio.Queue()
        self.lists: asyncio.Queue[Listed] = asyncio.Queue()
        self.contents: dict[str, bytes] = {}
        self._up = asyncio.Event()

    def up(self) -> None:
        self.session += 1
        self._up.set()

    def down(self) -> None:
        self._up.clear()
        self.session += 1

    async def connected(self) -> int:
        await self._up.wait()
        return self.session

    async def birth(self, birth: Birth) -> None:
        self.births.append(birth)
        if self.watermark is not None:
            self.acks.put_nowait(Ack(birth.epoch, self.watermark))

    async def publish(self, row: Row, historic: bool) -> Sent:
        await asyncio.sleep(0)
        if row.seq in self.refuse:
            return self.refuse[row.seq]
        if not self._up.is_set():
            return Sent(False, why="not connected")
        self.sent.append((row.seq, historic))
        if row.seq not in self.stored:
            self.stored.append(row.seq)
        return Sent(True)

    def stream(self, tag: str) -> str:
        return "rsp" if tag.startswith("command.") else "evt"

    def vouch(self, epoch: str, seq: int, hash_: bytes) -> None:
        self.vouched.append((epoch, seq, hash_))

    def tell(self, health: Health) -> None:
        self.health.append(health)

    async def ack(self) -> Ack:
        return await self.acks.get()

    async def command(self) -> Delivery:
        return await self.commands.get()

    async def listed(self) -> Listed:
        return await self.lists.get()

    async def content(self, sha256: str, size: int) -> bytes | None:
        return self.contents.get(sha256)

    def accept(self, token: int) -> None:
        self.accepted.append(token)


def no_beat() -> None:
    pass
