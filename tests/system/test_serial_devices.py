"""Serial terminals of several kinds at one door of the daemon itself."""

import asyncio
import json
from contextlib import suppress
from pathlib import Path

from edge_agent.drivers.profiles import load_profile
from edge_agent.protocols.codec import encode_message
from edge_agent.protocols.wiegand import parse_entry
from edge_agent.sim.estate import DOOR
from edge_agent.sim.process import Process, module
from tests.system.site import RESIDENT, estate, journal, ready
from tests.waiting import auntil

MORE = "".join(
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
    for name, profile in (("bridge", "keypads/wiegand-4bit"), ("scanner", "scanners/gm65"))
)


def test_a_wiegand_card_opens_and_a_strange_code_and_pin_do_not(tmp_path: Path) -> None:
    async def story() -> None:
        async with estate(tmp_path / "e") as site:
            text = site.config.read_text("utf-8").replace('ways = [["card"]', 'ways = [["card"], ["qr"], ["pin"]')
            site.config.write_text(text + MORE, "utf-8")
            devices = [
                Process(
                    name,
                    module("edge_agent.sim.serialdevice", "--pty", site.state / "sim" / name),
                    site.logs / f"{name}.log",
                )
                for name in ("bridge", "scanner")
            ]
            bridge, scanner = devices
            try:
                await asyncio.gather(*(device.start() for device in devices))
                await site.agent.start()
                await ready(site)
                mark = len(site.gate.lines)
                profile = load_profile("keypads/wiegand-4bit")
                card = parse_entry(RESIDENT, "H10301")
                frame = encode_message(profile, "card", number=f"{card.raw:026b}").hex()

                for _ in range(20):  # while the daemon does not know its line to be quiet, a card is stale
                    bridge.tell(do="bytes", hex=frame)
                    with suppress(TimeoutError):
                        await site.gate.line(lambda line: line.get("relay") == "on", mark, timeout=1.0)
                        break
                else:
                    raise AssertionError("the card did not open")
                scanner.tell(do="bytes", hex=b"https://example.org/\r".hex())
                for key in "4711#":
                    bridge.tell(do="bytes", hex=encode_message(profile, "keys", keys=key).hex())

                def refused() -> set[str]:
                    bodies = [json.loads(row.body) for row in journal(site) if row.tag == "access.denied"]
                    fresh = [body for body in bodies if body.get("reason") != "stale_read"]
                    return {str(body.get("terminal")) for body in fresh} & {"scanner", "bridge"}

                await auntil(lambda: refused() == {"scanner", "bridge"}, timeout=15.0, what=refused)
                log = site.agent.log.read_text("utf-8")
                assert "4711" not in log
                assert "example.org" not in log
            finally:
                for device in devices:
                    await device.stop()

    asyncio.run(story())
