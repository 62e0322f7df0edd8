"""The ID-card reader on the desk against a simulated module in its own process, over a pty."""

import itertools
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from edge_agent.drivers.id_reader import IdReader
from edge_agent.drivers.profiles import load_profile
from edge_agent.errors import EdgeAgentError
from edge_agent.model.doors import DeviceReport
from edge_agent.model.reads import DocumentPresented
from tests.drivers.rig import Device, UpClock, simulated, states, with_job
from tests.waiting import auntil

CARD = {
    "name": "张三", "number": "11010519491231002X", "birth": "19491231", "from": "20200101", "until": "长期",
}  # fmt: skip


class Desk:
    def __init__(self, folder: Path, device: Device) -> None:
        self.device = device
        self.documents: list[DocumentPresented] = []
        self.reports: list[DeviceReport] = []
        self.driver = IdReader(
            "desk", load_profile("id-readers/sdt"), "sim://desk", UpClock(), lambda number: f"digest of {number[-4:]}",
            self.documents.append, self.reports.append, folder,
        )  # fmt: skip

    def asked(self) -> list[str]:
        return self.device.said("asked")

    async def read(self, count: int) -> None:
        await auntil(lambda: len(self.documents) == count, what=lambda: (self.asked(), states(self.reports)))

    async def finds(self, count: int = 2) -> None:
        """So many more times the module was asked for a card."""
        before = self.asked().count("find")
        await auntil(lambda: self.asked().count("find") >= before + count)


def at_desk(folder: Path, story: Callable[[Desk], Awaitable[None]]) -> None:
    with simulated("sdt_reader", folder / "desk") as device:
        desk = Desk(folder, device)
        with_job(desk.driver.run, lambda: story(desk))


def test_a_card_is_read_once_and_again_when_it_was_taken_away(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def story(desk: Desk) -> None:
        desk.device.tell("put", **CARD)
        await desk.read(1)
        await desk.finds(3)
        assert len(desk.documents) == 1
        desk.device.tell("take")
        await desk.finds()
        desk.device.tell("put", **CARD)
        await desk.read(2)
        document = desk.documents[0].document
        assert (document.name, document.masked) == ("张三", "110105**********2X")
        assert (document.digest, document.valid_until, document.doubts) == ("digest of 002X", None, ())
        assert desk.reports == []
        await auntil(lambda: desk.asked().count("read") == 2)  # what it says of itself may be read later

    at_desk(tmp_path, story)
    assert "张三" not in caplog.text
    assert "110105" not in caplog.text


def test_the_module_is_asked_for_a_card_no_more_than_every_300_ms(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        await desk.finds(4)
        times = [line["t_ns"] for line in desk.device.lines if line.get("asked") == "find"]
        assert min(later - earlier for earlier, later in itertools.pairwise(times)) >= 290_000_000

    at_desk(tmp_path, story)


@pytest.mark.parametrize("trouble", ["select", "read", "pull", "xor", "header"])
def test_after_trouble_the_card_is_read_when_it_was_taken_away_and_put_back(trouble: str, tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        await desk.finds(1)
        desk.device.tell("trouble", **{"with": trouble})
        desk.device.tell("put", **CARD)
        await desk.finds(3)
        desk.device.tell("take")
        await desk.finds(3)
        before = len(desk.documents)
        assert before == 0 or trouble in ("xor", "header")  # these may have hit an answer about an empty place
        desk.device.tell("put", **CARD)
        await desk.read(before + 1)
        assert set(states(desk.reports)) <= {"degraded"}

    at_desk(tmp_path, story)


def test_answers_in_pieces_and_garbage_between_them(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        desk.device.tell("pieces", size=50)
        for garbage in ("AA AA AA 96 69 05", "00" * 3000, "AA AA AA 96 69" * 400):
            desk.device.tell("bytes", hex=garbage)
        await desk.finds(3)
        desk.device.tell("put", **CARD)
        await desk.read(1)

    at_desk(tmp_path, story)


def test_a_module_that_falls_silent_is_lost_and_comes_back(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        await desk.finds(1)
        desk.device.tell("trouble", **{"with": "mute", "times": 4})
        await auntil(lambda: states(desk.reports) == ["lost"])
        await auntil(lambda: states(desk.reports) == ["lost", "back"])
        desk.device.tell("vanish")
        await auntil(lambda: states(desk.reports) == ["lost", "back", "lost"])
        desk.device.tell("appear")
        await auntil(lambda: states(desk.reports) == ["lost", "back", "lost", "back"])
        desk.device.tell("put", **CARD)
        await desk.read(1)

    at_desk(tmp_path, story)


def test_a_profile_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EdgeAgentError, match="ID-card"):
        IdReader(
            "desk", load_profile("readers/text-stx"), "sim://x", UpClock(), str,
            lambda document: None, lambda report: None, tmp_path,
        )  # fmt: skip
