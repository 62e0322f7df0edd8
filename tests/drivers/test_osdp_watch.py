"""The rules of one reader's link, on a made-up clock."""

import pytest

from edge_agent.drivers.freshness import QUIET_ANSWERS
from edge_agent.drivers.osdp_watch import Change, Watch


def quiet(watch: Watch) -> None:
    """It answers polls, and has nothing to say."""
    for _ in range(QUIET_ANSWERS):
        watch.answered()


def up(at: float = 0.0) -> Watch:
    """A reader whose channel came up at `at` and whose first window has passed."""
    watch = Watch(at)
    watch.heard(at)
    watch.tick(at, True)
    watch.heard(at + 0.3)
    quiet(watch)
    assert watch.tick(at + 0.3, True) is Change.READY
    return watch


def test_reads_are_stale_until_a_quiet_moment_after_the_channel_came_up() -> None:
    watch = Watch(0)
    watch.heard(0)
    watch.tick(0, True)
    for at in (0.07, 0.3, 0.55):
        watch.heard(at)
        assert watch.read(at)
        watch.tick(at, True)
        watch.answered()
        assert not watch.usable
    watch.heard(0.86)
    quiet(watch)
    watch.tick(0.86, True)
    assert watch.usable
    assert not watch.read(0.87)


def test_a_reader_that_never_pauses_counts_after_five_seconds() -> None:
    watch = Watch(0)
    stale = []
    for step in range(110):
        at = step / 20
        watch.heard(at)
        watch.tick(at, True)
        stale.append(watch.read(at))
        watch.answered()
    assert stale == [True] * 100 + [False] * 10


@pytest.mark.parametrize(("gap", "stale"), [(1.2, False), (1.6, True), (2.9, True)])
def test_one_lost_frame_spoils_no_read_but_a_cut_does(gap: float, stale: bool) -> None:
    """A single unanswered poll is repeated after 1 s; reads of that second are no older than that."""
    watch = up()
    watch.heard(0.3 + gap)
    assert watch.read(0.3 + gap) is stale


def test_no_read_counts_while_the_channel_is_down() -> None:
    watch = up()
    watch.tick(1.0, False)
    assert watch.read(1.0)


def test_lost_after_three_silent_seconds_and_back_once_reads_count_again() -> None:
    watch = up()
    assert watch.tick(3.2, True) is None
    assert watch.tick(3.31, True) is Change.LOST
    assert watch.silent
    assert watch.tick(5.0, True) is None
    watch.heard(6.0)
    assert watch.tick(6.0, True) is None
    watch.heard(6.31)
    quiet(watch)
    assert watch.tick(6.31, True) is Change.BACK


def test_a_channel_that_is_renewed_within_a_second_is_no_outage() -> None:
    watch = up()
    assert watch.tick(1.0, False) is None
    watch.heard(1.5)
    assert watch.tick(1.5, True) is None
    watch.heard(1.9)
    quiet(watch)
    assert watch.tick(1.9, True) is None
    assert watch.usable
    assert watch.tick(2.0, False) is None
    watch.heard(3.1)
    assert watch.tick(3.1, False) is Change.LOST
    assert not watch.silent


def test_a_reader_that_never_came_up_is_lost_after_five_seconds() -> None:
    watch = Watch(10.0)
    assert watch.tick(14.9, False) is None
    assert watch.tick(15.0, False) is Change.LOST
    assert watch.tick(20.0, False) is None


def test_kicked_at_most_once_a_second_and_only_when_given_up() -> None:
    watch = Watch(0)
    watch.tick(0, False)
    assert not watch.due_kick(5.0)
    watch.offline()
    assert watch.due_kick(5.0)
    watch.kicked(5.0)
    watch.offline()
    assert not watch.due_kick(5.9)
    assert watch.due_kick(6.0)


def test_kicked_after_ten_seconds_even_when_the_library_says_nothing() -> None:
    watch = Watch(0)
    watch.tick(0, False)
    assert not watch.due_kick(9.9)
    assert watch.due_kick(10.0)


def test_three_refusals_by_an_answering_reader_are_an_alarm_once() -> None:
    watch = Watch(0)
    changes = []
    for at in range(1, 7):
        watch.heard(at)
        changes.append(watch.kicked(at))
    assert changes == [None, None, Change.REFUSED, None, None, None]


def test_a_silent_reader_is_no_refusal() -> None:
    watch = Watch(0)
    assert [watch.kicked(at) for at in range(1, 7)] == [None] * 6
