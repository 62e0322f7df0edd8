"""Trouble is said once when it begins and once when it ends, and at most once a minute while it goes on."""

import asyncio
import re
from pathlib import Path

from edge_agent.cli.describe import describe
from edge_agent.errors import DeviceUnavailable
from edge_agent.flows.alarm import AGAIN_AFTER_MS, Alarms
from edge_agent.model.doors import DeviceReport
from edge_agent.model.events import DeviceBack, decode_event
from edge_agent.words import LANGUAGES, WORDS, told
from tests.flows.world import MemoryClock, MemoryJournal, no_beat
from tests.waiting import auntil

ROOT = Path(__file__).parents[2]


class Watch:
    def __init__(self) -> None:
        self.clock, self.journal = MemoryClock(), MemoryJournal()
        self.alarms = Alarms(self.journal, self.clock)

    def report(self, state: str, detail: str = "") -> None:
        self.alarms.device(DeviceReport("north-in", "reader", state, detail, self.clock.up_ms))


def test_lost_once_back_once_with_the_time_between() -> None:
    async def run() -> None:
        watch = Watch()
        watch.report("back")  # it was never lost
        watch.report("lost")
        watch.report("lost")
        watch.clock.up_ms += 12_000
        watch.report("back")
        assert watch.journal.tags() == ["device.lost", "device.back"]
        back = watch.journal.all[1].event
        assert isinstance(back, DeviceBack)
        assert back.after_ms == 12_000

    asyncio.run(run())


def test_a_camera_named_like_a_reader_is_lost_by_itself() -> None:
    async def run() -> None:
        watch = Watch()
        for kind, state in (("reader", "lost"), ("camera", "lost"), ("camera", "back")):
            watch.alarms.device(DeviceReport("north-in", kind, state, "", watch.clock.up_ms))
        assert watch.journal.tags() == ["device.lost", "device.lost", "device.back"]
        assert watch.alarms.lost == ("north-in",), "the reader still is"
        watch.report("back")
        assert watch.alarms.lost == ()

    asyncio.run(run())


def test_a_trouble_that_counts_is_the_same_trouble() -> None:
    async def run() -> None:
        watch = Watch()
        for count in range(50):
            watch.report("degraded", f"{count} bad frames")
        watch.report("degraded", "the key is refused")
        assert watch.journal.tags() == ["device.degraded"] * 2
        watch.clock.up_ms += AGAIN_AFTER_MS
        watch.report("degraded", "99 bad frames")
        assert len(watch.journal.all) == 3

    asyncio.run(run())


def test_what_a_driver_said_is_read_in_chinese_too() -> None:
    async def run() -> None:
        watch = Watch()
        watch.report("lost", DeviceUnavailable("devices.port_missing", path="/dev/ttyUSB0", why="x").sentence)
        watch.report("degraded", told("devices.reader_noise", count=12, last="wrong checksum"))
        watch.report("degraded", "a sentence nobody has words for")
        for row in watch.journal.all:
            assert decode_event(row.tag, row.body) == row.event
        assert "/dev/ttyUSB0" in watch.journal.all[0].event.detail  # type: ignore[union-attr]
        english, chinese = ([describe(row, lang).detail for row in watch.journal.all] for lang in LANGUAGES)
        assert english[1] == "12 bad frames, the last: wrong checksum"
        assert chinese[1] == "12 个错误帧，最近一个：wrong checksum"
        assert chinese[0] != english[0]
        assert "/dev/ttyUSB0" in chinese[0]
        assert chinese[2] == english[2]

    asyncio.run(run())


def test_whatever_troubles_the_agent_has_words_in_both_languages() -> None:
    """Each cause that the source names, with a sentence of words/ behind it, never one put together on the spot."""
    source = [path.read_text("utf-8") for path in (ROOT / "edge_agent").rglob("*.py")]
    causes = {cause for text in source for cause in re.findall(r"\.degraded\(f?\"([^\"{]+)", text)}
    spoken = [part for text in source for part in re.findall(r"\.degraded\(f?\"[^\"]+\", (.{9})", text)]
    assert len(causes) >= 11
    assert all(any(code.startswith(f"degraded.{cause}") for code in WORDS) for cause in causes), causes
    assert not [part for part in spoken if part.startswith(('f"', '"', "str("))]


def test_a_buffer_that_fills_is_an_alarm_before_it_is_full() -> None:
    async def run() -> None:
        watch = Watch()
        watch.journal.fill = 0.85
        job = asyncio.create_task(watch.alarms.watch_buffer(no_beat))
        await auntil(lambda: watch.journal.tags() == ["agent.degraded"])
        assert b"buffer_80%" in watch.journal.all[0].body
        assert describe(watch.journal.all[0], "zh").detail == "待上报事件较多 · 日志容量的 85% 待上报平台"
        job.cancel()

    asyncio.run(run())
