"""TLS 1.3 with certificates on both sides, the gateway's name taken from its certificate; and the will."""

import asyncio
import contextlib
import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from edge_agent.contract import topics
from edge_agent.errors import UplinkError
from edge_agent.model import site
from edge_agent.model.clock import ClockState
from edge_agent.sim.broker import ACL, find_mosquitto, free_port
from edge_agent.uplink.login import check_certificate
from tests.uplink.rig import (
    GATEWAY,
    BenchClock,
    City,
    beat,
    birth,
    broker,
    bystander,
    city_in,
    needs_mosquitto,
    running,
    uplink_for,
)
from tests.waiting import auntil, until

ROOT = Path(__file__).parents[2]
Version = Literal[5, "3.1.1"]


SIGNS_CERTIFICATES = x509.KeyUsage(
    key_cert_sign=True, crl_sign=True, digital_signature=False, content_commitment=False, key_encipherment=False,
    data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
)  # fmt: skip


class Authority:
    """A certificate authority of one test."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.ca = self.issue(name, self.key, authority=True)

    def issue(
        self,
        name: str,
        key: ec.EllipticCurvePrivateKey | None = None,
        authority: bool = False,
        *,
        hours: tuple[float, float] = (-1, 1),
        address: str = "127.0.0.1",
        file: str = "",
        identifiers: bool = True,
    ) -> Path:
        """`file`.pem and `file`.key (`name` unless given); good for `address`; from and until `hours` from now."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + timedelta(hours=hours[0]))
            .not_valid_after(now + timedelta(hours=hours[1]))
            .add_extension(x509.BasicConstraints(authority, None), True)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), False)
        )
        if authority:
            certificate = certificate.add_extension(SIGNS_CERTIFICATES, True)
        if identifiers:
            by = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
            own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
            certificate = certificate.add_extension(own, False).add_extension(by, False)
        path = self.folder / f"{file or name}.pem"
        path.write_bytes(certificate.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM))
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path.with_suffix(".key").write_bytes(pem)
        return path


@contextlib.contextmanager
def tls_broker(folder: Path, ca: Path, server: Path) -> Iterator[str]:
    """Mosquitto as a city runs it: TLS 1.3 only, client certificates required, their CN is the user."""
    port = free_port()
    (folder / "acl").write_text(ACL)
    (folder / "acl").chmod(0o600)
    lines = [
        f"listener {port} 127.0.0.1",
        f"cafile {ca}",
        f"certfile {server}",
        f"keyfile {server.with_suffix('.key')}",
        "tls_version tlsv1.3",
        "require_certificate true",
        "use_identity_as_username true",
        f"acl_file {folder / 'acl'}",
        *(["user root"] if os.geteuid() == 0 else []),
    ]
    (folder / "tls.conf").write_text("\n".join(lines) + "\n")
    with (folder / "tls.log").open("wb") as output:
        process = subprocess.Popen([str(find_mosquitto()), "-c", str(folder / "tls.conf")], stderr=output)
    try:
        until(lambda: b"running" in (folder / "tls.log").read_bytes())
        yield f"mqtts://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


@needs_mosquitto
def test_certificates_on_both_sides(tmp_path: Path) -> None:
    """The broker knows the gateway by its certificate's CN and lets it write its own topics only."""

    async def scene() -> None:
        tls = site.UplinkTls(ca=str(authority.ca), cert=str(own), key=str(own.with_suffix(".key")))
        uplink, reports = uplink_for(city, url, 5, tls=tls)
        async with running(uplink.run(beat)):
            await asyncio.wait_for(uplink.connected(), 10)
            await uplink.birth(birth())
            assert not reports
            uplink.gateway = "G9999"
            await uplink.birth(birth())
            assert "sc/1/up/G9999/birth" in reports[0][1]

    authority = Authority(tmp_path, "city-ca")
    own, server = authority.issue(GATEWAY), authority.issue("broker")
    with tls_broker(tmp_path, authority.ca, server) as url, city_in(tmp_path) as city:
        asyncio.run(scene())


@needs_mosquitto
@pytest.mark.parametrize("wrong", ["ca", "client", "none"])
def test_certificates_that_do_not_fit(tmp_path: Path, wrong: str, caplog: pytest.LogCaptureFixture) -> None:
    """A broker of another authority, a client the broker does not know, no certificate: no session, a clear line."""

    async def scene() -> None:
        ca = stranger.ca if wrong == "ca" else authority.ca
        own = (stranger if wrong == "client" else authority).issue(GATEWAY)
        tls = None if wrong == "none" else site.UplinkTls(ca=str(ca), cert=str(own), key=str(own.with_suffix(".key")))
        uplink, _ = uplink_for(city, url, 5, tls=tls)
        async with running(uplink.run(beat)):
            await auntil(lambda: "uplink.tls" in caplog.text)
            assert uplink.session == 0

    (tmp_path / "stranger").mkdir()
    authority, stranger = Authority(tmp_path, "city-ca"), Authority(tmp_path / "stranger", "other-ca")
    with tls_broker(tmp_path, authority.ca, authority.issue("broker")) as url, city_in(tmp_path) as city:
        asyncio.run(scene())


@needs_mosquitto
@pytest.mark.parametrize(
    ("server", "code"),
    [
        ({"hours": (-2, -1)}, "uplink.server_expired"),
        ({"hours": (1, 2)}, "uplink.server_early"),
        ({"address": "127.0.0.2"}, "uplink.server_name"),
        ({"identifiers": False}, "uplink.server_form"),
        ("stranger", "uplink.server_authority"),
    ],
)
def test_a_broker_that_is_not_the_citys(tmp_path: Path, server: Any, code: str) -> None:
    """Expired, not yet valid, another name, another authority: no session, nothing sent, and what to do in words."""

    async def scene() -> None:
        error = await refusal(city, url, tls_of(authority.ca, own))
        assert error.code == code
        assert error.text("zh") != error.text("en")

    (tmp_path / "stranger").mkdir()
    authority, stranger = Authority(tmp_path, "city-ca"), Authority(tmp_path / "stranger", "city-ca")
    own = authority.issue(GATEWAY)
    certificate = stranger.issue("broker") if server == "stranger" else authority.issue("broker", **server)
    with tls_broker(tmp_path, authority.ca, certificate) as url, city_in(tmp_path) as city:
        asyncio.run(scene())


@needs_mosquitto
@pytest.mark.parametrize(
    ("own", "code"),
    [
        ({"hours": (-2, -1)}, "uplink.certificate_expired"),
        ({"hours": (1, 2)}, "uplink.certificate_early"),
        ({"name": "G9999"}, "uplink.certificate_name"),
        ("another key", "uplink.certificate_key"),
    ],
)
def test_a_certificate_of_ours_that_cannot_be_used(tmp_path: Path, own: Any, code: str) -> None:
    """It is not even shown to a broker; the journal hears of it, because somebody has to act."""

    async def scene() -> None:
        uplink, reports = uplink_for(city, url, 5, tls=tls)
        async with running(uplink.run(beat)):
            await auntil(lambda: reports)
            assert uplink.session == 0
        assert reports[0][0] == "uplink_refused"
        assert (await refusal(city, url, tls)).code == code

    authority = Authority(tmp_path, "city-ca")
    options = {"name": GATEWAY} if own == "another key" else {"name": GATEWAY, **own}
    path = authority.issue(file="own", **options)
    tls = tls_of(authority.ca, path)
    if own == "another key":
        tls = site.UplinkTls(ca=tls.ca, cert=tls.cert, key=str(authority.issue("other").with_suffix(".key")))
    with tls_broker(tmp_path, authority.ca, authority.issue("broker")) as url, city_in(tmp_path) as city:
        asyncio.run(scene())


@needs_mosquitto
def test_a_broker_that_goes_back_to_plain_text_is_left(tmp_path: Path) -> None:
    """mqtts:// at a port that speaks plain MQTT: no byte of ours in clear, and no session."""

    async def scene() -> None:
        url = there.url.replace("mqtt://", "mqtts://")
        error = await refusal(city, url, tls_of(authority.ca, authority.issue(GATEWAY)))
        assert error.code in {"uplink.server_plain", "uplink.no_answer"}

    authority = Authority(tmp_path, "city-ca")
    with broker(tmp_path, "mosquitto") as there, city_in(tmp_path) as city:
        asyncio.run(scene())


def test_a_server_of_older_tls_is_refused_by_name(tmp_path: Path) -> None:
    """TLS 1.2 at most on the other side."""

    async def scene() -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, certificate.with_suffix(".key"))
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(20)
            answering = asyncio.create_task(asyncio.to_thread(answer, listener, context))
            url = f"mqtts://127.0.0.1:{listener.getsockname()[1]}"
            error = await refusal(city, url, tls_of(authority.ca, authority.issue(GATEWAY)))
            await answering
        assert error.code == "uplink.server_old"

    def answer(listener: socket.socket, context: ssl.SSLContext) -> None:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            context.wrap_socket(connection, server_side=True).close()

    authority = Authority(tmp_path, "city-ca")
    certificate = authority.issue("broker")
    with city_in(tmp_path) as city:
        asyncio.run(scene())


def test_dates_of_our_certificate_count_by_a_trusted_clock_only(tmp_path: Path) -> None:
    """A gateway that woke up in 1970 still goes to the city; one that knows the time does not with what has run out."""
    authority = Authority(tmp_path, "city-ca")
    own = authority.issue(GATEWAY, hours=(-2, -1))
    settings = tls_of(authority.ca, own)
    now = BenchClock().now()
    check_certificate(settings, GATEWAY, tmp_path, msgspec.structs.replace(now, wall_ms=0, state=ClockState.UNSET))
    with pytest.raises(UplinkError, match="run out"):
        check_certificate(settings, GATEWAY, tmp_path, now)


def tls_of(ca: Path, own: Path) -> site.UplinkTls:
    return site.UplinkTls(ca=str(ca), cert=str(own), key=str(own.with_suffix(".key")))


async def refusal(city: City, url: str, tls: site.UplinkTls) -> UplinkError:
    """What one attempt to connect comes to."""
    uplink, _ = uplink_for(city, url, 5, tls=tls)
    with pytest.raises(UplinkError) as caught:
        await asyncio.wait_for(uplink._stay_connected(beat), 20)
    return caught.value


@needs_mosquitto
@pytest.mark.parametrize(("version", "states"), [("3.1.1", ["online", "offline", "online"]), (5, ["online", "online"])])
def test_the_broker_tells_of_our_death(tmp_path: Path, version: Version, states: list[str]) -> None:
    """A connection that breaks: the will says offline with that session's bdseq; MQTT 5's delay spares short cuts."""

    async def scene() -> None:
        uplink, _ = uplink_for(city, there.url, version)
        seen: list[dict[str, object]] = []
        with bystander(there.url) as client:
            client.on_message = lambda client, userdata, message: seen.append(msgspec.json.decode(message.payload))
            client.subscribe(topics.up(GATEWAY, "state"), 1)
            async with running(uplink.run(beat)):
                await asyncio.wait_for(uplink.connected(), 10)
                await uplink.birth(birth())
                await auntil(lambda: seen)
                uplink._connection._client.socket().shutdown(2)  # type: ignore[union-attr]
                await auntil(lambda: uplink.session == 2)
                await uplink.birth(birth())
                await auntil(lambda: len(seen) == len(states))
        assert [message["state"] for message in seen[: len(states)]] == states
        assert seen[len(states) - 1]["bdseq"] > seen[0]["bdseq"]  # type: ignore[operator]
        if version == "3.1.1":
            assert seen[1]["bdseq"] == seen[0]["bdseq"]

    with broker(tmp_path, "mosquitto") as there, city_in(tmp_path) as city:
        asyncio.run(scene())


@needs_mosquitto
@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not on this machine")
def test_the_recipe_for_certificates_makes_some_that_are_taken(tmp_path: Path) -> None:
    """docs/brokers/README.md, run as it stands but for the address."""

    async def scene() -> None:
        uplink, reports = uplink_for(city, url, 5, tls=tls_of(tmp_path / "ca.pem", own))
        async with running(uplink.run(beat)):
            await asyncio.wait_for(uplink.connected(), 10)
        assert not reports

    recipe = (ROOT / "docs/brokers/README.md").read_text("utf-8").split("```sh\n")[1].split("```")[0]
    here = recipe.replace("DNS:broker.city.example", "IP:127.0.0.1")
    again = here[here.index("openssl req -newkey") :].replace("broker.", f"{GATEWAY}.")
    for commands in (here, again.replace(f"CN={GATEWAY}.city.example", f"CN={GATEWAY}")):
        subprocess.run(["sh", "-ec", commands], cwd=tmp_path, check=True, capture_output=True)
    own = tmp_path / f"{GATEWAY}.pem"
    for key in tmp_path.glob("*.key"):
        key.chmod(0o600)
    with tls_broker(tmp_path, tmp_path / "ca.pem", tmp_path / "broker.pem") as url, city_in(tmp_path) as city:
        asyncio.run(scene())
