"""Parts of a payload: bytes to a value and back, by the name a profile gives the kind (`as`).

`read` gives None for bytes that are not of the kind; `write` gives None for a value that the bytes could not be read
back to.
"""

from collections.abc import Callable

from edge_agent.model.framing import Field, MessageForm
from edge_agent.model.reads import Card
from edge_agent.protocols.keypad import FROM_4BIT, FROM_8BIT
from edge_agent.protocols.wiegand import from_left_justified, to_left_justified

Value = str | int
_HEX = frozenset(b"0123456789ABCDEFabcdef")
_DEC = frozenset(b"0123456789")
_NUMBER_DIGITS = 18
MAY_BE_EMPTY = frozenset({"text", "unused"})


def values_of(form: MessageForm, payload: bytes) -> dict[str, Value] | str:
    """The values of all fields, or the name of the field that is wrong (`-`: bytes are left over)."""
    values: dict[str, Value] = {}
    at = len(form.match)
    for field in form.fields:
        end, skip = len(payload), 0
        if field.until is not None:
            end, skip = payload.find(field.until, at), 1
        elif field.length is not None:
            end = at + field.length
        if not at <= end <= len(payload):
            return field.name
        value = read(field.kind, payload[at:end])
        if value is None:
            return field.name
        if field.kind != "unused":
            values[field.name] = value
        at = end + skip
    return values if at == len(payload) else "-"


def payload_of(form: MessageForm, values: dict[str, Value]) -> bytes | str:
    """The payload that carries `values`, or the name of the field that cannot."""
    payload = bytearray(form.match)
    for field in form.fields:
        part = write(field, values.get(field.name))
        if part is None:
            return field.name
        payload += part
    return bytes(payload)


def read(kind: str, part: bytes) -> Value | None:
    if not part and kind not in MAY_BE_EMPTY:
        return None
    match kind:
        case "ascii-hex":
            return part.decode("ascii").upper() if _HEX.issuperset(part) else None
        case "hex-number":
            return int(part, 16) if _HEX.issuperset(part) else None
        case "ascii-dec":
            return part.decode("ascii") if _DEC.issuperset(part) else None
        case "dec-number":
            return int(part) if _DEC.issuperset(part) and len(part) <= _NUMBER_DIGITS else None
        case "text":
            return _printable(part, "utf-8")
        case "utf-16le":
            text = _printable(part, "utf-16-le")
            return None if text is None else text.rstrip(" ")
        case "bytes":
            return part.hex().upper()
        case "uint-le":
            return int.from_bytes(part, "little") if len(part) <= 8 else None
        case "uint-be":
            return int.from_bytes(part, "big") if len(part) <= 8 else None
        case "bcd":
            return part.hex() if part.hex().isdecimal() else None
        case "wiegand":
            return _bits(part)
        case "key-4bit":
            return _keys(part, FROM_4BIT)
        case "key-8bit":
            return _keys(part, FROM_8BIT)
        case "unused":
            return ""
    raise AssertionError(kind)


def write(field: Field, value: Value | None) -> bytes | None:
    if field.kind == "unused":
        return bytes(field.length or 0)
    if value is None:
        return None
    try:
        part = _WRITE[field.kind](value, field.length)
    except (ValueError, OverflowError, TypeError, AttributeError, KeyError):
        return None
    if field.length is not None and len(part) != field.length:
        return None
    mark = b"" if field.until is None else bytes((field.until,))
    if (mark and mark in part) or read(field.kind, part) != value:
        return None
    return part + mark


def _printable(part: bytes, encoding: str) -> str | None:
    try:
        text = part.decode(encoding)
    except UnicodeDecodeError:
        return None
    return None if any(char < " " or "\x7f" <= char < "\xa0" for char in text) else text


def _bits(part: bytes) -> str | None:
    bits, data = part[0], part[1:]
    if not bits or len(data) != (bits + 7) // 8:
        return None
    card = from_left_justified(bits, data)
    return f"{card.raw:0{bits}b}" if to_left_justified(card) == data else None


def _keys(part: bytes, table: dict[int, str]) -> str | None:
    keys = [table.get(byte) for byte in part]
    return None if None in keys else "".join(key or "" for key in keys)


def _digits(value: Value, length: int | None) -> bytes:
    return str(value).encode("ascii")


def _wiegand(value: Value, length: int | None) -> bytes:
    text = str(value)
    return bytes((len(text),)) + to_left_justified(Card(len(text), int(text, 2)))


def _number(pattern: str, value: Value, length: int | None) -> bytes:
    return f"{int(value):0{length or 1}{pattern}}".encode("ascii")


def _key_bytes(value: Value, table: dict[int, str]) -> bytes:
    codes = {key: code for code, key in table.items()}
    return bytes(codes[key] for key in str(value))


_WRITE: dict[str, Callable[[Value, int | None], bytes]] = {
    "ascii-hex": _digits,
    "ascii-dec": _digits,
    "hex-number": lambda value, length: _number("X", value, length),
    "dec-number": lambda value, length: _number("d", value, length),
    "text": lambda value, length: str(value).encode("utf-8"),
    "utf-16le": lambda value, length: str(value).ljust((length or 0) // 2).encode("utf-16-le"),
    "bytes": lambda value, length: bytes.fromhex(str(value)),
    "uint-le": lambda value, length: int(value).to_bytes(length or 0, "little"),
    "uint-be": lambda value, length: int(value).to_bytes(length or 0, "big"),
    "bcd": lambda value, length: bytes.fromhex(str(value)),
    "wiegand": _wiegand,
    "key-4bit": lambda value, length: _key_bytes(value, FROM_4BIT),
    "key-8bit": lambda value, length: _key_bytes(value, FROM_8BIT),
}
