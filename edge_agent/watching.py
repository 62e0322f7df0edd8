"""Configuration → what watches: cameras and their children, alerting, evidence, deterrents.

A gateway without such cameras has none of it.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import msgspec

from edge_agent import __version__, log
from edge_agent.config import EVIDENCE_KEY, MODELS
from edge_agent.core.facade import faults
from edge_agent.core.joins import DoorJoins
from edge_agent.drivers.recorder import RecorderWorker
from edge_agent.drivers.sentry import SentryWorker
from edge_agent.drivers.share import ShareWorker
from edge_agent.errors import FaceError, StoreError
from edge_agent.flows.alerting import CameraAlerts
from edge_agent.flows.deterrence import Deterrence
from edge_agent.flows.evidence import EvidenceDesk
from edge_agent.flows.evidence_shelf import Sealing
from edge_agent.flows.premises import Premises
from edge_agent.model.detections import (
    CameraState,
    Detection,
    FaceRefused,
    FaceSample,
    Glimpse,
    Outlook,
    SentryJob,
    Unwatched,
    Watched,
)
from edge_agent.model.doors import DeviceReport
from edge_agent.model.evidence import Manifest as EvidenceManifest
from edge_agent.model.face_models import Manifest
from edge_agent.model.site import Camera, Config, private
from edge_agent.ports import Clock, Gate
from edge_agent.store.evidence import FOLDER, EvidenceStore
from edge_agent.store.faces import load_key
from edge_agent.supervise import Job
from edge_agent.vision.urls import shown
from edge_agent.wiring_cameras import detector_of, device_share, lead_s, lines_at, logged_in
from edge_agent.words import told

GLIMPSE_FRESH_MS = 6_000

logger = log.get("watching")


class Watching:
    """`sign` gives the signed bytes of a manifest, `own` reads them (None: not this gateway's); `gates` has the
    deterrents' outputs by name.
    """

    def __init__(
        self,
        config: Config,
        folder: Path,
        state: Path,
        premises: Premises,
        gates: Mapping[str, Gate],
        sign: Callable[[EvidenceManifest], bytes],
        own: Callable[[bytes], EvidenceManifest | None],
    ) -> None:
        self.jobs: dict[str, Job] = {}
        self.desk: EvidenceDesk | None = None
        self._config, self._folder, self._state, self._premises = config, folder, state, premises
        self._glimpses: dict[str, Glimpse] = {}
        self.unwatched: dict[str, tuple[Unwatched, ...]] = {}  # by camera: what it cannot be watched for
        clock: Clock = premises.clock
        self._share_devices()
        if any("evidence" in camera.use for camera in config.cameras) or _kept_before(state):
            self._keep_evidence(state, sign, own)
        self.deterrence = Deterrence(premises, config.deterrents, gates)
        schedules = {zone.name: zone.schedule for zone in config.zones if zone.schedule is not None}
        schedules |= {line.name: line.schedule for line in config.lines if line.schedule is not None}
        calibrated = [facade.camera for facade in config.facades]
        named = {*(zone.name for zone in config.zones), *(line.name for line in config.lines)}
        named |= {facade.name for facade in config.facades}
        self.alerts = CameraAlerts(
            premises, config.cameras, config.alerts, schedules, self.desk, self.deterrence.answer, calibrated, named,
            config.lines,
        )  # fmt: skip
        detector = self._detector() if config.zones or config.lines else None
        self._walls = {camera.name: self._impossible(camera.name) for camera in config.cameras}
        for camera in config.cameras:
            if "alerts" in camera.use:
                job = sentry_job(config, camera, self.streams(camera)[0], detector, state)
                sentry = SentryWorker(job, clock, self._see, premises.alarms.device)
                self.jobs[f"sentry {camera.name}"] = sentry.run
        for door in config.doors:
            there = [camera for camera in config.cameras if camera.door == door.name]
            if any("alerts" in camera.use for camera in there):
                expect_face = any(camera.expect_face for camera in there)
                line = next((line.name for line in lines_at(config, door.name)), "")
                self.alerts.joins[door.name] = DoorJoins(expect_face, door.gate.contact is not None, line)
        if config.cameras:
            self.jobs["alerting"] = self.alerts.run

    def glimpse(self, camera: str) -> Glimpse | None:
        """What the camera sees now, where the guard may look; None: nothing, or nothing of the last few seconds."""
        seen = self._glimpses.get(camera)
        fresh = seen is not None and self._premises.clock.now().up_ms - seen.up_ms <= GLIMPSE_FRESH_MS
        return seen if fresh else None

    def _see(self, camera: str, said: Watched) -> None:
        if isinstance(said, Glimpse):
            self._glimpses[camera] = said
        elif isinstance(said, Outlook):
            self.unwatched[camera] = self._walls[camera] + said.unwatched
        else:
            self.alerts.see(camera, said)

    def _impossible(self, camera: str) -> tuple[Unwatched, ...]:
        """Walls of it that cannot be, as they were calibrated: told at each start."""
        found = [fault for facade in self._config.facades if facade.camera == camera for fault in faults(facade)]
        for _, code, fields in found:
            self._premises.alarms.degraded_device(camera, "camera", told(code, **fields))
        return tuple(Unwatched(code, fields) for _, code, fields in found)

    def streams(self, camera: Camera) -> tuple[str, str]:
        """`url`, and `main_url` or the same, as the camera's children open them."""
        url, main_url = logged_in(camera, self._folder)
        return device_share(url, self._state)[0], device_share(main_url, self._state)[0]

    def _share_devices(self) -> None:
        """A device of this machine streams to one process: one child for it, whoever looks, as fast as any wants."""
        for url, camera in looked_at(self._config.cameras).items():
            _, socket = device_share(url, self._state)
            if socket is not None:
                share = ShareWorker(camera, url, socket, self._premises.clock)
                self.jobs[f"share {url}"] = share.run

    def faces(self, camera: Camera) -> Callable[[Detection], None]:
        """What the joins want to know of the faces before a camera: that they are there, not whose they are."""

        def see(detection: Detection) -> None:
            if isinstance(detection, FaceSample | FaceRefused):
                self.alerts.see(camera.name, detection)
            elif isinstance(detection, CameraState) and detection.state == "lost":
                self.alerts.forget_faces(camera.name)

        return see

    def report(self, camera: Camera) -> Callable[[DeviceReport], None]:
        """Where the face child's word about its camera goes: a camera with two children is said to be lost once."""
        return (lambda _report: None) if "alerts" in camera.use else self._premises.alarms.device

    def restore(self) -> None:
        self.alerts.restore()

    def _detector(self) -> Manifest | None:
        """Zones go on with motion alone where it cannot be had, and that is said."""
        try:
            return detector_of(self._config, self._state / MODELS)
        except FaceError as error:
            self._premises.alarms.degraded("detector_off", error.sentence)
            return None

    def _keep_evidence(
        self,
        state: Path,
        sign: Callable[[EvidenceManifest], bytes],
        own: Callable[[bytes], EvidenceManifest | None],
    ) -> None:
        config, premises = self._config, self._premises
        try:
            store = EvidenceStore(state / FOLDER, load_key(self._folder / EVIDENCE_KEY))
            store.make()
        except StoreError as error:
            logger.error("no evidence is kept, alerts go on: %s", error)
            premises.alarms.degraded("evidence_off", error.sentence)
            return
        sealing = Sealing(config.gateway.id, __version__, config.digest, sign, own)
        self.desk = EvidenceDesk(premises, config.evidence, store, sealing)
        self.jobs["evidence"] = self.desk.run
        sources, leads = {}, {}
        for camera in config.cameras:
            if "evidence" in camera.use:
                _, url = self.streams(camera)
                leads[camera.name] = lead_s(config, camera.name)
                pre_s = config.evidence.pre_s + leads[camera.name]
                recorder = RecorderWorker(
                    camera, url, pre_s, premises.clock, self.desk.take, premises.alarms.device
                )  # fmt: skip
                self.desk.recorders[camera.name] = recorder
                self.jobs[f"recorder {camera.name}"] = recorder.run
                sources[camera.name] = shown(url)
        self.desk.sources, self.desk.leads = sources, leads


def looked_at(cameras: Iterable[Camera]) -> dict[str, Camera]:
    """URL → the camera that wants most of its pictures a second; URLs that no use of a camera looks at are not among
    them.
    """
    wanted: dict[str, Camera] = {}
    for camera in cameras:
        urls = [camera.url] if {"face", "alerts"} & set(camera.use) else []
        urls += [camera.main_url or camera.url] if "evidence" in camera.use else []
        for url in urls:
            if url not in wanted or wanted[url].fps < camera.fps:
                wanted[url] = camera
    return wanted


def sentry_job(config: Config, camera: Camera, url: str, detector: Manifest | None, state: Path) -> SentryJob:
    """What the child of `camera` is told: its stream `url`, and what it is watched for. The line before a door tells
    each crossing, whatever else it watches: the door's joins know who passes by nothing else. Walls that cannot be are
    not watched; their private windows are hidden all the same. `state`: of the models.
    """
    walls = [facade for facade in config.facades if facade.camera == camera.name]
    watched = tuple(facade for facade in walls if not any(faults(facade)))
    masks = private(camera, (facade for facade in walls if facade not in watched))
    judged = lines_at(config, camera.door)[:1] if camera.door else []
    lines = [
        msgspec.structs.replace(line, watch=("crossing", *line.watch)) if line in judged else line
        for line in config.lines
        if line.camera == camera.name
    ]
    return SentryJob(
        msgspec.structs.replace(camera, url=url, masks=masks),
        watched,
        tuple(zone for zone in config.zones if zone.camera == camera.name),
        tuple(lines),
        detector,
        str(state / MODELS),
    )


def _kept_before(state: Path) -> bool:
    """There is evidence, though no camera keeps any now: it is still held, shown, and erased in its time."""
    try:
        return any(path.is_dir() for path in (state / FOLDER).iterdir())
    except OSError:
        return False
