"""What the installer wrote in agent.toml, as structs. Loading, defaults that need files, and checks: config.py."""

from collections.abc import Iterable
from typing import Literal

import msgspec

from edge_agent.model.gpio import Pin


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all tables of agent.toml: an unknown key is an error, never ignored."""


class Gateway(Table, frozen=True):
    """`id` is the certificate's CN, the topic level and the CloudEvents source; `state`: where the databases are."""

    id: str
    zone: str = "Asia/Shanghai"  # IANA name; schedules are local time here
    site: str = "estate"  # device_profiles/sites/<site>.toml
    grid: str = ""
    ring: Literal["", "inner", "middle", "outer"] = ""
    state: str = "state"


class UplinkTls(Table, frozen=True):
    ca: str
    cert: str
    key: str


class Uplink(Table, frozen=True):
    """`mqtt` is explicit and never downgraded by itself; `confirm`: what lets an event leave the outbox.
    `city_command_key`: one .pub that may order everything, or a .toml list of keys with roles (docs/platform.md).
    """

    url: str
    mqtt: Literal[5, "3.1.1"] = 5
    confirm: Literal["city", "broker"] = "city"
    username: str | None = None
    password_file: str | None = None
    city_ack_key: str = "keys/city-ack.pub"
    city_command_key: str = "keys/city-command.pub"
    region: str = "city"  # whose STATE says that the platform works: topic sc/1/host/<region>/state
    reconnect_spread_s: float = 2.0  # gateways come back spread over this time; in a fleet: gateways / 100
    tls: UplinkTls | None = None


class Policy(Table, frozen=True):
    """`record_before_open`: which openings wait for the disk; `when_full`: entry while nothing can be recorded."""

    record_before_open: Literal["never", "remote", "always"] = "remote"
    untrusted_clock: Literal["deny_timed", "allow_timed"] = "deny_timed"
    when_full: Literal["refuse", "open"] = "refuse"
    wrong_tries: int = 5  # then the terminal takes nothing for a while (GB 50396: at most five)
    lockout_s: float = 30.0  # the first time; doubled each time, halved by who is let in
    lockout_most_s: float = 900.0
    panic_repeat_s: float = 30.0


class VisitPolicy(Table, frozen=True):
    """The visitors' way in. `doors`: what a pass opens when nothing else is said (none: every door of the street that
    takes QR codes); `confirm = "host"`: nobody is let in before the host, or the guard for the host, said yes.
    """

    doors: tuple[str, ...] = ()
    confirm: Literal["guard", "host"] = "guard"
    confirm_within_s: float = 120.0
    stay_min: int = 240  # how long a visitor stays when nothing else is said
    delivery_min: int = 30  # the same for a delivery
    early_min: int = 30  # a pass opens so long before the time that was agreed
    overstay_min: int = 15  # beyond the time: then it is an overstay
    draft_s: float = 180.0  # a document read at the desk is forgotten after
    retain_days: int = 90  # then a visit that is over is erased


class FacePolicy(Table, frozen=True):
    """How a track becomes an identity (`core/faces.py`). Distances are Euclidean over the engine's embedding; what is
    not written here is the model's own (`edge-agent faces calibrate` proposes the site's).

    `detector`, `embedder`, `liveness_model`: ids of `edge-agent models list`, for the engine `onnx`. With the engine
    `terminal` faces are matched by the terminals that can, and nowhere else: this gateway keeps no template.
    """

    engine: Literal["dlib", "onnx", "terminal"] = "dlib"
    detector: str = "yunet-2023mar"
    embedder: str = "sface-2021dec"
    liveness_model: str | None = None
    guardian_consent: bool = False  # where most are minors: faces only with a guardian's consent, for everybody
    evaluation: bool = False  # permits models whose licence allows evaluation only: never at a real gate
    distance: float | None = None  # a match is at most this far
    distance_claimed: float | None = None  # the same, once a card or a number has said who it should be
    margin: float | None = None  # and the next person at least this much farther
    agree: int = 2  # k …
    of: int = 3  # … of the last n good frames
    within_s: float = 3.0
    min_face_px: int = 64
    min_sharpness: float = 40.0  # variance of the Laplacian over the face at 112 px


class Retention(Table, frozen=True):
    """How long is kept what nobody withdraws. `entry_days`: entries, visits and all else in the journal, once the city
    has it; `record_days`: consents and orders to delete, from their end on. `hold`: why nothing may be deleted by age
    just now (a case, an authority's letter), evidence and visits neither; what a person withdraws is deleted all the
    same.
    """

    entry_days: int = 180
    record_days: int = 1096
    hold: str = ""


Place = Literal[
    "", "entrance", "lobby", "lift", "garage", "corridor", "office", "classroom",
    "bath", "toilet", "changing", "nursing", "dormitory_room",
]  # fmt: skip
BANNED = ("bath", "toilet", "changing", "nursing", "dormitory_room")  # no camera and no face device, whatever it is for


class Link(Table, frozen=True):
    """A wire to devices. `serial:///dev/…?baud=9600`, `tcp://host:port`, `gpio:///dev/gpiochip0` (or the
    chip's label), `push://192.0.2.1:8460` (terminals call here), or `sim://name` (a simulated device).
    """

    name: str
    url: str


class Terminal(Table, frozen=True):
    name: str
    profile: str
    link: str
    door: str
    address: int = 0
    key_file: str | None = None  # OSDP secure channel base key, 32 hex digits
    secret_file: str | None = None  # what a terminal that calls over HTTP proves itself with: one line of text
    direction: Literal["in", "out"] = "in"
    place: Place = ""


class Camera(Table, frozen=True):
    """`url` is what is analysed (rtsp://, http(s)://, file:///…, also a folder of stills; a camera of this machine:
    v4l2:///dev/v4l/by-id/…?size=1280x720), best the sub-stream; `main_url` the stream that evidence is kept of, where
    it is another one. `use`: face (recognise people at `door`), alerts (what `[[facade]]`, `[[zone]]`, `[[line]]` say
    of it, and its own health), evidence (clips of alerts and of what happens at `door`), wall (beside alerts: a small
    picture each second on the guard's page, where it is not kept). `fps`: what it sends; a slow one is lost after
    three frames that are missing.

    `login_file`: one line, user:password, instead of writing them into the URLs. `masks`: polygons of x, y, x, y, …
    in parts of the picture (0..1) that neither the guard's pages nor a copy for publication shows; nor do they what
    `masks` of its façades cover. `expect_face`: whoever passes the door without having shown the camera a face is an
    alert. `area`: what a mute of an area means.
    """

    name: str
    url: str
    door: str = ""
    use: tuple[Literal["face", "alerts", "evidence", "wall"], ...] = ("face",)
    main_url: str | None = None
    login_file: str | None = None
    direction: Literal["in", "out"] = "in"
    fps: float = 15.0
    place: Place = ""  # what kind of place it looks at
    area: str | None = None
    masks: tuple[tuple[float, ...], ...] = ()
    expect_face: bool = False


ZoneKind = Literal[
    "intrusion", "loitering", "gathering", "left_object", "removed_object", "blocked", "person_down", "ebike", "smoke",
]  # fmt: skip
LineKind = Literal["crossing", "wrong_way"]
WALKED = frozenset({"intrusion", "loitering", "gathering", "person_down"})  # told of people who are followed, as lines
WALK_FPS = 4.0  # frames a second: with fewer, who walks is somebody else in the next one
FALLS_FPS = 6.5  # with five, one fall in four was missed
# What an alert can be of: zones and lines (a crossing is counted only), walls, doors and cameras together, and what a
# camera itself suffers. A light object may be nothing, so that it never sounds.
DeterrentKind = Literal[
    ZoneKind, "wrong_way", "falling_object", "tailgating", "wrong_passage", "no_face", "repeated_denial",
    "frozen", "black", "overexposed", "occluded", "moved", "defocused", "reduced", "too_slow",
]  # fmt: skip
AlertKind = Literal[DeterrentKind, "light_object"]
AlertLevel = Literal["alarm", "warning", "fault"]


class AlertRule(Table, frozen=True):
    """How alerts of cameras are told. The first rule that fits counts; `kinds`, `cameras`, `rules` (names of zones,
    lines, façades): empty means all. `quiet`: schedule during which they are only recorded.
    """

    name: str
    kinds: tuple[AlertKind, ...] = ()
    cameras: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    level: AlertLevel | None = None
    quiet: str | None = None


class EvidencePolicy(Table, frozen=True):
    """Clips begin `pre_s` before what they show began (a bag was put down; at most a minute before it is told) and end
    `post_s` after it is over. They are `longest_s` long at most: where it took longer from its beginning to its alarm
    they begin later, and what goes on is cut. They are erased after `keep_days` (30 at least, 90 for key sites), or
    when they take more than `max_mb`; never the newest, never one that is held. What is held comes on top of `max_mb`.
    """

    pre_s: float = 10.0
    post_s: float = 10.0
    longest_s: float = 60.0
    keep_days: int = 30
    max_mb: int = 8192


class Vision(Table, frozen=True):
    """`detector`: id of a model of `edge-agent models list` that finds people (and e-bikes); none: motion alone."""

    detector: str | None = None


class GateLines(Table, frozen=True):
    """In agent.toml: the line of each role by name or offset, where the profile does not know them."""

    relay: Pin | None = None
    contact: Pin | None = None
    exit: Pin | None = None
    fire: Pin | None = None
    panic: Pin | None = None
    tamper: Pin | None = None


class GateBinding(Table, frozen=True):
    """Which relay and inputs of the board are this door's. `supervised`: the contact's loop tells cut from shorted.
    `address` and `key_file`: of a board on an OSDP bus; a reader's own when its relay is meant. `lines`: GPIO lines by
    name or offset, before what the profile says of that number.

    On a Modbus line: `address` of the board (none: as it is shipped), `fail` and `inverted` where the wiring is not as
    the profile says: which state of the relay locks, and inputs that are the other way round.
    """

    link: str
    profile: str
    key_file: str | None = None
    relay: int = 0
    contact: int | None = None
    exit: int | None = None
    fire: int | None = None
    panic: int | None = None
    tamper: int | None = None
    supervised: bool = False
    address: int | None = None
    fail: Literal["secure", "safe"] | None = None
    inverted: tuple[Literal["contact", "exit", "fire", "panic", "tamper"], ...] = ()
    lines: GateLines | None = None


class Deterrent(Table, frozen=True):
    """A light, a speaker or a siren on a relay: switched on by alarms of `kinds` and `cameras` (empty: all that are
    alarms; a light object never). `on_s` each time, not again for `cooldown_s`, `per_hour` times at most.
    """

    name: str
    output: GateBinding
    kinds: tuple[DeterrentKind, ...] = ()
    cameras: tuple[str, ...] = ()
    on_s: float = 10.0
    cooldown_s: float = 60.0
    per_hour: int = 6


class Sensor(Table, frozen=True):
    """A sensor on a Modbus line, or a moving gateway's satellite receiver on a line of its own. `address`: none, as it
    is shipped; `place`: where it is, for who has to go there.
    """

    name: str
    profile: str
    link: str
    address: int | None = None
    door: str | None = None
    place: str = ""


class Desk(Table, frozen=True):
    """A visitor desk: the ID-card reader there."""

    name: str
    profile: str
    link: str


class Console(Table, frozen=True):
    """The guard's console. `listen`: address:port; `cert` and `key`: what `edge-agent console setup` made;
    `lock_after_s`: without a key or a finger the screen locks; `session_h`: then everybody signs in again.
    """

    listen: str = "0.0.0.0:8443"
    cert: str = "keys/console.pem"
    key: str = "keys/console.key"
    lock_after_s: float = 600.0
    session_h: float = 13.0  # a shift of twelve hours and its handover
    language: Literal["zh", "en"] = "zh"


class PatrolPoint(Table, frozen=True):
    """Where a guard has to pass. It is done by a guard's credential at `terminal`, by the exit button of the door
    `button`, or by what its `tag` (a QR code or NFC tag) says, read at the desk.
    """

    name: str
    place: str = ""
    terminal: str = ""
    button: str = ""
    tag: str = ""


class PatrolRoute(Table, frozen=True):
    """The points to pass within `within_min` from each of `times` (local, HH:MM) on, on `days` (1 = Monday). `ordered`:
    one after the other only. `by`: whose credentials count at terminals.
    """

    name: str
    points: tuple[str, ...]
    times: tuple[str, ...]
    within_min: int = 60
    days: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)
    ordered: bool = False
    by: tuple[str, ...] = ("guard",)


Kind = Literal["card", "pin", "qr", "face", "plate", "phone"]
Ways = tuple[tuple[Kind, ...], ...]


class WaysAt(Table, frozen=True):
    """Other `ways` while `schedule` is on (the first that is on counts)."""

    schedule: str
    ways: Ways


class FirstPerson(Table, frozen=True):
    """The first person in. `hold`: the door then stays unlocked for `minutes`; `arm`: nobody else is let in before."""

    mode: Literal["hold", "arm"]
    categories: tuple[str, ...]
    minutes: int = 60


class TwoPersons(Table, frozen=True):
    """`count` different people of `categories` (none: anybody who may pass) within `within_s`."""

    count: int = 2
    categories: tuple[str, ...] = ()
    within_s: float = 20.0


class Escort(Table, frozen=True):
    """People of `categories` pass only with their host or somebody of `by`, within `within_s`."""

    categories: tuple[str, ...] = ("visitor",)
    by: tuple[str, ...] = ("guard",)
    within_s: float = 20.0


class Area(Table, frozen=True):
    """What lies behind doors. `timed_min`: nobody enters again within so many minutes; `reset`: local time (HH:MM) at
    which everybody inside is forgotten. Limits count people, `max_mode` says what happens beyond.
    """

    name: str
    anti_passback: Literal["off", "soft", "hard"] = "off"
    timed_min: int = 0
    max_people: int | None = None
    max_mode: Literal["soft", "hard"] = "hard"
    min_people: int = 0
    reset: str | None = None


class Interlock(Table, frozen=True):
    """Doors of which only one may be open at a time."""

    name: str
    doors: tuple[str, ...]


class Door(Table, frozen=True):
    """`ways`: each inner list is a combination that opens; `liveness`: what a face must have shown to open alone.

    `area` is what the door leads into, `from_area` what it leads out of (empty: the street). `anti_passback` and
    `timed_min` are this door's own pair of readers. `escape`: unlocked by the fire panel. `title`: what guards and
    visitors read instead of its name, in any language.
    """

    name: str
    gate: GateBinding
    title: str = ""
    kind: Literal["pedestrian", "vehicle", "turnstile", "unit", "barrier", "lift"] = "pedestrian"
    release_s: float = 5.0
    open_s: float = 15.0
    extended_release_s: float = 15.0
    extended_open_s: float = 60.0
    relock_s: float | None = None  # locked again so long after it was shut; none: when the release has run out
    prealarm_s: float = 0.0  # the terminal warns so long before an open door is a held one
    ways: Ways = (("card",),)
    ways_at: tuple[WaysAt, ...] = ()
    factor_within_s: float = 15.0
    liveness: Literal["required", "optional"] = "required"
    area: str | None = None
    from_area: str | None = None
    anti_passback: Literal["off", "soft", "hard"] = "off"
    timed_min: int = 0
    hold_open: str | None = None  # schedule during which the door is unlocked
    first_person: FirstPerson | None = None
    two_persons: TwoPersons | None = None
    escort: Escort | None = None
    escape: bool = True


class ResponseTargets(Table, frozen=True):
    """The 1-3-5-minute clock: how soon after being raised an alarm is heard, somebody is sent, somebody is there."""

    acknowledge_s: float = 60.0
    dispatch_s: float = 180.0
    arrive_s: float = 300.0


Fraction = tuple[float, float]  # of the picture's width from the left, of its height from above, each 0..1


class Zone(Table, frozen=True):
    """A part of a camera's picture, and what is not wanted there. `points`: corners of a polygon, x and y in parts of
    the picture (0..1), whatever its size; people count by their feet. `schedule`: when it alerts; none: always.

    `sensitivity`: 0 dull … 1 sharp; `min_size`: smallest height, in parts of the picture's, none: as each kind needs.
    `loiter_s`: how long somebody may stay; gathering: `crowd` people, or `crowd_part` of the zone covered, for
    `crowd_s`; `left_s`: how long a thing has lain, or has been gone; `blocked_s`: how long something has stood in the
    way, covering `blocked_part` of the zone; `down_s`: how long somebody has lain on the ground.
    """

    name: str
    camera: str
    watch: tuple[ZoneKind, ...]
    points: tuple[Fraction, ...]
    schedule: str | None = None
    sensitivity: float = 0.5
    min_size: float | None = None
    loiter_s: float = 20.0
    crowd: int = 5
    crowd_part: float = 0.5
    crowd_s: float = 5.0
    left_s: float = 30.0
    blocked_s: float = 30.0
    blocked_part: float = 0.1
    down_s: float = 6.0

    @property
    def waits(self) -> dict[ZoneKind, float]:
        """Seconds that something has gone on before it is told, of the kinds it is watched for that wait."""
        waits: dict[ZoneKind, float] = {
            "loitering": self.loiter_s, "gathering": self.crowd_s, "left_object": self.left_s,
            "removed_object": self.left_s, "blocked": self.blocked_s, "person_down": self.down_s,
        }  # fmt: skip
        return {kind: waits[kind] for kind in self.watch if kind in waits}


class Line(Table, frozen=True):
    """A line on the ground that people cross. `points`: from … to, in parts of the picture (0..1). Who stands at the
    first point and looks to the second sees people come `in` from the left to the right, and go `out` from the right
    to the left. `allowed`: the way that is not the wrong one. How many crossed is told every `reset_min`, counted from
    local midnight.
    """

    name: str
    camera: str
    points: tuple[Fraction, Fraction]
    watch: tuple[LineKind, ...] = ("crossing",)
    schedule: str | None = None
    allowed: Literal["in", "out"] = "in"
    sensitivity: float = 0.5
    min_size: float | None = None
    reset_min: int = 60


class FloorLine(Table, frozen=True):
    """The lower edge of a floor as clicked: two or more points of one line, x and y in px of the calibrated frame.
    Floor 1 is at street level; floor 21 of a building of 20 is the edge of its roof.
    """

    floor: int
    at: tuple[float, ...]


class ColumnLine(Table, frozen=True):
    """The left edge of a column of windows; columns count from 1 at the left."""

    column: int
    at: tuple[float, ...]


LEAST_PX_PER_M, WARN_PX_PER_M = 6.0, 12.0  # at a facade's top floor: refused below, warned of below


class Facade(Table, frozen=True):
    """A wall that a camera watches for falling objects: calibrated by lines whose heights are known
    (`edge-agent camera calibrate` writes it). `ground_m`: height of floor 1 where it is not `floor_m`. `camera_m`: the
    lens above the street. `distance_m`: lens to wall; computed where it is not given. `masks`: polygons that are not
    looked at, and not shown (private windows, flags), each x, y, x, y, … in px of `size`. `lands`: a line x, y, x, y, …
    from left to right at which what falls lands or goes out of sight: the edge of a canopy, the roof of the shops in
    front, treetops.
    """

    name: str
    camera: str
    size: tuple[int, int]  # width, height of the frame the lines were clicked in
    floors: int
    lines: tuple[FloorLine, ...]
    columns: tuple[ColumnLine, ...] = ()
    floor_m: float = 3.0
    ground_m: float | None = None
    column_m: float = 3.6
    camera_m: float = 3.5
    distance_m: float | None = None
    masks: tuple[tuple[float, ...], ...] = ()
    lands: tuple[float, ...] = ()

    def height_m(self, floor: int) -> float:
        """Of the lower edge of `floor` above the street."""
        return 0.0 if floor <= 1 else (self.ground_m or self.floor_m) + (floor - 2) * self.floor_m

    def fits(self, width: int, height: int) -> bool:
        """A picture of that size has the shape of the calibrated one."""
        return abs(width * self.size[1] - height * self.size[0]) <= 0.02 * width * self.size[1]

    @property
    def roof_m(self) -> float:
        return self.height_m(self.floors + 1)


def private(camera: Camera, facades: Iterable[Facade]) -> tuple[tuple[float, ...], ...]:
    """Polygons of x, y, x, y, … in parts of the picture that nobody is shown: the camera's masks and its façades'."""
    walls = [facade for facade in facades if facade.camera == camera.name]
    scaled = (tuple(at / wall.size[n % 2] for n, at in enumerate(mask)) for wall in walls for mask in wall.masks)
    return (*camera.masks, *scaled)


class Config(msgspec.Struct, frozen=True, kw_only=True):
    gateway: Gateway
    uplink: Uplink
    policy: Policy = Policy()
    faces: FacePolicy = FacePolicy()
    response: ResponseTargets = ResponseTargets()
    evidence: EvidencePolicy = EvidencePolicy()
    vision: Vision = Vision()
    visits: VisitPolicy = VisitPolicy()
    links: tuple[Link, ...] = ()
    terminals: tuple[Terminal, ...] = ()
    cameras: tuple[Camera, ...] = ()
    doors: tuple[Door, ...] = ()
    areas: tuple[Area, ...] = ()
    interlocks: tuple[Interlock, ...] = ()
    sensors: tuple[Sensor, ...] = ()
    desks: tuple[Desk, ...] = ()
    alerts: tuple[AlertRule, ...] = ()
    deterrents: tuple[Deterrent, ...] = ()
    retention: Retention = Retention()
    facades: tuple[Facade, ...] = ()
    zones: tuple[Zone, ...] = ()
    lines: tuple[Line, ...] = ()
    console: Console | None = None
    patrol_points: tuple[PatrolPoint, ...] = ()
    patrol_routes: tuple[PatrolRoute, ...] = ()
    digest: str = ""  # SHA-256 of the file, first 16 hex digits
