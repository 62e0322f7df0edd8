"""Give an OSDP device a key of its own: from the default key, which everybody knows, to a fresh one nobody does.

For the length of this step only, and for one address, the default key is taken. The order of the steps is the point:
the key is on disk before the device gets it, since a device whose new key is lost is lost with it; and it takes its
place as the key file only once a new channel, which takes nothing but that key, has stood.
"""

import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from osdp import Channel, ControlPanel, Event, EventNotification, LibFlag, PDInfo
from osdp import LogLevel as OsdpLog

from edge_agent.drivers.link import Port, open_link
from edge_agent.errors import EdgeAgentError, locked

WITHIN_S = 600.0  # the default key is taken no longer than this
_REFRESH_S = 0.005
_VERIFY_S = 10.0
_TRIES = 3  # handshakes a device refuses before it is believed to have another key
_AGAIN_S = 1.0

Told = Callable[[str], None]


class _Wire(Channel):  # type: ignore[misc]
    def __init__(self, port: Port) -> None:
        super().__init__()
        self._port = port

    def read(self, max_bytes: int) -> bytes:
        return self._port.read(max_bytes)

    def write(self, buf: bytes) -> int:
        self._port.write(buf)
        return len(buf)

    def flush(self) -> None:
        self._port.flush()


class _Panel:
    """libosdp with one device. Without `enforce` it goes to the default key when `key` is refused, and sets `key`."""

    def __init__(self, port: Port, address: int, key: bytes, *, enforce: bool) -> None:
        flags = [LibFlag.EnableNotification] + ([LibFlag.EnforceSecure] if enforce else [])
        self._panel = ControlPanel([PDInfo(address, _Wire(port), scbk=key, flags=flags)], log_level=OsdpLog.Critical)
        self.context = self._panel.ctx
        self.context.set_event_callback(self._event)
        self.default_taken = False  # the device took the default key; the new one may have reached it
        self.own = False  # the channel stands with `key`
        self.refused = 0
        self._again_at: float | None = None

    def turn(self) -> None:
        self.context.refresh()
        now = time.monotonic()
        if self._again_at is None:
            return
        if not self.context.is_pd_enabled(0):
            if now >= self._again_at:
                self.context.enable_pd(0)
                self._again_at = None
        elif not self.own:
            self.context.disable_pd(0)

    def _event(self, index: int, event: dict[str, Any]) -> int:
        if event["event"] == Event.Notification:
            kind, first, second = event["type"], event["arg0"], event["arg1"]
            if kind == EventNotification.SecureChannelStatus:
                self.own = bool(first) and not second
                self.default_taken = self.default_taken or (bool(first) and bool(second))
            elif kind == EventNotification.PeripheralDeviceStatus and not self.own:
                # on line without a channel: the device refused both keys. Off line: silent, or refused the only one
                self.refused += bool(first)
                self._again_at = self._again_at or time.monotonic() + _AGAIN_S
        event.clear()
        return 0


def provision(
    link_url: str,
    sim_dir: Path,
    address: int,
    key_file: Path,
    told: Told,
    *,
    baud: int = 9600,
    parity: str = "none",
    within_s: float = WITHIN_S,
) -> None:
    """Waits for the device in its installation mode, gives it a fresh key and writes `key_file` (0600).

    `told`: the code of a sentence for each step. Raises EdgeAgentError when there is a key file already, the time is
    over or the device has another key, DeviceUnavailable when the port is not there or in use.
    """
    deadline = time.monotonic() + min(within_s, WITHIN_S)
    if key_file.exists():
        raise EdgeAgentError("devices.osdp_has_key", path=key_file)
    if not 0 <= address <= 126:
        raise EdgeAgentError("devices.osdp_address", terminal="–", address=address)
    port = open_link(link_url, sim_dir, baud, parity)
    try:
        pending = key_file.with_name(key_file.name + ".new")
        key = _fresh(pending)
        try:
            _set(port, address, key, deadline, told)
        except _Untouched as failed:
            pending.unlink()
            raise failed.error from None
        except EdgeAgentError as error:
            raise EdgeAgentError("devices.osdp_half_done", path=pending, why=error) from None
        pending.rename(key_file)
    finally:
        port.close()


class _Untouched(Exception):
    """It failed before the new key can have reached the device."""

    def __init__(self, error: EdgeAgentError) -> None:
        super().__init__(error)
        self.error = error


def _fresh(pending: Path) -> bytes:
    """A new key, on disk. One left from an attempt that ended half-way is taken again: the device may have it."""
    try:
        descriptor = os.open(pending, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        try:
            key = bytes.fromhex(pending.read_text("ascii").strip())
        except PermissionError:
            raise EdgeAgentError("config.file_locked", **locked(pending)) from None
        except (OSError, ValueError):
            key = b""
        if len(key) != 16:
            raise EdgeAgentError("devices.osdp_pending", path=pending) from None
        return key
    except OSError as error:
        raise EdgeAgentError("devices.osdp_unwritable", path=pending, why=error.strerror) from None
    key = secrets.token_bytes(16)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(key.hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    return key


def _set(port: Port, address: int, key: bytes, deadline: float, told: Told) -> None:
    panel = _Panel(port, address, key, enforce=False)
    told("devices.osdp_waiting")
    said = False
    while not panel.own:
        panel.turn()
        if panel.default_taken and not said:
            said = True
            told("devices.osdp_setting")
        if time.monotonic() > deadline:
            _fail(panel, EdgeAgentError("devices.osdp_over"))
        if panel.refused >= _TRIES:
            _fail(panel, EdgeAgentError("devices.osdp_other_key", address=address))
        time.sleep(_REFRESH_S)
    told("devices.osdp_verifying")
    proof = _Panel(port, address, key, enforce=True)
    until = time.monotonic() + _VERIFY_S
    while not proof.own:
        proof.turn()
        if time.monotonic() > until:
            raise EdgeAgentError("devices.osdp_unproven")
        time.sleep(_REFRESH_S)


def _fail(panel: _Panel, error: EdgeAgentError) -> None:
    raise error if panel.default_taken else _Untouched(error)
