"""store.faces: templates sealed per record, bound to whom they belong, and gone when erased."""

import asyncio
import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy
import pytest
from journal_rig import query

from edge_agent.cli.face_enrol import Agreed, Enroller
from edge_agent.core.faces import Judge
from edge_agent.errors import StoreError
from edge_agent.model.face_models import DLIB
from edge_agent.model.site import FacePolicy, Retention
from edge_agent.recognising import follow, load
from edge_agent.store.entries import PersonEntry
from edge_agent.store.erasing import erase, lapsed
from edge_agent.store.faces import FaceStore, load_key, make_key
from edge_agent.store.people import PeopleStore
from edge_agent.store.records import Consent
from edge_agent.store.retention import Retainer
from edge_agent.vision.enrol import PhotoResult
from tests.flows.world import MemoryClock
from tests.waiting import auntil

KEY, GATEWAY, MODEL = bytes(range(32)), "G0417", "dlib-resnet-1"


def embedding(seed: int) -> bytes:
    return numpy.random.default_rng(seed).standard_normal(128).astype("<f4").tobytes()


@pytest.fixture
def faces(tmp_path: Path) -> Iterator[FaceStore]:
    with closing(FaceStore(tmp_path / "faces.db", KEY, GATEWAY)) as store:
        yield store


def on_disk(path: Path, what: bytes) -> list[str]:
    """The files of faces.db in which `what` can be found."""
    return [file.name for file in path.parent.iterdir() if what in file.read_bytes()]


def sealed_of(path: Path, person: str) -> bytes:
    ((sealed,),) = query(path, "SELECT sealed FROM templates WHERE person = ?", person)
    assert isinstance(sealed, bytes)
    return sealed


def test_templates_come_back_per_model(faces: FaceStore) -> None:
    """The same float32 bytes, of the asked model only."""
    faces.put("p-1", MODEL, embedding(1))
    faces.put("p-1", MODEL, embedding(2))
    faces.put("p-2", MODEL, embedding(3))
    faces.put("p-2", "sface-2021dec", embedding(4))
    assert faces.templates(MODEL) == [("p-1", embedding(1)), ("p-1", embedding(2)), ("p-2", embedding(3))]
    assert faces.templates("none") == []
    assert [(e.person, e.model, e.templates) for e in faces.enrolled()] == [
        ("p-1", MODEL, 2),
        ("p-2", MODEL, 1),
        ("p-2", "sface-2021dec", 1),
    ]


def test_a_template_is_never_on_the_disk_in_the_clear(faces: FaceStore) -> None:
    """Neither whole nor in part; the same template twice does not look the same."""
    faces.put("p-1", MODEL, embedding(1))
    faces.put("p-2", MODEL, embedding(1))
    assert on_disk(faces.path, embedding(1)[:16]) == []
    assert on_disk(faces.path, sealed_of(faces.path, "p-1")[:16]) != []
    assert sealed_of(faces.path, "p-1") != sealed_of(faces.path, "p-2")


def test_erased_is_gone_from_file_and_log(faces: FaceStore) -> None:
    """Not even the sealed bytes can be found afterwards; the others' are still there."""
    for number in range(30):
        faces.put(f"p-{number}", MODEL, embedding(number))
    sealed, kept = sealed_of(faces.path, "p-7"), sealed_of(faces.path, "p-8")
    assert on_disk(faces.path, sealed) != []
    assert faces.erase("p-7") == 1
    assert on_disk(faces.path, sealed) == []
    assert on_disk(faces.path, sealed[:24]) == []
    assert on_disk(faces.path, sealed[-24:]) == []
    assert on_disk(faces.path, kept) != []
    assert [person for person, _ in faces.templates(MODEL)] == sorted(f"p-{n}" for n in range(30) if n != 7)
    assert faces.erase("p-7") == 0


def test_erasing_says_when_a_reader_keeps_the_log(faces: FaceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not finished is not called finished; again, after the reader is gone, it is."""
    import sqlite3

    faces.put("p-1", MODEL, embedding(1))
    sealed = sealed_of(faces.path, "p-1")
    faces._connection.execute("PRAGMA busy_timeout = 50")
    with closing(sqlite3.connect(faces.path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM templates").fetchone()
        with pytest.raises(StoreError) as unfinished:
            faces.erase("p-1")
        assert unfinished.value.code == "store.erase_unfinished"
        reader.execute("ROLLBACK")
    faces.erase("p-1")
    assert on_disk(faces.path, sealed) == []


@pytest.mark.parametrize(("key", "gateway"), [(bytes(32), GATEWAY), (KEY, "G0418")])
def test_another_key_or_gateway_is_refused_at_once(faces: FaceStore, key: bytes, gateway: str) -> None:
    """Even while nobody is enrolled; the remedy says that cards work on."""
    with pytest.raises(StoreError) as refused:
        FaceStore(faces.path, key, gateway)
    assert refused.value.code == "store.key_wrong"
    assert "cards work" in refused.value.text("en")
    assert "刷卡" in refused.value.text("zh")


def test_a_template_moved_to_somebody_else_does_not_open(faces: FaceStore) -> None:
    """Who can write the file cannot give one person the face of another."""
    faces.put("p-1", MODEL, embedding(1))
    query(faces.path, "UPDATE templates SET person = 'p-2'")
    with pytest.raises(StoreError) as refused:
        faces.templates(MODEL)
    assert refused.value.code == "store.key_wrong"


def test_keys(tmp_path: Path) -> None:
    """32 random bytes only the owner reads; never overwritten; refused when others can read them or they are short."""
    path = tmp_path / "keys" / "faces.key"
    key = make_key(path)
    assert load_key(path) == key
    assert len(key) == 32
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(StoreError) as exists:
        make_key(path)
    assert exists.value.code == "store.key_exists"
    assert load_key(path) == key
    for mode in (0o640, 0o604, 0o660):
        path.chmod(mode)
        with pytest.raises(StoreError, match="chmod 600"):
            load_key(path)
    path.chmod(0o600)
    path.write_bytes(key[:31])
    with pytest.raises(StoreError, match="31 bytes"):
        load_key(path)
    path.unlink()
    with pytest.raises(StoreError, match="Cards work without it"):
        load_key(path)


def test_the_file_without_its_key_tells_nothing(faces: FaceStore, tmp_path: Path) -> None:
    """What a thief of faces.db has: pseudonyms, a model, and sealed bytes."""
    faces.put("p-1", MODEL, embedding(1))
    copy = tmp_path / "stolen"
    copy.mkdir()
    for file in tmp_path.glob("faces.db*"):
        shutil.copy(file, copy)
    with pytest.raises(StoreError, match="another key"):
        FaceStore(copy / "faces.db", os.urandom(32), GATEWAY)


def test_another_connection_sees_that_templates_changed(faces: FaceStore) -> None:
    """The daemon reloads its gallery when the command line enrolled somebody."""
    with closing(FaceStore(faces.path, KEY, GATEWAY)) as daemon:
        before = daemon.data_version()
        assert daemon.data_version() == before
        faces.put("p-1", MODEL, embedding(1))
        assert daemon.data_version() != before


def test_who_is_erased_while_the_gallery_is_loaded_is_not_in_it(faces: FaceStore) -> None:
    """A start takes seconds with many faces; a withdrawal in between was in force for everything but the gallery."""
    for number in (1, 2):
        faces.put(f"p-{number}", DLIB.model, embedding(number))

    async def story() -> None:
        with closing(FaceStore(faces.path, KEY, GATEWAY)) as daemon:
            gallery, version, _ = await load(daemon, DLIB, lambda: faces.erase("p-1"))  # type: ignore[arg-type]
            assert "p-1" in gallery, "it had been read"
            judge = Judge(FacePolicy(), gallery)
            following = asyncio.ensure_future(follow(daemon, DLIB, judge, version, lambda: None))
            await auntil(lambda: "p-1" not in gallery or following.done())
            assert gallery.persons == ("p-2",)
            following.cancel()

    asyncio.run(story())


@pytest.fixture
def aside(tmp_path: Path) -> Iterator[tuple[FaceStore, bytes]]:
    """A new faces.db beside a damaged one that was set aside, and what that holds of p-1: template and picture."""
    with closing(FaceStore(tmp_path / "faces.db", KEY, GATEWAY)) as store:
        store.put("p-1", MODEL, embedding(1), b"picture")
        sealed = sealed_of(store.path, "p-1")
    data = store.path.read_bytes()
    store.path.write_bytes(data[:100] + bytes(20) + data[120:])
    with closing(FaceStore(tmp_path / "faces.db", KEY, GATEWAY, set_aside=True)) as store:
        assert on_disk(store.path, sealed), "it is readable there for whoever has the key"
        yield store, sealed


@pytest.mark.parametrize("how", ["erase", "drop_crops"])
def test_a_damaged_file_that_was_set_aside_goes_with_the_first_face_that_has_to(
    aside: tuple[FaceStore, bytes], how: str
) -> None:
    """Whose faces it holds nobody can tell any more."""
    store, sealed = aside
    getattr(store, how)("p-1")
    assert on_disk(store.path, sealed) == []
    assert list(store.path.parent.glob("*.damaged-*")) == []


def test_what_somebody_else_has_just_destroyed_is_no_failure(
    aside: tuple[FaceStore, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent's sweep comes while a command erases: nobody is told that a face which is gone may be there."""
    store, sealed = aside
    found = [*store.path.parent.glob("*.damaged-*")]
    gone = found[0].with_name("faces.db.damaged-before")
    monkeypatch.setattr(Path, "glob", lambda *_: iter([gone, *found]))
    store.erase("p-1")
    monkeypatch.undo()
    assert on_disk(store.path, sealed) == []


def test_a_damaged_file_that_was_set_aside_goes_when_a_consent_has_ended_since(
    aside: tuple[FaceStore, bytes], tmp_path: Path
) -> None:
    """Who was only in that file is enrolled nowhere, so that nothing of them would ever be destroyed."""
    store, sealed = aside
    damaged_ms = next(tmp_path.glob("*.damaged-*")).stat().st_mtime_ns // 1_000_000
    with closing(PeopleStore(tmp_path / "people.db")) as people:
        people.put(PersonEntry(id="p-1", name="x", category="resident"))
        for purpose, until_ms in (("keep_image", damaged_ms - 1000), ("match", damaged_ms + 1000)):
            people.give_consent(
                Consent(person="p-1", purpose=purpose, text_version="1", given_ms=5, until_ms=until_ms)
            )  # fmt: skip
        lapsed(store, people, damaged_ms + 500)
        assert on_disk(store.path, sealed), "what had ended before was erased in it"
        lapsed(store, people, damaged_ms + 1000)
        assert on_disk(store.path, sealed) == []


def test_faces_outlive_a_people_db_that_was_lost(faces: FaceStore, tmp_path: Path) -> None:
    """A bad block in one file is nobody's withdrawal: the faces are there when its backup is."""
    path, key = tmp_path / "people.db", tmp_path / "face-store.key"
    key.write_bytes(KEY)
    key.chmod(0o600)
    with closing(PeopleStore(path)) as people:
        for number in (1, 2):
            faces.put(f"p-{number}", MODEL, embedding(number))
            people.put(PersonEntry(id=f"p-{number}", name="x", category="resident"))
            people.give_consent(Consent(person=f"p-{number}", purpose="match", text_version="1", given_ms=5))
        people.withdraw_consent("p-2", "match", 6)
    backup = path.read_bytes()
    path.write_bytes(os.urandom(4096))
    PeopleStore(path, set_aside=True).close()
    retainer = Retainer(tmp_path, key, GATEWAY, Retention(), MemoryClock())
    with pytest.raises(StoreError) as told:
        retainer.sweep(10)
    assert told.value.code == "store.consents_lost"
    assert len(faces.enrolled()) == 2
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    path.write_bytes(backup)
    retainer.sweep(10)
    assert [one.person for one in faces.enrolled()] == ["p-1"]


def test_who_withdraws_while_their_photograph_is_read_is_not_enrolled(faces: FaceStore, tmp_path: Path) -> None:
    """A batch of an import takes up to a minute; at the desk somebody else is at work meanwhile."""
    with closing(PeopleStore(tmp_path / "people.db")) as people:
        people.put(PersonEntry(id="p-1", name="x", category="resident"))
        enroller = Enroller(people, faces, FacePolicy(), DLIB)
        enroller.agree("p-1", Agreed(match="v1", keep_image="k1"))
        read = PhotoResult("p-1.jpg", embedding(1), model=DLIB.model, crop=b"picture")
        people.withdraw_consent("p-1", "keep_image", 1)
        assert enroller.take("p-1", read) is None
        assert (len(faces.enrolled()), faces.pictured()) == (1, set())
        people.withdraw_consent("p-1", "match", 1)
        erase(faces, people, "p-1", "withdrawn")
        refused = enroller.take("p-1", read)
        assert refused is not None
        assert refused.code == "cli.no_consent"
        assert faces.enrolled() == []


def test_who_is_erased_while_a_kept_picture_is_embedded_again_stays_erased(faces: FaceStore) -> None:
    faces.put("p-1", MODEL, embedding(1), b"picture")
    faces.erase("p-1")
    assert not faces.replace_model("p-1", "another-model", [embedding(2)])
    assert faces.enrolled() == []
    faces.put("p-1", MODEL, embedding(1), b"picture")
    assert faces.replace_model("p-1", "another-model", [embedding(2)])
    assert [one.model for one in faces.enrolled()] == ["another-model"]
