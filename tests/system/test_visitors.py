"""Visitors at the gate of the daemon itself: a desk with an ID-card reader, a QR scanner and a keypad, all on ptys."""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from edge_agent.drivers.profiles import load_profile
from edge_agent.failpoint import DIED, VARIABLE
from edge_agent.protocols.codec import encode_message
from edge_agent.sim.estate import DOOR, Estate
from edge_agent.sim.process import Process, module
from tests.system.site import estate, journal, known_to_the_city, listens, log_of, ready, show_card
from tests.waiting import auntil

# The machine a test runs on may have a clock that nobody trusts; a pass would then let nobody in.
MORE = """
[policy]
untrusted_clock = "allow_timed"

[[link]]
name = "desk-line"
url = "sim://desk"

[[desk]]
name = "reception"
profile = "id-readers/sdt"
link = "desk-line"
""" + "".join(
    f"""
[[link]]
name = "{name}-line"
url = "sim://{name}"

[[terminal]]
name = "{name}"
profile = "{profile}"
link = "{name}-line"
door = "{DOOR}"
"""
    for name, profile in (("keypad", "keypads/wiegand-4bit"), ("scanner", "scanners/gm65"))
)
ROUNDS = """
[[patrol_point]]
name = "garage"
tag = "P-7"

[[patrol_point]]
name = "gate"
terminal = "north-in"

[[patrol_route]]
name = "all-day"
points = ["garage", "gate"]
times = ["00:00"]
within_min = 1440
by = ["resident"]
"""
CARD = {"name": "张三丰", "number": "11010519491231002X", "birth": "19491231", "from": "20200101", "until": "长期"}


class Gate:
    """The estate with its devices, and what a guard at the command line sees."""

    def __init__(self, site: Estate, desk: Process, keypad: Process, scanner: Process) -> None:
        self.site, self.desk, self.keypad, self.scanner = site, desk, keypad, scanner

    async def visit(self, *arguments: object) -> str:
        return await self.site.command("visit", *arguments, "--by", "王芳")

    def events(self, tag: str, **fields: Any) -> list[dict[str, Any]]:
        bodies = [json.loads(row.body) for row in journal(self.site) if row.tag == tag]
        return [body for body in bodies if all(body.get(name) == value for name, value in fields.items())]

    async def told(self, tag: str, **fields: Any) -> dict[str, Any]:
        found = await auntil(lambda: self.events(tag, **fields), 20, what=lambda: (tag, fields, self.all()))
        return found[-1]

    def all(self) -> list[tuple[str, bytes]]:
        return [(row.tag, row.body) for row in journal(self.site)]

    async def scan(self, text: str, tag: str, **fields: Any) -> dict[str, Any]:
        """Show a code until it is answered: a line that has just come up lets nobody in."""
        before = len(self.events(tag, **fields))

        async def again() -> None:
            while len(self.events(tag, **fields)) == before:
                self.scanner.tell(do="bytes", hex=(text.encode() + b"\r").hex())
                with contextlib.suppress(AssertionError):
                    await auntil(lambda: len(self.events(tag, **fields)) > before, 3)

        try:
            await asyncio.wait_for(again(), 40)
        except TimeoutError:
            raise AssertionError((tag, fields, self.all())) from None
        return self.events(tag, **fields)[-1]

    async def listed(self, text: str) -> str:
        """What the desk answers, once there is one."""
        await auntil(lambda: listens(self.site), 20, lambda: log_of(self.site)[-1500:])
        async with asyncio.timeout(20):
            while True:
                with contextlib.suppress(RuntimeError):
                    return await self.site.command("visit", "list", text)

    def type(self, digits: str) -> None:
        profile = load_profile("keypads/wiegand-4bit")
        for key in digits + "#":
            self.keypad.tell(do="bytes", hex=encode_message(profile, "keys", keys=key).hex())


@contextlib.asynccontextmanager
async def gate(folder: Path, more: str = "") -> AsyncIterator[Gate]:
    async with estate(folder) as site:
        text = site.config.read_text("utf-8").replace('ways = [["card"]', 'ways = [["card"], ["qr"]')
        site.config.write_text(text + MORE + more, "utf-8")
        devices = [
            Process(
                name, module(f"edge_agent.sim.{sim}", "--pty", site.state / "sim" / name), site.logs / f"{name}.log"
            )
            for name, sim in (("desk", "sdt_reader"), ("keypad", "serialdevice"), ("scanner", "serialdevice"))
        ]
        try:
            await asyncio.gather(*(device.start() for device in devices), site.agent.start())
            await ready(site)
            yield Gate(site, *devices)
        finally:
            await asyncio.gather(*(device.stop() for device in devices))


def id_of(said: str) -> str:
    found = re.search(r"v-[0-9a-f]{12}", said)
    assert found, said
    return found.group()


def code_of(said: str) -> str:
    found = re.search(r"code: (\d{8})", said)
    assert found, said
    return found.group(1)


def test_a_visitors_way_from_the_invitation_to_the_street(tmp_path: Path) -> None:
    async def story() -> None:
        async with gate(tmp_path / "e", ROUNDS) as here:
            said = await here.visit("add", "李雷", "--host", "p-0001", "--phone", "13812345678", "--plate", "皖A12345")
            first, code = id_of(said), code_of(said)
            expected = await here.told("visit.expected", visit=first)
            assert (expected["house"], expected["doors"], expected["by"]) == ("3-1-502", [DOOR], "local/王芳")
            text = (await here.site.command("visit", "pass", first)).splitlines()[0]
            assert text.startswith("SCP1.")

            badge, picture = tmp_path / "badge.html", tmp_path / "pass.png"
            for file in (badge, picture):
                await here.site.command("visit", "pass", first, "-o", file)
            assert code[:4] in badge.read_text("utf-8")
            assert picture.read_bytes().startswith(b"\x89PNG")

            # The pass opens, and who goes through has arrived.
            granted = await here.scan(text, "access.granted", person=first)
            assert (granted["rule"], granted["category"], granted["how"]) == (f"visit/{first}", "visitor", ["qr"])
            arrived = await here.told("visit.arrived", visit=first)
            assert arrived["by"] == f"door/{DOOR}"

            # The digits stand for it on a keypad, at a door that takes no PIN.
            granted_before = len(here.events("access.granted", person=first))
            here.type(code)
            await auntil(lambda: len(here.events("access.granted", person=first)) > granted_before, 20)
            here.type("00000000")
            assert (await here.told("access.denied", terminal="keypad"))["reason"] == "invalid_pin"

            # Checked out, and the pass is worth nothing.
            await here.visit("leave", code)
            assert (await here.told("visit.left", visit=first))["by"] == "local/王芳"
            denied = await here.scan(text, "access.denied", person=first)
            assert denied["reason"] == "revoked"
            assert first in await here.site.command("visit", "list", "--ended", "5678")

            # A card on the desk's reader fills the form; nothing of it is stored before it is checked in.
            here.desk.tell(do="put", **CARD)
            shown = ""
            async with asyncio.timeout(20):
                while CARD["name"] not in shown:
                    shown = await here.site.command("visit", "desk", "reception")
            assert f"{CARD['name']} 110105**********2X" in shown
            second = id_of(await here.visit("walk-in", "--desk", "reception", "--host", "p-0001"))
            assert (await here.told("visit.arrived", visit=second))["by"] == "local/王芳"
            assert "110105**********2X" not in await here.site.command("visit", "desk", "reception")
            assert CARD["name"] in await here.site.command("visit", "list", "--inside")

            # Barred by that document: refused in words for the guard alone, and nothing is stored.
            await here.visit("leave", second)
            assert "张三丰" in await here.visit("blacklist", "add", "--visit", second, "--reason", "偷盗")
            with pytest.raises(RuntimeError, match="偷盗"):
                await here.visit("walk-in", "张三", "--number", CARD["number"], "--house", "3-1-502")
            assert (await here.told("visit.refused", reason="blacklisted"))["by"] == "local/王芳"

            # The guards' own work: a tag at the desk, the guard's card at the door's reader, a hazard, duty.
            assert "garage" in await here.site.command("patrol", "scan", "P-7", "--by", "王芳")
            show_card(here.site)
            assert (await here.told("patrol.done", point="gate"))["by"] == "p-0001"
            hazard = await here.site.command("hazard", "report", "fire", "B1", "灭火器过期", "--by", "王芳")
            assert (await here.told("hazard.reported", place="B1"))["hazard"] in hazard
            assert "灭火器过期" in await here.site.command("hazard", "list")
            await here.site.command("duty", "begin", "北门", "--by", "王芳")
            assert "北门" in await here.site.command("duty", "list")
            await here.told("duty.begun", post="北门")

            # What left this machine, and what its disk and log hold, names nobody.
            secret = [CARD["name"], CARD["number"], "李雷", "13812345678", "偷盗", "110105**********2X", "灭火器"]
            told = b"".join(body for _, body in here.all()).decode()
            assert not [word for word in secret if word in told + log_of(here.site)]
            await here.site.agent.stop()
            disk = b"".join(file.read_bytes() for file in here.site.state.glob("people.db*"))
            assert not [word for word in secret[:-1] if word.encode() in disk]

    asyncio.run(story())


def test_the_host_answers_from_the_city_and_the_pass_opens(tmp_path: Path) -> None:
    """Asked at the gate, answered on a telephone: a signed command over the broker, once."""

    async def story() -> None:
        async with gate(tmp_path / "e") as here:
            site = here.site
            assert site.broker is not None
            site.city.arguments = module(
                "edge_agent", "city", "run", "--folder", site.city_folder, "--broker", site.broker.url,
                "--mqtt", site.broker.mqtt,
            )  # fmt: skip
            await site.city.start()
            await known_to_the_city(site)

            async def answer(visit: str, said: str) -> str:
                return await site.command(
                    "city", "send", "G0417", "answer_visit", "--folder", site.city_folder, "--broker", site.broker.url,
                    "--mqtt", site.broker.mqtt, "--issuer", "residents-app",
                    "--args", json.dumps({"visit": visit, "answer": said}),
                )  # fmt: skip

            asked = id_of(await here.visit("add", "李雷", "--host", "p-0001", "--ask"))
            assert (await here.told("visit.expected", visit=asked))["confirm"] == "asked"
            text = (await site.command("visit", "pass", asked)).splitlines()[0]
            await here.scan(text, "access.denied", person=asked)
            await answer(asked, "confirmed")
            await here.told("visit.expected", visit=asked, confirm="confirmed")
            await here.told("command.completed", issuer="residents-app")
            await here.scan(text, "access.granted", person=asked)
            with pytest.raises(RuntimeError):
                await answer(asked, "declined")
            other = id_of(await here.visit("add", "韩梅梅", "--host", "p-0001", "--ask"))
            await answer(other, "declined")
            await here.told("visit.expected", visit=other, confirm="declined")
            text = (await site.command("visit", "pass", other)).splitlines()[0]
            await here.scan(text, "access.denied", person=other)

    asyncio.run(story())


def test_a_hazard_and_a_duty_are_whole_or_not_there_after_a_kill(tmp_path: Path) -> None:
    async def story() -> None:
        async with gate(tmp_path / "e") as here:
            agent = here.site.agent

            async def died_at(point: str, *words: object) -> str:
                await agent.stop()
                agent.env[VARIABLE] = point
                await agent.start()
                await here.listed("")
                with pytest.raises(RuntimeError):
                    await here.site.command(*words, "--by", "王芳")
                assert await agent.ended(20) == DIED
                agent.env[VARIABLE] = ""
                await agent.start()
                await here.listed("")
                return await here.site.command("hazard", "list")

            report = ("hazard", "report", "blocked_exit", "2-1", "杂物")
            assert "2-1" not in await died_at("round.before", *report)
            assert "2-1" in await died_at("round.after", *report)
            await here.told("hazard.reported", place="2-1")
            assert len(here.events("hazard.reported")) == 1
            assert "北门" not in await died_at("round.before", "duty", "begin", "北门")
            assert "北门" not in await here.site.command("duty", "list")
            await died_at("round.after", "duty", "begin", "北门")
            assert "北门" in await here.site.command("duty", "list")
            await here.told("duty.begun", post="北门")
            assert len(here.events("duty.begun")) == 1

    asyncio.run(story())


def test_what_was_accepted_is_there_after_a_kill(tmp_path: Path) -> None:
    async def story() -> None:
        async with gate(tmp_path / "e") as here:
            agent = here.site.agent
            for point, kept in (("visit.before", False), ("visit.after", True)):
                await agent.stop()
                agent.env[VARIABLE] = point
                await agent.start()
                await here.listed("")
                with pytest.raises(RuntimeError):
                    await here.visit("walk-in", "韩梅梅", "--house", "1-1-000", "--company", point)
                assert await agent.ended(20) == DIED
                agent.env[VARIABLE] = ""
                await agent.start()
                listed = await here.listed(point)
                assert ("韩梅梅" in listed) is kept
            visit = id_of(listed)
            await here.told("visit.arrived", visit=visit)
            assert len(here.events("visit.arrived", visit=visit)) == 1

    asyncio.run(story())
