"""flows/deterrence.py over a simulated board in its own process: on record is what the relay did."""

import asyncio
import logging
from pathlib import Path

import msgspec
import pytest

from edge_agent.drivers.gate import SerialGate
from edge_agent.drivers.profiles import load_profile
from edge_agent.errors import DeviceUnavailable
from edge_agent.flows.alarm import Alarms
from edge_agent.flows.deterrence import Deterrence
from edge_agent.flows.premises import Premises
from edge_agent.model.doors import DeviceReport, GateReport, Report
from edge_agent.model.events import AlertOpened, AlertUpdated
from edge_agent.model.site import Deterrent, Door, GateBinding, Policy
from tests.drivers.rig import Device, UpClock, simulated, with_job
from tests.flows.world import MemoryBooks, MemoryJournal
from tests.waiting import auntil

ALERT = AlertOpened(door="", alert="a-1", kind="falling_object", level="alarm", camera="yard", rule="wall")


class Siren:
    def __init__(self, folder: Path, relay: int) -> None:
        clock, self.journal = UpClock(), MemoryJournal()
        premises = Premises(self.journal, MemoryBooks(), clock, Alarms(self.journal, clock), Policy())  # type: ignore[arg-type]
        output = GateBinding(link="l", profile="gates/sim", relay=relay)
        self.heard = list[GateReport]()
        self.gate = SerialGate(
            Door(name="horn", gate=output), load_profile("gates/sim"), "sim://gate", clock, self._moved,
            self._reported, folder,
        )  # fmt: skip
        self.lost = False
        self.deterrence = Deterrence(premises, (Deterrent(name="horn", output=output),), {"horn": self.gate})

    def _moved(self, report: GateReport) -> None:
        self.heard.append(report)
        self.deterrence.follow(report)

    def _reported(self, report: DeviceReport) -> None:
        self.lost = report.state == "lost"

    def news(self) -> list[tuple[str, str, str]]:
        events = [row.event for row in self.journal.all]
        return [(one.what, one.why, one.reason) for one in events if isinstance(one, AlertUpdated)]


@pytest.mark.parametrize(
    ("relay", "mute", "news"),
    [
        (0, False, ("deterred", "horn", "")),
        (1, False, ("not_deterred", "horn", "relay")),  # the board has one relay
        (0, True, ("not_deterred", "horn", "unreachable")),
    ],
)
def test_a_deterrent_is_on_record_as_its_relay_was_seen(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, relay: int, mute: bool, news: tuple[str, str, str]
) -> None:
    """The alert waits for none of it."""
    caplog.set_level(logging.ERROR)

    async def story(device: Device, siren: Siren) -> None:
        await auntil(lambda: siren.heard)
        if mute:
            device.tell("vanish")
            await auntil(lambda: siren.lost)
        siren.deterrence.answer(ALERT)
        assert siren.news() == []
        await auntil(siren.news)
        assert siren.news() == [news]
        said = " ".join(record.getMessage() for record in caplog.records)
        assert ("horn stays off" in said) is (news[0] == "not_deterred")
        assert "locked" not in said, "it is no door"

    with simulated("gate", tmp_path / "gate") as device:
        siren = Siren(tmp_path, relay)
        with_job(siren.gate.run, lambda: story(device, siren))


class Deaf:
    """An OSDP output whose relay stays as it is: its driver raises what the serial board's only reports."""

    async def release(self, seconds: float) -> None:
        raise DeviceUnavailable("devices.gate_deaf", door="horn")


def test_a_relay_that_its_own_driver_found_deaf_is_no_lost_board() -> None:
    async def story() -> list[str]:
        clock, journal = UpClock(), MemoryJournal()
        premises = Premises(journal, MemoryBooks(), clock, Alarms(journal, clock), Policy())  # type: ignore[arg-type]
        horn = Deterrent(name="horn", output=GateBinding(link="l", profile="gates/osdp-io"))
        Deterrence(premises, (horn,), {"horn": Deaf()}).answer(ALERT)  # type: ignore[dict-item]
        await auntil(lambda: journal.all)
        return [row.event.reason for row in journal.all if isinstance(row.event, AlertUpdated)]

    assert asyncio.run(story()) == ["relay"]


class Away:
    """An output that cannot be reached the first time, and switches from then on."""

    def __init__(self) -> None:
        self.asked = 0
        self.deterrence: Deterrence

    async def release(self, seconds: float) -> None:
        self.asked += 1
        if self.asked == 1:
            raise DeviceUnavailable("devices.gate_lost", door="horn")
        self.deterrence.follow(GateReport("horn", Report.RELAY_ON, 0))


def test_what_never_sounded_needs_no_rest() -> None:
    """The board is back when the next thing falls: a horn that was silent is neither used up nor cooling down."""

    async def story() -> list[str]:
        clock, journal = UpClock(), MemoryJournal()
        premises = Premises(journal, MemoryBooks(), clock, Alarms(journal, clock), Policy())  # type: ignore[arg-type]
        horn = Deterrent(name="horn", output=GateBinding(link="l", profile="p"), per_hour=1, cooldown_s=600)
        away = Away()
        away.deterrence = Deterrence(premises, (horn,), {"horn": away})  # type: ignore[dict-item]
        for alert, told in (("a-1", 1), ("a-2", 2), ("a-3", 2)):
            away.deterrence.answer(msgspec.structs.replace(ALERT, alert=alert))
            await auntil(lambda told=told: len(journal.all) == told)  # type: ignore[misc]
        return [row.event.what for row in journal.all if isinstance(row.event, AlertUpdated)]

    assert asyncio.run(story()) == ["not_deterred", "deterred"]
