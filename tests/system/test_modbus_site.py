"""The daemon with its gate and a vapour sensor on one Modbus line, each device simulated in its own process."""

import asyncio
import re
from pathlib import Path
from typing import Any

from edge_agent.model.events import AlertClosed, AlertOpened
from edge_agent.sim.process import Process, module
from tests.system.site import estate, journal, log_of, ready, show_card, tags
from tests.waiting import auntil

GATE = 'gate = { link = "gate-line", profile = "gates/waveshare-8d", relay = 0, contact = 0, exit = 1 }'
SENSOR = """
[[sensor]]
name = "vapour"
profile = "sensors/vapour-lel"
link = "gate-line"
place = "boiler room"
"""


def test_a_card_opens_through_a_relay_board_and_vapour_raises_an_alert(tmp_path: Path) -> None:
    async def story() -> None:
        async with estate(tmp_path / "e") as site:
            text = site.config.read_text("utf-8").replace("sim://gate", "sim://bus")
            site.config.write_text(re.sub(r"gate = \{.*\}", GATE, text) + SENSOR)
            line = ["--pty", site.state / "sim/bus", "--unit", "1=waveshare", "--unit", "3=sensor"]
            bus = Process("bus", module("edge_agent.sim.modbus_board", *line), site.logs / "bus.log", site.agent.env)
            await bus.start()
            try:
                await bus.line(lambda line: "ready" in line)
                bus.tell(do="register", unit=3, address=0, value=10)
                await site.agent.start()
                await ready(site)
                await _card(site, bus)
                bus.tell(do="register", unit=3, address=0, value=321)
                await auntil(lambda: "alert.opened" in tags(site), what=lambda: log_of(site))
                opened = next(row.event for row in journal(site) if row.tag == "alert.opened")
                assert isinstance(opened, AlertOpened)
                assert (opened.level, opened.value, opened.place) == ("alarm", 32.1, "boiler room")
                bus.kill()
                await auntil(lambda: tags(site).count("device.lost") == 2, timeout=20, what=lambda: log_of(site))
                await bus.stop()
                await bus.start()
                bus.tell(do="register", unit=3, address=0, value=0)
                await auntil(lambda: tags(site).count("device.back") == 2, timeout=20, what=lambda: log_of(site))
                await auntil(lambda: "alert.closed" in tags(site), what=lambda: log_of(site))
                closed = next(row.event for row in journal(site) if row.tag == "alert.closed")
                assert isinstance(closed, AlertClosed)
                assert closed.alert == opened.alert
                await _card(site, bus)
            finally:
                await bus.stop()

    asyncio.run(story())


async def _card(site: Any, bus: Process) -> None:
    mark, passed = len(bus.lines), tags(site).count("access.taken")
    show_card(site)
    relay = await bus.line(lambda line: line.get("relay") == 0 and line["on"], mark)
    assert relay["seconds"]
    await auntil(lambda: tags(site).count("access.taken") > passed, what=lambda: log_of(site))
