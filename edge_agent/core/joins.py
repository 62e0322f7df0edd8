"""What a camera's line and a door's events tell together, and neither tells alone.

A person through the line needs a grant in that direction, shortly before or at once after (frames take their time to
be looked at), and the door not shut again in between. One more is tailgating; the other way round is a passage against
the direction; a card alone, where the camera should have seen a face, is a passage without one. Who is refused again
and again while the same face stands there is one person trying. A door that stands open by order, or was opened by hand
or for leaving, is not counted.
"""

from collections import deque

import msgspec

from edge_agent.model.events import (
    AccessDenied,
    AccessGranted,
    AccessNotTaken,
    CommandCompleted,
    DoorClosed,
    DoorFault,
    DoorForced,
    DoorModeChanged,
    DoorOpened,
    Event,
    ExitRequested,
)
from edge_agent.model.sightings import Measure

SETTLE_MS = 1_500  # a grant may come so much later than the crossing it belongs to
CREDIT_MS = 30_000  # a release and the time the door may stay open
FACE_BEFORE_MS = 8_000
DENIALS, DENIALS_WITHIN_MS, SEEN_WITHIN_MS = 3, 60_000, 3_000
OPEN_MODES = {"unlocked", "locked_open"}


Track = tuple[str, int]  # of a camera, its number


class Join(msgspec.Struct, frozen=True):
    """`kind`: tailgating, wrong_passage, no_face, repeated_denial. `at_ms`: uptime of what it was seen by."""

    kind: str
    at_ms: int
    direction: str = ""
    count: int = 1
    why: tuple[Measure, ...] = ()


class Credit(msgspec.Struct):
    """Somebody may pass. `direction` empty, and not used up: by hand, or the exit button."""

    at_ms: int
    direction: str
    how: tuple[str, ...] = ()
    used: bool = False
    over_ms: int = 1 << 62  # when the door had shut behind whoever it was for


class DoorJoins:
    """One door with a line across it; `line`: its name. Another line, or another camera's, counts nobody twice."""

    def __init__(self, expect_face: bool = False, contact: bool = True, line: str = "") -> None:
        self._expect_face, self.line = expect_face, line
        self._free = False  # it stands open by order
        self._shut = contact  # without a contact nobody knows
        self._contact = contact
        self._blind = False  # its wire is cut or shorted
        self._shut_ms = 0
        self._credits: deque[Credit] = deque(maxlen=64)
        self._crossings: deque[tuple[int, str]] = deque(maxlen=256)
        self._faces: deque[tuple[int, Track]] = deque(maxlen=64)  # with uptime
        self._denied: dict[Track, list[int]] = {}
        self._said: set[Track] = set()
        self._found: list[Join] = []

    def hear(self, event: Event, now_ms: int) -> None:
        """An event of this door was recorded."""
        match event:
            case AccessGranted(direction=direction, how=how):
                self._credits.append(Credit(now_ms, direction, how))
            case AccessNotTaken():
                self._not_taken(now_ms)
            case ExitRequested() | CommandCompleted(verb="open"):
                self._credits.append(Credit(now_ms, ""))
            case DoorOpened() | DoorForced():
                self._shut = False
            case DoorClosed():
                self._shut, self._shut_ms = self._contact, now_ms
                for credit in self._credits:
                    if credit.at_ms <= now_ms - SETTLE_MS:  # not the next one's, held up while it shut
                        credit.over_ms = min(credit.over_ms, now_ms + SETTLE_MS)
            case DoorFault(input="contact", what=what):
                self._blind = what != "normal"
            case DoorModeChanged(mode=mode):
                self._free = mode in OPEN_MODES
            case AccessDenied():
                self._refused(now_ms)
            case _:
                pass

    def _not_taken(self, now_ms: int) -> None:
        """The release ran out and the door was not opened: whoever was let through meanwhile has not gone."""
        left = (credit for credit in self._credits if credit.used or credit.at_ms > now_ms - SETTLE_MS)
        self._credits = deque(left, maxlen=self._credits.maxlen)

    def cross(self, at_ms: int, direction: str) -> None:
        """Somebody went through the line."""
        if not self._free:
            self._crossings.append((at_ms, direction))

    def face(self, at_ms: int, camera: str, track: int) -> None:
        """A face is before the camera, whosever."""
        self._faces.append((at_ms, (camera, track)))

    def forget(self, camera: str) -> None:
        """Its tracks begin anew: who has one of their numbers is somebody else."""
        self._faces = deque((seen for seen in self._faces if seen[1][0] != camera), maxlen=self._faces.maxlen)
        self._denied = {track: times for track, times in self._denied.items() if track[0] != camera}
        self._said &= self._denied.keys()

    def due(self, now_ms: int) -> list[Join]:
        """What is certain by now."""
        while self._crossings and now_ms - self._crossings[0][0] >= SETTLE_MS:
            self._judge(*self._crossings.popleft())
        found, self._found = self._found, []
        return found

    def _judge(self, at_ms: int, direction: str) -> None:
        since = [
            credit for credit in self._credits
            if -SETTLE_MS <= at_ms - credit.at_ms <= CREDIT_MS and at_ms <= credit.over_ms
        ]  # fmt: skip
        free = any(not credit.direction for credit in since)
        mine = next((credit for credit in since if credit.direction == direction and not credit.used), None)
        if mine is not None:
            mine.used = True
            self._look_for_face(mine, at_ms)
            return
        if free or self._closed_at(at_ms):
            return  # let through by somebody, or walking past a shut door
        others = sum(credit.direction == direction for credit in since)
        opposite = next((credit for credit in since if credit.direction != direction), None)
        if others:
            why = (Measure("people", others + 1, others), Measure("grants", others, others + 1))
            self._found.append(Join("tailgating", at_ms, direction, 1, why))
        elif opposite is not None:
            self._found.append(Join("wrong_passage", at_ms, direction, 1, (Measure("grants", 0, 1),)))

    def _closed_at(self, at_ms: int) -> bool:
        return self._contact and self._shut and not self._blind and at_ms - self._shut_ms > SETTLE_MS

    def _look_for_face(self, credit: Credit, at_ms: int) -> None:
        if not self._expect_face or "face" in credit.how:
            return
        if not any(-SETTLE_MS <= at_ms - seen <= FACE_BEFORE_MS for seen, _ in self._faces):
            why = (Measure("faces", 0, 1),)
            self._found.append(Join("no_face", at_ms, credit.direction, 1, why))

    def _refused(self, now_ms: int) -> None:
        """Whose face is before the camera now, has been refused once more."""
        tracks = [track for seen, track in self._faces if now_ms - seen <= SEEN_WITHIN_MS]
        if not tracks:
            return
        track = tracks[-1]
        times = [at for at in self._denied.get(track, []) if now_ms - at <= DENIALS_WITHIN_MS] + [now_ms]
        self._denied = {one: at for one, at in self._denied.items() if now_ms - at[-1] <= DENIALS_WITHIN_MS}
        self._said &= self._denied.keys()
        self._denied[track] = times
        if len(times) >= DENIALS and track not in self._said:
            self._said.add(track)
            why = (Measure("denials", len(times), DENIALS),)
            self._found.append(Join("repeated_denial", now_ms, "", len(times), why))
