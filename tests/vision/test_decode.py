"""vision/decode.py: the newest frame of real streams and files, and what it says when there is none."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from edge_agent.vision import decode
from edge_agent.vision.decode import FrameSource
from edge_agent.vision.frames import Frame, JpegFrame
from edge_agent.vision.urls import shown
from edge_agent.words import Sentence, say
from tests.vision.clips import make_clip
from tests.vision.paced import paced
from tests.vision.pictures import sim_camera
from tests.waiting import until


@contextlib.contextmanager
def playing(url: str, fps: float = 15) -> Iterator[FrameSource]:
    source = FrameSource(url, fps)
    source.start()
    try:
        yield source
    finally:
        source.stop()


def numbered(count: int) -> np.ndarray:
    """A picture that tells its number by its brightness: 10 levels a step."""
    return np.full((240, 320, 3), 10 + 10 * count, np.uint8)


def number(rgb: np.ndarray | None) -> int:
    assert rgb is not None
    return round((float(rgb.mean()) - 10) / 10)


def video(path: Path, frames: int, fps: int) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=fps)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for count in range(frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(numbered(count), format="rgb24")))
        container.mux(stream.encode())


def test_a_video_plays_at_its_own_rate_and_again(tmp_path: Path) -> None:
    """A recording of 20 frames at 20 fps takes its second, then begins anew: frame 0 follows frame 19."""
    video(tmp_path / "gate.mp4", 20, 20)
    began = time.monotonic()
    seen: list[int] = []
    with playing(f"file://{tmp_path}/gate.mp4") as source:
        while seen.count(0) < 2 and time.monotonic() - began < 10:
            if frame := source.next(1.0):
                seen.append(number(frame.rgb()))
    took_s = time.monotonic() - began
    first_round = seen[: seen.index(0, 1)]
    assert first_round == sorted(first_round)
    assert first_round[-1] >= 18
    assert took_s >= 0.95


@pytest.mark.parametrize("to_s", [0.0, 3600.0])
def test_a_video_whose_clock_jumps_plays_on_at_its_rate(tmp_path: Path, to_s: float) -> None:
    """Two seconds and two more, the clock set back or an hour forward between them: not at once, nor an hour late."""
    path = tmp_path / "gate.ts"
    parts = (make_clip(tmp_path / "part.ts", 2.0), shifted(tmp_path / "part.ts", tmp_path / "later.ts", to_s))
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    source = FrameSource(f"file://{path}", 15, depth=60)
    source.start()
    frames: list[Frame] = []
    try:
        until(lambda: (frame := source.next(0.2)) is not None and (frames.append(frame) or len(frames) == 60), 20)
    finally:
        source.stop()
    assert frames[-1].up_ms - frames[0].up_ms == pytest.approx(59_000 / 15, abs=800)


def shifted(clip: Path, path: Path, by_s: float) -> Path:
    """A copy of it with later timestamps."""
    with av.open(str(clip)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size and packet.pts is not None and packet.dts is not None and packet.time_base is not None:
                by = round(by_s / packet.time_base)
                packet.pts, packet.dts, packet.stream = packet.pts + by, packet.dts + by, stream
                target.mux(packet)
    return path


def test_a_codec_nobody_here_decodes_is_told_with_what_to_do(tmp_path: Path) -> None:
    """The recording of an unknown camera: its fourcc is none that any decoder answers to."""
    video(tmp_path / "gate.avi", 5, 5)
    whole = (tmp_path / "gate.avi").read_bytes()
    assert whole.count(b"FMP4") == 2
    (tmp_path / "gate.avi").write_bytes(whole.replace(b"FMP4", b"QZ7X"))
    with playing(f"file://{tmp_path}/gate.avi") as source:
        until(lambda: source.trouble)
        assert source.next(0.1) is None
        assert "no decoder for its codec" in source.trouble
        assert "H.264 or H.265" in source.trouble


def test_stills_play_in_the_order_of_their_names(tmp_path: Path) -> None:
    for count in range(5):
        cv2.imwrite(str(tmp_path / f"{count}.png"), numbered(count))
    (tmp_path / "notes.txt").write_text("not a picture")
    seen = []
    with playing(f"file://{tmp_path}", fps=20) as source:
        while len(seen) < 8:
            frame = source.next(2.0)
            assert frame is not None
            seen.append(number(frame.rgb()))
    steps = {(after - before) % 5 for before, after in pairwise(seen)}
    assert steps <= {1, 2}  # a busy machine may skip one, never go back


def test_who_asks_late_gets_the_newest(tmp_path: Path) -> None:
    """Nobody asked while twenty pictures went by: the next one is of now, and it is the only one."""
    cv2.imwrite(str(tmp_path / "0.png"), numbered(3))
    with playing(f"file://{tmp_path}", fps=100) as source:
        first = source.next(2.0)
        assert first is not None
        deadline = time.monotonic() + 5
        until(lambda: source._frames and source._frames[-1].up_ms > first.up_ms + 200, deadline - time.monotonic())
        late = source.next(0)
        assert late is not None
        assert late.up_ms > first.up_ms + 200
        assert source.next(0) is None


def test_mjpeg_over_http_comes_back_by_itself() -> None:
    """The camera is unplugged and plugged in again: trouble in between, frames after, nobody has to help."""
    with sim_camera() as camera:
        port = camera.port
        source = FrameSource(f"http://user:secret@127.0.0.1:{port}/video?token=hidden", 15)
        source.start()
        frame = until(lambda: source.next(0.1))
        assert isinstance(frame, JpegFrame)
        assert frame.rgb().shape == (480, 640, 3)  # type: ignore[union-attr]
        assert frame.gray().shape == (120, 160)  # type: ignore[union-attr]
    try:
        trouble = until(lambda: source.trouble)
        assert f"http://127.0.0.1:{port}/video" in trouble
        assert "secret" not in trouble
        assert "hidden" not in trouble
        until(lambda: source.next(0) is None)
        with sim_camera(port):
            until(lambda: source.next(0.1))
            assert source.trouble == ""
    finally:
        source.stop()


@pytest.mark.parametrize(
    ("url", "reads"),
    [
        ("rtsp://admin:pa%3Ass@10.0.0.7:554/ch1?pw=x", "rtsp://10.0.0.7:554/ch1"),
        ("http://cam/video", "http://cam/video"),
        ("rtsp://u:p@cam:notaport/a", "rtsp://cam/a"),
        ("rtsp://[fd00::7]:554/ch1", "rtsp://[fd00::7]:554/ch1"),
        (
            "rtsp://10.0.0.7:554/user=admin&password=geheim&channel=1&stream=0.sdp",
            "rtsp://10.0.0.7:554/user=…&password=…&channel=1&stream=0.sdp",
        ),
        ("rtsp://10.0.0.7/user=admin_password=geheim_channel=1.sdp?real", "rtsp://10.0.0.7/user=…"),
        ("http://10.0.0.7/live;PWD%3Dgeheim;ch=1", "http://10.0.0.7/live;PWD%3D…;ch=1"),
        ("rtsp://admin:slash/geheim@10.0.0.7:1/x", "rtsp://10.0.0.7:1/x"),
        ("rtsp://admin:ge?heim@10.0.0.7/x", "rtsp://10.0.0.7/x"),
        ("rtsp://admin:ge#heim@10.0.0.7/x", "rtsp://10.0.0.7/x"),
        ("file:///srv/north@gate.mp4", "file:///srv/north@gate.mp4"),
    ],
)
def test_a_url_is_shown_without_its_secrets(url: str, reads: str) -> None:
    assert shown(url) == reads


def corrupted(path: Path) -> None:
    data = bytearray(path.read_bytes())
    random = np.random.default_rng(7)
    for at in random.integers(64, len(data), len(data) // 20):
        data[at] = random.integers(0, 256)
    path.write_bytes(bytes(data))


def closed_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.mark.parametrize(
    "kind",
    ["absent", "text", "empty folder", "sound only", "nobody there", "unknown scheme", "no such device", "no camera"],
)
def test_no_pictures_is_trouble_in_words(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is wrong with the source, the thread lives and says what to check."""
    monkeypatch.setattr(decode, "BACKOFF_S", 0.05)
    url = f"file://{tmp_path}/camera"
    match kind:
        case "text":
            (tmp_path / "camera").write_text("this is no video\n" * 50)
        case "no such device":
            url = "v4l2:///dev/video99"
        case "no camera":
            url = "v4l2:///dev/null"
        case "empty folder":
            (tmp_path / "camera").mkdir()
        case "sound only":
            with av.open(str(tmp_path / "camera"), "w", format="wav") as container:
                stream = container.add_stream("pcm_s16le", rate=8000)
                sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
                sound.sample_rate = 8000
                container.mux(stream.encode(sound))
        case "nobody there":
            url = f"http://127.0.0.1:{closed_port()}/"
        case "unknown scheme":
            url = "ftp://127.0.0.1/camera"
    with playing(url) as source:
        assert "agent.toml" in until(lambda: source.trouble)
        assert source.next(0.1) is None
        assert threading.active_count() >= 2


@contextlib.contextmanager
def refusing(answer: bytes) -> Iterator[int]:
    """A camera that says no to whatever it is asked; its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    caller, _ = server.accept()
                    with caller:
                        caller.recv(4096)
                        caller.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def nothing() -> Iterator[tuple[float, bytes]]:
    yield 60.0, b""


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("refused", "cameras.refused"),
        ("silent", "cameras.timeout"),
        ("no such path", "cameras.not_found"),
        ("http 500", "cameras.other"),
        ("rtsp 453", "cameras.other"),
        ("unknown name", "cameras.unreachable"),
        ("missing", "cameras.file_missing"),
        ("a still", "cameras.no_format"),
        ("empty", "cameras.broken"),
    ],
)
def test_each_trouble_is_told_in_both_languages_with_what_to_do(tmp_path: Path, kind: str, code: str) -> None:
    path = tmp_path / "gate.mp4"
    url = f"file://{path}"
    with contextlib.ExitStack() as there:
        match kind:
            case "refused":
                url = f"rtsp://admin:geheim@127.0.0.1:{closed_port()}/password=geheim"
            case "silent":
                url = there.enter_context(paced("video/mp2t", nothing))
            case "no such path":
                url = there.enter_context(paced("video/mp2t", nothing)) + "/404"
            case "http 500" | "rtsp 453":  # the library's own text has the whole url in it
                form, _, status = kind.partition(" ")
                head = {"http": b"HTTP/1.1 ", "rtsp": b"RTSP/1.0 "}[form] + status.encode() + b" No\r\nCSeq: 1\r\n\r\n"
                port = there.enter_context(refusing(head))
                url = f"{form}://admin:geheim@127.0.0.1:{port}/live?password=geheim"
            case "unknown name":
                url = "rtsp://camera.invalid/stream"
            case "a still":
                path.write_bytes(cv2.imencode(".jpg", numbered(3))[1].tobytes())
            case "empty":
                path.touch()
        source = there.enter_context(playing(url))
        trouble = until(lambda: source.trouble, 30)
    assert isinstance(trouble, Sentence)
    assert trouble.code == code
    assert "没有图像" in say(trouble.code, "zh", **trouble.fields)
    assert "agent.toml" in trouble
    assert "geheim" not in trouble


def test_a_playlist_cannot_lead_to_other_files(tmp_path: Path) -> None:
    """A "video" that is a playlist of an address: the decoder opens no connection for it."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        sock.setblocking(False)
        address = f"http://127.0.0.1:{sock.getsockname()[1]}/0.ts"
        (tmp_path / "camera.m3u8").write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{address}\n")
        with playing(f"file://{tmp_path}/camera.m3u8") as source:
            assert until(lambda: source.trouble)
        with pytest.raises(BlockingIOError):
            sock.accept()


def test_a_broken_jpeg_is_no_picture() -> None:
    """Noise, nothing, and a text: neither half raises."""
    for data in (b"", b"\xff\xd8\xff\xe0" + b"\x00" * 40, b"hello" * 30):
        frame = JpegFrame(data)
        assert frame.gray() is None
        assert frame.rgb() is None


def test_a_jpeg_that_says_to_be_enormous_is_no_picture() -> None:
    """65,000 px a side in a file of some kB: the library refuses, and the child that looks goes on with the next."""
    data = bytearray(cv2.imencode(".jpg", np.zeros((240, 320), np.uint8))[1].tobytes())
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = (65_000).to_bytes(2, "big") * 2
    frame = JpegFrame(bytes(data))
    assert (frame.luma(), frame.rgb()) == (None, None)


def test_a_damaged_recording_does_not_stop_the_thread(tmp_path: Path) -> None:
    """A twentieth of a recording's bytes is wrong (seed 7): frames or trouble, but it goes on."""
    video(tmp_path / "gate.mp4", 24, 24)
    corrupted(tmp_path / "gate.mp4")
    with playing(f"file://{tmp_path}/gate.mp4") as source:
        until(lambda: source.trouble or source.next(0))
        assert source._thread.is_alive()


def test_twelve_cameras_of_one_switch_do_not_ask_in_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are lost together: each pause is longer than the one before, up to a limit, short again after a stream that
    lasted, and no two wait equally long.
    """
    now = 0.0
    monkeypatch.setattr(decode.time, "monotonic", lambda: now)
    waits: list[list[float]] = [[] for _ in range(12)]
    for mine in waits:
        backoff = decode.Backoff()
        for _ in range(8):
            backoff.pause(mine.append)
        now += decode.BACKOFF_AT_MOST_S + 1
        backoff.pause(mine.append)
    bases = [min(decode.BACKOFF_S * 2**n, decode.BACKOFF_AT_MOST_S) for n in range(8)] + [decode.BACKOFF_S]
    for n, base in enumerate(bases):
        pauses = [mine[n] for mine in waits]
        assert all(base / 2 <= pause <= base for pause in pauses)
        assert len(set(pauses)) == 12
        assert max(pauses) - min(pauses) > 0.1 * base
