"""The oracle itself: each thing that may be wrong is found, and a run in which nothing is wrong is not accused."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_agent.sim.process import Line
from tests.faults.ledger import Ledger
from tests.faults.oracle import Findings, Stored, judge

EPOCH, OTHER = "ab" * 16, "cd" * 16


def event(seq: int, tag: str = "door.opened", epoch: str = EPOCH, chain: str = "ok", **data: Any) -> Stored:
    return Stored(epoch, seq, tag, chain, json.dumps(data).encode(), data)


def grant(seq: int, person: str) -> Stored:
    return event(seq, "access.granted", person=person, terminal="north-in")


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    yield ledger
    ledger.close()


@pytest.fixture
def ledger(empty: Ledger) -> Ledger:
    """Three people came, four events were promised."""
    ledger = empty
    for person in ("p-1", "p-2", "p-3"):
        ledger.offer(person)
    for seq in (1, 2, 3, 4):
        ledger.promise(EPOCH, seq, None)
    return ledger


GOOD = [event(1), grant(2, "p-1"), grant(3, "p-2"), grant(4, "p-3")]


def relay(ledger: Ledger, *after_s: float) -> list[Line]:
    start = ledger.offers[0].t_ns
    lines: list[Line] = []
    for at in after_s:
        lines += [{"relay": "on", "t_ns": start + int(at * 1e9)}, {"relay": "off", "t_ns": start + int(at * 1e9) + 1}]
    return lines


def wrong(events: list[Stored], ledger: Ledger, gate: list[Line] | None = None) -> dict[str, Any]:
    found: Findings = judge(events, ledger, gate or [], None)
    return dict(found.wrong())


def test_nothing_is_wrong(ledger: Ledger) -> None:
    assert not wrong(GOOD, ledger, relay(ledger, 0.5, 1.0, 1.5))


def test_a_promised_event_that_is_not_stored(ledger: Ledger) -> None:
    assert wrong(GOOD[:3], ledger) == {"lost": [(EPOCH, 4)]}


def test_the_first_line_of_the_stream_vouches_for_everything_before_it(ledger: Ledger) -> None:
    ledger.promise(EPOCH, 6, None, whole=True)
    assert wrong(GOOD, ledger) == {"lost": [(EPOCH, 5), (EPOCH, 6)]}


def test_a_lost_event_that_was_announced_is_counted_apart(ledger: Ledger) -> None:
    gap: dict[str, Any] = {"epoch": EPOCH, "from": 4, "to": 4, "why": "quarantined"}
    announced = Stored(OTHER, 1, "gap.announced", "ok", json.dumps(gap).encode(), gap)
    found = judge([*GOOD[:3], announced], ledger, [], None)
    assert not found.wrong()
    assert found.announced == [(EPOCH, 4)]


def test_a_hole_nobody_announced(ledger: Ledger) -> None:
    assert "unannounced" in wrong([*GOOD, event(6)], ledger)


def test_a_grant_for_somebody_who_never_came_and_one_too_many(ledger: Ledger) -> None:
    assert "ghosts" in wrong([*GOOD, grant(5, "p-9")], ledger)
    assert wrong([*GOOD, grant(5, "p-3")], ledger).keys() == {"ghosts", "disorder"}


def test_grants_in_another_order_than_people_came(ledger: Ledger) -> None:
    assert "disorder" in wrong([event(1), grant(2, "p-2"), grant(3, "p-1"), grant(4, "p-3")], ledger)


def test_a_duplicate_and_a_broken_chain(ledger: Ledger) -> None:
    assert "duplicates" in wrong([*GOOD, event(1)], ledger)
    assert "disorder" in wrong([*GOOD, event(5, chain="broken")], ledger)


def test_an_opening_without_a_card_one_too_many_and_one_too_late(ledger: Ledger) -> None:
    assert "unauthorised" in wrong(GOOD, ledger, relay(ledger, -3.0))
    assert "unauthorised" in wrong(GOOD, ledger, relay(ledger, 0.5, 1.0, 1.5, 2.0))
    assert "unauthorised" in wrong(GOOD, ledger, relay(ledger, 9.0))


def test_a_card_that_opens_nothing_does_not_excuse_an_opening(empty: Ledger) -> None:
    empty.offer("")
    assert "unauthorised" in wrong([], empty, relay(empty, 0.5))
