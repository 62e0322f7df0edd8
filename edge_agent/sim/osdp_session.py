"""The reader's half of OSDP frames and its secure channel, written out from the standard (SIA OSDP 2.2, annex D).

Apart from libosdp and from protocols/, so that neither panel nor profile is tested against itself; an independent panel
checks it (tests/drivers/test_osdp_board.py). Raises Refused where a reader answers NAK.
"""

import secrets

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB

DEFAULT_KEY = bytes(range(0x30, 0x40))
NAK_COMMAND, NAK_SEQUENCE, NAK_SECURITY, NAK_RECORD = 3, 4, 6, 9
_MAC = 4


class Refused(Exception):
    """The reader says NAK with this reason."""

    def __init__(self, reason: int) -> None:
        super().__init__(reason)
        self.reason = reason


def crc16(data: bytes) -> bytes:
    crc = 0x1D0F
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1
        crc &= 0xFFFF
    return crc.to_bytes(2, "little")


def checked(frame: bytes) -> bytes | None:
    """What stands before the CRC or the checksum; None when that is wrong."""
    if frame[4] & 0x04:
        return frame[:-2] if crc16(frame[:-2]) == frame[-2:] else None
    return frame[:-1] if sum(frame) & 0xFF == 0 else None


def _ecb(key: bytes, block: bytes) -> bytes:
    cipher = Cipher(AES(key), ECB()).encryptor()
    return cipher.update(block) + cipher.finalize()


def _cbc(key: bytes, iv: bytes, blocks: bytes, back: bool = False) -> bytes:
    cipher = Cipher(AES(key), CBC(iv))
    work = cipher.decryptor() if back else cipher.encryptor()
    return work.update(blocks) + work.finalize()


def _filled(data: bytes) -> bytes:
    data += b"\x80"
    return data + bytes(-len(data) % 16)


class Session:
    """`key` None: the reader is in its installation mode and takes the default key."""

    def __init__(self, key: bytes | None, cuid: bytes) -> None:
        self.key, self._cuid = key, cuid
        self.active = False
        self.default = False  # the channel that stands uses the default key
        self._enc = self._mac1 = self._mac2 = self._last = b""
        self._a = self._b = b""

    def challenge(self, random: bytes, block: bytes) -> tuple[bytes, bytes]:
        """osdp_CHLNG → security block and data of osdp_CCRYPT."""
        self.active = False
        self.default = self.key is None
        if self.default and block[2]:
            raise Refused(NAK_SECURITY)
        key = DEFAULT_KEY if self.key is None else self.key  # what was asked for: some panels always say the default
        self._a, self._b = random, secrets.token_bytes(8)
        seed = random[:6] + bytes(8)
        self._enc, self._mac1, self._mac2 = (_ecb(key, head + seed) for head in (b"\x01\x82", b"\x01\x01", b"\x01\x02"))
        cryptogram = _ecb(self._enc, self._a + self._b)
        return bytes((3, 0x12, not self.default)), self._cuid + self._b + cryptogram

    def prove(self, cryptogram: bytes, block: bytes) -> tuple[bytes, bytes]:
        """osdp_SCRYPT → security block and data of osdp_RMAC_I; the channel stands."""
        if not self._enc or cryptogram != _ecb(self._enc, self._b + self._a):
            raise Refused(NAK_SECURITY)
        self._last = _ecb(self._mac2, _ecb(self._mac1, cryptogram))
        self.active = True
        return bytes((3, 0x14, 1)), self._last

    def unwrap(self, body: bytes) -> bytes:
        """Command code and data of a frame (without CRC) in the channel: its MAC is right, its data decrypted."""
        text, mac = body[:-_MAC], body[-_MAC:]
        before, self._last = self._last, self._sum(text)
        if self._last[:_MAC] != mac:
            self.active = False
            raise Refused(NAK_SECURITY)
        content = text[5 + text[5] :]
        if text[6] == 0x17:
            plain = _cbc(self._enc, bytes(byte ^ 0xFF for byte in before), content[1:], back=True)
            content = content[:1] + plain[: plain.rindex(0x80)]
        return content

    def wrap(self, address: int, control: int, content: bytes) -> bytes:
        """A reply in the channel, without its CRC; LEN is right for a CRC behind it."""
        kind, data = 0x16, content[1:]
        if data:
            kind, data = 0x18, _cbc(self._enc, bytes(byte ^ 0xFF for byte in self._last), _filled(data))
        text = _head(address, control | 0x08, 2 + 1 + len(data) + _MAC) + bytes((2, kind)) + content[:1] + data
        self._last = self._sum(text)
        return text + self._last[:_MAC]

    def _sum(self, text: bytes) -> bytes:
        blocks = _filled(text) if len(text) % 16 else text
        iv = _cbc(self._mac1, self._last, blocks[:-16])[-16:] if len(blocks) > 16 else self._last
        return _cbc(self._mac2, iv, blocks[-16:])


def plain(address: int, control: int, content: bytes, block: bytes = b"") -> bytes:
    """A reply outside the channel, without its CRC."""
    return _head(address, control | (0x08 if block else 0), len(block) + len(content)) + block + content


def _head(address: int, control: int, length: int) -> bytes:
    return bytes((0x53, address | 0x80)) + (5 + length + 2).to_bytes(2, "little") + bytes((control,))
