"""A recording through the same analysis as a live camera, as fast as it goes: `python -m edge_agent.vision.replay`.

One line of JSON (ReplayJob) on stdin; on stdout length-prefixed msgpack of sightings, then the end. Times are the
recording's own: the same file gives the same answer every time. With `video` the child draws what it sees into a file.
"""

import sys
from typing import Any

import msgspec

from edge_agent.model.detections import SentryJob
from edge_agent.model.sightings import Phase, Sighting
from edge_agent.vision.confine import confine
from edge_agent.vision.worker import Pipe

MEMORY_MB = 1536
BEGINS_MS = 1000  # uptime of the first frame
FADES_MS = 1500  # how long a sighting that is over stays drawn
COLOURS = {"alarm": (40, 40, 230), "other": (0, 190, 230)}  # BGR


class ReplayJob(msgspec.Struct, frozen=True):
    """`path`: the recording; `video`: where the drawn copy goes, none when empty; `seconds`: of it, 0 for all."""

    sentry: SentryJob
    path: str
    video: str = ""
    seconds: float = 0.0


class Replayed(msgspec.Struct, frozen=True, tag="replayed"):
    """The end. `lasted_s`: of the recording; `took_s`: of analysis; `trouble`: why it ended early, if it did."""

    frames: int
    lasted_s: float
    took_s: float
    trouble: str = ""


Said = Sighting | Replayed


def main() -> None:
    pipe = Pipe(confine(MEMORY_MB))
    job = msgspec.json.decode(sys.stdin.buffer.readline(), type=ReplayJob)
    for said in replay(job):
        pipe.send(said)


def replay(job: ReplayJob) -> Any:
    """Sightings in their order, then Replayed."""
    import time

    import av.error

    from edge_agent.vision.decode import open_stream, reason
    from edge_agent.vision.frames import VideoFrame
    from edge_agent.vision.sentry import Analysis

    analysis, canvas = Analysis(job.sentry), Canvas(job.video) if job.video else None
    frames, at_ms, took_s, trouble = 0, BEGINS_MS, 0.0, ""
    first_s: float | None = None
    try:
        with open_stream(job.path) as container:
            for decoded in container.decode(video=0):
                seconds = decoded.time if decoded.time is not None else frames / job.sentry.camera.fps
                first_s = seconds if first_s is None else first_s
                at_ms = max(at_ms + 1, BEGINS_MS + round((seconds - first_s) * 1000))
                if job.seconds and at_ms - BEGINS_MS > job.seconds * 1000:
                    break
                began = time.process_time()
                frame = VideoFrame(decoded, at_ms)
                sightings = analysis.see(frame)
                took_s += time.process_time() - began
                frames += 1
                yield from sightings
                if canvas is not None:
                    canvas.draw(frame, sightings, at_ms)
    except av.error.FFmpegError as error:
        trouble = reason(error)
    except (IndexError, ValueError):
        trouble = "there is no video in it"
    yield from analysis.stop(at_ms)
    if canvas is not None:
        canvas.close()
    yield Replayed(frames, (at_ms - BEGINS_MS) / 1000, round(took_s, 3), trouble)


class Canvas:
    """The picture with what was seen in it: boxes, rules, the path of a fall; into a file, or as JPEG."""

    def __init__(self, path: str = "") -> None:
        self._path = path
        self._output: Any = None
        self._stream: Any = None
        self._shown: dict[tuple[str, str], tuple[int, Sighting]] = {}

    def draw(self, frame: Any, sightings: list[Sighting], at_ms: int) -> Any:
        """The drawn picture (BGR); also written, where there is a file."""
        import cv2

        for sighting in sightings:
            self._shown[sighting.kind, sighting.incident] = (at_ms, sighting)
        self._shown = {key: (at, one) for key, (at, one) in self._shown.items() if self._stays(one, at, at_ms)}
        picture = frame.rgb()[:, :, ::-1].copy()
        height, width = picture.shape[:2]
        for line, (_, one) in enumerate(self._shown.values()):
            scale_x, scale_y = (width / one.size[0], height / one.size[1]) if one.size[0] else (1.0, 1.0)
            colour = COLOURS["alarm" if one.phase is not Phase.OVER else "other"]
            x, y, w, h = one.box
            left, top = int(x * scale_x), int(y * scale_y)
            cv2.rectangle(picture, (left, top), (int((x + w) * scale_x), int((y + h) * scale_y)), colour, 2)
            why = ", ".join(f"{one.name} {one.value:.3g}{one.unit} > {one.limit:.3g}" for one in one.why)
            text = f"{one.rule}: {one.kind} {one.confidence:.0%} {why}"
            cv2.putText(picture, text, (8, 24 + 22 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (0, 0, 0), 3, cv2.LINE_AA)
            cv2.putText(picture, text, (8, 24 + 22 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.55, colour, 1, cv2.LINE_AA)
            for _, px, py, _ in one.fall.path if one.fall else ():
                cv2.circle(picture, (int(px * scale_x), int(py * scale_y)), 2, colour, -1)
        if self._path:
            self._write(picture, at_ms)
        return picture

    def close(self) -> None:
        if self._output is not None:
            self._output.mux(self._stream.encode(None))
            self._output.close()

    @staticmethod
    def _stays(sighting: Sighting, seen_ms: int, now_ms: int) -> bool:
        return now_ms - seen_ms <= FADES_MS

    def _write(self, picture: Any, at_ms: int) -> None:
        from fractions import Fraction

        import av

        height, width = picture.shape[0] // 2 * 2, picture.shape[1] // 2 * 2
        if self._output is None:
            self._output = av.open(self._path, "w", format="mp4")
            self._stream = self._output.add_stream("libx264" if "libx264" in av.codecs_available else "mpeg4", rate=25)
            self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
            self._stream.codec_context.time_base = Fraction(1, 1000)
        frame = av.VideoFrame.from_ndarray(picture[:height, :width].copy(), format="bgr24")
        frame.pts, frame.time_base = at_ms - BEGINS_MS, Fraction(1, 1000)
        self._output.mux(self._stream.encode(frame))


if __name__ == "__main__":
    main()
