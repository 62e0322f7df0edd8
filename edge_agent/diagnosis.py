"""What the daemon says of itself when it is asked: a few plain numbers, never a name, a card number or a path."""

import resource
import shutil
import time
from typing import TYPE_CHECKING

from edge_agent import __version__

if TYPE_CHECKING:
    from edge_agent.app import App

STARTED_S = time.monotonic()


def diagnosis(app: "App", certificate_days: float | None) -> dict[str, str | int | float | bool]:
    """Bounded: it goes into one event."""
    book, now = app.books.current, app.clock.now()
    answer: dict[str, str | int | float | bool] = {
        "agent": __version__,
        "config": app.config.digest,
        "running_s": round(time.monotonic() - STARTED_S),
        "up_ms": now.up_ms,
        "clock": now.state.value,
        "doors": len(app.doors),
        "people": len(book.persons),
        "credentials": len(book.credentials),
        "book": book.version,
        "journal_last": app.journal.last,
        "journal_acked": app.journal.acked,
        "recording": app.journal.accepting,
        "healthy": app.supervisor.healthy(),
        "rss_kb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        "disk_free_mb": shutil.disk_usage(app.state).free >> 20,
    }
    if certificate_days is not None:
        answer["certificate_days"] = round(certificate_days, 1)
    return answer
