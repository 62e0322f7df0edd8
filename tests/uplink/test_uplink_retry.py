"""How long the uplink stays away."""

import random

from edge_agent.uplink.retry import Patience


def test_soon_at_first_seldom_later_and_never_in_step() -> None:
    """Within a second after a short absence, within a minute after a long one, every gateway at its own time."""
    fleet = [Patience(0.0, random.Random(seed)) for seed in range(1000)]
    short = [each.next_s(2.0) for each in fleet]
    long = [each.next_s(3600.0) for each in fleet]
    assert 0.1 <= min(short) <= max(short) <= 1.0
    assert 59.0 < max(long) <= 60.0
    per_second = [sum(second <= wait < second + 1 for wait in long) for second in range(60)]
    assert max(per_second) < 40


def test_a_broker_that_is_away_is_not_asked_too_often() -> None:
    """Over ten minutes of absence less than one attempt in five seconds; found within a quarter of the absence."""
    patience, now, attempts = Patience(0.0, random.Random(7)), 0.0, 0
    while now < 600:
        wait = patience.next_s(now)
        assert wait <= max(1.0, now / 4)
        now, attempts = now + wait, attempts + 1
    assert attempts < 120


def test_a_connection_that_does_not_hold_is_no_recovery() -> None:
    """Short connections count up and do not shorten the wait; one that held starts anew."""
    patience = Patience(0.0, random.Random(3))
    assert [patience.held(at, at + 1) for at in (100.0, 200.0)] == [1, 2]
    assert max(patience.next_s(220.0) for _ in range(50)) > 10
    assert patience.held(300.0, 311.0) == 0
    assert max(patience.next_s(311.0) for _ in range(50)) <= 1.0


def test_refusals_are_asked_about_more_and_more_seldom() -> None:
    """From some seconds to five minutes: only a person can change the answer."""
    patience = Patience(0.0, random.Random(5))
    waits = [patience.refused_s() for _ in range(12)]
    assert 7.5 <= waits[0] <= 15
    assert all(150 <= wait <= 300 for wait in waits[6:])
