"""`edge-agent device test`: a terminal, door, sensor or desk, tried out through the same drivers as in service.

Only while the agent is stopped: two masters on one line disturb each other, and what is tried here stands in no
journal. A running agent opens its doors with `edge-agent door open`, on record.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import click

from edge_agent.cli.columns import tell
from edge_agent.cli.device_build import One, alone
from edge_agent.cli.device_site import Site, duration, look_at
from edge_agent.cli.options import CONFIG, STATE
from edge_agent.cli.speech import here, words
from edge_agent.drivers.profiles import load_profile
from edge_agent.errors import DeviceUnavailable, EdgeAgentError
from edge_agent.model.doors import DeviceReport, GateReport, Report
from edge_agent.model.position import Position
from edge_agent.model.profile import Profile
from edge_agent.model.reads import Card, DocumentPresented, Keys, Read, Unreadable
from edge_agent.model.sensors import Level, SensorReport
from edge_agent.model.site import Config, Desk, Door, Sensor, Terminal
from edge_agent.supervise import Job
from edge_agent.words import alert_code

READY_S = 10.0
LOOK_S = 0.05
SHOWN_S = 2.5
ANSWER_S = 3.0  # beyond this a relay has not moved


@click.command("test")
@CONFIG
@STATE
@click.argument("name", metavar="NAME")
@click.option("--yes", is_flag=True, help="Ask nothing: move the door, take what was shown as seen.")
@click.option("--card-within", default="15s", show_default=True, help="How long to wait for a test card; 0 for none.")
def command(config: Path, state: Path | None, name: str, yes: bool, card_within: str) -> None:
    """Try out a terminal (LEDs, beeps, a card), a door (inputs, relay; asks before it moves), a sensor (what it
    measures) or a desk (an ID card). The agent must be stopped; while it runs use `edge-agent door open`.
    """
    site = look_at(config, state)
    if site.config is None:
        raise site.trouble or EdgeAgentError("device.no_such", name=name, known="–")
    there: list[One] = [*site.config.terminals, *site.config.doors, *site.config.sensors, *site.config.desks]
    one = next((one for one in there if one.name == name), None)
    if one is None:
        raise EdgeAgentError("device.no_such", name=name, known=", ".join(one.name for one in there) or "–")
    if site.running:
        door = one.door if isinstance(one, Terminal) else name
        raise EdgeAgentError("device.test_running" if isinstance(one, Terminal | Door) else "device.stop", door=door)
    card_s = 0.0 if card_within.strip() in ("0", "0s") else duration(card_within) or 0.0
    match one:
        case Terminal():
            good = asyncio.run(TerminalTrial(site, site.config, one, config.parent, yes).run(card_s))
        case Door():
            good = asyncio.run(DoorTrial(site, site.config, one, config.parent, yes).run())
        case Sensor():
            good = asyncio.run(SensorTrial(site, site.config, one, config.parent, yes).run())
        case Desk():
            good = asyncio.run(DeskTrial(site, site.config, one, config.parent, yes).run(card_s))
    if not good:
        raise EdgeAgentError("device.test_failed", name=name)
    tell("device.test_good", name=name)


class Trial:
    """One device, served by its driver while it is tried."""

    def __init__(self, site: Site, yes: bool) -> None:
        self.sim, self.yes = site.state / "sim", yes
        self.trouble = ""
        self.good = True

    def report(self, report: DeviceReport) -> None:
        self.trouble = here(report.detail) or self.trouble

    async def with_jobs(self, jobs: Iterable[Job], story: Callable[[], Awaitable[None]]) -> bool:
        serving = asyncio.gather(*(job(lambda: None) for job in jobs))
        telling = asyncio.ensure_future(story())
        try:
            both: set[asyncio.Future[Any]] = {serving, telling}
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if not telling.done():
                await serving
            await telling
        finally:
            for task in (telling, serving):
                task.cancel()
            await asyncio.gather(telling, serving, return_exceptions=True)
        return self.good

    async def asked(self, code: str, **fields: object) -> bool:
        """A question answered with y; with --yes not asked. Raises EdgeAgentError when nobody is there to answer."""
        if self.yes:
            return True
        try:
            return await asyncio.to_thread(click.confirm, words(code, **fields), err=True)
        except click.Abort:
            raise EdgeAgentError("device.nobody_answers") from None

    async def until(self, condition: Callable[[], object], within_s: float) -> bool:
        deadline = asyncio.get_running_loop().time() + within_s
        while not condition():
            if asyncio.get_running_loop().time() >= deadline:
                return False
            await asyncio.sleep(LOOK_S)
        return True


class TerminalTrial(Trial):
    def __init__(self, site: Site, config: Config, terminal: Terminal, folder: Path, yes: bool) -> None:
        super().__init__(site, yes)
        self.terminal = terminal
        self.profile: Profile = load_profile(terminal.profile)
        self.reads: list[Read] = []
        self.devices = alone(config, folder, self.sim, terminal, self.report, read=self.reads.append)
        self.owner = self.devices.owners[terminal.name]

    async def run(self, card_s: float) -> bool:
        return await self.with_jobs((job.run for job in self.devices.jobs), lambda: self._story(card_s))

    async def _story(self, card_s: float) -> None:
        name = self.terminal.name
        tell("device.test_wait", name=name)
        if not await self.until(lambda: self.owner.usable(name), READY_S):
            raise EdgeAgentError("device.test_away", name=name, why=self.trouble or words("device.no_answer"))
        tell("device.test_ready", name=name)
        for feedback in self.profile.feedback:
            self.owner.show(name, feedback.when)
            await asyncio.sleep(0.2)
            seen = await self.asked("device.test_shown", what=words(f"device.shown.{feedback.when}"))
            if self.yes:
                tell("device.test_shows", what=words(f"device.shown.{feedback.when}"))
                await asyncio.sleep(SHOWN_S)
            self.good = self.good and seen
        if card_s:
            await self._card(card_s)

    async def _card(self, card_s: float) -> None:
        """What is read: of a card its length, not its number; of the rest that there was something."""
        self.reads.clear()
        tell("device.test_card", s=card_s)
        if not await self.until(lambda: self.reads, card_s):
            tell("device.test_no_card")
            self.good = False
            return
        match self.reads[0].credential:
            case Card(bits=bits):
                tell("device.test_read", bits=bits)
            case Keys():
                tell("device.test_keys")
            case Unreadable(why=why):
                tell("device.test_unreadable", why=here(why))
                self.good = False
            case _:
                tell("device.test_other")


class DoorTrial(Trial):
    def __init__(self, site: Site, config: Config, door: Door, folder: Path, yes: bool) -> None:
        super().__init__(site, yes)
        self.door = door
        self.seen: list[Report] = []
        self.devices = alone(config, folder, self.sim, door, self.report, moved=self._told)
        self.gate = self.devices.gates[door.name]

    async def run(self) -> bool:
        return await self.with_jobs((job.run for job in self.devices.jobs), self._story)

    def _told(self, report: GateReport) -> None:
        self.seen.append(report.report)
        if report.report not in (Report.RELAY_ON, Report.RELAY_OFF) or len(self.seen) > 1:
            tell("device.test_input", what=words(f"device.input.{report.report.value}"))

    async def _story(self) -> None:
        tell("device.test_wait", name=self.door.name)
        if not await self.until(lambda: self.seen, READY_S):
            raise EdgeAgentError("device.test_away", name=self.door.name, why=self.trouble or words("device.no_answer"))
        tell("device.test_ready", name=self.door.name)
        await asyncio.sleep(0.5)  # the first report of each input
        if not await self.asked("device.test_move", door=self.door.name, s=self.door.release_s):
            raise EdgeAgentError("device.not_moved", door=self.door.name)
        before = len(self.seen)
        try:
            await self.gate.release(self.door.release_s)
            if not await self.until(lambda: Report.RELAY_ON in self.seen[before:], ANSWER_S):
                tell("device.test_relay_still")
                self.good = False
                return
            if not await self.until(lambda: Report.RELAY_OFF in self.seen[before:], self.door.release_s + ANSWER_S):
                tell("device.test_relay_stuck")
                self.good = False
        except DeviceUnavailable as error:
            raise EdgeAgentError("device.test_away", name=self.door.name, why=error) from None
        finally:
            if Report.RELAY_OFF not in self.seen[before:]:
                await self._lock()

    async def _lock(self) -> None:
        try:
            await self.gate.secure()
        except DeviceUnavailable:
            tell("device.test_not_locked", door=self.door.name)


class SensorTrial(Trial):
    """What it measures now; of a satellite receiver the first place, which may take a minute under the open sky."""

    def __init__(self, site: Site, config: Config, sensor: Sensor, folder: Path, yes: bool) -> None:
        super().__init__(site, yes)
        self.name = sensor.name
        self.said: list[SensorReport | Position] = []
        self.devices = alone(
            config, folder, self.sim, sensor, self.report, measured=self.said.append, placed=self.said.append
        )

    async def run(self) -> bool:
        return await self.with_jobs((job.run for job in self.devices.jobs), self._story)

    async def _story(self) -> None:
        tell("device.test_wait", name=self.name)
        if not await self.until(lambda: self.said, READY_S):
            raise EdgeAgentError("device.test_away", name=self.name, why=self.trouble or words("device.no_answer"))
        match self.said[0]:
            case SensorReport(reading=reading):
                value = "" if reading.value is None else f" {reading.value:g} {reading.unit}".rstrip()
                level = words(f"device.measured.{reading.level.value}")
                tell("device.test_measured", what=words(alert_code(reading.kind, "")) + value, level=level)
                self.good = reading.level is not Level.FAULT
            case Position() as at:
                tell("device.test_placed", latitude=at.latitude, longitude=at.longitude, satellites=at.satellites)


class DeskTrial(Trial):
    """An ID card is read; of it only the masked number is shown, and nothing is kept."""

    def __init__(self, site: Site, config: Config, desk: Desk, folder: Path, yes: bool) -> None:
        super().__init__(site, yes)
        self.name = desk.name
        self.shown: list[DocumentPresented] = []
        self.devices = alone(config, folder, self.sim, desk, self.report, presented=self.shown.append)

    async def run(self, card_s: float) -> bool:
        return await self.with_jobs((job.run for job in self.devices.jobs), lambda: self._story(card_s or READY_S))

    async def _story(self, card_s: float) -> None:
        tell("device.test_document", s=card_s)
        if not await self.until(lambda: self.shown or self.trouble, card_s):
            raise EdgeAgentError("device.test_away", name=self.name, why=words("device.no_document"))
        if not self.shown:
            raise EdgeAgentError("device.test_away", name=self.name, why=self.trouble)
        document = self.shown[0].document
        tell("device.test_read_document", number=document.masked)
        for doubt in document.doubts:
            tell(f"device.doubt.{doubt}")
            self.good = False
