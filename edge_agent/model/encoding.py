"""The one way a struct becomes bytes.

Canonical JSON: UTF-8, keys sorted, no spaces, fields that hold their default left out. Journal rows, signatures and
MQTT payloads all use it, so that the same content always has the same bytes and the same hash.
"""

import inspect
from typing import Any

import msgspec

from edge_agent.model.patterns import NO_NEWLINE

_encoder = msgspec.json.Encoder(order="sorted")


def canonical(value: Any) -> bytes:
    """`value` (a struct, or plain JSON data) as canonical JSON bytes."""
    return _encoder.encode(value)


def plain(value: Any) -> Any:
    """`value` as plain JSON data (dict, list, str, int …), with the same content as `canonical(value)`."""
    return msgspec.to_builtins(value)


def json_schema(kind: Any) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a struct, the same on every Python: from 3.13 on docstrings come without indent."""
    schema: dict[str, Any] = _published(msgspec.json.schema(kind))
    return schema


def json_schemas(kinds: list[Any], ref_template: str) -> dict[str, Any]:
    """Name -> schema of `kinds` and of all they refer to, by `ref_template`."""
    _, schemas = msgspec.json.schema_components(kinds, ref_template=ref_template)
    return {name: _published(schema) for name, schema in schemas.items()}


def _published(schema: Any) -> Any:
    """For readers of any language: ECMA-262 ends at `$`, and RE2 (Go, Rust) knows no look-ahead."""
    match schema:
        case str():
            return schema.removesuffix(NO_NEWLINE)
        case dict():
            return {
                key: inspect.cleandoc(value) if key == "description" and isinstance(value, str) else _published(value)
                for key, value in schema.items()
            }
        case list():
            return [_published(each) for each in schema]
    return schema
