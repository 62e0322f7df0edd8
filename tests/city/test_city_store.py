"""The city's database: once each, watermarks, chain, and files that are not it."""

import contextlib
import random
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from edge_agent.city import schema, spans
from edge_agent.city.reading import CityReader
from edge_agent.city.rows import CityRow, KnownGateway, Watermark
from edge_agent.city.sqlite import APPLICATION_ID
from edge_agent.city.store import CityStore
from edge_agent.contract.envelope import chain_hash, genesis
from edge_agent.errors import StoreError
from tests.city.postgres_rig import Server, needs_postgres
from tests.waiting import until

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
def store(place: Path | str) -> Iterator[CityStore]:
    opened = CityStore(place)
    yield opened
    opened.close()


def chains(store: CityStore) -> dict[int, str]:
    return dict(store._db.execute("SELECT seq, chain FROM events").fetchall())


@pytest.mark.parametrize("seed", range(10))
def test_any_order_any_repetition_ends_the_same(store: CityStore, seed: int) -> None:
    """Shuffled, in pieces, some twice: every row once, watermark at the end, the chain found whole."""
    chance = random.Random(seed)
    rows = stream(60)
    arriving = rows + chance.sample(rows, 30)
    chance.shuffle(arriving)
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
    with pytest.raises(StoreError, match="does not take this row"):
        store.store([good[0], bad])
    assert chains(store) == {}
    assert store.watermark(SOURCE, EPOCH) == Watermark(EPOCH)
    assert store.store(good) == 3


def test_what_was_stored_is_there_after_reopening(place: Path | str) -> None:
    """Also what makes a commit durable: without it a power cut takes what was acknowledged."""
    store = CityStore(place)
    store.store(stream(3))
    counter = store.next_counter()
    store.close()
    again = CityStore(place)
    assert again.watermark(SOURCE, EPOCH) == Watermark(EPOCH, 3)
    assert again.next_counter() > counter
    if isinstance(place, Path):
        assert again._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert again._db.execute("PRAGMA synchronous").fetchone() == (2,)
    else:
        assert again._db.execute("SHOW synchronous_commit").fetchone() == ("on",)
    again.close()


def test_a_second_event_under_one_number_is_kept_beside_the_first(store: CityStore, place: Path | str) -> None:
    """A journal restored from a copy writes other events under old numbers: neither is dropped, both can be seen."""
    one, two, three = stream(3)
    other = msgspec.structs.replace(two, body=b'{"door":"other"}')
    store.store([one, two, three])
    assert store.store([other, two]) == 0
    assert store.store([other]) == 0
    assert store._db.execute("SELECT seq, body FROM conflicts").fetchall() == [(2, '{"door":"other"}')]
    assert set(chains(store).values()) == {"ok"}
    with closing(CityReader(place)) as reader:
        assert reader.conflicts(SOURCE, EPOCH) == [2]


def test_a_repetition_with_a_corrected_time_is_no_conflict(store: CityStore) -> None:
    """Times are corrected when a clock is set, and stand outside the hash."""
    one = stream(1)[0]
    store.store([one])
    store.store([msgspec.structs.replace(one, time="2026-05-04T08:00:00.000Z", historic=True)])
    assert store._db.execute("SELECT count(*) FROM conflicts").fetchone() == (0,)


def test_workers_that_write_one_stream_at_once(place: Path | str) -> None:
    """Four connections, every row through a random one, some through two: once each, one watermark, no open link."""
    rows = stream(400)
    CityStore(place).close()

    def work(seed: int) -> int:
        chance = random.Random(seed)
        mine = [row for row in rows if row.seq % 4 == seed or chance.random() < 0.2]
        chance.shuffle(mine)
        store = CityStore(place)
        new = 0
        while mine:
            new += store.store([mine.pop() for _ in range(min(len(mine), chance.randint(1, 8)))])
        store.close()
        return new

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(work, range(4))) == 400
    store = CityStore(place)
    assert store.watermark(SOURCE, EPOCH) == Watermark(EPOCH, 400)
    assert set(chains(store).values()) == {"ok"}
    store.close()


@pytest.mark.long
@needs_postgres
def test_a_server_that_went_away_is_found_again(postgres: Server) -> None:
    """Errors while it is away, with its address and without its password; what was committed is there afterwards."""
    store = CityStore(postgres.database())
    rows = stream(4)
    store.store(rows[:2])
    postgres.stop()
    with pytest.raises(StoreError) as caught:
        store.store(rows[2:])
    assert caught.value.code == "uplink.store_failing"
    assert "secret" not in str(caught.value)
    postgres.start()
    assert until_answered(lambda: store.store(rows)) == 2
    assert store.watermark(SOURCE, EPOCH) == Watermark(EPOCH, 4)
    store.close()


def until_answered(question: Callable[[], int]) -> int:
    answers: list[int] = []

    def asked() -> bool:
        with contextlib.suppress(StoreError):
            answers.append(question())
        return bool(answers)

    until(asked)
    return answers[0]


@needs_postgres
def test_a_database_of_somebody_else_is_left_alone(postgres: Server) -> None:
    """Tables that are not ours, a version from the future, a server that does not answer: each named."""
    import psycopg

    foreign, newer = postgres.database(), postgres.database()
    with psycopg.connect(foreign) as connection:
        connection.execute("CREATE TABLE events (a int)")
    CityStore(newer).close()
    with psycopg.connect(newer) as connection:
        connection.execute("UPDATE city_schema SET version = 99")
    nobody = f"postgresql://city:secret@/x?host={postgres.folder}/nowhere"
    for place, code in ((foreign, "foreign"), (newer, "newer"), (nobody, "failing")):
        with pytest.raises(StoreError) as caught:
            CityStore(place)
        assert caught.value.code == f"uplink.store_{code}"
        assert "secret" not in str(caught.value)


def test_the_first_versions_file_is_brought_up(tmp_path: Path) -> None:
    """Its rows stay, the new columns are there, also when two workers open it at once."""
    path = tmp_path / "city.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(schema._STEPS[0].format(**schema._SQLITE))
        db.execute("INSERT INTO gateways VALUES (?, ?, 'b', 1, 2, 3, 'online', '0.1')", (SOURCE, EPOCH))
        db.execute(f"PRAGMA application_id={APPLICATION_ID}")
        db.execute("PRAGMA user_version=1")
        db.commit()
    with ThreadPoolExecutor(2) as pool:
        for store in pool.map(lambda _: KeptOpen(path), range(2)):
            assert store.known == KnownGateway(
                source=SOURCE, epoch=EPOCH, boot_id="b", up_ms=1, heard_ms=2, bdseq=3, state="online", agent="0.1"
            )


class KeptOpen:
    def __init__(self, path: Path) -> None:
        with closing(CityStore(path)) as store:
            self.known = store.gateway(SOURCE)


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
