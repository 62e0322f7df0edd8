"""X.509: what is in a gateway's client certificate, and the request for one. The key never leaves the gateway.

The TLS key is P-256, apart from the Ed25519 key that signs: every broker takes it, and either can be renewed alone.
A certificate we trust also says something about time: it was made before now, whatever the clock says.
`cryptography.x509` is a tenth of the daemon's start, and loaded where there is a certificate.
"""

from datetime import UTC
from pathlib import Path

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from edge_agent.errors import UplinkError

TlsKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


class Certificate(msgspec.Struct, frozen=True):
    """The first certificate of a file. Times are Unix ms; `key`: its public key in DER."""

    name: str
    not_before_ms: int
    not_after_ms: int
    key: bytes


def read_certificate(pem: bytes, path: object) -> Certificate:
    """Raises UplinkError, which names `path`."""
    from cryptography import x509

    try:
        first = x509.load_pem_x509_certificates(pem)[0]
        names = first.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        key = first.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (ValueError, IndexError, UnsupportedAlgorithm) as error:
        raise UplinkError("uplink.certificate_unreadable", path=path, why=error) from error
    return Certificate(
        str(names[0].value) if len(names) == 1 else "",
        _ms(first.not_valid_before_utc.astimezone(UTC).timestamp()),
        _ms(first.not_valid_after_utc.astimezone(UTC).timestamp()),
        key,
    )


def not_before_ms(paths: list[Path]) -> int:
    """The newest notBefore of the certificates in these PEM files, Unix ms; 0 when none can be read."""
    from cryptography import x509

    newest = 0
    for path in paths:
        try:
            certificates = x509.load_pem_x509_certificates(path.read_bytes())
        except (OSError, ValueError):
            continue  # the connection says what is wrong with it
        newest = max([newest, *(_ms(each.not_valid_before_utc.timestamp()) for each in certificates)])
    return newest


def public_key(pem: bytes, path: object) -> bytes:
    """Of a private key in PEM, in DER. Raises UplinkError."""
    return _private(pem, path).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def check_identity(certificate: Certificate, key_pem: bytes, gateway: str, now_ms: int, path: object) -> None:
    """The certificate is this gateway's, its key is here, and it is valid now. Raises UplinkError with the remedy."""
    if certificate.name != gateway:
        raise UplinkError("uplink.certificate_name", path=path, found=certificate.name, gateway=gateway)
    if certificate.key != public_key(key_pem, path):
        raise UplinkError("uplink.certificate_key", path=path)
    if now_ms >= certificate.not_after_ms:
        raise UplinkError("uplink.certificate_expired", path=path)
    if now_ms < certificate.not_before_ms:
        raise UplinkError("uplink.certificate_early", path=path)


def new_tls_key() -> bytes:
    """A private key in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def request(key_pem: bytes, gateway: str, path: object) -> bytes:
    """A certificate request in PEM for `gateway`. Raises UplinkError."""
    from cryptography import x509

    key = _private(key_pem, path)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, gateway)])
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, digest).public_bytes(Encoding.PEM)


def _private(pem: bytes, path: object) -> TlsKey:
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UplinkError("uplink.key_no_pem", path=path) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey):
        raise UplinkError("uplink.key_unreadable", path=path, why="neither an EC nor an Ed25519 key")
    return key


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
