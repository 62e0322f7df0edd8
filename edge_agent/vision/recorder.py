"""The recorder of one camera: keeps the last seconds of its main stream, says clips of it.

`python -m edge_agent.vision.recorder`, a child process like the one that analyses, and apart from it: a decoder that
aborts there costs no evidence here, where nothing is decoded. model/recording.py has its orders and what it says.
"""

import os
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from edge_agent import log
from edge_agent.errors import DeviceUnavailable
from edge_agent.model.recording import ClipDone, Keep, Piece, RecorderJob, Stream
from edge_agent.vision.confine import confine
from edge_agent.vision.worker import SILENT, Pipe, Presence
from edge_agent.words import parts, told

if TYPE_CHECKING:
    import av

    from edge_agent.vision.ring import Clip

MEMORY_MB = 512  # the ring holds 64 MB at most, what waits 48; the rest is what libraries map
LOOK_EVERY_S = 0.2
LATE_S = 5.0  # a clip whose end does not come ends so long after it
GAP_MS = 2_000  # longer without a picture, and longer than three frames of a slow camera: part of the clip is missing
CLIPS_AT_MOST = 8  # at the same time
WAITING_AT_MOST = 48 << 20  # bytes of clips that the daemon has not taken yet: a minute and a half of 4 Mbit/s

logger = log.get("vision.recorder")


class Outbox:
    """What the daemon shall have, sent in a thread of its own: while a disk stalls over there the stream is read on."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe, self._waiting, self._bytes, self._news = pipe, deque[Piece | ClipDone](), 0, threading.Condition()
        threading.Thread(target=self._run, name="outbox", daemon=True).start()

    def put(self, said: Piece | ClipDone) -> None:
        """Waits only when far too much waits already."""
        with self._news:
            self._news.wait_for(lambda: self._bytes < WAITING_AT_MOST)
            self._waiting.append(said)
            self._bytes += _size(said)
            self._news.notify_all()

    def _run(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._waiting)
                said = self._waiting.popleft()
            self._pipe.send(said)
            with self._news:
                self._bytes -= _size(said)
                self._news.notify_all()


def _size(said: Piece | ClipDone) -> int:
    return len(said.data) if isinstance(said, Piece) else 0


class Recorder:
    def __init__(self, job: RecorderJob, pipe: Pipe) -> None:
        from edge_agent.vision.ring import Ring
        from edge_agent.vision.timeline import Timeline

        self.job, self._outbox = job, Outbox(pipe)
        self._ring, self._timeline = Ring(round(job.pre_s * 1000)), Timeline()
        self._lock = threading.Lock()
        self._clips: dict[str, tuple[Keep, Clip]] = {}
        self._ended: deque[str] = deque(maxlen=100)  # the daemon may not know yet, and want more of one
        self._template: av.VideoStream | None = None
        self._arrived = False  # a packet, since somebody looked
        self.trouble = ""

    # ---- the stream --------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Read the stream for ever; a thread of its own."""
        from edge_agent.vision.decode import UNREADABLE, Backoff, reason, trouble_after

        backoff = Backoff()
        while True:
            try:
                self._follow()
                raise DeviceUnavailable("cameras.ended")
            except UNREADABLE as error:
                why = reason(error, self.job.url)
                self.trouble = trouble_after(why, self.trouble)
            with self._lock:
                self._template = None
                self._timeline.restart()
                self._ring.clear()  # another connection has another codec header
                for evidence in list(self._clips):
                    self._end(evidence, told("clip.interrupted"))
            backoff.pause(error=why)

    def _follow(self) -> None:
        from edge_agent.vision import clock
        from edge_agent.vision.decode import open_stream, patience
        from edge_agent.vision.packets import packets_of
        from edge_agent.vision.timeline import Playing
        from edge_agent.vision.urls import local_path

        path = local_path(self.job.url)
        if path is not None and path.is_dir():
            raise DeviceUnavailable("cameras.stills_no_clip")
        url, fps = (self.job.url, self.job.fps) if path is None else (str(path), None)
        with open_stream(url, fps) as container:
            if not container.streams.video:
                raise DeviceUnavailable("cameras.no_video")
            stream = container.streams.video[0]
            with self._lock:
                self._template = stream
            playing = None if path is None else Playing(self.job.fps)
            for packet in packets_of(container, stream, None if fps is None else patience(fps)):
                if not packet.size:
                    continue
                seconds = None if packet.dts is None else float(packet.dts * packet.time_base)
                if playing is not None:
                    time.sleep(playing.wait_s(seconds))
                self._take(packet, seconds, clock.up_ms())

    def _take(self, packet: "av.Packet[av.VideoStream]", seconds: float | None, now_ms: int) -> None:
        from edge_agent.vision.ring import Kept

        at_ms = self._timeline.at(seconds, now_ms)
        kept = Kept(bytes(packet), packet.pts, packet.dts, packet.is_keyframe, packet.is_corrupt, at_ms)
        with self._lock:
            self._arrived, self.trouble = True, ""
            self._ring.add(kept)
            for evidence, (order, clip) in list(self._clips.items()):
                if kept.at_ms > order.to_ms:
                    self._end(evidence, "")
                else:
                    clip.write(kept)

    # ---- orders ------------------------------------------------------------------------------------------------------

    def keep(self, order: Keep) -> None:
        with self._lock:
            if order.evidence in self._ended:
                return
            if (known := self._clips.get(order.evidence)) is not None:
                self._clips[order.evidence] = (order, known[1])
            elif self._template is None:
                self._done(order.evidence, None, self.trouble or SILENT)
            elif len(self._clips) >= CLIPS_AT_MOST:
                self._done(order.evidence, None, told("clip.too_many"))
            else:
                self._begin(order)

    def _begin(self, order: Keep) -> None:
        import av.error

        from edge_agent.vision.ring import Clip

        assert self._template is not None
        try:
            gap_ms = max(GAP_MS, round(3000 / self.job.fps))
            clip = Clip(self._template, lambda data: self._outbox.put(Piece(order.evidence, data)), gap_ms)
            for kept in self._ring.since(order.from_ms):
                if kept.at_ms <= order.to_ms:
                    clip.write(kept)  # the first one writes the file's header
        except (av.error.FFmpegError, ValueError) as error:
            self._done(order.evidence, None, told("clip.no_container", error=type(error).__name__))
            return
        self._clips[order.evidence] = (order, clip)

    def _end(self, evidence: str, why: str) -> None:
        import av.error

        order, clip = self._clips.pop(evidence)
        stream = None
        with suppress(av.error.FFmpegError):
            stream = clip.close()
        if stream is not None and not why and stream.from_ms > order.from_ms + 1000:
            why = told("clip.late", s=round((stream.from_ms - order.from_ms) / 1000))
        if stream is not None and not why and stream.holes_ms:
            why = told("clip.holes", s=round(stream.holes_ms / 1000))
        self._done(evidence, stream, why or ("" if stream else told("clip.no_picture")), order.to_ms)

    def _done(self, evidence: str, stream: Stream | None, why: str, to_ms: int = 0) -> None:
        self._ended.append(evidence)
        self._outbox.put(ClipDone(evidence, stream, *parts(why), to_ms))

    def look(self) -> bool:
        """End what is over although nothing comes any more. Has something come since the last look?"""
        from edge_agent.vision import clock

        with self._lock:
            now_ms = clock.up_ms()
            for evidence, (order, _) in list(self._clips.items()):
                if now_ms > order.to_ms + LATE_S * 1000:
                    self._end(evidence, told("clip.interrupted"))
            arrived, self._arrived = self._arrived, False
            return arrived


def orders(recorder: Recorder) -> None:
    """Until the parent closes the pipe: then the child has nobody left."""
    for line in sys.stdin.buffer:
        recorder.keep(msgspec.json.decode(line, type=Keep))
    os._exit(0)


def main() -> None:
    pipe = Pipe(confine(MEMORY_MB))
    job = msgspec.json.decode(sys.stdin.buffer.readline(), type=RecorderJob)
    log.configure()
    log.job.set(f"recorder {job.camera}")
    from edge_agent.vision.worker import die

    threading.excepthook = die
    recorder = Recorder(job, pipe)
    threading.Thread(target=recorder.run, name="stream", daemon=True).start()
    threading.Thread(target=orders, args=(recorder,), name="orders", daemon=True).start()
    presence = Presence(pipe, job.fps)
    while True:
        presence.look(recorder.look(), recorder.trouble)
        time.sleep(LOOK_EVERY_S)


if __name__ == "__main__":
    main()
