"""`edge-agent evidence export`: on record before anything leaves, and nothing on record that could not leave."""

import errno
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import av
import msgspec
import pytest

from edge_agent.cli import evidence
from edge_agent.errors import EdgeAgentError
from edge_agent.exhibits import child
from edge_agent.model.commands import Operation
from edge_agent.model.sightings import Phase, Sighting
from edge_agent.store.retrievals import Retrievals
from tests.cli import test_door_cli
from tests.cli.evidence_rig import gateway, keep
from tests.cli.test_door_cli import Site
from tests.vision.test_ring import cut, make_clip, packets

DARK = Sighting(rule="", kind="black", incident="i-1", phase=Phase.BEGUN, up_ms=1, size=(640, 480))
TAKE = ("evidence", "export", "ev-1", "out", "--by", "王芳", "--why", "case 7")
YARD = '[[camera]]\nname = "yard"\nurl = "rtsp://127.0.0.1:1/x"\nuse = ["evidence"]\n'


def at(folder: Path, story: Callable[[Site], Awaitable[None]], *, agent: bool = True, camera: bool = True) -> None:
    test_door_cli.at(folder, story, agent=agent, more=YARD if camera else "")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    source = make_clip(tmp_path_factory.mktemp("clip") / "a.mp4", 2.0)
    return cut(source, packets(source))[0]


def entered(folder: Path) -> list[str]:
    return [line.entry.what for line in Retrievals(folder / "state").lines()]


def refused(
    folder: Path, says: str, *more: str, agent: bool = True, camera: bool = True, lang: str = "en"
) -> None:  # fmt: skip
    """It says so, and leaves no entry, no order to the agent and no folder."""

    async def story(site: Site) -> None:
        status, text = await site.run(*TAKE, *more, lang=lang)
        assert (status, says in text) == (1, True), text
        assert (entered(folder), site.asked) == ([], [])
        assert not (folder / "out/ev-1").exists()

    at(folder, story, agent=agent, camera=camera)


def test_a_copy_is_for_its_owner_alone_and_on_record(tmp_path: Path) -> None:
    keep(gateway(tmp_path), b"clip")

    async def story(site: Site) -> None:
        status, text = await site.run(*TAKE)
        assert status == 0, text
        assert entered(tmp_path) == ["evidence/ev-1"]
        order = Operation("export_evidence", "王芳", "case 7", target="ev-1", outcome="investigation")
        assert site.asked == [order]
        copy = tmp_path / "out/ev-1"
        files = {path.name: path.stat().st_mode & 0o777 for path in copy.iterdir()}
        assert files == dict.fromkeys(("manifest.json", "clip.mp4", "track.json", "gateway.pub"), 0o600)
        assert (copy.stat().st_mode & 0o777, (copy / "clip.mp4").read_bytes()) == (0o700, b"clip")
        status, text = await site.run(*TAKE)
        assert (status, "is there already" in text, len(entered(tmp_path))) == (1, True, 1)

    at(tmp_path, story)


def test_a_copy_is_told_when_the_disk_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stick that fails when what was written is brought onto it has no copy: that is said, and its folder goes."""
    brought: list[str] = []

    def fails(fd: int) -> None:
        brought.append(os.readlink(f"/proc/self/fd/{fd}"))
        if len(brought) == 2:
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("os.fsync", fails)
    files = [(name, iter([b"x"])) for name in ("manifest.json", "clip.mp4", "track.json")]
    with pytest.raises(EdgeAgentError) as told, evidence._new_folder(tmp_path / "ev-1"):
        evidence._write(tmp_path / "ev-1", iter(files))
    assert told.value.code == "evidence.copy_failed"
    assert brought == [str(tmp_path / "ev-1/manifest.json"), str(tmp_path / "ev-1/clip.mp4")]
    assert not (tmp_path / "ev-1").exists()


def test_what_cannot_be_taken_is_not_entered_as_taken(tmp_path: Path) -> None:
    """No agent, no place for it, a reason that no agent takes."""
    keep(gateway(tmp_path), b"clip")
    refused(tmp_path, "agent", agent=False)
    refused(tmp_path, "too long", "--why", "x" * 201)
    (tmp_path / "out").symlink_to("/proc")  # nobody makes a folder there
    refused(tmp_path, "cannot be written")


def test_what_cannot_be_written_to_its_end_stays_on_record_and_leaves_no_half(tmp_path: Path) -> None:
    keep(gateway(tmp_path), b"clip")
    track = tmp_path / "state/evidence/ev-1/track.json"
    track.chmod(0o600)
    track.write_bytes(track.read_bytes()[:-1])

    async def story(site: Site) -> None:
        status, text = await site.run(*TAKE)
        assert (status, "stays" in text) == (1, True), text
        assert (entered(tmp_path), len(site.asked)) == (["evidence/ev-1"], 1)
        assert not (tmp_path / "out/ev-1").exists()

    at(tmp_path, story)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("track", [b"[]", None, msgspec.json.encode([DARK])])
def test_only_the_event_of_what_has_no_place_is_refused(
    tmp_path: Path, clip: bytes, track: bytes | None, lang: str
) -> None:
    """A door's event and a clip that was cut off have no boxes: nothing would be hidden."""
    keep(gateway(tmp_path), clip, track=track)
    refused(tmp_path, "--only-event", "--for", "publication", "--only-event", lang=lang)


def test_only_the_event_of_an_investigations_copy_is_refused(tmp_path: Path) -> None:
    keep(gateway(tmp_path), b"clip")
    refused(tmp_path, "--for publication", "--only-event")


def test_a_clip_that_was_cut_off_is_masked_up_to_there(tmp_path: Path, clip: bytes) -> None:
    """As it is salvaged after a stop: the last picture is cut in two."""
    keep(gateway(tmp_path), clip[: len(clip) * 3 // 4], track=None)

    async def story(site: Site) -> None:
        status, text = await site.run(*TAKE, "--for", "publication")
        assert status == 0, text
        with av.open(str(tmp_path / "out/ev-1/published.mp4")) as container:
            assert sum(1 for _ in container.decode(video=0)) >= 10

    at(tmp_path, story)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_copy_for_publication_needs_the_masks_of_its_camera(tmp_path: Path, clip: bytes, lang: str) -> None:
    """They are in agent.toml; a camera that is not there any more would be shown with its private windows."""
    keep(gateway(tmp_path), clip)
    refused(tmp_path, "yard", "--for", "publication", camera=False, lang=lang)


def test_a_clip_without_a_picture_is_not_entered_as_published(tmp_path: Path) -> None:
    keep(gateway(tmp_path), b"no video at all", track=None)
    refused(tmp_path, "no picture of ev-1", "--for", "publication")


def test_a_child_that_fails_is_one_sentence(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(EdgeAgentError, match=r"^the video could not be looked at[^\n]+JSON[^\n]+$"):
        child("edge_agent.vision.publish", b"no order")
    assert capfd.readouterr().err == ""


def test_a_masking_that_hangs_ends_with_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the whole may take: so long without a frame is too long."""
    hangs = tmp_path / "python"
    hangs.write_text("#!/bin/sh\nexec sleep 60\n")
    hangs.chmod(0o755)
    monkeypatch.setattr(evidence, "CHILD_WITHIN_S", 0.3)
    monkeypatch.setattr(evidence.sys, "executable", str(hangs))
    with pytest.raises(EdgeAgentError, match="status -9"):
        evidence._blurred({}, b"")
