"""The guards' own work: patrols past points, hazards found, and who is on duty.

A point is done by the guard's credential at a terminal, by a door's exit button, or by the code of the tag that hangs
there. What a hazard says in words stays on the gateway: events carry its category, place and due date.
"""

from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import Meta

from edge_agent.model.events import Event
from edge_agent.model.patterns import whole

CATEGORIES = (
    "fire", "electricity", "gas", "water", "structure", "lift", "blocked_exit", "lighting", "door", "other",
)  # fmt: skip
Category = Literal[
    "fire", "electricity", "gas", "water", "structure", "lift", "blocked_exit", "lighting", "door", "other",
]  # fmt: skip
PHOTO_AT_MOST = 4 << 20

Short = Annotated[str, Meta(max_length=64)]
Name = Annotated[str, Meta(min_length=1, max_length=64)]
Long = Annotated[str, Meta(max_length=500)]
Instant = Annotated[int, Meta(ge=0, le=4_102_444_800_000)]  # the year 2100
HazardId = Annotated[str, Meta(pattern=whole(r"h-[0-9a-f]{12}"))]


class Run(NamedTuple):
    """One time a route is to be walked, Unix ms; `end_ms` exclusive."""

    route: str
    start_ms: int
    end_ms: int


class Passed(msgspec.Struct, frozen=True):
    """A point of a run: `done` or `missed`. `how`: terminal, button, tag."""

    route: str
    run_ms: int
    point: str
    state: str
    at_ms: int
    by: str = ""
    how: str = ""


class Hazard(msgspec.Struct, frozen=True, kw_only=True):
    """Something that endangers somebody until it is mended. `owner`: who sees to it; `photo`: the picture's SHA-256."""

    id: str
    category: Category
    place: str
    text: str
    by: str
    at_ms: int
    due_ms: int
    owner: str = ""
    photo: str = ""
    state: Literal["open", "overdue", "closed"] = "open"
    closed_ms: int | None = None
    closed_by: str = ""
    outcome: str = ""


class HazardStep(NamedTuple):
    hazard: Hazard
    event: Event


class Duty(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody's shift at a post."""

    id: str
    who: str
    post: str
    begun_ms: int
    ended_ms: int | None = None


class PointNow(msgspec.Struct, frozen=True):
    point: str
    place: str
    state: str  # open | done | missed
    by: str = ""
    at_ms: int | None = None


class RunNow(msgspec.Struct, frozen=True):
    """A run as a guard sees it."""

    route: str
    start_ms: int
    end_ms: int
    points: tuple[PointNow, ...]


# ---- what may be ordered ---------------------------------------------------------------------------------------------


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all orders: an unknown argument is an error, never ignored."""


class Nothing(Order, frozen=True):
    pass


class Scan(Order, frozen=True):
    """`code`: what the tag at the point says."""

    code: Annotated[str, Meta(min_length=1, max_length=200)]


class Report(Order, frozen=True):
    """`photo`: the bytes of a JPEG, PNG or WebP picture. `due_ms` none: as its category has it."""

    category: Category
    place: Name
    text: Long = ""
    owner: Short = ""
    due_ms: Instant | None = None
    photo: bytes | None = None


class Close(Order, frozen=True):
    hazard: HazardId
    outcome: Literal["fixed", "referred", "unfounded"] = "fixed"


class Hazards(Order, frozen=True):
    show: Literal["open", "closed", "all"] = "open"


class Photo(Order, frozen=True):
    hazard: HazardId


class Begin(Order, frozen=True):
    post: Short = ""


ORDERS: dict[str, type[Order]] = {
    "patrol.show": Nothing,
    "patrol.scan": Scan,
    "hazard.report": Report,
    "hazard.close": Close,
    "hazard.find": Hazards,
    "hazard.photo": Photo,
    "duty.begin": Begin,
    "duty.end": Nothing,
    "duty.show": Nothing,
}


def order_of(verb: str, args: dict[str, Any]) -> Order:
    """Raises ValueError with what is wrong and where. Bytes are base64."""
    return msgspec.convert(args, ORDERS[verb])
