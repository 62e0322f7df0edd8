"""`edge-agent camera`: what the cameras of agent.toml are for, and how their alerts are tuned."""

from pathlib import Path

import click

from edge_agent.cli.options import CONFIG
from edge_agent.cli.speech import tell, words
from edge_agent.config import load_config
from edge_agent.model.site import Camera


@click.group("camera")
def command() -> None:
    """Cameras: what they are for, and how their alerts are tuned."""


@command.command("list")
@CONFIG
def list_(config: Path) -> None:
    """Show each camera of agent.toml: what it is used for, and which door or place it looks at."""
    cameras = load_config(config).cameras
    if not cameras:
        tell("cli.no_camera")
    for camera in cameras:
        click.echo("  ".join(_row(camera)))


def _row(camera: Camera) -> tuple[str, ...]:
    uses = ", ".join(words(f"cli.camera_use.{use}") for use in camera.use)
    return camera.name, uses, camera.door or camera.area or camera.place or "–"
