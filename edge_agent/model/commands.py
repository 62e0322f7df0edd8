"""Commands from the city, and what somebody at the gateway wants done.

A command is signed over canonical JSON without `sig`. What moves something now (transient) is bound to a boot and to
the gateway's uptime and done at most once; what says how things are to be (state) is versioned by its counter, may
arrive late and may arrive twice. Certain of them need two people: the second signs first, the first signs both.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from edge_agent.model import rounds, visit_orders
from edge_agent.model.grants import CredentialName, Delta, Instant, PersonGrant, PersonId, Sha256, Subject, Text
from edge_agent.model.patterns import whole
from edge_agent.model.standing import Change, ModeName

Id = Annotated[str, Meta(pattern=whole(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"), max_length=64)]
Who = Annotated[str, Meta(min_length=1, max_length=64)]
Kid = Annotated[str, Meta(max_length=16)]
Signature = Annotated[str, Meta(max_length=128)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]


class Cosignature(msgspec.Struct, frozen=True):
    """A second person agrees: signed over the command without `sig` and `kid`, and over this without its own `sig`."""

    issuer: Who
    kid: Kid
    sig: Signature


class Command(msgspec.Struct, frozen=True):
    """`not_after_up_ms` and `boot_id` are the gateway's own: a late or replayed command dies without a wall clock.

    A state command may leave them empty (0 and ""): its `counter` is its version.
    """

    id: Id
    gateway: Annotated[str, Meta(max_length=64)]
    verb: Annotated[str, Meta(min_length=1, max_length=32)]
    issuer: Who
    boot_id: Annotated[str, Meta(max_length=64)]
    not_after_up_ms: Annotated[int, Meta(ge=0, le=2**53 - 1)]
    counter: Annotated[int, Meta(ge=0, le=2**53 - 1)]
    kid: Kid
    sig: Signature
    door: Annotated[str, Meta(max_length=64)] | None = None
    args: dict[str, Any] = msgspec.field(default_factory=dict)
    cosign: Cosignature | None = None


class Signer(msgspec.Struct, frozen=True):
    """Whose key signed, and what that key may order."""

    name: str
    roles: frozenset[str]


class Delivery(msgspec.Struct, frozen=True):
    """A command as it came off the wire: `command` is None when it did not parse or its signature is not the city's.

    `token` is handed back to the uplink once the intent is committed: only then is the delivery acknowledged.
    `signers`: who signed it, the co-signer last; `dropped`: how many before it found no room.
    """

    token: int
    size: int
    retained: bool
    command: Command | None
    problem: str = ""
    signers: tuple[Signer, ...] = ()
    dropped: int = 0


PLACES = ("city/", "local/", "door/")  # before the name in `by` and `issuer` of events: from where somebody acted


def borrowed(name: str) -> bool:
    """It reads as somebody of another place."""
    return name.strip().casefold().startswith(PLACES)


class Listed(msgspec.Struct, frozen=True):
    """A list of people as the city announced it, its signature checked. `problem`: why it is none."""

    version: int = 0
    deltas: tuple[Delta, ...] = ()
    issuer: str = ""
    signer: Signer | None = None
    problem: str = ""


# ---- what may be ordered, and by whom --------------------------------------------------------------------------------


class Args(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all arguments: an unknown one is an error, never ignored."""


class Plain(Args, frozen=True):
    why: Text = ""


class Hold(Args, frozen=True):
    for_s: Seconds
    why: Text = ""


class Until(Args, frozen=True):
    """`for_s` None: until taken back (lockdown and evacuation: an hour)."""

    for_s: Seconds | None = None
    why: Text = ""


class OfLatch(Args, frozen=True):
    """`latch`: fire, or panic/<door>."""

    latch: Annotated[str, Meta(min_length=1, max_length=80)]


class Grant(Args, frozen=True):
    person: PersonGrant


class Revoke(Args, frozen=True):
    """Exactly one of the two."""

    person: PersonId | None = None
    credential: CredentialName | None = None

    def __post_init__(self) -> None:
        if (self.person is None) == (self.credential is None):
            raise ValueError("either a person or a credential")

    @property
    def subject(self) -> Subject:
        return Subject(self.person, None if self.credential is None else self.credential.key)


class Blacklist(Revoke, frozen=True, kw_only=True):
    """`until_ms` (Unix ms, exclusive) None: until it is lifted with `listed` false."""

    reason: Annotated[str, Meta(min_length=1, max_length=200)]
    until_ms: Instant | None = None
    listed: bool = True


class HostSays(Args, frozen=True):
    """What a host answers to `visit.expected` with `confirm = "asked"`."""

    visit: PersonId
    answer: Literal["confirmed", "declined"]


class Configure(Args, frozen=True):
    """agent.toml by hash; its text waits on the content topic."""

    sha256: Sha256
    size: Annotated[int, Meta(ge=1, le=131_072)]


class Certify(Args, frozen=True):
    """A renewed client certificate (and its chain) for the key the gateway already has."""

    pem: Annotated[str, Meta(min_length=1, max_length=12_000)]


class Evidence(Args, frozen=True):
    from_ms: Instant
    to_ms: Instant
    camera: Id | None = None


NAME_AT_MOST = 32  # characters of an argument's name that are said back

Role = Literal["guard", "commander", "registrar", "administrator", "investigator"]
ROLES: tuple[Role, ...] = ("guard", "commander", "registrar", "administrator", "investigator")


class Verb(msgspec.Struct, frozen=True):
    """`role`: what a key needs; `doors`: one door by name, some (one, or all without a name), or none at all;
    `opens`: leaves doors open, so that it takes two people for all of them; `state`: says how things are to be,
    versioned by its counter.
    """

    role: Role
    args: type[Args] = Plain
    doors: Literal["one", "some", "none"] = "none"
    opens: bool = False
    state: bool = False


VERBS: dict[str, Verb] = {
    "open": Verb("guard", doors="one"),
    "hold": Verb("guard", Hold, doors="some", opens=True),
    "unlock": Verb("guard", Until, doors="some", opens=True),
    "lock": Verb("guard", Until, doors="some"),
    "block": Verb("guard", Until, doors="some"),
    "double_lock": Verb("guard", Until, doors="some"),
    "normal": Verb("guard", doors="some"),
    "lockdown": Verb("commander", Until, doors="some"),
    "release": Verb("commander", doors="some"),
    "evacuate": Verb("commander", Until, doors="some", opens=True),
    "end_evacuation": Verb("commander", doors="some"),
    "acknowledge": Verb("guard", OfLatch),
    "clear": Verb("commander", OfLatch),
    "diagnose": Verb("guard"),
    "evidence": Verb("investigator", Evidence),
    "grant": Verb("registrar", Grant, state=True),
    "revoke": Verb("registrar", Revoke, state=True),
    "blacklist": Verb("registrar", Blacklist, state=True),
    "answer_visit": Verb("guard", HostSays),
    "sync": Verb("registrar"),
    "configure": Verb("administrator", Configure, state=True),
    "certify": Verb("administrator", Certify, state=True),
}
Answer = Mapping[str, str | int | float | bool]


class Outcome(msgspec.Struct, frozen=True):
    """What came of a command: done, unless there is a `reason`. `changes`: what is remembered from now on; `restart`:
    the daemon has to start anew once this is recorded.
    """

    reason: str = ""
    detail: str = ""
    changes: tuple[Change, ...] = ()
    answer: Answer = {}
    restart: bool = False


def arguments(command: Command, verb: Verb) -> Args:
    """Raises ValueError when they are not what this verb takes: it names the argument, and nothing that stood in it."""
    try:
        return msgspec.convert(command.args, verb.args)
    except (msgspec.ValidationError, OverflowError) as error:
        raise ValueError(_wrong(str(error), verb.args)) from error


def _wrong(error: str, kind: type[Args]) -> str:
    """Of what msgspec says: missing, unknown or wrong, and which argument; where it names none, all there may be."""
    said, _, path = error.partition(" - at `$")
    at = path.rstrip("`").lstrip(".")
    for how, start in (("missing", "Object missing required field `"), ("unknown", "Object contains unknown field `")):
        if said.startswith(start):
            name = said.removeprefix(start).removesuffix("`")
            name = name if name.isidentifier() and len(name) <= NAME_AT_MOST else "?"
            return f"{how}: {f'{at}.{name}' if at else name}"
    return f"wrong: {at or ', '.join(kind.__struct_fields__)}"


FIRST = frozenset({"revoke", "blacklist"})  # taken before whatever else waits


# ---- at the gateway itself -------------------------------------------------------------------------------------------


class Operation(msgspec.Struct, frozen=True):
    """What somebody at the gateway wants done: a guard, an installer. Every one has a name and is recorded.

    `door` None: every door. `for_s`: how long a mode lasts, None = until taken back. `person`: whom `forgive` means
    (None: everybody). `latch`: fire, or panic/<door>. `alarm`: which one is answered (`who` goes, `outcome` at the
    end, or `drill` at once), or which alert was looked at (`outcome` is the verdict); `target`: what is muted, or
    which evidence is held. `args`: of a verb with a dot in it (model.visit_orders.ORDERS, model.rounds.ORDERS).
    """

    verb: str
    by: str
    why: str = ""
    door: str | None = None
    for_s: float | None = None
    person: str | None = None
    latch: str | None = None
    alarm: str = ""
    who: str = ""
    outcome: str = ""
    target: str = ""
    args: dict[str, Any] = {}


class Done(msgspec.Struct, frozen=True):
    """What came of it. `code`: an entry of `words` when it was refused, with the `fields` it has; `doors`: where it was
    carried out; `answer`: what was asked for.
    """

    good: bool
    code: str = ""
    doors: tuple[str, ...] = ()
    answer: Any = None
    fields: dict[str, Any] = {}


MODES: dict[str, ModeName] = {
    "lock": "locked", "unlock": "unlocked", "block": "blocked", "double_lock": "double_locked",
}  # fmt: skip
MUTE_AT_MOST_S = 86_400.0  # a mute ends by itself, and nobody forgets it for long
VERDICTS = ("true", "false", "unsure")  # of whoever has looked at an alert's evidence
ANSWERS: dict[str, Literal["acknowledged", "dispatched", "arrived", "closed"]] = {
    "acknowledge": "acknowledged", "dispatch": "dispatched", "arrive": "arrived", "close": "closed",
}  # fmt: skip
OPERATIONS = (
    "open", *MODES, "normal", "lockdown", "evacuate", "end_lockdown", "end_evacuation",
    "approve", "forgive", "clear", *ANSWERS, "review", "mute", "unmute", "hold_evidence", "release_evidence",
    "export_evidence",
    *visit_orders.ORDERS, *rounds.ORDERS,
)  # fmt: skip
