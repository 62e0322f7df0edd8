"""A draft profile from recorded traffic: how its frames are cut and summed is guessed by trying what there is.

A guess is cut here by plain means and then has to hold in the real decoder, over the whole recording. What it cannot
know is what the bytes mean: all but the first byte becomes the card's number, and somebody has to look at it.
"""

import string
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from edge_agent.drivers.tap import decoded
from edge_agent.model.profile import LineSettings, Profile
from edge_agent.protocols.checksum import CHECKSUMS
from edge_agent.protocols.codec import Decoder, Message

EXAMPLES_AT_MOST = 8
_HEX = frozenset(string.hexdigits.encode())
SIZES = {name: len(checksum(b"")) for name, checksum in CHECKSUMS.items()}
_SUMS = tuple(sorted(CHECKSUMS, key=lambda name: -SIZES[name]))  # the strongest that holds is no accident
_Table = dict[str, Any]


@dataclass(frozen=True)
class Draft:
    """`frames`: how many the decoder finds in the recording; `errors`: what else it finds."""

    profile: Profile
    data: _Table
    frames: int
    errors: int
    examples: tuple[tuple[bytes, _Table], ...]


@dataclass(frozen=True)
class _Cut:
    """`inside` a frame: what stands between its marks, checksum included; `frame`: where `over` = "frame" begins."""

    framing: _Table
    frames: tuple[bytes, ...]
    inside: Callable[[bytes], bytes]
    summed: Callable[[bytes, int, str], bytes]  # (frame, bytes of the checksum, over) → what the sum is made of
    overs: tuple[str, ...] = ("payload",)


def drafts(pieces: Sequence[bytes], id: str, name: str, source: str, link: LineSettings) -> list[Draft]:
    """The best first; empty when nothing that is known here fits."""
    pieces = [piece for piece in pieces if piece]
    found: list[tuple[bool, int, int, int, int, Draft]] = []
    for rank, cut in enumerate(_cuts(pieces)):
        for data in _profiles(cut, id, name, source, link):
            if draft := _tried(data, pieces, cut.frames):
                checked = SIZES[draft.profile.checksum.kind]
                chance = checked * draft.frames < 2  # that a sum of one byte holds over one frame says little
                found.append((chance, -(draft.frames - draft.errors), -checked, rank, len(found), draft))
    return [draft for *_, draft in sorted(found)]


def _cuts(pieces: Sequence[bytes]) -> Iterator[_Cut]:
    if not pieces:
        return
    yield from _marked(pieces)
    yield from _lengths(pieces)
    yield from _lines(pieces)
    yield from _fixed(pieces)
    yield _Cut({"kind": "idle", "gap_ms": 50, "max_len": _room(pieces)}, tuple(pieces), bytes, _plain)


def _marked(pieces: Sequence[bytes]) -> Iterator[_Cut]:
    """A start byte and an end byte: what most pieces begin and end with."""
    firsts, lasts = Counter(piece[0] for piece in pieces), Counter(piece[-1] for piece in pieces)
    for start, _ in firsts.most_common(2):
        for end, _ in lasts.most_common(2):
            frames = [frame for piece in pieces for frame in _between(piece, start, end)]
            if start != end and len(frames) * 2 > len(pieces) and not {start, end} & _HEX:
                framing = {"kind": "delimited", "start": start, "end": end, "max_len": _room(frames)}
                yield _Cut(framing, tuple(frames), lambda frame: frame[1:-1], _after_start)


def _between(piece: bytes, start: int, end: int) -> list[bytes]:
    parts = piece.split(bytes((end, start)))
    whole = [(b"" if n == 0 else bytes((start,))) + part + (b"" if n == len(parts) - 1 else bytes((end,)))
             for n, part in enumerate(parts)]  # fmt: skip
    return [frame for frame in whole if len(frame) > 2 and frame[0] == start and frame[-1] == end]


def _after_start(frame: bytes, size: int, over: str) -> bytes:
    return frame[1 : len(frame) - 1 - size]


def _plain(frame: bytes, size: int, over: str) -> bytes:
    return frame[: len(frame) - size]


def _lines(pieces: Sequence[bytes]) -> Iterator[_Cut]:
    whole = b"".join(pieces)
    for end, mark in (("crlf", b"\r\n"), (13, b"\r"), (10, b"\n"), ("line", b"\r")):
        frames = tuple(part + mark for part in whole.split(mark)[:-1] if part)
        if frames:
            framing = {"kind": "delimited", "end": end, "max_len": _room(frames)}
            yield _Cut(framing, frames, lambda frame: frame.rstrip(b"\r\n"), _plain)


def _lengths(pieces: Sequence[bytes]) -> Iterator[_Cut]:
    """A header all pieces share, and behind it a number that goes with their length."""
    shared = _shared(pieces)
    for head in range(min(len(shared), 6), 0, -1):
        for size, endian in ((1, "big"), (2, "big"), (2, "little")):
            at = head + size
            rest = {len(piece) - at - int.from_bytes(piece[head:at], endian) for piece in pieces if len(piece) > at}  # type: ignore[arg-type]
            if len(rest) != 1:
                continue
            left = rest.pop()
            counts = "rest" if left == 0 else "frame" if left == -at else "payload"
            if counts == "payload" and not 0 < left <= 3:
                continue
            framing = {"kind": "sync_length", "header": list(shared[:head]), "length_size": size, "endian": endian,
                       "counts": counts, "max_len": _room(pieces)}  # fmt: skip

            def summed(frame: bytes, check: int, over: str, head: int = head, at: int = at) -> bytes:
                begin = {"payload": at, "length": head, "frame": 0}[over]
                return frame[begin : len(frame) - check]

            yield _Cut(framing, tuple(pieces), partial(_within, at, 0), summed, ("payload", "length", "frame"))


def _fixed(pieces: Sequence[bytes]) -> Iterator[_Cut]:
    if len({len(piece) for piece in pieces}) != 1 or len(pieces) < 2:
        return
    shared = _shared(pieces)
    ends = {piece[-1] for piece in pieces}
    for head in sorted({0, min(1, len(shared)), min(2, len(shared))}, reverse=True):
        for end in (next(iter(ends)), None) if len(ends) == 1 else (None,):
            framing: _Table = {"kind": "fixed", "length": len(pieces[0]), "header": list(shared[:head]), "gap_ms": 50}
            framing |= {} if end is None else {"end": end}
            tail = 0 if end is None else 1

            def summed(frame: bytes, check: int, over: str, head: int = head, tail: int = tail) -> bytes:
                return frame[(0 if over == "frame" else head) : len(frame) - check - tail]

            yield _Cut(
                framing, tuple(pieces), partial(_within, head, tail), summed,
                ("payload", "frame"),
            )  # fmt: skip


def _within(head: int, tail: int, frame: bytes) -> bytes:
    return frame[head : len(frame) - tail]


def _shared(pieces: Sequence[bytes]) -> bytes:
    low, high = min(pieces), max(pieces)
    count = next((n for n, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), min(len(low), len(high)))
    return low[:count]


def _room(frames: Sequence[bytes]) -> int:
    """Twice the longest that was seen."""
    return min(4096, 2 * max(len(frame) for frame in frames))


def _profiles(cut: _Cut, id: str, name: str, source: str, link: LineSettings) -> Iterator[_Table]:
    for kind in _SUMS:
        for over in cut.overs if kind != "none" else ("payload",):
            for order in ("low_first", "high_first") if SIZES[kind] == 2 else ("low_first",):
                if not all(_holds(cut, frame, kind, over, order) for frame in cut.frames):
                    continue
                size = SIZES[kind]
                payloads = [inside[: len(inside) - size] for frame in cut.frames if (inside := cut.inside(frame))]
                for form in _forms([payload for payload in payloads if payload]):
                    checksum = {"kind": kind, "over": over} | ({"order": order} if order != "low_first" else {})
                    yield {
                        "schema": 1, "id": id, "name": name, "kind": "terminal", "maturity": "draft", "source": source,
                        "provides": ["card"], "card_bits": form.pop("bits"),
                        "link": {"baud": link.baud, "parity": link.parity}, "framing": cut.framing,
                        "checksum": checksum, "message": [form],
                    }  # fmt: skip


def _holds(cut: _Cut, frame: bytes, kind: str, over: str, order: str) -> bool:
    size = SIZES[kind]
    inside = cut.inside(frame)
    if not size:
        return True
    due = CHECKSUMS[kind](cut.summed(frame, size, over))
    return len(inside) > size and inside[-size:] == (due if order == "low_first" else due[::-1])


def _forms(payloads: Sequence[bytes]) -> Iterator[_Table]:
    """What a payload may consist of: perhaps a byte that names the message, then the number."""
    if not payloads:
        return
    constant = len({payload[0] for payload in payloads}) == 1 and min(map(len, payloads)) > 1
    for skip in (1, 0) if constant and any(len(payload) % 2 for payload in payloads) else (0, 1):
        if skip and not constant:
            continue
        rests = [payload[skip:] for payload in payloads]
        if not all(rests):
            continue
        digits = all(_HEX.issuperset(rest) for rest in rests)
        yield {
            "name": "card",
            "match": list(payloads[0][:skip]),
            "fields": [{"name": "number", "at": skip, "as": "ascii-hex" if digits else "bytes"}],
            "bits": sorted({(4 if digits else 8) * len(rest) for rest in rests}),
        }


def _tried(data: _Table, pieces: Sequence[bytes], frames: Sequence[bytes]) -> Draft | None:
    """The draft, if the form allows it and the decoder finds more frames than errors in the whole recording."""
    try:
        profile = msgspec.convert(data, Profile)
    except msgspec.ValidationError:
        return None  # a kind of framing or field that is not there
    decoder = Decoder(profile)
    got = [out for piece in pieces for out in decoded(decoder, piece)]
    good = sum(isinstance(out, Message) for out in got)
    if good <= len(got) - good:
        return None
    examples = []
    for frame in dict.fromkeys(frames):
        said = [out for out in decoded(Decoder(profile), frame) if isinstance(out, Message)]
        if len(said) == 1:
            examples.append((frame, {"message": said[0].name, **said[0].values}))
    if not examples:
        return None
    return Draft(profile, data, good, len(got) - good, tuple(examples[:EXAMPLES_AT_MOST]))
