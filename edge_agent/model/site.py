"""What the installer wrote in agent.toml, as structs. Loading, defaults that need files, and checks: config.py."""

from typing import Literal

import msgspec


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
    """`mqtt` is explicit and never downgraded by itself; `confirm`: what lets an event leave the outbox."""

    url: str
    mqtt: Literal[5, "3.1.1"] = 5
    confirm: Literal["city", "broker"] = "city"
    username: str | None = None
    password_file: str | None = None
    city_ack_key: str = "keys/city-ack.pub"
    city_command_key: str = "keys/city-command.pub"
    tls: UplinkTls | None = None


class Policy(Table, frozen=True):
    """`record_before_open`: which openings wait for the disk; `when_full`: entry while nothing can be recorded."""

    record_before_open: Literal["never", "remote", "always"] = "remote"
    untrusted_clock: Literal["deny_timed", "allow_timed"] = "deny_timed"
    when_full: Literal["refuse", "open"] = "refuse"


class FacePolicy(Table, frozen=True):
    """How a track becomes an identity (`core/faces.py`). Distances are Euclidean over the engine's embedding."""

    engine: Literal["dlib"] = "dlib"
    distance: float = 0.5  # a match is at most this far
    margin: float = 0.06  # and the next person at least this much farther
    agree: int = 2  # k …
    of: int = 3  # … of the last n good frames
    within_s: float = 3.0
    min_face_px: int = 64
    min_sharpness: float = 40.0  # variance of the Laplacian over the face at 112 px


class Link(Table, frozen=True):
    """A wire to devices. `serial:///dev/…?baud=9600`, `tcp://host:port`, or `sim://name` (a simulated device)."""

    name: str
    url: str


class Terminal(Table, frozen=True):
    name: str
    profile: str
    link: str
    door: str
    address: int = 0
    key_file: str | None = None  # OSDP secure channel base key, 32 hex digits
    direction: Literal["in", "out"] = "in"


class Camera(Table, frozen=True):
    name: str
    url: str
    door: str
    use: tuple[Literal["face"], ...] = ("face",)
    direction: Literal["in", "out"] = "in"
    fps: float = 15.0


class GateBinding(Table, frozen=True):
    link: str
    profile: str
    relay: int = 0
    contact: int | None = 0
    exit: int | None = None


class Door(Table, frozen=True):
    """`ways`: each inner list is a combination that opens; `liveness`: what a face must have shown to open alone."""

    name: str
    gate: GateBinding
    kind: Literal["pedestrian", "vehicle", "turnstile", "unit", "barrier", "lift"] = "pedestrian"
    release_s: float = 5.0
    open_s: float = 15.0
    ways: tuple[tuple[Literal["card", "face", "qr", "pin"], ...], ...] = (("card",),)
    liveness: Literal["required", "optional"] = "required"


class Config(msgspec.Struct, frozen=True, kw_only=True):
    gateway: Gateway
    uplink: Uplink
    policy: Policy = Policy()
    faces: FacePolicy = FacePolicy()
    links: tuple[Link, ...] = ()
    terminals: tuple[Terminal, ...] = ()
    cameras: tuple[Camera, ...] = ()
    doors: tuple[Door, ...] = ()
    digest: str = ""  # SHA-256 of the file, first 16 hex digits
