"""`edge-agent demo`: one simulated estate, live; with --once the scripted scenario with a verdict for each step."""

import asyncio
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import click

from edge_agent.cli.options import make_folder
from edge_agent.cli.speech import language, tell
from edge_agent.sim.broker import Kind
from edge_agent.sim.estate import Estate

NEEDED = ("obama.jpg", "obama2.jpg", "biden.jpg")


@click.command("demo")
@click.option("--once", is_flag=True, help="Play the scripted scenario and exit 0 only if every step holds.")
@click.option("--photos", type=click.Path(path_type=Path, file_okay=False), help="Folder with the test photographs.")
@click.option("--broker", type=click.Choice(["auto", "mosquitto", "embedded"]), default="auto", show_default=True)
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False), help="Keep everything in this folder.")
def command(once: bool, photos: Path | None, broker: Kind, keep: Path | None) -> None:
    """One simulated estate working: card and face at the gate, events in the city's database."""
    folder = keep or Path(tempfile.mkdtemp(prefix="edge-agent-demo-"))
    if keep and keep.exists() and any(keep.iterdir()):
        raise click.UsageError(f"{keep} is not empty")
    make_folder(folder)
    found = {name: photos / name for name in NEEDED} if photos else {}
    if not all(path.exists() for path in found.values()):
        found = {}
    if not found:
        tell("demo.no_photos")
    try:
        good = asyncio.run(_play(Estate(folder, found, broker), once))
    except (KeyboardInterrupt, asyncio.CancelledError):
        good = True
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    sys.exit(0 if good else 1)


async def _play(estate: Estate, once: bool) -> bool:
    loop, me = asyncio.get_running_loop(), asyncio.current_task()
    assert me is not None
    for number in (signal.SIGTERM, signal.SIGHUP):  # a terminal that is closed ends it as Ctrl-C does, children and all
        loop.add_signal_handler(number, me.cancel)
    try:
        await estate.build()
        await estate.open()
        if once:
            from edge_agent.cli.scenario import play

            return await play(estate)
        from edge_agent.cli.live import show

        await show(estate, language())
        return True
    finally:
        await estate.close()
