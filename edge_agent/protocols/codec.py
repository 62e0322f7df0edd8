"""A profile as a decoder and an encoder: payload bytes to a Message with named values, and back.

What is here knows nothing of what a value means; drivers turn a Message into a Read or a GateReport.
"""

from collections.abc import Callable
from dataclasses import dataclass

from edge_agent.errors import EdgeAgentError, FrameError
from edge_agent.model.profile import Delimited, Field, MessageForm, Osdp, Profile
from edge_agent.protocols.checksum import CHECKSUMS
from edge_agent.protocols.framing import DelimitedFramer, Framer, OsdpFramer
from edge_agent.protocols.keypad import from_osdp
from edge_agent.protocols.wiegand import from_left_justified

_HEX = frozenset(b"0123456789ABCDEFabcdef")
_DEC = frozenset(b"0123456789")


@dataclass(frozen=True)
class Message:
    """`values`: field name to text or number, as the profile's `fields` say."""

    name: str
    values: dict[str, str | int]


class Decoder:
    """Bytes as they come off the line, to messages; `feed` never raises."""

    def __init__(self, profile: Profile) -> None:
        self._forms = profile.message
        self._framer: Framer
        self._read: Callable[[bytes], Message | FrameError]
        match profile.framing:
            case Delimited() as delimited:
                self._framer, self._read = DelimitedFramer(delimited, profile.checksum.kind), self._fields
            case Osdp():
                self._framer, self._read = OsdpFramer(), _osdp_reply

    def feed(self, data: bytes) -> list[Message | FrameError]:
        return [
            piece if isinstance(piece, FrameError) else self._read(piece)
            for piece in self._framer.feed(data)
        ]  # fmt: skip

    def _fields(self, payload: bytes) -> Message | FrameError:
        for form in self._forms:
            if payload.startswith(bytes(form.match)):
                values: dict[str, str | int] = {}
                for field in form.fields:
                    value = _value(field, payload)
                    if value is None:
                        return FrameError("devices.frame_field", message=form.name, field=field.name)
                    values[field.name] = value
                if len(payload) > _span(form):
                    return FrameError("devices.frame_field", message=form.name, field="-")
                return Message(form.name, values)
        return FrameError("devices.frame_unknown", first=payload[:1].hex())


def encode(profile: Profile, name: str, **values: int | str) -> bytes:
    """The whole frame of the command `name`, checksum included.

    Raises EdgeAgentError when the profile has no such command, or a value is missing or does not fit its field.
    """
    form = next((form for form in profile.command if form.name == name), None)
    if form is None or not isinstance(profile.framing, Delimited):
        raise EdgeAgentError("devices.no_command", profile=profile.id, command=name)
    payload = bytearray(form.match)
    for field in form.fields:
        text = _text(field, values.get(field.name))
        if text is None or field.at != len(payload):
            raise EdgeAgentError("devices.bad_value", profile=profile.id, command=name, field=field.name)
        payload += text
    body = bytes(payload)
    checksum = CHECKSUMS[profile.checksum.kind](body)
    return bytes((profile.framing.start,)) + body + checksum + bytes((profile.framing.end,))


def _span(form: MessageForm) -> float:
    """How long a payload of this form may be."""
    end = len(form.match)
    for field in form.fields:
        if field.length is None:
            return float("inf")
        end = max(end, field.at + field.length)
    return end


def _value(field: Field, payload: bytes) -> str | int | None:
    part = payload[field.at :] if field.length is None else payload[field.at : field.at + field.length]
    digits = _DEC if field.kind == "ascii-dec" else _HEX
    if not part or (field.length is not None and len(part) != field.length) or not digits.issuperset(part):
        return None
    text = part.decode("ascii").upper()
    return int(text, 16) if field.kind == "hex-number" else text


def _text(field: Field, value: int | str | None) -> bytes | None:
    if field.kind == "hex-number":
        if not isinstance(value, int) or field.length is None or not 0 <= value < 16**field.length:
            return None
        return f"{value:0{field.length}X}".encode("ascii")
    if not isinstance(value, str) or not value or (field.length is not None and len(value) != field.length):
        return None
    return value.encode("ascii", "replace")


def _osdp_reply(frame: bytes) -> Message | FrameError:
    """`frame` without its CRC. Card data (reply 50): reader, format, bit count LE16, bits left-justified; keypad data
    (reply 53): reader, count, keys.
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
    return FrameError("devices.frame_unknown", first=f"{code:02x}")


def _osdp_card(data: bytes) -> Message | FrameError:
    bits = int.from_bytes(data[2:4], "little")
    if not 0 < bits <= 1024 or len(data) - 4 != (bits + 7) // 8:
        return FrameError("devices.frame_field", message="card", field="bits")
    return Message("card", {"bits": bits, "raw": from_left_justified(bits, data[4:]).raw})
