"""Tables of a TOML file → structs, with every mistake noted and none thrown: what config.py and site_kind.py share.

Knows keys, types and ranges of one table at a time; what refers to what is judged by its users.
"""

import codecs
import math
import re
import sys
import tomllib
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

import msgspec

from edge_agent.errors import EdgeAgentError, Problem, locked
from edge_agent.model.site import (
    ColumnLine,
    Deterrent,
    Door,
    Escort,
    Facade,
    FirstPerson,
    FloorLine,
    GateBinding,
    GateLines,
    Table,
    TwoPersons,
    Uplink,
    UplinkTls,
    WaysAt,
)

T = TypeVar("T", bound=Table)

NESTED: dict[tuple[type[Table], str], type[Table]] = {
    (Uplink, "tls"): UplinkTls,
    (Door, "gate"): GateBinding,
    (Deterrent, "output"): GateBinding,
    (GateBinding, "lines"): GateLines,
    (Door, "first_person"): FirstPerson,
    (Door, "two_persons"): TwoPersons,
    (Door, "escort"): Escort,
}
NESTED_ARRAYS: dict[tuple[type[Table], str], type[Table]] = {
    (Door, "ways_at"): WaysAt,
    (Facade, "lines"): FloorLine,
    (Facade, "columns"): ColumnLine,
}
RANGES = {
    "release_s": (0.5, 25.5), "open_s": (1.0, 3600.0), "extended_release_s": (0.5, 25.5),
    "extended_open_s": (1.0, 3600.0), "relock_s": (0.0, 25.5), "prealarm_s": (0.0, 3600.0),
    "factor_within_s": (2.0, 120.0), "timed_min": (0, 1440), "max_people": (0, 100_000), "min_people": (0, 100_000),
    "minutes": (1, 1440), "count": (2, 5), "wrong_tries": (1, 5), "lockout_s": (5.0, 3600.0),
    "lockout_most_s": (5.0, 86_400.0), "panic_repeat_s": (5.0, 600.0),
    "fps": (0.01, 60.0), "pre_s": (0.0, 60.0), "post_s": (0.0, 60.0), "longest_s": (2.0, 600.0),
    "keep_days": (30, 3650), "max_mb": (16, 10_000_000), "on_s": (0.5, 25.5), "cooldown_s": (1.0, 86_400.0),
    "per_hour": (1, 60),
    "acknowledge_s": (5.0, 3600.0), "dispatch_s": (5.0, 3600.0), "arrive_s": (5.0, 7200.0),
    "confirm_within_s": (10.0, 3600.0), "stay_min": (5, 10_080), "delivery_min": (5, 1440), "early_min": (0, 1440),
    "overstay_min": (0, 1440), "draft_s": (10.0, 3600.0), "retain_days": (1, 3650),
    "within_min": (1, 1440),
    "distance": (0.2, 1.3), "distance_claimed": (0.2, 1.4),  # the engine narrows it: config.py
    "margin": (0.0, 0.5), "agree": (2, 10), "of": (2, 20), "within_s": (0.5, 30.0),
    "lock_after_s": (60.0, 86_400.0), "session_h": (1.0, 24.0),
    "entry_days": (30, 3650), "record_days": (1095, 36_500),
    "sensitivity": (0.0, 1.0), "min_size": (0.01, 1.0), "loiter_s": (2.0, 3600.0), "crowd": (2, 200),
    "crowd_part": (0.05, 1.0), "crowd_s": (0.0, 600.0), "left_s": (5.0, 3600.0), "blocked_s": (5.0, 3600.0),
    "blocked_part": (0.01, 1.0), "down_s": (2.0, 600.0), "reset_min": (1, 1440),
    "floor_m": (2.0, 8.0), "ground_m": (2.0, 12.0), "column_m": (0.5, 20.0), "camera_m": (0.0, 60.0),
    "distance_m": (3.0, 300.0),
    "min_face_px": (40, 1000), "min_sharpness": (0.0, 1000.0),
}  # fmt: skip
# What msgspec calls a type → what TOML calls it, and what it looks like there.
KINDS = {
    "str": ("string", '"…"'), "int": ("integer", "1"), "float": ("number", "1.5"), "bool": ("boolean", "true"),
    "array": ("array", "[…]"), "object": ("table", "{ … }"),
}  # fmt: skip
TYPOGRAPHIC = "“”„‘’＂＇「」『』＝，．［］｛｝＃"
WHERE = r"(?: - at `\$(?P<inner>[\[\]\d]+)`)?"  # inside an array; what is inside a table is read for itself
MISMATCH = re.compile(r"Expected `(?P<wanted>[^`]+)`, got `(?P<got>[^`]+)`" + WHERE)
BOUND = re.compile(r"Expected `\w+` (?P<length>of length )?(?P<sign>[<>]=?) (?P<limit>\S+)" + WHERE)
LENGTH = re.compile(r"Expected `array` of length (?P<wanted>\d+), got (?P<got>\d+)" + WHERE)


class Reader:
    """Collects problems while the tables of one file become structs. `broken`: not all of them did."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.broken = False

    def wrong(self, at: str, code: str, **fields: Any) -> None:
        self.problems.append(Problem(self.file, at, code, **fields))

    def section(self, data: dict[str, Any], name: str, kind: type[T]) -> T | None:
        raw = data.get(name, {})
        if not isinstance(raw, dict):
            self.wrong(name, "config.not_a_table", name=name)
            self.broken = True
            return None
        return self.table(raw, kind, name)

    def tables(self, data: dict[str, Any], name: str, kind: type[T], inside: str = "") -> tuple[T, ...]:
        """An array of tables; `inside`: the table it stands in."""
        raw, at = data.get(name, []), f"{inside}.{name}" if inside else name
        if not isinstance(raw, list) or not all(isinstance(item, dict) for item in raw):
            self.wrong(at, "config.not_tables", name=name)
            self.broken = True
            return ()
        made = (self.table(item, kind, f"{at}[{index}]") for index, item in enumerate(raw))
        return tuple(table for table in made if table is not None)

    def table(self, raw: dict[str, Any], kind: type[T], at: str) -> T | None:
        """One table; None when it cannot be made of what is there. All that is wrong has then been noted.

        A key too many is noted and stands in nobody's way: what else is wrong comes at the same time.
        """
        fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
        for key in raw.keys() - fields.keys():
            self.wrong(at, "config.unknown_key", key=key, known=", ".join(fields))
        before = len(self.problems)
        values: dict[str, Any] = {}
        for key, field in fields.items():
            if key not in raw:
                if field.required:
                    self.wrong(at, "config.missing_key", key=key)
                continue
            nested = NESTED.get((kind, key))
            if nested is not None and isinstance(raw[key], dict):
                values[key] = self.table(raw[key], nested, f"{at}.{key}")
                continue
            if (inner := NESTED_ARRAYS.get((kind, key))) is not None:
                values[key] = self.tables(raw, key, inner, at)
                continue
            try:
                values[key] = msgspec.convert(raw[key], field.type)
            except msgspec.ValidationError as error:
                self._mismatch(f"{at}.{key}", key, raw[key], field, str(error))
                continue
            low, high = RANGES.get(key, (None, None))
            if low is not None and high is not None and values[key] is not None and not low <= values[key] <= high:
                self.wrong(f"{at}.{key}", "config.range", key=key, low=low, high=high)
        if len(self.problems) > before or None in (values[key] for key in values.keys() & nested_keys(kind)):
            self.broken = True
            return None
        return kind(**values)

    def _mismatch(self, at: str, key: str, value: Any, field: msgspec.structs.FieldInfo, why: str) -> None:
        """msgspec's refusal in the words of the file's author: what to write instead."""
        choices = choices_of(field.type)
        if match := MISMATCH.match(why):
            wanted, got = (match[name].split(" | ")[0] for name in ("wanted", "got"))
            word, example = KINDS.get(wanted, (wanted, "…"))
            inner = match["inner"] or ""
            if not inner and word in {"integer", "number"}:
                example = _meant(key, value, word) or _example(key, field.default, example)
            self.wrong(
                at + inner, "config.wrong_type", key=key + inner, wanted=word, example=example,
                got=KINDS.get(got, (got,))[0],
            )  # fmt: skip
        elif match := LENGTH.match(why):
            self.wrong(at + (match["inner"] or ""), "config.wrong_length", got=match["got"], wanted=match["wanted"])
        elif match := BOUND.match(why):
            inner, code = match["inner"] or "", "config.bound_length" if match["length"] else "config.bound"
            sign = {">=": "≥", "<=": "≤"}.get(match["sign"], match["sign"])
            self.wrong(at + inner, code, key=key + inner, sign=sign, limit=match["limit"])
        elif choices:
            self.wrong(at, "config.wrong_choice", key=key, value=as_toml(value), known=", ".join(map(as_toml, choices)))
        else:
            self.wrong(at, "config.wrong_value", key=key, why=why)


def _meant(key: str, value: Any, word: str) -> str | None:
    """The number that stands between quotes, where it may stand there without them."""
    try:
        number = (int if word == "integer" else float)(value) if isinstance(value, str) else math.nan
    except ValueError:
        return None
    low, high = RANGES.get(key, (-sys.float_info.max, sys.float_info.max))
    return as_toml(number) if low <= number <= high else None


def _example(key: str, default: Any, usual: str) -> str:
    """A number that may stand there."""
    low, high = RANGES.get(key, (float("-inf"), float("inf")))
    if low <= float(usual) <= high:
        return usual
    return as_toml(default if isinstance(default, int | float) else low)


def choices_of(kind: Any) -> tuple[Any, ...]:
    """The values a Literal allows, however deep it lies in the type."""
    if get_origin(kind) is Literal:
        return get_args(kind)
    return tuple(choice for part in get_args(kind) for choice in choices_of(part))


def as_toml(value: Any) -> str:
    """A value as it stands in the file. TOML writes text, numbers, truth and arrays as JSON does."""
    return msgspec.json.encode(value).decode() if isinstance(value, str | int | float | list) else str(value)


def nested_keys(kind: type[Table]) -> set[str]:
    return {key for table, key in NESTED if table is kind}


def read_toml(path: Path) -> tuple[dict[str, Any], bytes]:
    """The file's data and bytes. Raises Problem."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise Problem(str(path), "", "config.missing_file") from None
    except PermissionError:
        raise Problem(str(path), "", "config.file_locked", **locked(path)) from None
    except OSError as error:
        raise Problem(str(path), "", "config.unreadable", why=error.strerror) from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise Problem(str(path), "", "config.not_utf8", line=line, found=_encoding(raw)) from None
    try:
        return tomllib.loads(text), raw
    except tomllib.TOMLDecodeError as error:
        line, mark = _typographic(text, str(error))
        if mark:
            raise Problem(str(path), "", "config.typographic", line=line, mark=mark) from None
        raise Problem(str(path), "", "config.not_toml", why=error) from None


def _encoding(raw: bytes) -> str:
    """What bytes that are no UTF-8 probably are: what Chinese editors write otherwise."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in raw:
        return "UTF-16"
    try:
        raw.decode("gb18030")
    except UnicodeDecodeError:
        return "–"
    return "GBK"


def _typographic(text: str, why: str) -> tuple[int, str]:
    """The line where the parser stopped, and the mark that looks like TOML's own and is none (empty: there is none)."""
    at = re.search(r"\(at line (\d+), column (\d+)\)", why)
    if at is None:
        return 0, ""
    number, column = int(at[1]), int(at[2])
    line = text.replace("\r\n", "\n").split("\n")[number - 1]
    mark = line[column - 1 : column] or line.rstrip()[-1:]  # it looked to the line's end for the closing quote
    return number, mark if mark in TYPOGRAPHIC else ""


def demand_file(path: Path, missing: EdgeAgentError) -> None:
    """`path` is a file and may be read. Raises `missing`, or EdgeAgentError when the system keeps it from us."""
    try:
        if not path.is_file():
            raise missing
        path.open("rb").close()
    except PermissionError:
        raise EdgeAgentError("config.file_locked", **locked(path)) from None


def refer(reader: Reader, at: str, what: str, name: str, known: Any) -> None:
    if name not in known:
        reader.wrong(at, "config.no_such", what=what, name=name, known=", ".join(sorted(known)) or "–")
