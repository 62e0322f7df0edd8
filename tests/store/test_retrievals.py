"""The register of retrievals: one chain, whatever the clock says, and nothing counts as entered that is not there."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge_agent.errors import StoreError
from edge_agent.model.retrieval import Retrieval
from edge_agent.model.site import Retention
from edge_agent.store.retention import Retainer
from edge_agent.store.retrievals import Retrievals
from tests.flows.world import MemoryClock


def entry(what: str) -> Retrieval:
    return Retrieval(kind="exported", what=what, by="wang", unit="police", reason="case")


def at(year: int) -> int:
    return round(datetime(year, 6, 1, tzinfo=UTC).timestamp() * 1000)


@contextmanager
def room(path: Path, more: int) -> Iterator[None]:
    """No file grows by more than `more` bytes beyond `path`: a write is cut short there, as by a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + more, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("wrong", [1970, 2025, 2036])
def test_the_register_is_whole_though_the_clock_went_back_or_forth(tmp_path: Path, wrong: int) -> None:
    """A gateway without a battery starts in another year: its entries follow the others all the same, and are kept."""
    register = Retrievals(tmp_path)
    for number, year in enumerate((2026, wrong, wrong, 2026, 2027), 1):
        assert register.append(entry(f"list {number}"), at(year)).number == number
    assert [line.entry.what for line in register.lines()] == [f"list {number}" for number in range(1, 6)]
    found = register.verify()
    assert (found.count, found.first, found.last, found.faults) == (5, 1, 5, ())
    assert register.forget(at(2026)) == 0
    assert len(list(register.lines())) == 5


def test_what_a_clock_far_ahead_began_is_forgotten_in_its_time(tmp_path: Path) -> None:
    """Everything from then on stood in a file that nobody would have forgotten before the year 2102."""
    register = Retrievals(tmp_path)
    for number, year in enumerate((2025, 2026, 2098, 2099, 2026), 1):
        register.append(entry(f"list {number}"), at(year))
    retainer = Retainer(tmp_path, tmp_path / "no.key", "G1", Retention(), MemoryClock())
    for _ in range(2):
        retainer.sweep(at(2026))
        assert [path.name[6:10] for path in sorted(tmp_path.glob("audit-*.log"))] == ["2025", "2026", "2027", "2028"]
    for number, year in enumerate((2026, 2027, 2028, 2029), 6):
        register.append(entry(f"list {number}"), at(year))
    assert [line.entry.what for line in register.lines()] == [f"list {number}" for number in range(1, 10)]
    assert not register.verify().faults
    retainer.sweep(at(2032))
    assert [line.entry.what for line in register.lines()] == ["list 9"]


def test_what_is_old_is_forgotten_though_the_lock_is_somebody_elses(tmp_path: Path) -> None:
    """Root has shown something, and the lock is root's: the agent forgot nothing any more, of nobody."""
    register = Retrievals(tmp_path)
    register.append(entry("list"), at(2026))
    (tmp_path / "audit.lock").unlink()
    (tmp_path / "audit.lock").mkdir()
    retainer = Retainer(tmp_path, tmp_path / "no.key", "G1", Retention(), MemoryClock())
    retainer.sweep(at(2026))
    retainer.sweep(at(2031))
    assert list(register.lines()) == []


def test_an_entry_that_the_disk_takes_half_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    """Who asked would otherwise be shown what no line of the register tells."""
    register = Retrievals(tmp_path)
    register.append(entry("list 1"), at(2026))
    (file,) = tmp_path.glob("audit-*.log")
    with room(file, 40), pytest.raises(StoreError) as refused:
        register.append(entry("list 2"), at(2026))
    assert refused.value.code == "audit.not_written"
    register.append(entry("list 3"), at(2026))
    assert [line.entry.what for line in register.lines()] == ["list 1", "list 3"]
    assert not register.verify().faults
