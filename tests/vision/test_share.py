"""vision/share.py: one child has the camera, all others see it. The device itself is in tests/v4l2; here the child
reads cameras that any machine can have.
"""

import contextlib
import io
import re
import socket
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import av
import pytest

from edge_agent.model.detections import CameraState
from edge_agent.model.recording import ClipDone, Keep, Piece, ShareJob
from edge_agent.model.site import Camera
from edge_agent.sockets import answers, private_socket, short_name
from edge_agent.vision import clock
from edge_agent.vision.decode import FrameSource, open_stream
from edge_agent.vision.frames import JpegFrame
from edge_agent.vision.v4l2 import USUAL_SIZE, device_of, shared
from edge_agent.watching import looked_at
from edge_agent.wiring_cameras import device_share
from tests.vision.clips import HEIGHT, WIDTH, make_clip
from tests.vision.pictures import sim_camera
from tests.vision.test_sources import Child, recorder, rtsp, sentry
from tests.waiting import until

DEVICE = "v4l2:///dev/video7"


@contextlib.contextmanager
def share(url: str, where: Path, fps: float = 15.0) -> Iterator[Child]:
    child = Child("edge_agent.vision.share", ShareJob("desk", url, fps, str(where)), CameraState)
    try:
        until(lambda: answers(where), 30)
        yield child
    finally:
        child.end()


@pytest.fixture
def where(tmp_path: Path) -> Path:
    return tmp_path / "run" / "camera-dev-video7.sock"


def test_a_url_says_device_and_size() -> None:
    assert device_of(DEVICE) == ("/dev/video7", USUAL_SIZE, "")
    assert device_of("v4l2:///dev/v4l/by-id/usb-046d%20C920?size=1920x1080") == (
        "/dev/v4l/by-id/usb-046d C920",
        (1920, 1080),
        "",
    )
    there = shared(f"{DEVICE}?size=640x480", Path("/var/lib/a b&c/camera.sock"))
    assert device_of(there) == ("/dev/video7", (640, 480), "/var/lib/a b&c/camera.sock")


@pytest.mark.parametrize(
    "url",
    [
        "v4l2://video0", "v4l2:/etc/passwd", "v4l2:///dev/video0?size=big", "v4l2:///dev/video0?size=0x480",
        "v4l2:///dev/video0?size=640x", "v4l2:///dev/video0?size=٦٤٠x480", "v4l2:///dev/video0?size=99999x1",
        "v4l2:///dev/video0?fps=3", "v4l2:///dev/video0?size", "rtsp:///dev/video0",
    ],
)  # fmt: skip
def test_a_url_that_says_something_else_is_none(url: str) -> None:
    with pytest.raises(ValueError, match=re.escape(url)):
        device_of(url)


def test_it_is_ended_before_the_daemon_when_memory_runs_out(where: Path) -> None:
    with share("v4l2:///dev/null", where) as child:
        assert int(Path(f"/proc/{child.process.pid}/oom_score_adj").read_text()) >= 500


def test_three_see_one_camera_as_it_sends(where: Path) -> None:
    """A camera of JPEGs, read once: faces get them as they came, alerts are watched, evidence is a clip of them."""
    with sim_camera() as camera, share(f"http://127.0.0.1:{camera.port}/video", where):
        url = shared(DEVICE, where)
        source = FrameSource(url, 15)
        source.start()
        try:
            with sentry(url) as watching, recorder(url) as keeping:
                until(lambda: "ready" in watching.states() and "ready" in keeping.states(), 30)
                frame = until(lambda: source.next(0.1), 10)
                assert isinstance(frame, JpegFrame)
                assert frame.rgb().shape == (480, 640, 3)  # type: ignore[union-attr]
                now = clock.up_ms()
                assert now - frame.up_ms < 5_000
                keeping.tell(Keep("ev-1", now, now + 1_500))
                (done,) = until(lambda: keeping.of(ClipDone), 30)
                data = b"".join(piece.data for piece in keeping.of(Piece))
        finally:
            source.stop()
    assert done.why == ""
    assert (done.stream.codec, done.stream.width, done.stream.height) == ("mjpeg", 640, 480)
    with av.open(io.BytesIO(data)) as container:
        assert sum(1 for _ in container.decode(video=0)) == done.stream.packets >= 5


def test_who_comes_late_begins_with_a_key_frame(tmp_path: Path, where: Path) -> None:
    """H.264 goes through as it is, at the camera's times."""
    clip = make_clip(tmp_path / "gate.mp4", 6.0)
    with rtsp(clip) as camera, share(f"rtsp://127.0.0.1:{camera.port}/main", where) as child:
        until(lambda: "ready" in child.states(), 30)
        for _ in range(2):
            with open_stream(shared(DEVICE, where), 15) as container:
                stream = container.streams.video[0]
                packets = []
                for packet in container.demux(stream):
                    packets.append(packet)
                    if len(packets) == 20:
                        break
                assert stream.codec_context.name == "h264"
                assert (stream.codec_context.width, stream.codec_context.height) == (WIDTH, HEIGHT)
            assert packets[0].is_keyframe
            steps = [later.pts - earlier.pts for earlier, later in pairwise(packets)]
            assert all(abs(float(step * packets[0].time_base) - 1 / 15) < 0.002 for step in steps), steps


def test_who_reads_for_months_remembers_nothing(where: Path) -> None:
    """FFmpeg's reader keeps every syncpoint of a NUT stream in memory, and there would be one for each large JPEG."""
    syncpoint = bytes.fromhex("4e4be4adeeca4569")  # nut.txt: syncpoint_startcode
    with sim_camera() as camera, share(f"http://127.0.0.1:{camera.port}/video", where) as child:
        until(lambda: "ready" in child.states(), 30)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as viewer:
            viewer.settimeout(10)
            with short_name(where) as name:
                viewer.connect(name)
            heard = b""
            while heard.count(b"\xff\xd8\xff") < 8:
                heard += viewer.recv(1 << 16)
    assert heard.startswith(b"\nnut/multimedia container")
    assert heard.count(syncpoint) <= 1


def test_who_is_slow_keeps_nobody_waiting(where: Path) -> None:
    with sim_camera() as camera, share(f"http://127.0.0.1:{camera.port}/video", where) as child:
        until(lambda: "ready" in child.states(), 30)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as idle:
            with short_name(where) as name:
                idle.connect(name)
            with sentry(shared(DEVICE, where)) as watching:
                until(lambda: watching.states().count("ready") >= 3, 30)
                assert "lost" not in watching.states()
                assert child.rss_mb() < 200


def test_why_there_is_no_picture_is_told_to_all_who_look(where: Path) -> None:
    with share("v4l2:///dev/null", where) as child:
        until(lambda: "no camera gives pictures" in child.detail(), 30, child.detail)
        with sentry(shared(DEVICE, where)) as watching, recorder(shared(DEVICE, where)) as keeping:
            said = until(watching.detail, 30)
            assert "/dev/video7" in said
            assert "no camera gives pictures" in said
            assert str(where) not in said
            until(lambda: "no camera gives pictures" in keeping.detail(), 30)


def test_nobody_who_has_the_device_is_told(where: Path) -> None:
    where.parent.mkdir()
    with sentry(shared(DEVICE, where)) as watching:
        said = until(watching.detail, 30)
        assert "/dev/video7" in said
        assert "it is being opened" in said


def test_the_socket_of_a_long_name_can_be_bound(tmp_path: Path) -> None:
    """As udev names a camera that says much of itself."""
    device = "/dev/v4l/by-path/platform-fd500000.pcie-pci-0000:01:00.0-usb-0:1.3:1.0-video-index0" * 2
    url, there = device_share(f"v4l2://{device}", tmp_path)
    assert there is not None
    with private_socket(there) as server:
        server.listen()
        assert answers(there)
    assert device_of(url).path == device


def test_the_fastest_that_is_wanted_is_asked_for(tmp_path: Path) -> None:
    """Two tables of one device, for faces and for a wall; what nobody looks at is not opened."""
    url = "v4l2:///dev/video7"
    cameras = (
        Camera(name="slow", url=url, use=("face",), fps=2),
        Camera(name="fast", url=url, use=("alerts",), fps=25),
        Camera(name="kept", url="rtsp://192.0.2.1/", main_url="v4l2:///dev/video8", use=("alerts",)),
        Camera(name="main", url="v4l2:///dev/video9", main_url="rtsp://192.0.2.1/", use=("evidence",)),
    )
    assert {one: camera.name for one, camera in looked_at(cameras).items()} == {
        url: "fast",
        "rtsp://192.0.2.1/": "kept",
    }
