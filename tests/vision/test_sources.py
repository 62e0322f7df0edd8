"""Streams of every awkward kind through the real children: RTSP with a login, B-frames, odd rates, 4K, slow ones."""

import contextlib
import io
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import msgspec
import numpy as np
import pytest
from msgspec import structs

from edge_agent.model.detections import CameraState, Glimpse, SentryJob, Watched
from edge_agent.model.recording import ClipDone, Keep, Piece, Recorded, RecorderJob
from edge_agent.model.site import Camera
from edge_agent.vision import clock
from edge_agent.vision.decode import FrameSource
from edge_agent.vision.frames import Frame
from tests.vision.clips import HEIGHT, WIDTH, film, make_clip
from tests.vision.facade import FPS
from tests.vision.facade.clip import draw
from tests.vision.paced import paced
from tests.waiting import until


class Child:
    """A vision child of its own, and what it has said."""

    def __init__(self, module: str, job: Any, kind: Any) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", module], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.said: list[Any] = []
        self._decoder = msgspec.msgpack.Decoder(kind)
        self.tell(job)
        self._thread = threading.Thread(target=self._hear, daemon=True)
        self._thread.start()

    def tell(self, order: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(msgspec.json.encode(order) + b"\n")
        self.process.stdin.flush()

    def _hear(self) -> None:
        assert self.process.stdout is not None
        while head := self.process.stdout.read(4):
            self.said.append(self._decoder.decode(self.process.stdout.read(int.from_bytes(head, "big"))))

    def states(self) -> list[str]:
        return [said.state for said in self.said if isinstance(said, CameraState)]

    def detail(self) -> str:
        return next((said.detail for said in reversed(self.said) if isinstance(said, CameraState)), "")

    def of(self, kind: type) -> list[Any]:
        return [said for said in self.said if isinstance(said, kind)]

    def rss_mb(self) -> float:
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * 4096 / (1 << 20)

    def end(self) -> str:
        self.process.kill()
        self.process.wait()
        self._thread.join()
        assert self.process.stderr is not None
        errors = self.process.stderr.read().decode()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        return errors


@contextlib.contextmanager
def sentry(url: str, fps: float = 15.0) -> Iterator[Child]:
    camera = Camera(name="yard", url=url, use=("alerts",), fps=fps)
    child = Child("edge_agent.vision.sentry", SentryJob(camera), Watched)
    try:
        yield child
    finally:
        child.end()


def test_r13_the_walls_picture_shows_no_private_window_of_a_facade(tmp_path: Path) -> None:
    drawn = draw(1, falls=1, weather="clear", height=480)
    wide, high = drawn.facade.size
    facade = structs.replace(drawn.facade, camera="yard", masks=((0, 0, wide // 2, 0, wide // 2, high, 0, high),))
    wall = film(tmp_path / "wall.mp4", islice(drawn.raw(), 45), round(FPS))
    camera = Camera(name="yard", url=f"file://{wall}", use=("alerts", "wall"), fps=15.0)
    child = Child("edge_agent.vision.sentry", SentryJob(camera, (facade,)), Watched)
    try:
        until(lambda: child.of(Glimpse), 30, "a picture")
    finally:
        child.end()
    seen = cv2.imdecode(np.frombuffer(child.of(Glimpse)[0].jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    middle = seen.shape[1] // 2
    assert seen[:, : middle - 8].max() < 24
    assert seen[:, middle + 8 :].std() > 10


@contextlib.contextmanager
def recorder(url: str, pre_s: float = 4.0) -> Iterator[Child]:
    child = Child("edge_agent.vision.recorder", RecorderJob("yard", url, 15.0, pre_s), Recorded)
    try:
        yield child
    finally:
        child.end()


class Rtsp:
    def __init__(self, file: Path, login: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "edge_agent.sim.rtsp", str(file), "--login", login],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.port = json.loads(self.process.stdout.readline())["port"]

    def tell(self, do: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": do}) + "\n")
        self.process.stdin.flush()


@contextlib.contextmanager
def rtsp(file: Path, login: str = "") -> Iterator[Rtsp]:
    camera = Rtsp(file, login)
    try:
        yield camera
    finally:
        camera.process.kill()
        camera.process.wait()
        for pipe in (camera.process.stdin, camera.process.stdout):
            assert pipe is not None
            pipe.close()


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clips") / "a.mp4", 6.0, b_frames=0)


def test_an_rtsp_camera_with_a_login_is_lost_and_comes_back(clip: Path) -> None:
    with rtsp(clip, "admin:pa:ss/wo?rd") as camera:
        url = f"rtsp://admin:pa%3Ass%2Fwo%3Frd@127.0.0.1:{camera.port}/stream"
        with sentry(url) as child:
            until(lambda: "ready" in child.states(), 30, child.states)
            camera.tell("mute")
            until(lambda: child.states()[-1:] == ["lost"], 30, child.states)
            camera.tell("speak")
            until(lambda: child.states()[-1] in ("back", "ready"), 40, child.states)
            camera.tell("cut")
            count = len(child.states())
            until(lambda: len(child.states()) > count + 2 and child.states()[-1] in ("back", "ready"), 60, child.states)


@pytest.mark.parametrize("login", ["", "admin:wrong@"])
def test_a_password_that_is_missing_or_wrong_is_told_and_never_shown(clip: Path, login: str) -> None:
    with rtsp(clip, "admin:geheim") as camera:
        child = Child(
            "edge_agent.vision.sentry",
            SentryJob(Camera(name="yard", url=f"rtsp://{login}127.0.0.1:{camera.port}/s?token=xyz", use=("alerts",))),
            Watched,
        )
        try:
            until(lambda: child.states()[-1:] == ["lost"] and "password" in child.detail(), 30, child.detail)
            detail = child.detail()
        finally:
            errors = child.end()
    for secret in ("wrong", "xyz", "geheim", "admin"):
        assert secret not in detail + errors


def test_a_clip_of_an_rtsp_stream_begins_before_its_event_and_plays(clip: Path) -> None:
    """The seconds before are there, not one packet was encoded again, and asking for more makes it longer."""
    with rtsp(clip) as camera, recorder(f"rtsp://127.0.0.1:{camera.port}/main") as child:
        until(lambda: "ready" in child.states(), 30)
        began = clock.up_ms()
        until(lambda: clock.up_ms() - began > 4_000, 30)
        now = clock.up_ms()
        child.tell(Keep("ev-1", now - 2_000, now + 1_000))
        child.tell(Keep("ev-1", now - 2_000, now + 2_000))
        (done,) = until(lambda: child.of(ClipDone), 30, child.states)
        assert done.why == ""
        assert done.stream is not None
        assert done.stream.codec == "h264"
        assert done.stream.from_ms <= now - 2_000 + 1_000
        assert now + 1_800 <= done.stream.to_ms <= now + 2_100
        data = b"".join(piece.data for piece in child.of(Piece))
    with av.open(io.BytesIO(data)) as container:
        frames = [frame for frame in container.decode(video=0)]
    assert len(frames) == done.stream.packets
    assert (frames[0].width, frames[0].height) == (WIDTH, HEIGHT)


def test_a_camera_that_dies_in_the_middle_leaves_what_there_is(clip: Path) -> None:
    with rtsp(clip) as camera, recorder(f"rtsp://127.0.0.1:{camera.port}/main") as child:
        until(lambda: "ready" in child.states(), 30)
        now = clock.up_ms()
        child.tell(Keep("ev-1", now, now + 20_000))
        until(lambda: clock.up_ms() - now > 2_500, 30)
        camera.tell("cut")
        (done,) = until(lambda: child.of(ClipDone), 30)
        assert (done.why, done.code) == ("the camera's stream was interrupted", "clip.interrupted")
        assert done.stream is not None
        assert done.stream.packets > 10
        until(lambda: child.states()[-1] == "ready", 30)
        child.tell(Keep("ev-2", clock.up_ms(), clock.up_ms() + 500))
        until(lambda: len(child.of(ClipDone)) == 2, 30)


def transport_stream(path: Path, shift_s: float) -> list[bytes]:
    """The packets of a clip as MPEG-TS, its clock moved by `shift_s`; one piece of bytes a packet."""
    pieces: list[bytes] = []
    sent = io.BytesIO()
    with av.open(str(path)) as source, av.open(sent, "w", format="mpegts", options={"flush_packets": "1"}) as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.size and packet.pts is not None and packet.dts is not None and packet.time_base is not None:
                shift = round(shift_s / packet.time_base)
                packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, stream
                target.mux(packet)
                pieces.append(sent.getvalue()[sum(map(len, pieces)) :])
    return pieces


@pytest.mark.parametrize(("before_s", "after_s"), [(0.0, 3600.0), (7300.0, 100.0)])
def test_a_clip_goes_on_at_its_pace_when_the_cameras_clock_is_set(
    tmp_path: Path, before_s: float, after_s: float
) -> None:
    """An hour forward, two hours back, in the middle of the clip: as long as it lasted, and the jump is told."""
    path = make_clip(tmp_path / "a.mp4", 5.0, fps=10, gop=10, b_frames=0)
    pieces = transport_stream(path, before_s) + transport_stream(path, after_s)
    with paced("video/mp2t", lambda: ((0.1, piece) for piece in pieces)) as url, recorder(url) as child:
        until(lambda: "ready" in child.states(), 30)
        now = clock.up_ms()
        child.tell(Keep("ev-1", now, now + 7_000))
        (done,) = until(lambda: child.of(ClipDone), 30, child.states)
        data = b"".join(piece.data for piece in child.of(Piece))
    assert done.why == ""
    assert done.stream.jumps == 1
    with av.open(io.BytesIO(data)) as container:
        times = [frame.time for frame in container.decode(video=0) if frame.time is not None]
    assert len(times) == done.stream.packets
    assert 5 < times[-1] - times[0] < 10
    assert max(later - earlier for earlier, later in pairwise(times)) < 2


@pytest.mark.parametrize(("before_s", "after_s"), [(0.0, 3600.0), (7300.0, 100.0)])
def test_a_clip_of_a_recording_whose_clock_jumps_is_as_long_as_its_pictures(
    tmp_path: Path, before_s: float, after_s: float
) -> None:
    """A file in a camera's place: it neither stands still for the hour, nor is the rest of it there at once."""
    part = make_clip(tmp_path / "a.mp4", 4.0, fps=10, gop=10, b_frames=0)
    path = tmp_path / "both.ts"
    path.write_bytes(b"".join(transport_stream(part, before_s) + transport_stream(part, after_s)))
    with recorder(f"file://{path}") as child:
        until(lambda: "ready" in child.states(), 30)
        now = clock.up_ms()
        child.tell(Keep("ev-1", now, now + 5_000))
        (done,) = until(lambda: child.of(ClipDone), 30, child.states)
    assert done.why == ""
    assert done.stream.jumps == 1
    assert done.stream.packets == pytest.approx(50, abs=15)
    assert now + 4_500 <= done.stream.to_ms <= now + 5_100


# ---- awkward files ---------------------------------------------------------------------------------------------------


def some(url: str, count: int, fps: float = 15.0, depth: int = 8) -> list[Frame]:
    source = FrameSource(url, fps, depth)
    source.start()
    frames: list[Frame] = []
    try:
        until(lambda: (frame := source.next(0.2)) is not None and (frames.append(frame) or len(frames) >= count), 30)
    finally:
        source.stop()
    return frames


def test_b_frames_come_in_the_order_they_were_seen(tmp_path: Path) -> None:
    frames = some(f"file://{make_clip(tmp_path / 'b.mp4', 3.0, b_frames=3)}", 30)
    times = [frame.up_ms for frame in frames]
    assert times == sorted(times)
    lefts = [int((frame.luma()[HEIGHT // 2 + 12] > 200).argmax()) for frame in frames]  # type: ignore[index]
    assert all(later > earlier for earlier, later in pairwise(lefts))


def test_a_variable_rate_keeps_its_distances(tmp_path: Path) -> None:
    stamps = [0.0, 0.05, 0.4, 0.45, 1.2, 1.25, 1.3, 2.0, 2.05]
    frames = some(f"file://{make_clip(tmp_path / 'v.mp4', stamps=stamps, b_frames=0)}", 9)
    gaps = [later.up_ms - earlier.up_ms for earlier, later in pairwise(frames)]
    wanted = [round((later - earlier) * 1000) for earlier, later in pairwise(stamps)]
    assert all(abs(gap - want) <= 60 for gap, want in zip(gaps, wanted, strict=True)), (gaps, wanted)


def test_the_luma_plane_is_the_picture(tmp_path: Path) -> None:
    """Width that is no multiple of the decoder's line: no padding in it."""
    path = make_clip(tmp_path / "w.mp4", 1.0, size=(330, 250), b_frames=0)
    luma = some(f"file://{path}", 1)[0].luma()
    assert luma is not None
    assert luma.shape == (250, 330)


def test_4k_is_looked_at_within_the_memory_of_a_child(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "4k.mp4", 1.0, size=(3840, 2160), b_frames=0)
    with sentry(f"file://{path}") as child:
        until(lambda: child.states().count("ready") >= 2, 60, child.states)
        assert child.rss_mb() < 400


def test_a_camera_of_one_frame_in_a_while_is_not_lost_between_them(tmp_path: Path) -> None:
    """Four seconds apart, written as it is (fps = 0.25): never lost."""
    path = make_clip(tmp_path / "slow.mp4", stamps=[0.0, 4.0, 8.0], b_frames=0)
    with sentry(f"file://{path}", fps=0.25) as child:
        until(lambda: len(child.states()) >= 5, 60, child.states)
        assert "lost" not in child.states()


def test_what_is_no_video_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.mp4"
    path.write_bytes(b"\x00\x00\x00\x18ftypmp42" + bytes(5000))
    with sentry(f"file://{path}") as child:
        until(lambda: child.states()[-1:] == ["lost"] and child.detail(), 30, child.detail)
        assert "x.mp4" in child.detail()
