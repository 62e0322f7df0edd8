"""Modbus RTU frames through pymodbus: requests out of a profile's forms, answers out of whatever the line brought.

Moves no bytes itself. The library's client is not used: it has no lane for what is urgent, and what waits in its port
when a cable is pulled still goes out later. One physical fact to know: some half-duplex adapters hear themselves, and
the answer to a single write is its request byte for byte, so only a second copy proves it there.
"""

import struct
from collections.abc import Sequence
from typing import NamedTuple

from pymodbus.framer.rtu import FramerRTU
from pymodbus.pdu import DecodePDU, ModbusPDU
from pymodbus.pdu.bit_message import (
    ReadCoilsRequest,
    ReadDiscreteInputsRequest,
    WriteMultipleCoilsRequest,
    WriteSingleCoilRequest,
)
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadInputRegistersRequest,
    WriteMultipleRegistersRequest,
    WriteSingleRegisterRequest,
)

from edge_agent.model.registers import RegisterRead, RegisterWrite
from edge_agent.protocols.registers import words_of

_READS: dict[int, type[ModbusPDU]] = {
    1: ReadCoilsRequest, 2: ReadDiscreteInputsRequest, 3: ReadHoldingRegistersRequest, 4: ReadInputRegistersRequest,
}  # fmt: skip
_REFUSED = 0x80
_REFUSAL_SIZE = 5
_DECODER = DecodePDU(False)
_FRAMER = FramerRTU(_DECODER)


class _CoilWord(WriteSingleCoilRequest):
    """Function 5 with any value: relay boards take a time there, where the standard knows FF00 and 0000 only."""

    def encode(self) -> bytes:
        return struct.pack(">HH", self.address, self.registers[0])


class Request(NamedTuple):
    """`size` of the whole answer; `mirrored`: the answer is the request itself."""

    unit: int
    function: int
    frame: bytes
    size: int
    items: int
    mirrored: bool


class Answer(NamedTuple):
    """Bits (0 or 1) or registers that were read; nothing after a write."""

    values: tuple[int, ...]


class Refusal(NamedTuple):
    code: int


class Stranger(NamedTuple):
    """A whole answer of a unit that was not asked, or to another question."""

    unit: int


def read(unit: int, form: RegisterRead) -> Request:
    pdu = _READS[form.function](dev_id=unit, address=form.address, count=form.count)
    size = 5 + ((form.count + 7) // 8 if form.function <= 2 else 2 * form.count)
    return Request(unit, form.function, _FRAMER.buildFrame(pdu), size, form.count, mirrored=False)


def write(unit: int, form: RegisterWrite, relay: int, seconds: float = 0.0, address: int = 0) -> Request:
    """The frame that switches `relay` (from 0); `seconds` where the form has a time, `address` where it has one."""
    at, words = form.address + relay * form.step, words_of(form, seconds, address)
    pdu: ModbusPDU
    match form.function:
        case 5:
            pdu = _CoilWord(dev_id=unit, address=at, registers=words[:1])
        case 6:
            pdu = WriteSingleRegisterRequest(dev_id=unit, address=at, registers=list(words[:1]))
        case 15:
            pdu = WriteMultipleCoilsRequest(dev_id=unit, address=at, bits=[bool(word) for word in words])
        case 16:
            pdu = WriteMultipleRegistersRequest(dev_id=unit, address=at, registers=list(words))
    return Request(unit, form.function, _FRAMER.buildFrame(pdu), 8, len(words), mirrored=form.function in (5, 6))


def answer_in(heard: bytes, request: Request, copies: int = 1) -> Answer | Refusal | None:
    """The answer among the bytes heard since the request went out; garbage around it and our own echo are passed over.

    `copies`: how often a mirrored answer must be there (2 where the adapter hears itself).
    """
    if request.mirrored:
        if heard.count(request.frame) >= copies:
            return Answer(())
    else:
        for at in range(len(heard) - request.size + 1):
            frame = heard[at : at + request.size]
            if frame[0] == request.unit and frame[1] == request.function and _whole(frame):
                if (values := _values(frame, request)) is not None:
                    return Answer(values)
    for at in range(len(heard) - _REFUSAL_SIZE + 1):
        frame = heard[at : at + _REFUSAL_SIZE]
        if frame[0] == request.unit and frame[1] == request.function | _REFUSED and _whole(frame):
            return Refusal(frame[2])
    return None


def stranger_in(heard: bytes, request: Request) -> Stranger | None:
    """A sound answer that is not ours, when ours did not come."""
    for at in range(len(heard) - 3):
        rest = heard[at:]
        form = _DECODER.lookupPduClass(rest)
        size = form.calculateRtuFrameSize(rest) if form is not None and len(rest) > 2 else 0
        if 4 <= size <= len(rest) and rest[:size] != request.frame and _whole(rest[:size]):
            return Stranger(rest[0])
    return None


def without_echo(heard: bytes, request: Request) -> bytes:
    return heard.removeprefix(request.frame)


def _whole(frame: bytes) -> bool:
    return FramerRTU.check_CRC(frame[:-2], int.from_bytes(frame[-2:], "big"))


def _values(frame: bytes, request: Request) -> tuple[int, ...] | None:
    if request.function >= 15:
        return () if frame[2:6] == request.frame[2:6] else None
    if frame[2] != request.size - 5:
        return None
    pdu = _DECODER.decode(frame[1:-2])
    if pdu is None:
        return None
    found: Sequence[int] = [int(bit) for bit in pdu.bits] if request.function <= 2 else pdu.registers
    return tuple(found[: request.items])
