"""Which evidence has to go: what is too old, and the oldest when what nobody holds takes too much room.

Never the newest, which carries the chain on, and never what somebody holds: that comes on top of the room, so that
holding one piece costs no other.
"""

from collections.abc import Iterable

from edge_agent.model.evidence import Exhibit
from edge_agent.model.site import EvidencePolicy

DAY_MS = 86_400_000


def due(
    exhibits: Iterable[Exhibit], policy: EvidencePolicy, now_ms: int | None, disk_low: bool = False
) -> list[tuple[Exhibit, str]]:
    """(exhibit, why: age | room). `now_ms`: Unix ms, None when nobody can tell; then nothing is too old. `disk_low`:
    evidence is given up before events are, one piece at a look.
    """
    ordered = sorted(exhibits, key=lambda exhibit: exhibit.number)
    loose = [exhibit for exhibit in ordered[:-1] if not exhibit.held]
    old = [] if now_ms is None else [one for one in loose if now_ms - one.kept_ms > policy.keep_days * DAY_MS]
    found = [(exhibit, "age") for exhibit in old]
    size = sum(exhibit.size for exhibit in ordered if not exhibit.held) - sum(exhibit.size for exhibit in old)
    for exhibit in loose:
        if exhibit in old:
            continue
        if size <= policy.max_mb << 20 and not (disk_low and not found):
            break
        found.append((exhibit, "room"))
        size -= exhibit.size
    return found


def held(exhibits: Iterable[Exhibit]) -> int:
    """Bytes of what somebody holds."""
    return sum(exhibit.size for exhibit in exhibits if exhibit.held)
