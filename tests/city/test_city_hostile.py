"""A few thousand hostile messages to the city; `make fuzz-uplink` plays a million."""

from pathlib import Path

from tests.city.hostile import play


def test_nothing_hostile_is_taken_and_little_of_it_kept(tmp_path: Path) -> None:
    report = play(6_000, 1, tmp_path)
    print(report)
    assert (report.count, report.taken) == (6_000, 0)
    assert report.reasons.total() + report.states == 6_000
    assert 1000 <= report.kept < 5_000  # the rest is counted: each kept one waits for the disk
