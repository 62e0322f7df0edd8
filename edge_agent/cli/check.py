"""`edge-agent check`: what is wrong, without starting anything."""

from pathlib import Path

import click

from edge_agent.cli.options import CONFIG
from edge_agent.cli.rule_findings import rule_findings
from edge_agent.cli.speech import complain, tell
from edge_agent.config import MODELS, read_config
from edge_agent.drivers.profiles import check_profile, load_profile, profile_ids, profiles_root
from edge_agent.errors import Problem
from edge_agent.model.site import Config
from edge_agent.readiness import advice, check_detector, check_devices, check_evidence, check_files, check_walls


@click.command("check")
@CONFIG
def command(config: Path) -> None:
    """Say what is wrong with the configuration and the device profiles."""
    problems: list[Problem] = []
    hints: list[Problem] = []
    loaded = None
    try:
        loaded, told, whole = read_config(config)
        problems += told + _of_this_machine(loaded, config)
        if whole and not any(problem.at.startswith("gateway") for problem in told):  # whose people, and by which time?
            wrong, hints = rule_findings(loaded, config)
            problems += wrong
    except Problem as error:
        problems.append(error)
    examples = 0
    for profile_id in profile_ids():
        path = profiles_root() / f"{profile_id}.toml"
        found = check_profile(path)
        problems += [problem for problem in found if problem not in problems]
        if not found:
            examples += len(load_profile(profile_id).example)
    for problem in (*problems, *hints):
        complain(problem)
    if problems:
        tell("cli.problems", count=len(problems))
        raise SystemExit(1)
    assert loaded is not None
    for hint in advice(loaded, str(config)):
        complain(hint)
    tell(
        "cli.config_good",
        file=config,
        doors=len(loaded.doors),
        terminals=len(loaded.terminals),
        cameras=len(loaded.cameras),
        profiles=len(profile_ids()),
        examples=examples,
    )


def _of_this_machine(loaded: Config, config: Path) -> list[Problem]:
    """All of it, whatever else is wrong."""
    return [
        *check_files(loaded, str(config), config.parent),
        *check_devices(loaded, str(config)),
        *check_evidence(loaded, str(config), config.parent),
        *check_detector(loaded, str(config), config.parent / loaded.gateway.state / MODELS),
        *check_walls(loaded, str(config)),
    ]
