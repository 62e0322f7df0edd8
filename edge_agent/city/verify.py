"""Is what the city has of a gateway whole and unchanged? Recomputed from the stored bytes, not from earlier marks."""

from collections.abc import Iterator

import msgspec

from edge_agent.city.reading import CityReader, Link
from edge_agent.city.rows import KnownGateway
from edge_agent.contract.envelope import chain_hash, genesis

Span = tuple[int, int]


class Verdict(msgspec.Struct):
    """One stream. `gaps`: (from, to, why) the gateway announced; `holes`: what is missing without a word.

    `broken`: events that do not follow the one before them; `altered`: that are not what they were when they came;
    `conflicts`: numbers under which another event came too; `waiting`: events the gateway still has to send.
    """

    source: str
    epoch: str
    count: int = 0
    first: int = 0
    last: int = 0
    waiting: int = 0
    gaps: list[tuple[int, int, str]] = msgspec.field(default_factory=list)
    holes: list[Span] = msgspec.field(default_factory=list)
    broken: list[int] = msgspec.field(default_factory=list)
    altered: list[int] = msgspec.field(default_factory=list)
    conflicts: list[int] = msgspec.field(default_factory=list)

    @property
    def findings(self) -> int:
        return len(self.holes) + len(self.broken) + len(self.altered) + len(self.conflicts)


def verify(reader: CityReader, source: str) -> list[Verdict]:
    """Every stream of `source`, oldest first. Raises StoreError."""
    gaps: dict[str, list[tuple[int, int, str]]] = {}
    known = next((gateway for gateway in reader.gateways() if gateway.source == source), None)
    verdicts = []
    for epoch in reader.epochs(source):
        verdict = Verdict(source, epoch, conflicts=reader.conflicts(source, epoch))
        missing = list(_walk(verdict, reader.links(source, epoch), gaps))
        verdicts.append(verdict)
        verdict.holes = missing
    for verdict in verdicts:
        verdict.gaps = sorted(gaps.get(verdict.epoch, []))
        missing = [rest for hole in verdict.holes for rest in _without(hole, verdict.gaps)]
        verdict.holes = _not_on_their_way(verdict, missing, known)
    return verdicts


def _walk(verdict: Verdict, links: Iterator[Link], gaps: dict[str, list[tuple[int, int, str]]]) -> Iterator[Span]:
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


def _not_on_their_way(verdict: Verdict, missing: list[Span], known: KnownGateway | None) -> list[Span]:
    """A gateway that is sending its backlog is no finding: what it still has is counted in `waiting`."""
    if known is None or known.epoch != verdict.epoch:
        return missing
    verdict.waiting = max(0, known.last - verdict.last)
    holes = []
    for first, last in missing:
        gone = min(last, known.first - 1)
        if first <= gone:
            holes.append((first, gone))
        verdict.waiting += max(0, last - max(first, known.first) + 1)
    return holes
