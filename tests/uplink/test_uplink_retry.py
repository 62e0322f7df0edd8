"""How long the uplink stays away."""

import random

from edge_agent.uplink.retry import Patience


def test_soon_at_first_seldom_later_and_never_in_step() -> None:
    """Within two seconds after a short absence, within a minute after a long one, every gateway at its own time."""
    fleet = [Patience(0.0, random.Random(seed)) for seed in range(1000)]
    short = [each.next_s(2.0) for each in fleet]
    long = [each.next_s(3600.0) for each in fleet]
    assert 1.0 <= min(short) <= max(short) <= 2.0
    assert 59.0 < max(long) <= 60.0
    per_second = [sum(second <= wait < second + 1 for wait in long) for second in range(60)]
    assert max(per_second) < 40


def test_a_broker_that_is_away_is_not_asked_too_often() -> None:
    """Over ten minutes of absence less than one attempt in five seconds; found within a quarter of the absence."""
    patience, now, attempts = Patience(0.0, random.Random(7)), 0.0, 0
    while now < 600:
        wait = patience.next_s(now)
        assert wait <= max(2.0, now / 4)
        now, attempts = now + wait, attempts + 1
    assert attempts < 120


def test_a_connection_that_does_not_hold_is_no_recovery() -> None:
    """Short connections count up and do not shorten the wait; one that held starts anew."""
    patience = Patience(0.0, random.Random(3))
    assert [patience.held(at, at + 1) for at in (100.0, 200.0)] == [1, 2]
    assert max(patience.next_s(220.0) for _ in range(50)) > 10
    assert patience.held(300.0, 311.0) == 0
    assert max(patience.next_s(311.0) for _ in range(50)) <= 2.0


def test_refusals_are_asked_about_more_and_more_seldom() -> None:
    """From some seconds to five minutes: only a person can change the answer."""
    patience = Patience(0.0, random.Random(5))
    waits = [patience.refused_s() for _ in range(12)]
    assert 7.5 <= waits[0] <= 15
    assert all(150 <= wait <= 300 for wait in waits[6:])


def test_never_more_than_one_attempt_in_a_second() -> None:
    """Whatever chance says; a fleet may be spread wider."""
    patience = Patience(0.0, random.Random(11))
    assert min(patience.next_s(1.0) for _ in range(1000)) >= 1.0
    fleet = [Patience(0.0, random.Random(seed), spread_s=40.0).next_s(1.0) for seed in range(3830)]
    per_second = [sum(second <= wait < second + 1 for wait in fleet) for second in range(40)]
    assert max(per_second) < 150


def test_a_refused_login_is_tried_once_in_five_minutes() -> None:
    patience = Patience(0.0, random.Random(2))
    assert all(300 <= patience.circuit_s() <= 360 for _ in range(100))
