"""Checksums, by the name a profile uses. Two-byte sums are returned in wire order, low byte first.

A checksum finds line noise. It proves nothing about who sent the bytes.
"""

import binascii
import operator
from collections.abc import Callable
from functools import reduce

from edge_agent.model.framing import Checksum


def none(data: bytes) -> bytes:
    return b""


def xor(data: bytes) -> bytes:
    return bytes((reduce(operator.xor, data, 0),))


def sum8(data: bytes) -> bytes:
    return bytes((sum(data) & 0xFF,))


def _reflected(byte: int) -> int:
    for _ in range(8):
        byte = (byte >> 1) ^ 0xA001 if byte & 1 else byte >> 1
    return byte


_MODBUS = tuple(_reflected(byte) for byte in range(256))


def crc16_modbus(data: bytes) -> bytes:
    """Modbus over serial line V1.02, 6.2.2: polynomial A001 (reflected), start FFFF."""
    crc = 0xFFFF
    for byte in data:
        crc = (crc >> 8) ^ _MODBUS[(crc ^ byte) & 0xFF]
    return crc.to_bytes(2, "little")


def crc16_ccitt_1d0f(data: bytes) -> bytes:
    """OSDP (IEC 60839-11-5): polynomial 1021, start 1D0F, not reflected."""
    return binascii.crc_hqx(data, 0x1D0F).to_bytes(2, "little")


CHECKSUMS: dict[str, Callable[[bytes], bytes]] = {
    "none": none,
    "xor": xor,
    "sum8": sum8,
    "crc16-modbus": crc16_modbus,
    "crc16-ccitt-1d0f": crc16_ccitt_1d0f,
}


class Seal:
    """The checksum of one profile as it stands on the wire; `size` in bytes."""

    def __init__(self, checksum: Checksum) -> None:
        self._sum = CHECKSUMS[checksum.kind]
        self._high_first, self._digits = checksum.order == "high_first", checksum.digits
        self.over = checksum.over
        self.size = len(self._sum(b"")) * (2 if self._digits else 1)

    def of(self, data: bytes) -> bytes:
        """What stands on the wire behind `data`. Never raises: digits that are none have a sum that fits nothing."""
        if self._digits:
            try:
                data = bytes.fromhex(data.decode("ascii"))
            except ValueError:
                return bytes(self.size)
        total = self._sum(data)
        if self._high_first:
            total = total[::-1]
        return total.hex().upper().encode("ascii") if self._digits else total
