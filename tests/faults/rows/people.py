"""Rows 18 and 19: who is who. Certificates of every wrong kind; two gateways with one name; a stranger on a topic."""

import asyncio
import shutil
import subprocess
from pathlib import Path

from edge_agent.contract import topics
from edge_agent.sim.broker import free_port
from tests.faults.broker import USUAL
from tests.faults.lab import Lab
from tests.faults.oracle import journal_rows
from tests.faults.row import row
from tests.faults.thief import Thief
from tests.waiting import auntil

CERTIFICATES = ("expired", "not_yet", "other_ca", "wrong_server", "plaintext", "revoked")
OURS = ("expired", "not_yet", "other_ca", "revoked")  # the broker refuses our certificate, and an event says so


IDENTIFIERS = "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"


def no_openssl() -> str:
    return "" if shutil.which("openssl") else "openssl is not installed"


class Authority:
    """A small one of openssl; every file lies in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._serial = folder, 0
        folder.mkdir()

    def root(self, name: str) -> Path:
        self._openssl("req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.pem",
                      "-days", "30", "-subj", f"/CN={name}",
                      "-addext", "keyUsage=critical,keyCertSign,cRLSign")  # fmt: skip
        return self.folder / f"{name}.pem"

    def issue(self, root: str, name: str, cn: str, dates: tuple[str, str] | None = None, key: str = "") -> None:
        """`dates`: YYMMDDHHMMSSZ from and until, else 30 days from now. `key`: that of an earlier certificate."""
        made = ("-key", f"{key}.key") if key else ("-newkey", "ed25519", "-nodes", "-keyout", f"{name}.key")
        self._openssl("req", "-new", *made, "-out", f"{name}.csr", "-subj", f"/CN={cn}")
        extensions = self.folder / f"{name}.ext"
        alternative = "IP:127.0.0.1" if cn == "127.0.0.1" else f"DNS:{cn}"
        extensions.write_text(f"subjectAltName={alternative}\n{IDENTIFIERS}", "ascii")
        (self.folder / f"{name}.index").write_text("", "ascii")
        serial = self.folder / f"{name}.serial"
        self._serial += 1
        serial.write_text(f"{self._serial:06X}\n", "ascii")
        config = self.folder / f"{name}.cnf"
        config.write_text(
            f"[ca]\ndefault_ca=here\n[here]\nnew_certs_dir={self.folder}\ndatabase={self.folder}/{name}.index\n"
            f"serial={serial}\ndefault_md=default\npolicy=any\nunique_subject=no\n[any]\ncommonName=supplied\n",
            "ascii",
        )
        when = ("-startdate", dates[0], "-enddate", dates[1]) if dates else ("-days", "30")
        files = ("-cert", f"{root}.pem", "-keyfile", f"{root}.key", "-in", f"{name}.csr", "-out", f"{name}.pem")
        self._openssl("ca", "-batch", "-notext", "-config", str(config), *files, "-extfile", str(extensions), *when)
        (self.folder / f"{key or name}.key").chmod(0o600)

    def revoke(self, root: str, name: str) -> None:
        """`root`.crl, with that certificate on it."""
        files = ("-config", f"{name}.cnf", "-cert", f"{root}.pem", "-keyfile", f"{root}.key")
        self._openssl("ca", "-revoke", f"{name}.pem", *files)
        self._openssl("ca", "-gencrl", "-crldays", "30", "-out", f"{root}.crl", *files)

    def _openssl(self, *arguments: str) -> None:
        done = subprocess.run(["openssl", *arguments], cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@row(18, "certificates: six that are wrong", sample=6, full=60, batch=6, why_not=no_openssl)
async def certificates(lab: Lab, count: int) -> None:
    authority = Authority(lab.folder / "ca")
    for name in ("city", "other"):
        authority.root(name)
    authority.issue("city", "broker", "127.0.0.1")
    authority.issue("city", "wrong_server", "other.example")
    authority.issue("city", "good", "G0417")
    authority.issue("city", "expired", "G0417", ("200101000000Z", "210101000000Z"))
    authority.issue("city", "not_yet", "G0417", ("400101000000Z", "410101000000Z"))
    authority.issue("other", "other_ca", "G0417")
    authority.issue("city", "revoked", "G0417")
    authority.revoke("city", "revoked")
    at = authority.folder
    gated = (
        "cafile {0}/city.pem",
        "keyfile {0}/{1}.key",
        "require_certificate true",
        "use_identity_as_username true",
        "crlfile {0}/city.crl",
    )
    open_port = free_port()
    plain = f"listener {open_port} 127.0.0.1"
    lab.broker.listener = (*(line.format(at, "broker") for line in gated), f"certfile {at}/broker.pem")
    lab.broker.more = ("per_listener_settings true", *USUAL)
    await _open_tls(lab, plain, open_port)
    gateway = lab.gateways[0]
    for number in range(count):
        kind = CERTIFICATES[(lab.seed + number) % len(CERTIFICATES)]
        server, client = ("wrong_server", "good") if kind == "wrong_server" else ("broker", kind)
        lab.broker.listener = (*(line.format(at, server) for line in gated), f"certfile {at}/{server}.pem")
        await _tls_again(lab, plain)
        url = f"mqtt://127.0.0.1:{lab.broker.port}" if kind == "plaintext" else None
        _use(lab, client if kind != "plaintext" else "good", url)
        await gateway.start()
        await gateway.ready()
        stored = lab.stored()
        gateway.offering(10)
        await gateway.served(30)
        await gateway.quiet()
        lab.check(lab.stored() == stored, f"{kind}: events arrived")
        said = gateway.log[-3000:]
        lab.check("ERROR" in said or "WARNING" in said, f"{kind}: nothing was said")
        if kind in OURS:
            found = [row for row in journal_rows(gateway.journal) if row.tag == "agent.degraded"]
            lab.check(any(b"refuses our certificate" in row.body for row in found[-3:]), f"{kind}: no event about it")
        await gateway.kill()
        lab.count()
    lab.broker.listener = (*(line.format(at, "broker") for line in gated), f"certfile {at}/broker.pem")
    await _tls_again(lab, plain)
    _use(lab, "good", None)
    await gateway.start()


async def _open_tls(lab: Lab, plain: str, port: int) -> None:
    lab.broker.more = (*lab.broker.more, plain, "allow_anonymous true")
    await lab.open(gateways=0, workers=0, broker=lab.broker.more)
    lab.worker_url = f"mqtt://127.0.0.1:{port}"
    await lab.start_worker()
    await lab.gateway()


async def _tls_again(lab: Lab, plain: str) -> None:
    await lab.broker.again()


def _use(lab: Lab, client: str, url: str | None) -> None:
    gateway, at = lab.gateways[0], lab.folder / "ca"
    gateway.url = url or f"mqtts://127.0.0.1:{lab.broker.port}"
    table = f'[uplink.tls]\nca = "{at}/city.pem"\ncert = "{at}/{client}.pem"\nkey = "{at}/{client}.key"\n'
    gateway.uplink_lines = "" if url else table
    gateway.write_config()


@row(19, "two gateways with one identity", part="a", sample=1, full=10, batch=1)
async def same_name(lab: Lab, count: int) -> None:
    """They throw each other out; that must be said, nothing may be lost, and each keeps its own journal."""
    await lab.open()
    twin = await lab.gateway()
    config = twin.config.read_text("utf-8").replace(f'id = "{twin.id}"', f'id = "{lab.gateways[0].id}"')
    twin.config.write_text(config, "utf-8")
    twin.id = lab.gateways[0].id
    shutil.copy(lab.gateways[0].folder / "keys/gateway.key", twin.folder / "keys/gateway.key")
    await twin.start()
    await twin.ready()
    for gateway in lab.gateways:
        gateway.offering(5)

    def told() -> bool:
        return any(
            row.tag == "agent.degraded" and b"uplink_refused" in row.body
            for gateway in lab.gateways
            for row in journal_rows(gateway.journal)
        )

    await auntil(told, 60, "the takeover to be reported")
    for gateway in lab.gateways:
        await gateway.quiet()
    await twin.kill()
    lab.count()
    await lab.settle_one(lab.gateways[0], 400)
    await lab.gateways[0].kill()
    config = twin.config.read_text("utf-8").replace(f'id = "{twin.id}"', f'id = "{lab.gateways[0].id}"')
    twin.config.write_text(config, "utf-8")
    await twin.start()  # alone now


@row(19, "events on another gateway's topic", part="b", quick=2, sample=10, full=200, batch=200)
async def foreign_topic(lab: Lab, count: int) -> None:
    await lab.open(gateways=2)
    one, other = lab.gateways
    one.offering(10)
    thief = await Thief.connected(lab.broker, "sc/1/up/+/evt")
    await one.served(5)
    await auntil(lambda: thief.heard, 10, "an event to copy")
    before = lab.quarantined()
    for number in range(count):
        await thief.publish(topics.up(other.id, "evt"), thief.heard[number % len(thief.heard)].payload)
        lab.count()
    await auntil(lambda: lab.quarantined() > before, 10, "the quarantine")
    await one.quiet()
    await thief.close()
    await asyncio.sleep(0)
