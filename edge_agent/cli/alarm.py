"""`edge-agent alarm`: fire and panic stay until somebody clears them by hand, here or in the city."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from edge_agent.cli.operate import BY, WHY, carry_out, seconds, site
from edge_agent.cli.operate import who as who_answers
from edge_agent.cli.options import CONFIG, STATE, site_zone, state_directory
from edge_agent.cli.speech import tell, words
from edge_agent.core.latch import SENSOR
from edge_agent.core.response import OUTCOMES
from edge_agent.drivers.clock import SystemClock
from edge_agent.errors import EdgeAgentError
from edge_agent.model.commands import MUTE_AT_MOST_S, Operation
from edge_agent.model.standing import Case, Latch, Mute
from edge_agent.words import WORDS, alert_code


@click.group("alarm")
def command() -> None:
    """Alarms that stay until they are cleared."""


@command.command("list")
@CONFIG
@STATE
def list_(config: Path, state: Path | None) -> None:
    """Show the alarms that stand, as last recorded, and what is muted; no agent needs to run."""
    folder = state_directory(config, state)
    standing = {latch.name: latch for latch in _standing(folder)}
    cases = {case.alarm: case for case in _cases(folder)}
    for name in standing | cases:
        click.echo("  ".join((name, *_said(standing.get(name), cases.get(name)))))
    if not standing and not cases:
        tell("cli.no_alarm")
    for muted in _mutes(folder, site_zone(config)):
        tell("cli.muted", what=muted)


ALARM = click.argument("alarm")


def _answer(name: str, verb: str, help: str) -> None:
    @command.command(name, help=help)
    @CONFIG
    @STATE
    @BY
    @WHY
    @click.option("--who", default="", help="Who goes.")
    @ALARM
    def answer(config: Path, state: Path | None, by: str | None, why: str, who: str, alarm: str) -> None:
        carry_out(site(config, state), Operation(verb, who_answers(by), why, alarm=alarm, who=who))


@command.command("acknowledge")
@CONFIG
@STATE
@BY
@WHY
@click.option("--drill", is_flag=True, help="It is one: everybody sees that from now on.")
@ALARM
def acknowledge(config: Path, state: Path | None, by: str | None, why: str, drill: bool, alarm: str) -> None:
    """Say that ALARM was heard. `alarm list` names those that wait."""
    outcome = "drill" if drill else ""
    carry_out(site(config, state), Operation("acknowledge", who_answers(by), why, alarm=alarm, outcome=outcome))


_answer("dispatch", "dispatch", "Say that somebody (--who) was sent to ALARM.")
_answer("arrive", "arrive", "Say that somebody has arrived at ALARM.")


@command.command("close")
@CONFIG
@STATE
@BY
@WHY
@click.option("--outcome", type=click.Choice(OUTCOMES), required=True, help="What it was.")
@ALARM
def close(config: Path, state: Path | None, by: str | None, why: str, outcome: str, alarm: str) -> None:
    """Close ALARM with what it was."""
    carry_out(site(config, state), Operation("close", who_answers(by), why, alarm=alarm, outcome=outcome))


@command.command("clear")
@CONFIG
@STATE
@BY
@WHY
@click.argument("alarm")
def clear(config: Path, state: Path | None, by: str | None, why: str, alarm: str) -> None:
    """Clear ALARM: fire, or panic/ and the door, as panic/north-gate. Refused while its input is still active."""
    there = site(config, state)
    kind, _, door = alarm.partition("/")
    known = alarm == "fire" or (kind == "panic" and door and door in (there.doors or (door,)))
    # A door that was taken down while its alarm stood is in the memory alone.
    if not known and alarm not in {latch.name for latch in _standing(there.socket.parent.parent)}:
        raise EdgeAgentError("cli.bad_latch", text=alarm, doors=", ".join(there.doors))
    carry_out(there, Operation("clear", who_answers(by), why, latch=alarm))


@command.command("review")
@CONFIG
@STATE
@BY
@WHY
@click.option(
    "--verdict", type=click.Choice(["true", "false", "unsure"]), required=True, help="What the evidence shows."
)
@click.argument("alert")
def review(config: Path, state: Path | None, by: str | None, why: str, verdict: str, alert: str) -> None:
    """Put on record what somebody who looked at the evidence of ALERT says."""
    carry_out(site(config, state), Operation("review", who_answers(by), why, alarm=alert, outcome=verdict))


TARGET = click.argument("target")


@command.command("mute")
@CONFIG
@STATE
@BY
@WHY
@click.option("--for", "lasting", default="1h", show_default=True, help="How long: 30m, 2h; 24h at most. It expires.")
@TARGET
def mute(config: Path, state: Path | None, by: str | None, why: str, lasting: str, target: str) -> None:
    """Only record alerts of TARGET for a while: all, camera/NAME, rule/NAME (a zone, line or façade) or area/NAME."""
    for_s = seconds(lasting, MUTE_AT_MOST_S, "control.mute_too_long")
    carry_out(site(config, state), Operation("mute", who_answers(by), why, target=target, for_s=for_s))


@command.command("unmute")
@CONFIG
@STATE
@BY
@WHY
@TARGET
def unmute(config: Path, state: Path | None, by: str | None, why: str, target: str) -> None:
    """Let alerts of TARGET be heard again."""
    carry_out(site(config, state), Operation("unmute", who_answers(by), why, target=target))


def _standing(folder: Path) -> list[Latch]:
    from edge_agent.cli.access_scene import seen

    return [change for change in seen(folder).changes if isinstance(change, Latch) and change.raised]


def _said(latch: Latch | None, case: Case | None) -> list[str]:
    """What it is, where, how far somebody is with it, since when, how often it was said. One of the two is there."""
    said, since = [], None
    if case is not None:
        said, since = _of_case(case), case.raised
    elif latch is not None:
        said, since = [_kind(latch), words("cli.step.standing")], latch.since
    since_ms = None if since is None else since.since_ms(SystemClock().now())
    if since_ms is not None:
        said.append(words("cli.alarm_since", minutes=max(0, since_ms) // 60_000))
    if latch is not None and latch.count > 1:
        said.append(words("detail.again", count=latch.count))
    if case is not None and case.drill:
        said.append(words("outcome.drill"))
    return said


def _cases(folder: Path) -> list[Case]:
    from edge_agent.cli.access_scene import seen

    return [change for change in seen(folder).changes if isinstance(change, Case)]


def _mutes(folder: Path, zone: ZoneInfo | None) -> list[str]:
    """Those in force: what, until when, by whom and why. Times in `zone`, or this machine's."""
    from edge_agent.cli.access_scene import seen

    now, said = SystemClock().now(), list[str]()
    for mute in (change for change in seen(folder).changes if isinstance(change, Mute) and change.active(now)):
        until = f"{datetime.fromtimestamp(mute.ends_ms(now) / 1000, zone):%m-%d %H:%M}"
        what = words("alarm.muted", target=mute.target, until=until, by=mute.by)
        said.append("  ".join(part for part in (what, mute.why) if part))
    return said


def _of_case(case: Case) -> list[str]:
    said = [_in_words(case.kind, case.camera), case.door or case.camera, words(f"cli.step.{case.step or 'raised'}")]
    return [part for part in said if part]


def _kind(latch: Latch) -> str:
    """A sensor's latch ends with what it is about, the others begin with it."""
    parts = latch.name.split("/")
    return _in_words(parts[-1] if latch.name.startswith(SENSOR) else parts[0], "")


def _in_words(kind: str, camera: str) -> str:
    code = alert_code(kind, camera)
    return words(code) if code in WORDS else kind
