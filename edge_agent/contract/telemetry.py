"""How a gateway is, once a minute at QoS 0: for a map and its colours, never evidence. Not signed, never repeated."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from edge_agent.contract.topics import GATEWAY
from edge_agent.model.patterns import whole

Count = Annotated[int, Meta(ge=0, le=2**53 - 1)]


class TelemetryMessage(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes in bytes, `up_s` since boot. `waiting`: events the city has not confirmed; `fill`: the same as a share of
    what can be held; `disk_free`: what the journal can still grow by; `reserve`: what it holds beyond; `lost`: devices
    of this gateway that do not answer.
    """

    gateway: Annotated[str, Meta(pattern=whole(rf"{GATEWAY}"))]
    agent: str
    config: str
    boot_id: Annotated[str, Meta(pattern=whole(r"[0-9A-Za-z-]{1,64}"))]
    up_s: Count
    clock: Literal["synced", "holdover", "unset"]
    accepting: bool
    last: Count
    waiting: Count
    fill: float
    disk_free: Count
    reserve: Count
    rss: Count
    load: float
    temperature_c: float | None
    devices: Count
    lost: tuple[str, ...]
