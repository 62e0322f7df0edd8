"""The city's database: once each, watermarks, chain, and files that are not it."""

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from edge_agent.city import spans
from edge_agent.city.store import CityRow, CityStore, KnownGateway, Watermark
from edge_agent.contract.envelope import chain_hash, genesis
from edge_agent.errors import StoreError

EPOCH, OTHER = "7c1f" * 8, "aaaa" * 8
SOURCE = "urn:sc:gw:G1"


def stream(count: int, source: str = SOURCE, epoch: str = EPOCH) -> list[CityRow]:
    made, prev = [], genesis(epoch)
    for seq in range(1, count + 1):
        body = b'{"door":"d%d"}' % seq
        made.append(
            CityRow(
                source=source, epoch=epoch, seq=seq, tag="door.opened", subject=f"door/d{seq}",
                time="2026-05-04T07:01:12.345Z", boot_id="b", up_ms=seq, clock="synced", clock_err_ms=1,
                historic=False, body=body, prev=prev,
            )
        )  # fmt: skip
        prev = chain_hash(prev, body, seq)
    return made


@pytest.fixture
def store(tmp_path: Path):
    opened = CityStore(tmp_path / "city.db")
    yield opened
    opened.close()


def chains(store: CityStore) -> dict[int, str]:
    with closing(sqlite3.connect(store.path)) as db:
        return dict(db.execute("SELECT seq, chain FROM events").fetchall())


@pytest.mark.parametrize("seed", range(20))
def test_any_order_any_repetition_ends_the_same(tmp_path: Path, seed: int) -> None:
    """Shuffled, in pieces, some twice: every row once, watermark at the end, the chain found whole."""
    chance = random.Random(seed)
    rows = stream(60)
    arriving = rows + chance.sample(rows, 30)
    chance.shuffle(arriving)
    store = CityStore(tmp_path / "city.db")
    new, seen = 0, set()
    while arriving:
        batch = [arriving.pop() for _ in range(min(len(arriving), chance.randint(1, 9)))]
        new += store.store(batch)
        seen |= {row.seq for row in batch}
        mark = store.watermark(SOURCE, EPOCH)
        assert mark is not None
        held = set(range(1, mark.upto + 1)).union(*(range(a, b + 1) for a, b in mark.have))
        assert held == seen
        assert mark.upto + 1 not in seen
    assert new == 60
    assert store.watermark(SOURCE, EPOCH) == Watermark(EPOCH, 60, ())
    assert set(chains(store).values()) == {"ok"}
    store.close()


def test_streams_do_not_mix(store: CityStore) -> None:
    """Gateways and epochs have watermarks of their own; the last birth says which epoch counts."""
    store.store([*stream(3), *stream(2, "urn:sc:gw:G2"), *stream(1, epoch=OTHER)])
    assert store.watermark(SOURCE) is None
    assert store.remember(birth(EPOCH)) is None
    assert store.watermark(SOURCE) == Watermark(EPOCH, 3)
    assert store.remember(birth(OTHER)) == EPOCH
    assert store.watermark(SOURCE) == Watermark(OTHER, 1)
    assert store.watermark("urn:sc:gw:G2", EPOCH) == Watermark(EPOCH, 2)
    assert store.watermark("urn:sc:gw:G2", OTHER) == Watermark(OTHER, 0)


def test_a_broken_chain_is_marked_and_stored(store: CityStore) -> None:
    """A changed body shows at the row after it; nothing is refused for it."""
    one, two, three, four = stream(4)
    changed = msgspec.structs.replace(two, body=b'{"door":"other"}')
    assert store.store([four, three]) == 2
    assert chains(store) == {3: "open", 4: "ok"}
    assert store.store([changed, one]) == 2
    assert chains(store) == {1: "ok", 2: "ok", 3: "broken", 4: "ok"}


def test_an_announced_gap_lets_the_watermark_pass(store: CityStore) -> None:
    """Row 2 will never come: its announcement fills its place, also in another journal."""
    one, _, three = stream(3)
    gap = msgspec.structs.replace(three, covers=(EPOCH, 2, 2))
    old = msgspec.structs.replace(stream(4)[3], covers=(OTHER, 1, 9))
    store.store([one, gap])
    assert store.watermark(SOURCE, EPOCH) == Watermark(EPOCH, 3)
    store.store([old])
    assert store.watermark(SOURCE, OTHER) == Watermark(OTHER, 9)


def test_a_batch_is_stored_as_a_whole_or_not_at_all(store: CityStore) -> None:
    """A failure in the middle leaves neither rows nor watermark behind, and the next batch goes through."""
    good = stream(3)
    bad = msgspec.structs.replace(good[1], tag=None)
    with pytest.raises(StoreError, match="Nothing is acknowledged"):
        store.store([good[0], bad])
    assert chains(store) == {}
    assert store.watermark(SOURCE, EPOCH) == Watermark(EPOCH)
    assert store.store(good) == 3


def test_what_was_stored_is_there_after_reopening(tmp_path: Path) -> None:
    """Also the pragmas: without them a power cut takes what was acknowledged."""
    store = CityStore(tmp_path / "city.db")
    store.store(stream(3))
    counter = store.next_counter()
    store.close()
    again = CityStore(tmp_path / "city.db")
    assert again.watermark(SOURCE, EPOCH) == Watermark(EPOCH, 3)
    assert again.next_counter() > counter
    assert again._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert again._db.execute("PRAGMA synchronous").fetchone() == (2,)
    again.close()


def test_quarantine_is_bounded(store: CityStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest stay, each cut to 4 kB, with its true size."""
    monkeypatch.setattr("edge_agent.city.store.QUARANTINE_ROWS", 5)
    for number in range(12):
        store.quarantine(f"t{number}", "why" * 1000, b"x" * 1_000_000)
    kept = store._db.execute("SELECT topic, length(reason), size, length(raw) FROM quarantine ORDER BY id").fetchall()
    assert kept == [(f"t{number}", 500, 1_000_000, 4096) for number in range(7, 12)]


def test_a_death_of_an_earlier_session_is_ignored(store: CityStore) -> None:
    """The broker may publish an old will after the new birth: its bdseq says whose it is."""
    store.remember(birth(EPOCH, bdseq=8))
    store.set_state(SOURCE, "offline", 7)
    assert store.gateway(SOURCE).state == "online"
    store.set_state(SOURCE, "offline", 8)
    assert store.gateway(SOURCE).state == "offline"


def test_files_that_are_not_ours_are_left_alone(tmp_path: Path) -> None:
    """Somebody's database, one from the future, no database at all: an error with the path, the file unchanged."""
    foreign, newer, text = tmp_path / "foreign.db", tmp_path / "newer.db", tmp_path / "text.db"
    with closing(sqlite3.connect(foreign)) as db:
        db.execute("CREATE TABLE a (b)")
    CityStore(newer).close()
    with closing(sqlite3.connect(newer)) as db:
        db.execute("PRAGMA user_version=99")
    text.write_text("people are not databases " * 100)
    for path, code in [(foreign, "foreign"), (newer, "newer"), (text, "foreign"), (tmp_path / "no/dir.db", "failing")]:
        before = path.read_bytes() if path.exists() else None
        with pytest.raises(StoreError) as caught:
            CityStore(path)
        assert caught.value.code == f"uplink.store_{code}"
        assert str(path) in caught.value.text("en")
        assert (path.read_bytes() if path.exists() else None) == before


def test_spans_grow() -> None:
    """Land, touching islands, overlaps."""
    assert spans.grown(0, (), [(2, 2), (4, 5)]) == (0, ((2, 2), (4, 5)))
    assert spans.grown(0, ((2, 2), (4, 5)), [(1, 1)]) == (2, ((4, 5),))
    assert spans.grown(2, ((4, 5), (9, 9)), [(3, 3), (6, 7), (5, 6)]) == (7, ((9, 9),))
    assert spans.grown(7, (), [(1, 3)]) == (7, ())


def birth(epoch: str, bdseq: int = 1) -> KnownGateway:
    return KnownGateway(source=SOURCE, epoch=epoch, boot_id="b", up_ms=1, heard_ms=1, bdseq=bdseq, state="online")
