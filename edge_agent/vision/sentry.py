"""The child that watches one camera for alerts: frames in, sightings out. `python -m edge_agent.vision.sentry`

As confined as the one that recognises faces, and apart from it. It knows no person and keeps no picture (a small one
goes to the guard's wall where that is allowed); every frame is looked at in its order, and what comes faster than that
is left out and counted.
"""

import sys
import threading
import time
from typing import TYPE_CHECKING, Protocol

import msgspec
from msgspec.structs import replace

from edge_agent import log
from edge_agent.errors import EdgeAgentError, FaceError
from edge_agent.model.detections import Outlook, SentryJob, Unwatched
from edge_agent.model.face_models import EBIKES, PERSON
from edge_agent.model.sightings import Phase, Sighting
from edge_agent.model.site import Facade, private
from edge_agent.vision.confine import confine
from edge_agent.vision.models import lacks
from edge_agent.vision.urls import shown
from edge_agent.vision.worker import Pipe, Presence, die
from edge_agent.words import told

if TYPE_CHECKING:
    from edge_agent.vision.frames import Colours, Frame, Image

QUEUE = 16  # frames that wait, at most
SAY_EVERY = 500  # left-out frames
PACES = ("reduced", "too_slow")
NICENESS = 10  # twelve of these on a small board: a card is decided first

logger = log.get("vision.sentry")


class Watch(Protocol):
    def see(self, gray: "Image", up_ms: int, bgr: "Colours | None" = None) -> list[Sighting]: ...

    def stop(self, up_ms: int) -> list[Sighting]: ...


class Analysis:
    """All that looks at one camera's pictures, in one order: the same for a live camera and for a recording. `live`: it
    has to keep up, and takes less of each picture when this board cannot.
    """

    def __init__(self, job: SentryJob, *, live: bool = False) -> None:
        self._job, self._live = job, live
        self.watches: list[Watch] | None = None  # made for the first picture, and anew for one of another shape
        self._fits: list[bool] = []
        self._unwatched: list[Unwatched] | None = None
        self._at_ms = 0
        self._paces: dict[str, Sighting] = {}  # troubles of `watches` with the rate that go on: they end with them
        self.blind = False  # the last picture could not be decoded

    def see(self, frame: "Frame") -> list[Sighting]:
        from edge_agent.vision.frames import colours

        gray = frame.luma()
        self.blind = gray is None
        if gray is None:
            return []
        self._at_ms, size = frame.up_ms, (gray.shape[1], gray.shape[0])
        said: list[Sighting] = []
        fits = [facade.fits(*size) for facade in self._job.facades]
        if self.watches is None or fits != self._fits:
            said, self._fits = [*self.stop(), *self._paces_over()], fits
            self.watches, self._unwatched = watches(self._job, size, live=self._live)
        bgr = colours(frame, gray)
        found = [sighting for watch in self.watches for sighting in watch.see(gray, frame.up_ms, bgr)]
        for sighting in found:
            if sighting.phase is Phase.OVER:
                self._paces.pop(sighting.incident, None)
            elif sighting.kind in PACES:
                self._paces[sighting.incident] = sighting
        return said + found

    def _paces_over(self) -> list[Sighting]:
        over, self._paces = self._paces.values(), {}
        return [replace(one, phase=Phase.OVER, up_ms=self._at_ms, why=()) for one in over]

    def unwatched(self) -> list[Unwatched] | None:
        """What the camera cannot be watched for, once after each beginning; None: it has not begun anew."""
        told, self._unwatched = self._unwatched, None
        return told

    def stop(self, up_ms: int | None = None) -> list[Sighting]:
        """The pictures stopped."""
        at_ms = self._at_ms if up_ms is None else up_ms
        return [sighting for watch in self.watches or () for sighting in watch.stop(at_ms)]


def watches(job: SentryJob, size: tuple[int, int], *, live: bool = False) -> tuple[list[Watch], list[Unwatched]]:
    """What this camera is watched for, and what it cannot be: that costs itself, not the others."""
    from edge_agent.vision.tamper import TamperWatch

    found: list[Watch] = [TamperWatch(job.camera.name, job.camera.fps)]
    refused: list[EdgeAgentError] = []
    for facade in job.facades:
        try:
            found.append(_falls(job, facade, size, live))
        except EdgeAgentError as error:
            refused.append(error)
    if job.zones or job.lines:
        found.append(_zones(job, size, refused))
    return found, [unwatched(error) for error in refused]


def unwatched(error: EdgeAgentError) -> Unwatched:
    return Unwatched(error.code, error.sentence.fields)


def _falls(job: SentryJob, facade: Facade, size: tuple[int, int], live: bool) -> Watch:
    """Raises EdgeAgentError for lines that make no wall, and for a picture of another shape."""
    from edge_agent.vision.falling import FallingWatch
    from edge_agent.vision.falling_pace import PacedFalls

    if not facade.fits(*size):
        wide, high = facade.size
        raise EdgeAgentError(
            "facade.other_frame", name=facade.name, width=size[0], height=size[1], wide=wide, high=high
        )
    watch = FallingWatch(facade)
    return PacedFalls(watch, job.camera.name, job.camera.fps, time.perf_counter if live else _no_time)


def _no_time() -> float:
    """A clock for a recording: how fast this machine is changes nothing that is seen in it."""
    return 0.0


def _zones(job: SentryJob, size: tuple[int, int], refused: list[EdgeAgentError]) -> Watch:
    """Without a detector that can be had, and without the rules that need another one; both are added to `refused`."""
    from edge_agent.vision.objects import ObjectNet
    from edge_agent.vision.pace import PacedZones
    from edge_agent.vision.zones import ZoneWatch

    detector, zones = None, job.zones
    if job.detector is not None:
        try:
            detector = ObjectNet(job.models, job.detector, (PERSON, *EBIKES))
        except EdgeAgentError as error:
            refused.append(error)
    known = detector.classes if detector is not None else ()
    names = [zone.name for zone in zones if "ebike" in zone.watch]
    if names and not set(EBIKES) & set(known):
        wanted = f"ebike ({', '.join(names)})"
        refused.append(FaceError("zone.needs_detector") if detector is None else lacks(detector.manifest, wanted))
        zones = tuple(replace(zone, watch=tuple(kind for kind in zone.watch if kind != "ebike")) for zone in zones)
    return PacedZones(ZoneWatch(zones, job.lines, size, detector), job.camera.name, job.camera.fps)


def work(job: SentryJob, pipe: Pipe) -> None:
    from edge_agent.vision import clock
    from edge_agent.vision.decode import FrameSource
    from edge_agent.vision.glimpse import Glimpses

    threading.excepthook = die
    analysis = Analysis(job, live=True)
    source = FrameSource(job.camera.url, job.camera.fps, QUEUE)
    source.start()
    presence, lost = Presence(pipe, job.camera.fps), 0
    broken = told("cameras.broken", url=shown(job.camera.url))
    glimpses = Glimpses(private(job.camera, job.facades)) if "wall" in job.camera.use else None
    while True:
        frame = source.next(0.5)
        sightings = analysis.see(frame) if frame is not None else []
        seen = frame is not None and not analysis.blind
        fell_silent = presence.look(seen, source.trouble if seen or frame is None else broken)
        if frame is not None and seen:
            if (refused := analysis.unwatched()) is not None:
                pipe.send(Outlook(tuple(refused)))
            for sighting in sightings:
                pipe.send(sighting)
            if glimpses is not None and (glimpse := glimpses.of(frame)) is not None:
                pipe.send(glimpse)
        elif fell_silent:
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
