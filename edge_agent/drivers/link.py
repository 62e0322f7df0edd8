"""Wires: a URL from agent.toml to an open, non-blocking port.

Opens and moves bytes; does not know what they mean, and does not come back by itself (line.py does). One physical
fact to know: a USB serial adapter vanishes and returns as another file, so a port that failed once is never used
again; it is opened anew from its URL.
"""

import errno
import fcntl
import ipaddress
import os
import random
import re
import socket
import stat
import struct
import sys
import termios
import time
from contextlib import suppress
from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import parse_qsl, urlsplit

import msgspec
import serial

from edge_agent.errors import DeviceUnavailable, EdgeAgentError
from edge_agent.model.profile import LineSettings

_GONE = "devices.port_gone"
_CONNECT_S = 2.0
_LAST_WORDS_S = 0.2
_UNACKED_MS = 3000  # bytes a converter has not acknowledged for this long, or probes not answered: it is gone
_PROBE_AFTER_S, _PROBE_EVERY_S, _PROBES = 2, 1, 3  # of a connection on which nothing arrives


class LinkUrl(msgspec.Struct, frozen=True):
    """`kind` serial: `path`, `baud`, `parity`; tcp: `host`, `port`; sim: `path` is the simulated device's name; gpio:
    `path` of the chip, or its label; push: the `host` (an address of this machine) and `port` on which terminals call.

    `baud` and `parity` are None when the URL does not say: the profile's [link] decides then.
    """

    kind: Literal["serial", "tcp", "sim", "gpio", "push"]
    path: str = ""
    host: str = ""
    port: int = 0
    baud: int | None = None
    parity: Literal["none", "even", "odd"] | None = None


class Port(Protocol):
    """An open wire. `read` and `write` never wait; both raise DeviceUnavailable once the wire is gone."""

    def fileno(self) -> int: ...

    def read(self, size: int = 4096) -> bytes:
        """What has arrived, b"" when nothing has."""
        ...

    def write(self, data: bytes) -> int:
        """Takes what fits and says how many bytes that was."""
        ...

    def flush(self) -> None:
        """Forgets what has arrived and was not read."""
        ...

    def close(self) -> None: ...

    def abort(self) -> None:
        """Closes, and what the kernel has not sent yet is forgotten as far as the wire allows."""
        ...


def parse_link_url(url: str) -> LinkUrl:
    """Raises EdgeAgentError with the remedy; nothing is guessed, and nothing is opened."""
    parts = urlsplit(url)
    match parts.scheme:
        case "serial":
            if parts.netloc or not parts.path.startswith("/"):
                raise EdgeAgentError("devices.link_serial_path", url=url)
            return _with_settings(LinkUrl("serial", path=parts.path), url, parts.query)
        case "tcp":
            return _tcp(url)
        case "sim":
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", parts.netloc) or parts.path or parts.query:
                raise EdgeAgentError("devices.link_sim_name", url=url)
            return LinkUrl("sim", path=parts.netloc)
        case "gpio":
            if not re.fullmatch(r"[A-Za-z0-9._-]+|/dev/[A-Za-z0-9._/-]+", parts.netloc + parts.path) or parts.query:
                raise EdgeAgentError("gpio.link", url=url)
            return LinkUrl("gpio", path=parts.netloc + parts.path)
        case "push":
            return _push(url)
    raise EdgeAgentError("devices.link_scheme", url=url)


def _with_settings(link: LinkUrl, url: str, query: str) -> LinkUrl:
    settings = dict(parse_qsl(query, keep_blank_values=True))
    if unknown := sorted(settings.keys() - {"baud", "parity"}):
        raise EdgeAgentError("devices.link_parameter", url=url, parameter=unknown[0])
    baud, parity = settings.get("baud"), settings.get("parity")
    if baud is not None and not (baud.isascii() and baud.isdigit() and 300 <= int(baud) <= 4_000_000):
        raise EdgeAgentError("devices.link_baud", url=url)
    if parity is not None and parity not in ("none", "even", "odd"):
        raise EdgeAgentError("devices.link_parity", url=url)
    chosen: Literal["none", "even", "odd"] | None = parity  # type: ignore[assignment]
    return msgspec.structs.replace(link, baud=None if baud is None else int(baud), parity=chosen)


def _tcp(url: str) -> LinkUrl:
    parts = urlsplit(url)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or not port or parts.path or parts.query:
        raise EdgeAgentError("devices.link_tcp", url=url)
    return LinkUrl("tcp", host=host, port=port)


def _push(url: str) -> LinkUrl:
    """No address: this machine alone. All addresses at once are refused: they would be the uplink's network too."""
    parts = urlsplit(url)
    try:
        host = ipaddress.ip_address(parts.hostname or "127.0.0.1")
        port = parts.port
    except ValueError:
        host, port = ipaddress.ip_address("0.0.0.0"), None
    if port is None or host.is_unspecified or host.is_multicast or parts.path or parts.query or parts.username:
        raise EdgeAgentError("push.link", url=url)
    return LinkUrl("push", host=str(host), port=port)


def open_link(url: str, sim_dir: Path, baud: int = 9600, parity: str = "none") -> Port:
    """Open the wire of `url`; `baud` and `parity` hold where it does not say.

    May take up to 2 s (tcp). Raises DeviceUnavailable when the device is not there, EdgeAgentError when the URL is
    wrong.
    """
    link = parse_link_url(url)
    match link.kind:
        case "tcp":
            return TcpPort(link.host, link.port)
        case "sim":
            return SerialPort(str(sim_dir / link.path), 9600, "none")
        case "serial":
            return SerialPort(link.path, link.baud or baud, link.parity or parity)
        case "gpio" | "push":
            raise EdgeAgentError("devices.link_no_line", url=url)


def line_settings(url: str, settings: LineSettings) -> LineSettings:
    """Speed and parity as `open_link` takes them. EdgeAgentError when the URL is wrong."""
    link = parse_link_url(url)
    return LineSettings(baud=link.baud or settings.baud, parity=link.parity or settings.parity)


class SerialPort:
    """A serial line through pyserial: it sets the line up; bytes then go through the file descriptor directly.

    pyserial's own write() waits for the device, and a pty whose reader stands still would stop the gateway with it.
    Opening discards what lay in the receive buffer. The port is locked: a second opener gets an error, not half the
    bytes.
    """

    def __init__(self, path: str, baud: int, parity: str) -> None:
        try:
            if not stat.S_ISCHR(os.stat(path).st_mode):
                raise DeviceUnavailable("devices.port_kind", path=path)
            self._serial = serial.Serial(
                path, baud, parity={"none": "N", "even": "E", "odd": "O"}[parity], timeout=0, exclusive=True
            )
        except serial.SerialException as error:
            raise DeviceUnavailable(_why(error.errno), path=path, why=str(error)) from error
        except (OSError, termios.error) as error:
            number = error.errno if isinstance(error, OSError) else None
            raise DeviceUnavailable(_why(number), path=path, why=str(error)) from error
        self._path = path
        self._fd: int = self._serial.fileno()

    def fileno(self) -> int:
        return self._fd

    def read(self, size: int = 4096) -> bytes:
        try:
            data = os.read(self._fd, size)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise DeviceUnavailable(_GONE, path=self._path, why=error.strerror) from error
        if not data and self._hung_up():
            raise DeviceUnavailable(_GONE, path=self._path, why="hung up")
        return data

    def _hung_up(self) -> bool:
        """A tty read gives b"" both for nothing yet (VMIN 0) and for a line that is gone; the line settings tell."""
        try:
            termios.tcgetattr(self._fd)
        except termios.error:
            return True
        return False

    def write(self, data: bytes) -> int:
        try:
            return os.write(self._fd, data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise DeviceUnavailable(_GONE, path=self._path, why=error.strerror) from error

    def flush(self) -> None:
        try:
            termios.tcflush(self._fd, termios.TCIFLUSH)
        except termios.error as error:
            raise DeviceUnavailable(_GONE, path=self._path, why=str(error)) from error

    def close(self) -> None:
        """The last words go out, for a moment: on a line that flow control holds, the kernel's own close waits 30 s."""
        until = time.monotonic() + _LAST_WORDS_S
        while self._unsent() and time.monotonic() < until:
            time.sleep(0.005)
        if self._unsent():
            self._forget(termios.TCOFLUSH)
        self._serial.close()

    def abort(self) -> None:
        self._forget(termios.TCIOFLUSH)
        self._serial.close()

    def _forget(self, queue: int) -> None:
        with suppress(termios.error):  # nothing to forget on a line that is gone
            termios.tcflush(self._fd, queue)

    def _unsent(self) -> int:
        """Bytes the driver still has to send; a pty never says any."""
        try:
            return int.from_bytes(fcntl.ioctl(self._fd, termios.TIOCOUTQ, bytes(4)), sys.byteorder)
        except OSError:
            return 0


class TcpPort:
    """A serial server (RS-485 to Ethernet) in raw TCP mode. One that loses its power is noticed within some 4 s."""

    def __init__(self, host: str, port: int) -> None:
        self._path = f"{host}:{port}"
        try:
            self._socket = socket.create_connection((host, port), timeout=_CONNECT_S)
        except OSError as error:
            raise DeviceUnavailable("devices.tcp_unreachable", path=self._path, why=str(error)) from error
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _PROBE_AFTER_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _PROBE_EVERY_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _PROBES)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNACKED_MS)

    def fileno(self) -> int:
        return self._socket.fileno()

    def read(self, size: int = 4096) -> bytes:
        try:
            data = self._socket.recv(size)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise DeviceUnavailable(_GONE, path=self._path, why=error.strerror) from error
        if not data:
            raise DeviceUnavailable(_GONE, path=self._path, why="closed by the other side")
        return data

    def write(self, data: bytes) -> int:
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise DeviceUnavailable(_GONE, path=self._path, why=error.strerror) from error

    def flush(self) -> None:
        while self.read():
            pass

    def close(self) -> None:
        self._socket.close()

    def abort(self) -> None:
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()


def _why(number: int | None) -> str:
    match number:
        case errno.ENOENT | errno.ENODEV | errno.ENXIO:
            return "devices.port_missing"
        case errno.EACCES | errno.EPERM:
            return "devices.port_forbidden"
        case errno.EAGAIN | errno.EBUSY:
            return "devices.port_taken"
    return "devices.port_open"


class Backoff:
    """Pauses between attempts to reopen: quick at first, at most 0.8 s, so that a door works 2 s after its cable."""

    def __init__(self, jitter: random.Random) -> None:
        self._jitter = jitter
        self._step = 0

    def pause_s(self) -> float:
        base = min(0.8, 0.05 * 2.0**self._step)
        self._step = min(self._step + 1, 10)
        return base * self._jitter.uniform(0.75, 1.0)

    def reset(self) -> None:
        self._step = 0
