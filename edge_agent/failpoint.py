"""Named places where a test may end the process as a power cut does: no clean-up, no last word.

`EDGE_AGENT_FAILPOINT=pulse.after` ends it at the first passing, `pulse.after:3` at the third. Without the variable a
place costs one comparison. Several, separated by commas, are armed together.
"""

import os

VARIABLE = "EDGE_AGENT_FAILPOINT"
DIED = 86  # exit status: ended here, and not by a defect

POINTS = (
    "intent.before", "intent.after",  # a command: before and after its intent is on the disk
    "pulse.before", "pulse.after",  # the relay
    "result.before", "result.after",  # what came of the command; after: it is on the disk
    "visit.before", "visit.after",  # one step of visits
    "round.before", "round.after",  # one step of patrols, hazards, duties
)  # fmt: skip


def _armed(text: str) -> dict[str, int]:
    """Name → at which passing it ends the process."""
    armed: dict[str, int] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, count = part.partition(":")
        if name not in POINTS or not (count.isdecimal() or not count):
            raise SystemExit(f"{VARIABLE}: there is no point {part!r}; there are {', '.join(POINTS)}")
        armed[name] = int(count or 1)
    return armed


_left = _armed(os.environ.get(VARIABLE, ""))


def failpoint(name: str) -> None:
    """End the process here when this point is armed and its turn has come."""
    if not _left or name not in _left:
        return
    _left[name] -= 1
    if _left[name] <= 0:
        os._exit(DIED)
