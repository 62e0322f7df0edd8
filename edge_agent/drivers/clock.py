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

from edge_agent.model.clock import ClockState, Moment

STA_UNSYNC = 0x0040  # linux/timex.h: clock unsynchronised
TIME_ERROR = 5  # adjtimex() return value: clock not synchronised
HOLDOVER_MS = 24 * 3600 * 1000
DRIFT_PPM = 100  # what an undisciplined crystal is off, generously
_CACHE_MS = 1000
_UNKNOWN_ERR_MS = 2**31 - 1
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


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
    """`kernel` and `uptime_ms` are given in tests; the kernel is asked at most once a second."""

    def __init__(
        self, kernel: Callable[[], KernelTime] = kernel_time, uptime_ms: Callable[[], int] | None = None
    ) -> None:
        self._kernel = kernel
        self._uptime_ms = uptime_ms or _boottime_ms
        self._boot_id = _BOOT_ID.read_text("ascii").strip().replace("-", "")
        self._asked_ms: int | None = None
        self._known = KernelTime(False, 0)
        self._synced_at_ms: int | None = None  # last uptime at which the clock was synced, in this run
        self._synced_err_ms = 0

    def now(self) -> Moment:
        up_ms = self._uptime_ms()
        if self._asked_ms is None or up_ms - self._asked_ms >= _CACHE_MS:
            self._asked_ms, self._known = up_ms, self._kernel()
            if self._known.synced:
                self._synced_at_ms, self._synced_err_ms = up_ms, self._known.max_err_us // 1000
        state, err_ms = self._quality(up_ms)
        return Moment(time.time_ns() // 1_000_000, up_ms, self._boot_id, state, err_ms)

    def _quality(self, up_ms: int) -> tuple[ClockState, int]:
        if self._known.synced:
            return ClockState.SYNCED, self._synced_err_ms
        if self._synced_at_ms is not None and (away_ms := up_ms - self._synced_at_ms) <= HOLDOVER_MS:
            return ClockState.HOLDOVER, self._synced_err_ms + away_ms * DRIFT_PPM // 1_000_000
        return ClockState.UNSET, _UNKNOWN_ERR_MS


def _boottime_ms() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
