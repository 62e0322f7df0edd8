"""store/sealed.py and store/evidence.py: written once, read as written or not at all, also after a power cut."""

import errno
import os
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.errors import StoreError
from edge_agent.store import database
from edge_agent.store.evidence import CLIP, DISK, MANIFEST, EvidenceStore
from edge_agent.store.sealed import SealedWriter, read_sealed
from tests.store.kills import KEY, KilledAt, killing

OTHER = bytes(32)
PIECES = [b"one" * 1000, b"", b"two", bytes(70_000)]


@pytest.fixture(scope="module")
def killed_at() -> Iterator[KilledAt]:
    with killing() as killed:
        yield killed


def sealed(path: Path, name: str = "a/clip") -> Path:
    writer = SealedWriter(path, name, KEY)
    for piece in PIECES:
        writer.write(piece)
    writer.close()
    return path


def made(folder: Path) -> EvidenceStore:
    store = EvidenceStore(folder / "evidence", KEY)
    store.make()
    return store


def test_what_was_sealed_is_read_and_is_not_on_the_disk(tmp_path: Path) -> None:
    path = sealed(tmp_path / "f")
    assert list(read_sealed(path, "a/clip", KEY)) == PIECES
    assert b"oneone" not in path.read_bytes()
    with pytest.raises(StoreError):
        SealedWriter(path, "a/clip", KEY)


def test_every_altered_byte_is_noticed(tmp_path: Path) -> None:
    path = sealed(tmp_path / "f")
    whole = path.read_bytes()
    for at in [*range(0, 60), *range(60, len(whole), 997), len(whole) - 1]:
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(StoreError):
            list(read_sealed(path, "a/clip", KEY))


@pytest.mark.parametrize(("name", "key"), [("b/clip", KEY), ("a/clip", OTHER)])
def test_another_name_or_key_opens_nothing(tmp_path: Path, name: str, key: bytes) -> None:
    path = sealed(tmp_path / "f")
    with pytest.raises(StoreError):
        list(read_sealed(path, name, key))


def test_a_cut_file_is_noticed_and_read_up_to_its_last_whole_piece(tmp_path: Path) -> None:
    path = sealed(tmp_path / "f")
    whole = path.read_bytes()
    for size in [*range(6), *range(6, len(whole), 501)]:
        path.write_bytes(whole[:size])
        with pytest.raises(StoreError):
            list(read_sealed(path, "a/clip", KEY))
        rest = list(read_sealed(path, "a/clip", KEY, cut=True))
        assert rest == PIECES[: len(rest)]
    path.write_bytes(whole + b"more")
    with pytest.raises(StoreError):
        list(read_sealed(path, "a/clip", KEY))


def test_a_file_that_ends_in_zeros_is_read_up_to_its_last_whole_piece(tmp_path: Path) -> None:
    """A power cut may leave room that was never written: it reads as zeros. Anything else there was altered."""
    path = sealed(tmp_path / "f")
    whole = path.read_bytes()
    for lost in range(17, len(whole) - 6, 499):
        path.write_bytes(whole[:-lost] + bytes(lost))
        with pytest.raises(StoreError):
            list(read_sealed(path, "a/clip", KEY))
        rest = list(read_sealed(path, "a/clip", KEY, cut=True))
        assert rest == PIECES[: len(rest)]
    path.write_bytes(whole[:-900] + bytes(899) + b"x")
    with pytest.raises(StoreError):
        list(read_sealed(path, "a/clip", KEY, cut=True))


def test_what_cannot_be_erased_is_not_called_erased(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = made(tmp_path)

    def read_only(path: Path) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    (tmp_path / "evidence/ev-1").mkdir()
    monkeypatch.setattr(shutil, "rmtree", read_only)
    with pytest.raises(StoreError, match="Read-only"):
        store.erase("ev-1", "")
    monkeypatch.undo()
    store.erase("ev-1", "")
    store.erase("ev-1", *store.disks())  # what is gone is


def test_evidence_is_there_when_it_is_finished_and_not_before(tmp_path: Path) -> None:
    store = made(tmp_path)
    writer = store.begin("ev-1", b"{}")
    writer.write(b"clip")
    file = writer.close_clip()
    writer.add("track.json", b"[]")
    assert store.there() == set()
    assert writer.finish(b'{"manifest":1}') > 0
    assert store.there() == {"ev-1"}
    assert b"".join(store.read("ev-1", CLIP)) == b"clip"
    assert (file.name, file.size) == (CLIP, 4)
    assert store.manifest("ev-1") == b'{"manifest":1}'
    assert (tmp_path / "evidence/ev-1" / MANIFEST).stat().st_mode & 0o777 == 0o400
    store.erase("ev-1", "")
    assert store.there() == set()


def test_what_a_power_cut_left_is_found_and_saved(tmp_path: Path) -> None:
    """Half-written: its pieces are there, the end is not. Nothing but a request: thrown away."""
    store = made(tmp_path)
    writer = store.begin("ev-1", b"what was asked")
    writer.write(b"first")
    writer.write(b"second")
    idle = store.begin("ev-2", b"nothing came")
    for one in (writer, idle):
        one._clip.abort()  # the process is gone
    (tmp_path / "evidence/ev-3.part").mkdir()
    clip = tmp_path / "evidence/ev-1.part" / CLIP
    clip.write_bytes(clip.read_bytes()[:-3])  # the last piece was cut in two
    again = EvidenceStore(tmp_path / "evidence", KEY)
    assert again.cut_off() == [("ev-1", b"what was asked"), ("ev-2", b"nothing came")]
    (file,) = again.salvage("ev-1")
    assert (file.name, file.size) == (CLIP, 5)
    assert again.salvage("ev-2") == ()
    again.throw_away("ev-2")
    again.finish("ev-1", b"{}")
    assert again.there() == {"ev-1"}
    assert list(again.read("ev-1", CLIP)) == [b"first"]
    assert again.cut_off() == []


def test_a_kill_between_the_manifest_and_the_end_loses_no_evidence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request is there for the next start until the folder has its name."""

    class Killed(BaseException):
        pass

    def killed(_: Path) -> None:
        raise Killed

    store = made(tmp_path)
    writer = store.begin("ev-1", b"what was asked")
    writer.write(b"first")
    writer.close_clip()
    with monkeypatch.context() as patched:
        patched.setattr(database, "sync_directory", killed)
        with pytest.raises(Killed):
            store.finish("ev-1", b"{}")
    again = EvidenceStore(tmp_path / "evidence", KEY)
    assert again.cut_off() == [("ev-1", b"what was asked")]
    assert again.salvage("ev-1")
    again.finish("ev-1", b"{again}")
    assert (again.there(), again.manifest("ev-1")) == ({"ev-1"}, b"{again}")


def half_written(folder: Path, pieces: int = 40) -> EvidenceStore:
    """A clip whose agent is gone in the middle."""
    store = made(folder)
    writer = store.begin("ev-1", b"what was asked")
    for number in range(pieces):
        writer.write(bytes([number]) * 20_000)
    writer._clip.abort()
    return store


def test_a_full_disk_costs_nothing_of_what_was_cut_off(tmp_path: Path) -> None:
    """Start after start without room for a second copy; with room it is all there."""
    store = half_written(tmp_path)
    part = tmp_path / "evidence/ev-1.part"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    for _ in range(3):
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
        try:
            with pytest.raises(StoreError):
                store.salvage("ev-1")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert {path.name for path in part.iterdir()} == {CLIP, "request.json"}, "and takes no room beside it"
    (file,) = store.salvage("ev-1")
    assert file.size == 800_000


def test_a_kill_anywhere_in_salvaging_costs_nothing(tmp_path: Path, killed_at: KilledAt) -> None:
    """Killed at each step on the disk in turn, and started again."""
    for step in range(100):
        folder = tmp_path / str(step)
        store = half_written(folder)
        killed = killed_at(step, folder / "evidence", "salvage")
        assert store.cut_off() == [("ev-1", b"what was asked")]
        (file,) = store.salvage("ev-1")
        assert file.size == 800_000
        if not killed:
            break
    assert 4 < step < 50


def test_a_disk_that_is_full_before_it_has_a_name_is_tidied_all_the_same(tmp_path: Path) -> None:
    """The first start of this version found it full: no evidence was kept any more, and none of it erased."""
    (tmp_path / "evidence/ev-1").mkdir(parents=True)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4, limits[1]))
    try:
        store = made(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert store.disks() == []
    store.erase("ev-1", "")
    assert store.there() == set()
    store.make()
    assert len(store.disks()) == 1


@pytest.mark.parametrize("request_", [b"what was asked", b""])
def test_what_could_not_be_begun_leaves_nothing(tmp_path: Path, request_: bytes) -> None:
    """The disk takes the request, or only its name, and nothing of the clip."""
    store = made(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4, limits[1]))
    try:
        with pytest.raises(StoreError):
            store.begin("ev-1", request_)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path.name for path in (tmp_path / "evidence").iterdir()] == [DISK]


def test_a_kill_anywhere_in_finishing_costs_nothing(tmp_path: Path, killed_at: KilledAt) -> None:
    """Killed at each step on the disk in turn: the next start finds it whole, or what it needs to finish it."""
    sizes = set()
    for step in range(100):
        folder = tmp_path / str(step)
        store = made(folder)
        writer = store.begin("ev-1", b"what was asked")
        writer.write(b"first")
        writer.close_clip()
        killed = killed_at(step, folder / "evidence", "finish")
        for evidence, request in store.cut_off():
            assert (evidence, request) == ("ev-1", b"what was asked")
            assert store.salvage("ev-1")
            store.finish("ev-1", b"{}")
        assert store.there() == {"ev-1"}
        assert list(store.read("ev-1", CLIP)) == [b"first"]
        assert store.manifest("ev-1") == b"{}"
        assert {path.name for path in (folder / "evidence/ev-1").iterdir()} == {CLIP, MANIFEST}
        sizes.add(sum(path.stat().st_size for path in (folder / "evidence/ev-1").iterdir()))
        if not killed:
            break
    assert 4 < step < 50
    assert len(sizes) == 1


def test_a_whole_folder_whose_request_an_earlier_version_took_first_is_kept(tmp_path: Path) -> None:
    store = made(tmp_path)
    writer = store.begin("ev-1", b"what was asked")
    writer.write(b"first")
    writer.close_clip()
    writer.finish(b"{}")
    folder = tmp_path / "evidence/ev-1"
    folder.rename(tmp_path / "evidence/ev-1.part")
    assert store.cut_off() == []
    assert store.there() == {"ev-1"}


def test_the_size_of_evidence_is_without_its_request(tmp_path: Path) -> None:
    sizes = []
    for number, request in enumerate((b"", b"x" * 10_000), 1):
        writer = made(tmp_path).begin(f"ev-{number}", request)
        writer.close_clip()
        sizes.append(writer.finish(b"{}"))
    assert sizes[0] == sizes[1]


@pytest.mark.parametrize("left", [None, b"", b"EAe", bytes(4096), b"EAev1\n"])
def test_a_clip_of_which_nothing_reached_the_disk_is_no_altered_one(tmp_path: Path, left: bytes | None) -> None:
    """After a power cut the file is not there, empty, or zeros."""
    store = half_written(tmp_path, pieces=0)
    clip = tmp_path / "evidence/ev-1.part" / CLIP
    clip.unlink()
    if left is not None:
        clip.write_bytes(left)
    assert store.salvage("ev-1") == ()


def test_a_clip_of_another_key_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    half_written(tmp_path)
    with pytest.raises(StoreError):
        EvidenceStore(tmp_path / "evidence", OTHER).salvage("ev-1")
    assert EvidenceStore(tmp_path / "evidence", KEY).salvage("ev-1")[0].size == 800_000


def test_what_an_earlier_version_set_aside_on_a_full_disk_is_the_clip(tmp_path: Path) -> None:
    """It moved the clip to clip.mp4.rest, and got a part of it back into clip.mp4, or nothing."""
    for left in (b"EAev1\n", None):
        folder = tmp_path / str(left)
        store = half_written(folder)
        clip = folder / "evidence/ev-1.part" / CLIP
        os.rename(clip, f"{clip}.rest")
        if left is not None:
            clip.write_bytes(left)
        (file,) = store.salvage("ev-1")
        assert file.size == 800_000
        assert {path.name for path in clip.parent.iterdir()} == {CLIP, "request.json"}
