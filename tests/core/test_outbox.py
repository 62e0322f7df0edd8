"""The outbox against a city that loses, repeats, reorders and lies."""

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.core.outbox import REFUSALS_BEFORE_DEAD, RESEND_AFTER_MS, Outbox
from edge_agent.model.ack import Ack


def sent(count: int) -> Outbox:
    outbox = Outbox(0, last=count)
    for seq in range(1, count + 1):
        assert outbox.take(seq, "backlog", 0)
    return outbox


def test_only_the_city_makes_room() -> None:
    outbox = sent(5)
    assert (outbox.acked, outbox.outstanding) == (0, 5)
    outbox.acknowledge(Ack("e", 3), last=5)
    assert (outbox.acked, outbox.outstanding) == (3, 2)


def test_an_acknowledgement_beyond_what_was_written_is_not_believed() -> None:
    outbox = sent(5)
    outbox.acknowledge(Ack("e", 6), last=5)
    assert outbox.acked == 0


def test_an_old_acknowledgement_takes_nothing_back() -> None:
    outbox = sent(5)
    outbox.acknowledge(Ack("e", 4), last=5)
    outbox.acknowledge(Ack("e", 2), last=5)
    assert outbox.acked == 4


def test_islands_are_not_sent_again_after_a_reconnect() -> None:
    outbox = sent(6)
    outbox.acknowledge(Ack("e", 1, have=((3, 4),)), last=6)
    outbox.again(6)
    assert [seq for seq in range(2, 7) if outbox.take(seq, "backlog", 0)] == [2, 5, 6]


def test_an_island_that_touches_becomes_land() -> None:
    outbox = sent(6)
    outbox.acknowledge(Ack("e", 2, have=((3, 4),)), last=6)
    assert outbox.acked == 4


def test_credit_bounds_what_is_on_its_way() -> None:
    outbox = sent(3)
    outbox.acknowledge(Ack("e", 0, credit=4), last=3)
    assert outbox.room == 1


def test_a_lost_row_is_next_again() -> None:
    outbox = sent(5)
    outbox.lost(3)
    assert outbox.position("backlog") == 2


def test_patience_doubles_and_an_answer_restores_it() -> None:
    outbox = sent(2)
    assert not outbox.overdue(RESEND_AFTER_MS - 1)
    assert outbox.overdue(RESEND_AFTER_MS)
    assert not outbox.overdue(RESEND_AFTER_MS * 2 - 1)
    assert outbox.overdue(RESEND_AFTER_MS * 2)
    outbox.acknowledge(Ack("e", 1), last=2)
    assert outbox.overdue(RESEND_AFTER_MS)


def test_a_row_refused_too_often_is_given_up_once() -> None:
    outbox = sent(3)
    refusal = Ack("e", 1, refused=((2, "schema"),))
    for _ in range(REFUSALS_BEFORE_DEAD - 1):
        assert outbox.acknowledge(refusal, last=3) == []
        assert outbox.take(2, "backlog", 0)
    assert outbox.acknowledge(refusal, last=3) == [(2, "schema")]


def test_confirmed_by_the_broker_row_by_row() -> None:
    outbox = sent(3)
    outbox.confirmed(2, 2)
    assert outbox.acked == 0
    outbox.confirmed(1, 1)
    assert outbox.acked == 2


@given(st.lists(st.tuples(st.sampled_from(["send", "ack", "lose", "again"]), st.integers(0, 30)), max_size=60))
def test_whatever_happens_everything_arrives_in_the_end(steps: list[tuple[str, int]]) -> None:
    """A model city with a lossy wire: after the turmoil, one clean session delivers the rest; nothing is forgotten."""
    last, outbox, city = 20, Outbox(0, 20), set[int]()

    def watermark() -> Ack:
        upto = next((n for n in range(last + 1) if n + 1 not in city), last)
        return Ack("e", upto, have=tuple((n, n) for n in sorted(city) if n > upto))

    for what, number in steps:
        match what:
            case "send":
                seq = outbox.position("backlog") + 1
                if seq <= last and outbox.take(seq, "backlog", 0) and number % 3:
                    city.add(seq)
            case "ack":
                outbox.acknowledge(watermark(), last)
            case "lose":
                outbox.lost(max(1, number % last))
            case _:
                outbox.again(last)
        assert set(range(1, outbox.acked + 1)) <= city
    outbox.again(last)
    while (seq := outbox.position("backlog") + 1) <= last:
        if outbox.take(seq, "backlog", 0):
            city.add(seq)
    outbox.acknowledge(watermark(), last)
    assert outbox.acked == last
