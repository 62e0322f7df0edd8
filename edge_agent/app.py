"""Composition root: configuration → objects → jobs. The only module that knows everyone.

Cards come first: the doors are ready before the face engine, the uplink or anything else is looked at.
"""

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

import msgspec

from edge_agent import BUILT_MS, __version__, log
from edge_agent.config import FACE_KEY, GATEWAY_KEY, MODELS, face_terminals
from edge_agent.console.control import ControlServer
from edge_agent.contract.certificates import not_before_ms
from edge_agent.contract.checkpoint import sign_checkpoint
from edge_agent.contract.commanders import load_keyring
from edge_agent.contract.evidence import read_manifest, signature_findings
from edge_agent.contract.passes import read_pass, write_pass
from edge_agent.contract.rotation import STEPS, load_steps, own_keys
from edge_agent.contract.signatures import load_private, load_public, sign
from edge_agent.devices import Devices, Ears
from edge_agent.diagnosis import diagnosis
from edge_agent.drivers.clock import SystemClock
from edge_agent.drivers.machine import machine
from edge_agent.errors import FaceError, StoreError
from edge_agent.flows.alarm import Alarms
from edge_agent.flows.certificate import CertificateWatch
from edge_agent.flows.command import Commands
from edge_agent.flows.doorway import Doorway
from edge_agent.flows.entry import DoorActor, FaceEntry
from edge_agent.flows.errands import Errands
from edge_agent.flows.health import HealthReport
from edge_agent.flows.operate import Operations
from edge_agent.flows.premises import Premises
from edge_agent.flows.publish import Publisher
from edge_agent.flows.roll import Roll
from edge_agent.flows.rounds import Rounds
from edge_agent.flows.sensors import SensorAlerts
from edge_agent.flows.timekeeping import Timekeeper
from edge_agent.flows.visitors import Visitors
from edge_agent.flows.visits import Place, Signing, Visits
from edge_agent.flows.vouch import Vouching
from edge_agent.installation import Installation
from edge_agent.model.detections import Detection
from edge_agent.model.doors import DeviceReport, GateReport
from edge_agent.model.encoding import canonical
from edge_agent.model.events import AgentDegraded, AgentStarted, AgentStopped
from edge_agent.model.evidence import Manifest
from edge_agent.model.face_models import EngineSpec
from edge_agent.model.reads import Direction, Read
from edge_agent.model.site import Config
from edge_agent.ports import Beat
from edge_agent.site_kind import site_rules
from edge_agent.store.accepted import AcceptedStream
from edge_agent.store.books import BookWatch
from edge_agent.store.city_register import CityRegister
from edge_agent.store.journal import SqliteJournal
from edge_agent.store.pin_index import KEY_FILE, load_index
from edge_agent.store.retention import Retainer
from edge_agent.store.round_book import RoundBook
from edge_agent.store.secrets import Secrets
from edge_agent.store.terminal_faces import TerminalFaces
from edge_agent.store.thread import in_thread
from edge_agent.store.visit_book import VisitBook
from edge_agent.store.writer import Writer
from edge_agent.supervise import Job, Supervisor, VitalJobFailed, notify
from edge_agent.uplink.city import Keys, MqttUplink
from edge_agent.uplink.login import expires_ms
from edge_agent.watching import Watching
from edge_agent.words import parts, told

if TYPE_CHECKING:  # numpy comes with the first camera, not before
    from edge_agent.core.gallery import Gallery
    from edge_agent.store.faces import FaceStore

logger = log.get("app")

FAILED = 70  # EX_SOFTWARE: systemd starts us again
ANEW = 75  # EX_TEMPFAIL: with another configuration
PREVIOUS_KEY = "keys/gateway.previous.pub"
FACES_AGAIN_S = 30.0


class App:
    """One gateway: everything it is made of, and the jobs that run it. `file` is agent.toml."""

    def __init__(self, config: Config, file: Path, state: Path) -> None:
        folder = file.parent
        self.config, self.file, self.folder, self.state = config, file, folder, state
        self.anew = asyncio.Event()
        signing = load_private(folder / GATEWAY_KEY)
        self.keys = Keys(
            signing,
            load_public(folder / config.uplink.city_ack_key),
            load_keyring(folder / config.uplink.city_command_key),
            load_steps((folder / GATEWAY_KEY).with_name(STEPS), signing.public_key()),
        )
        self.clock = SystemClock()
        self.clock.at_least(BUILT_MS)
        if config.uplink.tls is not None:
            self.clock.at_least(not_before_ms([folder / config.uplink.tls.ca, folder / config.uplink.tls.cert]))
        self.writer = Writer()
        self.journal = SqliteJournal(state / "journal.db", self.clock, self.writer)
        self.alarms = Alarms(self.journal, self.clock)
        rules, schedules = site_rules(config.gateway.site)
        self.books = BookWatch(state / "people.db", self.journal, self.writer, config.gateway.zone, rules, schedules)
        self._own_keys = own_keys((folder / GATEWAY_KEY).parent, signing.public_key())
        self._public_keys = [signing.public_key()]
        if (folder / PREVIOUS_KEY).exists():  # what it signed outlives a rotation of the key
            self._public_keys.append(load_public(folder / PREVIOUS_KEY))
        self._index = load_index(folder / KEY_FILE)
        passes = Signing(
            lambda ticket: write_pass(ticket, signing),
            lambda text: next((found for key in self._public_keys if (found := read_pass(text, key))), None),
        )
        self.secrets = Secrets(self.books, self._index, passes.read)
        self.visit_book = VisitBook(state / "people.db", self.books, self._index)
        place = Place(config.gateway.zone, config.doors)
        self.visits = Visits(
            self.visit_book, self.journal, self.clock, place, config.visits, passes, lambda: f"v-{token_hex(6)}"
        )
        self.register = CityRegister(state / "people.db", self.books, self.clock)
        self.round_book = RoundBook(state / "people.db", state / "hazards")
        self.rounds = Rounds(
            self.round_book, self.journal, self.books, self.clock, config.gateway.zone,
            config.patrol_points, config.patrol_routes, lambda: token_hex(6),
        )  # fmt: skip
        self.premises = Premises(
            self.journal,
            self.books,
            self.clock,
            self.alarms,
            config.policy,
            config.areas,
            config.interlocks,
            config.response,
        )
        self.sensors = SensorAlerts(self.premises, config.sensors, lambda door, level: self.doors[door].warn(level))
        self.doors: dict[str, DoorActor] = {}
        self.supervisor = Supervisor()

    def wire(self) -> None:
        """Gates, doors and readers: what is needed to decide on a card."""
        terminals = face_terminals(self.config)
        self._erasures = (
            TerminalFaces(self.state / "people.db", terminals, self.clock, self._not_deleted) if terminals else None
        )
        self.devices = Devices(self.config, self.folder, self.state / "sim", self.clock, self._ears())
        for door in self.config.doors:
            here = tuple(terminal.name for terminal in self.config.terminals if terminal.door == door.name)
            doorway = Doorway(door, self.devices.gates[door.name], self.devices, here, self.premises)
            actor = DoorActor(doorway, self.devices, self.secrets, self.premises)
            actor.sides = {
                terminal.name: Direction(terminal.direction)
                for terminal in self.config.terminals
                if terminal.door == door.name
            }
            self.doors[door.name] = actor
        self.watching = Watching(
            self.config, self.folder, self.state, self.premises, self.devices.gates, self._vouch, self._vouched
        )  # fmt: skip
        rounds = dict.fromkeys(("patrol", "hazard", "duty"), self.rounds)
        self.operations = Operations(
            self.premises, self.doors, {**rounds, "visit": self.visits}, self.watching.alerts, self.watching.desk
        )

    def _ears(self) -> Ears:
        return Ears(
            read=self._deliver,
            moved=self._moved,
            device=self._device,
            measured=self.sensors.report,
            presented=self.visits.presented,
            placed=lambda at: logger.debug("%s: %s", at.device, "stale" if at.stale else f"{at.satellites} satellites"),
            keyed=self._index.document if self._index else None,
            erasures=self._erasures,
        )

    def _not_deleted(self, terminal: str, detail: str) -> None:
        self.alarms.degraded_device(terminal, "reader", detail)

    def _device(self, report: DeviceReport) -> None:
        self.alarms.device(report)
        if report.kind == "gate" and report.state == "lost" and (door := self.doors.get(report.device)) is not None:
            door.lost(report.up_ms)

    def _moved(self, report: GateReport) -> None:
        if (door := self.doors.get(report.door)) is not None:
            door.report(report)
        else:  # a deterrent's relay is no door
            self.watching.deterrence.follow(report)

    def _deliver(self, read: Read) -> None:
        self.doors[read.door].read(read)

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set. Raises VitalJobFailed when the process should start anew."""
        self.wire()
        await self.premises.restore()
        self.sensors.restore()
        self.watching.restore()
        self._began()
        keeping = self.config.retention
        self.journal.tend(self._sign, most_days=None if keeping.hold else keeping.entry_days)
        async with asyncio.TaskGroup() as jobs:
            keep = self.supervisor.keep
            tasks = [
                *(jobs.create_task(keep(f"door {name}", door.run, vital=True)) for name, door in self.doors.items()),
                jobs.create_task(keep("premises", self.premises.run, vital=True)),
                *(jobs.create_task(keep(name, run, vital=vital)) for name, run, vital in self.devices.jobs),
                jobs.create_task(keep("people", self.books.run)),
                jobs.create_task(keep("sensors", self.sensors.run)),
                jobs.create_task(keep("buffer", self.alarms.watch_buffer)),
                jobs.create_task(keep("time", Timekeeper(self.journal, self.clock).run)),
                jobs.create_task(keep("control", self._control().run)),
                jobs.create_task(keep("visits", self.visits.run)),
                jobs.create_task(keep("rounds", self.rounds.run)),
                jobs.create_task(keep("patrols", self.rounds.follow)),
                jobs.create_task(keep("visitors", Visitors(self.visits, self.journal, self.config.doors).run)),
                jobs.create_task(keep("accepted", AcceptedStream(self.journal, self.state / "run/accepted.sock").run)),
                jobs.create_task(self._watch_journal()),
                jobs.create_task(self.supervisor.watchdog()),
            ]
            notify("READY=1")
            tasks += [jobs.create_task(keep(name, job)) for name, job in self._uplink().items()]
            tasks += [jobs.create_task(keep(name, job)) for name, job in self.watching.jobs.items()]
            tasks += [jobs.create_task(keep(name, job)) for name, job in self._privacy().items()]
            if any("face" in camera.use for camera in self.config.cameras):
                tasks.append(jobs.create_task(keep("faces", self._faces)))
            if self.config.console is not None:
                tasks.append(jobs.create_task(keep("console", self._console)))
            await _either(stop, self.anew)
            notify("STOPPING=1")
            for task in tasks:
                task.cancel()

    def _control(self) -> ControlServer:
        """What a guard or installer orders on this machine."""
        return ControlServer(self.state / "run/control.sock", self.operations.carry_out)

    async def _console(self, beat: Beat) -> None:
        """The guard's browser, when there is one to serve."""
        from edge_agent.guardroom import Guardroom

        assert self.config.console is not None
        await Guardroom(self, self.config.console).run(beat)

    def _sign(self, seq: int, hash_: bytes, pruned: bool) -> bytes:
        """The gateway's word on its journal, from the writer thread."""
        return sign_checkpoint(self.config.gateway.id, self.journal.epoch, seq, hash_, pruned, self.keys.signing)

    def _vouch(self, manifest: Manifest) -> bytes:
        """The gateway's word on a piece of evidence."""
        return canonical(sign(manifest.fields(), self.keys.signing))

    def _vouched(self, signed: bytes) -> Manifest | None:
        """The piece of evidence that it vouched for with these bytes; None when it did not."""
        return None if signature_findings(signed, self._own_keys) else read_manifest(signed)

    def _began(self) -> None:
        self.journal.record(AgentStarted(version=__version__, after=self.journal.after, config=self.config.digest))
        for set_aside in (self.journal.set_aside, self.books.moved):
            if set_aside is not None:
                self._tell_set_aside(set_aside)
        logger.info("deciding (%d doors, %d people)", len(self.doors), len(self.books.current.persons))

    def _tell_set_aside(self, path: Path) -> None:
        detail = told("degraded_why.database_set_aside", name=path.name)
        self.journal.record(AgentDegraded("database_set_aside", *parts(detail)))

    async def _watch_journal(self) -> None:
        """A journal found damaged in use is set aside by the next start."""
        await self.journal.damaged()
        raise VitalJobFailed("journal")

    def _uplink(self) -> dict[str, Job]:
        """The way to the city: connection, sender, commands."""
        settings, gateway = self.config.uplink, self.config.gateway.id
        uplink = MqttUplink(
            gateway,
            settings,
            self.folder,
            self.keys,
            self.clock,
            agent=__version__,
            config=self.config.digest,
            report=self.alarms.degraded,
        )
        publisher = Publisher(
            uplink, self.journal, self.books, self.clock, self.alarms, tuple(self.doors), settings.confirm
        )
        setup = Installation(
            self.file, self.config, uplink, self.alarms, self.anew.set, lambda: self.clock.now().wall_ms
        )
        certificate = CertificateWatch(lambda: expires_ms(settings, self.folder), self.alarms, self.clock)
        errands = Errands(
            self.register, setup, uplink, lambda: diagnosis(self, certificate.days_left),
            host_says=self.visits.host_says, evidence=self.watching.desk.between if self.watching.desk else None,
        )  # fmt: skip
        commands = Commands(gateway, uplink, self.premises, self.doors, errands)
        roll = Roll(uplink, self.register, self.journal, commands.refusals)
        errands.look = roll.look
        devices = len([*self.doors, *self.config.terminals, *self.config.sensors, *self.config.desks])
        devices += len(self.config.cameras)
        health = HealthReport(uplink, self.journal, self.clock, self.alarms, machine, devices)
        return {
            "uplink": uplink.run, "publish": publisher.run, "commands": commands.run, "roll": roll.run,
            "register": self.register.run, "installation": setup.run, "certificate": certificate.run,
            "health": health.run, "vouch": Vouching(uplink, self.journal).run,
        }  # fmt: skip

    def _privacy(self) -> dict[str, Job]:
        """What has to go, here and in the terminals."""
        gateway, keeping = self.config.gateway.id, self.config.retention
        searched = self.config.console is not None
        retainer = Retainer(self.state, self.folder / FACE_KEY, gateway, keeping, self.clock, searched=searched)
        jobs: dict[str, Job] = {"retention": retainer.run}
        if self._erasures is not None:
            jobs["terminal faces"] = self._erasures.run
        return jobs

    async def _faces(self, beat: Beat) -> None:
        """Gallery and cameras, loaded beside the running doors. A face store that cannot be opened costs the faces."""
        from edge_agent.core.faces import Judge
        from edge_agent.drivers.camera import CameraWorker
        from edge_agent.recognising import follow

        store, engine, gallery, version = await self._open_faces(beat)
        judge = Judge(self.config.faces, gallery, engine)
        try:
            async with asyncio.TaskGroup() as jobs:
                for camera in [camera for camera in self.config.cameras if "face" in camera.use]:
                    entry = FaceEntry(camera, judge, self.doors[camera.door], self.clock)
                    seeing = _seeing(entry, self.watching.faces(camera))
                    report = self.watching.report(camera)
                    url, _ = self.watching.streams(camera)
                    opened = msgspec.structs.replace(camera, url=url)
                    worker = CameraWorker(opened, self.config.faces, self.clock, seeing, report, engine)
                    jobs.create_task(self.supervisor.keep(f"camera {camera.name}", worker.run))
                await follow(store, engine, judge, version, beat)
        finally:
            store.close()

    async def _open_faces(self, beat: Beat) -> tuple["FaceStore", EngineSpec, "Gallery", int]:
        """Face store, engine, gallery and its version. While that fails, faces are off, cards go on, somebody hears."""
        from edge_agent.recognising import load
        from edge_agent.store.faces import FaceStore, load_key
        from edge_agent.vision.models import spec_of

        while True:
            beat()
            try:
                engine = await asyncio.to_thread(spec_of, self.config.faces, self.state / MODELS)
                key = load_key(self.folder / FACE_KEY)
                path, gateway = self.state / "faces.db", self.config.gateway.id
                store = await in_thread(FaceStore, path, key, gateway, set_aside=True)
                if store.moved is not None:
                    self._tell_set_aside(store.moved)
                try:
                    gallery, version, left = await load(store, engine, beat)
                    if left:
                        error = FaceError("faces.other_model", count=left, model=engine.model)
                        logger.warning("%s", error)
                        self.alarms.degraded("faces_other_model", error.sentence)
                    return store, engine, gallery, version
                except (StoreError, FaceError):
                    store.close()
                    raise
            except (StoreError, FaceError) as error:
                logger.error("faces are off, cards go on: %s", error)
                self.alarms.degraded("faces_off", error.sentence)
                await asyncio.sleep(FACES_AGAIN_S)

    async def close(self) -> None:
        """Write what is queued, note the clean end, let go of the files."""
        try:
            self.secrets.close()
            await self.register.close()
            await self.visit_book.close()
            await self.round_book.close()
            await self.books.close()
            await self.journal.close()
        except StoreError as error:
            logger.error("the journal did not close cleanly: %s", error)
        await asyncio.to_thread(self.writer.close)


def _seeing(entry: FaceEntry, also: Callable[[Detection], None]) -> Callable[[str, Detection], None]:
    def see(_camera: str, detection: Detection) -> None:
        also(detection)
        entry.see(detection)

    return see


async def _either(one: asyncio.Event, other: asyncio.Event) -> None:
    waiting = [asyncio.ensure_future(event.wait()) for event in (one, other)]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waiting:
            each.cancel()


async def run(config: Config, file: Path, state: Path) -> int:
    """The daemon, from start to SIGTERM; returns the exit status."""
    app = App(config, file, state)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    status = 0
    try:
        await app.run(stop)
    except* VitalJobFailed as failed:
        logger.critical("starting anew: %s", failed.exceptions[0])
        status = FAILED
    else:
        app.journal.record(AgentStopped(reason="new configuration" if app.anew.is_set() else "told to stop"))
        status = ANEW if app.anew.is_set() else status
    finally:
        await app.close()
    return status
