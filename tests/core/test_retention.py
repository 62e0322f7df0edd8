"""core/retention.py: never the newest, never one that is held, the oldest first."""

from edge_agent.core.retention import DAY_MS, due, held
from edge_agent.model.evidence import Exhibit
from edge_agent.model.site import EvidencePolicy

NOW_MS = 1_777_878_000_000
MB = 1 << 20


def exhibit(number: int, days_ago: float = 0.0, mb: int = 10, held: str = "") -> Exhibit:
    kept_ms = NOW_MS - round(days_ago * DAY_MS)
    return Exhibit(f"ev-{number}", "yard", "a", "m", "p", number, kept_ms, mb * MB, held=held)


def gone(exhibits: list[Exhibit], max_mb: int = 1000, now_ms: int | None = NOW_MS, low: bool = False) -> list[str]:
    policy = EvidencePolicy(keep_days=30, max_mb=max_mb)
    return [f"{one.number} {why}" for one, why in due(exhibits, policy, now_ms, low)]


def test_age() -> None:
    old = [exhibit(1, 40), exhibit(2, 35, held="王芳"), exhibit(3, 31), exhibit(4, 29)]
    assert gone(old) == ["1 age", "3 age"]
    assert gone(old, now_ms=None) == [], "nobody knows the time"


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
