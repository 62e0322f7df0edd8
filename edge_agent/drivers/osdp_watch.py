"""What one OSDP reader's link is worth at this moment: the rules only, with times given in seconds.

Knows nothing of libosdp or threads. One physical fact to know: a reader keeps the cards it sees while its line is cut
and hands them over, as if new, some 70 ms after the line is back. A card somebody showed then must open nothing now.
"""

from enum import Enum

from edge_agent.drivers.freshness import Freshness

CUT_S = 1.5  # silence after which reads may have waited in the reader: two polls in a row unanswered (1 s apart)
SILENT_S = 3.0  # silence after which the reader is lost: three unanswered polls
DOWN_S = 1.0  # a secure channel that comes back within this is no outage
START_S = 5.0  # a reader that never came up is reported lost after this
KICK_S = 1.0  # shortest time between two attempts to bring a reader back
STUCK_S = 10.0  # longer without a channel than the library's own retries take: kick it whatever it says
REFUSALS = 3  # failed handshakes in a row, with the reader answering, that make it the key


class Change(Enum):
    READY = "ready"  # usable for the first time
    BACK = "back"  # usable again after LOST
    LOST = "lost"
    REFUSED = "refused"  # answers, but no secure channel: an alarm


class Watch:
    """Fed from the bus thread: `heard` for bytes, `answered` for polls, `tick` after a refresh, `read` for cards and
    keys, `offline` when given up.
    """

    def __init__(self, now: float) -> None:
        self.usable = False
        self.silent = False  # why it was lost: True no answer, False no secure channel
        self._heard_at = self._inactive_since = self._kicked_at = now
        self._awaited_since: float | None = now  # None once it was up or lost
        self.active = False
        self._settled = False  # it was usable since the channel was last down
        self._freshness = Freshness(polled=True)
        self._lost = False
        self._offline = False
        self._heard_since_kick = False
        self._refusals = 0

    def heard(self, now: float) -> None:
        if self.active and now - self._heard_at >= CUT_S:
            self._freshness.line_up(now)
        self._heard_at = now
        self._heard_since_kick = True

    def read(self, now: float) -> bool:
        """Whether what somebody showed or typed, arriving now, is stale."""
        return self._freshness.read(now) or not self.active

    def answered(self) -> None:
        """The device answered a poll, and what was in the answer has been told by `read`."""
        self._freshness.answered()

    def offline(self) -> None:
        """libosdp gave this reader up; left alone it would try again after 300 s."""
        self._offline = True

    def tick(self, now: float, active: bool) -> Change | None:
        """`active`: the secure channel (or, without a key, the connection) stands."""
        if active and not self.active:
            self._freshness.line_up(now)
            self._offline, self._refusals = False, 0
        if self.active and not active and self._settled:
            self._inactive_since, self._settled = now, False  # a channel that never settles is down all the while
        self.active = active
        self._freshness.tick(now)
        self.silent = now - self._heard_at >= SILENT_S
        self.usable = active and not self.silent and self._freshness.sure
        return self._changed(now)

    def _changed(self, now: float) -> Change | None:
        if self.usable:
            self._settled = True
            change = Change.BACK if self._lost else Change.READY if self._awaited_since is not None else None
            self._lost, self._awaited_since = False, None
            return change
        if self._lost:
            return None
        if self._awaited_since is not None:
            down = now - self._awaited_since >= START_S
        else:
            down = self.silent or (not self.active and now - self._inactive_since >= DOWN_S)
        if not down:
            return None
        self._lost, self._awaited_since = True, None
        return Change.LOST

    def due_kick(self, now: float) -> bool:
        """Whether to take the reader off and on now."""
        wait = KICK_S if self._offline else STUCK_S
        return not self.active and now - self._kicked_at >= wait

    def kicked(self, now: float) -> Change | None:
        self._refusals = self._refusals + 1 if self._heard_since_kick else 0
        self._kicked_at, self._offline, self._heard_since_kick = now, False, False
        return Change.REFUSED if self._refusals == REFUSALS else None
