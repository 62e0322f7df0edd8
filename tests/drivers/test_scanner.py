"""QR scanners: codes made by one library, drawn, read off the picture by another, then played over a pty."""

import asyncio
import itertools
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
import segno
import zxingcpp

from edge_agent.drivers.profiles import load_profile
from edge_agent.drivers.repeats import Repeats
from edge_agent.drivers.terminal import SerialTerminal
from edge_agent.model.doors import DeviceReport
from edge_agent.model.reads import Code, Keys, Read
from edge_agent.model.site import Terminal
from tests.drivers.cables import Cable
from tests.drivers.rig import Device, UpClock, simulated, states, with_job
from tests.waiting import auntil

ACK = bytes.fromhex("02 00 00 01 00 33 31")
CODES = {
    "text": b"eyJhbGciOiJFZERTQSJ9.eyJqdGkiOiJ2LTEifQ.c2lnbmF0dXJl",
    "GBK": "访客 张三".encode("gbk"),
    "binary": bytes(byte for byte in range(256) if byte not in (0x0A, 0x0D)),
    "the longest": b"A0b" * 984 + b"Z",
}


def seen(payload: bytes) -> bytes:
    """What a camera's decoder makes of the code for `payload`, drawn with its quiet zone at 4 pixels a module."""
    drawn = segno.make(payload, mode="byte", error="L", boost_error=False, micro=False)
    modules = np.array([[255 * (not dark) for dark in row] for row in drawn.matrix_iter(border=4)], np.uint8)
    (found,) = zxingcpp.read_barcodes(modules.repeat(4, 0).repeat(4, 1))
    return bytes(found.bytes)


class Bench:
    def __init__(self, profile: str, folder: Path, device: Device) -> None:
        self.device = device
        self.reads: list[Read] = []
        self.reports: list[DeviceReport] = []
        self.driver = SerialTerminal(
            Terminal(name="here", profile=profile, link="l", door="d"), load_profile(profile), "sim://port", UpClock(),
            self.reads.append, self.reports.append, folder,
        )  # fmt: skip

    def send(self, data: bytes, size: int = 0) -> None:
        self.device.tell("bytes", hex=data.hex(), size=size)

    async def codes(self, *wanted: bytes) -> None:
        await auntil(lambda: len(self.reads) >= len(wanted), what=lambda: (len(self.reads), self.reports))
        assert [read.credential for read in self.reads] == [Code(code) for code in wanted]


def on_bench(profile: str, folder: Path, story: Callable[[Bench], Awaitable[None]]) -> None:
    async def ready(bench: Bench) -> None:
        await auntil(lambda: bench.driver.usable("here"))
        await story(bench)

    with simulated("serialdevice", folder / "port") as device:
        bench = Bench(profile, folder, device)
        with_job(bench.driver.run, lambda: ready(bench))


class CommandMode:
    """A GM65 in command mode on a pty, after its manual: looks only when told, for `looks_s` or one code."""

    def __init__(self, path: Path, looks_s: float) -> None:
        self.cable, self.looks_s = Cable(path), looks_s
        self.triggers = 0
        self._until = 0.0
        asyncio.get_running_loop().add_reader(self.cable.near, self._told)

    def _told(self) -> None:
        assert os.read(self.cable.near, 100) == bytes.fromhex("7E 00 08 01 00 02 01 AB CD")
        self.triggers += 1
        self._until = asyncio.get_running_loop().time() + self.looks_s
        os.write(self.cable.near, ACK)

    def see(self, code: bytes) -> bool:
        """Somebody holds a code there; whether it looked."""
        if asyncio.get_running_loop().time() > self._until:
            return False
        self._until = 0.0
        os.write(self.cable.near, code + b"\r")
        return True

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.cable.near)
        self.cable.close()


def test_a_scanner_in_command_mode_is_told_to_look_again_and_again(tmp_path: Path) -> None:
    """At once after a code, after its time without one, and after its cable came back."""

    async def run() -> None:
        module = CommandMode(tmp_path / "port", looks_s=0.4)
        profile = load_profile("scanners/gm65-command")
        quick = msgspec.structs.replace(profile.scanner, trigger_s=0.5, repeat_s=0.0)
        reads: list[Read] = []
        driver = SerialTerminal(
            Terminal(name="here", profile=profile.id, link="l", door="d"),
            msgspec.structs.replace(profile, scanner=quick),
            f"serial://{module.cable.path}", UpClock(), reads.append, lambda report: None, tmp_path,
        )  # fmt: skip
        job = asyncio.ensure_future(driver.run(lambda: None))
        await auntil(lambda: driver.usable("here"))
        for count in range(1, 4):
            await auntil(lambda: module.see(b"A-%d" % count))  # noqa: B023
            await auntil(lambda: len(reads) == count)  # noqa: B023
        assert [read.credential for read in reads] == [Code(b"A-1"), Code(b"A-2"), Code(b"A-3")]
        before = module.triggers
        await auntil(lambda: module.triggers >= before + 2)  # in vain, twice
        asyncio.get_running_loop().remove_reader(module.cable.near)
        module.cable.pull()
        await auntil(lambda: not driver.usable("here"))
        module.cable.plug()
        asyncio.get_running_loop().add_reader(module.cable.near, module._told)
        await auntil(lambda: driver.usable("here"))
        await auntil(lambda: module.see(b"B"))
        await auntil(lambda: len(reads) == 4)
        assert not reads[-1].stale
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)
        module.close()

    asyncio.run(run())


@pytest.mark.parametrize("what", CODES)
@pytest.mark.parametrize(
    ("profile", "before", "after"),
    [
        ("scanners/gm65", ACK, b"\r"),
        ("scanners/gm65", b"", b"\r\n"),
        ("scanners/gm65", ACK, b""),
        ("scanners/generic-crlf", b"", b"\n"),
        ("scanners/idle", b"", b""),
    ],
)
def test_what_a_decoder_reads_off_a_picture_arrives(
    what: str, profile: str, before: bytes, after: bytes, tmp_path: Path
) -> None:
    code = seen(CODES[what])
    assert code == CODES[what]

    async def story(bench: Bench) -> None:
        bench.send(before + code + after)
        await bench.codes(code)
        assert bench.reports == []
        assert "Code(…)" in repr(bench.reads[0])

    on_bench(profile, tmp_path, story)


def test_two_codes_in_one_read_and_one_in_pieces(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.send(ACK + b"one\r" + ACK + b"two\r\n")
        await bench.codes(b"one", b"two")
        bench.send(b"three\r\n", size=3)
        await bench.codes(b"one", b"two", b"three")

    on_bench("scanners/gm65", tmp_path, story)


def test_the_same_code_at_once_again_is_one_read_and_another_code_is_not(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        for code in (b"one", b"one", b"two", b"one", b"three"):
            bench.send(code + b"\r")
        await bench.codes(b"one", b"two", b"three")

    on_bench("scanners/gm65", tmp_path, story)


def test_more_than_a_code_can_hold_is_told_and_the_next_one_read(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.send(b"A" * 100_000)
        await auntil(lambda: states(bench.reports) == ["degraded"])
        bench.send(b"\r")
        bench.send(b"next\r")
        await bench.codes(b"next")

    on_bench("scanners/generic-crlf", tmp_path, story)


def test_a_code_counts_again_once_it_was_away() -> None:
    repeats = Repeats(2.0)
    times = [0.0, 1.5, 3.0, 5.0, 5.1]
    assert [repeats.again(b"a", False, now) for now in times] == [False, True, True, False, True]
    assert not any(repeats.again(str(number).encode(), False, 6.0) for number in range(100))
    assert len(repeats._seen) == 16


def test_a_code_that_is_held_there_while_the_cable_comes_back_opens_once_reads_count(tmp_path: Path) -> None:
    """Refused as stale at first, and once, however often it is read; the next time it was taken for a repeat."""

    async def run() -> None:
        cable, reads = Cable(tmp_path / "port"), list[Read]()
        driver = SerialTerminal(
            Terminal(name="here", profile="scanners/gm65", link="l", door="d"), load_profile("scanners/gm65"),
            f"serial://{cable.path}", UpClock(), reads.append, lambda report: None, tmp_path,
        )  # fmt: skip
        job = asyncio.ensure_future(driver.run(lambda: None))
        await auntil(lambda: driver.usable("here"))
        cable.pull()
        await auntil(lambda: not driver.usable("here"))
        cable.plug()

        async def held(count: int, every_s: float) -> None:
            async with asyncio.timeout(20):
                while len(reads) < count:
                    os.write(cable.near, b"CODE-1\r")
                    await asyncio.sleep(every_s)

        await held(1, 0.1)
        await held(2, 0.5)
        assert [read.stale for read in reads] == [True, False]
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)
        cable.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("profile", "pressed", "typed"),
    [
        ("keypads/key-8bit", ["E1", "D2", "C3", "B4", "4B"], ["1234"]),
        ("keypads/key-8bit", ["E1", "5A", "D2", "00", "FF", "4B", "4B", "F0 4B"], ["2", "0"]),
        ("keypads/wiegand-buffered", [], ["0042"]),
    ],
)
def test_keys_become_an_entry(profile: str, pressed: list[str], typed: list[str], tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        if not pressed:
            bench.send(bytes.fromhex(load_profile(profile).example[1].bytes))
        for key in pressed:
            bench.send(bytes.fromhex(key))
        await auntil(lambda: len(bench.reads) == len(typed))
        assert [read.credential for read in bench.reads] == [Keys(digits) for digits in typed]
        assert all(digits not in f"{bench.reads}{bench.reports}" for digits in typed if len(digits) > 1)

    on_bench(profile, tmp_path, story)


def test_digits_left_behind_by_a_lost_line_are_forgotten(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.send(bytes.fromhex("E1 E1"))
        await auntil(lambda: bench.driver._entry._digits == "11")
        bench.device.tell("vanish")
        await auntil(lambda: states(bench.reports) == ["lost"])
        bench.device.tell("appear")
        await auntil(lambda: bench.driver.usable("here"))
        bench.send(bytes.fromhex("D2 4B"))
        await auntil(lambda: [read.credential for read in bench.reads] == [Keys("2")])

    on_bench("keypads/key-8bit", tmp_path, story)


def test_single_and_repeated_reads_are_told_apart_by_time_alone() -> None:
    """A pair of codes held side by side is two people, however often they alternate."""
    repeats = Repeats(2.0)
    alternating = [repeats.again(code, False, now) for now, code in zip(itertools.count(0.0, 0.5), [b"a", b"b"] * 4)]
    assert alternating == [False, False, *[True] * 6]
