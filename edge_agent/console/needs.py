"""What the console needs from the rest of the gateway, as Protocols; guardroom.py hands it over.

The console itself knows no database, no door and no camera: it shows what it is given and passes on what is wanted.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Protocol

import msgspec
from msgspec import structs

from edge_agent.model.accounts import Refusal, Session, User, Who
from edge_agent.model.commands import Done, Operation
from edge_agent.model.detections import Unwatched
from edge_agent.model.events import Row
from edge_agent.model.evidence import Exhibit
from edge_agent.model.look import Found, Hour, Search
from edge_agent.model.people import Person
from edge_agent.model.retrieval import Retrieval
from edge_agent.model.sightings import Measure, Sighting
from edge_agent.model.site import Config
from edge_agent.model.standing import Tally
from edge_agent.ports import Clock, Journal


class Words(Protocol):
    """A row in words of one language."""

    @property
    def time(self) -> str: ...

    @property
    def what(self) -> str: ...

    @property
    def who(self) -> str: ...

    @property
    def detail(self) -> str: ...


class DoorView(msgspec.Struct, frozen=True):
    """How a door stands now. `state`: locked, released, open, held, forced; `mode`, `source`, `by`, `why`: core/mode;
    `until_s`: seconds until the mode ends by itself; `lost`: its gate does not answer.
    """

    name: str
    kind: str
    state: str
    mode: str
    source: str = ""
    by: str = ""
    why: str = ""
    until_s: int | None = None
    waiting: int = 0  # people who wait there for the guard's consent


class AlarmView(msgspec.Struct, frozen=True):
    """An alarm that is being answered. `step`: the last one taken, empty when only raised; `due`: the step its clock
    runs for and `left_ms` until then (negative: late; None: nobody can tell); `latched`: its input is to be cleared;
    `drill`: whoever heard it says so. `raised_ms`: Unix ms, None where it is latched only. Of a camera's alert: its
    `rule` (zone, line or façade) and `why` it fired; of a fall `floors` and `columns`, the likeliest first with their
    probability, and when it was released (Unix ms); `review`: a person looks before anything follows; `evidence`: once
    it is kept.
    """

    alarm: str
    kind: str
    door: str
    camera: str
    step: str
    since_ms: int | None
    due: str = ""
    left_ms: int | None = None
    silent: bool = False
    latched: bool = False
    drill: bool = False
    raised_ms: int | None = None
    rule: str = ""
    place: str = ""
    floors: tuple[tuple[int, float], ...] = ()
    columns: tuple[tuple[int, float], ...] = ()
    released_ms: int | None = None
    review: bool = False
    evidence: str = ""
    why: tuple[Measure, ...] = ()

    @property
    def key(self) -> "AlarmView":
        """What changes when the guard has to see it anew; the clock is counted in the browser."""
        return structs.replace(self, since_ms=None, left_ms=None)


class MuteView(msgspec.Struct, frozen=True):
    """Alerts of `target` are only recorded until `ends_ms` (Unix ms): who said so, and why."""

    target: str
    by: str
    why: str
    ends_ms: int


class Accounts(Protocol):
    """Fulfilled by store.accounts.AccountStore; every method blocks and belongs into a thread."""

    def sign_in(self, name: str, password: str, code: str, address: str, now_ms: int) -> Session | Refusal: ...

    def session(self, secret: str, now_ms: int, active: bool) -> Who | None: ...

    def lock(self, secret: str) -> None: ...

    def unlock(self, secret: str, password: str, now_ms: int) -> bool: ...

    def sign_out(self, secret: str) -> None: ...

    def bearer(self, secret: str, now_ms: int) -> Who | None: ...

    def users(self) -> list[User]: ...


class PersonRow(msgspec.Struct, frozen=True):
    """One person in a list. `cards` that are enabled; validity in Unix ms, its end exclusive."""

    id: str
    name: str
    category: str
    house: str
    valid_from_ms: int | None
    valid_until_ms: int | None
    enabled: bool
    cards: int


class Held(msgspec.Struct, frozen=True):
    """A card, plate or telephone somebody holds. `ref` names it in an order; `text` is shown."""

    kind: str
    ref: str
    text: str
    state: str
    duress: bool = False


class Agreed(msgspec.Struct, frozen=True):
    """A consent. `until_ms` exclusive, None: no end."""

    purpose: str
    text_version: str
    channel: str
    guardian: str
    given_ms: int
    until_ms: int | None


class PersonFile(msgspec.Struct, frozen=True, kw_only=True):
    """All the office has of one person, without PIN and templates. `faces`: how many templates."""

    row: PersonRow
    phone: str = ""
    host: str = ""
    needs_longer: bool = False
    escort_exempt: bool = False
    pin: bool = False
    held: tuple[Held, ...] = ()
    consents: tuple[Agreed, ...] = ()
    faces: int = 0


class Said(msgspec.Struct, frozen=True):
    """What a longer piece of work came to, in words."""

    good: bool
    lines: tuple[str, ...]


class Office(Protocol):
    """People. Raises EdgeAgentError with what is wrong about what was entered."""

    async def find(self, text: str, category: str = "", after: str = "", limit: int = 50) -> list[PersonRow]: ...

    async def ids(self, text: str) -> tuple[str, ...]:
        """Whom a text means: by id, name, house or telephone."""
        ...

    async def file(self, person: str) -> PersonFile | None: ...

    async def put(self, given: dict[str, str], by: str) -> str:
        """Add or update; `added` or `updated`. Keys as in a people CSV; what is not given stays."""
        ...

    async def enable(self, person: str, enabled: bool, by: str) -> None: ...

    async def revoke(self, person: str, ref: str, by: str) -> None: ...

    async def remove(self, person: str, lang: str) -> Said:
        """With all that hung on them; the lines are the proof."""
        ...

    async def enrol(self, person: str, photo: bytes, consent: str, guardian: str, by: str, lang: str) -> Said: ...

    async def withdraw(self, person: str, purpose: str, lang: str) -> Said: ...

    async def take_list(self, name: str, data: bytes, dry_run: bool, lang: str) -> Said:
        """A list of people as the command line imports it; `dry_run`: only what would change."""
        ...


class Lookback(Protocol):
    """What happened. Raises StoreError when the journal cannot be read."""

    async def search(self, wanted: Search) -> Found: ...

    async def every(self, wanted: Search, at_most: int) -> list[Row]:
        """Oldest first, for a file."""
        ...

    async def hours(self, from_ms: int, until_ms: int, door: str = "") -> list[Hour]: ...


class EvidenceNote(msgspec.Struct, frozen=True):
    """Something about a piece of evidence. `code` of the words; `fatal`: it is not what was signed; `why` and `given`:
    code and fields of what `what` says, where it is a sentence itself.
    """

    code: str
    fatal: bool
    what: str = ""
    why: str = ""
    given: dict[str, str | int | float] = {}


class EvidenceFile(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of evidence as it was just checked against its signature: `good`, and why not. `kind` and `rule` of the
    alert it was kept of; `seen`: the last the analysis said of it, a fall with its path; `offset_ms`: Unix ms of uptime
    0, as the gateway believed when it was kept. `masks`: polygons of x, y, … in parts of the picture that are not to be
    seen; None: nobody knows them, its camera is not configured any more.
    """

    exhibit: Exhibit
    kind: str
    rule: str
    good: bool
    notes: tuple[EvidenceNote, ...]
    seen: Sighting | None = None
    offset_ms: int = 0
    masks: tuple[tuple[float, ...], ...] | None = ()


class Exhibits(Protocol):
    """Evidence kept here. Raises EdgeAgentError when its key cannot be read."""

    def kept(self) -> list[Exhibit]:
        """Newest first."""
        ...

    async def file(self, evidence: str) -> EvidenceFile | None: ...

    async def clip(self, evidence: str) -> tuple[int, Iterator[bytes]] | None:
        """Size and pieces of the video; they block."""
        ...


class Needs(msgspec.Struct, frozen=True, kw_only=True):
    """All of it in one place. `doors`: how every door stands now; `describe`: a row in words of a language; `reasons`:
    why a rule fired, likewise.
    """

    config: Config
    journal: Journal
    clock: Clock
    accounts: Accounts
    carry_out: Callable[[Operation], Awaitable[Done]]
    doors: Callable[[], list[DoorView]]
    alarms: Callable[[], list[AlarmView]]
    mutes: Callable[[], list[MuteView]]
    lost: Callable[[], tuple[str, ...]]  # devices that are away now
    faults: Callable[[], dict[str, list[Unwatched]]]  # by camera: black, occluded, …, and what it is not watched for
    tallies: Callable[[], list[Tally]]  # what the cameras' lines are counting now
    describe: Callable[[Row, str], Words]
    reasons: Callable[[Iterable[Measure], str], str]
    look: Lookback
    office: Office
    exhibits: Exhibits
    glimpse: Callable[[str], bytes | None]  # a JPEG of what a camera sees now
    person: Callable[[str], Person | None]  # category and house of somebody in the book
    register: Callable[[Retrieval], Awaitable[None]]  # on the disk when it returns; raises StoreError
