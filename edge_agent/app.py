"""Composition root: configuration → objects → jobs. The only module that knows everyone.

Cards come first: the doors are ready before the face engine, the uplink or anything else is looked at.
"""

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from edge_agent import __version__, log
from edge_agent.config import FACE_KEY, GATEWAY_KEY, MODELS, osdp_key
from edge_agent.console.control import ControlServer
from edge_agent.contract.passes import read_pass
from edge_agent.contract.signatures import load_private, load_public
from edge_agent.drivers.clock import SystemClock
from edge_agent.drivers.gate import SerialGate
from edge_agent.drivers.gpio_gate import GpioGate
from edge_agent.drivers.osdp import OsdpBus
from edge_agent.drivers.profiles import load_profile
from edge_agent.drivers.push_terminal import PushTerminals, push_secret
from edge_agent.drivers.terminal import SerialTerminal
from edge_agent.errors import FaceError, StoreError
from edge_agent.flows.alarm import Alarms
from edge_agent.flows.command import Commands, Operations
from edge_agent.flows.doorway import Doorway
from edge_agent.flows.entry import DoorActor, FaceEntry
from edge_agent.flows.premises import Premises
from edge_agent.flows.publish import Publisher
from edge_agent.model.detections import Detection
from edge_agent.model.doors import GateReport
from edge_agent.model.events import AgentDegraded, AgentStarted, AgentStopped
from edge_agent.model.face_models import EngineSpec
from edge_agent.model.gpio import Gpio
from edge_agent.model.profile import Osdp
from edge_agent.model.push import HttpPush
from edge_agent.model.reads import Direction, Read
from edge_agent.model.site import Config, Door, Link, Terminal
from edge_agent.ports import Beat
from edge_agent.site_kind import site_rules
from edge_agent.store.accepted import AcceptedStream
from edge_agent.store.books import BookWatch
from edge_agent.store.journal import SqliteJournal
from edge_agent.store.pin_index import KEY_FILE, load_index
from edge_agent.store.secrets import Secrets
from edge_agent.store.writer import Writer
from edge_agent.supervise import Job, Supervisor, VitalJobFailed, notify
from edge_agent.uplink.city import Keys, MqttUplink

if TYPE_CHECKING:  # numpy comes with the first camera, not before
    from edge_agent.core.gallery import Gallery, Vectors
    from edge_agent.store.faces import FaceStore

logger = log.get("app")

Owner = OsdpBus | SerialTerminal | PushTerminals

FAILED = 70  # EX_SOFTWARE: systemd starts us again
GALLERY_LOOK_S = 1.0
FACES_AGAIN_S = 30.0


class Readers:
    """Fulfils ports.Terminals over all buses and lines: whoever owns the terminal shows the outcome."""

    def __init__(self) -> None:
        self._owners: dict[str, Owner] = {}

    def own(self, terminal: str, owner: Owner) -> None:
        self._owners[terminal] = owner

    def show(self, terminal: str, outcome: str) -> None:
        if owner := self._owners.get(terminal):
            owner.show(terminal, outcome)


class App:
    """One gateway: everything it is made of, and the jobs that run it. `folder` is where agent.toml lies."""

    def __init__(self, config: Config, folder: Path, state: Path) -> None:
        self.config, self.folder, self.state = config, folder, state
        self.sim = state / "sim"
        self.keys = Keys(
            load_private(folder / GATEWAY_KEY),
            load_public(folder / config.uplink.city_ack_key),
            load_public(folder / config.uplink.city_command_key),
        )
        self.clock = SystemClock()
        self.writer = Writer()
        self.journal = SqliteJournal(state / "journal.db", self.clock, self.writer)
        self.alarms = Alarms(self.journal, self.clock)
        rules, schedules = site_rules(config.gateway.site)
        self.books = BookWatch(state / "people.db", self.journal, self.writer, config.gateway.zone, rules, schedules)
        gateway_key = self.keys.signing.public_key()
        self.secrets = Secrets(self.books, load_index(folder / KEY_FILE), lambda text: read_pass(text, gateway_key))
        self.premises = Premises(
            self.journal, self.books, self.clock, self.alarms, config.policy, config.areas, config.interlocks
        )
        self.readers = Readers()
        self.gates: dict[str, SerialGate | GpioGate] = {}
        self.doors: dict[str, DoorActor] = {}
        self.lines: dict[str, Owner] = {}
        self.supervisor = Supervisor()

    def wire(self) -> None:
        """Gates, doors and readers: what is needed to decide on a card."""
        links = {link.name: link for link in self.config.links}
        for door in self.config.doors:
            gate = self._gate(door, links[door.gate.link].url)
            self.gates[door.name] = gate
            here = tuple(terminal.name for terminal in self.config.terminals if terminal.door == door.name)
            doorway = Doorway(door, gate, self.readers, here, self.premises)
            actor = DoorActor(doorway, self.readers, self.secrets, self.premises)
            actor.sides = {
                terminal.name: Direction(terminal.direction)
                for terminal in self.config.terminals
                if terminal.door == door.name
            }
            self.doors[door.name] = actor
        for name, link in links.items():
            self._line(link, [terminal for terminal in self.config.terminals if terminal.link == name])

    def _gate(self, door: Door, url: str) -> SerialGate | GpioGate:
        profile = load_profile(door.gate.profile)
        if isinstance(profile.framing, Gpio):
            return GpioGate(door, profile, url, self.clock, self._moved, self.alarms.device)
        return SerialGate(door, profile, url, self.clock, self._moved, self.alarms.device, self.sim)

    def _line(self, link: Link, terminals: list[Terminal]) -> None:
        if not terminals:
            return
        profiles = [load_profile(terminal.profile) for terminal in terminals]
        owner: Owner
        if isinstance(profiles[0].framing, Osdp):
            keys = [osdp_key(self.folder / terminal.key_file) if terminal.key_file else None for terminal in terminals]
            readers = list(zip(terminals, profiles, keys, strict=True))
            owner = OsdpBus(link.url, readers, self.clock, self._deliver, self.alarms.device, self.sim)
        elif isinstance(profiles[0].framing, HttpPush):
            secrets = [push_secret(self.folder / (terminal.secret_file or "")) for terminal in terminals]
            callers = list(zip(terminals, profiles, secrets, strict=True))
            zone = ZoneInfo(self.config.gateway.zone)
            owner = PushTerminals(link.url, callers, self.clock, zone, self._deliver, self.alarms.device)
        else:
            owner = SerialTerminal(
                terminals[0], profiles[0], link.url, self.clock, self._deliver, self.alarms.device, self.sim
            )
        self.lines[link.name] = owner
        for terminal in terminals:
            self.readers.own(terminal.name, owner)

    def _moved(self, report: GateReport) -> None:
        self.doors[report.door].report(report)

    def _deliver(self, read: Read) -> None:
        self.doors[read.door].read(read)

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set. Raises VitalJobFailed when the process should start anew."""
        self.wire()
        await self.premises.restore()
        self._began()
        async with asyncio.TaskGroup() as jobs:
            keep = self.supervisor.keep
            tasks = [
                *(jobs.create_task(keep(f"door {name}", door.run, vital=True)) for name, door in self.doors.items()),
                jobs.create_task(keep("premises", self.premises.run, vital=True)),
                *(jobs.create_task(keep(f"gate {name}", gate.run, vital=True)) for name, gate in self.gates.items()),
                *(jobs.create_task(keep(f"line {name}", line.run)) for name, line in self.lines.items()),
                jobs.create_task(keep("people", self.books.run)),
                jobs.create_task(keep("buffer", self.alarms.watch_buffer)),
                jobs.create_task(keep("control", self._control().run)),
                jobs.create_task(keep("accepted", AcceptedStream(self.journal, self.state / "run/accepted.sock").run)),
                jobs.create_task(self._watch_journal()),
                jobs.create_task(self.supervisor.watchdog()),
            ]
            notify("READY=1")
            tasks += [jobs.create_task(keep(name, job)) for name, job in self._uplink().items()]
            if self.config.cameras:
                tasks.append(jobs.create_task(keep("faces", self._faces)))
            await stop.wait()
            notify("STOPPING=1")
            for task in tasks:
                task.cancel()

    def _control(self) -> ControlServer:
        """What a guard or installer orders on this machine."""
        operations = Operations(self.premises, self.doors)
        return ControlServer(self.state / "run/control.sock", operations.carry_out)

    def _began(self) -> None:
        self.journal.record(AgentStarted(version=__version__, after=self.journal.after, config=self.config.digest))
        for set_aside in (self.journal.set_aside, self.books.moved):
            if set_aside is not None:
                detail = f"a damaged database was set aside as {set_aside.name}"
                self.journal.record(AgentDegraded(what="database_set_aside", detail=detail))
        logger.info("deciding (%d doors, %d people)", len(self.doors), len(self.books.current.persons))

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
        commands = Commands(gateway, uplink, self.journal, self.clock, self.doors)
        return {"uplink": uplink.run, "publish": publisher.run, "commands": commands.run}

    async def _faces(self, beat: Beat) -> None:
        """Gallery and cameras, loaded beside the running doors. A face store that cannot be opened costs the faces."""
        from edge_agent.core.faces import Judge
        from edge_agent.drivers.camera import CameraWorker

        store, engine, gallery, version = await self._open_faces(beat)
        judge = Judge(self.config.faces, gallery, engine)
        try:
            async with asyncio.TaskGroup() as jobs:
                for camera in self.config.cameras:
                    entry = FaceEntry(camera, judge, self.doors[camera.door], self.clock)
                    worker = CameraWorker(
                        camera, self.config.faces, self.clock, _seeing(entry), self.alarms.device, engine
                    )
                    jobs.create_task(self.supervisor.keep(f"camera {camera.name}", worker.run))
                seen = store.data_version()
                while True:
                    beat()
                    await asyncio.sleep(GALLERY_LOOK_S)
                    if (now := store.data_version()) != seen:
                        seen = now
                        version, changed = await asyncio.to_thread(store.changes, version, engine.model)
                        judge.change({person: _rows(made, engine.dimension) for person, made in changed.items()})
        finally:
            store.close()

    async def _open_faces(self, beat: Beat) -> tuple["FaceStore", EngineSpec, "Gallery", int]:
        """Face store, engine, gallery and its version. While that fails, faces are off, cards go on, somebody hears."""
        from edge_agent.store.faces import FaceStore, load_key
        from edge_agent.vision.models import spec_of

        while True:
            beat()
            try:
                engine = await asyncio.to_thread(spec_of, self.config.faces, self.state / MODELS)
                key = load_key(self.folder / FACE_KEY)
                path, gateway = self.state / "faces.db", self.config.gateway.id
                store = await asyncio.to_thread(FaceStore, path, key, gateway, set_aside=True)
                try:
                    return store, engine, *await self._gallery(store, engine, beat)
                except (StoreError, FaceError):
                    store.close()
                    raise
            except (StoreError, FaceError) as error:
                logger.error("faces are off, cards go on: %s", error)
                self.alarms.degraded("faces_off", str(error))
                await asyncio.sleep(FACES_AGAIN_S)

    async def _gallery(self, store: "FaceStore", engine: EngineSpec, beat: Beat) -> tuple["Gallery", int]:
        """Loaded in pieces beside the running doors. Templates of another model are never mixed in, but told."""
        from edge_agent.core.gallery import Gallery

        version, gallery = store.version(), Gallery(engine.model, (), _rows([], engine.dimension))
        pieces = store.batches(engine.model)
        while piece := await asyncio.to_thread(next, pieces, None):
            gallery.extend([person for person, _ in piece], _rows([made for _, made in piece], engine.dimension))
            beat()
        others = sorted({enrolled.person for enrolled in store.enrolled() if enrolled.model != engine.model})
        left = [person for person in others if person not in gallery]
        logger.info("gallery: %d templates of %d persons", len(gallery), len(gallery.persons))
        if left:
            error = FaceError("faces.other_model", count=len(left), model=engine.model)
            logger.warning("%s", error)
            self.alarms.degraded("faces_other_model", str(error))
        return gallery, version

    async def close(self) -> None:
        """Write what is queued, note the clean end, let go of the files."""
        try:
            self.secrets.close()
            await self.books.close()
            await self.journal.close()
        except StoreError as error:
            logger.error("the journal did not close cleanly: %s", error)
        await asyncio.to_thread(self.writer.close)


def _rows(made: list[bytes], dimension: int) -> "Vectors":
    """Templates as a matrix. Raises FaceError when one has another length."""
    import numpy as np

    for template in made:
        if len(template) != 4 * dimension:
            raise FaceError("faces.embedding_malformed", size=len(template), expected=4 * dimension)
    return np.frombuffer(b"".join(made), "<f4").reshape(-1, dimension)


def _seeing(entry: FaceEntry) -> Callable[[str, Detection], None]:
    return lambda _camera, detection: entry.see(detection)


async def run(config: Config, folder: Path, state: Path) -> int:
    """The daemon, from start to SIGTERM; returns the exit status."""
    app = App(config, folder, state)
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
        app.journal.record(AgentStopped(reason="told to stop"))
    finally:
        await app.close()
    return status
