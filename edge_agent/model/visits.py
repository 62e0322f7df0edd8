"""A visit: who comes to see whom, when, and how far it has got; and what a guard may order about visits.

The id of a visit is also the visitor's pseudonymous person id, and the only thing about a visitor that leaves the
gateway beside kind, host and house. Name, phone, plate and the rest are `Details`: sealed on the disk, for the desk
alone, never in an event or a log.
"""

from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

from edge_agent.model.events import Event
from edge_agent.model.patterns import whole
from edge_agent.model.people import Person, Recurrence, Rule, Schedule
from edge_agent.model.reads import IdDocument, Pass

Kind = Literal["visitor", "contractor", "service", "delivery"]
KINDS: tuple[Kind, ...] = ("visitor", "contractor", "service", "delivery")
CATEGORY = {"visitor": "visitor", "contractor": "contractor", "service": "service", "delivery": "service"}
State = Literal[
    "expected", "arrived", "overstaying", "left", "cancelled", "expired", "no_show", "refused",
]  # fmt: skip
STATES: tuple[State, ...] = (
    "expected", "arrived", "overstaying", "left", "cancelled", "expired", "no_show", "refused",
)  # fmt: skip
INSIDE: tuple[State, ...] = ("arrived", "overstaying")
OPEN: tuple[State, ...] = ("expected", *INSIDE)
Answer = Literal["", "asked", "confirmed", "declined", "timeout"]
BarKind = Literal["document", "phone", "plate"]

Name = Annotated[str, Meta(min_length=1, max_length=64)]
Short = Annotated[str, Meta(max_length=64)]
Long = Annotated[str, Meta(max_length=200)]
Instant = Annotated[int, Meta(ge=0, le=4_102_444_800_000)]  # the year 2100
Id = Annotated[str, Meta(pattern=whole(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"), max_length=64)]
People = Annotated[int, Meta(ge=1, le=500)]
Uses = Annotated[int, Meta(ge=1, le=1_000_000)]
Names = Annotated[tuple[Name, ...], Meta(max_length=100)]
Doors = Annotated[tuple[Name, ...], Meta(max_length=64)]


class Details(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the desk knows of a visitor. `document`: the masked number of the identity document."""

    name: str = ""
    phone: str = ""
    company: str = ""
    purpose: str = ""
    plate: str = ""
    document: str = ""
    note: str = ""

    def __repr__(self) -> str:
        return "Details(…)"


class Visit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`from_ms` inclusive and `until_ms` exclusive are when it may take place, Unix ms; `times` narrows that.
    `opens_ms`: when its pass begins to open. `due_ms`: when who is inside must have left. `doors`: what its pass opens,
    nothing else. `confirm`: what the host said, and `confirmed_by` who said so. `revision` counts its passes. Digests
    are keyed; empty: none.
    """

    id: str
    kind: Kind
    state: State
    from_ms: int
    until_ms: int
    opens_ms: int
    by: str
    doors: tuple[str, ...] = ()
    host: str = ""
    house: str = ""
    group: str = ""
    people: int = 1
    uses: int | None = None
    times: Recurrence | None = None
    confirm: Answer = ""
    confirmed_by: str = ""
    asked_ms: int | None = None
    arrived_ms: int | None = None
    due_ms: int | None = None
    ended_ms: int | None = None
    revision: int = 1
    document: str = ""
    phone: str = ""
    plate: str = ""
    code: str = ""
    details: Details = Details()

    def with_document(self, shown: IdDocument) -> "Visit":
        """Its visitor has shown this document."""
        details = msgspec.structs.replace(self.details, document=shown.masked)
        return msgspec.structs.replace(self, document=shown.digest, details=details)

    def of_another(self, id_: str, name: str) -> "Visit":
        """The same visit of somebody else in the group."""
        return msgspec.structs.replace(
            self, id=id_, people=1, document="", phone="", plate="", details=Details(name=name)
        )  # fmt: skip

    @property
    def pass_id(self) -> str:
        """The `jti` of its pass: the same visit gives the same pass again until it is issued anew."""
        return f"{self.id}.{self.revision}"

    @property
    def ticket(self) -> Pass:
        """What its QR code says; signed elsewhere."""
        return Pass(self.pass_id, self.id, self.opens_ms, self.until_ms, self.doors, self.uses)

    @property
    def schedule(self) -> Schedule | None:
        return None if self.times is None else Schedule(f"visit/{self.id}", recurrences=(self.times,))

    @property
    def person(self) -> Person:
        """The visitor as decisions see one: what this visit grants, while it lasts, and the way out at any time."""
        name = f"visit/{self.id}"
        rule = Rule(name, self.doors, persons=(self.id,), schedule=None if self.times is None else name)
        return Person(
            self.id, CATEGORY[self.kind], self.house, self.opens_ms, self.until_ms,
            enabled=self.open and self.confirm in ("", "confirmed"), host=self.host or None, own=rule,
        )  # fmt: skip

    @property
    def returns(self) -> bool:
        """Comes more than once within its time."""
        return self.times is not None or (self.uses or 1) > 1

    @property
    def inside(self) -> bool:
        return self.state in INSIDE

    @property
    def open(self) -> bool:
        return self.state in OPEN


class Step(NamedTuple):
    """A visit as it will be, and the event that says so."""

    visit: Visit
    event: Event


class Followed(NamedTuple):
    """How far the journal was looked at for visitors at doors."""

    epoch: str
    seq: int


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who is not let in: known by the keyed `digest` of a document, phone number or plate. `label` (masked)
    and `reason` are for guards and never shown to the visitor. `until_ms` exclusive; None: until it is taken back.
    """

    id: str
    kind: BarKind
    digest: str
    label: str
    reason: str
    by: str
    at_ms: int
    until_ms: int | None = None


class Draft(msgspec.Struct, frozen=True):
    """A document that lies on a desk's reader: in memory alone, until it is checked in or its time is over."""

    desk: str
    up_ms: int
    document: IdDocument


class Ticket(msgspec.Struct, frozen=True):
    """What a visitor is handed: the text of the QR code and the digits to type where no code can be shown."""

    text: str
    code: str

    def __repr__(self) -> str:
        return "Ticket(…)"


class Host(msgspec.Struct, frozen=True):
    """Somebody who may be visited; `name` is for the desk alone."""

    id: str
    name: str
    house: str
    phone: str = ""


class Card(msgspec.Struct, frozen=True, omit_defaults=True):
    """A visit as the desk sees it. `ticket` only where one visit is shown; `barred`: why it should not be let in."""

    visit: Visit
    host_name: str = ""
    host_phone: str = ""
    ticket: Ticket | None = None
    barred: str = ""
