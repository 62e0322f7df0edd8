"""Is what the city has of a gateway whole and unchanged? Recomputed from the stored bytes.

How far it must reach, two things say: the watermark, which is what the gateway was told it may forget, and the
gateway's own signed checkpoint about what it was told. Beyond both the gateway may still be sending.
"""

from collections.abc import Iterator, Sequence

import msgspec

from edge_agent.city.reading import CityReader, Link
from edge_agent.city.rows import Watermark
from edge_agent.contract.checkpoint import CheckpointMessage
from edge_agent.contract.envelope import chain_hash, genesis, source_of
from edge_agent.contract.messages import MessageError, unseal
from edge_agent.contract.signatures import PublicKey

Span = tuple[int, int]


class Verdict(msgspec.Struct):
    """One stream. `gaps`: (from, to, why) the gateway announced; `holes`: what is missing without a word.

    `cut`: what was acknowledged and is missing at the end; `broken`: events that do not follow the one before them;
    `altered`: that are not what they were when they came; `conflicts`: numbers under which another event came too;
    `waiting`: events the gateway still has to send. `signed`: the row of the gateway's newest checkpoint, 0 without
    one; `contradicted`: that row is another than it signed; `unsigned`: the checkpoint here is nobody's we know.
    """

    source: str
    epoch: str
    count: int = 0
    first: int = 0
    last: int = 0
    waiting: int = 0
    signed: int = 0
    contradicted: bool = False
    unsigned: bool = False
    gaps: list[tuple[int, int, str]] = msgspec.field(default_factory=list)
    holes: list[Span] = msgspec.field(default_factory=list)
    cut: list[Span] = msgspec.field(default_factory=list)
    broken: list[int] = msgspec.field(default_factory=list)
    altered: list[int] = msgspec.field(default_factory=list)
    conflicts: list[int] = msgspec.field(default_factory=list)

    @property
    def findings(self) -> int:
        spans, numbers = len(self.holes) + len(self.cut), len(self.broken) + len(self.altered) + len(self.conflicts)
        return spans + numbers + self.contradicted + self.unsigned


def verify(reader: CityReader, source: str, keys: Sequence[PublicKey] = ()) -> list[Verdict]:
    """Every stream of `source`, oldest first. `keys`: the gateway's, its checkpoints are only believed with one of
    them. Raises StoreError.
    """
    gaps: dict[str, list[tuple[int, int, str]]] = {}
    known = next((gateway for gateway in reader.gateways() if gateway.source == source), None)
    marks = {mark.epoch: mark for mark in reader.watermarks(source)}  # read before the rows, which only become more
    verdicts, found, promised = [], [], []
    for epoch in reader.epochs(source):
        verdict = Verdict(source, epoch, conflicts=reader.conflicts(source, epoch))
        checkpoint = _checkpoint(verdict, reader.checkpoint(source, epoch), keys)
        found.append(list(_walk(verdict, reader.links(source, epoch), gaps, checkpoint)))
        promised.append(_promised(marks.get(epoch, Watermark(epoch)), checkpoint))
        verdicts.append(verdict)
    for verdict, missing, told in zip(verdicts, found, promised, strict=True):
        verdict.gaps = sorted(gaps.get(verdict.epoch, []))
        current = known if known is not None and known.epoch == verdict.epoch else None
        verdict.unsigned = verdict.unsigned and current is not None  # of an older journal the key may be long gone
        end = (verdict.last + 1, max(told[-1][1], current.last if current else 0))
        lost = [rest for hole in [*missing, end] for rest in _without(hole, verdict.gaps)]
        if current is not None:  # what it was not told is here, and still has, is on its way
            due = [*told, (1, current.first - 1)]
            verdict.waiting = sum(last - first + 1 for hole in lost for first, last in _outside(hole, due))
            lost = [part for hole in lost for part in _inside(hole, due)]
        verdict.holes = [hole for hole in lost if hole[0] < verdict.last]
        verdict.cut = [hole for hole in lost if hole[0] > verdict.last]
    return verdicts


def _checkpoint(verdict: Verdict, statement: bytes | None, keys: Sequence[PublicKey]) -> CheckpointMessage | None:
    """The gateway's word about this stream, when it is one."""
    if statement is None or not keys:
        return None
    for key in keys:
        try:
            said = unseal(statement, key, CheckpointMessage)
        except MessageError:
            continue
        if source_of(said.gateway) == verdict.source and said.epoch == verdict.epoch:
            verdict.signed = said.seq
            return said
    verdict.unsigned = True
    return None


def _promised(mark: Watermark, checkpoint: CheckpointMessage | None) -> list[Span]:
    """What the gateway was told that it is here, in order."""
    upto = max(mark.upto, checkpoint.seq if checkpoint else 0)
    return [(1, upto), *(span for span in mark.have if span[0] > upto)]


def _walk(
    verdict: Verdict,
    links: Iterator[Link],
    gaps: dict[str, list[tuple[int, int, str]]],
    checkpoint: CheckpointMessage | None,
) -> Iterator[Span]:
    """Fills `verdict` and `gaps`; gives what is missing between the links."""
    before: bytes | None = genesis(verdict.epoch)
    for link in links:
        if link.seq != verdict.last + 1:
            yield verdict.last + 1, link.seq - 1
            before = None
        own = chain_hash(link.prev, link.body, link.seq)
        if own != link.hash:
            verdict.altered.append(link.seq)
        if before is not None and link.prev != before:
            verdict.broken.append(link.seq)
        if checkpoint is not None and link.seq == checkpoint.seq:
            verdict.contradicted = own.hex() != checkpoint.hash
        if link.tag == "gap.announced":
            _announced(link, gaps)
        verdict.first = verdict.first or link.seq
        verdict.count, verdict.last, before = verdict.count + 1, link.seq, own


def _announced(link: Link, gaps: dict[str, list[tuple[int, int, str]]]) -> None:
    try:
        gap = msgspec.json.decode(link.body)
        gaps.setdefault(str(gap["epoch"]), []).append((int(gap["from"]), int(gap["to"]), str(gap["why"])))
    except (msgspec.DecodeError, KeyError, TypeError, ValueError):
        return  # a body that was altered: it is in the findings


def _without(hole: Span, gaps: list[tuple[int, int, str]]) -> Iterator[Span]:
    """What no announcement covers of `hole`."""
    first, last = hole
    for begin, end, _ in gaps:
        if end < first or begin > last:
            continue
        if begin > first:
            yield first, begin - 1
        first = end + 1
    if first <= last:
        yield first, last


def _inside(hole: Span, spans: Sequence[Span]) -> list[Span]:
    """The parts of `hole` in any of `spans`, in order, none twice."""
    rest, (begin, end) = [], hole
    for first, last in sorted(spans):
        if (both := (max(first, begin), min(last, end)))[0] <= both[1]:
            rest.append(both)
            begin = both[1] + 1
    return rest


def _outside(hole: Span, spans: Sequence[Span]) -> list[Span]:
    return list(_without(hole, [(first, last, "") for first, last in sorted(spans)]))
