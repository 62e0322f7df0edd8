"""From the [uplink] section of agent.toml to what a connection needs: address, password, certificates.

Read anew for every connection, so that a renewed certificate or password is taken without a restart.
"""

import ssl
from pathlib import Path
from urllib.parse import urlsplit

from edge_agent.contract.certificates import check_identity, read_certificate
from edge_agent.errors import UplinkError, locked
from edge_agent.model import site
from edge_agent.model.clock import Moment
from edge_agent.uplink.broker import Login

PORTS = {"mqtt": 1883, "mqtts": 8883}


class _Socket(ssl.SSLSocket):
    """paho leaves the socket of a failed handshake open, and does not tell what the other side said last: `alert`."""

    alert = ""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        try:
            return super().recv(buflen, flags)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            self.alert = error.reason or ""
            raise


def address(url: str) -> tuple[str, int, bool]:
    """(host, port, encrypted) of `mqtt://host[:port]` or `mqtts://host[:port]`. Raises UplinkError."""
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS[parts.scheme]
    except (KeyError, ValueError) as error:
        raise UplinkError("uplink.url", url=url) from error
    if not parts.hostname or parts.username or parts.path.strip("/"):
        raise UplinkError("uplink.url", url=url)
    return parts.hostname, port, parts.scheme == "mqtts"


def login(settings: site.Uplink, gateway: str, base: Path, will: tuple[str, bytes], now: Moment) -> Login:
    """Raises UplinkError when the address, the password file or a certificate cannot be used."""
    host, port, encrypted = address(settings.url)
    password = None
    if settings.password_file is not None:
        path = base / settings.password_file
        try:
            password = path.read_text("utf-8-sig").strip()
        except PermissionError as error:
            raise UplinkError("config.file_locked", **locked(path)) from error
        except (OSError, UnicodeDecodeError) as error:
            raise UplinkError("uplink.file", path=path, why=error) from error
    if encrypted and settings.tls is not None:
        check_certificate(settings.tls, gateway, base, now)
    return Login(
        host=host,
        port=port,
        client=gateway,
        mqtt=settings.mqtt,
        will=will,
        username=settings.username,
        password=password,
        tls=_tls(settings.tls, base, f"{host}:{port}") if encrypted else None,
    )


def check_certificate(settings: site.UplinkTls, gateway: str, base: Path, now: Moment) -> None:
    """The certificate is this gateway's and its key is here; its dates count when the clock can be trusted.

    Raises UplinkError with the remedy. It costs the city and not the doors: they do not need it.
    """
    path = base / settings.cert
    certificate = read_certificate(_read(path), path)
    at_ms = now.wall_ms if now.trusted else certificate.not_before_ms
    check_identity(certificate, _read(base / settings.key), gateway, at_ms, path)


def expires_ms(settings: site.Uplink, base: Path) -> int | None:
    """When the client certificate that is there now runs out (Unix ms); None without one that can be read."""
    if settings.tls is None:
        return None
    try:
        return read_certificate(_read(base / settings.tls.cert), settings.tls.cert).not_after_ms
    except UplinkError:
        return None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except PermissionError as error:
        raise UplinkError("config.file_locked", **locked(path)) from error
    except OSError as error:
        raise UplinkError("uplink.file", path=path, why=error.strerror) from error


def files(settings: site.Uplink, base: Path) -> tuple[int, ...]:
    """When password and certificates were last written (0 = not there): another answer is another login."""
    names = [settings.password_file]
    if settings.tls is not None:
        names += [settings.tls.ca, settings.tls.cert, settings.tls.key]
    return tuple(_written(base / name) for name in names if name is not None)


def _written(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _tls(settings: site.UplinkTls | None, base: Path, where: str) -> ssl.SSLContext:
    """With certificates of our own: TLS 1.3 and nothing older. Without: the system's authorities."""
    try:
        context = ssl.create_default_context(cafile=None if settings is None else str(base / settings.ca))
        context.verify_flags |= (
            ssl.VERIFY_X509_STRICT
        )  # as Python 3.13 does, so that a newer system refuses nothing new
        if settings is not None:
            context.minimum_version = ssl.TLSVersion.TLSv1_3
            context.load_cert_chain(base / settings.cert, base / settings.key)
    except (OSError, ssl.SSLError) as error:
        raise UplinkError("uplink.tls", where=where, why=error) from error
    context.sslsocket_class = _Socket
    return context
