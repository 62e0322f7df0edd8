"""vision/packets.py: a camera whose sound goes on is not taken for one that sends pictures."""

from pathlib import Path

import av
import numpy as np
import pytest

from edge_agent.errors import DeviceUnavailable
from edge_agent.vision.packets import packets_of
from tests.vision.clips import picture


def with_sound(path: Path, video_s: float, sound_s: float) -> Path:
    """Ten pictures a second, and silence to listen to."""
    with av.open(str(path), "w", format="mpegts") as container:
        video = container.add_stream("libx264", rate=10, options={"preset": "ultrafast", "bf": "0"})
        video.width, video.height, video.pix_fmt = 320, 240, "yuv420p"
        sound = container.add_stream("mp2", rate=16_000, layout="mono")
        told = 0
        for n in range(round(sound_s * 10)):
            if n < video_s * 10:
                frame = av.VideoFrame.from_ndarray(picture(n), format="rgb24")
                frame.pts = n
                container.mux(video.encode(frame))
            while told < n * 1600:
                hush = av.AudioFrame.from_ndarray(np.zeros((1, 1152), np.int16), format="s16", layout="mono")
                hush.sample_rate, hush.pts = 16_000, told
                container.mux(sound.encode(hush))
                told += 1152
        container.mux(video.encode(None))
        container.mux(sound.encode(None))
    return path


@pytest.mark.parametrize(("video_s", "silent"), [(2.0, True), (8.0, False)])
def test_a_camera_that_goes_on_with_sound_alone_is_opened_anew(tmp_path: Path, video_s: float, silent: bool) -> None:
    with av.open(str(with_sound(tmp_path / "a.ts", video_s, 8.0))) as container:
        stream, seen = container.streams.video[0], 0
        now = iter(range(10_000))  # each packet comes a second after the one before

        def play() -> None:
            nonlocal seen
            for packet in packets_of(container, stream, 9.0, lambda: float(next(now))):
                assert packet.stream.index == stream.index
                seen += bool(packet.size)

        if silent:
            with pytest.raises(DeviceUnavailable, match="sends nothing"):
                play()
        else:
            play()
        assert seen >= video_s * 10 - 3, "the last ones wait in the file for the sound"
