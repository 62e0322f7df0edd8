"""A command from the city and a daemon that dies in the middle of it: at most one pulse, and never a second try."""

from pathlib import Path

from edge_agent.city.broker import BrokerAddress
from edge_agent.city.command import CommandDesk
from edge_agent.city.store import CityStore
from edge_agent.contract.envelope import source_of
from edge_agent.contract.signatures import load_private
from edge_agent.failpoint import DIED, VARIABLE
from edge_agent.sim.estate import DOOR, GATEWAY, Estate
from tests.system.site import journal, play
from tests.waiting import auntil

# Where it dies → how often the relay moves in all, and what is told when the daemon is back and hears the same again.
# Before the intent nothing is known of it, and it is done once when it comes again.
STORY = [
    ("intent.before", 1, ["command.completed"]),
    ("intent.after", 0, ["command.unknown", "command.refused"]),
    ("pulse.before", 0, ["command.unknown", "command.refused"]),
    ("pulse.after", 1, ["command.unknown", "command.refused"]),
    ("result.before", 1, ["command.unknown", "command.refused"]),
    ("result.after", 1, ["command.completed", "command.refused"]),
]


def test_at_most_one_pulse_wherever_the_daemon_dies(tmp_path: Path) -> None:
    async def story(site: Estate) -> None:
        assert site.broker is not None
        store = CityStore(site.city_folder / "city.db")
        key = load_private(site.city_folder / "keys/city-command.key")
        desk = CommandDesk(store, BrokerAddress(site.broker.url, site.broker.mqtt), key, "duty-officer")

        def bdseq() -> int:
            known = store.gateway(source_of(GATEWAY))
            return 0 if known is None else known.bdseq

        async def begin(failpoint: str) -> None:
            """Start the daemon, until the city has heard it."""
            before, site.agent.env[VARIABLE] = bdseq(), failpoint
            await site.agent.start()
            await auntil(lambda: bdseq() > before, 20)

        try:
            await site.open()
            await site.agent.stop()
            for point, pulses, told in STORY:
                await begin(point)
                mark, order = len(site.gate.lines), desk.make(GATEWAY, "open", DOOR)
                await desk.send(order)
                assert await site.agent.ended(20) == DIED, point
                await begin("")
                await desk.send(order)
                await auntil(lambda order=order, told=told: results(site, order.id) == told, 20)  # type: ignore[misc]
                if pulses:  # the gate's own lines come from another process
                    await site.gate.line(lambda line: line.get("relay") == "on", mark, 10)
                moved = [line for line in site.gate.lines[mark:] if line.get("relay") == "on"]
                assert len(moved) == pulses, (point, moved)
                await site.agent.stop()
        finally:
            store.close()

    play(tmp_path / "e", story)


def results(site: Estate, command: str) -> list[str]:
    rows = [row for row in journal(site) if row.tag.startswith("command.")]
    return [row.tag for row in rows if getattr(row.event, "command", "") == command]
