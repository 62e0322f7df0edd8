"""In a network namespace of its own: a serial server, a reader behind it, and an interface that goes down and up."""

import asyncio
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from edge_agent.drivers.profiles import load_profile
from edge_agent.drivers.terminal import SerialTerminal
from edge_agent.model.doors import DeviceReport
from edge_agent.model.reads import Read
from edge_agent.model.site import Terminal
from tests.drivers.rig import UpClock
from tests.waiting import auntil

FRAME = bytes.fromhex("02 30 30 30 30 30 41 42 43 44 45 46 37 03")
SIDE = Terminal(name="side-in", profile="readers/text-stx", link="l", door="side")


def network(state: str) -> None:
    subprocess.run(["ip", "link", "set", "lo", state], check=True)


async def main() -> None:
    network("up")
    reads: list[Read] = []
    reports: list[DeviceReport] = []
    clients: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: clients.append(writer), "127.0.0.1", 0)
    url = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    terminal = SerialTerminal(
        SIDE, load_profile(SIDE.profile), url, UpClock(), reads.append, reports.append, Path("/nowhere")
    )
    job = asyncio.ensure_future(terminal.run(lambda: None))
    await auntil(lambda: terminal.usable("side-in"))
    network("down")
    await auntil(lambda: [report.state for report in reports] == ["lost"], 20.0, lambda: reports)
    print("lost", flush=True)
    network("up")
    await auntil(lambda: [report.state for report in reports] == ["lost", "back"], 10.0, lambda: reports)
    print("back", flush=True)
    clients[-1].write(FRAME)
    await auntil(lambda: bool(reads))
    print("card", flush=True)
    job.cancel()
    await asyncio.gather(job, return_exceptions=True)
    server.close()


asyncio.run(main())
