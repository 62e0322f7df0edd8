"""A certificate of the gateway's own for its console, to be trusted once in each guard's browser."""

import hashlib
import ipaddress
import os
import re
import socket
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from edge_agent.cli.options import make_folder
from edge_agent.errors import EdgeAgentError

HOST = re.compile(r"(?=.{1,253}$)(\*\.)?([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*(?!\d+$)"
                  r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")  # fmt: skip
DAYS = 825  # the longest that every browser takes from a root of one's own


def make(cert: Path, key: Path, names: Iterable[str]) -> str:
    """Write key (mode 0600) and self-signed certificate; returns its SHA-256 fingerprint. Raises EdgeAgentError for a
    name or address that no browser asks for.
    """
    private = ec.generate_private_key(ec.SECP256R1())
    shown = (*names,)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"edge-agent {shown[0]}"[:64])])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName([_name(name) for name in shown]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(private, hashes.SHA256())
    )
    make_folder(cert.parent, 0o700)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for path, data, mode in ((key, pem, 0o600), (cert, made.public_bytes(Encoding.PEM), 0o644)):
        path.unlink(missing_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
    digits = hashlib.sha256(made.public_bytes(Encoding.DER)).hexdigest().upper()
    return ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))


def names_of_this_machine() -> list[str]:
    """Host name, its .local name, localhost, and the addresses that lead out of here."""
    host = socket.gethostname().split(".")[0]
    found = [host, f"{host}.local", "localhost", "127.0.0.1"]
    for family, far in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        with socket.socket(family, socket.SOCK_DGRAM) as probe:  # a datagram socket connects without sending
            try:
                probe.connect((far, 9))
                found.append(probe.getsockname()[0])
            except OSError:
                continue
    return [name for name in found if _known(name) is not None]  # some machines are called 201


def _name(name: str) -> x509.GeneralName:
    if (known := _known(name)) is None:
        raise EdgeAgentError("console.bad_host", host=name)
    return known


def _known(name: str) -> x509.GeneralName | None:
    """As it stands in a certificate; None for what no browser asks for."""
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        pass
    try:
        asked = name.encode("idna").decode("ascii")  # a name in Chinese is asked for like that
    except UnicodeError:
        return None
    return x509.DNSName(asked) if HOST.fullmatch(asked) else None
