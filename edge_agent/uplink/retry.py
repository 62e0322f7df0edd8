"""How long to stay away from a broker: jittered, so that a city of gateways does not come back in one instant."""

import random

STEADY_S = 10.0  # a connection that held this long was a good one
AT_LEAST_S = 1.0  # never more than one attempt in a second
LONG_S = 60.0
CIRCUIT_S = 300.0  # after a refused login: at most one try in this time
REFUSED_SHORT_S = 15.0
REFUSED_LONG_S = 300.0


class Patience:
    """Times in s of one steadily rising clock.

    A broken connection is tried again soon and then in proportion to how long it has been gone: a restarted broker is
    found within a second or two, one that was away for minutes gets its gateways back spread over a minute. A broker
    that refuses us is asked more and more seldom: nothing but a person can change its answer. `spread_s`: a broker that
    restarts under a fleet gets its gateways back spread over this time.
    """

    def __init__(self, now_s: float, chance: random.Random, spread_s: float = 2.0) -> None:
        self._chance = chance
        self._spread_s = max(spread_s, 2 * AT_LEAST_S)
        self._away_since = now_s
        self._refusals = 0
        self.drops = 0  # connections in a row that did not hold

    def held(self, since_s: float, now_s: float) -> int:
        """A connection that began at `since_s` has ended; returns how many in a row did not hold."""
        if now_s - since_s >= STEADY_S:
            self._away_since = now_s
            self.drops = self._refusals = 0
        else:
            self.drops += 1
        return self.drops

    def next_s(self, now_s: float) -> float:
        """Time to wait before the next attempt."""
        window = max(self._spread_s, min(LONG_S, (now_s - self._away_since) / 4))
        return self._chance.uniform(AT_LEAST_S, window)

    def circuit_s(self) -> float:
        """Time to wait after a refused login, when nobody changes it meanwhile."""
        return self._chance.uniform(CIRCUIT_S, CIRCUIT_S * 1.2)

    def refused_s(self) -> float:
        """Time to wait after a refusal."""
        window = min(REFUSED_SHORT_S * 2**self._refusals, REFUSED_LONG_S)
        self._refusals = min(self._refusals + 1, 10)
        return self._chance.uniform(window / 2, window)
