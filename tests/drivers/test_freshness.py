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


def test_what_waited_while_the_program_paused_is_stale() -> None:
    """Read two seconds late, before anybody found the line quiet."""
    fresh = Freshness()
    fresh.line_up(0.0)
    assert fresh.read(2.0)
