"""How much of a camera a board can afford: full, half the resolution, half and ten frames a second. Never in silence.

Whoever runs a FallingWatch tells how long each frame took; `Pace` says when another mode is due. It steps down after
ten seconds of too much, and up again after ten minutes with room to spare: a board that is busy for a moment stays.
"""

from edge_agent.vision.falling import Mode

MODES: tuple[Mode, ...] = ("full", "half", "half-10fps")
COSTS = {"full": 1.0, "half": 0.3, "half-10fps": 0.2}  # of the full mode, measured
TOO_MUCH, ROOM = 0.85, 0.6  # of the time there is
DOWN_S, UP_S = 10.0, 600.0


class Pace:
    """`took`: after each frame; gives the mode to change to, or None. `mode`: the one in force, for the status."""

    def __init__(self, fps: float) -> None:
        self.mode: Mode = "full"
        self._spare_s = 1 / fps
        self._load = 0.0
        self._since_ms: int | None = None

    def took(self, seconds: float, up_ms: int) -> Mode | None:
        self._load += (seconds / self._spare_s - self._load) * 0.02
        at = MODES.index(self.mode)
        up = self._load * COSTS[MODES[at - 1]] / COSTS[self.mode] < ROOM if at else False
        down = self._load > TOO_MUCH and at + 1 < len(MODES)
        if not (up or down):
            self._since_ms = None
            return None
        if self._since_ms is None:
            self._since_ms = up_ms
        if up_ms - self._since_ms < 1000 * (DOWN_S if down else UP_S):
            return None
        self.mode, self._since_ms = MODES[at + 1 if down else at - 1], None
        self._load *= COSTS[self.mode] / COSTS[MODES[at]]
        return self.mode
