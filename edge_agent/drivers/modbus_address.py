"""Give a Modbus board another address: the only thing in the product that changes a board's settings.

Asks first, by a reading that moves nothing: the board must answer where it is said to be, and nobody where it shall go.
The order goes to the board's own address, so that the others on the line stay what they are; a board that takes it as a
broadcast alone must be alone on the line.
"""

import select
import time
from collections.abc import Callable

from edge_agent.drivers.link import Port
from edge_agent.drivers.modbus_wire import Answer, Request, answer_in, read, write
from edge_agent.errors import EdgeAgentError
from edge_agent.model.profile import Modbus, Profile
from edge_agent.protocols.registers import read_form, write_form

_BROADCAST = 0
_ASKS = 2
_MOVED_S = 3.0  # a board that has not answered at its new address by then has not moved
_SLACK_S = 0.05
_BITS = 11


class AddressChange:
    """`old` is None for a broadcast. Raises EdgeAgentError when the profile is none of a board that can be told, or an
    address is out of its range.
    """

    def __init__(self, port: Port, profile: Profile, baud: int, old: int | None, new: int) -> None:
        relays, order = read_form(profile, "relays"), write_form(profile, "set_address")
        if not isinstance(profile.framing, Modbus) or relays is None or order is None:
            raise EdgeAgentError("device.address_fixed", profile=profile.id)
        for address in (new,) if old is None else (old, new):
            if not 1 <= address <= profile.framing.highest:
                highest = profile.framing.highest
                raise EdgeAgentError("devices.modbus_address", device=profile.id, address=address, highest=highest)
        if old == new:
            raise EdgeAgentError("device.address_same", address=new)
        self._port, self._framing, self._baud = port, profile.framing, baud
        self._old, self._new, self._relays, self._order = old, new, relays, order

    def look(self) -> None:
        """Raises EdgeAgentError when nobody answers at the old address, or somebody at the new one."""
        if self._old is not None and not self._answers(self._old):
            raise EdgeAgentError("device.address_nobody", address=self._old, baud=self._baud)
        if self._answers(self._new):
            raise EdgeAgentError("device.address_taken", address=self._new)

    def carry_out(self, beat: Callable[[], None] = lambda: None) -> None:
        """Raises EdgeAgentError when the board does not answer at its new address."""
        unit = _BROADCAST if self._old is None else self._old
        self._exchange(write(unit, self._order, 0, address=self._new))
        until = time.monotonic() + _MOVED_S
        while not self._answers(self._new):
            beat()
            if time.monotonic() > until:
                stayed = self._old is not None and self._answers(self._old)
                code = "device.address_stayed" if stayed else "device.address_lost"
                raise EdgeAgentError(code, old=self._old, new=self._new)

    def _answers(self, unit: int) -> bool:
        return any(self._exchange(read(unit, self._relays)) for _ in range(_ASKS))

    def _exchange(self, request: Request) -> bool:
        """Whether a sound answer came; a reading's is never its own echo. Raises DeviceUnavailable."""
        time.sleep(self._framing.pause_ms / 1000)
        self._port.flush()
        self._port.write(request.frame)
        heard, sizes = b"", 2 * len(request.frame) + request.size
        until = time.monotonic() + self._framing.answer_ms / 1000 + sizes * _BITS / self._baud + _SLACK_S
        while (left := until - time.monotonic()) > 0:
            if select.select([self._port], [], [], left)[0]:
                heard += self._port.read()
            if isinstance(answer_in(heard, request), Answer):
                return True
        return False
