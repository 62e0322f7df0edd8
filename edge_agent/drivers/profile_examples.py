"""A profile's golden bytes, fed as a line would bring them: whole, in pieces, twice in one go, between garbage."""

from collections.abc import Iterable
from datetime import UTC
from pathlib import Path

from edge_agent.errors import EdgeAgentError, FrameError, Problem
from edge_agent.model.profile import Delimited, Example, Fixed, HttpPush, Modbus, Nmea, Osdp, Profile, SyncLength
from edge_agent.protocols.codec import Decoder, Message, encode
from edge_agent.protocols.delimited import end_bytes
from edge_agent.protocols.push import read_push, told

_NOISE = bytes.fromhex("00 FF 11 9A 7E")


def run_examples(profile: Profile, path: Path) -> list[Problem]:
    match profile.framing:
        case HttpPush() as push:
            return list(_reports(push, str(path)))
        case Modbus():
            from edge_agent.drivers.modbus_examples import modbus_examples  # its library is loaded for who uses it only

            return modbus_examples(profile, str(path))
    problems: list[Problem] = []
    for index, example in enumerate(profile.example):
        at = f"example[{index}]"
        if example.gives is not None:
            problems += _decodes(profile, example, str(path), at)
        else:
            problems += _encodes(profile, example, str(path), at)
    return problems


def decoded(profile: Profile, pieces: Iterable[bytes], silent: bool = True) -> list[Message | FrameError]:
    """What `pieces` come to; `silent`: the line falls silent after each."""
    decoder = Decoder(profile)
    got: list[Message | FrameError] = []
    for piece in pieces:
        got += decoder.feed(piece)
        got += decoder.idle() if silent else []
    return got + decoder.idle()


def _decodes(profile: Profile, example: Example, file: str, at: str) -> Iterable[Problem]:
    frame, values = bytes.fromhex(example.bytes), dict(example.gives or {})
    wanted = Message(str(values.pop("message")), values)
    noise = _noise(profile)
    after_noise, twice = [noise, frame, noise, frame], [frame + frame]
    if finds_itself(profile):
        after_noise = [noise + frame + noise, frame]
    if _ends_by_silence(profile, frame):
        twice = [frame, frame]
    feeds: list[tuple[str, list[bytes], int, bool]] = [
        ("whole", [frame], 1, True),
        ("byte by byte", [frame[i : i + 1] for i in range(len(frame))], 1, False),
        ("two in one read", twice, 2, True),
        ("garbage before and after", after_noise if noise else [frame, frame], 2, True),
    ]
    feeds += [(f"split after {i} bytes", [frame[:i], frame[i:]], 1, False) for i in range(1, len(frame))]
    for how, pieces, count, silent in feeds:
        got = decoded(profile, pieces, silent)
        messages = [out for out in got if isinstance(out, Message)]
        if how.startswith("garbage") and not finds_itself(profile):
            messages = [message for message in messages if message == wanted]
        if messages != [wanted] * count:
            seen = "; ".join(out.in_full() if isinstance(out, Message) else str(out) for out in got) or "nothing"
            yield Problem(file, at, "devices.profile_example", how=how, got=seen, wanted=wanted.in_full())
            return


def _reports(push: HttpPush, file: str) -> Iterable[Problem]:
    """The golden reports of a terminal that pushes, read as they come; a time without a zone is one of UTC there."""
    for index, example in enumerate(push.example):
        text = example.body.replace("\n", "\r\n") if example.content_type.startswith("multipart") else example.body
        try:
            got: object = told(read_push(push, example.content_type, text.encode(), UTC))
        except FrameError as error:
            got = str(error)
        if got != example.gives:
            at = f"framing.example[{index}]"
            yield Problem(file, at, "push.example", got=got, wanted=example.gives)


def _ends_by_silence(profile: Profile, frame: bytes) -> bool:
    decoder = Decoder(profile)
    decoder.feed(frame)
    return decoder.held > 0


def finds_itself(profile: Profile) -> bool:
    """Whether frames are told from garbage by the bytes alone, without silence in between."""
    match profile.framing:
        case Delimited(start=start):
            return start is not None
        case Fixed(header=header):
            return bool(header) or profile.checksum.kind != "none"
        case SyncLength() | Osdp() | Nmea():
            return True
    return False


def _noise(profile: Profile) -> bytes:
    """Garbage that cannot begin a frame; none where every byte is one."""
    match profile.framing:
        case Delimited(start=int(start)):
            return _NOISE.replace(bytes((start,)), b"")
        case Fixed(header=header) | SyncLength(header=header) if header:
            return _NOISE.replace(bytes(header[:1]), b"")
        case Fixed(length=1):
            return b""
        case Delimited(start=None, end=end, gap_ms=None):
            return _NOISE + end_bytes(end)
    return _NOISE


def _encodes(profile: Profile, example: Example, file: str, at: str) -> Iterable[Problem]:
    values = dict(example.made_from or {})
    name = str(values.pop("command"))
    wanted = bytes.fromhex(example.bytes)
    try:
        got = encode(profile, name, **values).hex(" ")
    except EdgeAgentError as error:
        got = str(error)
    if got != wanted.hex(" "):
        yield Problem(file, at, "devices.profile_example", how="encode", got=got, wanted=wanted.hex(" "))
