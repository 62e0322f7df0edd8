"""A recording through the same analysis as a live camera, as fast as it goes: `python -m edge_agent.vision.replay`.

One line of JSON (ReplayJob) on stdin; on stdout length-prefixed msgpack of sightings, then the end. Times are the
recording's own, from its first frame: the same file gives the same answer every time. With `video` the child draws what
it sees into a file.
"""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from edge_agent.errors import DeviceUnavailable, EdgeAgentError
from edge_agent.model.detections import SentryJob, Unwatched
from edge_agent.model.sightings import Sighting
from edge_agent.vision.confine import confine
from edge_agent.vision.timeline import Jump, Recorded
from edge_agent.vision.worker import Pipe

if TYPE_CHECKING:
    from edge_agent.vision.frames import VideoFrame

MEMORY_MB = 1536


class ReplayJob(msgspec.Struct, frozen=True):
    """`path`: the recording; `video`: where the drawn copy goes, none when empty; `seconds`: of it, 0 for all."""

    sentry: SentryJob
    path: str
    video: str = ""
    seconds: float = 0.0


class Replayed(msgspec.Struct, frozen=True, tag="replayed"):
    """The end. `lasted_s`: of the recording; `took_s`: by the clock on the wall, decoding and drawing
    included; `cpu_s`: of the analysis alone; `trouble`: it could not be read, or not to its end;
    `undrawn`: why the drawn copy could not be written; `jumps` of its clock, and the first of them;
    `broken`: packets that did not decode and were passed over.
    """

    frames: int
    lasted_s: float
    took_s: float
    cpu_s: float
    trouble: bool = False
    undrawn: str = ""
    jumps: int = 0
    jump: Jump | None = None
    broken: int = 0


Said = Sighting | Unwatched | Replayed


def main() -> None:
    pipe = Pipe(confine(MEMORY_MB))
    job = msgspec.json.decode(sys.stdin.buffer.readline(), type=ReplayJob)
    for said in replay(job):
        pipe.send(said)


def replay(job: ReplayJob) -> Any:
    """Sightings in their order, and what cannot be watched for, then Replayed."""
    import time

    import av.error

    from edge_agent.vision.canvas import Canvas, Undrawn
    from edge_agent.vision.sentry import Analysis, unwatched

    analysis, canvas = Analysis(job.sentry), Canvas(job.sentry, job.video) if job.video else None
    reel, cpu_s, trouble, undrawn = Reel(job), 0.0, False, ""
    began_s = time.monotonic()
    try:
        for frame in reel:
            busy_s = time.process_time()
            sightings = analysis.see(frame)
            cpu_s += time.process_time() - busy_s
            yield from (*(analysis.unwatched() or ()), *sightings)
            if canvas is not None:
                canvas.draw(frame, sightings, frame.up_ms)
    except Undrawn as error:
        undrawn = str(error.fields["why"])
    except (av.error.FFmpegError, DeviceUnavailable, ValueError):
        trouble = True
    except EdgeAgentError as error:  # a detector that gives something else than it did in its test
        yield unwatched(error)
    yield from analysis.stop(reel.at_ms)
    if canvas is not None and not undrawn:
        try:
            canvas.close()
        except Undrawn as error:
            undrawn = str(error.fields["why"])
    lasted_s, took_s = reel.at_ms / 1000, time.monotonic() - began_s
    yield Replayed(
        reel.frames, lasted_s, round(took_s, 3), round(cpu_s, 3), trouble, undrawn,
        reel.recorded.jumps, reel.recorded.jump, reel.broken,
    )  # fmt: skip


class Reel:
    """The frames of the job's recording, each at its own time. `frames` so far, the last at `at_ms`; `broken`: packets
    that did not decode.
    """

    def __init__(self, job: ReplayJob) -> None:
        self._job, self.recorded = job, Recorded(job.sentry.camera.fps)
        self.frames = self.at_ms = self.broken = 0

    def __iter__(self) -> Iterator["VideoFrame"]:
        """Raises one of decode.UNREADABLE."""
        from edge_agent.vision.decode import open_stream
        from edge_agent.vision.frames import VideoFrame
        from edge_agent.vision.packets import Pictures, video_of

        with open_stream(self._job.path) as container:
            pictures = Pictures(container, video_of(container))
            for picture in pictures:
                self.broken = pictures.broken
                at_ms = round(self.recorded.at(picture.time) * 1000)
                at_ms = max(at_ms, self.at_ms + 1) if self.frames else 0
                if self._job.seconds and at_ms > self._job.seconds * 1000:
                    return
                self.frames, self.at_ms = self.frames + 1, at_ms
                yield VideoFrame(picture, at_ms)
            self.broken = pictures.broken


if __name__ == "__main__":
    main()
