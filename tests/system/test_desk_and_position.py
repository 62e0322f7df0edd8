"""The daemon with an ID-card reader on the visitor desk and a satellite receiver, each simulated in its own process."""

import asyncio
from pathlib import Path

from edge_agent.sim.process import Process, module
from tests.system.site import estate, journal, log_of, ready
from tests.waiting import auntil

MORE = """
[[link]]
name = "desk-line"
url = "sim://desk"

[[desk]]
name = "reception"
profile = "id-readers/sdt"
link = "desk-line"

[[link]]
name = "gps-line"
url = "sim://gps"

[[sensor]]
name = "position"
profile = "sensors/gps-nmea"
link = "gps-line"
"""
CARD = {"name": "张三", "number": "11010519491231002X", "birth": "19491231", "from": "20200101", "until": "长期"}
RMC = "$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A\r\n"


def test_the_daemon_serves_a_visitor_desk_and_a_receiver_and_says_when_they_are_gone(tmp_path: Path) -> None:
    async def story() -> None:
        async with estate(tmp_path / "e") as site:
            site.config.write_text(site.config.read_text("utf-8") + MORE, "utf-8")
            site.agent.arguments += ["--log-level", "DEBUG"]
            desk, gps = (
                Process(name, module(f"edge_agent.sim.{sim}", "--pty", site.state / "sim" / name), site.logs / name)
                for name, sim in (("desk", "sdt_reader"), ("gps", "serialdevice"))
            )
            try:
                await asyncio.gather(desk.start(), gps.start(), site.agent.start())
                await ready(site)
                desk.tell(do="put", **CARD)
                await auntil(lambda: "reception: an identity document was read" in log_of(site), timeout=15)

                def placed() -> bool:
                    gps.tell(do="bytes", hex=RMC.encode("ascii").hex())
                    return "position: 0 satellites" in log_of(site)

                await auntil(placed, timeout=15)
                await asyncio.gather(desk.stop(), gps.stop())

                def lost() -> set[tuple[str, str]]:
                    rows = [row.event for row in journal(site) if row.tag == "device.lost"]
                    return {(event.device, event.kind) for event in rows}  # type: ignore[union-attr]

                wanted = {("reception", "id-reader"), ("position", "position")}
                await auntil(lambda: lost() == wanted, timeout=15, what=lost)
                await asyncio.gather(desk.start(), gps.start())

                def back() -> set[str]:
                    gps.tell(do="bytes", hex=RMC.encode("ascii").hex())
                    rows = [row.event for row in journal(site) if row.tag == "device.back"]
                    return {event.device for event in rows}  # type: ignore[union-attr]

                await auntil(lambda: back() == {"reception", "position"}, timeout=15)
                said = log_of(site)
                assert not [secret for secret in (CARD["name"], CARD["number"], "4807", "48.1") if secret in said]
            finally:
                await asyncio.gather(desk.stop(), gps.stop())

    asyncio.run(story())
