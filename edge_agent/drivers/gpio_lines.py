"""The kernel's GPIO lines through libgpiod: one request for all lines of a door, levels and edges off it.

Knows nothing of doors. One physical fact to know: a line belongs to whoever requested it for as long as its file is
open. When the process dies the kernel takes the lines back, and what the pin then does is the chip's own choice: some
keep the last level, some become inputs. So only a resistor on the board makes a dead gateway a locked door.
"""

import errno
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from edge_agent import log
from edge_agent.errors import DeviceUnavailable, EdgeAgentError
from edge_agent.model.gpio import Wanted

if TYPE_CHECKING:
    from gpiod import LineRequest, LineSettings

CONSUMER = "edge-agent"
_UNFILTERED = {errno.EINVAL, errno.ENOTSUP, errno.ENXIO, errno.ENOTTY}  # what chips answer to a filter they cannot do
_BUFFER = 256  # edges the kernel keeps for us

logger = log.get("drivers.gpio")


class Lines(Protocol):
    """Requested lines. All but `close` raise DeviceUnavailable once the chip is gone. True means active."""

    def fileno(self) -> int:
        """Readable when an input has moved."""
        ...

    def edges(self) -> list[tuple[str, bool]]:
        """What has moved, in order, by role; never waits."""
        ...

    def levels(self) -> dict[str, bool]:
        """Every line as it measures now, the output too."""
        ...

    def drive(self, role: str, active: bool) -> None: ...

    def close(self) -> None: ...


class Request(Protocol):
    def __call__(self, chip: str, wanted: Sequence[Wanted]) -> Lines: ...


class ChipFound(msgspec.Struct, frozen=True):
    """`names`: of the lines, in order of their offsets; empty where the board's maker gave none."""

    path: str
    label: str
    names: tuple[str, ...]
    users: tuple[str, ...]  # who holds a line now, empty: nobody

    def offset(self, pin: int | str) -> int | None:
        if isinstance(pin, int):
            return pin if pin < len(self.names) else None
        return self.names.index(pin) if pin in self.names else None


def request_lines(chip: str, wanted: Sequence[Wanted]) -> Lines:
    """`chip`: path of its device, or its label. Outputs go inactive in the same call that makes them outputs.

    Raises DeviceUnavailable when chip or line is not there or taken, EdgeAgentError when libgpiod is not installed.
    """
    found = find_chip(chip)
    offsets = {want.role: _offset(found, want.pin) for want in wanted}
    return KernelLines(found.path, wanted, offsets)


def find_chip(chip: str) -> ChipFound:
    """By path, or by label. Raises as `request_lines` does."""
    try:
        if chip.startswith("/") and (found := _look(Path(chip))) is not None:
            return found
        chips = [found for path in _devices() if (found := _look(path)) is not None]
    except PermissionError as error:
        raise DeviceUnavailable("gpio.forbidden", chip=error.filename or chip) from error
    for found in chips:
        if chip == found.label:
            return found
    present = ", ".join(f"{found.path} ({found.label})" for found in chips) or "–"
    raise DeviceUnavailable("gpio.no_chip", chip=chip, present=present)


def check_lines(chip: str, wanted: Sequence[Wanted]) -> None:
    """What `request_lines` would say now, without touching a line. Ours already are no problem."""
    found = find_chip(chip)
    for want in wanted:
        user = found.users[_offset(found, want.pin)]
        if user not in ("", CONSUMER):
            raise DeviceUnavailable("gpio.taken", chip=found.path, line=want.pin, user=user)


def _offset(found: ChipFound, pin: int | str) -> int:
    offset = found.offset(pin)
    if offset is None:
        names = ", ".join(name for name in found.names if name) or "–"
        raise DeviceUnavailable("gpio.no_line", chip=found.path, line=pin, last=len(found.names) - 1, present=names)
    return offset


def _devices() -> list[Path]:
    return sorted(Path("/dev").glob("gpiochip*"), key=lambda path: (len(path.name), path.name))


def _look(path: Path) -> ChipFound | None:
    """None for one that vanished meanwhile, or is no chip. Raises PermissionError."""
    try:
        import gpiod
    except ImportError as error:
        raise EdgeAgentError("gpio.no_library", why=str(error)) from error
    try:
        with gpiod.Chip(str(path)) as chip:
            info = chip.get_info()
            lines = [chip.get_line_info(offset) for offset in range(info.num_lines)]
    except PermissionError:
        raise
    except OSError:
        return None
    names = tuple(line.name or "" for line in lines)
    users = tuple((line.consumer or "another program") if line.used else "" for line in lines)
    return ChipFound(str(path), info.label, names, users)


class KernelLines:
    """One line request. Fulfils Lines."""

    def __init__(self, path: str, wanted: Sequence[Wanted], offsets: dict[str, int]) -> None:
        self._path, self._offsets = path, offsets
        self._roles = {offset: role for role, offset in offsets.items()}
        try:
            self._request = self._ask(wanted, filtered=True)
        except OSError as error:
            if error.errno not in _UNFILTERED:
                raise self._error(error) from error
            logger.info("%s filters no inputs: %s", path, error)
            try:
                self._request = self._ask(wanted, filtered=False)
            except OSError as again:
                raise self._error(again) from again

    def _ask(self, wanted: Sequence[Wanted], filtered: bool) -> "LineRequest":
        import gpiod

        config = {self._offsets[want.role]: _settings(want, filtered) for want in wanted}
        return gpiod.request_lines(self._path, config, consumer=CONSUMER, event_buffer_size=_BUFFER)  # type: ignore[arg-type]

    def fileno(self) -> int:
        return self._request.fd

    def edges(self) -> list[tuple[str, bool]]:
        moved: list[tuple[str, bool]] = []
        try:
            while self._request.wait_edge_events(timedelta(0)):
                events = self._request.read_edge_events()
                moved += [(self._roles[event.line_offset], event.event_type.name == "RISING_EDGE") for event in events]
        except OSError as error:
            raise self._error(error) from error
        return moved

    def levels(self) -> dict[str, bool]:
        offsets = list(self._offsets.values())
        try:
            values = self._request.get_values(offsets)
        except OSError as error:
            raise self._error(error) from error
        return {self._roles[offset]: bool(value.value) for offset, value in zip(offsets, values, strict=True)}

    def drive(self, role: str, active: bool) -> None:
        from gpiod.line import Value

        try:
            self._request.set_value(self._offsets[role], Value.ACTIVE if active else Value.INACTIVE)
        except OSError as error:
            raise self._error(error) from error

    def close(self) -> None:
        self._request.release()

    def _error(self, error: OSError) -> DeviceUnavailable:
        match error.errno:
            case errno.EBUSY:
                found = _look(Path(self._path))
                taken = [offset for offset in self._offsets.values() if found is not None and found.users[offset]]
                user = ", ".join(found.users[offset] for offset in taken) if found is not None else "?"
                return DeviceUnavailable(
                    "gpio.taken", chip=self._path, line=", ".join(map(str, taken)) or "?", user=user or "?"
                )
            case errno.ENXIO | errno.EINVAL | errno.ENOTSUP:
                return DeviceUnavailable("gpio.no_edges", chip=self._path, why=error.strerror)
        return DeviceUnavailable("devices.port_gone", path=self._path, why=error.strerror)


def _settings(want: Wanted, filtered: bool) -> "LineSettings":
    from gpiod import LineSettings
    from gpiod.line import Bias, Direction, Drive, Edge, Value

    drive = {"push-pull": Drive.PUSH_PULL, "open-drain": Drive.OPEN_DRAIN, "open-source": Drive.OPEN_SOURCE}
    bias = {"as-is": Bias.AS_IS, "none": Bias.DISABLED, "pull-up": Bias.PULL_UP, "pull-down": Bias.PULL_DOWN}
    if want.output:
        return LineSettings(
            direction=Direction.OUTPUT,
            drive=drive[want.drive],
            active_low=want.active_low,
            output_value=Value.INACTIVE,
        )
    return LineSettings(
        direction=Direction.INPUT,
        edge_detection=Edge.BOTH,
        bias=bias[want.bias],
        active_low=want.active_low,
        debounce_period=timedelta(milliseconds=want.filter_ms if filtered else 0),
    )
