"""`edge-agent device`: what an installer does with a cable in one hand: see, find out, listen, try."""

from importlib import import_module

import click

PARTS = {
    "list": "device_list",
    "probe": "device_probe",
    "sniff": "device_sniff",
    "record": "device_record",
    "replay": "device_replay",
    "test": "device_test",
    "address": "device_address",
    "osdp-provision": "osdp_provision",
}


class Parts(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(PARTS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in PARTS:
            return None
        part: click.Command = import_module(f"edge_agent.cli.{PARTS[cmd_name]}").command
        return part


@click.group("device", cls=Parts)
def command() -> None:
    """Devices at the gateway's ports: list, probe, sniff, record, replay, test, address, osdp-provision."""
