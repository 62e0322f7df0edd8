"""What a guard may order about visits, over the control socket, on a page or through the API."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from edge_agent.model.visits import Doors, Id, Instant, Kind, Long, Names, People, Short, Uses


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all orders: an unknown argument is an error, never ignored."""


class Form(Order, frozen=True):
    """Who comes. Times not given: from now on, as long as the site lets somebody of this `kind` stay. `desk`: take name
    and document from the card on that desk's reader; `card_ms`: its `up_ms` as it was looked at, another is refused.
    `number`: of an identity document, typed; kept masked and as a digest. `rule` (RFC 5545), `start_min` and `minutes`:
    comes again and again, at that local minute of the day. `members`: others of a group, each with a visit of their
    own. `confirmed_by`: the host said yes, and how it is known. `answer`: `ask` the host first, or as the site has it.
    """

    name: Short = ""
    kind: Kind = "visitor"
    host: Short = ""
    house: Short = ""
    doors: Doors = ()
    from_ms: Instant | None = None
    until_ms: Instant | None = None
    rule: Long = ""
    start_min: Annotated[int, Meta(ge=0, lt=1440)] | None = None
    minutes: Annotated[int, Meta(ge=1, le=1440)] | None = None
    people: People = 1
    group: Short = ""
    members: Names = ()
    uses: Uses | None = None
    phone: Short = ""
    company: Short = ""
    purpose: Long = ""
    plate: Short = ""
    number: Short = ""
    note: Long = ""
    desk: Short = ""
    card_ms: Instant | None = None
    confirmed_by: Short = ""
    ask: bool | None = None


class Which(Order, frozen=True):
    """`visit`: its id, its short code, or the text of its pass; or everybody of `group`."""

    visit: Annotated[str, Meta(max_length=3000)] = ""
    group: Short = ""

    def __post_init__(self) -> None:
        if bool(self.visit) == bool(self.group):
            raise ValueError("either a visit or a group")


class Arrive(Which, frozen=True):
    """`desk`: add the document on that desk's reader; `card_ms` as in Form."""

    desk: Short = ""
    card_ms: Instant | None = None
    confirmed_by: Short = ""


class Confirm(Which, frozen=True):
    """`answer` of the host, and `who` gave it (the host by phone, say)."""

    answer: Literal["asked", "confirmed", "declined"] = "confirmed"
    who: Short = ""


class End(Which, frozen=True):
    why: Long = ""


class Extend(Which, frozen=True, kw_only=True):
    until_ms: Instant


class Find(Order, frozen=True):
    """`text` is looked for in name, phone, plate, company, house, host, id and the last characters of the document."""

    show: Literal["expected", "inside", "overstaying", "open", "ended", "all"] = "open"
    text: Short = ""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 200


class Hosts(Order, frozen=True):
    text: Short = ""


class AtDesk(Order, frozen=True):
    desk: Short


class PutBar(Order, frozen=True, kw_only=True):
    """Exactly one of `number`, `phone`, `plate` and `visit` (whose document, else phone, else plate it is then)."""

    number: Short = ""
    phone: Short = ""
    plate: Short = ""
    visit: Short = ""
    reason: Annotated[str, Meta(min_length=1, max_length=200)]
    until_ms: Instant | None = None

    def __post_init__(self) -> None:
        if sum(map(bool, (self.number, self.phone, self.plate, self.visit))) != 1:
            raise ValueError("one of number, phone, plate and visit")


class TakeBar(Order, frozen=True):
    bar: Id


class Nothing(Order, frozen=True):
    pass


ORDERS: dict[str, type[Order]] = {
    "visit.expect": Form,
    "visit.walk_in": Form,
    "visit.arrive": Arrive,
    "visit.confirm": Confirm,
    "visit.leave": End,
    "visit.cancel": End,
    "visit.refuse": End,
    "visit.extend": Extend,
    "visit.renew": Which,
    "visit.find": Find,
    "visit.show": Which,
    "visit.hosts": Hosts,
    "visit.draft": AtDesk,
    "visit.bar": PutBar,
    "visit.unbar": TakeBar,
    "visit.bars": Nothing,
}


def order_of(verb: str, args: dict[str, Any]) -> Order:
    """Raises ValueError with what is wrong and where."""
    return msgspec.convert(args, ORDERS[verb])
