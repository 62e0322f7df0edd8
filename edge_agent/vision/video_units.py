"""The units a video stream is made of, whatever container carries them: what evidence is hashed over.

H.264 and H.265 travel as NAL units, behind start codes in a network stream (Annex B) and behind lengths in a file
(ISO/IEC 14496-15). A remux changes the one into the other and not a bit of the units; zeros after a unit are no part of
it (7.4.1). Everything else is hashed packet by packet.
"""

import hashlib
import re
from collections.abc import Iterator

START = re.compile(rb"\x00\x00\x01")
NAL = {"h264", "hevc"}


class UnitHash:
    """SHA-256 over every unit, each behind its length as 4 bytes, big-endian."""

    def __init__(self, codec: str, extradata: bytes | None) -> None:
        self._nal = codec in NAL
        # The first byte of avcC and hvcC is 1; Annex B begins with a zero.
        self._length_bytes = _length_bytes(codec, extradata) if extradata and extradata[0] == 1 else 0
        self._hash = hashlib.sha256()

    def add(self, packet: bytes) -> None:
        for unit in self._units(packet):
            self._hash.update(len(unit).to_bytes(4, "big") + unit)

    def hexdigest(self) -> str:
        return self._hash.hexdigest()

    def _units(self, packet: bytes) -> Iterator[bytes]:
        if not self._nal:
            yield packet
        elif self._length_bytes:
            yield from _behind_lengths(packet, self._length_bytes)
        else:
            yield from _behind_start_codes(packet)


def _length_bytes(codec: str, extradata: bytes) -> int:
    at = 4 if codec == "h264" else 21
    return (extradata[at] & 3) + 1 if len(extradata) > at else 4


def _behind_start_codes(packet: bytes) -> Iterator[bytes]:
    starts = [found.end() for found in START.finditer(packet)]
    for start, following in zip(starts, [*(end - 3 for end in starts[1:]), len(packet)], strict=True):
        if unit := packet[start:following].rstrip(b"\0"):
            yield unit


def _behind_lengths(packet: bytes, length_bytes: int) -> Iterator[bytes]:
    at = 0
    while at + length_bytes <= len(packet):
        size = int.from_bytes(packet[at : at + length_bytes], "big")
        at += length_bytes
        if unit := packet[at : at + size].rstrip(b"\0"):
            yield unit
        at += size
