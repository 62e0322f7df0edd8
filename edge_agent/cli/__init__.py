"""The command line. Each command lives in a module of its own, loaded when it is called: `run` must start quickly."""

import resource
from importlib import import_module
from itertools import pairwise
from typing import Any

import click

from edge_agent import __version__
from edge_agent.cli.help import begin, translated
from edge_agent.cli.loading import loading
from edge_agent.cli.speech import complain
from edge_agent.cli.usage import in_words
from edge_agent.errors import EdgeAgentError

LANGUAGES = ["en", "zh"]
COMMANDS = {
    "run": "run",
    "check": "check",
    "demo": "demo",
    "init": "init",
    "keys": "keys",
    "people": "people",
    "face": "face",
    "faces": "faces",
    "models": "models",
    "console": "console",
    "camera": "camera",
    "evidence": "evidence",
    "visit": "visit",
    "patrol": "patrol",
    "hazard": "hazard",
    "duty": "duty",
    "access": "access",
    "audit": "audit",
    "events": "events",
    "city": "city",
    "door": "door",
    "alarm": "alarm",
    "device": "device",
    "profile": "profile",
}


class Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        with loading():
            command: click.Command = import_module(f"edge_agent.cli.{COMMANDS[cmd_name]}").command
        return translated(command)

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        words = [word for arg in args for word in (arg.split("=", 1) if arg.startswith("--lang=") else [arg])]
        begin(next((word for option, word in pairwise(words) if option == "--lang" and word in LANGUAGES), None))
        with in_words():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with in_words():
            return super().invoke(ctx)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="edge-agent")
@click.option(
    "--lang", type=click.Choice(LANGUAGES), help="Language of the output (default: the locale's).", expose_value=False
)  # make_context has read it: what cannot be parsed is told in it, too
def group() -> None:
    """Community access control at the gate: decides locally, keeps every event, publishes to the city.

    社区门禁边缘网关：本地判断、完整留存、上报平台。
    """


def main() -> None:
    """Entry point: an error the user can mend is said in words and exits with 1; bad usage exits with 2.

    None of these processes leaves a core dump: their memory holds face templates, keys and PINs.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        group(prog_name="edge-agent")
    except EdgeAgentError as error:
        complain(error)
        raise SystemExit(1) from None
