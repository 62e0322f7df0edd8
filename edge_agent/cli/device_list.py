"""`edge-agent device list`: what is plugged in, what the configuration makes of it, and what is missing."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import msgspec

from edge_agent.cli.columns import echo, tell
from edge_agent.cli.device_site import Site, look_at
from edge_agent.cli.options import CONFIG, STATE
from edge_agent.cli.speech import language, words
from edge_agent.drivers.link import parse_link_url
from edge_agent.drivers.ports import OtherDevice, SerialDevice, cameras, gpio_chips, serial_devices
from edge_agent.vision.v4l2 import device_of
from edge_agent.wiring_cameras import device_urls


@click.command("list")
@CONFIG
@STATE
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def command(config: Path, state: Path | None, as_json: bool) -> None:
    """Show serial ports, GPIO chips, network links and cameras, who uses them, and what of agent.toml is not there."""
    site = look_at(config, state)
    found = serial_devices()
    document = {
        "config": str(config) if site.config else None,
        "agent_running": site.running,
        "serial": [_port(port, site) for port in found],
        "gpio": [_chip(chip, site) for chip in gpio_chips()],
        "network": _network(site),
        "cameras": [_camera(camera, site) for camera in cameras()],
        "missing": _missing(site),
    }
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())
        return
    if site.trouble is not None:
        tell("device.without_config", why=site.trouble.text(language()).splitlines()[0], err=True)
    _say_ports(document["serial"], found)  # type: ignore[arg-type]
    _say_chips(document["gpio"])  # type: ignore[arg-type]
    _say_network(document["network"])  # type: ignore[arg-type]
    _say_cameras(document["cameras"])  # type: ignore[arg-type]
    if site.config is not None:
        _say_missing(document["missing"])  # type: ignore[arg-type]


def _port(port: SerialDevice, site: Site) -> dict[str, Any]:
    link = site.link_at(parse_link_url(f"serial://{port.path}"))
    return {
        **asdict(port),
        "link": link.name if link else None,
        "users": site.users(link.name) if link else [],
        "named": parse_link_url(link.url).path if link else None,
    }


def _chip(chip: OtherDevice, site: Site) -> dict[str, Any]:
    """A chip of agent.toml that is named by its label is not told here: the label stands in the chip alone."""
    link = site.link_at(parse_link_url(f"gpio://{chip.path}"))
    return {**asdict(chip), "link": link.name if link else None, "users": site.users(link.name) if link else []}


def _camera(camera: OtherDevice, site: Site) -> dict[str, Any]:
    there = Path(camera.path).resolve()
    users = sorted({name for name, path in _devices(site) if path.resolve() == there})
    return {**asdict(camera), "users": users}


def _devices(site: Site) -> list[tuple[str, Path]]:
    """Name and device of each [[camera]] that is one of this machine."""
    configured = site.config.cameras if site.config else ()
    return [(camera.name, Path(device_of(url).path)) for _, camera, url in device_urls(configured)]


def _network(site: Site) -> list[dict[str, Any]]:
    """Serial servers, and addresses of this machine on which terminals call."""
    links = [link for link in (site.config.links if site.config else ()) if parse_link_url(link.url).host]
    return [{"link": link.name, "url": link.url, "users": site.users(link.name)} for link in links]


def _missing(site: Site) -> list[dict[str, Any]]:
    """Links whose port is not there now, and cameras; a serial server is not called for this."""
    missing = []
    for link in site.config.links if site.config else ():
        url = parse_link_url(link.url)
        chip = Path(url.path) if url.path.startswith("/") else None  # else its label
        path = {"serial": Path(url.path), "sim": site.state / "sim" / url.path, "gpio": chip}.get(url.kind)
        if path is not None and not path.exists():
            missing.append({"link": link.name, "path": str(path), "users": site.users(link.name)})
    return missing + [
        {"camera": name, "path": str(path)} for name, path in dict.fromkeys(_devices(site)) if not path.exists()
    ]


def _say_ports(ports: list[dict[str, Any]], found: list[SerialDevice]) -> None:
    tell("device.serial")
    if not ports:
        tell("device.none_serial", 2)
    for port, device in zip(ports, found, strict=True):
        echo(device.path, 2)
        about = [Path(device.device).name if device.path != device.device else "", device.adapter, device.driver]
        if any(about):
            echo(" · ".join(part for part in about if part), 4)
        if port["link"]:
            tell("device.used", 4, link=port["link"], users=", ".join(port["users"]) or words("device.nobody"))
        else:
            tell("device.unused", 4)
        for holder in device.holders:
            tell("device.held", 4, program=holder.program or "?", pid=holder.pid)
        if device.twin:
            tell("device.twin", 4)
        elif port["named"] and port["named"] not in device.names and device.names:
            tell("device.unstable", 4, named=port["named"])


def _say_chips(chips: list[dict[str, Any]]) -> None:
    if chips:
        tell("device.gpio")
    for chip in chips:
        echo(" · ".join(part for part in (chip["path"], chip["what"]) if part), 2)
        if chip["link"]:
            tell("device.used", 4, link=chip["link"], users=", ".join(chip["users"]) or words("device.nobody"))


def _say_network(links: list[dict[str, Any]]) -> None:
    if links:
        tell("device.network")
    for link in links:
        echo(link["url"], 2)
        tell("device.used", 4, link=link["link"], users=", ".join(link["users"]) or words("device.nobody"))


def _say_cameras(found: list[dict[str, Any]]) -> None:
    if found:
        tell("device.cameras")
    for camera in found:
        echo(camera["path"], 2)
        if camera["what"]:
            echo(camera["what"], 4)
        if camera["users"]:
            tell("device.camera_used", 4, cameras=", ".join(camera["users"]))
        else:
            tell("device.camera_unused", 4, path=camera["path"])


def _say_missing(missing: list[dict[str, Any]]) -> None:
    for one in missing:
        if "camera" in one:
            tell("device.camera_missing", path=one["path"], camera=one["camera"])
            continue
        tell(
            "device.missing",
            link=one["link"],
            path=one["path"],
            users=", ".join(one["users"]) or words("device.nobody"),
        )
    if not missing:
        tell("device.all_there")
