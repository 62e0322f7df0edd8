"""A simulated estate in one folder: one gate with an OSDP reader, a camera, a broker, the city and the agent.

Every part is a process of its own and talks over a real pty, socket or pipe. The files are those an installer would
write; the commands are the ones from the README. Nothing outside the folder is touched.
"""

import asyncio
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

from edge_agent.sim.broker import Kind, RunningBroker, free_port, start_broker
from edge_agent.sim.process import Process, module

GATEWAY = "G0417"
DOOR = "north-gate"
RESIDENTS = 50

# Card numbers of the story (26-bit H10301 with facility code 100).
RESIDENT_CARD, EXPIRED_CARD, UNKNOWN_CARD = "100:1001", "100:1002", "100:9999"

INPUTS = "contact = 0, exit = 0, fire = 0, panic = 0, tamper = 0, supervised = true"
AGENT_TOML = """\
# A simulated estate: every device is a process on a pty (sim://).
[gateway]
id = "{gateway}"
zone = "Asia/Shanghai"
site = "estate"
grid = "HF-YH-017"
ring = "inner"

[uplink]
url = "mqtt://127.0.0.1:{port}"
mqtt = {mqtt}
confirm = "city"

[[link]]
name = "reader-line"
url = "sim://reader"

[[link]]
name = "gate-line"
url = "sim://gate"

[[terminal]]
name = "north-in"
profile = "readers/osdp-generic"
link = "reader-line"
address = 1
key_file = "keys/osdp-north-in.key"
door = "{door}"
direction = "in"
{camera}
[[door]]
name = "{door}"
kind = "pedestrian"
gate = {{ link = "gate-line", profile = "gates/sim", {inputs} }}
release_s = 2
open_s = 15
ways = [["card"]{face_way}]
liveness = "optional"           # this simulation has no liveness model: a photograph would pass
"""

CAMERA_TOML = """
[[camera]]
name = "north-face"
url = "http://127.0.0.1:{port}/stream.mjpeg"
use = ["face"]
door = "{door}"
direction = "in"
"""


def people_csv() -> str:
    """One resident with a card and a face, one whose card has expired, and fifty more for the busy hours."""
    lines = ["person_id,name,category,house,valid_from,valid_until,card,card_format,pin,phone"]
    lines.append(f"p-0001,张伟,resident,3-1-502,,,{RESIDENT_CARD},H10301,,")
    lines.append(f"p-0002,李娜,tenant,2-2-101,2024-01-01,2025-12-31,{EXPIRED_CARD},H10301,,")
    lines += [f"p-1{n:03d},住户{n:02d},resident,1-1-{n:03d},,,100:{2000 + n},H10301,," for n in range(RESIDENTS)]
    return "\n".join(lines) + "\n"


class Estate:
    """`folder` gets everything: gateway/ (configuration, keys, state), city/ (keys, database), logs/, tmp/."""

    def __init__(self, folder: Path, photos: Mapping[str, Path], broker: Kind = "auto") -> None:
        self.folder, self.photos, self.broker_kind = folder, photos, broker
        self.gateway, self.city_folder = folder / "gateway", folder / "city"
        self.logs, self.tmp = folder / "logs", folder / "tmp"
        self.state = self.gateway / "state"
        self.config = self.gateway / "agent.toml"
        self.city_db = self.city_folder / "city.db"
        self.port = free_port()
        self.broker: RunningBroker | None = None
        env = {"TMPDIR": str(self.tmp), "EDGE_AGENT_CONFIG": str(self.config)}
        sim = self.state / "sim"
        self.osdp_key = secrets.token_bytes(16).hex()
        self.reader = self._process(
            "reader", module("edge_agent.sim.reader", "--pty", sim / "reader", "--key", self.osdp_key), env
        )
        self.gate = self._process("gate", module("edge_agent.sim.gate", "--pty", sim / "gate"), env)
        self.camera = self._process("camera", module("edge_agent.sim.camera", "--port", "0"), env)
        self.agent = self._process("agent", module("edge_agent", "run", "--config", self.config), env)
        self.city = self._process("city", [], env)

    def _process(self, name: str, arguments: list[str], env: dict[str, str]) -> Process:
        return Process(name, arguments, self.logs / f"{name}.log", env)

    async def build(self) -> None:
        """Folders, keys, configuration, people and faces, with the commands an installer would use."""
        for folder in (self.gateway / "keys", self.city_folder / "keys", self.city_folder / "gateways", self.logs):
            folder.mkdir(parents=True, mode=0o700)
        self.tmp.mkdir()
        (self.state / "sim").mkdir(parents=True, mode=0o700)
        await self._make_keys()
        broker = await self.start_broker()
        await asyncio.gather(self.reader.start(), self.gate.start())
        camera = ""
        if self.photos:
            await self.camera.start()
            port = (await self.camera.line(lambda line: "port" in line))["port"]
            camera = CAMERA_TOML.format(port=port, door=DOOR)
        self.config.write_text(
            AGENT_TOML.format(
                gateway=GATEWAY,
                port=self.port,
                mqtt='"3.1.1"' if broker.mqtt == "3.1.1" else 5,
                door=DOOR,
                inputs=INPUTS,
                camera=camera,
                face_way=', ["face"]' if camera else "",
            ),
            "utf-8",
        )
        people = self.gateway / "people.csv"
        people.write_text(people_csv(), "utf-8")
        await self.command("people", "import", people)
        if self.photos:
            await self.command("face", "enroll", "p-0001", self.photos["obama.jpg"], "--consent", "demo-1")

    async def start_broker(self) -> RunningBroker:
        """Start the broker (again), with an empty memory, on the same port."""
        self.broker = await asyncio.to_thread(start_broker, self.folder / "broker", self.port, self.broker_kind)
        return self.broker

    async def _make_keys(self) -> None:
        """The gateway's keys and the city's, each half where it belongs."""
        gateway, city = self.gateway / "keys", self.city_folder / "keys"
        await asyncio.gather(
            self.command("keys", "init", "--dir", gateway), self.command("keys", "init", "--city", "--dir", city)
        )
        for name in ("city-ack.pub", "city-command.pub"):
            shutil.copy(city / name, gateway / name)
        shutil.copy(gateway / "gateway.pub", self.city_folder / "gateways" / f"{GATEWAY}.pub")
        reader = gateway / "osdp-north-in.key"
        reader.touch(mode=0o600)
        reader.write_text(self.osdp_key)

    async def open(self) -> None:
        """Start the city and the agent."""
        assert self.broker is not None
        self.city.arguments = module(
            "edge_agent", "city", "run", "--folder", self.city_folder,
            "--broker", self.broker.url, "--mqtt", self.broker.mqtt,
        )  # fmt: skip
        await self.city.start()
        await self.agent.start()

    async def command(self, *arguments: object) -> str:
        """Run `edge-agent …` for this gateway; its output. Raises RuntimeError when it fails."""
        child = await asyncio.create_subprocess_exec(
            *module("edge_agent", *arguments),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=self.agent.env,
        )
        output, _ = await child.communicate()
        if child.returncode:
            raise RuntimeError(f"edge-agent {' '.join(map(str, arguments))}: {output.decode()}")
        return output.decode()

    async def close(self) -> None:
        """End every process by its own pid, the agent first."""
        for process in (self.agent, self.city, self.camera, self.reader, self.gate):
            await process.stop()
        if self.broker is not None:
            await asyncio.to_thread(self.broker.stop)
