"""The gateway's uptime, the same clock the daemon stamps reads with."""

import time


def up_ms() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
