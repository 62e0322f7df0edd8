"""Cameras of this machine: devices of the kernel's own V4L2 test driver, unplugged, silent and broken as USB ones are.

Runs where the kernel has vivid and the user is root: `make test-v4l2` boots such a kernel.
"""

import asyncio
import contextlib
import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from edge_agent.model.detections import CameraState, Detection, FaceSample, VisionJob
from edge_agent.model.events import AlertOpened, EvidenceKept
from edge_agent.model.face_models import DLIB
from edge_agent.model.recording import ClipDone, Keep, Piece, ShareJob
from edge_agent.model.site import Camera, FacePolicy
from edge_agent.sim.estate import Estate
from edge_agent.vision import clock
from edge_agent.vision.decode import FrameSource, open_stream
from edge_agent.vision.frames import JpegFrame
from edge_agent.vision.v4l2 import shared
from tests.system.site import log_of, ready
from tests.system.test_cameras import children, found, until_shown, watched
from tests.v4l2.vivid import (
    BLACK,
    COLOUR_BARS,
    DRIVER,
    S_VIDEO,
    VIDEO_OUTPUT,
    WEBCAM,
    Screen,
    Vivid,
    nodes,
)
from tests.vision.pictures import photos
from tests.vision.test_share import share
from tests.vision.test_sources import Child, recorder, sentry, some
from tests.waiting import auntil, until

if not (DRIVER.is_dir() and os.access(DRIVER / "bind", os.W_OK)):
    pytest.skip(
        "this kernel simulates no camera: `make test-v4l2` builds and boots one that does", allow_module_level=True
    )

BARS = [(191, 191, 191), (191, 191, 0), (0, 191, 191), (0, 191, 0), (191, 0, 191), (191, 0, 0), (0, 0, 191), (0, 0, 0)]


@pytest.fixture
def vivid() -> Iterator[Vivid]:
    camera = Vivid()
    camera.input(WEBCAM)
    camera.set("Test Pattern", COLOUR_BARS)
    camera.set("Percentage of Dropped Buffers", 0)
    camera.set("OSD Text Mode", 1)  # time and number in a corner, as cameras do
    return camera


@pytest.fixture
def where(tmp_path: Path) -> Path:
    return tmp_path / "run" / "camera.sock"


def shows_bars(rgb: np.ndarray | None) -> None:
    assert rgb is not None
    height, width = rgb.shape[:2]
    for index, bar in enumerate(BARS):
        seen = rgb[height // 2, round((index + 0.5) * width / len(BARS))]
        assert np.abs(seen.astype(int) - bar).max() <= 12, (index, seen, bar)


# ---- the device itself -----------------------------------------------------------------------------------------------


def test_its_pictures_come_in_its_colours_and_at_its_times(vivid: Vivid) -> None:
    """Without a share, as `camera watch` sees it when no agent runs."""
    frames = some(f"v4l2://{vivid.path}?size=640x480", 20, fps=15)
    shows_bars(frames[0].rgb())
    luma, gray = frames[0].luma(), frames[0].gray()
    assert luma is not None
    assert gray is not None
    assert (luma.shape, gray.shape) == ((480, 640), (240, 320))
    gaps = [later.up_ms - earlier.up_ms for earlier, later in pairwise(frames)]
    assert abs(np.mean(gaps) - 1000 / 15) < 3
    assert max(gaps) < 100


@pytest.mark.parametrize(
    ("asked", "given"), [("", (1280, 720)), ("?size=1920x1080", (1920, 1080)), ("?size=320x180", (320, 180))]
)
def test_the_size_is_the_one_asked_for(vivid: Vivid, asked: str, given: tuple[int, int]) -> None:
    with open_stream(f"v4l2://{vivid.path}{asked}", 5) as container:
        context = container.streams.video[0].codec_context
        assert (context.width, context.height) == given


# ---- one has it, the others look on ----------------------------------------------------------------------------------


def test_three_see_what_one_has(vivid: Vivid, where: Path) -> None:
    """Raw pictures of the device: JPEGs for faces, watched for alerts, a clip of them as evidence."""
    url = shared(f"v4l2://{vivid.path}?size=640x480", where)
    with share(f"v4l2://{vivid.path}?size=640x480", where) as child, sentry(url) as watching, recorder(url) as keeping:
        until(lambda: "ready" in watching.states() and "ready" in keeping.states(), 60)
        began = clock.up_ms()
        frames = some(url, 30)
        assert all(isinstance(frame, JpegFrame) for frame in frames)
        shows_bars(frames[0].rgb())
        gaps = [later.up_ms - earlier.up_ms for earlier, later in pairwise(frames)]
        assert abs(np.mean(gaps) - 1000 / 15) < 3, "the device's own times"
        keeping.tell(Keep("ev-1", began, began + 2_000))
        (done,) = until(lambda: keeping.of(ClipDone), 60)
        assert (done.why, done.stream.codec, done.stream.width, done.stream.height) == ("", "mjpeg", 640, 480)
        data = b"".join(piece.data for piece in keeping.of(Piece))
        assert "lost" not in watching.states() + keeping.states() + child.states()
    with av.open(io.BytesIO(data)) as container:
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(pictures) == done.stream.packets >= 25
    shows_bars(pictures[-1])


def test_the_largest_usual_picture_fits_the_memory(vivid: Vivid, where: Path) -> None:
    url = f"v4l2://{vivid.path}?size=1920x1080"
    with share(url, where, fps=5) as child, sentry(shared(url, where), fps=5):
        until(lambda: child.states().count("ready") >= 6, 60, child.detail)
        assert child.rss_mb() < 300


def test_a_face_before_it_is_seen(vivid: Vivid, where: Path) -> None:
    """A photograph held before the camera: the child of faces finds it and measures it."""
    photo = cv2.cvtColor(cv2.imread(str(photos()["obama.jpg"])), cv2.COLOR_BGR2RGB)
    scale = 400 / photo.shape[0]
    face = cv2.resize(photo, None, fx=scale, fy=scale)
    vivid.input(S_VIDEO)
    vivid.set("Loop Video", 1)
    picture = np.full((Screen.HEIGHT, Screen.WIDTH, 3), 90, np.uint8)
    url = f"v4l2://{vivid.path}?size=720x576"
    screen, over = Screen(), threading.Event()

    def hold() -> None:
        count = 0
        while not over.is_set():
            shown, count = picture.copy(), count + 1
            if count > 50:  # somebody comes, and sways as people do
                left = 200 + round(6 * np.sin(count / 8))
                shown[100 : 100 + face.shape[0], left : left + face.shape[1]] = face[:, : Screen.WIDTH - left]
            screen.show(shown)

    holding = threading.Thread(target=hold)
    holding.start()
    try:
        with share(url, where, fps=10):
            camera = Camera(name="desk", url=shared(url, where), door="gate", fps=10)
            child = Child("edge_agent.vision.worker", VisionJob(camera, FacePolicy(), DLIB), Detection)
            try:
                samples = until(lambda: child.of(FaceSample), 90, child.states)
            finally:
                errors = child.end()
        assert min(samples[0].box[2:]) > 60, errors
    finally:
        over.set()
        holding.join()
        screen.close()


# ---- what goes wrong -------------------------------------------------------------------------------------------------


def test_another_program_has_it(vivid: Vivid, where: Path) -> None:
    url = f"v4l2://{vivid.path}?size=640x480"
    other = subprocess.Popen(
        [sys.executable, "-c", f"import av; [None for _ in av.open({vivid.path!r}, format='v4l2').demux(video=0)]"]
    )
    try:
        until(lambda: Path(f"/proc/{other.pid}/maps").read_text().count(vivid.path), 30)
        with share(url, where) as child, sentry(shared(url, where)) as watching:
            until(lambda: "another program has it" in child.detail(), 30, child.detail)
            until(lambda: "another program has it" in watching.detail(), 30, watching.detail)
            other.kill()
            until(lambda: watching.states()[-1] in ("ready", "back"), 60, watching.detail)
    finally:
        other.kill()
        other.wait()


def test_it_is_unplugged_and_plugged_in_again(vivid: Vivid, where: Path) -> None:
    url = f"v4l2://{vivid.path}?size=640x480"
    with share(url, where) as child, sentry(shared(url, where)) as watching:
        until(lambda: "ready" in watching.states(), 60)
        vivid.unplug()
        try:
            until(lambda: watching.states()[-1] == "lost", 60)
            until(lambda: "No such file or directory" in watching.detail(), 30, watching.detail)
        finally:
            vivid.plug()
        until(lambda: watching.states()[-1] in ("ready", "back"), 60, lambda: (child.detail(), watching.detail()))


def test_it_goes_silent(vivid: Vivid, where: Path) -> None:
    """FFmpeg waits in the kernel then, and nothing can call it back: the process ends, for another to be started."""
    with share(f"v4l2://{vivid.path}?size=640x480", where) as child:
        until(lambda: "ready" in child.states(), 60)
        vivid.set("Percentage of Dropped Buffers", 100)
        began = time.monotonic()
        until(lambda: child.process.poll() is not None, 30)
        assert child.process.returncode == 1
        assert child.states()[-1] == "lost"
        assert child.detail() == "the camera sends nothing"
        assert 3 < time.monotonic() - began < 12


@contextlib.contextmanager
def kept(url: str, where: Path) -> Iterator[None]:
    """A share that is started again whenever it ends, as the daemon does it."""
    over = threading.Event()

    def keep() -> None:
        while not over.is_set():
            child = Child("edge_agent.vision.share", ShareJob("desk", url, 15, str(where)), CameraState)
            while child.process.poll() is None and not over.wait(0.1):
                pass
            child.end()

    keeping = threading.Thread(target=keep)
    keeping.start()
    try:
        yield
    finally:
        over.set()
        keeping.join()


def pictures_again(source: FrameSource) -> None:
    at = clock.up_ms() + 2_000
    until(lambda: (frame := source.next(0.1)) is not None and frame.up_ms > at, 60, lambda: source.trouble)


OPENING = ["Inject VIDIOC_REQBUFS Error", "Inject VIDIOC_STREAMON Error"]
RUNNING = ["Inject VIDIOC_QBUF Error", "Inject Fatal Streaming Error", "Inject V4L2_BUF_FLAG_ERROR"]


@pytest.mark.parametrize("fault", OPENING)
def test_it_cannot_be_opened_at_first(vivid: Vivid, where: Path, fault: str) -> None:
    """The driver says no once. FFmpeg leaves the device's memory mapped then, and it would be busy for ever."""
    vivid.set(fault)
    url = f"v4l2://{vivid.path}?size=640x480"
    with kept(url, where):
        source = FrameSource(shared(url, where), 15)
        source.start()
        try:
            pictures_again(source)
        finally:
            source.stop()


@pytest.mark.parametrize("fault", [*RUNNING, "Disconnect"])
def test_the_driver_fails_in_the_middle(vivid: Vivid, where: Path, fault: str) -> None:
    """Whatever it is, there are pictures again by themselves (after `Disconnect`: when it is plugged in again)."""
    url = f"v4l2://{vivid.path}?size=640x480"
    source = FrameSource(shared(url, where), 15)
    with kept(url, where):
        source.start()
        try:
            until(lambda: source.next(0.1), 60, lambda: source.trouble)
            vivid.set(fault)
            if fault == "Disconnect":
                until(lambda: source.trouble, 60)
                vivid.unplug()
                vivid.plug()
            pictures_again(source)
        finally:
            source.stop()


def test_a_device_that_gives_no_pictures(vivid: Vivid, where: Path) -> None:
    """As the second device of most USB cameras: it is there, for other things."""
    (other,) = nodes(VIDEO_OUTPUT)
    with share(f"v4l2://{other}", where) as child:
        until(lambda: "no camera gives pictures" in child.detail(), 30, child.detail)


# ---- the daemon ------------------------------------------------------------------------------------------------------

SHARE = "edge_agent.vision.share"
CAMERA = """
[evidence]
pre_s = 2
post_s = 2
longest_s = 7

[[camera]]
name = "desk"
url = "v4l2://{device}?size=640x480"
door = "north-gate"
use = ["alerts", "evidence", "wall"]
fps = 15
"""


def test_the_daemon_with_a_camera_at_the_machine(vivid: Vivid, tmp_path: Path) -> None:
    """Black → an alert with its clip; unplugged → lost; silent → another process; `camera watch` beside it all."""

    def alerts(site: Estate) -> list[str]:
        return [row.event.kind for row in found(site, "alert.opened") if isinstance(row.event, AlertOpened)]

    async def story() -> None:
        async with watched(tmp_path / "site", CAMERA.format(device=vivid.path)) as (site, ask):
            await ready(site, 60)
            picture = await until_shown(ask, "/cameras/desk/now.jpg")
            small = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
            shows_bars(cv2.cvtColor(small, cv2.COLOR_BGR2RGB))
            running = children(site)
            has_it = running[SHARE]
            assert {"edge_agent.vision.sentry", "edge_agent.vision.recorder"} <= set(running)

            said = await site.command("device", "list")
            assert f"{vivid.path}\n    vivid-000-vid-cap\n    camera desk\n" in said, said

            await asyncio.sleep(12)  # the sentry learns how it looks
            vivid.set("Test Pattern", BLACK)
            await auntil(lambda: "black" in alerts(site), 60, lambda: log_of(site))
            vivid.set("Test Pattern", COLOUR_BARS)
            await auntil(lambda: found(site, "evidence.kept"), 60, lambda: log_of(site))
            (kept,) = [row.event for row in found(site, "evidence.kept") if isinstance(row.event, EvidenceKept)]
            assert kept.complete, kept.why
            assert "as it was signed" in await site.command("evidence", "verify", kept.evidence)
            copy = tmp_path / "copies"
            await site.command("evidence", "export", kept.evidence, copy, "--by", "王芳", "--why", "case 7")
            (clip,) = (copy / kept.evidence).glob("*.mp4")
            with av.open(str(clip)) as container:
                levels = [frame.to_ndarray(format="gray").mean() for frame in container.decode(video=0)]
            assert max(levels) > 80, "what was before is in it"
            assert min(levels) < 20, "and what it is about"

            with watching(site.config) as seen:
                await auntil(lambda: b"http://127.0.0.1" in seen.read_bytes(), 60, seen.read_bytes)
                await asyncio.sleep(3)
                assert b"desk" in seen.read_bytes()
                assert "no pictures" not in seen.read_text()

            before = len(found(site, "device.lost"))  # a busy machine opens it slowly
            vivid.set("Percentage of Dropped Buffers", 100)
            await auntil(lambda: len(found(site, "device.lost")) > before, 60, lambda: log_of(site))
            assert "the camera sends nothing" in str(found(site, "device.lost")[-1].event)
            await auntil(lambda: children(site).get(SHARE, has_it) != has_it, 60)
            vivid.set("Percentage of Dropped Buffers", 0)
            await auntil(lambda: found(site, "device.back"), 90, lambda: log_of(site))

    asyncio.run(story())


@contextlib.contextmanager
def watching(config: Path) -> Iterator[Path]:
    """`camera watch` in a process of its own; where it writes."""
    said = config.parent / "watch.txt"
    with said.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "edge_agent", "camera", "watch", "--config", str(config), "desk"],
            stdout=file, stderr=file,
        )  # fmt: skip
    try:
        yield said
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)
