"""The one way a struct becomes bytes.

Canonical JSON: UTF-8, keys sorted, no spaces, fields that hold their default left out. Journal rows, signatures and
MQTT payloads all use it, so that the same content always has the same bytes and the same hash.
"""

from typing import Any

import msgspec

_encoder = msgspec.json.Encoder(order="sorted")


def canonical(value: Any) -> bytes:
    """`value` (a struct, or plain JSON data) as canonical JSON bytes."""
    return _encoder.encode(value)


def plain(value: Any) -> Any:
    """`value` as plain JSON data (dict, list, str, int …), with the same content as `canonical(value)`."""
    return msgspec.to_builtins(value)
