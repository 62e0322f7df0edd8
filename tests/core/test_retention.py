"""core/retention.py: never the newest, never one that is held, the oldest first."""

import msgspec

from edge_agent.core.retention import DAY_MS, dated, due, held
from edge_agent.model.clock import ClockState, Moment
from edge_agent.model.evidence import Exhibit, Time
from edge_agent.model.site import EvidencePolicy

NOW_MS = 1_777_878_000_000
MB = 1 << 20


def exhibit(number: int, days_ago: float = 0.0, mb: int = 10, held: str = "") -> Exhibit:
    kept_ms = NOW_MS - round(days_ago * DAY_MS)
    return Exhibit(f"ev-{number}", "yard", "a", "m", "p", number, kept_ms, mb * MB, held=held)


def moment(state: ClockState = ClockState.SYNCED, up_ms: int = 3_600_000, boot_id: str = "b", days: int = 0) -> Moment:
    return Moment(NOW_MS + days * DAY_MS, up_ms, boot_id, state, 20)


def gone(
    exhibits: list[Exhibit], max_mb: int = 1000, now: Moment = moment(), low: bool = False, away: tuple[str, ...] = ()
) -> list[str]:
    policy = EvidencePolicy(keep_days=30, max_mb=max_mb)
    there = {one.evidence for one in exhibits if one.evidence not in away}
    return [f"{one.number} {why}" for one, why in due(exhibits, policy, now, there, low)]


def test_age() -> None:
    old = [exhibit(1, 40), exhibit(2, 35, held="王芳"), exhibit(3, 31), exhibit(4, 29)]
    assert gone(old) == ["1 age", "3 age"]
    assert gone(old, now=moment(ClockState.UNSET)) == [], "nobody knows the time"


def test_the_newest_stays_however_old_it_is() -> None:
    assert gone([exhibit(1, 400)]) == []


def test_room() -> None:
    many = [exhibit(number, held="x" if number == 2 else "") for number in range(1, 11)]
    assert gone(many, max_mb=75) == ["1 room", "3 room"]
    assert gone([exhibit(1, held="x"), exhibit(2)], max_mb=1) == []


def test_what_is_held_costs_no_other_piece_its_place() -> None:
    """It comes on top of max_mb; what a full disk needs is given up all the same."""
    many = [*(exhibit(number, held="x") for number in (1, 2)), *(exhibit(number, mb=3) for number in range(3, 8))]
    assert gone(many, max_mb=16) == []
    assert gone(many, max_mb=10) == ["3 room", "4 room"]
    assert gone(many, max_mb=16, low=True) == ["3 room"]
    assert held(many) == 20 * MB


def test_a_disk_that_fills_takes_one_at_a_look() -> None:
    assert gone([exhibit(1), exhibit(2), exhibit(3)], low=True) == ["1 room"]
    assert gone([exhibit(1, 50), exhibit(2), exhibit(3)], low=True) == ["1 age"]


def test_what_lies_on_a_disk_that_is_not_mounted_makes_no_room() -> None:
    """Nothing of it can be erased: the disk that is there filled up, and events were given up instead."""
    many = [exhibit(1, 50), exhibit(2), *(exhibit(number) for number in range(3, 7))]
    assert gone(many, low=True, away=("ev-1", "ev-2")) == ["1 age", "3 room"]
    assert gone(many, max_mb=40, away=("ev-1", "ev-2")) == ["1 age"], "it takes none here"
    assert gone(many, max_mb=25, away=("ev-1", "ev-2")) == ["1 age", "3 room", "4 room"]


def kept(number: int, wall_ms: int, up_ms: int, boot_id: str, trusted: bool = False) -> Exhibit:
    return exhibit(number).dated(Time(wall_ms, up_ms, boot_id, "synced" if trusted else "unset", 20))


def test_nothing_is_too_old_by_a_clock_that_nobody_trusted() -> None:
    """Kept in 1970 a minute ago, and in the boot before; the newest after the clock was set."""
    early = [kept(1, 60_000, 60_000, "a"), kept(2, 60_000, 3_540_000, "b"), exhibit(3)]
    assert gone(early) == []
    older, minute, newest = [*dated(early, moment()), early[2]]
    assert older.kept_ms == NOW_MS - 3_600_000, "before this boot began"
    assert minute.kept_ms == NOW_MS - 60_000, "by the uptime"
    assert dated([older, minute, newest], moment(days=1)) == [], "dated once"
    assert gone([older, minute, newest], now=moment(days=29)) == []
    assert gone([older, minute, newest], now=moment(boot_id="c", days=31)) == ["1 age", "2 age"]
    assert dated(early, moment(ClockState.UNSET)) == []


def test_what_was_recorded_before_the_clock_was_set_is_found_by_its_day() -> None:
    early = msgspec.structs.replace(kept(1, 60_000, 3_540_000, "b"), from_ms=40_000, to_ms=58_000)
    (known,) = dated([early], moment())
    assert (known.from_ms, known.to_ms) == (NOW_MS - 80_000, NOW_MS - 62_000)


def test_the_age_in_one_boot_is_by_uptime_whatever_the_clock_was_set_to() -> None:
    set_off = [kept(1, NOW_MS - 400 * DAY_MS, 3_000_000, "b", trusted=True), exhibit(2)]
    assert gone(set_off) == []
    assert gone(set_off, now=moment(ClockState.UNSET, up_ms=31 * DAY_MS)) == ["1 age"]


def test_what_an_earlier_version_remembers_is_read_and_judged_as_before() -> None:
    stored = b"""{"alert":"a","camera":"yard","evidence":"ev-1","from_ms":0,"held":"","kept_ms":%d,"manifest":"m",
        "number":1,"previous":"p","size":10,"to_ms":0,"type":"exhibit"}""" % (NOW_MS - 40 * DAY_MS)
    exhibits = [msgspec.json.decode(stored, type=Exhibit), exhibit(2)]
    assert exhibits[0].kept is None
    assert gone(exhibits) == ["1 age"]
