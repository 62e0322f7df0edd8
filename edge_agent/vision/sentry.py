"""The child that watches one camera for alerts: frames in, sightings out. `python -m edge_agent.vision.sentry`

As confined as the one that recognises faces, and apart from it. It knows no person and keeps no picture (a small one
goes to the guard's wall where that is allowed); every frame is looked at in its order, and what comes faster than that
is left out and counted.
"""

import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import msgspec

from edge_agent import log
from edge_agent.errors import EdgeAgentError
from edge_agent.model.detections import SentryJob
from edge_agent.model.sightings import Sighting
from edge_agent.vision.confine import confine
from edge_agent.vision.worker import Pipe, Presence, die

if TYPE_CHECKING:
    from edge_agent.vision.frames import Frame, Image

QUEUE = 16  # frames that wait, at most
SAY_EVERY = 500  # left-out frames
NICENESS = 10  # twelve of these on a small board: a card is decided first

logger = log.get("vision.sentry")


class Watch(Protocol):
    def see(self, gray: "Image", up_ms: int) -> list[Sighting]: ...

    def stop(self, up_ms: int) -> list[Sighting]: ...


class Analysis:
    """All that looks at one camera's pictures, in one order: the same for a live camera and for a recording. `live`: it
    has to keep up, and takes less of each picture when this board cannot.
    """

    def __init__(self, job: SentryJob, *, live: bool = False) -> None:
        self._job, self._live = job, live
        self.watches: list[Watch] | None = None  # made for the size of the first picture
        self._at_ms = 0

    def see(self, frame: "Frame") -> list[Sighting]:
        gray = frame.luma()
        if gray is None:
            return []
        self._at_ms = frame.up_ms
        if self.watches is None:
            self.watches = watches(self._job, (gray.shape[1], gray.shape[0]), live=self._live)
        return [sighting for watch in self.watches for sighting in _shown(watch)(gray, frame)]

    def stop(self, up_ms: int | None = None) -> list[Sighting]:
        """The pictures stopped."""
        at_ms = self._at_ms if up_ms is None else up_ms
        return [sighting for watch in self.watches or () for sighting in watch.stop(at_ms)]


def watches(job: SentryJob, size: tuple[int, int], *, live: bool = False) -> list[Watch]:
    """What this camera is watched for. A façade that does not fit the picture costs itself, not the others."""
    from edge_agent.vision.tamper import TamperWatch

    found: list[Watch] = [TamperWatch(job.camera.name, job.camera.fps)]
    for facade in job.facades:
        from edge_agent.vision.falling import FallingWatch
        from edge_agent.vision.falling_pace import PacedFalls

        try:
            watch = FallingWatch(facade)
            found.append(PacedFalls(watch, job.camera.name, job.camera.fps) if live else watch)
        except EdgeAgentError as error:
            logger.error("%s is not watched: %s", facade.name, error)
    if job.zones or job.lines:
        from edge_agent.vision.objects import EBIKES, PERSON, ObjectNet
        from edge_agent.vision.zones import ZoneWatch

        try:
            detector = ObjectNet(job.models, job.detector, (PERSON, *EBIKES)) if job.detector is not None else None
            found.append(ZoneWatch(job.zones, job.lines, size, detector))
        except EdgeAgentError as error:
            logger.error("zones are not watched: %s", error)
    return found


def _shown(watch: Watch) -> "Callable[[Image, Frame], list[Sighting]]":
    """Some want the colours too, seldom: they ask for them."""
    in_colour = getattr(watch, "see_frame", None)
    if in_colour is None:
        return lambda gray, frame: watch.see(gray, frame.up_ms)
    return lambda gray, frame: in_colour(gray, frame.up_ms, lambda: _bgr(frame))


def _bgr(frame: "Frame") -> "Image | None":
    rgb = frame.rgb()
    return None if rgb is None else rgb[:, :, ::-1]


def work(job: SentryJob, pipe: Pipe) -> None:
    from edge_agent.vision import clock
    from edge_agent.vision.decode import FrameSource
    from edge_agent.vision.glimpse import Glimpses

    threading.excepthook = die
    analysis = Analysis(job, live=True)
    source = FrameSource(job.camera.url, job.camera.fps, QUEUE)
    source.start()
    presence, lost = Presence(pipe, job.camera.fps), 0
    glimpses = Glimpses(job.camera.masks) if "wall" in job.camera.use else None
    while True:
        frame = source.next(0.5)
        before = presence.state
        presence.look(frame is not None, source.trouble)
        if frame is not None:
            for sighting in analysis.see(frame):
                pipe.send(sighting)
            if glimpses is not None and (glimpse := glimpses.of(frame)) is not None:
                pipe.send(glimpse)
        elif presence.state == "lost" and before != "lost":
            for sighting in analysis.stop(clock.up_ms()):
                pipe.send(sighting)
        if source.lost >= lost + SAY_EVERY:
            lost = source.lost
            logger.warning("%d frames were left out: they come faster than they can be looked at", lost)


def main() -> None:
    pipe = Pipe(confine(niceness=NICENESS))
    job = msgspec.json.decode(sys.stdin.buffer.readline(), type=SentryJob)
    log.configure()
    log.job.set(f"sentry {job.camera.name}")
    work(job, pipe)


if __name__ == "__main__":
    main()
