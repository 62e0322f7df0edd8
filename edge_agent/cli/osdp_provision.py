"""`edge-agent device osdp-provision`: give an OSDP reader or board a key of its own."""

from pathlib import Path

import click

from edge_agent.cli.columns import tell
from edge_agent.cli.options import Finite, make_folder
from edge_agent.drivers.osdp_provision import WITHIN_S, provision


@click.command("osdp-provision")
@click.argument("key_file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--link", required=True, help="Where it is: serial:///dev/serial/by-id/…, tcp://host:port or sim://name.")
@click.option("--address", type=click.IntRange(0, 126), required=True, help="Its address on the bus.")
@click.option("--baud", type=int, default=9600, show_default=True, help="Where the link does not say.")
@click.option(
    "--minutes",
    type=Finite(min=0, max=WITHIN_S / 60, min_open=True),
    default=WITHIN_S / 60,
    show_default=True,
    help="How long the default key is taken, at most.",
)
@click.option(
    "--sim-dir", type=click.Path(path_type=Path, file_okay=False), default=Path("state/sim"), help="Of sim:// links."
)
def command(key_file: Path, link: str, address: int, baud: int, minutes: float, sim_dir: Path) -> None:
    """Change a device from the default key to a fresh one and write it to KEY_FILE.

    The device must be in its installation mode and the daemon stopped: the port is used alone. Run it at the device,
    with nobody else on the wire: whoever listens while the default key is in use learns the new one.
    """
    make_folder(key_file.parent, 0o700)
    provision(link, sim_dir, address, key_file, tell, baud=baud, within_s=minutes * 60)
    tell("devices.osdp_provisioned", path=key_file)
