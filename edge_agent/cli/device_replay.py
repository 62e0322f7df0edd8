"""`edge-agent device replay`: a recorded device once more, for the eye or for a driver."""

import time
from pathlib import Path

import click

from edge_agent.cli.columns import tell
from edge_agent.cli.device_site import duration
from edge_agent.cli.device_traffic import Traffic, since
from edge_agent.drivers.profiles import load_profile
from edge_agent.errors import EdgeAgentError
from edge_agent.protocols.capture import Capture, Chunk, read_capture
from edge_agent.sim.replay import play, recorded_device, wait_opened


@click.command("replay")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--pty", type=click.Path(path_type=Path), help="Be the recorded device at this path.")
@click.option("--profile", "name", help="Show what the bytes mean to this profile.")
@click.option("--fast", is_flag=True, help="Without the pauses.")
@click.option("--after", default="1s", show_default=True, help="With --pty: begin so long after it was opened.")
def command(file: Path, pty: Path | None, name: str | None, fast: bool, after: str) -> None:
    """Play the recording FILE, at its own pace: through a profile's decoder, or on a pty that somebody opens."""
    capture = load(file)
    traffic = Traffic(load_profile(name) if name else None, since)
    try:
        if pty is None:
            _show(capture, traffic, fast)
        else:
            _be_device(capture, traffic, pty, fast, duration(after) or 0.0)
    except KeyboardInterrupt:
        click.echo(err=True)


def load(file: Path) -> Capture:
    """Raises EdgeAgentError when the file cannot be read, Problem when it is no capture."""
    try:
        text = file.read_text("utf-8-sig")
    except FileNotFoundError:
        raise EdgeAgentError("device.no_file", file=file) from None
    except (OSError, UnicodeDecodeError) as error:
        raise EdgeAgentError("device.file_unreadable", file=file, why=error) from None
    return read_capture(text, str(file))


def _show(capture: Capture, traffic: Traffic, fast: bool) -> None:
    begun = time.monotonic()
    for chunk in capture.chunks:
        if not fast:
            time.sleep(max(0.0, begun + chunk.at_s - time.monotonic()))
        traffic.show(chunk)
    tell("device.replayed", count=traffic.count, err=True)


def _be_device(capture: Capture, traffic: Traffic, pty: Path, fast: bool, after_s: float) -> None:
    begun = time.monotonic()

    def heard(data: bytes) -> None:
        traffic.show(Chunk(time.monotonic() - begun, data, out=True))

    try:
        with recorded_device(pty) as near:
            tell("device.waiting", pty=pty, err=True)
            wait_opened(near)
            time.sleep(after_s)  # who opens a line forgets what lay in it, and takes what comes at once for old
            begun = time.monotonic()
            whole = play(near, capture.chunks, fast, traffic.show, heard)
            time.sleep(0.5 if whole else 0.0)  # what is still in the pty goes with it
    except FileExistsError:
        raise EdgeAgentError("device.file_there", file=pty) from None
    except OSError as error:
        raise EdgeAgentError("device.file_not_made", file=pty, why=error.strerror) from None
    if not whole:
        raise EdgeAgentError("device.replay_cut", count=traffic.count)
    tell("device.replayed", count=traffic.count, err=True)
