"""Which evidence has to go: what is too old, and the oldest when what nobody holds takes too much room.

Never the newest, which carries the chain on, and never what somebody holds: that comes on top of the room, so that
holding one piece costs no other. And never for an age by a clock that nobody trusted. What lies on a disk that is not
mounted takes no room of this one, and makes none.
"""

from collections.abc import Container, Iterable

from edge_agent.model.clock import ClockState, Moment
from edge_agent.model.evidence import Exhibit, Time
from edge_agent.model.site import EvidencePolicy
from edge_agent.model.standing import At

DAY_MS = 86_400_000


def due(
    exhibits: Iterable[Exhibit], policy: EvidencePolicy, now: Moment, there: Container[str], disk_low: bool = False
) -> list[tuple[Exhibit, str]]:
    """(exhibit, why: age | room). `there`: what is on the disk; `disk_low`: evidence is given up before events are, one
    piece at a look.
    """
    ordered = sorted(exhibits, key=lambda exhibit: exhibit.number)
    loose = [exhibit for exhibit in ordered[:-1] if not exhibit.held]
    old = [one for one in loose if (_age_ms(one, now) or 0) > policy.keep_days * DAY_MS]
    found = [(exhibit, "age") for exhibit in old]
    gone = {exhibit.evidence for exhibit in old}
    size = sum(one.size for one in ordered if not one.held and one.evidence in there and one.evidence not in gone)
    makes_room = any(evidence in there for evidence in gone)
    for exhibit in loose:
        if exhibit.evidence in gone or exhibit.evidence not in there:
            continue
        if size <= policy.max_mb << 20 and not (disk_low and not makes_room):
            break
        found.append((exhibit, "room"))
        size -= exhibit.size
        makes_room = True
    return found


def dated(exhibits: Iterable[Exhibit], now: Moment) -> list[Exhibit]:
    """Those kept on a clock that nobody trusted, as they are dated now that somebody trusts it: by uptime when they are
    of this boot; else they count as kept when it began, which is the latest it can have been.
    """
    if not now.trusted:
        return []
    began_ms = now.wall_ms - now.up_ms
    found = []
    for exhibit in exhibits:
        if exhibit.kept is not None and not _trusted(exhibit.kept):
            up_ms = exhibit.kept.up_ms if exhibit.kept.boot_id == now.boot_id else 0
            found.append(exhibit.dated(Time(began_ms + up_ms, up_ms, now.boot_id, str(now.state), now.err_ms)))
    return found


def _age_ms(exhibit: Exhibit, now: Moment) -> int | None:
    """None when nobody can tell."""
    if (kept := exhibit.kept) is not None:
        return At(kept.wall_ms, kept.up_ms, kept.boot_id, _trusted(kept)).since_ms(now)
    return now.wall_ms - exhibit.kept_ms if now.trusted else None


def _trusted(kept: Time) -> bool:
    return kept.clock != ClockState.UNSET


def held(exhibits: Iterable[Exhibit]) -> int:
    """Bytes of what somebody holds."""
    return sum(exhibit.size for exhibit in exhibits if exhibit.held)
