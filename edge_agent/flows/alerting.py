"""Alerting: what cameras see, and what cameras and doors tell together, becomes alerts — one for each incident.

Opened at the first sighting and published at once; evidence follows by itself. Sightings of the same rule belong to the
same alert until it has been quiet for a while; what is open is remembered over a restart. Quiet hours and mutes make an
alert that is only recorded: nothing is thrown away because somebody did not want to hear it.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping

from msgspec import structs

from edge_agent import log
from edge_agent.core import alerts, latch
from edge_agent.core.joins import DoorJoins, Join
from edge_agent.core.schedule import in_force
from edge_agent.flows.evidence import EvidenceDesk
from edge_agent.flows.line_counts import LineCounts
from edge_agent.flows.premises import Premises
from edge_agent.model.commands import VERDICTS, Done
from edge_agent.model.detections import CameraState, Detection, FaceRefused, FaceSample
from edge_agent.model.events import AlertClosed, AlertOpened, AlertUpdated, DoorForced, DoorHeld, Event
from edge_agent.model.sightings import Phase, Sighting
from edge_agent.model.site import AlertRule, Camera, Line
from edge_agent.model.standing import At, Mute, OpenAlert
from edge_agent.ports import Beat
from edge_agent.words import parts, told

AGAIN_MS = 10_000  # so long nothing was seen: the incident is over
REJOIN_MS = 30_000  # after a restart the cameras have so long to see it again
SEEN_MS = 15_000  # so old at most is what is remembered of when it was seen last
UPDATE_GAP_MS = 5_000
FLOOD_AN_HOUR = 30  # alerts of one rule; what is more is only recorded, and the camera said to be in trouble
HOUR_MS = 3_600_000
LOOK_S = 0.5
CLIPS_AT_MOST = 4  # of one alert: one that broke off is followed by another while it goes on, the later the rarer
ASK_AGAIN_MS = 5_000
DOOR_ASKED_MS = 60_000  # so long a picture of what a door did is asked for, where its recorder is being started anew
KNOWN_AT_MOST = 1000
SCAN_ROWS, SCAN_AT_MOST = 1000, 100_000

logger = log.get("flows.alerting")


class Incident:
    """An alert that is open, while the daemon runs."""

    def __init__(self, alert: OpenAlert, last: Sighting | None, evidence: str) -> None:
        self.alert, self.evidence = alert, evidence
        self.last = last  # what was told of it
        self.newest = last
        self.clips = 1 if evidence else 0
        self.ask_again_ms = 0
        self.going: set[str] = set()  # what the analysis has not said to be over
        self.over_ms: int | None = None  # since when nothing of it is seen
        self.why = "over"
        self.said_ms = 0


class CameraAlerts:
    """`rules`: of agent.toml, the first that fits counts; `schedules`: zone or line → when it alerts; `named`: zones,
    lines and façades, which a mute may mean.
    """

    def __init__(
        self,
        premises: Premises,
        cameras: Iterable[Camera],
        rules: tuple[AlertRule, ...] = (),
        schedules: Mapping[str, str] | None = None,
        desk: EvidenceDesk | None = None,
        deter: Callable[[AlertOpened], None] = lambda _alert: None,
        calibrated: Iterable[str] = (),
        named: Iterable[str] = (),
        lines: Iterable[Line] = (),
    ) -> None:
        self.premises, self.rules, self.desk, self._deter = premises, rules, desk, deter
        self.cameras = {camera.name: camera for camera in cameras}
        self.schedules = dict(schedules or {})
        self._calibrated = frozenset(calibrated)  # cameras that tell floors
        self._named = frozenset(named)
        self.joins: dict[str, DoorJoins] = {}  # by door
        lines = tuple(lines)
        self._of_line = {line.name: line.camera for line in lines}
        self.counts = LineCounts(premises, lines)
        self._open: dict[alerts.Key, Incident] = {}
        self._known: deque[AlertOpened] = deque(maxlen=KNOWN_AT_MOST)
        self._times: dict[tuple[str, str, str], deque[int]] = {}
        self._count = 0
        self._unkept: dict[tuple[str, str, str], tuple[int, int]] = {}  # camera, door, what → until when, and when next
        premises.ears.append(self._hear)

    def restore(self) -> None:
        """What was open before the restart; to be called when the premises have remembered."""
        now = self.premises.now()
        for alert in list(self.premises.standing.alerts.values()):
            incident = Incident(alert, None, "")
            incident.clips = 1  # it broke off with the agent
            incident.over_ms, incident.why = now.up_ms + REJOIN_MS - AGAIN_MS, "restarted"
            if self.desk is not None:
                self.desk.promised(alert)
            key = (alert.camera, alert.rule, alert.kind, "")
            away_ms = (alert.seen or alert.since).since_ms(now)
            known = alert.kind not in alerts.APART and alert.camera in self.cameras
            if not known or away_ms is None or away_ms > REJOIN_MS + SEEN_MS:  # what comes now is something else
                self._close(incident)
            else:
                if (other := self._open.get(key)) is not None:  # killed between opening anew and closing
                    self._close(other)
                self._open[key] = incident

    # ---- cameras -----------------------------------------------------------------------------------------------------

    def see(self, name: str, said: Detection | Sighting) -> None:
        """A camera's child says something; called from the loop, never waits."""
        camera = self.cameras[name]
        if isinstance(said, Sighting) and said.fall is not None and self._moved(name):
            said = alerts.without_floors(said)
        match said:
            case Sighting(kind=kind) if kind in alerts.COUNTED:
                self._cross(camera, said)
            case Sighting(phase=Phase.OVER):
                self._over(camera, said)
            case Sighting():
                self._seen(camera, said)
            case CameraState(state="lost"):
                self._lost(name)
            case FaceSample(track=track, up_ms=up_ms) | FaceRefused(track=track, up_ms=up_ms):
                if (joins := self.joins.get(camera.door)) is not None:
                    joins.face(up_ms, name, track)
            case _:
                pass

    def forget_faces(self, name: str) -> None:
        """The child that looks for faces began anew: so do the numbers of their tracks."""
        if (joins := self.joins.get(self.cameras[name].door)) is not None:
            joins.forget(name)

    def _seen(self, camera: Camera, sighting: Sighting) -> None:
        key = alerts.key_of(camera.name, sighting)
        incident = self._open.get(key)
        if incident is None:
            if sighting.kind not in alerts.OF_NO_ZONE and not self._on(camera, sighting.rule):
                return
            incident = self._raise(key, camera, camera.door, sighting)
        elif incident.last is None or sighting.incident not in incident.going:
            incident.last = incident.last or sighting
            self._update(incident, sighting)
        elif self.premises.now().up_ms - incident.said_ms >= UPDATE_GAP_MS and alerts.grew(incident.last, sighting):
            self._update(incident, sighting)
        incident.going.add(sighting.incident)
        incident.over_ms, incident.why = None, "over"
        incident.newest = sighting
        self._remember_seen(incident)
        self._follow(camera, incident, sighting)

    def _remember_seen(self, incident: Incident) -> None:
        """For whoever starts anew: what was seen long before it did is over."""
        now = self.premises.now()
        alert = self.premises.standing.alerts.get(incident.alert.alert)
        if alert is None:
            return
        since_ms = (alert.seen or alert.since).since_ms(now)
        if since_ms is None or since_ms >= SEEN_MS:
            self.premises.remember(structs.replace(alert, seen=At.of(now)))

    def _over(self, camera: Camera, sighting: Sighting) -> None:
        key = alerts.key_of(camera.name, sighting)
        incident = self._open.get(key)
        if incident is None:
            return
        incident.going.discard(sighting.incident)
        if incident.last is not None and alerts.grew(incident.last, sighting):
            self._update(incident, sighting)
        if self.desk is not None and incident.evidence:
            self.desk.goes_on(incident.evidence, sighting, over=not incident.going)
        if sighting.kind in alerts.APART:
            self._close(self._open.pop(key))
        elif not incident.going:
            incident.over_ms = self.premises.now().up_ms

    def _follow(self, camera: Camera, incident: Incident, sighting: Sighting) -> None:
        """Its clip goes on; one that broke off, with the stream or the agent, or that could not be begun, is followed
        by another.
        """
        if self.desk is None or "evidence" not in camera.use:
            return
        if incident.evidence and self.desk.goes_on(incident.evidence, sighting):
            return
        now_ms = self.premises.now().up_ms
        if incident.clips >= CLIPS_AT_MOST or now_ms < incident.ask_again_ms:
            return
        alert = incident.alert
        evidence, _ = self.desk.keep(
            camera.name, alert.alert, alert.kind, sighting.up_ms, alert.rule, alert.door, alert.level, followed=True
        )
        incident.ask_again_ms = now_ms + ASK_AGAIN_MS * 3**incident.clips
        if evidence:
            incident.evidence, incident.clips = evidence, incident.clips + 1

    def _lost(self, name: str) -> None:
        """The camera sees nothing any more: nobody can tell whether it goes on."""
        now_ms = self.premises.now().up_ms
        for incident in self._open.values():
            if incident.alert.camera == name and incident.over_ms is None:
                incident.going.clear()
                incident.over_ms, incident.why = now_ms, "camera_lost"

    def _on(self, camera: Camera, rule: str) -> bool:
        """A schedule that is not there (any more: lists are replaced while this runs) switches nothing off, nor does
        one of which nobody knows whether it is its hour.
        """
        schedule, book, now = self.schedules.get(rule), self.premises.book, self.premises.now()
        if schedule is not None and schedule not in book.schedules:
            trouble = told("degraded_why.no_schedule", rule=rule, schedule=schedule)
            self.premises.alarms.degraded_device(camera.name, "camera", trouble)
            return True
        if schedule is None or not alerts.hour_known(now, self.premises.policy):
            return True
        return in_force(book, schedule, now.wall_ms)

    # ---- doors and cameras together ----------------------------------------------------------------------------------

    def _cross(self, camera: Camera, sighting: Sighting) -> None:
        if sighting.phase is Phase.OVER:
            return
        if self._on(camera, sighting.rule):
            self.counts.cross(sighting.rule, sighting.direction)
        joins = self.joins.get(camera.door)
        if joins is not None and joins.line == sighting.rule:
            joins.cross(sighting.up_ms, sighting.direction)

    def _hear(self, event: Event) -> None:
        """Something was recorded at a door."""
        joins = self.joins.get(getattr(event, "door", None) or "")
        if joins is not None:
            joins.hear(event, self.premises.now().up_ms)
        if isinstance(event, DoorForced | DoorHeld) and self.desk is not None:
            what, now_ms = event.tag.removeprefix("door."), self.premises.now().up_ms
            for camera in self.cameras.values():
                if camera.door != event.door or "evidence" not in camera.use:
                    continue
                if why := self._picture(camera.name, event.door, what):
                    detail = told("degraded_why.no_clip", door=event.door, event=event.tag, why=parts(why)[1])
                    self.premises.alarms.degraded_device(camera.name, "camera", detail)
                    self._unkept[camera.name, event.door, what] = now_ms + DOOR_ASKED_MS, now_ms + ASK_AGAIN_MS

    def _picture(self, camera: str, door: str, what: str) -> str:
        """Have a clip kept of what the door did, or does; why there is none, else empty."""
        assert self.desk is not None
        now_ms = self.premises.now().up_ms
        return self.desk.keep(camera, f"door/{door}/{what}", what, now_ms, door=door)[1]

    def _ask_again(self, now_ms: int) -> None:
        """For what could not be begun when a door said so: there is a clip as soon as there can be."""
        for key, (until_ms, next_ms) in list(self._unkept.items()):
            if now_ms > until_ms:
                del self._unkept[key]
            elif now_ms >= next_ms:
                if self._picture(*key):
                    self._unkept[key] = until_ms, now_ms + ASK_AGAIN_MS
                else:
                    del self._unkept[key]

    def _joined(self, door: str, join: Join) -> None:
        """One moment, not an incident that goes on: several within a short time are still one alert: of the camera
        whose line it was seen at; of faces, of the door's first.
        """
        there = [one for one in self.cameras.values() if one.door == door and "alerts" in one.use]
        if not there:
            return
        at_line = self._of_line.get(self.joins[door].line) if join.kind != "repeated_denial" else None
        camera = next((one for one in there if one.name == at_line), there[0])
        sighting = Sighting(
            rule=door, kind=join.kind, incident=f"{join.kind}-{join.at_ms}", phase=Phase.BEGUN, up_ms=join.at_ms,
            size=(0, 0), count=join.count, direction=join.direction, why=join.why,
        )  # fmt: skip
        key = alerts.key_of(camera.name, sighting)
        incident = self._open.get(key)
        if incident is None:
            incident = self._raise(key, camera, door, sighting, goes_on=False)
        else:
            self._update(incident, sighting)
        incident.over_ms = self.premises.now().up_ms

    # ---- one alert ---------------------------------------------------------------------------------------------------

    def _raise(self, key: alerts.Key, camera: Camera, door: str, sighting: Sighting, goes_on: bool = True) -> Incident:
        now = self.premises.now()
        rule = alerts.rule_for(self.rules, camera.name, sighting.rule, sighting.kind)
        level = alerts.level_of(rule, sighting.kind)
        hushed = self._quiet(rule, camera, sighting) or self._floods(key[:3], now.up_ms)
        self._count += 1
        alert = f"{camera.name}-{sighting.kind}-{now.boot_id[:8]}-{sighting.up_ms}-{self._count}"
        evidence, missing = "", ""
        if self.desk is not None and "evidence" in camera.use:
            evidence, missing = self.desk.keep(
                camera.name, alert, sighting.kind, sighting.up_ms, sighting.rule, door, level,
                alerts.begun_ms(sighting), followed=goes_on and sighting.kind not in alerts.OF_NO_ZONE,
            )  # fmt: skip
        standing = OpenAlert(
            alert, camera.name, sighting.rule, sighting.kind, door, level, At.of(now), max(1, sighting.count), hushed,
            evidence=evidence,
        )  # fmt: skip
        event = AlertOpened(
            door=door, alert=alert, kind=sighting.kind, level=level, camera=camera.name, place=camera.place,
            rule=sighting.rule, confidence=round(sighting.confidence, 3), count=sighting.count,
            direction=sighting.direction, why=sighting.why, fall=alerts.brief(sighting.fall), evidence=evidence,
            quiet=hushed, review=sighting.kind in alerts.REVIEW,
        )  # fmt: skip
        moved = sighting.kind == "moved" and camera.name in self._calibrated and not self._moved(camera.name)
        self.premises.record(event, standing, *((latch.moved(camera.name, now),) if moved else ()))
        if missing and self.desk is not None:
            self.desk.missing(event, missing)
        self._known.append(event)
        say = logger.info if hushed else logger.critical if level == "alarm" else logger.warning
        say("%s: %s (%s)%s", camera.name, sighting.kind, sighting.rule, ", only recorded" if hushed else "")
        if level == "alarm" and not hushed:
            self._deter(event)
        incident = Incident(standing, sighting, evidence)
        incident.said_ms = now.up_ms
        self._open[key] = incident
        return incident

    def _moved(self, camera: str) -> bool:
        """It was moved, and nobody has said since that its calibration is right again."""
        seen = self.premises.standing.latches.get(f"{latch.MOVED}{camera}")
        return seen is not None and seen.raised

    def _quiet(self, rule: AlertRule | None, camera: Camera, sighting: Sighting) -> bool:
        name = "" if sighting.kind in alerts.FAULTS else sighting.rule
        premises = self.premises
        return alerts.quiet(
            rule, camera, name, premises.standing.mutes, premises.book, premises.now(), premises.policy
        )  # fmt: skip

    def _used_up(self, rule: tuple[str, str, str], now_ms: int) -> bool:
        """One more within the hour is too many."""
        times = self._times.get(rule)
        return times is not None and len(times) == FLOOD_AN_HOUR and now_ms - times[0] < HOUR_MS

    def _floods(self, rule: tuple[str, str, str], now_ms: int) -> bool:
        """One more that would be heard; what is muted anyway floods nobody."""
        too_many = self._used_up(rule, now_ms)
        self._times.setdefault(rule, deque(maxlen=FLOOD_AN_HOUR)).append(now_ms)
        if not too_many:
            return False
        camera, name, kind = rule
        trouble = told("degraded_why.flood", most=FLOOD_AN_HOUR, why=f"alert.{kind}", rule=name)
        self.premises.alarms.degraded_device(camera, "camera", trouble)
        return True

    def _update(self, incident: Incident, sighting: Sighting) -> None:
        alert = incident.alert
        incident.last, incident.said_ms = sighting, self.premises.now().up_ms
        event = AlertUpdated(
            door=alert.door, alert=alert.alert, kind=alert.kind, level=alert.level, camera=alert.camera,
            rule=alert.rule, what="grew", confidence=round(sighting.confidence, 3), count=sighting.count,
            fall=alerts.brief(sighting.fall),
        )  # fmt: skip
        self.premises.record(event)

    def _close(self, incident: Incident) -> None:
        alert = incident.alert
        event = AlertClosed(
            door=alert.door, alert=alert.alert, kind=alert.kind, level=alert.level, camera=alert.camera,
            why=incident.why, count=incident.last.count if incident.last else 0,
        )  # fmt: skip
        self.premises.record(event, alert.closed())
        logger.info("%s: %s is over (%s)", alert.camera, alert.kind, incident.why)

    # ---- time --------------------------------------------------------------------------------------------------------

    async def run(self, beat: Beat) -> None:
        try:
            while True:
                beat()
                self.look()
                await asyncio.sleep(LOOK_S)
        finally:
            self.counts.save()

    def look(self) -> None:
        """Close what is over, open anew what may be heard again, judge who went through the doors."""
        now = self.premises.now()
        self.counts.look()
        self._ask_again(now.up_ms)
        for door, joins in self.joins.items():
            for join in joins.due(now.up_ms):
                self._joined(door, join)
        for key, incident in list(self._open.items()):
            if incident.over_ms is not None and now.up_ms - incident.over_ms >= AGAIN_MS:
                self._close(self._open.pop(key))
            elif incident.alert.quiet and incident.over_ms is None and incident.newest is not None:
                self._unhush(key, incident)

    def _unhush(self, key: alerts.Key, incident: Incident) -> None:
        """It goes on, and quiet hours or mute are over: now somebody shall hear it, and see what is there now."""
        assert incident.newest is not None
        camera, newest = self.cameras[incident.alert.camera], incident.newest
        now_ms = self.premises.now().up_ms
        rule = alerts.rule_for(self.rules, camera.name, newest.rule, newest.kind)
        if self._quiet(rule, camera, newest) or self._used_up(key[:3], now_ms):
            return
        if newest.kind not in alerts.OF_NO_ZONE and not self._on(camera, newest.rule):
            return
        anew = self._raise(key, camera, incident.alert.door, structs.replace(newest, up_ms=now_ms, since_ms=0))
        anew.going = incident.going
        incident.why = "changed"
        self._close(incident)

    # ---- people ------------------------------------------------------------------------------------------------------

    async def review(self, alert: str, verdict: str, by: str, why: str) -> str:
        """Somebody has looked at the evidence; a code of `words` when that cannot be, else empty."""
        if verdict not in VERDICTS:
            return "operate.no_verdict"
        opened = next((one for one in self._known if one.alert == alert), None) or await self._find(alert)
        if opened is None:
            return "operate.no_alert"
        event = AlertUpdated(
            door=opened.door, alert=alert, kind=opened.kind, level=opened.level, camera=opened.camera,
            rule=opened.rule, what="verdict", verdict=verdict, by=by, why=why,
        )  # fmt: skip
        self.premises.record(event)
        return ""

    async def _find(self, alert: str) -> AlertOpened | None:
        """In the journal, the newest first."""
        journal = self.premises.journal
        upto = journal.last
        while upto > max(journal.first - 1, journal.last - SCAN_AT_MOST):
            after = max(0, upto - SCAN_ROWS)
            for row in await journal.rows(after, SCAN_ROWS):
                if row.tag == AlertOpened.tag and row.seq <= upto:
                    event = row.event
                    if isinstance(event, AlertOpened) and event.alert == alert:
                        return event
            upto = after
        return None

    def mute(self, target: str, for_s: float, by: str, why: str) -> Mute | Done:
        """The change that mutes `target` (`for_s` 0: no longer), or why not: there is no such target. One that stands
        can be ended also when what it was about is gone.
        """
        areas = {camera.area for camera in self.cameras.values() if camera.area}
        names = {"camera": self.cameras, "rule": self._named | self.joins.keys(), "area": areas}
        targets = ["all", *(f"{kind}/{name}" for kind, known in names.items() for name in sorted(known))]
        mutes = self.premises.standing.mutes
        if target not in targets and (for_s or target not in mutes):
            return Done(False, "operate.no_target", fields={"target": target, "known": ", ".join(targets)})
        muted = sorted(name for name, mute in mutes.items() if mute.active(self.premises.now()))
        if not for_s and target in targets and target not in muted:  # what silences it is another mute, or none
            return Done(False, "operate.not_muted", fields={"target": target, "muted": ", ".join(muted) or "–"})
        return Mute(target, At.of(self.premises.now()), round(for_s * 1000), by, why)
