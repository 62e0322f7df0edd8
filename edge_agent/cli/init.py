"""`edge-agent init`: a first agent.toml to edit."""

from pathlib import Path

import click

from edge_agent.cli.options import make_folder
from edge_agent.cli.speech import tell

TEMPLATE = """\
# The gateway at one gate. `edge-agent check` says what is wrong with this file.
[gateway]
id = "G0001"                    # certificate CN, MQTT topic, event source
zone = "Asia/Shanghai"
site = "estate"                 # device_profiles/sites/estate.toml
state = "STATE"

[uplink]
url = "mqtts://broker.city.example:8883"
mqtt = 5                        # 5, or "3.1.1"; never changed by itself
confirm = "city"                # events leave the outbox when the city has stored them

[policy]
record_before_open = "remote"   # never | remote | always
untrusted_clock = "deny_timed"

[[link]]
name = "rs485-1"
url = "serial:///dev/serial/by-id/CHANGE-ME?baud=9600"

[[link]]
name = "gate-1"
url = "serial:///dev/serial/by-id/CHANGE-ME-TOO?baud=9600"

[[terminal]]
name = "north-in"
profile = "readers/osdp-generic"
link = "rs485-1"
address = 1
key_file = "keys/osdp-north-in.key"   # edge-agent keys osdp keys/osdp-north-in.key
door = "north-gate"
direction = "in"

[[door]]
name = "north-gate"
kind = "pedestrian"
gate = { link = "gate-1", profile = "gates/sim", relay = 0, contact = 0, exit = 0 }
release_s = 5
open_s = 15
ways = [["card"]]               # add ["face"] and a [[camera]] for faces
"""


@click.command("init")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path())
def command(folder: Path) -> None:
    """Write a first agent.toml into FOLDER."""
    path = folder / "agent.toml"
    if path.exists():
        tell("cli.init_exists", file=path)
        return
    make_folder(folder)
    system = folder.resolve().is_relative_to("/etc")  # an installed gateway keeps its data apart
    path.write_text(TEMPLATE.replace("STATE", "/var/lib/edge-agent" if system else "state"), "utf-8")
    tell("cli.init_written", file=path)
