"""Is this instant inside a schedule? In local wall time, so that 08:00 stays 08:00 when summer time begins.

A wall time that a clock change skips never comes, one that it repeats comes twice: a span means both.
"""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from edge_agent.model.people import Schedule

DAY_MIN = 1440


def permits(schedule: Schedule, wall_ms: int, zone: str) -> bool:
    """True when `wall_ms` (Unix ms) falls into one of the schedule's spans in `zone` (an IANA name)."""
    local = datetime.fromtimestamp(wall_ms / 1000, UTC).astimezone(ZoneInfo(zone))
    today, minute = local.isoweekday(), local.hour * 60 + local.minute
    yesterday = (today - 2) % 7 + 1
    return any(
        (today in span.days and span.start_min <= minute < span.end_min)
        or (yesterday in span.days and minute + DAY_MIN < span.end_min)
        for span in schedule.spans
    )
