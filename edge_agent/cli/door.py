"""`edge-agent door`: a guard or an installer moves doors of the running agent. Every order has a name, on record."""

from pathlib import Path

import click

from edge_agent.cli.operate import ALL, BY, FOR, WHY, Site, carry_out, known_door, lasting, seconds, site, which, who
from edge_agent.cli.options import CONFIG, STATE, state_directory
from edge_agent.cli.speech import words
from edge_agent.config import load_config
from edge_agent.errors import EdgeAgentError, Problem, Problems
from edge_agent.model.commands import Operation

EMERGENCY_S = 3600.0  # lockdown and evacuation expire: nobody shall forget one

DOOR = click.argument("door")
A_DOOR = click.argument("door", required=False)
YES = click.option("--yes", is_flag=True, help="Ask nothing.")
EXPIRES = click.option("--for", "lasting", help="How long: 90s, 30m, 2h (default: 60m). It expires.")


@click.group("door")
def command() -> None:
    """Open, hold and lock doors, now and by hand. The agent must be running."""


@command.command("open")
@CONFIG
@STATE
@BY
@WHY
@DOOR
def open_(config: Path, state: Path | None, by: str | None, why: str, door: str) -> None:
    """Open DOOR once, as a card would."""
    there = site(config, state)
    carry_out(there, Operation("open", who(by), why, known_door(there, door)))


@command.command("approve")
@CONFIG
@STATE
@BY
@WHY
@DOOR
def approve(config: Path, state: Path | None, by: str | None, why: str, door: str) -> None:
    """Let those pass who wait at DOOR for the guard's consent."""
    there = site(config, state)
    carry_out(there, Operation("approve", who(by), why, known_door(there, door)))


@command.command("hold")
@CONFIG
@STATE
@BY
@WHY
@click.option("--for", "lasting", required=True, help="How long: 90s, 30m, 2h.")
@A_DOOR
@ALL
def hold(
    config: Path, state: Path | None, by: str | None, why: str, lasting: str, door: str | None, everywhere: bool
) -> None:
    """Keep DOOR unlocked for some time; then it locks by itself."""
    there = site(config, state)
    carry_out(there, Operation("unlock", who(by), why, which(there, door, everywhere), seconds(lasting)))


def _mode(name: str, verb: str, help: str) -> None:
    @command.command(name, help=help)
    @CONFIG
    @STATE
    @BY
    @WHY
    @FOR
    @A_DOOR
    @ALL
    def set_mode(
        config: Path,
        state: Path | None,
        by: str | None,
        why: str,
        lasting: str | None,
        door: str | None,
        everywhere: bool,
    ) -> None:
        there = site(config, state)
        carry_out(there, Operation(verb, who(by), why, which(there, door, everywhere), seconds(lasting)))


def _end(name: str, verb: str, help: str) -> None:
    @command.command(name, help=help)
    @CONFIG
    @STATE
    @BY
    @WHY
    @A_DOOR
    @ALL
    def end(config: Path, state: Path | None, by: str | None, why: str, door: str | None, everywhere: bool) -> None:
        there = site(config, state)
        carry_out(there, Operation(verb, who(by), why, which(there, door, everywhere)))


def _emergency(name: str, verb: str, help: str) -> None:
    @command.command(name, help=help)
    @CONFIG
    @STATE
    @BY
    @WHY
    @EXPIRES
    @YES
    @A_DOOR
    @ALL
    def emergency(
        config: Path,
        state: Path | None,
        by: str | None,
        why: str,
        lasting: str | None,
        yes: bool,
        door: str | None,
        everywhere: bool,
    ) -> None:
        there = site(config, state)
        order = Operation(verb, who(by), why, which(there, door, everywhere), seconds(lasting) or EMERGENCY_S)
        if not yes:
            _confirm(there, order)
        carry_out(there, order)


_mode("unlock", "unlock", "Keep DOOR unlocked, with --for or until `door normal`.")
_mode("lock", "lock", "Keep DOOR locked even when its schedule would open it; cards go on.")
_mode("block", "block", "Let nobody in at DOOR, card or not; leaving and fire release go on.")
_mode("double-lock", "double_lock", "Lock DOOR for the night: nobody is let in, card or not.")
_end("normal", "normal", "Take back what was ordered for DOOR: rules and schedules count again.")
_emergency("lockdown", "lockdown", "Lock DOOR against everybody whose rule does not say otherwise. Asks first.")
_end("end-lockdown", "end_lockdown", "End the lockdown of DOOR before its time.")
_emergency("evacuate", "evacuate", "Open DOOR for everybody to leave, lockdown or not. Asks first.")
_end("end-evacuation", "end_evacuation", "End the evacuation through DOOR before its time.")


def _confirm(there: Site, order: Operation) -> None:
    """Raises EdgeAgentError unless somebody says it is meant."""
    doors = order.door or ", ".join(there.doors)
    fields = {"what": words(f"cli.what.{order.verb}"), "doors": doors, "lasting": lasting(order.for_s or 0)}
    try:
        if order.door is None and there.doors:
            if click.prompt(words("cli.confirm_all", **fields), err=True).strip() != str(len(there.doors)):
                raise EdgeAgentError("cli.confirm_wrong", count=len(there.doors))
        elif not click.confirm(words("cli.confirm_one", **fields), err=True):
            raise EdgeAgentError("cli.confirm_nobody")
    except click.Abort:
        raise EdgeAgentError("cli.confirm_nobody") from None


@command.command("status")
@CONFIG
@STATE
def status(config: Path, state: Path | None) -> None:
    """Show each door as last recorded, and how it is set: by whom, why, for how long. No agent needs to run."""
    from edge_agent.store.reading import JournalReader

    folder = state_directory(config, state)
    reader = JournalReader(folder / "journal.db")
    try:
        recorded = dict(reader.door_states())
    finally:
        reader.close()
    modes = _modes(config, folder)
    for door in site(config, state).doors or tuple(recorded):
        last = words(f"cli.door.{recorded.get(door, 'unknown')}")
        click.echo("  ".join(part for part in (door, last, modes.get(door, "")) if part))


def _modes(config: Path, folder: Path) -> dict[str, str]:
    """Door → how it is set, in words; the plain state is not worth a word. Empty where the configuration is wrong."""
    from edge_agent.cli import access_say, access_scene

    try:
        found = access_scene.modes_of(load_config(config), folder)
    except (EdgeAgentError, Problem, Problems):
        return {}
    return {door: access_say.mode_words(mode, now) for door, (mode, now) in found.items() if mode.source}
