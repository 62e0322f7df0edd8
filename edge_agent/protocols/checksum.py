"""Checksums, by the name a profile uses. Two-byte sums are returned in wire order, low byte first.

A checksum finds line noise. It proves nothing about who sent the bytes.
"""

from collections.abc import Callable


def none(data: bytes) -> bytes:
    return b""


def xor(data: bytes) -> bytes:
    total = 0
    for byte in data:
        total ^= byte
    return bytes((total,))


def sum8(data: bytes) -> bytes:
    return bytes((sum(data) & 0xFF,))


def crc16_modbus(data: bytes) -> bytes:
    """Modbus over serial line V1.02, 6.2.2: polynomial A001 (reflected), start FFFF."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return crc.to_bytes(2, "little")


def crc16_ccitt_1d0f(data: bytes) -> bytes:
    """OSDP (IEC 60839-11-5): polynomial 1021, start 1D0F, not reflected."""
    crc = 0x1D0F
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = ((crc << 1) ^ 0x1021) & 0xFFFF if crc & 0x8000 else crc << 1
    return crc.to_bytes(2, "little")


CHECKSUMS: dict[str, Callable[[bytes], bytes]] = {
    "none": none,
    "xor": xor,
    "sum8": sum8,
    "crc16-modbus": crc16_modbus,
    "crc16-ccitt-1d0f": crc16_ccitt_1d0f,
}
SIZES: dict[str, int] = {name: len(checksum(b"")) for name, checksum in CHECKSUMS.items()}
