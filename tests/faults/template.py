"""What all gateways of a run share and need not be made again: people, their index, the city's keys."""

import asyncio
import os
from pathlib import Path

from edge_agent.sim.process import module

PEOPLE = 400
EXPIRED = "p-past"  # a pass that ran out at the end of 2024
EXPIRED_CARD = PEOPLE + 7
HEAD = "person_id,name,category,house,valid_from,valid_until,card,card_format,pin,phone"


def person_of(number: int) -> str:
    """Who comes as the `number`-th: everybody in turn, so that any part of the order can be recognised."""
    return f"p-{number % PEOPLE:04d}"


def card_of(index: int) -> str:
    return f"{0xA000000000 + index * 7919:010X}"


class Template:
    """`keys` and `state` are copied into every gateway; `city` is the city's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.keys, self.state, self.city = folder / "keys", folder / "state", folder / "city"

    async def build(self) -> None:
        for path in (self.keys, self.state, self.city / "keys", self.city / "gateways"):
            path.mkdir(parents=True, mode=0o700)
        config = self.folder / "agent.toml"
        await asyncio.gather(
            self._command("keys", "init", "--dir", self.keys),
            self._command("keys", "init", "--city", "--dir", self.city / "keys"),
        )
        for name in ("city-ack.pub", "city-command.pub"):
            (self.keys / name).write_bytes((self.city / "keys" / name).read_bytes())
        from tests.faults.gateway import TOML

        config.write_text(
            TOML.format(id="G0000", state="state", url="mqtt://127.0.0.1:1", uplink="", mqtt="5", release_s=1), "utf-8"
        )
        people = self.folder / "people.csv"
        lines = [f"{person_of(n)},住户{n},resident,1-1-{n},,,{card_of(n)},hex40,," for n in range(PEOPLE)]
        lines.append(f"{EXPIRED},访客,visitor,1-1-1,2024-01-01,2024-12-31,{card_of(EXPIRED_CARD)},hex40,,")
        people.write_text("\n".join([HEAD, *lines]) + "\n", "utf-8")
        await self._command("people", "import", people)
        for name in ("gateway.key", "gateway.pub"):
            (self.keys / name).unlink()

    async def _command(self, *arguments: object) -> None:
        child = await asyncio.create_subprocess_exec(
            *module("edge_agent", *arguments),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "EDGE_AGENT_CONFIG": str(self.folder / "agent.toml")},
        )
        said, _ = await child.communicate()
        assert child.returncode == 0, said.decode()
