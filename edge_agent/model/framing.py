"""How a device's bytes are cut into messages and checked: the `[framing]` and `[checksum]` of a profile, and fields.

Everything here is bounded: a frame has a greatest length, and every framing finds its way back after garbage by an end
mark, by a header with a checksum, or by a silence on the line.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from edge_agent.model.patterns import whole

Byte = Annotated[int, Meta(ge=0, le=255)]
Name = Annotated[str, Meta(pattern=whole(r"[a-z][a-z0-9_]*"))]
Hex = Annotated[
    str, Meta(pattern=whole(r"\s*([0-9A-Fa-f]{2}\s*)+"), description="bytes in hexadecimal, spaces allowed")
]
Header = Annotated[tuple[Byte, ...], Meta(min_length=1, max_length=16)]
Longest = Annotated[int, Meta(ge=1, le=4096, description="longest payload and checksum, bytes")]
Gap = Annotated[int, Meta(ge=5, le=2000, description="ms of silence that end what was begun")]


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all tables of a profile: an unknown key is an error, never ignored."""


class Delimited(Table, frozen=True, kw_only=True, tag_field="kind", tag="delimited"):
    """`start` payload checksum `end`. The payload holds neither `start` nor `end`; the checksum may be any byte.

    Without `start` a frame begins where the last one ended, empty ones are nothing, and there is no checksum. `end`: a
    byte, `crlf` (both, in this order) or `line` (CR, LF or both). `gap_ms` of silence ends a frame without `start` too,
    and forgets half a frame with one. `ignore`: byte sequences before a payload that say nothing.
    """

    start: Byte | None = None
    end: Byte | Literal["crlf", "line"]
    max_len: Longest
    gap_ms: Gap | None = None
    ignore: Annotated[tuple[Hex, ...], Meta(max_length=8)] = ()


class SyncLength(Table, frozen=True, kw_only=True, tag_field="kind", tag="sync_length"):
    """`header`, a length, the rest, checksum, `end` if there is one.

    `length_at`: how many bytes stand between header and length; they belong to the payload. `counts` what the length
    says: `rest` all bytes behind it, checksum and `end` included; `payload` without these two; `frame` the whole frame.
    """

    header: Header
    length_at: Annotated[int, Meta(ge=0, le=16)] = 0
    length_size: Literal[1, 2] = 1
    endian: Literal["big", "little"] = "big"
    counts: Literal["rest", "payload", "frame"] = "payload"
    end: Byte | None = None
    max_len: Longest
    gap_ms: Gap | None = None


class Fixed(Table, frozen=True, kw_only=True, tag_field="kind", tag="fixed"):
    """`length` bytes, beginning with `header` and ending with checksum and `end` where there are such.

    `gap_ms` of silence forgets half a frame; without header and checksum it is all that finds the beginning again.
    """

    length: Annotated[int, Meta(ge=1, le=4096)]
    header: Annotated[tuple[Byte, ...], Meta(max_length=16)] = ()
    end: Byte | None = None
    gap_ms: Gap | None = None


class Idle(Table, frozen=True, kw_only=True, tag_field="kind", tag="idle"):
    """A frame is what comes without a pause of `gap_ms`; the checksum is its end. `ignore`: as with `delimited`."""

    gap_ms: Gap
    max_len: Longest
    ignore: Annotated[tuple[Hex, ...], Meta(max_length=8)] = ()


class Nmea(Table, frozen=True, kw_only=True, tag_field="kind", tag="nmea"):
    """NMEA 0183 sentences, checksum required; `protocols/nmea.py` reads them."""


class Osdp(Table, frozen=True, tag_field="kind", tag="osdp"):
    """IEC 60839-11-5 on the wire, kept by libosdp. `insecure` allows a reader without a key: clear text on the bus.
    `ignore_unsolicited`: for a reader that answers polls with messages of its own; without it each takes it off line.
    """

    insecure: bool = False
    ignore_unsolicited: bool = False


Frames = Delimited | SyncLength | Fixed | Idle  # what a profile's own messages and commands stand in


class Checksum(Table, frozen=True):
    """Right after the payload; two-byte sums low byte first unless `order` says otherwise.

    `over`: the payload, the payload with the bytes of the length (`length`), or the frame from its first byte on.
    `digits`: payload and checksum are written in hexadecimal digits, the sum is over the bytes these digits say.
    """

    kind: Literal["none", "xor", "sum8", "crc16-modbus", "crc16-ccitt-1d0f"] = "none"
    over: Literal["payload", "length", "frame"] = "payload"
    order: Literal["low_first", "high_first"] = "low_first"
    digits: bool = False


class Field(Table, frozen=True, kw_only=True):
    """Part of a payload. `at`: where it begins, behind the one before it; `length` in bytes. Left out, the field takes
    the rest, or with `until` what stands before that byte.

    `as`: `ascii-hex` gives the digits as upper-case text (4 bits each), `ascii-dec` decimal digits as text,
    `hex-number` and `dec-number` a number written in digits, `text` UTF-8 without control characters, `utf-16le` text
    without the spaces at its end, `bytes` hexadecimal text, `uint-le` and `uint-be` a number of up to 8 bytes, `bcd`
    decimal digits as text, two to a byte, `wiegand` a text of 0 and 1 (one byte says how many, then the bits, filled
    up on the right), `key-4bit` and `key-8bit` keys as text, one to a byte, `unused` nothing at all.
    """

    name: Name
    at: Annotated[int, Meta(ge=0, le=4096)] | None = None
    length: Annotated[int, Meta(ge=1, le=4096)] | None = None
    until: Byte | None = None
    kind: Literal[
        "ascii-hex", "ascii-dec", "hex-number", "dec-number", "text", "utf-16le", "bytes", "uint-le", "uint-be",
        "bcd", "wiegand", "key-4bit", "key-8bit", "unused",
    ] = msgspec.field(name="as")  # fmt: skip


class MessageForm(Table, frozen=True):
    """One kind of payload: it begins with the bytes `match`, and these are its fields.

    The first form that fits counts.
    """

    name: Name
    match: tuple[Byte, ...] = ()
    fields: tuple[Field, ...] = ()
