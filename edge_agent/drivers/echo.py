"""What a half-duplex line sends back of what went out on it.

Two-wire RS-485 adapters that leave their receiver on hear themselves. The device is not meant by it, so it is left
out; the installer hears of it once, because the same wire will also collide when both ends speak.
"""

from collections.abc import Callable
from typing import NamedTuple

from edge_agent.drivers.tap import decoded
from edge_agent.model.profile import Profile
from edge_agent.protocols.codec import Decoder, Message

_WITHIN_S = 1.0  # an echo runs with the sending; what comes later is the device
_HELD_AT_MOST = 4096
_SURE_AFTER = 3
_LEAST = 3  # fewer bytes may be anybody's; their echo is noise to the decoder, and harmless


class _Sent(NamedTuple):
    data: bytes
    at: float


class Echo:
    """`sent` what can only be an echo if it comes back; `heard` gives what is left for the device's driver.

    A slow line brings few bytes at a time, and an answer may begin as the question did: what looked like an echo so far
    is given back, in its place, as soon as it is none.
    """

    def __init__(self) -> None:
        self._due: list[_Sent] = []
        self._seen = 0  # bytes of the oldest that came back already
        self._streak = 0

    @property
    def certain(self) -> bool:
        """Three in a row came back: no chance."""
        return self._streak >= _SURE_AFTER

    def sent(self, data: bytes, now: float) -> None:
        if len(data) < _LEAST:
            return
        if sum(len(due.data) for due in self._due) + len(data) > _HELD_AT_MOST:
            self._forget()
        self._due.append(_Sent(data, now))

    def heard(self, data: bytes, now: float) -> bytes:
        left = b""
        while self._due and now - self._due[0].at > _WITHIN_S:
            left += self._due[0].data[: self._seen]
            self._drop()
            self._streak = 0
        while data and self._due:
            wanted = self._due[0].data[self._seen :]
            if data.startswith(wanted):
                data = data[len(wanted) :]
            elif wanted.startswith(data):
                self._seen += len(data)
                return left
            elif not self._seen and (at := data.find(wanted)) > 0:  # the device was speaking already
                left, data = left + data[:at], data[at + len(wanted) :]
            else:
                left += self._due[0].data[: self._seen]
                self._forget()
                break
            self._drop()
            self._streak += 1
        return left + data

    def _drop(self) -> None:
        del self._due[0]
        self._seen = 0

    def _forget(self) -> None:
        self._due.clear()
        self._seen = self._streak = 0


def not_from(profile: Profile) -> Callable[[bytes], bool]:
    """Whether the device of this profile cannot have sent such bytes: then, come back, they are an echo."""
    return lambda sent: not any(isinstance(piece, Message) for piece in decoded(Decoder(profile), sent))
