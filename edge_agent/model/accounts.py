"""Who may use the console and its API, and for what. One vocabulary of rights for pages, API scopes and tests."""

from typing import Literal

import msgspec

from edge_agent.model.patterns import whole

Role = Literal["guard", "supervisor", "installer", "auditor"]
ROLES: tuple[Role, ...] = ("guard", "supervisor", "installer", "auditor")

Right = Literal[
    "wall",  # what happens at the doors now
    "doors",  # move them
    "alarms",  # take an alarm from acknowledged to closed
    "silent",  # alerts that nobody at the gate may notice
    "visits",  # visitors
    "patrol",  # patrols, hazards, duty
    "people",  # read residents and cards
    "people_edit",  # change them, enrol faces, import, erase
    "history",  # search what happened
    "export",  # take it away as a file
    "devices",  # health of gateway and devices
    "accounts",  # who may use the console
]
RIGHTS: tuple[Right, ...] = (
    "wall", "doors", "alarms", "silent", "visits", "patrol", "people", "people_edit", "history", "export", "devices",
    "accounts",
)  # fmt: skip

OF_ROLE: dict[str, frozenset[Right]] = {
    "guard": frozenset({"wall", "doors", "alarms", "visits", "patrol", "people", "history", "devices"}),
    "supervisor": frozenset(RIGHTS) - {"accounts"},
    "installer": frozenset({"doors", "devices", "accounts"}),
    "auditor": frozenset({"history", "export", "silent", "devices"}),
}
WHEN_LOCKED: frozenset[Right] = frozenset({"wall"})  # a locked screen goes on showing the doors, and does nothing

NAME = whole(r"[A-Za-z0-9\u4e00-\u9fff][A-Za-z0-9._\-\u4e00-\u9fff]{0,31}")
PASSWORD_AT_LEAST = 10  # characters
PASSWORD_AT_MOST = 128


class User(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who signs in. `totp`: also has to give a code; `enabled`: may sign in at all."""

    name: str
    role: Role
    totp: bool = False
    enabled: bool = True
    created_ms: int = 0


class Who(msgspec.Struct, frozen=True, kw_only=True):
    """Who is asking: a signed-in user or an integration's token. `name` goes on record as it is; `session`: digest of
    the session's or token's secret, never the secret; `locked`: the screen wants the password again.
    """

    name: str
    role: str
    rights: frozenset[Right]
    session: str
    locked: bool = False
    csrf: str = ""
    token: bool = False

    def may(self, right: Right) -> bool:
        return right in self.rights


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """An integration's key to the API. `expires_ms` None: until it is revoked."""

    name: str
    scopes: tuple[Right, ...]
    created_ms: int
    expires_ms: int | None = None
    enabled: bool = True


class Refusal(msgspec.Struct, frozen=True):
    """Why nobody was let in, as a code of `words`; `wait_s`: not before."""

    code: str
    wait_s: int = 0


class Session(msgspec.Struct, frozen=True):
    """A fresh session: `secret` goes into the cookie and nowhere else."""

    secret: str
    who: Who
