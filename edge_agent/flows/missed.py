"""What a journal that takes nothing has missed: memory in force and not on the disk, alarms nobody was told.

Once it records again, the memory goes there as it is then, and of each alarm the newest word of each kind. Everything
else that was refused stays refused: the journal has said so.
"""

from edge_agent.core import remember
from edge_agent.core.area import Standing
from edge_agent.model.events import (
    AlertClosed,
    AlertOpened,
    AlertUpdated,
    Answered,
    Event,
    EvidenceErased,
    EvidenceKept,
    FireCleared,
    FireReleased,
    PanicCleared,
    PanicRaised,
)
from edge_agent.model.standing import Change
from edge_agent.ports import DoorState

CHANGES_AT_MOST = 1000  # then those that concern the same thing are put together
ALARMS_AT_MOST = 2000  # the oldest give way; some 1 kB each
NAMED = ("evidence", "alert", "alarm", "door")  # what an alarm is about, of which the newest word counts

Alarm = (
    FireReleased | FireCleared | PanicRaised | PanicCleared | AlertOpened | AlertUpdated | AlertClosed | Answered
    | EvidenceKept | EvidenceErased
)  # fmt: skip


class Missed:
    def __init__(self, standing: Standing) -> None:
        self._standing = standing
        self._changes: list[Change] = []
        self._doors: dict[str, DoorState] = {}
        self._alarms: dict[tuple[str, str, str], Alarm] = {}

    def note(self, changes: tuple[Change | DoorState, ...], event: Event | None = None) -> None:
        """These were refused."""
        for change in changes:
            if isinstance(change, DoorState):
                self._doors[change.door] = change
            else:
                self._changes.append(change)
        if len(self._changes) > CHANGES_AT_MOST:
            self._changes = remember.as_it_is(self._changes, self._standing)
        if isinstance(event, Alarm):
            which = next((found for name in NAMED if (found := getattr(event, name, ""))), "")
            key = event.tag, event.what if isinstance(event, AlertUpdated) else "", which
            self._alarms.pop(key, None)
            self._alarms[key] = event
            if len(self._alarms) > ALARMS_AT_MOST:
                del self._alarms[next(iter(self._alarms))]

    def take(self) -> tuple[list[Change | DoorState], list[Alarm]]:
        """All of it, as it is now; nothing is missed after that."""
        changes = [*remember.as_it_is(self._changes, self._standing), *self._doors.values()]
        alarms = [*self._alarms.values()]
        self._changes, self._doors, self._alarms = [], {}, {}
        return changes, alarms
