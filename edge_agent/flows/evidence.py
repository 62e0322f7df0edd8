"""Evidence: a clip of what happened, and its track.

An alert never waits for it: it is asked for when the alert is on its way, comes in piece by piece, and is sealed and
said when it is whole (evidence_shelf.py). What cannot be had is said, too.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Protocol

from edge_agent import log
from edge_agent.errors import StoreError
from edge_agent.flows.evidence_shelf import EvidenceShelf, Sealing, Store, Writer
from edge_agent.flows.premises import Premises
from edge_agent.model.events import AlertOpened
from edge_agent.model.evidence import About, Time, track_file
from edge_agent.model.recording import ClipDone, Keep, Piece, Stream
from edge_agent.model.sightings import Sighting
from edge_agent.model.site import EvidencePolicy
from edge_agent.ports import Beat
from edge_agent.words import parts, told, whole

LOOK_S = 1.0
TIDY_EVERY = 30  # looks
SIGHTINGS_AT_MOST = 3000  # of one track file: what is said several times a second for minutes
BROKE_OFF, BROKEN_AT_MOST = frozenset({"clip.interrupted", "clip.recorder_cut"}), 100
FOLLOWED_MS, ENDS_MS = 10_000, 1000  # what goes on is said every five seconds, its end four after it was last seen
GIVEN_UP_MS = 120_000  # after its end, or its last piece: whoever should have sent it has forgotten

logger = log.get("flows.evidence")


class Recorder(Protocol):
    def keep(self, order: Keep) -> bool: ...

    async def look(self) -> None: ...


class Coming:
    """One piece of evidence on its way."""

    def __init__(self, about: About) -> None:
        self.about = about
        self.writer: Writer | None = None
        self.sightings: list[Sighting] = []
        self.failed = ""
        self.over = False  # what it is of is, so far as it was told
        self.whole = False  # its clip is, and on the disk
        self.busy = False  # the disk has been given something of it, and has not taken it yet
        self.heard_ms = 0  # when it had taken the last piece


class EvidenceDesk(EvidenceShelf):
    def __init__(self, premises: Premises, policy: EvidencePolicy, store: Store, sealing: Sealing) -> None:
        super().__init__(premises, policy, store, sealing)
        self.recorders: dict[str, Recorder] = {}
        self.sources: Mapping[str, str] = {}
        self.leads: Mapping[str, float] = {}  # by camera: seconds before an alarm that a clip may begin, and `pre_s`
        self._broken: deque[str] = deque(maxlen=BROKEN_AT_MOST)
        self._coming: dict[str, Coming] = {}
        self._count = 0

    # ---- asking ------------------------------------------------------------------------------------------------------

    def keep(
        self,
        camera: str,
        alert: str,
        kind: str,
        at_ms: int,
        rule: str = "",
        door: str = "",
        level: str = "alarm",
        begun_ms: int | None = None,
        followed: bool = False,
    ) -> tuple[str, str]:
        """Have a clip kept of what happens at uptime `at_ms` and began at `begun_ms`: (its id, ""), or ("", why there
        will be none). `followed`: its end will be told (`goes_on`).
        """
        recorder = self.recorders.get(camera)
        if recorder is None:
            return "", told("clip.no_recorder")
        if "B" in self.premises.journal.room.sheds:
            return "", told("clip.disk_full")
        now = self.premises.now()
        self._count += 1
        evidence = f"ev-{now.boot_id[:8]}-{at_ms}-{self._count}"
        lead_ms, longest_ms = round(self.leads.get(camera, 0.0) * 1000), round(self.policy.longest_s * 1000)
        begun_ms = max(at_ms if begun_ms is None else begun_ms, at_ms - lead_ms)
        from_ms = max(0, begun_ms - round(self.policy.pre_s * 1000), at_ms - longest_ms)
        to_ms = min(at_ms + self._post_ms(going=followed), from_ms + longest_ms)
        about = About(
            camera=camera, source=self.sources.get(camera, ""), alert=alert, kind=kind, rule=rule, door=door,
            level=level, from_ms=from_ms, to_ms=to_ms, asked=Time.of(now),
        )  # fmt: skip
        if not recorder.keep(Keep(evidence, from_ms, to_ms)):
            return "", told("clip.no_recorder")
        self._coming[evidence] = Coming(about)
        self._underway.add(evidence)
        return evidence, ""

    def missing(self, alert: AlertOpened, why: str) -> None:
        """Say that there will be none of this alert."""
        about = About(
            camera=alert.camera, source="", alert=alert.alert, kind=alert.kind, rule=alert.rule, door=alert.door,
            level=alert.level, from_ms=0, to_ms=0,
        )  # fmt: skip
        self._missing(about, why)

    def goes_on(self, evidence: str, sighting: Sighting, over: bool = False) -> bool:
        """The event is not over at `sighting`, or just then: the clip goes on, so long as it may. False: it broke off
        before its end, with the stream or its recorder, or ended when the event seemed to be over.
        """
        coming = self._coming.get(evidence)
        if coming is None:
            return evidence not in self._broken
        if len(coming.sightings) < SIGHTINGS_AT_MOST:
            coming.sightings.append(sighting)
        about, coming.over = coming.about, over
        to_ms = sighting.up_ms + self._post_ms(going=not over)
        if over:
            to_ms = max(to_ms, self.premises.now().up_ms + ENDS_MS)
        to_ms = min(to_ms, about.from_ms + round(self.policy.longest_s * 1000))
        if to_ms > about.to_ms or (over and to_ms < about.to_ms):
            coming.about = about.until(to_ms)
            recorder = self.recorders.get(about.camera)
            if recorder is not None and to_ms // 1000 != about.to_ms // 1000:
                recorder.keep(Keep(evidence, about.from_ms, to_ms))
        return True

    def _post_ms(self, going: bool) -> int:
        """`post_s`; while it goes on, until the analysis has had time to say so again, or that it is over."""
        return max(round(self.policy.post_s * 1000), FOLLOWED_MS if going else 0)

    # ---- what comes --------------------------------------------------------------------------------------------------

    async def take(self, said: Piece | ClipDone) -> None:
        """A recorder says something. Never raises: evidence that fails is told, and costs nothing else."""
        coming = self._coming.get(said.evidence)
        if coming is None:
            return
        try:
            if isinstance(said, Piece):
                await self._write(said.evidence, coming, said.data)
            else:
                del self._coming[said.evidence]
                early = 0 < said.to_ms // 1000 < coming.about.to_ms // 1000  # it had ended when more was ordered
                if early:
                    coming.about = coming.about.until(said.to_ms)
                if early or coming.over or said.stream is None or said.code in BROKE_OFF:
                    self._broken.append(said.evidence)
                why = whole(said.why, said.code, said.given)
                try:
                    await self._end(said.evidence, coming, said.stream, why)
                finally:
                    self._underway.discard(said.evidence)
        except StoreError as error:
            self._fail(coming, error.sentence)

    async def _write(self, evidence: str, coming: Coming, data: bytes) -> None:
        if coming.failed:
            return
        coming.busy = True
        try:
            if coming.writer is None:
                request = coming.about.encode()
                coming.writer = await self._aside(self.store.begin, evidence, request)
            await self._aside(coming.writer.write, data)
        finally:
            coming.busy, coming.heard_ms = False, self.premises.now().up_ms

    async def _end(self, evidence: str, coming: Coming, stream: Stream | None, why: str) -> None:
        if coming.failed:
            return
        if coming.writer is None:
            self._missing(coming.about, why or told("clip.no_picture"))
            return
        files = [await self._aside(coming.writer.close_clip)]
        coming.whole = True
        track = track_file(coming.sightings)
        files.append(await self._aside(coming.writer.add, "track.json", track))
        await self._seal(evidence, coming.about, tuple(files), stream, why, coming.writer.finish)

    def _fail(self, coming: Coming, why: str) -> None:
        """What has come is thrown away; a clip that came to its end is left for the next start, which seals it."""
        if not coming.failed:
            coming.failed = why
            logger.error("no evidence of %s: %s", coming.about.alert, why)
            self._missing(coming.about, why)
        if coming.writer is not None:
            (coming.writer.leave if coming.whole else coming.writer.abort)()
            coming.writer = None

    async def run(self, beat: Beat) -> None:
        await self._settle()
        looks = 0
        while True:
            beat()
            for recorder in list(self.recorders.values()):
                await recorder.look()
            now_ms = self.premises.now().up_ms
            for evidence, coming in list(self._coming.items()):
                if not coming.busy and now_ms > max(coming.about.to_ms, coming.heard_ms) + GIVEN_UP_MS:
                    await self.take(ClipDone(evidence, None, *parts(told("clip.no_answer"))))
            if looks % TIDY_EVERY == 0:
                await self._tidy()
            looks += 1
            await asyncio.sleep(LOOK_S)
