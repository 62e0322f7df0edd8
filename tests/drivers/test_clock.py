"""The clock's states, with what the kernel says given by the test; and once the real kernel."""

import time

import pytest

from edge_agent.core.decide import _validity
from edge_agent.drivers.clock import HOLDOVER_MS, KernelTime, SystemClock, kernel_time
from edge_agent.model.clock import ClockState
from edge_agent.model.decisions import Reason
from edge_agent.model.site import Policy

NOW_MS = 1_790_000_000_000
DAY_MS = 86_400_000


class World:
    def __init__(self) -> None:
        self.up_ms, self.kernel, self.asked = 1000, KernelTime(False, 0), 0
        self.wall_ms = NOW_MS

    def ask(self) -> KernelTime:
        self.asked += 1
        return self.kernel


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def clock(world: World) -> SystemClock:
    return SystemClock(world.ask, lambda: world.up_ms, lambda: world.wall_ms)


def test_unset_until_the_kernel_was_synchronised_once(world: World, clock: SystemClock) -> None:
    now = clock.now()
    assert now.state is ClockState.UNSET
    assert not now.trusted
    assert now.err_ms > 1_000_000_000


def test_synced_with_the_kernels_own_bound(world: World, clock: SystemClock) -> None:
    world.kernel = KernelTime(True, 12_345)
    now = clock.now()
    assert (now.state, now.err_ms) == (ClockState.SYNCED, 12)


def test_holdover_grows_by_100_ppm_and_ends_after_a_day(world: World, clock: SystemClock) -> None:
    world.kernel = KernelTime(True, 5_000)
    clock.now()
    world.kernel = KernelTime(False, 16_000_000)
    world.up_ms += 3_600_000
    now = clock.now()
    assert (now.state, now.err_ms, now.trusted) == (ClockState.HOLDOVER, 5 + 360, True)
    world.up_ms = 1000 + HOLDOVER_MS
    assert clock.now().state is ClockState.HOLDOVER
    world.up_ms += 1000
    assert clock.now().state is ClockState.UNSET
    world.kernel = KernelTime(True, 1_000)
    world.up_ms += 1000
    assert clock.now().state is ClockState.SYNCED


def test_the_kernel_is_asked_once_a_second(world: World, clock: SystemClock) -> None:
    for _ in range(1000):
        world.up_ms += 5
        clock.now()
    assert world.asked == 5


def test_the_real_clock_is_the_machines() -> None:
    clock = SystemClock()
    before = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
    now = clock.now()
    assert before <= now.up_ms <= before + 1000
    assert abs(now.wall_ms - time.time() * 1000) < 1000
    assert len(now.boot_id) == 32
    assert int(now.boot_id, 16)
    assert now.err_ms >= 0
    assert kernel_time().max_err_us >= 0


def test_time_never_falls_below_the_floor(world: World, clock: SystemClock) -> None:
    """A power cut, and the machine says 1970: it is at least what was recorded in the boot before, and this uptime."""
    world.wall_ms = 5_000
    clock.at_least(NOW_MS, "another boot", 77_000_000)
    now = clock.now()
    assert (now.state, now.floor_ms) == (ClockState.UNSET, now.wall_ms)
    assert NOW_MS < now.wall_ms <= NOW_MS + 1000
    world.up_ms += 3_600_000
    assert NOW_MS + 3_590_000 < clock.now().wall_ms <= NOW_MS + 3_601_000
    clock.at_least(NOW_MS - DAY_MS)
    assert clock.now().wall_ms > NOW_MS


def test_a_synchronised_clock_that_is_past_is_not_believed(world: World, clock: SystemClock) -> None:
    """Whoever answers NTP is not authenticated: yesterday does not come back."""
    world.kernel = KernelTime(True, 1_000)
    clock.at_least(NOW_MS, "another boot", 1)
    world.wall_ms = NOW_MS - DAY_MS
    now = clock.now()
    assert (now.trusted, now.wall_ms >= NOW_MS) == (False, True)
    world.wall_ms, world.up_ms = NOW_MS + 5_000, world.up_ms + 1_000
    assert clock.now().state is ClockState.SYNCED


def test_setting_the_clock_in_holdover_changes_nothing(world: World, clock: SystemClock) -> None:
    world.kernel = KernelTime(True, 1_000)
    clock.now()
    world.kernel, world.wall_ms, world.up_ms = KernelTime(False, 0), NOW_MS - DAY_MS, world.up_ms + 60_000
    now = clock.now()
    assert (now.state, now.wall_ms) == (ClockState.HOLDOVER, NOW_MS + 60_000)


@pytest.mark.parametrize("forged", [False, True])
def test_a_power_cut_without_ntp_brings_no_expired_pass_back(world: World, clock: SystemClock, forged: bool) -> None:
    """Even where timed passes count on an untrusted clock: the machine says yesterday, the gateway knows better."""
    until_ms = NOW_MS - 3_600_000
    clock.at_least(NOW_MS, "another boot", 1)
    world.wall_ms, world.kernel = NOW_MS - DAY_MS, KernelTime(forged, 1_000)
    allow, deny = Policy(untrusted_clock="allow_timed"), Policy(untrusted_clock="deny_timed")
    assert _validity(None, until_ms, clock.now(), allow) is Reason.CREDENTIAL_EXPIRED
    assert _validity(None, until_ms, clock.now(), deny) is not None
