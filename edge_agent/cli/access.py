"""`edge-agent access`: who may pass where and when, and why; and forgiving what was held against somebody."""

from importlib import import_module
from pathlib import Path

import click
import msgspec

from edge_agent.cli.operate import BY, WHY, refused, site
from edge_agent.cli.operate import who as who_answers
from edge_agent.cli.options import CONFIG, STATE
from edge_agent.cli.speech import set_language, tell
from edge_agent.config import load_config
from edge_agent.errors import EdgeAgentError, StoreError
from edge_agent.model.commands import Operation
from edge_agent.model.reads import Direction

DOOR = click.option("--door", required=True, help="The door's name in agent.toml.")
AT = click.option("--at", default="now", show_default=True, help="now, or local time: 2026-05-04T07:30.")
DIRECTION = click.option("--direction", type=click.Choice(["in", "out"]), default="in", show_default=True)
LANG = click.option(
    "--lang", type=click.Choice(["en", "zh"]), expose_value=False, help="Language of the output.",
    callback=lambda _context, _option, chosen: set_language(chosen) if chosen else None,
)  # fmt: skip


class Access(click.Group):
    """Mounts `import`, which lives in a module of its own."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *(["import"] if _import() else [])])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return _import() if cmd_name == "import" else super().get_command(ctx, cmd_name)


def _import() -> click.Command | None:
    try:
        found: click.Command = import_module("edge_agent.cli.access_import").import_
    except ModuleNotFoundError as error:
        if error.name != "edge_agent.cli.access_import":
            raise
        return None
    return found


@click.group("access", cls=Access)
def command() -> None:
    """Who may pass where and when, and why."""


@command.command("explain")
@CONFIG
@STATE
@LANG
@click.option("--person", required=True, help="Pseudonymous id, as `people list` shows it.")
@DOOR
@AT
@DIRECTION
def explain(config: Path, state: Path | None, person: str, door: str, at: str, direction: str) -> None:
    """Say whether PERSON would pass DOOR at that time, by which way, and which rule decides. Opens nothing."""
    from edge_agent.cli import access_say, access_scene
    from edge_agent.core.explain import explain as explained

    loaded = load_config(config)
    folder = state or config.parent / loaded.gateway.state
    found_door = access_scene.door_of(loaded, door)
    book = access_scene.book_of(loaded, folder)
    if person not in book.persons:
        raise StoreError("store.no_person", person=person)
    memory = access_scene.seen(folder)
    faces = access_scene.faces_of(config, loaded, folder)
    scene = access_scene.scene_of(loaded, book, memory, found_door, Direction(direction), at, faces)
    name = access_scene.names_of(folder).get(person, "")
    said = explained(book.persons[person], scene)
    access_say.show(access_say.explained(said, scene, name, memory.readable if at == "now" else None))


@command.command("who")
@CONFIG
@STATE
@LANG
@DOOR
@AT
@DIRECTION
@click.option("--json", "as_json", is_flag=True, help="One array, for programs.")
def who(config: Path, state: Path | None, door: str, at: str, direction: str, as_json: bool) -> None:
    """List who could pass DOOR at that time with what they hold: id, name, category, house, ways, rule."""
    from edge_agent.cli import access_roll, access_scene
    from edge_agent.core.explain import who as could_pass

    loaded = load_config(config)
    folder = state or config.parent / loaded.gateway.state
    found_door = access_scene.door_of(loaded, door)
    book = access_scene.book_of(loaded, folder)
    memory = access_scene.seen(folder)
    faces = access_scene.faces_of(config, loaded, folder)
    scene = access_scene.scene_of(
        loaded, book, memory, found_door, Direction(direction), at, () if faces is None else faces
    )
    passers, names = list(could_pass(scene)), access_scene.names_of(folder)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(access_roll.as_json(passers, names))).decode())
        return
    for line in access_roll.roll(passers, names, scene):
        click.echo(line)


@command.command("forgive")
@CONFIG
@STATE
@LANG
@BY
@WHY
@click.option("--person", help="Whom; their next passage is taken as it comes.")
@click.option("--all", "everybody", is_flag=True, help="Everybody.")
def forgive(config: Path, state: Path | None, by: str | None, why: str, person: str | None, everybody: bool) -> None:
    """Let anti-passback forget where PERSON, or everybody, is. The running agent does it and records it."""
    from edge_agent.cli.access_scene import known_person
    from edge_agent.console.control import operate

    if (person is None) is not everybody:
        raise EdgeAgentError("explain.forgive_whom")
    there = site(config, state)
    if person is not None:
        known_person(there.socket.parent.parent, person)
    operation = Operation("forgive", who_answers(by), why, person=person)
    done = operate(there.socket, operation)
    if not done.good:
        raise refused(done, operation, there)
    if person is None:
        tell("explain.forgiven_all")
    else:
        tell("explain.forgiven", person=person)
