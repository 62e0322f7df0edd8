"""`edge-agent city people|configure|certify|send` against the real daemon, which ends and is started anew by a
supervisor, as systemd does: a list and its changes, a configuration that works and one that does not, a certificate.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge_agent.app import ANEW
from edge_agent.sim.broker import find_mosquitto, free_port
from edge_agent.sim.process import module
from tests.faults.gateway import Gateway
from tests.faults.lab import Lab
from tests.faults.oracle import journal_rows
from tests.faults.rows.people import Authority
from tests.faults.template import HEAD, Template
from tests.waiting import auntil

pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.skipif(find_mosquitto() is None, reason="Mosquitto is not on this machine (Debian: mosquitto)"),
]
CARD = "B000000001"  # of nobody in the template


class City:
    """The command line of the city, at the laboratory's broker."""

    def __init__(self, lab: Lab) -> None:
        self.folder, self.url = lab.folder / "city", lab.worker_url or lab.broker.url

    async def __call__(self, *arguments: object, good: bool = True) -> str:
        verb, *others = arguments
        child = await asyncio.create_subprocess_exec(
            *module("edge_agent", "--lang", "en", "city", verb, "--folder", self.folder, "--broker", self.url),
            *map(str, others),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await child.communicate()
        assert (child.returncode == 0) is good, said.decode()
        return said.decode()


@contextlib.asynccontextmanager
async def laboratory(folder: Path) -> AsyncIterator[Lab]:
    folder.mkdir()
    template = Template(folder / "template")
    await template.build()
    lab = Lab(folder / "lab", template, 1)
    lab.folder.mkdir(exist_ok=True)
    try:
        yield lab
    finally:
        await lab.close()


def people_file(path: Path, *people: tuple[str, str]) -> Path:
    lines = [f"{id},某人,resident,1-1-1,,,{card},hex40,," for id, card in people]
    path.write_text("\n".join([HEAD, *lines]) + "\n", "utf-8")
    return path


def degraded(gateway: Gateway, what: str) -> bool:
    return any(row.tag == "agent.degraded" and what.encode() in row.body for row in journal_rows(gateway.journal))


def test_lists_and_a_configuration_reach_a_running_gateway(tmp_path: Path) -> None:
    async def scene() -> None:
        async with laboratory(tmp_path / "l") as lab:
            await lab.open(gateways=0)
            gateway, city = await lab.gateway(), City(lab)
            gateway.agent.env["LAB_TRIAL_S"] = "4"
            await gateway.start()
            await gateway.ready()
            await auntil(lambda: lab.city_db.exists() and lab.stored() > 0, 20)
            desk = ("--issuer", "registry", gateway.id)

            first = people_file(tmp_path / "first.csv", ("c-1", CARD), ("c-2", "B000000002"))
            said = await city("people", *desk, first)
            assert "2 people" in said
            assert "from list 0" in said
            assert "command.completed, admitted 2, base 0, ended 0, left_out 0" in said
            mark = len(gateway.gate.lines)
            gateway.ledger.offer("c-1")
            gateway._write(CARD)
            await gateway.gate.line(lambda line: line.get("relay") == "on", mark, 10)
            said = await city("people", *desk, people_file(tmp_path / "second.csv", ("c-1", CARD)))
            assert "from list 0" not in said
            assert "admitted 0, base" in said
            assert "ended 1" in said
            bad = people_file(tmp_path / "bad.csv", ("c-1", CARD), ("c-3", "no card"))
            assert "nothing was sent" in await city("people", *desk, bad, good=False)
            assert (lab.folder / "city/lists" / f"{gateway.id}.json").stat().st_mode & 0o777 == 0o600

            said = await city("send", *desk, "diagnose")
            assert "command.completed" in said
            said = await city("send", *desk, "evidence", "--args", '{"from_ms": 1, "to_ms": 2}', good=False)
            assert "not_here" in said
            assert "there is no verb" in await city("send", *desk, "opne", good=False)
            assert "for_s" in await city("send", *desk, "hold", "--args", "{}", good=False)

            async with gateway.kept_running() as ended:
                gateway.release_s = 2
                new = tmp_path / "new.toml"
                new.write_text(gateway.toml(), "utf-8")
                assert "command.completed" in await city("configure", *desk, new)
                await auntil(lambda: ended == [ANEW], 30)
                await auntil(lambda: "has proved itself" in gateway.log, 30, lambda: gateway.log[-1500:])
                assert gateway.config.read_text("utf-8") == new.read_text("utf-8")

                gateway.url = "mqtt://127.0.0.1:9"  # nobody there
                gateway.release_s = 3
                astray = tmp_path / "astray.toml"
                astray.write_text(gateway.toml(), "utf-8")
                await city("configure", *desk, astray)
                await auntil(lambda: "is taken back" in gateway.log, 60, lambda: gateway.log[-1500:])
                await auntil(lambda: ended == [ANEW, ANEW, ANEW], 30)
                await auntil(lambda: degraded(gateway, "config_rolled_back"), 30)
                assert gateway.config.read_text("utf-8") == new.read_text("utf-8")
                assert (gateway.folder / "agent.toml.rejected").read_bytes() == astray.read_bytes()

                broken = tmp_path / "broken.toml"
                broken.write_text("[gateway]\nid = 7\n", "utf-8")
                assert "bad_configuration" in await city("configure", *desk, broken, good=False)
                await lab.settle()

    asyncio.run(scene())


@pytest.mark.skipif(os.system("command -v openssl >/dev/null") != 0, reason="openssl is not installed")
def test_a_certificate_is_renewed_and_one_the_broker_refuses_is_taken_back(tmp_path: Path) -> None:
    async def scene() -> None:
        async with laboratory(tmp_path / "l") as lab:
            authority = Authority(lab.folder / "ca")
            at = authority.folder
            authority.root("city")
            authority.root("other")
            authority.issue("city", "broker", "127.0.0.1")
            authority.issue("city", "first", "G0417")
            authority.issue("city", "second", "G0417", key="first")
            authority.issue("other", "foreign", "G0417", key="first")
            lab.broker.listener = (
                f"cafile {at}/city.pem", f"certfile {at}/broker.pem", f"keyfile {at}/broker.key",
                "require_certificate true", "use_identity_as_username true",
            )  # fmt: skip
            port = free_port()
            lab.worker_url = f"mqtt://127.0.0.1:{port}"
            plain = (f"listener {port} 127.0.0.1", "allow_anonymous true")
            await lab.open(gateways=0, broker=("per_listener_settings true", *plain))
            gateway, city = await lab.gateway(), City(lab)
            gateway.agent.env["LAB_TRIAL_S"] = "6"
            gateway.url = f"mqtts://127.0.0.1:{lab.broker.port}"
            tls = f'ca = "{at}/city.pem"\ncert = "keys/client.pem"\nkey = "keys/client.key"'
            gateway.uplink_lines = f"[uplink.tls]\n{tls}\n"
            for suffix in ("pem", "key"):
                (gateway.folder / f"keys/client.{suffix}").write_bytes((at / f"first.{suffix}").read_bytes())
            (gateway.folder / "keys/client.key").chmod(0o600)
            gateway.write_config()
            await gateway.start()
            await gateway.ready()
            await auntil(lambda: lab.city_db.exists() and lab.stored() > 0, 20, lambda: gateway.log[-1500:])
            desk = ("--issuer", "administrator", gateway.id)
            assert "command.completed" in await city("certify", *desk, at / "second.pem")
            in_force = gateway.folder / "keys/client.pem"
            assert in_force.read_bytes() == (at / "second.pem").read_bytes()
            said = await city("certify", *desk, at / "foreign.pem", good=False)
            assert "certificate_refused" in said
            assert in_force.read_bytes() == (at / "second.pem").read_bytes()
            assert "bad_certificate" in await city("certify", *desk, at / "broker.pem", good=False)
            gateway.show_card()
            await gateway.served()
            await lab.settle()

    asyncio.run(scene())
