"""Everything that can become known: one frozen struct per event.

Journal row, MQTT payload and browser update are encodings of the same struct. The tag is the event's name; a tag is
never reused, fields are only added and always with a default. Times are not fields: the journal row carries them.
"""

from typing import Any, ClassVar

import msgspec

from edge_agent.model.encoding import canonical, json_schema, plain
from edge_agent.model.sightings import Fall, Measure


class Event(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Base of all events. `tag`: its name; `urgent`: its lane; `about`: which field names its CloudEvents subject."""

    tag: ClassVar[str]
    urgent: ClassVar[bool] = False
    about: ClassVar[str] = "agent"

    @property
    def hurries(self) -> bool:
        """This event's lane: `urgent`, except where one kind has both."""
        return self.urgent

    @property
    def subject(self) -> str:
        """`door/north-gate`, `device/north-in`, `person/p-5f2c`, or `agent`."""
        if self.about == "agent":
            return "agent"
        return f"{self.about}/{getattr(self, self.about)}"


class FaceMatch(msgspec.Struct, frozen=True, omit_defaults=True):
    """How sure a face was. `score`: similarity, 1 = the same; comparable within one engine, or one terminal, only.
    `by`: gateway | terminal; `liveness`: live | spoof | not_checked.
    """

    score: float
    liveness: str
    by: str = "gateway"


class AccessGranted(Event, frozen=True):
    """Somebody may pass. `how`: credential kinds shown; `rule`: what let them; `face` when one completed it."""

    tag: ClassVar[str] = "access.granted"
    about: ClassVar[str] = "door"
    door: str
    direction: str
    person: str
    category: str
    how: tuple[str, ...]
    rule: str
    house: str = ""
    terminal: str = ""
    notes: tuple[str, ...] = ()  # soft limits that were passed: anti_passback, occupancy
    face: FaceMatch | None = None


class AccessDenied(Event, frozen=True):
    """Somebody was refused, for one `reason` (docs/reference/reasons.md). `person` only when the credential is
    somebody's; `face`: it was one.
    """

    tag: ClassVar[str] = "access.denied"
    about: ClassVar[str] = "door"
    door: str
    direction: str
    reason: str
    how: tuple[str, ...]
    person: str | None = None
    terminal: str = ""
    face: FaceMatch | None = None


class AccessTaken(Event, frozen=True):
    """The door was opened after a grant. `after_ms`: from the grant to the contact."""

    tag: ClassVar[str] = "access.taken"
    about: ClassVar[str] = "door"
    door: str
    person: str | None = None
    after_ms: int = 0


class AccessNotTaken(Event, frozen=True):
    """The release ran out and nobody opened the door."""

    tag: ClassVar[str] = "access.not_taken"
    about: ClassVar[str] = "door"
    door: str
    person: str | None = None


class DoorOpened(Event, frozen=True):
    """Opened after a grant, an exit request or a command, while anybody may pass, or found open when the gate was first
    heard.
    """

    tag: ClassVar[str] = "door.opened"
    about: ClassVar[str] = "door"
    door: str


class DoorClosed(Event, frozen=True):
    """`open_ms`: how long it was open."""

    tag: ClassVar[str] = "door.closed"
    about: ClassVar[str] = "door"
    door: str
    open_ms: int = 0


class DoorForced(Event, frozen=True):
    """Opened without a grant, an exit request or a command."""

    tag: ClassVar[str] = "door.forced"
    urgent: ClassVar[bool] = True
    about: ClassVar[str] = "door"
    door: str


class DoorHeld(Event, frozen=True):
    """Still open after the door's `open_s`."""

    tag: ClassVar[str] = "door.held"
    about: ClassVar[str] = "door"
    door: str
    open_ms: int = 0


class DoorModeChanged(Event, frozen=True):
    """The door stands differently now. `mode`: locked, unlocked, blocked, locked_down, locked_open, double_locked;
    `source`: operator, lockdown, evacuation, first_person, schedule, fire, or empty for the plain state; `for_ms`: for
    how long it was ordered, None = until taken back.
    """

    tag: ClassVar[str] = "door.mode_changed"
    about: ClassVar[str] = "door"
    door: str
    mode: str
    source: str = ""
    by: str = ""
    why: str = ""
    for_ms: int | None = None


class DoorTamper(Event, frozen=True):
    """A housing at this door was opened or shut. `open`: those that are open now, by the terminal's name, `board` for
    the gate's own, `gate` for what hangs at its tamper input; `on`: whether there is any.
    """

    tag: ClassVar[str] = "door.tamper"
    urgent: ClassVar[bool] = True
    about: ClassVar[str] = "door"
    door: str
    on: bool = True
    open: tuple[str, ...] = ()


class DoorFault(Event, frozen=True):
    """A supervised input cannot tell the truth. `what`: cut, shorted, or normal again; `input`: which one."""

    tag: ClassVar[str] = "door.fault"
    about: ClassVar[str] = "door"
    door: str
    input: str
    what: str


class FireReleased(Event, frozen=True):
    """The fire panel's input: every escape door is unlocked until somebody clears it by hand."""

    tag: ClassVar[str] = "fire.released"
    urgent: ClassVar[bool] = True
    door: str  # where the input is


class FireCleared(Event, frozen=True):
    """Somebody ended the fire release by hand, after the panel: doors follow their modes again."""

    tag: ClassVar[str] = "fire.cleared"
    urgent: ClassVar[bool] = True
    by: str
    why: str = ""


class PanicRaised(Event, frozen=True):
    """Somebody calls for help at this door. Said again until it is cleared; `count`: the how-manieth time."""

    tag: ClassVar[str] = "panic.raised"
    urgent: ClassVar[bool] = True
    about: ClassVar[str] = "door"
    door: str
    count: int = 1


class PanicCleared(Event, frozen=True):
    """Somebody ended the panic of this door, after its button was free again."""

    tag: ClassVar[str] = "panic.cleared"
    urgent: ClassVar[bool] = True
    about: ClassVar[str] = "door"
    door: str
    by: str
    why: str = ""


class Alert(Event, frozen=True):
    """Base of what is said about an alert. Its subject is the door, the camera or the sensor it is about."""

    about: ClassVar[str] = "door"
    door: str
    alert: str
    kind: str
    level: str = "alarm"
    sensor: str = ""
    place: str = ""
    camera: str = ""

    @property
    def subject(self) -> str:
        return f"door/{self.door}" if self.door else f"device/{self.camera or self.sensor}"


class AlertOpened(Alert, frozen=True):
    """Something needs somebody. `kind`: duress, locked_out, what a sensor measures (vapour, gas, loop_open, …), what a
    camera sees (falling_object, intrusion, loitering, occluded, …) or what camera and door tell together (tailgating,
    no_face, wrong_passage, repeated_denial, …); `silent`: shown at no door and on no public screen.

    `level`: alarm, warning (said on the spot, not urgent for the city) or fault (the sensor or its wire cannot tell the
    truth). `sensor`, `place`, `value` and `unit` are a sensor's; its `door` may be empty. `camera`, `rule`, `why` (what
    was compared) and `fall` (times in uptime, without its path) are a camera's; `evidence`: the case that is being
    kept of it. `quiet`: recorded only, because of quiet hours or a mute. `review`: somebody has to look at the
    evidence before anything follows from it.
    """

    tag: ClassVar[str] = "alert.opened"
    urgent: ClassVar[bool] = True
    silent: bool = False
    person: str | None = None
    terminal: str = ""
    value: float | None = None
    unit: str = ""
    rule: str = ""
    confidence: float = 1.0
    count: int = 0
    direction: str = ""
    why: tuple[Measure, ...] = ()
    fall: Fall | None = None
    evidence: str = ""
    quiet: bool = False
    review: bool = False

    @property
    def hurries(self) -> bool:
        return self.level != "warning" or bool(self.camera)


class AlertUpdated(Alert, frozen=True, kw_only=True):
    """What is known now of the alert `alert`. `what`: grew (`count`, `confidence`, `fall`, as they are now), evidence
    (its media are here: `evidence`; `why` they are not whole), no_evidence (and `why` there is none), deterred (`why`:
    by which output, whose relay is on), not_deterred (`why`: which output stayed off, `reason`: unreachable or relay,
    which did not switch), verdict (somebody has looked: `verdict` true, false or unsure, `by` whom, `why`). `code` and
    `given`: what `why` says, as in `device.lost`.
    """

    tag: ClassVar[str] = "alert.updated"
    urgent: ClassVar[bool] = True
    what: str
    rule: str = ""
    confidence: float = 1.0
    count: int = 0
    fall: Fall | None = None
    evidence: str = ""
    verdict: str = ""
    by: str = ""
    why: str = ""
    reason: str = ""
    code: str = ""
    given: dict[str, str | int | float] = {}

    @property
    def hurries(self) -> bool:
        return self.what == "grew"


class AlertClosed(Alert, frozen=True):
    """What the alert `alert` was about is over, or is another alert now (`why`: over, changed), or nobody can tell any
    more (restarted, camera_lost). duress and locked_out are moments: what is open of them ends with alarm.closed.
    """

    tag: ClassVar[str] = "alert.closed"
    why: str = "over"
    count: int = 0


class Answered(Event, frozen=True):
    """Base of the steps of answering an alarm. `alarm`: the alert, panic/<door>, forced/<door> or fire; `after_ms`:
    since it was raised, -1 when nobody can tell. A panic or a fire that is raised after it was cleared, and a door that
    is forced after somebody had answered, is an alarm of its own, whether or not the one before was closed.
    """

    about: ClassVar[str] = "door"
    urgent: ClassVar[bool] = True
    alarm: str
    kind: str
    door: str
    by: str
    camera: str = ""
    after_ms: int = 0

    @property
    def subject(self) -> str:
        if self.door or self.camera:
            return f"door/{self.door}" if self.door else f"device/{self.camera}"
        return "agent"


class AlarmAcknowledged(Answered, frozen=True):
    """Somebody has heard the alarm. `late`: after the site's target; `drill`: and knows that it is one."""

    tag: ClassVar[str] = "alarm.acknowledged"
    late: bool = False
    drill: bool = False


class AlarmDispatched(Answered, frozen=True):
    """Somebody (`who`) is on the way."""

    tag: ClassVar[str] = "alarm.dispatched"
    late: bool = False
    who: str = ""


class AlarmArrived(Answered, frozen=True):
    """Somebody is on the spot."""

    tag: ClassVar[str] = "alarm.arrived"
    late: bool = False
    who: str = ""


class AlarmClosed(Answered, frozen=True, kw_only=True):
    """The alarm is done with. `outcome`: real, false, drill, test; `why`: what it was."""

    tag: ClassVar[str] = "alarm.closed"
    outcome: str
    why: str = ""


class LineCounted(Event, frozen=True):
    """How many people crossed `line` of `camera` between two Unix ms as the gateway believes them: `entered` and `left`
    as the line's points say. Not said when nobody did.
    """

    tag: ClassVar[str] = "line.counted"
    about: ClassVar[str] = "device"
    camera: str
    line: str
    entered: int
    left: int
    from_ms: int
    to_ms: int

    @property
    def subject(self) -> str:
        return f"device/{self.camera}"


class EvidenceKept(Event, frozen=True):
    """Media of an alert or a door event are on the gateway's disk. `manifest`: SHA-256 of the signed manifest,
    `previous`: of the manifest kept before it (empty for the first); times in Unix ms and as the gateway believed them.
    `complete` false: `why` part of what was asked for is missing; `code` and `given` as in `device.lost`.
    """

    tag: ClassVar[str] = "evidence.kept"
    about: ClassVar[str] = "device"
    evidence: str
    camera: str
    alert: str
    manifest: str
    previous: str = ""
    from_ms: int = 0
    to_ms: int = 0
    size: int = 0
    complete: bool = True
    why: str = ""
    code: str = ""
    given: dict[str, str | int | float] = {}

    @property
    def subject(self) -> str:
        return f"device/{self.camera}"


class EvidenceExported(Event, frozen=True):
    """Somebody took a copy. `purpose`: investigation (as recorded) or publication (masked and blurred);
    `sha256`: of the manifest of what was copied.
    """

    tag: ClassVar[str] = "evidence.exported"
    evidence: str
    by: str
    purpose: str
    why: str = ""
    sha256: str = ""


class EvidenceErased(Event, frozen=True):
    """Media were deleted. `why`: age, room or hand (then `by`); `manifest`: SHA-256 of the manifest, which proves what
    they were.
    """

    tag: ClassVar[str] = "evidence.erased"
    evidence: str
    why: str
    manifest: str
    by: str = ""


class ExitRequested(Event, frozen=True):
    """The exit button. It needs no decision and waits for nothing."""

    tag: ClassVar[str] = "exit.requested"
    about: ClassVar[str] = "door"
    door: str


class CommandCompleted(Event, frozen=True):
    """A command of the city, or of a guard at the gateway (`issuer` local/NAME), was carried out.

    `command`: its id; `issuer`: who gave it, `second`: who agreed, both as the signer says; `why`: as they said it;
    `person`: whom it concerns; `answer`: what it asked for.
    """

    tag: ClassVar[str] = "command.completed"
    urgent: ClassVar[bool] = True
    command: str
    verb: str
    issuer: str
    door: str | None = None
    why: str = ""
    person: str | None = None
    second: str = ""
    answer: dict[str, str | int | float | bool] = msgspec.field(default_factory=dict)


class CommandRefused(Event, frozen=True):
    """A command was not carried out. `reason`: docs/reference/reasons.md; `detail`: what more there is
    to say, for a person; `unsaid`: how many refusals before it were counted only, because there were too many.
    """

    tag: ClassVar[str] = "command.refused"
    urgent: ClassVar[bool] = True
    reason: str
    command: str = ""
    verb: str = ""
    issuer: str = ""
    detail: str = ""
    unsaid: int = 0


class CommandUnknown(Event, frozen=True):
    """The agent stopped between intent and result: the gate may or may not have moved. It is not tried again."""

    tag: ClassVar[str] = "command.unknown"
    urgent: ClassVar[bool] = True
    command: str
    verb: str
    door: str | None = None


class PersonChanged(Event, frozen=True):
    """People, credentials or rules changed. `what`: docs/reference/reasons.md; `person` for one person; `count` and
    `source` for an import.
    """

    tag: ClassVar[str] = "person.changed"
    what: str
    person: str | None = None
    count: int = 1
    source: str = ""


class VisitExpected(Event, frozen=True):
    """Somebody is to come, or asks to come in. `visit`: the visit, and the visitor's pseudonymous id; `people` come
    with it. `confirm` is the host's answer (asked, confirmed, declined, timeout): the event is said again when that
    changes, or when the visit's times do. `again`: comes more than once in its time. Times are Unix ms.
    """

    tag: ClassVar[str] = "visit.expected"
    about: ClassVar[str] = "visit"
    visit: str
    kind: str
    from_ms: int
    until_ms: int
    doors: tuple[str, ...] = ()
    host: str = ""
    house: str = ""
    group: str = ""
    people: int = 1
    again: bool = False
    confirm: str = ""
    by: str = ""


class VisitArrived(Event, frozen=True):
    """A visitor is in. `by`: local/NAME for a guard at the desk, door/NAME for the visitor's own pass; `confirmed_by`:
    who says that the host agreed; `due_ms`: when the visitor must have left (Unix ms).
    """

    tag: ClassVar[str] = "visit.arrived"
    about: ClassVar[str] = "visit"
    visit: str
    kind: str
    host: str = ""
    house: str = ""
    people: int = 1
    by: str = ""
    confirmed_by: str = ""
    due_ms: int | None = None


class VisitOverstaying(Event, frozen=True):
    """Still inside after `due_ms` (Unix ms)."""

    tag: ClassVar[str] = "visit.overstaying"
    about: ClassVar[str] = "visit"
    visit: str
    kind: str
    due_ms: int
    host: str = ""
    house: str = ""
    people: int = 1


class VisitLeft(Event, frozen=True):
    """A visitor has left. `again`: is expected another time; `stayed_ms`: since the arrival."""

    tag: ClassVar[str] = "visit.left"
    about: ClassVar[str] = "visit"
    visit: str
    kind: str
    stayed_ms: int
    house: str = ""
    people: int = 1
    by: str = ""
    again: bool = False
    overstayed: bool = False


class VisitCancelled(Event, frozen=True):
    """Nobody comes (any more). `why`: cancelled (by somebody), no_show (its time is over) or expired (of a recurring
    visit). The pass opens nothing from here on.
    """

    tag: ClassVar[str] = "visit.cancelled"
    about: ClassVar[str] = "visit"
    visit: str
    kind: str
    why: str
    by: str = ""


class VisitRefused(Event, frozen=True):
    """A visitor was turned away. `reason`: blacklisted, declined (by the host), or guard; never the blacklist's own."""

    tag: ClassVar[str] = "visit.refused"
    about: ClassVar[str] = "visit"
    visit: str
    kind: str
    reason: str
    host: str = ""
    house: str = ""
    by: str = ""


class PatrolDone(Event, frozen=True):
    """A guard passed a point of a route. `run_ms`: when the run was to begin (Unix ms); `how`: terminal, button or tag;
    `by`: the guard's person id at a terminal, local/NAME at the desk, empty for a button.
    """

    tag: ClassVar[str] = "patrol.done"
    about: ClassVar[str] = "patrol"
    route: str
    run_ms: int
    point: str
    how: str = ""
    by: str = ""

    @property
    def subject(self) -> str:
        return f"patrol/{self.route}"


class PatrolMissed(Event, frozen=True):
    """The time of a run is over, and nobody passed this point. `run_ms` as in patrol.done."""

    tag: ClassVar[str] = "patrol.missed"
    about: ClassVar[str] = "patrol"
    route: str
    run_ms: int
    point: str

    @property
    def subject(self) -> str:
        return f"patrol/{self.route}"


class HazardReported(Event, frozen=True):
    """Somebody found what endangers others. `due_ms`: until when it is to be mended (Unix ms); `photo`: SHA-256 of the
    picture that is kept here. What was written about it stays on the gateway.
    """

    tag: ClassVar[str] = "hazard.reported"
    about: ClassVar[str] = "hazard"
    hazard: str
    category: str
    place: str
    due_ms: int
    photo: str = ""
    by: str = ""


class HazardOverdue(Event, frozen=True):
    """Not closed by its due date; told once."""

    tag: ClassVar[str] = "hazard.overdue"
    about: ClassVar[str] = "hazard"
    hazard: str
    category: str
    place: str
    due_ms: int


class HazardClosed(Event, frozen=True):
    """`outcome`: fixed, referred (somebody else sees to it) or unfounded; `overdue`: after its due date."""

    tag: ClassVar[str] = "hazard.closed"
    about: ClassVar[str] = "hazard"
    hazard: str
    category: str
    place: str
    outcome: str
    overdue: bool = False
    by: str = ""


class DutyBegun(Event, frozen=True):
    """Somebody checked in for duty. `post`: where."""

    tag: ClassVar[str] = "duty.begun"
    about: ClassVar[str] = "duty"
    duty: str
    by: str
    post: str = ""


class DutyEnded(Event, frozen=True):
    """`lasted_ms`: since duty.begun."""

    tag: ClassVar[str] = "duty.ended"
    about: ClassVar[str] = "duty"
    duty: str
    by: str
    lasted_ms: int
    post: str = ""


class ConsentGiven(Event, frozen=True):
    """`purpose`: match | keep_image | provide_to_city; `text_version` of what the person agreed to."""

    tag: ClassVar[str] = "consent.given"
    about: ClassVar[str] = "person"
    person: str
    purpose: str
    text_version: str
    channel: str = ""


class ConsentWithdrawn(Event, frozen=True):
    """`purpose` as in consent.given. What hung on it is destroyed in the same step (person.erased)."""

    tag: ClassVar[str] = "consent.withdrawn"
    about: ClassVar[str] = "person"
    person: str
    purpose: str
    channel: str = ""


class PersonErased(Event, frozen=True):
    """Proof of a deletion: how many templates and kept pictures; `digest`: SHA-256 over the sealed bytes destroyed.
    `terminal`: the face terminal that confirmed its own deletion; nothing is counted then.
    """

    tag: ClassVar[str] = "person.erased"
    about: ClassVar[str] = "person"
    person: str
    why: str  # withdrawn | removed | lapsed | visit_over | model
    templates: int
    pictures: int
    digest: str
    terminal: str = ""


class DeviceLost(Event, frozen=True):
    """`detail`: why, in English; `code` and `given`: the same for who says it in another language (words/). What was
    lost before agent.started is told again when it still is; no device.back comes for it otherwise.
    """

    tag: ClassVar[str] = "device.lost"
    about: ClassVar[str] = "device"
    device: str
    kind: str
    detail: str = ""
    code: str = ""
    given: dict[str, str | int | float] = {}


class DeviceBack(Event, frozen=True):
    """`after_ms`: how long it was away."""

    tag: ClassVar[str] = "device.back"
    about: ClassVar[str] = "device"
    device: str
    kind: str
    after_ms: int = 0


class DeviceDegraded(Event, frozen=True):
    """It works, but not as it should: reads were dropped, frames are malformed, the secure channel fails. `detail`,
    `code` and `given` as in `device.lost`.
    """

    tag: ClassVar[str] = "device.degraded"
    about: ClassVar[str] = "device"
    device: str
    kind: str
    detail: str = ""
    code: str = ""
    given: dict[str, str | int | float] = {}


class AuditViewed(Event, frozen=True):
    """Somebody looked at personal data on the console or over its API. `what`: wall, people, person, history, …;
    `person`: whose, when it was one; `count`: how many records; `by`: the user, or api/TOKEN.
    """

    tag: ClassVar[str] = "audit.viewed"
    by: str
    what: str
    person: str | None = None
    count: int = 1


class AuditExported(Event, frozen=True):
    """Somebody took data away as a file. `digest`: SHA-256 of the file."""

    tag: ClassVar[str] = "audit.exported"
    by: str
    what: str
    count: int = 1
    digest: str = ""


class AuditSignedIn(Event, frozen=True):
    """Somebody signed in at the console, unlocked it, or left. `how`: password, totp, unlocked, left, locked."""

    tag: ClassVar[str] = "audit.signed_in"
    by: str
    how: str
    address: str = ""


class AuditRefused(Event, frozen=True):
    """Somebody was not let in at the console, or asked for what their role may not. `why`: wrong, too_often, role;
    `by`: the name that was typed, when it is somebody's; `unsaid`: how many more before it were only counted.
    """

    tag: ClassVar[str] = "audit.refused"
    by: str
    why: str
    what: str = ""
    address: str = ""
    unsaid: int = 0


class GapAnnounced(Event, frozen=True):
    """Events `from_seq` to `to_seq` of `epoch` will not arrive (again). `why`: quarantined, refused, …"""

    tag: ClassVar[str] = "gap.announced"
    urgent: ClassVar[bool] = True
    epoch: str
    from_seq: int = msgspec.field(name="from")
    to_seq: int = msgspec.field(name="to")
    why: str


class ClockAnchored(Event, frozen=True):
    """From here on it is known what time it is: this event's `time`, `upms`, `bootid` and `clkerr` belong together, and
    date what came earlier in the same boot. `by_ms`: how far the clock was moved when it was set.
    """

    tag: ClassVar[str] = "clock.anchored"
    by_ms: int = 0


class ClockStepped(Event, frozen=True):
    """The wall clock jumped against uptime by `by_ms` (positive: forward). Doors that a schedule holds open follow it;
    what was ordered ends by uptime, and order is by sequence, always.
    """

    tag: ClassVar[str] = "clock.stepped"
    by_ms: int


class AgentStarted(Event, frozen=True):
    """`after`: how the last run ended (clean, killed, first). Every device counts as there until it is told lost."""

    tag: ClassVar[str] = "agent.started"
    version: str
    after: str
    config: str = ""


class AgentStopped(Event, frozen=True):
    """The agent ends in order. `reason`: told to stop, or new configuration (it starts anew with it)."""

    tag: ClassVar[str] = "agent.stopped"
    reason: str


class AgentDegraded(Event, frozen=True):
    """The agent cannot keep all its promises at the moment. `what`: slow_commit, dead_letter, uplink_refused, …;
    `detail`, `code` and `given` as in `device.lost`.
    """

    tag: ClassVar[str] = "agent.degraded"
    urgent: ClassVar[bool] = True
    what: str
    detail: str = ""
    code: str = ""
    given: dict[str, str | int | float] = {}


class UnknownEvent(msgspec.Struct, frozen=True):
    """A tag this version does not know, from a newer one: kept and passed on as it is."""

    tag: str
    raw: bytes


EVENTS: tuple[type[Event], ...] = (
    AccessGranted, AccessDenied, AccessTaken, AccessNotTaken,
    DoorOpened, DoorClosed, DoorForced, DoorHeld, DoorModeChanged, DoorTamper, DoorFault, ExitRequested,
    FireReleased, FireCleared, PanicRaised, PanicCleared, AlertOpened, AlertUpdated, AlertClosed,
    AlarmAcknowledged, AlarmDispatched, AlarmArrived, AlarmClosed, LineCounted,
    EvidenceKept, EvidenceExported, EvidenceErased,
    CommandCompleted, CommandRefused, CommandUnknown,
    VisitExpected, VisitArrived, VisitOverstaying, VisitLeft, VisitCancelled, VisitRefused,
    PatrolDone, PatrolMissed, HazardReported, HazardOverdue, HazardClosed, DutyBegun, DutyEnded,
    PersonChanged, ConsentGiven, ConsentWithdrawn, PersonErased,
    DeviceLost, DeviceBack, DeviceDegraded,
    AuditViewed, AuditExported, AuditSignedIn, AuditRefused,
    GapAnnounced, ClockAnchored, ClockStepped, AgentStarted, AgentStopped, AgentDegraded,
)  # fmt: skip
BY_TAG: dict[str, type[Event]] = {event.tag: event for event in EVENTS}


class Row(msgspec.Struct, frozen=True):
    """One journal row: an accepted event. `body` is the canonical JSON of the event's fields; it never changes."""

    seq: int
    epoch: str
    tag: str
    body: bytes
    wall_ms: int
    clock: str
    clock_err_ms: int
    boot_id: str
    up_ms: int
    prev: bytes
    hash: bytes

    @property
    def event(self) -> Event | UnknownEvent:
        return decode_event(self.tag, self.body)

    @property
    def id(self) -> str:
        return f"{self.epoch}-{self.seq:020d}"


def encode_event(event: Event) -> bytes:
    """Whole numbers are written whole (2, not 2.0), as other languages write them: so can they check the chain."""
    body = canonical(event)
    return canonical(_whole(plain(event))) if b".0" in body else body


def _whole(data: Any) -> Any:
    match data:
        case dict():
            return {key: _whole(value) for key, value in data.items()}
        case list() | tuple():
            return [_whole(each) for each in data]
        case float() if data.is_integer() and abs(data) < 2**53:
            return int(data)
    return data


def decode_event(tag: str, body: bytes) -> Event | UnknownEvent:
    """The event in `body`; fields that are not known are ignored, a tag that is not known gives an UnknownEvent.

    Raises msgspec.ValidationError when a known tag's body does not have that event's form.
    """
    kind = BY_TAG.get(tag)
    if kind is None:
        return UnknownEvent(tag, body)
    return msgspec.json.decode(body, type=kind)


def schema(kind: type[Event]) -> dict[str, Any]:
    """The JSON Schema of one event's `data`."""
    return json_schema(kind)
