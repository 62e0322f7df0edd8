"""What is at the end of a line: listen first, then ask what no device answers with a movement or a change.

Everything that may ever be sent is in `questions`, and it is little: who are you (OSDP ID), what do your relays and
inputs read (Modbus functions 01 and 02), are you well (ID-card module), what is your state (the query of a gate
profile). Nothing is sent at all on a line where somebody else is asking already.
"""

import select
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from edge_agent.drivers.link import Port
from edge_agent.drivers.tap import decoded, listen
from edge_agent.errors import EdgeAgentError
from edge_agent.model.profile import Frames, Modbus, Nmea, Osdp, Profile
from edge_agent.protocols.checksum import crc16_ccitt_1d0f, crc16_modbus, xor
from edge_agent.protocols.codec import Decoder, Message, encode

BAUDS = (9600, 115200, 19200, 38400, 57600)
ADDRESSES = (0, 1, 2, 3)
SDT_HEADER = bytes.fromhex("AA AA AA 96 69")
_SDT_STATUS = SDT_HEADER + bytes.fromhex("00 03 11 FF ED")
_SDT_BAUD = 115200
_OSDP_LAST, _MODBUS_LAST = 126, 247  # beyond: broadcast and reply bit; reserved
_BENCH = 255  # some relay boards answer it while they have no address yet
_ANSWER_S, _QUIET_S = 0.25, 0.03
LEVELS = ("sure", "likely", "possible")


@dataclass(frozen=True)
class Candidate:
    """`profile` is empty when the device is known but none of the profiles here speaks its language. `code` and
    `fields` say why.
    """

    level: str
    profile: str
    kind: str
    baud: int
    address: int | None
    code: str
    fields: dict[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True)
class Question:
    """`judge` what came back, without the line's echo."""

    name: str
    data: bytes
    judge: Callable[[bytes, int], list[Candidate]]
    address: int | None = None


@dataclass
class Heard:
    """What listening at one speed gave. `master`: somebody asks on this line already."""

    data: bytes
    candidates: list[Candidate]
    master: bool


def framing_of(profile: Profile) -> str:
    """The kind of its [framing], as the file names it."""
    return str(profile.framing.__struct_config__.tag)


def listened(port: Port, for_s: float, profiles: Sequence[Profile], baud: int) -> Heard:
    """Sends nothing. Raises DeviceUnavailable."""
    pieces = [chunk.data for chunk in listen(port, for_s)]
    data = b"".join(pieces)
    panel, readers = _osdp_traffic(data)
    found = [
        Candidate(_osdp_level(profile), profile.id, profile.kind, baud, at, "device.why_heard_osdp", {"address": at})
        for at in sorted(readers)
        for profile in profiles
        if isinstance(profile.framing, Osdp)
    ]
    master = panel or any(len(piece) >= 4 and crc16_modbus(piece[:-2]) == piece[-2:] for piece in pieces)
    return Heard(data, found if master else found + spoken(pieces, profiles, baud), master)


def _osdp_level(profile: Profile) -> str:
    """Every OSDP device is sure to be what the plainest profile says; whether it has more, it was not asked."""
    framing = profile.framing
    more = profile.kind != "terminal" or "text" in profile.provides
    return "possible" if more or (isinstance(framing, Osdp) and framing.ignore_unsolicited) else "sure"


def spoken(pieces: Sequence[bytes], profiles: Sequence[Profile], baud: int) -> list[Candidate]:
    """Which profiles make sense of these bytes, and how much."""
    found = []
    for profile in profiles:
        if not isinstance(profile.framing, Frames | Nmea):
            continue  # asked, or no line at all
        decoder = Decoder(profile)
        got = [out for piece in pieces for out in decoded(decoder, piece)]
        messages = sum(isinstance(out, Message) for out in got)
        if not messages:
            continue
        errors = len(got) - messages
        checked = profile.checksum.kind != "none" or isinstance(profile.framing, Nmea)
        level = (
            "sure" if checked and messages > errors else "likely" if checked or messages > 1 + errors else "possible"
        )
        fields: dict[str, str | int] = {"messages": messages, "errors": errors}
        found.append(Candidate(level, profile.id, profile.kind, baud, None, "device.why_heard", fields))
    return found


def questions(profiles: Sequence[Profile], baud: int, addresses: Sequence[int], *, chosen: bool) -> Iterator[Question]:
    """Everything that is ever sent. `chosen`: the speed was ordered, so also what usually runs at another one."""
    osdp = [profile for profile in profiles if isinstance(profile.framing, Osdp)]
    modbus = [profile for profile in profiles if isinstance(profile.framing, Modbus)]
    for address in (address for address in addresses if address <= _OSDP_LAST):
        yield Question("OSDP ID", osdp_id(address), _judge_osdp(osdp, address), address)
    for address in (address for address in (*addresses, _BENCH) if 0 < address <= _MODBUS_LAST or address == _BENCH):
        for function in (1, 2):
            frame = bytes((address, function, 0, 0, 0, 8))
            frame += crc16_modbus(frame)
            yield Question(f"Modbus {function:02d}", frame, _judge_modbus(modbus, address, function), address)
    if chosen or baud == _SDT_BAUD:
        yield Question("ID-card module", _SDT_STATUS, _judge_sdt(profiles))
    for profile in profiles:
        if profile.kind == "gate" and isinstance(profile.framing, Frames) and (chosen or profile.link.baud == baud):
            try:
                query = encode(profile, "query")
            except EdgeAgentError:
                continue  # this board is not asked in this way
            yield Question(profile.id, query, _judge_gate(profile))


def ask(port: Port, question: Question, baud: int) -> tuple[list[Candidate], bool]:
    """The candidates it gives, and whether the line sent the question back. Raises DeviceUnavailable."""
    port.flush()
    port.write(question.data)
    answer, until = b"", time.monotonic() + _ANSWER_S + len(question.data) * 10 / baud
    while (now := time.monotonic()) < until:
        if select.select([port], [], [], until - now)[0] and (data := port.read()):
            answer += data
            until = min(until + _QUIET_S, now + _ANSWER_S)
    echoed = answer.startswith(question.data)
    return question.judge(answer[len(question.data) :] if echoed else answer, baud), echoed


def osdp_id(address: int) -> bytes:
    """osdp_ID in clear with sequence 0 (IEC 60839-11-5): who are you."""
    frame = bytes((0x53, address, 9, 0, 0x04, 0x61, 0x00))
    return b"\xff" + frame + crc16_ccitt_1d0f(frame)


def osdp_frames(data: bytes) -> list[bytes]:
    """Whole OSDP frames in `data`, without their CRC."""
    frames, at = [], 0
    while (at := data.find(0x53, at)) >= 0:
        length = int.from_bytes(data[at + 2 : at + 4], "little")
        frame = data[at : at + length]
        if 8 <= length == len(frame) and crc16_ccitt_1d0f(frame[:-2]) == frame[-2:]:
            frames.append(frame[:-2])
            at += length
        else:
            at += 1
    return frames


def _osdp_traffic(data: bytes) -> tuple[bool, set[int]]:
    """Whether a panel asks, and the addresses of readers that answer."""
    frames = osdp_frames(data)
    return any(not frame[1] & 0x80 for frame in frames), {frame[1] & 0x7F for frame in frames if frame[1] & 0x80}


def _judge_osdp(profiles: Sequence[Profile], address: int) -> Callable[[bytes, int], list[Candidate]]:
    def judge(answer: bytes, baud: int) -> list[Candidate]:
        frames = osdp_frames(answer)
        reply = next((frame for frame in frames if frame[1] == address | 0x80), None)
        if reply is None:
            return []
        code, fields = "device.why_osdp", {"address": address}
        if reply[5] == 0x45 and len(reply) >= 18:  # osdp_PDID: OUI, model, version, serial LE4, firmware
            body = reply[6:]
            code = "device.why_osdp_id"
            fields |= {"vendor": body[:3].hex("-").upper(), "model": body[3], "version": body[4]}  # type: ignore[dict-item]
            fields["serial"] = int.from_bytes(body[5:9], "little")
        facts: dict[str, str | int] = dict(fields)
        fitting = [(_osdp_level(profile), profile.id, profile.kind) for profile in profiles]
        return [Candidate(*one, baud, address, code, facts) for one in fitting or [("sure", "", "terminal")]]

    return judge


def _judge_modbus(profiles: Sequence[Profile], address: int, function: int) -> Callable[[bytes, int], list[Candidate]]:
    def judge(answer: bytes, baud: int) -> list[Candidate]:
        facts: dict[str, str | int] = {"address": address, "function": function}
        good = answer[:3] == bytes((address, function, 1)) and len(answer) == 6
        refused = answer[:2] == bytes((address, function | 0x80)) and len(answer) == 5
        if not (good or refused) or crc16_modbus(answer[:-2]) != answer[-2:]:
            return []
        code = "device.why_modbus" if good else "device.why_modbus_refused"
        fitting = [profile for profile in profiles if profile.kind == "gate" or refused]
        level = "likely" if good and fitting else "possible"  # a board is there; which one it is, it does not say
        kinds = [(profile.id, profile.kind) for profile in fitting] or [("", "gate")]
        return [Candidate(level, name, kind, baud, address, code, facts) for name, kind in kinds]

    return judge


def _judge_sdt(profiles: Sequence[Profile]) -> Callable[[bytes, int], list[Candidate]]:
    def judge(answer: bytes, baud: int) -> list[Candidate]:
        at = answer.find(SDT_HEADER)
        if at < 0 or len(answer) < at + 11:
            return []
        length = int.from_bytes(answer[at + 5 : at + 7], "big")
        body = answer[at + 5 : at + 7 + length]
        if len(body) != length + 2 or xor(body[:-1]) != body[-1:]:
            return []
        names = [p.id for p in profiles if bytes(getattr(p.framing, "header", ())) == SDT_HEADER] or [""]
        return [Candidate("sure", name, "id-reader", baud, None, "device.why_sdt") for name in names]

    return judge


def _judge_gate(profile: Profile) -> Callable[[bytes, int], list[Candidate]]:
    def judge(answer: bytes, baud: int) -> list[Candidate]:
        got = Decoder(profile).feed(answer)
        if not any(isinstance(out, Message) and out.name == "state" for out in got):
            return []
        return [Candidate("sure", profile.id, "gate", baud, None, "device.why_gate")]

    return judge
