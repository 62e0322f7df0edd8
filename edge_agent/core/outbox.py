"""What the city still has to get: two lanes over one journal, a window, and the city's cumulative acknowledgement.

Nothing here is stored: the journal is the outbox and `acked` its one durable cursor. After a reconnect everything
beyond it is sent again, except the islands the city says it has.
"""

from edge_agent.model.ack import Ack

REFUSALS_BEFORE_DEAD = 5
RESEND_AFTER_MS = 30_000
RESEND_AT_MOST_MS = 300_000


class Outbox:
    def __init__(self, acked: int) -> None:
        self.acked = acked
        self.credit = 200
        self._have: list[tuple[int, int]] = []
        self._sent: dict[int, int] = {}  # seq -> up_ms of the last send, unacknowledged
        self._refusals: dict[int, int] = {}
        self._position = {True: acked, False: acked}
        self._patience_ms = RESEND_AFTER_MS

    @property
    def outstanding(self) -> int:
        return len(self._sent)

    @property
    def room(self) -> int:
        """How many more rows the city's credit allows to be on their way."""
        return max(0, self.credit - len(self._sent))

    def position(self, urgent: bool) -> int:
        """Rows of this lane up to here were taken for sending."""
        return max(self._position[urgent], self.acked)

    def take(self, seq: int, urgent: bool, now_ms: int) -> bool:
        """A row of the lane is next; False when it need not be sent: the city has it, or it is on its way."""
        self._position[urgent] = max(self._position[urgent], seq)
        if seq <= self.acked or self._holds(seq) or seq in self._sent:
            return False
        self._sent[seq] = now_ms
        return True

    def again(self) -> None:
        """A new session: whatever is not acknowledged is sent again."""
        self._sent.clear()
        self._position = {True: self.acked, False: self.acked}

    def lost(self, seq: int) -> None:
        """This row did not reach the broker: its lane starts again from before it."""
        self._sent.pop(seq, None)
        for urgent, position in self._position.items():
            self._position[urgent] = min(position, seq - 1)

    def confirmed(self, seq: int) -> None:
        """One row is safe (a platform that confirms by the broker): the same as an island of one."""
        self._sent.pop(seq, None)
        self._have = _merged([*self._have, (seq, seq)])
        self._swallow()

    def acknowledge(self, ack: Ack, last: int) -> list[tuple[int, str]]:
        """Take the city's word; returns (seq, reason) of the rows it has refused too often.

        An acknowledgement beyond what was ever written is not believed.
        """
        if ack.upto > last:
            return []
        if ack.upto > self.acked:
            self.acked = ack.upto
            self._patience_ms = RESEND_AFTER_MS
        self._have = _merged([(a, b) for a, b in ack.have if a <= b <= last])
        self._swallow()
        self.credit = max(1, ack.credit)
        self._sent = {seq: at for seq, at in self._sent.items() if seq > self.acked and not self._holds(seq)}
        return [(seq, reason) for seq, reason in ack.refused if self._refused(seq)]

    def overdue(self, now_ms: int) -> bool:
        """True when the oldest row on its way has waited too long; each time the patience doubles."""
        if not self._sent or now_ms - min(self._sent.values()) < self._patience_ms:
            return False
        self._patience_ms = min(self._patience_ms * 2, RESEND_AT_MOST_MS)
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
