"""Log lines: time, level, job, words. Never a name, a card number, a PIN or a face.

Under systemd the journal adds the time, so the line leaves it out (JOURNAL_STREAM is set then).
"""

import contextvars
import logging
import os
import sys

job: contextvars.ContextVar[str] = contextvars.ContextVar("job", default="agent")


class JobFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.job = job.get()
        return True


def configure(level: str = "INFO", program: str = "agent") -> None:
    """Log to stderr, one line an entry. `program`: the job of whatever has no job of its own."""
    job.set(program)
    stamp = "" if "JOURNAL_STREAM" in os.environ else "%(asctime)s "
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(f"{stamp}%(levelname)s [%(job)s] %(message)s"))
    handler.addFilter(JobFilter())
    logging.basicConfig(level=level, handlers=[handler], force=True)


def get(name: str) -> logging.Logger:
    return logging.getLogger(f"edge_agent.{name}")
