"""The city's word on what it holds."""

import msgspec


class Ack(msgspec.Struct, frozen=True):
    """The city's cumulative acknowledgement, signature already checked: all up to `upto`, and the islands `have`."""

    epoch: str
    upto: int
    have: tuple[tuple[int, int], ...] = ()
    refused: tuple[tuple[int, str], ...] = ()  # (seq, reason)
    credit: int = 200
    now_ms: int = 0  # the city's own time, Unix ms; 0 = it could not be read
