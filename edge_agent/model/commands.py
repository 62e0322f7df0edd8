"""Commands from the city. Signed over canonical JSON without `sig`; bound to a boot and to the gateway's uptime."""

from typing import Any

import msgspec

from edge_agent.model.standing import ModeName


class Command(msgspec.Struct, frozen=True):
    """`not_after_up_ms` and `boot_id` are the gateway's own: a late or replayed command dies without a wall clock."""

    id: str
    gateway: str
    verb: str
    issuer: str
    boot_id: str
    not_after_up_ms: int
    counter: int
    kid: str
    sig: str
    door: str | None = None
    args: dict[str, Any] = msgspec.field(default_factory=dict)


class Delivery(msgspec.Struct, frozen=True):
    """A command as it came off the wire: `command` is None when it did not parse or its signature is not the city's.

    `token` is handed back to the uplink once the intent is committed: only then is the delivery acknowledged.
    """

    token: int
    size: int
    retained: bool
    command: Command | None
    problem: str = ""


class Operation(msgspec.Struct, frozen=True):
    """What somebody at the gateway wants done: a guard, an installer. Every one has a name and is recorded.

    `door` None: every door. `for_s`: how long a mode lasts, None = until taken back. `person`: whom `forgive` means
    (None: everybody). `latch`: fire, or panic/<door>.
    """

    verb: str
    by: str
    why: str = ""
    door: str | None = None
    for_s: float | None = None
    person: str | None = None
    latch: str | None = None


class Done(msgspec.Struct, frozen=True):
    """What came of it. `code`: an entry of `words` when it was refused; `doors`: where it was carried out."""

    good: bool
    code: str = ""
    doors: tuple[str, ...] = ()


VERBS = ("open",)
MODES: dict[str, ModeName] = {
    "lock": "locked", "unlock": "unlocked", "block": "blocked", "double_lock": "double_locked",
}  # fmt: skip
OPERATIONS = (
    "open", *MODES, "normal", "lockdown", "evacuate", "end_lockdown", "end_evacuation",
    "approve", "forgive", "clear",
)  # fmt: skip
