"""How much gateways may send, and what an acknowledgement tells them."""

import random

import pytest

from edge_agent.city import spans
from edge_agent.city.credit import ISLANDS, LEAST, MOST, credit, worth_telling
from edge_agent.contract.messages import MESSAGE_MAX_BYTES, AckMessage, Refusal, seal
from edge_agent.contract.signatures import new_key
from edge_agent.core.outbox import Lane, Outbox
from edge_agent.model.ack import Ack


def test_credit_is_a_share_of_the_free_places() -> None:
    """All of it while there is room, less with every gateway that sends and every message that waits, never nothing."""
    assert credit(0, 2000, 0) == credit(0, 2000, 10) == MOST
    assert credit(0, 2000, 20) == 100
    assert credit(1500, 2000, 5) == 100
    assert credit(2000, 2000, 1) == credit(0, 2000, 10_000) == LEAST


def test_all_islands_when_they_fit() -> None:
    have = tuple((n, n) for n in range(2, 2 * ISLANDS, 2))
    assert worth_telling(have, []) == have


@pytest.mark.parametrize("seed", range(20))
def test_what_just_arrived_is_always_told(seed: int) -> None:
    """However many islands there are; and the result is in order, without repetition, within the bound."""
    chance = random.Random(seed)
    numbers = sorted(chance.sample(range(2, 20_000), 4000))
    _, have = spans.grown(0, (), [(n, n) for n in numbers])
    arrived = chance.sample(numbers, 500)
    told = worth_telling(have, arrived)
    assert len(told) <= ISLANDS
    assert list(told) == sorted(set(told))
    assert set(told) <= set(have)
    assert all(any(a <= n <= b for a, b in told) for n in arrived)


def test_a_backlog_of_more_urgent_rows_than_fit_is_drained() -> None:
    """2,000 urgent rows in a backlog of 20,000: with the lowest islands alone the gateway stopped at the 200th."""
    outbox, upto, have = Outbox(0), 0, ()
    urgent = list(range(10, 20_001, 10))
    last, now = 20_000, 0
    normal = [n for n in range(1, last + 1) if n % 10]
    lanes: tuple[tuple[list[int], Lane], ...] = ((urgent, "urgent"), (normal, "backlog"))
    for lane, name in lanes:
        at = 0
        while at < len(lane):
            now += 1
            sent: list[int] = []
            while at < len(lane) and outbox.room:
                if outbox.take(lane[at], name, now):
                    sent.append(lane[at])
                at += 1
            assert sent or at == len(lane), f"no room and nothing on its way to be acknowledged, at {lane[at]}"
            upto, have = spans.grown(upto, have, [(n, n) for n in sent])
            outbox.acknowledge(Ack("e", upto, worth_telling(have, sent)), last)
    assert (outbox.acked, outbox.outstanding) == (last, 0)


def test_the_largest_acknowledgement_is_one_the_gateway_reads() -> None:
    """All islands with the largest numbers, all refusals with the worst reasons."""
    from edge_agent.city.reception import REFUSALS, _printable

    message = AckMessage(
        epoch="a" * 32,
        upto=2**63 - 1,
        have=tuple((2**63 - 2, 2**63 - 1) for _ in range(ISLANDS)),
        refused=tuple(Refusal(2**63 - 1, _printable('"\x00\U0001f600' * 500)) for _ in range(REFUSALS)),
        now="2026-05-04T07:01:12.345Z",
    )
    assert len(seal(message, new_key())) < MESSAGE_MAX_BYTES
