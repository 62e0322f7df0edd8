"""vision/ring.py: a clip from before the event is the camera's own stream, byte for byte, whatever carries it."""

import io
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import av
import pytest

from edge_agent.model.recording import Stream
from edge_agent.vision.ring import BYTES_AT_MOST, Clip, Kept, Ring
from edge_agent.vision.video_units import UnitHash
from tests.vision.clips import make_clip


def packets(path: Path) -> list[Kept]:
    """As the recorder keeps them, at the times of the stream."""
    with av.open(str(path)) as container:
        return [
            Kept(bytes(one), one.pts, one.dts, one.is_keyframe, False, round(one.pts * one.time_base * 1000))
            for one in container.demux(container.streams.video[0])
            if one.size
        ]


def written(path: Path, kept: list[Kept]) -> tuple[bytes, Stream]:
    """The file the clip becomes, and what is said of it."""
    data = bytearray()
    with av.open(str(path)) as container:
        clip = Clip(container.streams.video[0], data.extend, 2000)
        for packet in kept:
            clip.write(packet)
        stream = clip.close()
    assert stream is not None
    return bytes(data), stream


def cut(path: Path, kept: list[Kept]) -> tuple[bytes, str]:
    """The file the clip becomes, and its hash."""
    data, stream = written(path, kept)
    return data, stream.sha256


def frames(data: bytes) -> int:
    with av.open(io.BytesIO(data)) as container:
        return sum(1 for _ in container.decode(video=0))


def hashed(data: bytes) -> str:
    """The units of a file, as `evidence verify` counts them."""
    with av.open(io.BytesIO(data)) as container:
        context = container.streams.video[0].codec_context
        units = UnitHash(context.name, context.extradata)
        for packet in container.demux(container.streams.video[0]):
            if packet.size:
                units.add(bytes(packet))
    return units.hexdigest()


@pytest.mark.parametrize(
    ("name", "codec", "b_frames"),
    [
        ("a.mp4", "libx264", 2),
        ("a.ts", "libx264", 2),
        ("a.ts", "libx264", 0),
        ("a.ts", "libx265", 0),
        ("a.mp4", "libx265", 2),
    ],
)
def test_a_clip_holds_the_same_units_and_every_frame(tmp_path: Path, name: str, codec: str, b_frames: int) -> None:
    """Annex B or behind lengths, with B-frames or without: hashed alike before and after, and playable."""
    source = make_clip(tmp_path / name, codec=codec, b_frames=b_frames)
    kept = packets(source)
    data, sha256 = cut(source, kept)
    assert hashed(data) == sha256
    assert frames(data) == len(kept) == 60


def test_the_ring_begins_at_the_key_frame_before_the_event(tmp_path: Path) -> None:
    ring = Ring(2000)
    for packet in packets(make_clip(tmp_path / "a.mp4", 8.0, b_frames=0)):
        ring.add(packet)
    found = ring.since(6_500)
    assert found[0].key
    assert found[0].at_ms == 6_000
    oldest = ring.since(0)[0]
    assert oldest.key
    assert 7_933 - 2_000 - 1_100 < oldest.at_ms <= 5_934, "no more than what is asked for and one group"


def test_the_ring_is_bounded_whatever_the_camera_sends() -> None:
    """No key frames at all, or pictures of a megabyte: memory stays where it is."""
    ring = Ring(10_000)
    for n in range(200):
        ring.add(Kept(bytes(1 << 20), n, n, n % 50 == 0, False, n * 10))
        assert sum(len(packet.data) for packet in ring._packets) <= BYTES_AT_MOST
    ring = Ring(10_000)
    for n in range(200):
        ring.add(Kept(bytes(1 << 20), n, n, False, False, n * 10))
    assert ring.since(0) == []
    assert len(ring) < 70


def test_a_clip_cut_off_by_a_power_cut_can_be_played(tmp_path: Path) -> None:
    """Fragmented: what was written before the end plays."""
    source = make_clip(tmp_path / "a.mp4", 8.0)
    data, _ = cut(source, packets(source))
    played = 0
    with suppress(av.error.InvalidDataError), av.open(io.BytesIO(data[: len(data) * 3 // 4])) as container:
        for _ in container.decode(video=0):  # the last picture is cut in two
            played += 1
    assert played >= 75


def test_timestamps_that_repeat_or_are_missing_spoil_no_clip(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mp4", b_frames=0)
    kept = [
        packet._replace(pts=None, dts=None) if n % 7 == 3 else packet._replace(pts=0, dts=0) if n % 7 == 5 else packet
        for n, packet in enumerate(packets(source))
    ]
    data, sha256 = cut(source, kept)
    assert frames(data) == 60
    assert hashed(data) == sha256


@pytest.mark.parametrize("b_frames", [0, 2])
@pytest.mark.parametrize("jump_s", [3600, -7200])
def test_a_clock_that_jumps_stretches_and_squeezes_no_clip(tmp_path: Path, jump_s: int, b_frames: int) -> None:
    """The camera is set to another time in the middle: every frame at its distance, the same units, and it is said."""
    source = make_clip(tmp_path / "a.ts", b_frames=b_frames)
    kept = [
        packet._replace(pts=packet.pts + jump_s * 90_000, dts=packet.dts + jump_s * 90_000) if n >= 30 else packet
        for n, packet in enumerate(packets(source))
        if packet.pts is not None and packet.dts is not None
    ]
    data, stream = written(source, kept)
    assert hashed(data) == stream.sha256
    assert stream.jumps == 1
    with av.open(io.BytesIO(data)) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert len(times) == 60
    assert all(0.02 < later - earlier < 0.2 for earlier, later in pairwise(times))
    assert written(source, packets(source))[1].jumps == 0


def test_packets_that_come_late_are_no_jump_of_the_cameras_clock(tmp_path: Path) -> None:
    """A network that holds them back for ten seconds and then lets all go: the clip is as long as what it shows."""
    source = make_clip(tmp_path / "a.ts")
    kept = [packet._replace(at_ms=packet.at_ms + 10_000 * (n >= 30)) for n, packet in enumerate(packets(source))]
    data, stream = written(source, kept)
    assert (stream.jumps, hashed(data)) == (0, stream.sha256)
    with av.open(io.BytesIO(data)) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert all(0.02 < later - earlier < 0.2 for earlier, later in pairwise(times))


@pytest.mark.parametrize("holes", [(), (3000,), (2500, 4000)])
def test_what_a_camera_did_not_send_is_counted(tmp_path: Path, holes: tuple[int, ...]) -> None:
    """A clip with seconds missing in its middle is not whole, and its manifest says so."""
    source = make_clip(tmp_path / "a.mp4", b_frames=0)
    kept, late_ms = [], 0
    for n, packet in enumerate(packets(source)):
        late_ms += holes[n // 10 - 1] if n % 10 == 0 and 0 < n // 10 <= len(holes) else 0
        kept.append(packet._replace(at_ms=packet.at_ms + late_ms))
    _, stream = written(source, kept)
    assert stream.holes_ms == pytest.approx(sum(holes), abs=len(holes) * 200)
