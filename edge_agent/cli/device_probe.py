"""`edge-agent device probe`: which profile fits what is at the end of a line, and the lines for agent.toml."""

from dataclasses import asdict
from pathlib import Path

import click
import msgspec

from edge_agent.cli.columns import echo, tell
from edge_agent.cli.device_site import PARITY, PORT, Site, Target, duration, look_at, not_the_agents, the_port
from edge_agent.cli.options import CONFIG, STATE
from edge_agent.cli.speech import words
from edge_agent.drivers.link import parse_link_url
from edge_agent.drivers.probe import ADDRESSES, BAUDS, LEVELS, Candidate, ask, listened, questions
from edge_agent.drivers.profiles import load_profile, profile_ids
from edge_agent.errors import EdgeAgentError
from edge_agent.model.profile import Profile


@click.command("probe")
@CONFIG
@STATE
@PORT
@click.option(
    "--baud", "bauds", multiple=True, type=click.IntRange(300, 4_000_000), help="Only this speed; repeatable."
)
@PARITY
@click.option("--address", "addresses", multiple=True, type=click.IntRange(0, 254), help="Only this; repeatable.")
@click.option("--listen", "listening", default="2s", show_default=True, help="How long to listen at each speed.")
@click.option("--silent", is_flag=True, help="Only listen, ask nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def command(
    config: Path,
    state: Path | None,
    port: str,
    bauds: tuple[int, ...],
    parity: str | None,
    addresses: tuple[int, ...],
    listening: str,
    silent: bool,
    as_json: bool,
) -> None:
    """Find out which profile fits the device at PORT: a path, a link's name or a URL.

    Listens first. Then it asks only what moves no relay and changes no setting: who are you, what is your state.
    """
    site = look_at(config, state)
    profiles = [profile for name in profile_ids() if (profile := _loaded(name)) is not None]
    target = the_port(port, site, None, parity)
    not_the_agents(target, site)
    speeds = bauds or (BAUDS if parse_link_url(target.url).kind == "serial" else (target.baud,))
    for_s = duration(listening) or 2.0
    targets = [the_port(port, site, speed, parity) for speed in speeds]
    found, master = _listen(targets, site, profiles, for_s)
    if master:
        tell("device.master", err=True)
    elif not silent and not any(candidate.level == "sure" for candidate in found):
        found += _ask(targets, site, profiles, addresses or ADDRESSES, chosen=bool(bauds))
    found = unique(found)
    if as_json:
        shown = [{**asdict(one), "toml": snippet(one, targets[0], site)} for one in found]
        click.echo(msgspec.json.format(msgspec.json.encode(shown), indent=2).decode())
    elif found:
        _say(found, targets, site)
    if not found:
        raise EdgeAgentError("device.found_nothing", speeds=", ".join(map(str, speeds)))


def _loaded(name: str) -> Profile | None:
    try:
        return load_profile(name)
    except EdgeAgentError as error:
        tell("device.profile_left_out", profile=name, why=str(error).splitlines()[0], err=True)
        return None


def _listen(targets: list[Target], site: Site, profiles: list[Profile], for_s: float) -> tuple[list[Candidate], bool]:
    found: list[Candidate] = []
    tell("device.listening", speeds=", ".join(str(target.baud) for target in targets), s=for_s, err=True)
    for target in targets:
        opened = target.open(site)
        try:
            heard = listened(opened, for_s, profiles, target.baud)
        finally:
            opened.close()
        if heard.data:
            tell("device.heard", baud=target.baud, count=len(heard.data), err=True)
        found += heard.candidates
        if heard.master or any(candidate.level == "sure" for candidate in heard.candidates):
            return found, heard.master
    return found, False


def _ask(
    targets: list[Target], site: Site, profiles: list[Profile], addresses: tuple[int, ...], *, chosen: bool
) -> list[Candidate]:
    tell("device.asking", err=True)
    found: list[Candidate] = []
    echoes = 0
    for target in targets:
        opened = target.open(site)
        try:
            for question in questions(profiles, target.baud, addresses, chosen=chosen):
                candidates, echoed = ask(opened, question, target.baud)
                found += candidates
                echoes += echoed
        finally:
            opened.close()
        if found:
            break
    if echoes > 1:
        tell("device.echoes", err=True)
    return found


def unique(found: list[Candidate]) -> list[Candidate]:
    """The surest first; what two questions found alike, once."""
    ordered = sorted(found, key=lambda one: LEVELS.index(one.level), reverse=True)
    once = {(one.profile, one.baud, one.address): one for one in ordered}  # the surer one comes later and stays
    return sorted(once.values(), key=lambda one: LEVELS.index(one.level))


def _say(found: list[Candidate], targets: list[Target], site: Site) -> None:
    for candidate in found:
        target = next(target for target in targets if target.baud == candidate.baud)
        name = candidate.profile or words("device.no_profile")
        echo(f"{name} · {words(f'device.level.{candidate.level}')} · {candidate.baud} {target.parity}")
        echo(words(candidate.code, **candidate.fields), 2)
        if candidate.profile:
            click.echo("\n" + snippet(candidate, target, site))


def snippet(candidate: Candidate, target: Target, site: Site) -> str:
    """What to paste into agent.toml; the [[link]] only when there is none for this port yet."""
    links = {one.name for one in (site.config.links if site.config else ())}
    link = target.link.name if target.link else _free("line", links)
    lines = [] if target.link else ["[[link]]", f'name = "{link}"', f'url = "{_url(target, candidate.baud)}"', ""]
    doors = [door.name for door in site.config.doors] if site.config else []
    if candidate.kind == "gate":
        name = _free("new-door", set(doors))
        address = "" if candidate.address is None else f", address = {candidate.address}"
        key = f', key_file = "keys/osdp-{name}.key"' if "osdp" in candidate.code else ""
        binding = f'{{ link = "{link}", profile = "{candidate.profile}"{address}{key}, relay = 0 }}'
        return "\n".join([*lines, "[[door]]", f'name = "{name}"', f"gate = {binding}", ""])
    if candidate.kind in ("sensor", "id-reader"):
        table = "sensor" if candidate.kind == "sensor" else "desk"
        others = [one.name for one in site.config.sensors] if site.config else []
        others += [one.name for one in site.config.desks] if site.config else []
        lines += [f"[[{table}]]", f'name = "{_free(f"new-{table}", set(others))}"']
        lines += [f'profile = "{candidate.profile}"', f'link = "{link}"']
        return "\n".join([*lines, *([] if candidate.address is None else [f"address = {candidate.address}"]), ""])
    names = {terminal.name for terminal in (site.config.terminals if site.config else ())}
    name = _free("new-reader", names)
    lines += ["[[terminal]]", f'name = "{name}"', f'profile = "{candidate.profile}"', f'link = "{link}"']
    if candidate.address is not None:
        lines += [f"address = {candidate.address}", f'key_file = "keys/osdp-{name}.key"']
    return "\n".join([*lines, f'door = "{doors[0] if doors else "north-gate"}"', 'direction = "in"', ""])


def _url(target: Target, baud: int) -> str:
    link = parse_link_url(target.url)
    if link.kind != "serial":
        return target.url
    return f"serial://{link.path}?baud={baud}" + (f"&parity={target.parity}" if target.parity != "none" else "")


def _free(stem: str, taken: set[str]) -> str:
    return next(name for n in range(1, 10_000) if (name := f"{stem}-{n}") not in taken)
