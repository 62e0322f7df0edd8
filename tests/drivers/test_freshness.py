"""When reads count: the rule alone, on a made-up clock."""

from edge_agent.drivers.freshness import Freshness


def test_reads_are_stale_until_300_ms_without_one() -> None:
    fresh = Freshness()
    fresh.line_up(10.0)
    for at in (10.07, 10.3, 10.55):
        fresh.tick(at)
        assert fresh.read(at)
    fresh.tick(10.84)
    assert not fresh.sure
    fresh.tick(10.86)
    assert fresh.sure
    assert not fresh.read(10.87)
    fresh.line_up(20.0)
    assert fresh.read(20.1)


def test_a_line_that_never_pauses_counts_after_five_seconds() -> None:
    fresh = Freshness()
    fresh.line_up(0.0)
    stale = []
    for step in range(1, 60):
        fresh.tick(step / 10)
        stale.append(fresh.read(step / 10))
    assert stale == [True] * 49 + [False] * 10


def test_a_polled_device_has_to_answer_without_a_read_as_well() -> None:
    """Asked twice a second it is quiet for longer than 300 ms between two reads it kept."""
    fresh = Freshness(polled=True)
    fresh.line_up(0.0)
    for second in range(1, 4):
        assert fresh.read(float(second))
        fresh.answered()
        fresh.tick(second + 0.9)
    for empty in (4.0, 4.5):
        fresh.answered()
        fresh.tick(empty)
    assert fresh.read(4.6)
    for empty in (5.0, 5.5, 6.0, 6.5):
        assert not fresh.sure
        fresh.answered()
        fresh.tick(empty)
    assert not fresh.read(7.0)


def test_a_polled_device_that_never_pauses_counts_after_sixty_answers() -> None:
    """After five seconds alone the reads it kept would count where it is asked slowly."""
    fresh = Freshness(polled=True)
    fresh.line_up(0.0)
    stale = []
    for step in range(1, 65):
        stale.append(fresh.read(step / 2))
        fresh.answered()
        fresh.tick(step / 2)
    assert stale == [True] * 60 + [False] * 4


def test_what_waited_while_the_program_paused_is_stale() -> None:
    """Read two seconds late, before anybody found the line quiet."""
    fresh = Freshness()
    fresh.line_up(0.0)
    assert fresh.read(2.0)


def test_what_waited_while_a_quiet_line_was_not_read_is_stale() -> None:
    """Stopped for seconds with a line that had been quiet: the first read after it may be as old as the pause."""
    fresh = Freshness()
    fresh.line_up(0.0)
    fresh.tick(1.0)
    fresh.alive(10.0)
    assert not fresh.read(11.4)
    assert fresh.read(12.8)
    fresh.alive(12.8)
    assert fresh.read(12.9)
    fresh.alive(13.3)
    fresh.tick(13.3)
    assert not fresh.read(13.3)
    fresh.alive(16.0)  # here the timer came before the read
    assert fresh.read(16.01)
