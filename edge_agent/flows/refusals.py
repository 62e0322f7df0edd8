"""Refused commands: audited, at a bounded rate. A flood of forgeries must not fill the journal, nor go unsaid."""

from edge_agent import log
from edge_agent.model.commands import Command
from edge_agent.model.events import CommandRefused
from edge_agent.ports import Clock, Journal

REFUSALS_A_MINUTE = 30
WINDOW_MS = 60_000

logger = log.get("flows.command")


class Refusals:
    def __init__(self, journal: Journal, clock: Clock) -> None:
        self.journal, self.clock = journal, clock
        self.total = 0
        self._at: list[int] = []
        self._unsaid = 0

    def refuse(self, reason: str, command: Command | None = None, dropped: int = 0, detail: str = "") -> None:
        """`dropped`: how many before it were not even looked at; `detail`: what is said beside the reason."""
        self.total += 1 + dropped
        self._unsaid += dropped
        if not self._room():
            self._unsaid += 1
            return
        logger.warning("command refused: %s", f"{reason} ({detail})" if detail else reason)
        if command is None:
            self._record(CommandRefused(reason=reason, unsaid=self._unsaid))
        else:
            self._record(
                CommandRefused(
                    reason=reason,
                    command=command.id,
                    verb=command.verb,
                    issuer=command.issuer,
                    detail=detail[:200],
                    unsaid=self._unsaid,
                )
            )

    def count(self, reason: str) -> None:
        """A genuine command was refused and is told in any case."""
        self.total += 1

    def tell(self) -> None:
        """When the flood is over: how many there were beyond those that were told."""
        if self._unsaid and self._room():
            self._record(CommandRefused(reason="too_many", unsaid=self._unsaid))

    def _room(self) -> bool:
        now_ms = self.clock.now().up_ms
        self._at = [at for at in self._at if now_ms - at < WINDOW_MS]
        return len(self._at) < REFUSALS_A_MINUTE

    def _record(self, event: CommandRefused) -> None:
        self._at.append(self.clock.now().up_ms)
        self._unsaid = 0
        self.journal.record(event)
