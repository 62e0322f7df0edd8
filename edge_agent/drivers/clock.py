"""The gateway's clocks: wall, uptime, boot, and what the kernel says of the wall clock's quality.

One physical fact to know: after a power cut without a battery-backed clock the wall clock starts somewhere in the
past and jumps when NTP answers. CLOCK_BOOTTIME never jumps and runs on through suspend; it dies with the boot, so it
only means something together with the boot id.
"""

import ctypes
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from edge_agent import log
from edge_agent.model.clock import ClockState, Moment

STA_UNSYNC = 0x0040  # linux/timex.h: clock unsynchronised
TIME_ERROR = 5  # adjtimex() return value: clock not synchronised
HOLDOVER_MS = 24 * 3600 * 1000
DRIFT_PPM = 100  # what an undisciplined crystal is off, generously
FLOOR_PPM = 1000
BEHIND_MS = 60_000  # two clocks that are both right may differ by this much
_CACHE_MS = 1000
_UNKNOWN_ERR_MS = 2**31 - 1
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

logger = log.get("drivers.clock")


class KernelTime(msgspec.Struct, frozen=True):
    """What adjtimex(2) reports: `max_err_us` is the kernel's bound on the wall clock's error."""

    synced: bool
    max_err_us: int


class _Timex(ctypes.Structure):
    """struct timex of linux/timex.h; the sizes follow the C long of this machine."""

    _fields_ = (
        ("modes", ctypes.c_uint), ("offset", ctypes.c_long), ("freq", ctypes.c_long), ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long), ("status", ctypes.c_int), ("constant", ctypes.c_long),
        ("precision", ctypes.c_long), ("tolerance", ctypes.c_long), ("time_sec", ctypes.c_long),
        ("time_usec", ctypes.c_long), ("tick", ctypes.c_long), ("ppsfreq", ctypes.c_long), ("jitter", ctypes.c_long),
        ("shift", ctypes.c_int), ("stabil", ctypes.c_long), ("jitcnt", ctypes.c_long), ("calcnt", ctypes.c_long),
        ("errcnt", ctypes.c_long), ("stbcnt", ctypes.c_long), ("tai", ctypes.c_int), ("spare", ctypes.c_int * 11),
    )  # fmt: skip


_libc = ctypes.CDLL(None, use_errno=True)


def kernel_time() -> KernelTime:
    """Asks the kernel, changes nothing (modes = 0). A kernel that refuses counts as not synchronised."""
    state = _Timex()
    answer = _libc.adjtimex(ctypes.byref(state))
    synced = answer not in (-1, TIME_ERROR) and not state.status & STA_UNSYNC
    return KernelTime(synced, state.maxerror)


class SystemClock:
    """`kernel`, `uptime_ms` and `wall_ms` are given in tests; the kernel is asked at most once a second.

    A synchronised clock that reads earlier than the floor is not believed: whoever answers NTP is not authenticated,
    and a pass that has run out must not come back to life. In holdover time is counted by uptime from the last
    synchronisation, so that setting the machine's clock changes nothing.
    """

    def __init__(
        self,
        kernel: Callable[[], KernelTime] = kernel_time,
        uptime_ms: Callable[[], int] | None = None,
        wall_ms: Callable[[], int] | None = None,
    ) -> None:
        self._kernel = kernel
        self._uptime_ms = uptime_ms or _boottime_ms
        self._wall_ms = wall_ms or _realtime_ms
        self._boot_id = _BOOT_ID.read_text("ascii").strip().replace("-", "")
        self._asked_ms: int | None = None
        self._known = KernelTime(False, 0)
        self._synced: tuple[int, int, int] | None = None  # (up, wall, error) when last synchronised, in this run
        self._floor: tuple[int, int] = (0, 0)  # (wall, up it was true at)
        self._complained = False

    def now(self) -> Moment:
        up_ms = self._uptime_ms()
        wall_ms, floor_ms = self._wall_ms(), self._floor_ms(up_ms)
        if self._asked_ms is None or up_ms - self._asked_ms >= _CACHE_MS:
            self._asked_ms, self._known = up_ms, self._kernel()
            if self._known.synced and not self._behind(wall_ms, floor_ms):
                self._synced = (up_ms, wall_ms, self._known.max_err_us // 1000)
        if self._known.synced and not self._behind(wall_ms, floor_ms):
            err_ms = self._known.max_err_us // 1000
            return Moment(wall_ms, up_ms, self._boot_id, ClockState.SYNCED, err_ms, floor_ms)
        if self._synced is not None and (away_ms := up_ms - self._synced[0]) <= HOLDOVER_MS:
            err_ms = self._synced[2] + away_ms * DRIFT_PPM // 1_000_000
            return Moment(self._synced[1] + away_ms, up_ms, self._boot_id, ClockState.HOLDOVER, err_ms, floor_ms)
        wall_ms = max(wall_ms, floor_ms)
        return Moment(wall_ms, up_ms, self._boot_id, ClockState.UNSET, _UNKNOWN_ERR_MS, floor_ms)

    def at_least(self, wall_ms: int, boot_id: str = "", up_ms: int = 0) -> None:
        """It was `wall_ms` at `up_ms` of boot `boot_id`; of another boot: before this one began. Never lowers it."""
        up_ms = up_ms if boot_id == self._boot_id else 0
        if wall_ms > self._floor_ms(up_ms):
            self._floor = (wall_ms, up_ms)

    def _floor_ms(self, up_ms: int) -> int:
        """It rises with uptime, a little slower than any crystal runs fast."""
        wall_ms, since_ms = self._floor
        return wall_ms + (up_ms - since_ms) * (1_000_000 - FLOOR_PPM) // 1_000_000 if wall_ms else 0

    def _behind(self, wall_ms: int, floor_ms: int) -> bool:
        behind = wall_ms < floor_ms - BEHIND_MS
        if behind and not self._complained:
            logger.error("the clock was set to %d s ago: not believed", (floor_ms - wall_ms) // 1000)
        self._complained = behind
        return behind


def _boottime_ms() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


def _realtime_ms() -> int:
    return time.time_ns() // 1_000_000
