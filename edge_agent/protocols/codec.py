"""A profile as a decoder and an encoder: payload bytes to a Message with named values, and back.

What is here knows nothing of what a value means; drivers turn a Message into a Read or a GateReport.
"""

from collections.abc import Callable
from dataclasses import dataclass

from edge_agent.errors import EdgeAgentError, FrameError
from edge_agent.model.profile import Frames, MessageForm, Nmea, Osdp, Profile
from edge_agent.protocols.fields import payload_of, values_of
from edge_agent.protocols.framing import framer_for, wrap
from edge_agent.protocols.keypad import from_osdp
from edge_agent.protocols.wiegand import from_left_justified

_STATES = {0x49: "inputs", 0x4A: "outputs"}  # OSDP replies


@dataclass(frozen=True, repr=False)
class Message:
    """`values`: field name to text or number, as the profile's `fields` say. They may be a PIN or somebody's name, so
    nothing that logs or reports a message shows them; `in_full` does, for golden examples.
    """

    name: str
    values: dict[str, str | int]

    def __repr__(self) -> str:
        return f"Message({self.name}, {', '.join(self.values)})"

    def in_full(self) -> str:
        return f"{self.name} {self.values}"


class Decoder:
    """Bytes as they come off the line, to messages; neither `feed` nor `idle` ever raises."""

    def __init__(self, profile: Profile) -> None:
        self._forms = profile.message
        self._framer = framer_for(profile.framing, profile.checksum)
        self._read: Callable[[bytes], Message | FrameError] = self._fields
        if isinstance(profile.framing, Osdp):
            self._read = _osdp_reply
        elif isinstance(profile.framing, Nmea):
            from edge_agent.protocols.nmea import parse  # its library is loaded for who has a receiver

            self._read = lambda text: _sentence(parse(text))

    @property
    def gap_ms(self) -> int | None:
        """The silence after which `idle` is to be called; None: never."""
        return self._framer.gap_ms

    @property
    def held(self) -> int:
        """Bytes kept for a frame that is not whole yet."""
        return self._framer.held

    def feed(self, data: bytes) -> list[Message | FrameError]:
        return self._messages(self._framer.feed(data))

    def idle(self) -> list[Message | FrameError]:
        """The line has been silent for `gap_ms`."""
        return self._messages(self._framer.idle())

    def _messages(self, pieces: list[bytes | FrameError]) -> list[Message | FrameError]:
        return [piece if isinstance(piece, FrameError) else self._read(piece) for piece in pieces]

    def _fields(self, payload: bytes) -> Message | FrameError:
        for form in self._forms:
            if payload.startswith(bytes(form.match)):
                values = values_of(form, payload)
                if isinstance(values, str):
                    return FrameError("devices.frame_field", message=form.name, field=values)
                return Message(form.name, values)
        return FrameError("devices.frame_unknown", first=payload[:1].hex())


def encode(profile: Profile, name: str, /, **values: int | str) -> bytes:
    """The whole frame of the command `name`, checksum included.

    Raises EdgeAgentError when the profile has no such command, or a value is missing or does not fit its field.
    """
    return _encode(profile, profile.command, name, values)


def encode_message(profile: Profile, name: str, /, **values: int | str) -> bytes:
    """The same for what the device itself would say: simulators and tests."""
    return _encode(profile, profile.message, name, values)


def _encode(profile: Profile, forms: tuple[MessageForm, ...], name: str, values: dict[str, int | str]) -> bytes:
    form = next((form for form in forms if form.name == name), None)
    if form is None or not isinstance(profile.framing, Frames):
        raise EdgeAgentError("devices.no_command", profile=profile.id, command=name)
    payload = payload_of(form, values)
    frame = None if isinstance(payload, str) else wrap(profile.framing, profile.checksum, payload)
    if frame is None:
        field = payload if isinstance(payload, str) else "-"
        raise EdgeAgentError("devices.bad_value", profile=profile.id, command=name, field=field)
    return frame


def _sentence(found: tuple[str, dict[str, str | int]] | FrameError) -> Message | FrameError:
    return found if isinstance(found, FrameError) else Message(*found)


def _osdp_reply(frame: bytes) -> Message | FrameError:
    """`frame` without its CRC. Card data (reply 50): reader, format, bit count LE16, bits left-justified; keypad data
    (reply 53): reader, count, keys; inputs (49) and outputs (4A): a byte each, 0 inactive, given as `count` and a mask
    `active` of which bit n is number n.
    """
    code, data = frame[5], frame[6:]
    if not frame[4] & 0x08:
        if code == 0x50 and len(data) >= 4:
            return _osdp_card(data)
        if code == 0x53 and len(data) >= 2:
            keys = from_osdp(data[2:])
            if len(keys) != data[1] or len(data) != 2 + data[1]:
                return FrameError("devices.frame_field", message="keys", field="count")
            return Message("keys", {"keys": keys})
        if code in _STATES and data:
            active = sum(1 << n for n, on in enumerate(data) if on)
            return Message(_STATES[code], {"count": len(data), "active": active})
    return FrameError("devices.frame_unknown", first=f"{code:02x}")


def _osdp_card(data: bytes) -> Message | FrameError:
    bits = int.from_bytes(data[2:4], "little")
    if not 0 < bits <= 1024 or len(data) - 4 != (bits + 7) // 8:
        return FrameError("devices.frame_field", message="card", field="bits")
    return Message("card", {"bits": bits, "raw": from_left_justified(bits, data[4:]).raw})
