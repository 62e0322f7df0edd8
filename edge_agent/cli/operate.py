"""What the commands that move doors share: who answers for it, for how long, and how the answer is said."""

import getpass
import os
import re
from pathlib import Path
from typing import NamedTuple

import click

from edge_agent.cli.options import state_directory
from edge_agent.cli.speech import language, tell, words
from edge_agent.config import load_config
from edge_agent.console.control import LONGEST_S, nonsense, operate, reach
from edge_agent.errors import EdgeAgentError, Problem, Problems
from edge_agent.model.commands import Done, Operation

BY = click.option("--by", help="Who answers for it (default: the login name).")
WHY = click.option("--why", default="", help="The reason, for the record.")
FOR = click.option("--for", "lasting", help="How long: 90s, 30m, 2h (default: until taken back).")
ALL = click.option("--all", "everywhere", is_flag=True, help="Every door.")

_DURATION = re.compile(r"(?=\d)(?:(\d{1,3})h)?(?:(\d{1,5})m)?(?:(\d{1,6})s)?", re.ASCII)


class Site(NamedTuple):
    """`doors` is empty when the configuration cannot be read: then the agent, which has read it, judges names."""

    socket: Path
    doors: tuple[str, ...]


def site(config: Path, state: Path | None) -> Site:
    """Raises EdgeAgentError when the configuration is wrong and no state directory was given to go on without it."""
    folder = state_directory(config, state)
    try:
        doors = tuple(door.name for door in load_config(config).doors)
    except (Problem, Problems):
        doors = ()  # somebody is editing it: that must not keep a guard from locking down
    return Site(folder / "run/control.sock", doors)


def known_door(there: Site, door: str) -> str:
    if there.doors and door not in there.doors:
        raise EdgeAgentError("cli.no_door", door=door, doors=", ".join(there.doors))
    return door


def which(there: Site, door: str | None, everywhere: bool) -> str | None:
    """The one door, or None for all of them; neither or both is an error."""
    if (door is None) != everywhere:
        raise EdgeAgentError("cli.which_door", doors=", ".join(there.doors))
    return None if door is None else known_door(there, door)


def who(by: str | None) -> str:
    """`by`, or the login name, also behind sudo."""
    if by is None:
        try:
            by = os.environ.get("SUDO_USER") or getpass.getuser()
        except (KeyError, OSError):
            by = ""
    if not by.strip():
        raise EdgeAgentError("control.nobody")
    return by.strip()


def seconds(text: str | None, most_s: float = LONGEST_S, longer: str = "cli.bad_duration") -> float | None:
    """`90s`, `30m`, `2h`, `1h30m` in seconds; None when nothing was said. Raises EdgeAgentError when it is no time, or,
    with the code `longer`, more than `most_s`.
    """
    if text is None:
        return None
    found = _DURATION.fullmatch(text.strip().lower())
    hours, minutes, rest = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    total = hours * 3600 + minutes * 60 + rest
    if not 0 < total <= most_s:
        raise EdgeAgentError(longer if total else "cli.bad_duration", text=text, hours=round(most_s / 3600))
    return float(total)


def lasting(for_s: float) -> str:
    """`30 min`, `20 s`."""
    whole = for_s % 60 == 0
    return words("cli.lasting_min" if whole else "cli.lasting_s", count=for_s / 60 if whole else for_s)


def carry_out(there: Site, operation: Operation) -> None:
    """Have it done and say what came of it. Raises EdgeAgentError when it was refused or not all of it was done."""
    done = operate(there.socket, operation)
    if done.good or done.doors:
        until = words("cli.until.back")
        if operation.for_s is not None:
            until = words("cli.until.for", lasting=lasting(operation.for_s))
        doors = ", ".join(done.doors or (() if operation.door is None else (operation.door,)) or there.doors)
        person = operation.person or words("cli.everybody")
        tell(
            f"cli.did.{operation.verb}", doors=doors, until=until, latch=operation.latch, person=person,
            alarm=operation.alarm, target=operation.target,
        )  # fmt: skip
    if not done.good:
        raise refused(done, operation, there)


def demand_agent(there: Site, operation: Operation) -> None:
    """Before anything is entered of `operation`: raises EdgeAgentError when no agent would take it, or none listens."""
    if code := nonsense(operation):
        raise refused(Done(False, code), operation, there)
    reach(there.socket)


def refused(done: Done, operation: Operation, there: Site) -> EdgeAgentError:
    """The agent's reason in words; it may be newer than this program and have others."""
    given = {
        "verb": operation.verb, "by": operation.by, "door": operation.door, "doors": ", ".join(there.doors),
        "person": operation.person, "latch": operation.latch,
    }  # fmt: skip
    error = EdgeAgentError(done.code, **given | done.fields)
    try:
        error.text(language())
    except KeyError:
        return EdgeAgentError("control.refused", reason=done.code)
    return error
