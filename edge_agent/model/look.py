"""Looking back: what is searched for in the journal, and what comes of it."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from edge_agent.model.events import Row

Short = Annotated[str, Meta(max_length=80)]
Instant = Annotated[int, Meta(ge=0, le=2**53 - 1)]
LIMIT_AT_MOST = 200


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """All that is given has to hold. `persons`: any of these; `house`: of the persons, already resolved into `persons`;
    `tag`: a tag or its beginning (`access`, `door.forced`); `before`: rows with a smaller number only (the next page).
    """

    persons: tuple[str, ...] | None = None
    door: str = ""
    tag: str = ""
    verdict: Literal["", "granted", "denied"] = ""
    reason: str = ""
    from_ms: int | None = None
    until_ms: int | None = None
    before: int | None = None
    limit: int = 50
    silent: bool = False


class Found(msgspec.Struct, frozen=True):
    """Newest first. `total`: how many there are in all, 10,001 when there are more than 10,000; `next`: `before` of
    the next page, None when this was the last one.
    """

    rows: tuple[Row, ...]
    total: int
    next: int | None


class Hour(msgspec.Struct, frozen=True):
    """Passages of one hour beginning at `from_ms`."""

    from_ms: int
    entered: int = 0
    left: int = 0
    denied: int = 0
