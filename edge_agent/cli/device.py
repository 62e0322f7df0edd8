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
    "provision": "osdp_provision",
}


class Parts(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name in PARTS if self.get_command(ctx, name) is not None]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in PARTS:
            return None
        module = f"edge_agent.cli.{PARTS[cmd_name]}"
        try:
            part: click.Command = getattr(
                import_module(module), "osdp_provision" if cmd_name == "provision" else "command"
            )
        except ModuleNotFoundError as error:
            if error.name != module:
                raise
            return None  # this build has no such part
        return part


@click.group("device", cls=Parts)
def command() -> None:
    """Devices at the gateway's ports: list, probe, sniff, record, replay, test."""
