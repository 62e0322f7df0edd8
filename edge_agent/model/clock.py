"""What the gateway knows about time at one instant.

A gateway has no battery-backed clock: after a power cut the wall clock may say 1970. Order therefore comes from `seq`
and `up_ms`; the wall clock carries its quality with it.
"""

from enum import StrEnum

import msgspec


class ClockState(StrEnum):
    SYNCED = "synced"  # the kernel is disciplined by NTP now
    HOLDOVER = "holdover"  # it was, in this boot, not longer ago than the budget
    UNSET = "unset"  # nobody vouches for the wall clock


class Moment(msgspec.Struct, frozen=True):
    """One instant. `wall_ms`: Unix time in ms, never before `floor_ms`; `up_ms`: CLOCK_BOOTTIME in ms; `err_ms`: bound
    on the wall's error.
    """

    wall_ms: int
    up_ms: int
    boot_id: str  # 32 hex digits, /proc/sys/kernel/random/boot_id
    state: ClockState
    err_ms: int
    floor_ms: int = 0  # it is later than this: something signed, or this gateway's own records, say so

    @property
    def trusted(self) -> bool:
        return self.state is not ClockState.UNSET
