"""What the flows need from the world. Drivers, store and uplink fulfil these; tests may too, in a few lines each."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

import msgspec

from edge_agent.model import standing
from edge_agent.model.ack import Ack
from edge_agent.model.clock import Moment
from edge_agent.model.commands import Delivery, Listed
from edge_agent.model.detections import Detection
from edge_agent.model.events import Event, Row
from edge_agent.model.grants import PersonGrant, Subject
from edge_agent.model.people import Book
from edge_agent.model.reads import Face, Pass, Pin, Presented, Token
from edge_agent.model.room import Room
from edge_agent.model.rounds import Duty, Hazard, HazardStep, Passed
from edge_agent.model.visit_orders import Find
from edge_agent.model.visits import Bar, Followed, Host, Step, Visit


class Clock(Protocol):
    def now(self) -> Moment: ...

    def at_least(self, wall_ms: int, boot_id: str = "", up_ms: int = 0) -> None:
        """Somebody who is believed says that it was `wall_ms` at `up_ms` of that boot: it is never earlier again."""
        ...


class Books(Protocol):
    @property
    def current(self) -> Book:
        """The snapshot in force; replaced as a whole when people change."""
        ...


class Gate(Protocol):
    """Moves one door. The relay closes by itself: `release` hands the time to the lowest level that can keep it."""

    async def release(self, seconds: float) -> None:
        """Unlock for `seconds`; returns when the command is on the wire. Raises DeviceUnavailable."""
        ...

    async def secure(self) -> None:
        """End a release now: lock. Raises DeviceUnavailable."""
        ...


class Terminals(Protocol):
    def show(self, terminal: str, outcome: str, reason: str = "") -> None:
        """Tell the person: `granted`, `denied` (and why), `fault`, `pin_wanted`, `waiting` (for company or another
        factor), `close_door`, how to stand before the camera (`face_nearer`, …), or what a sensor here has reached:
        `warning`, `alarm`. Never waits, never raises.
        """
        ...


class Erasures(Protocol):
    """Faces that terminals which match by themselves have still to delete."""

    def next(self, terminal: str) -> tuple[int, str] | None:
        """Number of the order and person; None when this terminal has nothing left to delete."""
        ...

    def confirmed(self, terminal: str, order: int) -> None:
        """The terminal says it has carried out that order. Never waits, never raises."""
        ...


class Secrets(Protocol):
    """What only a comparison tells: whose typed digits are, whether a QR code is a pass of this gateway."""

    async def pin(self, digits: str, claimed: str | None) -> Pin:
        """Whose PIN or duress PIN it is; with `claimed` given, only whether it is theirs. Takes as long either way."""
        ...

    def phone(self, digits: str) -> Token | None:
        """Typed digits as the phone number they may be, whoever's; None when they are none."""
        ...

    def short_code(self, digits: str) -> Pass | None:
        """The pass that typed digits stand for, when they are a visitor's short code."""
        ...

    def code(self, text: bytes) -> Presented:
        """A QR code as a Pass (its signature checked), a Token, or Unreadable."""
        ...


class DoorState(msgspec.Struct, frozen=True):
    """Change to `door_state`: written in the transaction of the event that caused it."""

    door: str
    state: str


class IntentOpened(msgspec.Struct, frozen=True):
    """A command is about to act: its counter is persisted with the intent, before the gate moves."""

    command: str
    verb: str
    door: str | None
    issuer: str
    counter: int


class IntentDone(msgspec.Struct, frozen=True):
    command: str
    result: str


class Anchor(msgspec.Struct, frozen=True):
    """At uptime `up_ms` of boot `boot_id` it was `wall_ms`, within `err_ms`: what dates the rest of that boot."""

    boot_id: str
    wall_ms: int
    up_ms: int
    err_ms: int


Change = DoorState | IntentOpened | IntentDone | Anchor | standing.Change


class Recording(Protocol):
    """A row on its way to the disk. Awaiting it gives the committed Row or raises JournalUnavailable."""

    async def committed(self, within_s: float | None = None) -> Row | None:
        """The row, or None when `within_s` passed first (the commit goes on)."""
        ...


class Journal(Protocol):
    @property
    def accepting(self) -> bool:
        """False while nothing can be recorded (disk full, read-only, failing)."""
        ...

    def record(self, event: Event, *changes: Change, read_id: str | None = None) -> Recording:
        """Append `event` and apply `changes` in one transaction; the only way anything becomes known."""
        ...

    def keep(self, *changes: Change) -> Recording:
        """Commit `changes` without an event, in order with what is recorded before and after. Returns at once."""
        ...

    async def apply(self, *changes: Change) -> None:
        """Commit `changes` without an event of their own (an intent before it acts)."""
        ...

    async def rows(self, after: int, limit: int, urgent: bool | None = None) -> list[Row]:
        """Up to `limit` rows with seq > `after` in order; only that lane when `urgent` is given."""
        ...

    def confirm(self, upto: int) -> None:
        """The city holds everything up to `upto`: the outbox cursor moves there. Never backwards."""
        ...

    async def dead_letter(self, seq: int, reason: str) -> None: ...

    async def changed(self, seq: int) -> None:
        """Returns once a row beyond `seq` is committed."""
        ...

    async def open_intents(self) -> list[IntentOpened]:
        """Intents without a result: the agent stopped in between."""
        ...

    async def standing(self) -> list[standing.Change]:
        """What is remembered from one passage to the next, each as the change that makes it so."""
        ...

    async def command_counter(self) -> int:
        """The highest command counter ever acted on."""
        ...

    @property
    def epoch(self) -> str: ...

    @property
    def last(self) -> int: ...

    @property
    def fill(self) -> float:
        """What the city has not confirmed, as a share of what should be kept at most (300,000 events)."""
        ...

    @property
    def acked(self) -> int: ...

    @property
    def first(self) -> int:
        """The oldest event that is kept; earlier ones were stored by the city and made room."""
        ...

    @property
    def room(self) -> Room:
        """Space on the disk, as last looked at; `room.sheds` says what is given up."""
        ...


class Sent(msgspec.Struct, frozen=True):
    """What the broker said of one publish: `accepted`, or the reason it did not (MQTT 5 reason code or transport)."""

    accepted: bool
    code: int = 0
    why: str = ""


class Health(msgspec.Struct, frozen=True):
    """How the gateway is. Bytes, seconds; `temperature_c` None where no sensor is; `lost`: devices that are away."""

    up_s: int
    clock: str
    accepting: bool
    last: int
    waiting: int
    fill: float
    disk_free: int
    reserve: int
    rss: int
    load: float
    temperature_c: float | None
    devices: int
    lost: tuple[str, ...]


class Birth(msgspec.Struct, frozen=True):
    """What the flow knows of a birth certificate; the uplink adds boot, uptime, key id and signature."""

    epoch: str
    first: int
    last: int
    acked: int
    credentials: str
    doors: tuple[str, ...]


class Uplink(Protocol):
    """The way to the city. A connection is a session: `session` counts up at every (re)connect, 0 = not connected."""

    @property
    def session(self) -> int: ...

    @property
    def window(self) -> int:
        """How many publishes may wait for the broker at once (its Receive Maximum, at most 32)."""
        ...

    @property
    def city_away(self) -> bool:
        """The city itself says that it is offline."""
        ...

    @property
    def answered(self) -> bool:
        """Somebody on the other side has taken what was sent in this session; without a city's word, the broker."""
        ...

    def stream(self, tag: str) -> str:
        """Which topic events with this tag go to; what the broker refuses, it refuses by topic."""
        ...

    async def connected(self) -> int:
        """Waits for a connection; returns its session."""
        ...

    async def birth(self, birth: Birth) -> None: ...

    def publish(self, row: Row, historic: bool) -> Awaitable[Sent]:
        """Hand over at once, in the order of the calls; what comes back is what the broker said."""
        ...

    def vouch(self, epoch: str, seq: int, hash_: bytes) -> None:
        """Give the city our signed word that row `seq` has this hash; dropped when there is no connection."""
        ...

    def tell(self, health: Health) -> None:
        """Telemetry: sent once when there is a connection with room, otherwise dropped."""
        ...

    async def ack(self) -> Ack:
        """The next valid acknowledgement."""
        ...

    async def command(self) -> Delivery:
        """The next command off the wire, good or bad."""
        ...

    async def listed(self) -> Listed:
        """The next list of people the city announces, good or bad."""
        ...

    async def content(self, sha256: str, size: int) -> bytes | None:
        """What has this hash, out of the city's hands; None when it does not come. Raises UplinkError."""
        ...

    def accept(self, token: int) -> None:
        """The intent is committed: acknowledge the delivery to the broker."""
        ...


class Register(Protocol):
    """The city's word about people. Each answers with the reason why nothing was changed, empty when it was; raises
    StoreError.
    """

    async def grant(self, person: PersonGrant, version: int) -> str: ...

    async def bar(self, subject: Subject, version: int) -> str: ...

    async def blacklist(
        self, subject: Subject, version: int, reason: str, until_ms: int | None, listed: bool
    ) -> str: ...

    async def list_version(self) -> int:
        """Of the last list that is in force completely; 0 for none."""
        ...

    async def take_list(self, version: int, whole: bool, pieces: list[bytes]) -> tuple[int, int, int]:
        """Put a list in force: (admitted, ended, left out). `whole`: whom it does not name is ended. ValueError for
        pieces that are none, before anything of them is in force.
        """
        ...


class VisitBook(Protocol):
    """Visits on the disk. A step is done to what is stored, in one transaction with its event, and answered once it is
    in force. Raises VisitError where a step is not possible, StoreError when it cannot be stored.
    """

    async def add(self, steps: Iterable[Step]) -> list[Visit]: ...

    async def change(
        self, ids: Iterable[str], step: Callable[[Visit], Step], at: Followed | None = None
    ) -> list[Visit]:
        """All of them or none; `at`: how far the journal was followed by that."""
        ...

    async def get(self, visit: str) -> Visit: ...

    async def of_code(self, digits: str) -> str | None: ...

    async def of_group(self, group: str, inside: bool | None = None) -> list[str]: ...

    async def open(self) -> list[Visit]: ...

    async def find(self, wanted: Find) -> list[Visit]: ...

    async def bars(self) -> list[Bar]: ...

    async def put_bar(self, bar: Bar) -> None: ...

    async def take_bar(self, bar: str, by: str) -> None: ...

    async def barred_plate(self, plate: str) -> str | None:
        """Why the city does not want this plate let in."""
        ...

    async def hosts(self, text: str) -> list[Host]: ...

    async def host(self, person: str) -> Host | None: ...

    async def followed(self) -> Followed | None: ...

    async def tidy(self, now_ms: int, keep_ms: int) -> int: ...

    def digests(self, document: str, phone: str, plate: str) -> dict[str, str]:
        """Keyed, by kind of bar."""
        ...

    def code_of(self, visit: Visit) -> str:
        """The digits that stand for its pass."""
        ...


class RoundBook(Protocol):
    """Patrols, hazards and duties on the disk, each step in one transaction with its event. Raises RoundError where a
    step is not possible, StoreError when it cannot be stored.
    """

    async def passed(self, since_ms: int) -> list[Passed]: ...

    async def pass_(self, one: Passed, event: Event, at: Followed | None = None) -> bool:
        """False when that point of that run is known already."""
        ...

    async def since(self, route: str, begun_ms: int | None) -> int | None:
        """When this gateway began to watch `route`; the first time it is asked that is `begun_ms` (None: not known)."""
        ...

    async def followed(self) -> Followed | None: ...

    async def add_hazard(self, step: HazardStep, photo: bytes | None) -> Hazard: ...

    async def change_hazard(self, hazard: str, step: Callable[[Hazard], HazardStep]) -> Hazard: ...

    async def hazards(self, show: str) -> list[Hazard]: ...

    async def photo(self, hazard: str) -> tuple[bytes, str]:
        """Its bytes, and jpg, png or webp."""
        ...

    async def on_duty(self) -> list[Duty]: ...

    async def put_duty(self, step: Callable[[list[Duty]], tuple[Duty, Event]]) -> Duty: ...

    async def tidy(self, before_ms: int) -> int: ...

    def sum_of(self, photo: bytes) -> str: ...


class Setup(Protocol):
    """What the daemon itself is made of: its configuration and its certificate. Each answers as `Register` does."""

    async def configure(self, content: bytes, version: int) -> tuple[str, str]:
        """(reason, detail). The new file is in place, the daemon has still to be started anew."""
        ...

    async def certify(self, pem: bytes, version: int) -> tuple[str, str]: ...

    def restart(self) -> None:
        """Once everything is on the disk: start anew."""
        ...


class FaceJudge(Protocol):
    """core/faces.py, kept behind a port so that a gateway without cameras never loads its library."""

    def see(self, source: str, detection: Detection, claimed: str | None = None) -> tuple[Face, int] | None:
        """Take one detection of camera `source`; the face and its frame's `up_ms` once the track has come to one.

        `claimed`: the person who showed a card or a number and whose face is waited for.
        """
        ...


class Beat(Protocol):
    def __call__(self) -> None:
        """This job is alive."""
        ...
