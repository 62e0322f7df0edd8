"""Every mistake in a profile's form, not the first alone, each with its place."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec

from edge_agent.errors import Problem
from edge_agent.model.profile import Profile

_EXPECTED = re.compile(r"Expected `(?P<wanted>[^`]+)`(?:, got `(?P<got>[^`]+)`| (?P<limit>[<>]=? ?\S+))?")
_INVALID = re.compile(r"Invalid (?:enum )?value (?P<value>.+)")


def form_problems(data: dict[str, Any], path: Path) -> list[Problem]:
    """What keeps `data` from being a Profile; empty when nothing does."""
    return list(_mistakes(data, Profile, "", str(path)))


def _mistakes(value: Any, kind: Any, at: str, file: str) -> Iterator[Problem]:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        why = str(error).partition(" - at `$")[0]
    else:
        return
    plain = _plain(kind)
    table = _table(value, plain)
    if table is not None:
        yield from _in_table(value, table, at, file)
    elif get_origin(plain) is tuple and isinstance(value, list):
        inner = list(_in_items(value, get_args(plain)[0], at, file))
        yield from inner or [_said(why, value, plain, at, file)]
    else:
        yield _said(why, value, plain, at, file)


def _in_table(value: dict[str, Any], table: type[msgspec.Struct], at: str, file: str) -> Iterator[Problem]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(table)}
    tag = table.__struct_config__.tag_field
    for key in value.keys() - fields.keys() - {tag}:
        yield Problem(file, at, "devices.profile_unknown_field", key=key, known=", ".join(fields))
    for key, field in fields.items():
        place = f"{at}.{key}" if at else key
        if key in value:
            yield from _mistakes(value[key], field.type, place, file)
        elif field.required:
            yield Problem(file, at, "devices.profile_no_field", key=key)


def _in_items(value: list[Any], kind: Any, at: str, file: str) -> Iterator[Problem]:
    for index, item in enumerate(value):
        yield from _mistakes(item, kind, f"{at}[{index}]", file)


def _table(value: Any, kind: Any) -> type[msgspec.Struct] | None:
    """The table `value` is meant to be; of several, the one it names itself."""
    if not isinstance(value, dict):
        return None
    options = [one for one in _options(kind) if isinstance(one, type) and issubclass(one, msgspec.Struct)]
    tagged = [one for one in options if value.get(str(one.__struct_config__.tag_field)) == one.__struct_config__.tag]
    if tagged:
        return tagged[0]
    return options[0] if len(options) == 1 and options[0].__struct_config__.tag_field is None else None


def _options(kind: Any) -> tuple[Any, ...]:
    if get_origin(kind) in (Union, UnionType):
        return tuple(_plain(option) for option in get_args(kind))
    return (kind,)


def _plain(kind: Any) -> Any:
    return _plain(get_args(kind)[0]) if get_origin(kind) is Annotated else kind


def _said(why: str, value: Any, kind: Any, at: str, file: str) -> Problem:
    """msgspec's refusal in the words of the file's author."""
    shown = value if isinstance(value, str | int | float | bool) else type(value).__name__
    tags = [str(option.__struct_config__.tag) for option in _options(kind) if hasattr(option, "__struct_config__")]
    if isinstance(value, dict) and tags:
        place = f"{at}.kind" if at else "kind"
        named = value.get("kind", "–")
        return Problem(file, place, "devices.profile_choice", value=named, known=", ".join(tags))
    choices = [str(choice) for option in _options(kind) for choice in get_args(option) if not isinstance(choice, type)]
    if _INVALID.match(why) and choices:
        return Problem(file, at, "devices.profile_choice", value=shown, known=", ".join(choices))
    if (found := _EXPECTED.match(why)) and found["got"]:
        return Problem(file, at, "devices.profile_type", wanted=found["wanted"], got=found["got"])
    limit = why.removeprefix("Expected ").replace("`", "")
    return Problem(file, at, "devices.profile_range", value=shown, limit=limit)
