"""How often somebody may guess a password: waits that double, by name with address and by address, and one limit."""

import asyncio
import time
from collections import OrderedDict

import msgspec

TRIES = 5  # wrong ones, then a wait that doubles
WAIT_S, WAIT_MOST_S = 30.0, 900.0
FORGOTTEN_S = 3600.0  # after the last wrong one and its wait: one slip a shift is no guessing
TRIES_OF_ALL = 60  # a minute, over all names and addresses: Argon2 costs the gateway 40 ms each
REMEMBERED = 2048
SAY_AGAIN_S = 60.0


class _Failures(msgspec.Struct):
    count: int = 0
    last: float = 0.0
    until: float = 0.0
    said: float = float("-inf")
    unsaid: int = 0


class Doorkeeper:
    """Counts wrong tries, by name with address and by address; remembers when whom it told of."""

    def __init__(self) -> None:
        self._failures: OrderedDict[tuple[str, str], _Failures] = OrderedDict()
        self._minute, self._tries = 0, 0
        self.one_at_a_time = asyncio.Lock()

    def wait_s(self, name: str, address: str) -> int:
        """How long until another try is heard; 0: this one is. One that is not heard is none of TRIES_OF_ALL: who goes
        on guessing while they wait keeps nobody else out.
        """
        now = time.monotonic()
        waits = (self._failures[key].until - now for key in ((name, address), ("", address)) if key in self._failures)
        if wait_s := _ceil(max(waits, default=0.0)):
            return wait_s
        if int(now // 60) != self._minute:
            self._minute, self._tries = int(now // 60), 0
        self._tries += 1
        return 60 - int(now % 60) if self._tries > TRIES_OF_ALL else 0

    def failed(self, name: str, address: str) -> int | None:
        """Note it; how many were not told before this one, None when this one is not told either."""
        told: int | None = None
        for key, most in (((name, address), TRIES), (("", address), TRIES * 4)):
            seen = self._failures.setdefault(key, _Failures())
            self._failures.move_to_end(key)
            now = time.monotonic()
            if now - max(seen.last, seen.until) > FORGOTTEN_S:
                seen.count = 0
            seen.count, seen.last = seen.count + 1, now
            if seen.count >= most:
                seen.until = now + min(WAIT_MOST_S, WAIT_S * 2.0 ** ((seen.count - most) // most))
            if key[0]:
                if now - seen.said >= SAY_AGAIN_S:
                    told, seen.said, seen.unsaid = seen.unsaid, now, 0
                else:
                    seen.unsaid += 1
        while len(self._failures) > REMEMBERED:
            self._failures.popitem(last=False)
        return told

    def succeeded(self, name: str, address: str) -> None:
        """Their slips are nobody's guesses: a desk that many sign in at is not held back by them."""
        slips, desk = self._failures.pop((name, address), None), self._failures.get(("", address))
        if slips and desk:
            desk.count = max(0, desk.count - slips.count)


def _ceil(seconds: float) -> int:
    return 0 if seconds <= 0 else int(seconds) + 1
