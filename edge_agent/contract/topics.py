"""The names of the MQTT topics, and which of them an event travels on.

Direction first, then gateway, so that a broker's access list is two lines: a gateway writes `sc/1/up/<itself>/#` and
reads `sc/1/dn/<itself>/#`. Topics are logged everywhere: no person, house or door is ever part of one.
"""

import re

ROOT = "sc/1"
GATEWAY = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"  # certificate CN, topic level, file name: nothing that could be a path

EVENT_KINDS = ("evt", "alr", "rsp")
UP_KINDS = (*EVENT_KINDS, "birth", "state", "mark")
DOWN_KINDS = ("ack", "cmd", "cfg")  # and content by hash, see `content`

_UP = re.compile(rf"{ROOT}/up/({GATEWAY})/({'|'.join(UP_KINDS)})")
_RESULTS = ("command",)
_ALARMS = ("alert", "alarm", "panic", "fire")


def up(gateway: str, kind: str) -> str:
    """Gateway to city: `kind` is one of UP_KINDS, or `tel`."""
    return f"{ROOT}/up/{gateway}/{kind}"


def down(gateway: str, kind: str) -> str:
    """City to gateway: `kind` is one of DOWN_KINDS."""
    return f"{ROOT}/dn/{gateway}/{kind}"


def content(gateway: str, sha256: str) -> str:
    """Where content waits, retained, for the gateway to fetch it by its hash (64 hex digits)."""
    return f"{down(gateway, 'content')}/{sha256}"


def host(region: str) -> str:
    """Whether the city's side of this region works: its STATE, retained, and its will."""
    return f"{ROOT}/host/{region}/state"


def of_event(gateway: str, tag: str) -> str:
    """Where an event goes: command results, alarms and everything else have a topic each."""
    family = tag.partition(".")[0]
    if family in _RESULTS:
        return up(gateway, "rsp")
    return up(gateway, "alr" if family in _ALARMS else "evt")


def read_up(topic: str) -> tuple[str, str] | None:
    """(gateway, kind) of a topic the city listens to, None for any other."""
    match = _UP.fullmatch(topic)
    return (match[1], match[2]) if match else None
