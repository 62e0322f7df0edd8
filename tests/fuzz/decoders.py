"""What every decoder promises for any bytes whatever: no exception, nothing kept beyond its bound, the way back.

Used by the tests with a small sample, and by `make fuzz` with a million inputs.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC
from functools import cache

from edge_agent.drivers.modbus_wire import Refusal, answer_in, read, stranger_in
from edge_agent.drivers.profile_examples import finds_itself
from edge_agent.drivers.profiles import load_profile, profile_ids
from edge_agent.errors import FrameError
from edge_agent.model.profile import (
    Delimited,
    Fixed,
    HttpPush,
    Idle,
    Modbus,
    Nmea,
    Osdp,
    Profile,
    SyncLength,
)
from edge_agent.protocols.checksum import crc16_modbus
from edge_agent.protocols.codec import Decoder, Message
from edge_agent.protocols.credential import Credentials
from edge_agent.protocols.framing import wrap
from edge_agent.protocols.push import read_push
from edge_agent.protocols.sdt import document

HEARD = 512  # bytes of a Modbus line that are kept
CHANCE = {"devices.frame_unknown", "devices.frame_field"}  # garbage whose checksum was right


@cache
def profiles() -> dict[str, Profile]:
    known = (Delimited, SyncLength, Fixed, Idle, Nmea, Osdp, Modbus, HttpPush)
    return {id: profile for id in profile_ids() if isinstance((profile := load_profile(id)).framing, known)}


def bound(profile: Profile) -> int:
    """The most bytes a decoder may keep."""
    match profile.framing:
        case Delimited(max_len=max_len, ignore=ignore) | Idle(max_len=max_len, ignore=ignore):
            return max_len + 2 + sum(len(bytes.fromhex(text)) for text in ignore)
        case SyncLength() as framing:
            return len(framing.header) + framing.length_size + framing.max_len + (framing.end is not None)
        case Fixed(length=length):
            return length
        case Nmea():
            return 162
    return 1440


def seed(profile: Profile) -> bytes:
    """Bytes its device may send, to be cut and spoiled."""
    if isinstance(profile.framing, HttpPush):
        return profile.framing.example[0].body.encode()
    return golden(profile)[0]


def golden(profile: Profile) -> tuple[bytes, Message]:
    example = next(example for example in profile.example if example.gives is not None)
    values = dict(example.gives or {})
    return bytes.fromhex(example.bytes), Message(str(values.pop("message", "")), values)


def pieces(data: bytes) -> Iterator[bytes]:
    """`data` in pieces whose sizes it decides itself."""
    at = 0
    while at < len(data):
        size = 1 + data[at] % 64
        yield data[at : at + size]
        at += size


def check(profile: Profile, data: bytes) -> None:
    """AssertionError, or whatever the decoder raised, when a promise is broken."""
    match profile.framing:
        case Modbus():
            _registers(profile, data)
            return
        case HttpPush() as push:
            _report(push, data)
            return
    _garbage(profile, data)
    framed = _framed(profile, data)
    if framed is not None:
        _use(profile, [*(decoder := Decoder(profile)).feed(framed), *decoder.idle()])


def _registers(profile: Profile, data: bytes) -> None:
    """What a line brought instead of an answer, at most HEARD bytes of it; the answer behind it is found even so."""
    for form in profile.read:
        request = read(1, form)
        for heard in (data[:HEARD], data[-HEARD:]):
            got = answer_in(heard, request)
            assert got is None or isinstance(got, Refusal) or len(got.values) == form.count
            stranger_in(heard, request)
        size = (form.count + 7) // 8 if form.function <= 2 else 2 * form.count
        body = bytes((1, form.function, size)) + bytes(size)
        assert answer_in((data + body + crc16_modbus(body))[-HEARD:], request) is not None


def _report(push: HttpPush, data: bytes) -> None:
    """A body of any kind: a report, nothing, or a FrameError."""
    for kind in ("application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        with suppress(FrameError):
            read_push(push, kind, data, UTC)


def _garbage(profile: Profile, data: bytes) -> None:
    decoder, most = Decoder(profile), bound(profile)
    got: list[Message | FrameError] = []
    for piece in pieces(data):
        got += decoder.feed(piece)
        assert decoder.held <= most, decoder.held
        if decoder.gap_ms and piece[0] == 0xFF:
            got += decoder.idle()
            assert decoder.held == 0
    assert len(got) <= 2 * len(data) + 1
    _use(profile, got)
    if not finds_itself(profile) and decoder.gap_ms:
        decoder.idle()
    frame, wanted = golden(profile)
    after: list[Message | FrameError] = []
    for _ in range(3):
        after += decoder.feed(frame)
        if not finds_itself(profile):
            after += decoder.idle()
    by_chance = [out for out in after if isinstance(out, Message) and out != wanted]
    by_chance += [out for out in after if isinstance(out, FrameError) and out.code in CHANCE]
    if by_chance and not isinstance(profile.framing, Delimited | Idle):
        return
    assert after[-1:] == [wanted], after


def _framed(profile: Profile, data: bytes) -> bytes | None:
    """`data` as the payload of a valid frame, so that what lies behind the checksum is reached."""
    match profile.framing:
        case Nmea():
            kinds = (b"GPRMC,", b"GNGGA,", b"GPGSV,", b"PMTK", b"")
            text = (kinds[data[0] % 5] if data else b"") + data[1:].replace(b"*", b"").replace(b"\r", b"")
            total = 0
            for byte in text:
                total ^= byte
            return b"$%s*%02X\r\n" % (text, total)
        case Delimited() | SyncLength() | Fixed() | Idle() as framing:
            forms = profile.message
            match_ = bytes(forms[data[0] % len(forms)].match) if data and forms else b""
            return wrap(framing, profile.checksum, match_ + data[1:])
    return None


def _use(profile: Profile, got: list[Message | FrameError]) -> None:
    """What comes out can be used, and an error can say itself."""
    credentials, said = Credentials(profile), set[tuple[object, ...]]()
    for out in got:
        assert isinstance(out, Message | FrameError), out
        if isinstance(out, FrameError):
            what = (out.code, *out.fields.values())
            if what not in said:  # garbage gives the same by the hundred thousand
                said.add(what)
                assert str(out)
            continue
        assert str(out)
        if profile.kind == "terminal" and not isinstance(profile.framing, Osdp):
            credentials.of(out)
        if out.name == "person":
            document(out.values, str)
