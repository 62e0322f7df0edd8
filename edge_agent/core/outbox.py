"""What the city still has to get: three lanes over one journal, a window, and the city's cumulative acknowledgement.

`urgent` rows go first. The rest is divided by a frontier: what happens from now on is `live`, what waits from before is
the `backlog`, oldest first. Nothing here is stored: the journal is the outbox and `acked` its one durable cursor. After
a reconnect everything beyond it is sent again, except the islands the city says it has.
"""

from collections.abc import Callable
from typing import Literal

from edge_agent.model.ack import Ack

Lane = Literal["urgent", "live", "backlog"]
LANES: tuple[Lane, ...] = ("urgent", "live", "backlog")
REFUSALS_BEFORE_DEAD = 5
RESEND_AFTER_MS = 30_000
RESEND_AT_MOST_MS = 300_000
BACKLOG_EVERY = 4  # one of four sends is the backlog's, however much is going on


class Outbox:
    """`last`: the newest row there is; `jitter`: about 1.0, so that a city of gateways does not repeat in step."""

    def __init__(self, acked: int, last: int | None = None, jitter: Callable[[], float] = lambda: 1.0) -> None:
        self.acked = acked
        self.credit = 200
        self.generation = 0  # another one: rows that were read ahead are not what comes next any more
        self.frontier = acked if last is None else last
        self._jitter = jitter
        self._have: list[tuple[int, int]] = []
        self._sent: dict[int, tuple[int, Lane]] = {}  # seq -> (up_ms of the last send, lane), unacknowledged
        self._refusals: dict[int, int] = {}
        self._position: dict[Lane, int] = {"urgent": acked, "live": self.frontier, "backlog": acked}
        self._again_ms = RESEND_AFTER_MS
        self._patience_ms = float(RESEND_AFTER_MS)
        self._turn = 0

    @property
    def outstanding(self) -> int:
        return len(self._sent)

    @property
    def room(self) -> int:
        """How many more rows the city's credit allows to be on their way."""
        return max(0, self.credit - len(self._sent))

    @property
    def crowded(self) -> bool:
        """Urgent rows take half of the credit: the others need the rest, or islands never become land."""
        return sum(lane == "urgent" for _, lane in self._sent.values()) * 2 >= self.credit

    def position(self, lane: Lane) -> int:
        """Rows of this lane up to here were taken for sending, or the city has them."""
        at = max(self._position[lane], self.acked)
        for first, last in self._have:
            if first <= at + 1 <= last:
                at = last
        return at

    def choose(self, ready: dict[Lane, bool]) -> Lane | None:
        """Which lane sends next, of those that have something."""
        if ready["urgent"] and not (self.crowded and (ready["live"] or ready["backlog"])):
            return "urgent"
        if ready["live"] and ready["backlog"]:
            self._turn = (self._turn + 1) % BACKLOG_EVERY
            return "backlog" if self._turn == 0 else "live"
        return "live" if ready["live"] else "backlog" if ready["backlog"] else None

    def take(self, seq: int, lane: Lane, now_ms: int) -> bool:
        """A row of the lane is next; False when it need not be sent: the city has it, or it is on its way."""
        self._position[lane] = max(self._position[lane], seq)
        if seq <= self.acked or self._holds(seq) or seq in self._sent:
            return False
        self._sent[seq] = (now_ms, lane)
        return True

    def again(self, last: int) -> None:
        """A new session, or the city was silent too long: whatever is not acknowledged is sent again, and what is
        there by now is backlog."""
        self._sent.clear()
        self.frontier = last
        self._position = {"urgent": self.acked, "live": last, "backlog": self.acked}
        self.generation += 1

    def fallen_behind(self, last: int) -> None:
        """What was live is old by now: it joins the backlog."""
        self.frontier = last
        self._position["live"] = last
        self.generation += 1

    def lost(self, seq: int) -> None:
        """This row did not reach the broker: its lane starts again from before it."""
        self._sent.pop(seq, None)
        self._position["urgent"] = min(self._position["urgent"], seq - 1)
        lane: Lane = "live" if seq > self.frontier else "backlog"
        self._position[lane] = min(self._position[lane], seq - 1)
        self.generation += 1

    def refused(self, seq: int) -> None:
        """The broker did not take this row: whoever holds it back calls it lost when it may be tried again."""
        self._sent.pop(seq, None)

    def confirmed(self, first: int, last: int) -> None:
        """These rows are safe (a platform that confirms by the broker): the same as an island."""
        self._sent.pop(first, None)
        self._have = _merged([*self._have, (first, last)])
        self._swallow()

    def acknowledge(self, ack: Ack, last: int) -> list[tuple[int, str]]:
        """Take the city's word; returns (seq, reason) of the rows it has refused too often.

        An acknowledgement beyond what was ever written is not believed.
        """
        if ack.upto > last:
            return []
        if ack.upto > self.acked:
            self.acked = ack.upto
            self._again_ms = RESEND_AFTER_MS
            self._patience_ms = self._again_ms * self._jitter()
        self._have = _merged([(a, b) for a, b in ack.have if a <= b <= last])
        self._swallow()
        self.credit = max(1, ack.credit)
        self._sent = {seq: at for seq, at in self._sent.items() if seq > self.acked and not self._holds(seq)}
        return [(seq, reason) for seq, reason in ack.refused if self._refused(seq)]

    def overdue(self, now_ms: int) -> bool:
        """True when the oldest row on its way has waited too long; each time the patience doubles."""
        if not self._sent or now_ms - min(at for at, _ in self._sent.values()) < self._patience_ms:
            return False
        self._again_ms = min(self._again_ms * 2, RESEND_AT_MOST_MS)
        self._patience_ms = self._again_ms * self._jitter()
        return True

    def _refused(self, seq: int) -> bool:
        self._refusals[seq] = self._refusals.get(seq, 0) + 1
        if self._refusals[seq] < REFUSALS_BEFORE_DEAD:
            self.lost(seq)
            return False
        del self._refusals[seq]
        self._sent.pop(seq, None)
        return True

    def _holds(self, seq: int) -> bool:
        return any(a <= seq <= b for a, b in self._have)

    def _swallow(self) -> None:
        """Islands that touch the shore become land."""
        while self._have and self._have[0][0] <= self.acked + 1:
            self.acked = max(self.acked, self._have.pop(0)[1])


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for a, b in sorted(spans):
        if merged and a <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(b, merged[-1][1]))
        else:
            merged.append((a, b))
    return merged
