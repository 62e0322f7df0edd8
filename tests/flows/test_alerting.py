"""flows/alerting.py: one alert for each incident, whatever the cameras say and however often."""

import asyncio
from collections.abc import Awaitable, Callable
from types import MappingProxyType
from typing import Literal

import msgspec
import pytest

from edge_agent.cli.describe import describe
from edge_agent.contract.evidence import other_findings
from edge_agent.core.joins import DoorJoins
from edge_agent.flows.alarm import Alarms
from edge_agent.flows.alerting import CameraAlerts
from edge_agent.flows.deterrence import Deterrence
from edge_agent.flows.evidence import EvidenceDesk
from edge_agent.flows.evidence_shelf import Sealing
from edge_agent.flows.operate import Operations
from edge_agent.flows.premises import Premises
from edge_agent.model.clock import ClockState
from edge_agent.model.commands import Done, Operation
from edge_agent.model.detections import CameraState, FaceRefused
from edge_agent.model.doors import GateReport, Report
from edge_agent.model.events import (
    AccessDenied,
    AccessGranted,
    AccessNotTaken,
    AgentDegraded,
    AlertClosed,
    AlertOpened,
    AlertUpdated,
    DeviceDegraded,
    DoorClosed,
    DoorFault,
    DoorForced,
    DoorHeld,
    DoorOpened,
    Event,
    EvidenceErased,
    EvidenceKept,
    ExitRequested,
)
from edge_agent.model.evidence import Exhibit, File, Manifest
from edge_agent.model.people import Schedule, Span
from edge_agent.model.recording import ClipDone, Keep, Piece, Stream
from edge_agent.model.sightings import Fall, Phase, Sighting
from edge_agent.model.site import AlertRule, Camera, Deterrent, EvidencePolicy, GateBinding, Line, Policy
from edge_agent.model.standing import At, Case, Mute, OpenAlert
from edge_agent.watching import Watching
from edge_agent.words import retold
from tests.flows.world import BOOK, MemoryBooks, MemoryClock, MemoryJournal

YARD = Camera(name="yard", url="rtsp://yard", use=("alerts", "evidence"), area="garden")
GATE = Camera(name="gate-cam", url="rtsp://gate", door="gate", use=("alerts",))
FALL = Fall(
    floors=((12, 0.9), (13, 0.1)), released_ms=99_000, impact_ms=101_500, speed_mps=25.0,
    path=((99_000, 1.0, 2.0, 30.0),), residual_px=0.8, calibration="c-1",
)  # fmt: skip
CARD = AccessGranted(door="gate", direction="in", person="p-1", category="resident", how=("card",), rule="r")
ALWAYS = Schedule("always", (Span((1, 2, 3, 4, 5, 6, 7), 0, 1440),))


STREAM = Stream(codec="h264", width=640, height=360, packets=1, lost=0, from_ms=0, to_ms=0, sha256="2" * 64)


class Memory:
    """The evidence's disk and recorder."""

    def __init__(self) -> None:
        self.orders: list[Keep] = []
        self.content: dict[str, bytes] = {}
        self.there_is_room = True

    def keep(self, order: Keep) -> bool:
        self.orders.append(order)
        return True

    async def look(self) -> None:
        return

    def begin(self, evidence: str, request: bytes) -> "Memory":
        self.evidence = evidence
        self.content[evidence] = b""
        return self

    def write(self, data: bytes) -> None:
        self.content[self.evidence] += data

    def close_clip(self) -> File:
        return File("clip.mp4", 1, "0" * 64)

    def add(self, name: str, content: bytes) -> File:
        return File(name, len(content), "1" * 64)

    def finish(self, manifest: bytes) -> int:
        self.manifest = manifest
        return len(manifest)

    def abort(self) -> None:
        return

    def leave(self) -> None:
        return

    def disks(self) -> list[str]:
        return ["d1"]

    def erase(self, evidence: str, disk: str) -> None:
        del self.content[evidence]

    def throw_away(self, evidence: str) -> None:
        return

    def there(self) -> set[str]:
        return set(self.content)

    def cut_off(self) -> list[tuple[str, bytes]]:
        return []


class House:
    def __init__(self, *rules: AlertRule, schedules: dict[str, str] | None = None, gate: Camera = GATE) -> None:
        self.clock, self.journal, self.memory = MemoryClock(), MemoryJournal(), Memory()
        book = msgspec.structs.replace(
            BOOK, schedules=MappingProxyType({"always": ALWAYS, "never": Schedule("never", ())})
        )
        self.books = MemoryBooks(book)
        self.premises = Premises(
            self.journal, self.books, self.clock, Alarms(self.journal, self.clock), Policy()
        )  # fmt: skip
        sealing = Sealing("G1", "0", "", msgspec.json.encode)
        self.desk = EvidenceDesk(self.premises, EvidencePolicy(), self.memory, sealing)  # type: ignore[arg-type]
        self.desk.recorders["yard"] = self.memory
        self.desk.leads = {"yard": 38.0}
        self.lit: list[float] = []
        deterrents = (Deterrent(name="horn", output=GateBinding(link="l", profile="p"), on_s=3.0, per_hour=2),)
        self.deterrence = Deterrence(self.premises, deterrents, {"horn": self})  # type: ignore[dict-item]
        self.alerts = CameraAlerts(
            self.premises, (YARD, gate), rules, schedules, self.desk, self.deterrence.answer, ("yard",), ("lawn",)
        )  # fmt: skip
        self.alerts.joins["gate"] = DoorJoins(line="lawn")

    async def release(self, seconds: float) -> None:
        self.lit.append(seconds)
        self.deterrence.follow(GateReport("horn", Report.RELAY_ON, self.clock.up_ms))

    async def secure(self) -> None:
        return

    def say(
        self,
        phase: str,
        kind: str = "intrusion",
        incident: str = "i-1",
        camera: str = "yard",
        rule: str = "lawn",
        **more: object,
    ) -> None:
        sighting = Sighting(
            rule=rule,
            kind=kind,
            incident=incident,
            phase=Phase(phase),
            up_ms=self.clock.up_ms,
            size=(640, 360),
            **more,
        )  # type: ignore[arg-type]
        self.alerts.see(camera, sighting)

    def wait(self, seconds: float) -> None:
        for _ in range(round(seconds * 2)):
            self.clock.up_ms += 500
            self.alerts.look()

    def events(self, *kinds: type[Event]) -> list[Event]:
        return [row.event for row in self.journal.all if isinstance(row.event, kinds)]  # type: ignore[misc]

    def details(self, lang: str) -> list[str]:
        return [describe(row, lang).detail for row in self.journal.all]

    def told(self) -> list[str]:
        """alert.opened, updated and closed, as words."""
        said = []
        for event in self.events(AlertOpened, AlertUpdated, AlertClosed):
            what = getattr(event, "what", "") or getattr(event, "why", "")
            said.append(event.tag.removeprefix("alert.") + (f" {what}" if isinstance(what, str) and what else ""))
        return said


def in_a_house(*rules: AlertRule, schedules: dict[str, str] | None = None, gate: Camera = GATE) -> Callable[..., None]:
    def play(story: Callable[[House], Awaitable[None]]) -> None:
        async def run() -> None:
            await story(House(*rules, schedules=schedules, gate=gate))
            await asyncio.sleep(0)

        asyncio.run(run())

    return play


def test_sightings_of_one_incident_are_one_alert() -> None:
    """Lost and seen again within ten seconds, two people in the same zone, said a hundred times: one."""

    @in_a_house()
    async def story(house: House) -> None:
        house.say("begun", count=1)
        for _ in range(100):
            house.say("going", count=1)
            house.wait(0.5)
        house.say("begun", incident="i-2", count=2)
        house.say("over")
        house.say("over", incident="i-2")
        house.wait(8)
        house.say("begun", incident="i-3", count=1)
        house.say("over", incident="i-3")
        house.wait(9)
        assert [word for word in house.told() if word != "updated grew"] == ["opened"]
        house.wait(2)
        assert house.told()[-1] == "closed over"
        assert house.told().count("updated grew") <= 3
        house.say("begun", incident="i-4")
        assert house.told()[-1] == "opened"


def test_every_fall_is_a_case_of_its_own_and_needs_a_person() -> None:
    @in_a_house()
    async def story(house: House) -> None:
        house.say("begun", "falling_object", "f-1", fall=FALL)
        house.say("begun", "falling_object", "f-2", fall=FALL)
        house.say("over", "falling_object", "f-1", fall=msgspec.structs.replace(FALL, floors=((12, 0.97),)))
        opened = house.events(AlertOpened)
        assert [alert.review for alert in opened] == [True, True]  # type: ignore[attr-defined]
        assert opened[0].fall.path == ()  # type: ignore[attr-defined]
        assert house.told() == ["opened", "opened", "updated grew", "closed over"]
        assert house.memory.orders[0].from_ms == 99_000 - 10_000, "before it was released"
        assert set(house.premises.standing.cases) == {alert.alert for alert in opened}  # type: ignore[attr-defined]


def test_the_alert_is_out_before_its_evidence_and_a_slow_clip_delays_nothing() -> None:
    @in_a_house()
    async def story(house: House) -> None:
        house.say("begun")
        (opened,) = house.events(AlertOpened)
        evidence = opened.evidence  # type: ignore[attr-defined]
        assert evidence == house.memory.orders[0].evidence
        assert house.told() == ["opened"]
        await house.desk.take(Piece(evidence, b"clip"))
        assert "updated evidence" not in house.told()
        await house.desk.take(ClipDone(evidence, None, ""))
        assert house.told()[-1] == "updated evidence"
        assert house.premises.standing.exhibits[evidence].number == 1
        house.say("begun", incident="i-9", kind="loitering")
        second = house.memory.orders[-1].evidence
        await house.desk.take(ClipDone(second, None, "the camera sends nothing", "cameras.silent"))
        assert house.told()[-1] == "updated no_evidence"
        assert [row for row in house.details("zh") if "摄像机没有发送任何数据" in row]


def test_what_is_missing_of_evidence_is_said_in_both_languages() -> None:
    """In the event and in the signed manifest; no recorder, and a full disk, likewise."""

    @in_a_house()
    async def story(house: House) -> None:
        house.say("begun")
        first = house.memory.orders[0].evidence
        await house.desk.take(Piece(first, b"clip"))
        await house.desk.take(ClipDone(first, None, "it begins 2 s late", "clip.late", {"s": 2}))
        (kept,) = house.events(EvidenceKept)
        assert (kept.why, kept.code, kept.given) == ("it begins 2 s late", "clip.late", {"s": 2})  # type: ignore[attr-defined]
        manifest = msgspec.json.decode(house.memory.manifest, type=Manifest)
        (said,) = [one for one in other_findings(manifest) if one.code == "evidence.incomplete"]
        assert retold(said.what, said.why, said.given, "zh") == "开头晚了 2 秒"
        assert retold(said.what, said.why, said.given, "en") == "it begins 2 s late"
        house.desk.recorders.clear()
        house.say("begun", "loitering")
        assert "录像进程未运行" in house.details("zh")[-1]
        assert "the recorder is not running" in house.details("en")[-1]


def test_a_clip_begins_with_what_is_told_of_so_far_as_pictures_are_kept() -> None:
    """A bag was put down half a minute before it is told; what took longer than the recorder keeps begins there."""

    @in_a_house()
    async def story(house: House) -> None:
        house.say("begun", "left_object", "b-1", since_ms=house.clock.up_ms - 30_000)
        house.say("begun", "loitering", "l-1", since_ms=house.clock.up_ms - 50_000)
        house.say("begun", "intrusion", "i-1")
        now_ms, pre_ms, longest_ms = house.clock.up_ms, 10_000, 60_000
        assert [now_ms - order.from_ms for order in house.memory.orders] == [
            30_000 + pre_ms, 38_000 + pre_ms, pre_ms,
        ]  # fmt: skip
        assert all(order.to_ms - order.from_ms <= longest_ms for order in house.memory.orders)
        for longest_s, post_s, begins_s in ((60, 10, 12.5), (12, 10, 12), (10, 10, 10), (30, 30, 12.5)):
            house.desk.policy = EvidencePolicy(longest_s=longest_s, post_s=post_s)
            told_ms = house.clock.up_ms
            fall = msgspec.structs.replace(FALL, released_ms=told_ms - 2_500)
            house.say("begun", "falling_object", f"f-{longest_s}-{post_s}", fall=fall)
            order = house.memory.orders[-1]
            assert order.from_ms == told_ms - round(begins_s * 1000), "its release is in it, however short it must be"
            assert order.to_ms == min(told_ms + post_s * 1000, order.from_ms + longest_s * 1000)


def test_a_clip_that_broke_off_is_followed_by_another_while_it_goes_on() -> None:
    """With the stream, with the recorder, with the agent; a clip as long as it may be is the only one."""

    def going(house: House, seconds: int) -> None:
        for _ in range(seconds // 5):
            house.wait(5)
            house.say("going")

    async def ended(house: House, stream: Stream | None, why: str = "") -> str:
        evidence = house.memory.orders[-1].evidence
        await house.desk.take(Piece(evidence, b"clip"))
        await house.desk.take(ClipDone(evidence, stream, why, "clip.interrupted" if why else ""))
        return evidence

    def clips(house: House) -> list[str]:
        return list(dict.fromkeys(order.evidence for order in house.memory.orders))

    @in_a_house()
    async def cut(house: House) -> None:
        house.say("begun")
        going(house, 10)
        stream = msgspec.structs.replace(STREAM, to_ms=house.clock.up_ms - 5_000)
        first = await ended(house, stream, "the camera's stream was interrupted")
        assert "证据已保存" in house.details("zh")[-1]
        assert "中断" in house.details("zh")[-1], "it is not whole, and says so"
        going(house, 10)
        second = await ended(house, msgspec.structs.replace(STREAM, to_ms=house.memory.orders[-1].to_ms))
        assert clips(house) == [first, second]
        assert {exhibit.alert for exhibit in house.premises.standing.exhibits.values()} == {
            house.events(AlertOpened)[0].alert  # type: ignore[attr-defined]
        }
        going(house, 120)
        assert clips(house) == [first, second], "as long as it may be"

    @in_a_house()
    async def nothing_more(house: House) -> None:
        house.say("begun")
        (case,) = house.premises.standing.cases
        first = await ended(house, None, "the camera's stream was interrupted")
        going(house, 15)
        assert len(clips(house)) == 2
        await house.desk.take(ClipDone(house.memory.orders[-1].evidence, None, "nothing", "cameras.silent"))
        assert "updated no_evidence" not in house.told(), "there is some"
        assert house.premises.standing.cases[case].evidence == first

    @in_a_house()
    async def only_later(house: House) -> None:
        house.say("begun")
        (case,) = house.premises.standing.cases
        await house.desk.take(ClipDone(house.memory.orders[-1].evidence, None, "nothing", "cameras.silent"))
        assert house.premises.standing.cases[case].evidence == ""
        going(house, 15)
        second = await ended(house, None)
        assert house.premises.standing.cases[case].evidence == second

    @in_a_house()
    async def no_stream(house: House) -> None:
        asked = []
        house.say("begun")
        began_ms = house.clock.up_ms
        for _ in range(60):
            going(house, 5)
            if len(clips(house)) > len(asked):
                asked.append(house.clock.up_ms - began_ms)
            await house.desk.take(ClipDone(house.memory.orders[-1].evidence, None, "nothing", "cameras.silent"))
        assert asked == [5_000, 10_000, 25_000, 70_000], "the later the rarer: it may take its time to come back"
        assert house.told().count("updated no_evidence") == 1

    @in_a_house()
    async def nobody_to_ask(house: House) -> None:
        """The recorder is being started anew when it begins: there is a clip as soon as there can be."""
        recorder = house.desk.recorders.pop("yard")
        house.say("begun")
        (case,) = house.premises.standing.cases
        going(house, 10)
        assert "updated no_evidence" in house.told()
        house.desk.recorders["yard"] = recorder
        going(house, 10)
        kept = await ended(house, None)
        assert house.premises.standing.cases[case].evidence == kept
        assert house.told()[-1] == "updated evidence"

    @in_a_house()
    async def slow(house: House) -> None:
        """Of a frame in two seconds: the last is two seconds before the end that was asked for."""
        house.say("begun")
        stream = msgspec.structs.replace(STREAM, to_ms=house.memory.orders[-1].to_ms - 2_500)
        await ended(house, stream)
        going(house, 60)
        assert len(clips(house)) == 1

    @in_a_house()
    async def restarted(house: House) -> None:
        house.say("begun")
        again = House()
        again.premises.standing.apply(*house.journal.changes)  # type: ignore[arg-type]
        again.alerts.restore()
        again.say("begun", incident="i-77")
        (opened,) = house.events(AlertOpened)
        again.say("going", incident="i-77")
        assert len(again.memory.orders) == 1
        assert again.desk._coming[again.memory.orders[0].evidence].about.alert == opened.alert  # type: ignore[attr-defined]


def test_holds_that_pass_the_room_of_all_the_rest_are_told_once() -> None:
    """And again when they have passed it anew: the installer looks after the disk."""

    @in_a_house()
    async def story(house: House) -> None:
        room = house.desk.policy.max_mb << 20

        async def tidied(*exhibits: Exhibit) -> list[str]:
            house.premises.remember(*exhibits)
            house.clock.up_ms += 3_600_000
            await house.desk._tidy()
            return [event.what for event in house.events(AgentDegraded)]  # type: ignore[attr-defined]

        pieces = [Exhibit(f"ev-{n}", "yard", "a", "m", "p", n, 0, room // 2 + 1, held="王芳") for n in (1, 2)]
        assert await tidied(pieces[0]) == []
        assert await tidied(pieces[1]) == ["evidence_held"]
        assert await tidied() == ["evidence_held"]
        assert await tidied(pieces[1].hold("")) == ["evidence_held"]
        assert await tidied(pieces[1]) == ["evidence_held", "evidence_held"]
        assert house.events(EvidenceErased) == []


def test_a_forced_or_held_gate_is_kept_with_its_picture() -> None:
    @in_a_house(gate=msgspec.structs.replace(GATE, use=("alerts", "evidence")))
    async def story(house: House) -> None:
        house.desk.recorders["gate-cam"] = house.memory
        at = []
        house.premises.record(DoorOpened(door="gate"))
        for event in (DoorForced(door="gate"), DoorHeld(door="gate", open_ms=30_000)):
            at.append(house.clock.up_ms)
            house.premises.record(event)
            house.wait(60)
        kept = house.memory.orders
        assert len({order.evidence for order in kept}) == 2, "forced and held, not opened"
        assert [order.from_ms < at_ms < order.to_ms for order, at_ms in zip(kept, at, strict=True)] == [True, True]
        assert house.premises.standing.cases["forced/gate"].evidence == ""
        for order in kept:
            await house.desk.take(Piece(order.evidence, b"clip"))
            await house.desk.take(ClipDone(order.evidence, None, ""))
        assert house.premises.standing.cases["forced/gate"].evidence == kept[0].evidence, "who answers it sees it"


@pytest.mark.parametrize("away_s", [12, 90])
def test_a_forced_gate_whose_recorder_is_being_started_is_kept_when_it_can_be(away_s: float) -> None:
    """It is said that there is none yet, and for a minute it is asked for again: once."""

    @in_a_house(gate=msgspec.structs.replace(GATE, use=("alerts", "evidence")))
    async def story(house: House) -> None:
        house.premises.record(DoorForced(door="gate"))
        house.wait(away_s)
        (said,) = house.events(DeviceDegraded)
        assert (said.device, said.code) == ("gate-cam", "degraded_why.no_clip")  # type: ignore[attr-defined]
        assert "录像进程未运行" in "".join(house.details("zh"))
        house.desk.recorders["gate-cam"] = house.memory
        back_ms = house.clock.up_ms
        house.wait(60)
        assert [back_ms < order.to_ms for order in house.memory.orders] == ([True] if away_s < 60 else [])
        for order in house.memory.orders:
            await house.desk.take(Piece(order.evidence, b"clip"))
            await house.desk.take(ClipDone(order.evidence, None, ""))
            assert house.premises.standing.cases["forced/gate"].evidence == order.evidence


def test_quiet_hours_and_mutes_only_record_and_end_by_themselves() -> None:
    quiet = AlertRule(name="nights", kinds=("loitering",), quiet="always")

    @in_a_house(quiet)
    async def story(house: House) -> None:
        house.say("begun", "loitering", "l-1")
        mute = house.alerts.mute("area/garden", 60, "王芳", "gardeners")
        assert isinstance(mute, Mute)
        house.premises.remember(mute)
        house.say("begun")
        first, second = house.events(AlertOpened)
        assert (first.quiet, second.quiet) == (True, True)  # type: ignore[attr-defined]
        assert house.premises.standing.cases == {}
        await asyncio.sleep(0)
        assert house.lit == []
        for _ in range(62):
            house.say("going")
            house.wait(1)
        assert house.told()[-2:] == ["opened", "closed changed"], "it goes on, and the mute is over"
        assert not house.events(AlertOpened)[-1].quiet  # type: ignore[attr-defined]


def test_what_may_be_heard_again_is_shown_as_it_is_then() -> None:
    """Not as it was when nobody wanted to hear it: that is no longer in the recorder's memory."""

    @in_a_house()
    async def story(house: House) -> None:
        house.premises.remember(house.alerts.mute("camera/yard", 50, "王芳", ""))  # type: ignore[arg-type]
        house.say("begun", since_ms=house.clock.up_ms - 1_000)
        for _ in range(12):
            house.wait(5)
            house.say("going")
        quiet, heard = house.events(AlertOpened)
        assert (quiet.quiet, heard.quiet) == (True, False)  # type: ignore[attr-defined]
        order = next(one for one in house.memory.orders if one.evidence == heard.evidence)  # type: ignore[attr-defined]
        assert order.from_ms == house.clock.up_ms - 10_000 - 10_000, "ten seconds ago the mute was over"


def test_thirty_of_other_days_keep_nothing_quiet() -> None:
    @in_a_house()
    async def story(house: House) -> None:
        for n in range(31):
            house.say("begun", incident=f"i-{n}")
            house.say("over", incident=f"i-{n}")
            house.wait(20)
            house.clock.up_ms += 7_200_000
        house.premises.remember(house.alerts.mute("camera/yard", 60, "王芳", ""))  # type: ignore[arg-type]
        house.say("begun")
        house.wait(62)
        assert not house.events(AlertOpened)[-1].quiet  # type: ignore[attr-defined]
        assert house.told()[-2:] == ["opened", "closed changed"]


def test_what_nobody_heard_is_no_flood() -> None:
    """Forty in the last muted minutes, of which the guard knew nothing: the first one after them is an alarm."""

    @in_a_house()
    async def story(house: House) -> None:
        house.premises.remember(house.alerts.mute("camera/yard", 1200, "王芳", "排练"))  # type: ignore[arg-type]
        for n in range(40):
            house.say("begun", incident=f"i-{n}")
            house.say("over", incident=f"i-{n}")
            house.wait(20)
        house.clock.up_ms += 420_000
        assert not house.events(DeviceDegraded)
        house.say("begun")
        assert [alert.quiet for alert in house.events(AlertOpened)] == [True] * 40 + [False]  # type: ignore[attr-defined]


def test_a_flood_that_has_passed_lets_what_goes_on_be_heard() -> None:
    @in_a_house()
    async def story(house: House) -> None:
        for n in range(30):
            house.say("begun", incident=f"i-{n}")
            house.say("over", incident=f"i-{n}")
            house.wait(12)
        house.say("begun")
        assert house.events(AlertOpened)[-1].quiet  # type: ignore[attr-defined]
        house.wait(3600 - 30 * 12 - 10)
        assert house.told()[-1] == "opened", "so long as it would be one too many, once"
        house.wait(30)
        assert house.told()[-2:] == ["opened", "closed changed"]


def test_a_camera_named_like_a_zone_has_neither_its_schedule_nor_its_mutes() -> None:
    """A covered camera is told at every hour, whatever the zone of its name is for; so is a fall before a façade."""

    @in_a_house(schedules={"lawn": "never"})
    async def story(house: House) -> None:
        house.premises.remember(house.alerts.mute("rule/lawn", 3600, "王芳", ""))  # type: ignore[arg-type]
        house.say("begun", "intrusion", "i-1")
        house.say("begun", "occluded", "o-1")
        house.say("begun", "falling_object", "f-1", fall=FALL)
        opened = house.events(AlertOpened)
        assert [(one.kind, one.quiet) for one in opened] == [("occluded", False), ("falling_object", True)]  # type: ignore[attr-defined]


def test_smoke_is_advisory_unless_a_rule_makes_it_an_alarm() -> None:
    for rules, level in (((), "warning"), ((AlertRule(name="kitchen", kinds=("smoke",), level="alarm"),), "alarm")):

        @in_a_house(*rules)
        async def story(house: House, level: str = level) -> None:
            house.say("begun", "smoke", "s-1")
            (opened,) = house.events(AlertOpened)
            assert opened.level == level  # type: ignore[attr-defined]
            assert len(house.premises.standing.cases) == (level == "alarm")


def test_only_what_there_is_can_be_muted_and_for_a_day_at_most() -> None:
    """A slip in a name mutes nothing and says which there are; a mute of what was taken down can be ended."""

    @in_a_house()
    async def story(house: House) -> None:
        operations = Operations(house.premises, {}, alerts=house.alerts)

        async def done(verb: str, target: str, hours: float | None = None) -> Done:
            for_s = None if hours is None else hours * 3600
            return await operations.carry_out(Operation(verb, "王芳", target=target, for_s=for_s))

        for target in ("rule/nosuch", "area/roof", "camera/roof", "rule/", "lawn", ""):
            refused = await done("mute", target, 2)
            assert (refused.good, refused.code) == (False, "operate.no_target"), target
            assert refused.fields["known"] == "all, camera/gate-cam, camera/yard, rule/gate, rule/lawn, area/garden"
        for target in ("all", "camera/yard", "rule/lawn", "rule/gate", "area/garden"):
            assert (await done("mute", target, 24)).good, target
        assert (await done("mute", "all", 24.01)).code == "control.mute_too_long"
        assert house.premises.standing.mutes["all"].for_ms == 86_400_000, "nothing is capped in silence"
        house.premises.remember(Mute("rule/pond", At.of(house.premises.now()), 60_000))
        assert (await done("unmute", "rule/pond")).good
        assert "rule/pond" not in house.premises.standing.mutes
        assert (await done("unmute", "rule/pond")).code == "operate.no_target"
        house.clock.up_ms += 25 * 3_600_000
        assert (await done("mute", "all", 1)).good
        ended = await done("unmute", "camera/yard")
        assert (ended.code, ended.fields["muted"]) == ("operate.not_muted", "all"), (
            "its own is over; all is silent still"
        )


def test_how_severe_an_alert_is_says_its_kind_unless_a_rule_does() -> None:
    """The first rule that fits counts; the alert keeps its level to the end."""
    rules = (
        AlertRule(name="pond", kinds=("loitering",), rules=("lawn",), level="alarm"),
        AlertRule(name="leaves", kinds=("left_object", "loitering"), level="warning"),
        AlertRule(name="elsewhere", cameras=("gate-cam",), level="warning"),
    )

    @in_a_house(*rules)
    async def story(house: House) -> None:
        kinds = ("intrusion", "gathering", "occluded", "loitering", "left_object")
        for number, kind in enumerate(kinds):
            house.say("begun", kind, f"i-{number}")
        house.say("begun", "intrusion", "g-1", "gate-cam")
        levels = ["alarm", "warning", "fault", "alarm", "warning", "warning"]
        assert [alert.level for alert in house.events(AlertOpened)] == levels  # type: ignore[attr-defined]
        for number, kind in enumerate(kinds):
            house.say("over", kind, f"i-{number}")
        house.say("over", "intrusion", "g-1", "gate-cam")
        house.wait(61)
        closed = {(alert.camera, alert.kind): alert.level for alert in house.events(AlertClosed)}  # type: ignore[attr-defined]
        opened = {(alert.camera, alert.kind): alert.level for alert in house.events(AlertOpened)}  # type: ignore[attr-defined]
        assert closed == opened


def test_a_zone_with_a_schedule_alerts_only_then() -> None:
    @in_a_house(schedules={"lawn": "never"})
    async def story(house: House) -> None:
        house.say("begun")
        house.say("going")
        assert house.told() == []


@pytest.mark.parametrize("policy", ["deny_timed", "allow_timed"])
def test_a_clock_that_nobody_trusts_silences_nothing(policy: Literal["deny_timed", "allow_timed"]) -> None:
    """Who cuts the power of a gateway without a battery shall not choose the hour: unless the site says that this
    clock counts, a zone alerts, and no hour is quiet.
    """

    @in_a_house(AlertRule(name="days", quiet="always"), schedules={"lawn": "never"})
    async def story(house: House) -> None:
        house.premises.policy = Policy(untrusted_clock=policy)
        house.clock.state = ClockState.UNSET
        house.say("begun")
        house.say("begun", "falling_object", rule="wall")
        opened = [(one.kind, one.quiet) for one in house.events(AlertOpened)]  # type: ignore[attr-defined]
        if policy == "allow_timed":
            assert opened == [("falling_object", True)]
            return
        assert opened == [("intrusion", False), ("falling_object", False)]
        house.clock.state = ClockState.SYNCED
        house.say("begun", "loitering")
        house.say("begun", "falling_object", incident="i-2", rule="wall")
        assert [one.quiet for one in house.events(AlertOpened)] == [False, False, True]  # type: ignore[attr-defined]


def test_a_schedule_that_a_new_list_left_out_switches_no_zone_off() -> None:
    @in_a_house(schedules={"lawn": "never"})
    async def story(house: House) -> None:
        house.say("begun")
        house.books.current = BOOK  # without "never"
        house.say("going")
        assert house.told() == ["opened"]
        (said,) = house.events(DeviceDegraded)
        assert isinstance(said, DeviceDegraded)
        assert (said.device, said.code) == ("yard", "degraded_why.no_schedule")
        assert said.given == {"rule": "lawn", "schedule": "never"}


def test_deterrence_rests_and_never_sounds_for_a_light_object() -> None:
    @in_a_house(AlertRule(name="all", level="alarm"))
    async def story(house: House) -> None:
        house.say("begun", "light_object", "leaf")
        house.say("begun", "falling_object", "f-1")
        house.say("begun", "falling_object", "f-2")
        await asyncio.sleep(0)
        assert house.lit == [3.0]
        house.wait(61)
        house.say("begun", "falling_object", "f-3")
        house.wait(61)
        house.say("begun", "falling_object", "f-4")
        await asyncio.sleep(0)
        assert house.lit == [3.0, 3.0], "two an hour"
        assert "updated deterred" in house.told()


def test_a_flood_is_recorded_and_said_to_be_one() -> None:
    @in_a_house()
    async def story(house: House) -> None:
        for n in range(40):
            house.say("begun", "falling_object", f"f-{n}")
            house.say("over", "falling_object", f"f-{n}")
            house.wait(1)
        opened = house.events(AlertOpened)
        assert [alert.quiet for alert in opened] == [False] * 30 + [True] * 10  # type: ignore[attr-defined]
        (trouble,) = house.events(DeviceDegraded)
        assert "lawn 每小时警报（高空抛物）超过 30 次" in retold(trouble.detail, trouble.code, trouble.given, "zh")  # type: ignore[attr-defined]


def test_a_camera_that_is_lost_ends_what_nobody_sees_any_more() -> None:
    @in_a_house()
    async def story(house: House) -> None:
        house.say("begun")
        house.alerts.see("yard", CameraState("lost"))
        house.wait(11)
        assert house.told() == ["opened", "closed camera_lost"]


def test_a_restart_in_the_middle_is_the_same_alert() -> None:
    """Seen again within half a minute it goes on; else it is closed, and nobody waits for ever."""

    @in_a_house()
    async def story(house: House) -> None:
        house.say("begun")
        house.say("begun", "falling_object", "f-1")
        house.say("begun", "loitering", "l-1")
        again = House()
        again.premises.standing.apply(*house.journal.changes)  # type: ignore[arg-type]
        again.alerts.restore()
        assert again.told() == ["closed restarted"], "a fall does not go on"
        again.say("begun", incident="i-77", count=1)
        again.wait(35)
        assert again.told() == ["closed restarted", "updated grew", "closed restarted"]
        again.say("over", incident="i-77")
        again.wait(11)
        assert again.told()[-1] == "closed over"


def test_what_is_seen_long_after_the_agent_went_is_another_alert() -> None:
    """Nobody knows what was there meanwhile; what went on until a moment before is the same."""

    @in_a_house()
    async def story(house: House) -> None:
        house.say("begun")
        for _ in range(600):
            house.wait(1)
            house.say("going")
        for away_s, expected in ((20, ["updated grew"]), (90, ["closed restarted", "opened"])):
            again = House()
            again.clock.up_ms = house.clock.up_ms + away_s * 1000
            again.premises.standing.apply(*house.journal.changes)  # type: ignore[arg-type]
            again.alerts.restore()
            again.say("begun", incident="i-77")
            assert again.told() == expected
        assert len(house.journal.changes) < 60, "a quiet disk"

    @in_a_house()
    async def rebooted(house: House) -> None:
        house.say("begun")
        again = House()
        again.clock.boot_id, again.clock.up_ms = "another-boot", 5_000
        again.clock.jump_ms = house.clock.up_ms - 5_000 + 120_000
        again.premises.standing.apply(*house.journal.changes)  # type: ignore[arg-type]
        again.alerts.restore()
        again.say("begun", incident="i-77")
        assert again.told() == ["closed restarted", "opened"]


def test_a_calibrated_camera_that_was_moved_tells_no_floors_until_it_is_calibrated_anew() -> None:
    """Nobody is accused by a camera that looks at another window."""

    @in_a_house()
    async def story(house: House) -> None:
        house.say("begun", "moved", "m-1")
        house.say("over", "moved", "m-1")
        house.say("begun", "falling_object", "f-1", fall=FALL)
        assert house.events(AlertOpened)[-1].fall is None  # type: ignore[attr-defined]
        assert house.premises.clear("moved/yard", "王芳", "calibrated") == ""
        house.say("begun", "falling_object", "f-2", fall=FALL)
        assert house.events(AlertOpened)[-1].fall is not None  # type: ignore[attr-defined]


def passes(house: House, *directions: str) -> None:
    for direction in directions:
        house.say("begun", "crossing", f"c-{house.clock.up_ms}-{direction}", "gate-cam", direction=direction)
        house.wait(0.5)


def grant(house: House, direction: str = "in") -> None:
    event = AccessGranted(
        door="gate", direction=direction, person="p-1", category="resident", how=("card",), rule="r"
    )  # fmt: skip
    house.premises.record(event)
    house.premises.record(DoorOpened(door="gate"))


def kinds(house: House) -> list[str]:
    return [alert.kind for alert in house.events(AlertOpened)]  # type: ignore[attr-defined]


def test_two_through_the_line_on_one_card_is_tailgating() -> None:
    @in_a_house()
    async def story(house: House) -> None:
        grant(house)
        passes(house, "in")
        house.wait(3)
        assert kinds(house) == []
        passes(house, "in", "in")
        house.wait(3)
        assert kinds(house) == ["tailgating"], "two more, one alert"
        assert house.events(AlertOpened)[0].door == "gate"  # type: ignore[attr-defined]


def test_what_a_line_saw_is_told_of_its_camera_and_kept_from_it() -> None:
    """Another camera of this door, which comes first in agent.toml, looks at faces and has seen nothing of it."""

    @in_a_house()
    async def story(house: House) -> None:
        side = Camera(name="side", url="rtsp://side", door="gate", use=("alerts", "evidence"))
        line = Line(name="lawn", camera="side", points=((0.3, 0.7), (0.7, 0.7)), watch=("crossing",))
        house.premises.ears.clear()
        house.alerts = CameraAlerts(house.premises, (GATE, side), desk=house.desk, lines=(line,))
        house.alerts.joins["gate"] = DoorJoins(line="lawn")
        house.desk.recorders["side"] = house.memory
        grant(house)
        for number in (1, 2):
            house.say("begun", "crossing", f"c-{number}", "side", direction="in")
        house.wait(3)
        (told,) = house.events(AlertOpened)
        assert (told.kind, told.camera, told.door) == ("tailgating", "side", "gate")  # type: ignore[attr-defined]
        assert [order.evidence for order in house.memory.orders] == [told.evidence]  # type: ignore[attr-defined]


def test_as_many_people_as_grants_is_none_even_when_the_grant_comes_last() -> None:
    @in_a_house()
    async def story(house: House) -> None:
        grant(house)
        passes(house, "in", "in")
        grant(house)
        house.wait(5)
        assert kinds(house) == []


def test_a_grant_is_over_when_the_door_has_shut_behind_it() -> None:
    """But not the next one's, given while it shut."""
    back = msgspec.structs.replace(CARD, direction="out")
    for shut_ms, given_ms, kinds in ((4_000, 9_000, ["wrong_passage"]), (9_500, 9_000, [])):
        joins = DoorJoins()
        joins.hear(CARD if kinds else back, 0)
        joins.hear(DoorOpened(door="gate"), 500)
        joins.hear(DoorClosed(door="gate"), shut_ms)
        joins.hear(back if kinds else CARD, given_ms)
        joins.hear(DoorOpened(door="gate"), given_ms + 1_000)
        joins.cross(given_ms + 2_500, "in")
        assert [join.kind for join in joins.due(given_ms + 5_000)] == kinds


def test_who_was_let_through_a_door_that_nobody_opened_has_not_gone() -> None:
    """Neither by card nor by button: the next one's grant is for one person, and not the one given just now."""
    joins = DoorJoins()
    joins.hear(CARD, 0)
    joins.hear(ExitRequested(door="gate"), 1_000)
    joins.hear(CARD, 5_900)
    joins.hear(AccessNotTaken(door="gate", person=CARD.person), 6_000)
    joins.hear(DoorOpened(door="gate"), 7_500)
    for at_ms in (8_500, 10_000):
        joins.cross(at_ms, "in")
    assert [join.kind for join in joins.due(60_000)] == ["tailgating"]


@pytest.mark.parametrize(
    "opened", [DoorOpened(door="gate"), DoorForced(door="gate"), DoorFault(door="gate", input="contact", what="cut")]
)
def test_a_door_that_nobody_knows_to_be_shut_is_no_shut_door(opened: Event) -> None:
    """Opened, forced, or its contact's wire cut: two on one grant stay two."""
    joins = DoorJoins()
    joins.hear(opened, 0)
    joins.hear(CARD, 20_000)
    for at_ms in (21_000, 22_500):
        joins.cross(at_ms, "in")
    assert [join.kind for join in joins.due(60_000)] == ["tailgating"]


def test_a_contact_that_is_whole_again_is_believed_again() -> None:
    joins = DoorJoins()
    joins.hear(CARD, 0)
    for what in ("cut", "normal"):
        joins.hear(DoorFault(door="gate", input="contact", what=what), 1_000)
    for at_ms in (5_000, 6_000):
        joins.cross(at_ms, "in")
    assert joins.due(60_000) == [], "past a shut door"


def test_against_the_direction_and_what_is_not() -> None:
    @in_a_house()
    async def story(house: House) -> None:
        grant(house)
        passes(house, "out")
        house.wait(3)
        assert kinds(house) == ["wrong_passage"]
        house.premises.record(DoorClosed(door="gate"))
        house.wait(40)
        passes(house, "in", "out")
        house.wait(3)
        assert kinds(house) == ["wrong_passage"], "past a shut door"
        house.premises.record(ExitRequested(door="gate"))
        house.premises.record(DoorOpened(door="gate"))
        passes(house, "out", "out", "out")
        house.wait(3)
        assert kinds(house) == ["wrong_passage"], "leaving by the button is free"


def test_a_passage_without_a_face_where_one_was_expected() -> None:
    @in_a_house()
    async def story(house: House) -> None:
        house.alerts.joins["gate"] = DoorJoins(expect_face=True, line="lawn")
        grant(house)
        house.alerts.see("gate-cam", FaceRefused(1, house.clock.up_ms, "blurred"))
        passes(house, "in")
        house.wait(20)
        assert kinds(house) == []
        grant(house)
        passes(house, "in")
        house.wait(3)
        assert kinds(house) == ["no_face"]


def test_a_second_line_at_a_door_counts_nobody_twice() -> None:
    """Another of the same camera, or of a second one: one person, one grant."""

    @in_a_house()
    async def story(house: House) -> None:
        grant(house)
        passes(house, "in")
        house.say("begun", "crossing", "c-2", "gate-cam", rule="steps", direction="in")
        house.say("begun", "crossing", "c-3", "gate-cam", rule="steps", direction="out")
        house.wait(5)
        assert kinds(house) == []


def test_who_tries_again_later_is_told_again_and_a_new_childs_first_track_is_somebody_else() -> None:
    joins = DoorJoins()

    def refused(camera: str, track: int, *at_ms: int) -> list[str]:
        told = []
        for at in at_ms:
            joins.face(at, camera, track)
            joins.hear(AccessDenied(door="gate", direction="in", reason="unknown", how=("card",)), at)
            told += [join.kind for join in joins.due(at)]
        return told

    assert refused("a", 1, 0, 5_000, 10_000, 15_000) == ["repeated_denial"]
    assert refused("b", 1, 16_000, 18_000) == [], "another camera's first"
    assert refused("b", 1, 20_000) == ["repeated_denial"]
    refused("a", 1, 25_000, 27_000)
    joins.forget("a")
    assert refused("a", 1, 30_000, 35_000) == [], "its numbers begin anew"
    assert refused("a", 1, 40_000) == ["repeated_denial"]
    assert refused("a", 1, 10_800_000, 10_805_000, 10_810_000) == ["repeated_denial"], "three hours later"


def test_a_face_child_that_began_anew_is_heard_of_by_the_door() -> None:
    """And the analysis of the same camera, when it is lost, takes nothing of what the face child sees."""

    @in_a_house()
    async def story(house: House) -> None:
        watching = Watching.__new__(Watching)
        watching.alerts = house.alerts
        said = watching.faces(GATE)

        def refused(times: int) -> None:
            for _ in range(times):
                said(FaceRefused(1, house.clock.up_ms, "blurred"))
                house.premises.record(AccessDenied(door="gate", direction="in", reason="unknown", how=("card",)))
                house.wait(2)

        refused(2)
        said(CameraState("lost", "started anew"))
        refused(2)
        assert kinds(house) == [], "two people, refused twice each"
        house.alerts.see("gate-cam", CameraState("lost"))
        refused(1)
        assert kinds(house) == ["repeated_denial"]


def test_the_same_face_refused_three_times() -> None:
    @in_a_house()
    async def story(house: House) -> None:
        for track in (1, 2, 2, 2, 2):
            house.alerts.see("gate-cam", FaceRefused(track, house.clock.up_ms, "blurred"))
            house.premises.record(AccessDenied(door="gate", direction="in", reason="unknown", how=("card",)))
            house.wait(5)
        assert kinds(house) == ["repeated_denial"]


def test_a_verdict_is_on_record_also_for_an_alert_of_long_ago() -> None:
    @in_a_house()
    async def story(house: House) -> None:
        house.say("begun")
        (opened,) = house.events(AlertOpened)
        again = House()
        again.journal.all = house.journal.all
        alert = opened.alert  # type: ignore[attr-defined]
        assert await again.alerts.review(alert, "false", "王芳", "a cat") == ""
        assert await again.alerts.review(alert, "perhaps", "王芳", "") == "operate.no_verdict"
        assert await again.alerts.review("a-0", "true", "王芳", "") == "operate.no_alert"
        (said,) = [event for event in again.events(AlertUpdated) if event.what == "verdict"]  # type: ignore[attr-defined]
        assert (said.verdict, said.kind) == ("false", "intrusion")  # type: ignore[attr-defined]


def test_no_alert_is_lost_while_nothing_can_be_recorded() -> None:
    """Five hundred falls while the disk is full: all of them are told when there is room again."""

    @in_a_house()
    async def story(house: House) -> None:
        house.journal.full = True
        for n in range(500):
            house.say("begun", "falling_object", f"f-{n}")
        await asyncio.sleep(0.05)
        assert house.told() == []
        house.journal.full = False
        house.premises._catch_up()
        assert house.told().count("opened") == 500


def test_news_of_a_warnings_evidence_is_a_warning() -> None:
    @in_a_house()
    async def story(house: House) -> None:
        house.say("begun", "loitering")
        evidence = house.memory.orders[-1].evidence
        await house.desk.take(Piece(evidence, b"clip"))
        await house.desk.take(ClipDone(evidence, None, ""))
        house.desk.recorders.clear()
        house.say("begun", "wrong_way")
        opened, news = house.events(AlertOpened), house.events(AlertUpdated)
        assert [(event.what, event.level) for event in news] == [("evidence", "warning"), ("no_evidence", "warning")]
        assert {event.level for event in opened} == {"warning"}


def test_a_clip_goes_on_with_its_event_however_soon_after_it_it_ends() -> None:
    """What goes on is said every five seconds, its end four seconds after it: until then the clip does not end."""

    @in_a_house()
    async def story(house: House) -> None:
        house.desk.policy = EvidencePolicy(pre_s=2, post_s=2, longest_s=120)
        house.say("begun")
        for _ in range(5):
            asked = house.memory.orders[-1]
            house.wait(5)
            assert house.clock.up_ms < asked.to_ms, "its recorder has not ended it"
            house.say("going")
        house.wait(4)
        house.say("over")
        over_ms = house.clock.up_ms
        assert over_ms <= house.memory.orders[-1].to_ms <= over_ms + 2_000, "and then it does"
        assert len({order.evidence for order in house.memory.orders}) == 1


def test_who_comes_back_within_one_alert_is_kept_also_after_its_clip_has_ended() -> None:
    """`post_s` is shorter than the ten seconds after which an alert is over."""

    @in_a_house()
    async def story(house: House) -> None:
        house.desk.policy = EvidencePolicy(pre_s=2, post_s=2, longest_s=120)
        house.say("begun")
        house.wait(5)
        house.say("over")
        first = house.memory.orders[-1]
        house.wait(4)
        await house.desk.take(Piece(first.evidence, b"clip"))
        await house.desk.take(
            ClipDone(first.evidence, msgspec.structs.replace(STREAM, to_ms=first.to_ms), to_ms=first.to_ms)
        )
        house.wait(3)
        house.say("begun", incident="i-2")
        house.wait(5)
        house.say("going", incident="i-2")
        assert len(house.events(AlertOpened)) == 1
        second = house.memory.orders[-1]
        assert second.evidence != first.evidence
        assert second.to_ms > house.clock.up_ms


def test_what_may_be_heard_again_is_not_heard_outside_its_hours() -> None:
    @in_a_house(schedules={"lawn": "always"})
    async def story(house: House) -> None:
        house.premises.remember(house.alerts.mute("all", 60, "wang", ""))
        house.say("begun")
        never = {"always": Schedule("always", ()), "never": Schedule("never", ())}
        house.books.current = msgspec.structs.replace(house.books.current, schedules=MappingProxyType(never))
        for _ in range(20):
            house.wait(5)
            house.say("going")
        assert [event.quiet for event in house.events(AlertOpened)] == [True]


def test_two_open_alerts_of_one_rule_are_both_closed() -> None:
    """Killed after the alert that is heard was opened and before the one that was only recorded was closed."""

    @in_a_house()
    async def story(house: House) -> None:
        at = At.of(house.premises.now())
        about = ("yard", "lawn", "intrusion", "", "alarm", at)
        house.premises.remember(OpenAlert("a-1", *about, quiet=True), OpenAlert("a-2", *about))
        house.alerts.restore()
        house.wait(60)
        assert {event.alert for event in house.events(AlertClosed)} == {"a-1", "a-2"}


def test_a_case_that_was_closed_while_the_journal_took_nothing_does_not_rise_again() -> None:
    @in_a_house()
    async def story(house: House) -> None:
        house.journal.full = True
        house.say("begun", "falling_object", "f-1", fall=FALL)
        (alarm,) = house.premises.standing.cases
        await asyncio.sleep(0.01)
        assert house.premises.answer("acknowledged", alarm, "wang") == ""
        assert house.premises.answer("closed", alarm, "wang", outcome="false", why="a bird") == ""
        await asyncio.sleep(0.01)
        house.journal.full = False
        house.premises._catch_up()
        await asyncio.sleep(0.01)
        assert {"alert.opened", "alarm.closed"} <= set(house.journal.tags())
        assert house.premises.standing.cases == {}
        assert not [change for change in house.journal.changes if isinstance(change, Case) and change.step != "closed"]
