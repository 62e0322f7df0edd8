"""What the city keeps: an event, how far a stream is complete, what a gateway last said about itself."""

import msgspec


class CityRow(msgspec.Struct, frozen=True, kw_only=True):
    """One event of one gateway. `body`: its canonical JSON; `covers`: (epoch, from, to) of a gap it announces."""

    source: str
    epoch: str
    seq: int
    tag: str
    subject: str
    time: str
    boot_id: str
    up_ms: int
    clock: str
    clock_err_ms: int
    historic: bool
    body: bytes
    prev: bytes
    covers: tuple[str, int, int] | None = None


class Watermark(msgspec.Struct, frozen=True):
    """Everything up to `upto` is stored, and the islands `have` beyond it."""

    epoch: str
    upto: int = 0
    have: tuple[tuple[int, int], ...] = ()


class KnownGateway(msgspec.Struct, frozen=True, kw_only=True):
    """What the last valid birth said. `heard_ms`: the city's Unix ms when it arrived; `seen_ms`: of the last event.

    `first`, `last`: the numbers its journal held, `last` raised by what has come since.
    """

    source: str
    epoch: str
    boot_id: str
    up_ms: int
    heard_ms: int
    bdseq: int
    state: str
    agent: str = ""
    first: int = 1
    last: int = 0
    seen_ms: int = 0
