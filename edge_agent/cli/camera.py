"""`edge-agent camera`: what the cameras of agent.toml are for, and how their alerts are tuned."""

import csv
import json
import subprocess
import sys
import time
import webbrowser
from collections.abc import Generator, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import msgspec

from edge_agent.cli.camera_calibrate import command as calibrate
from edge_agent.cli.options import CONFIG, STATE, Finite, readable, state_directory
from edge_agent.cli.reasons import reasons
from edge_agent.cli.speech import complain, language, tell, words
from edge_agent.config import MODELS, load_config
from edge_agent.core.alert_report import DAY_MS, LEAST_DAYS, RuleReport, WeatherShare, observed, report
from edge_agent.core.weather import Weather
from edge_agent.errors import EdgeAgentError, FaceError
from edge_agent.model.detections import SentryJob, Unwatched
from edge_agent.model.events import Row
from edge_agent.model.face_models import Manifest
from edge_agent.model.sightings import Phase, Sighting, likely
from edge_agent.model.site import Camera, Config
from edge_agent.sockets import answers
from edge_agent.store.reading import JournalReader
from edge_agent.vision.clock import up_ms
from edge_agent.vision.replay import Replayed, ReplayJob, Said
from edge_agent.vision.show import ShowJob
from edge_agent.watching import looked_at, sentry_job
from edge_agent.wiring_cameras import detector_of, device_share, logged_in
from edge_agent.words import WORDS

PAGE_ROWS = 1000


@click.group("camera")
def command() -> None:
    """Cameras: what they are for, and how their alerts are tuned."""


command.add_command(calibrate)


@command.command("list")
@CONFIG
def list_(config: Path) -> None:
    """Show each camera of agent.toml: what it is used for, and which door or place it looks at."""
    cameras = readable(config).cameras
    if not cameras:
        tell("cli.no_camera")
    for camera in cameras:
        click.echo("  ".join(_row(camera)))


def _row(camera: Camera) -> tuple[str, ...]:
    uses = ", ".join(words(f"cli.camera_use.{use}") for use in camera.use)
    return camera.name, uses, camera.door or camera.area or camera.place or "–"


CAMERA = click.argument("camera")


@command.command("replay")
@CONFIG
@click.option(
    "--video", type=click.Path(path_type=Path, dir_okay=False), help="Write a copy with what was seen drawn into it."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a sighting.")
@click.option("--seconds", type=Finite(min=0), default=0.0, help="Only so much of it.")
@CAMERA
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
def replay(config: Path, video: Path | None, as_json: bool, seconds: float, camera: str, file: Path) -> None:
    """Put the recording FILE through the analysis of CAMERA, as it is set in agent.toml; faster than it happened.

    The same file gives the same answer every time. Status 1 when it cannot be looked at for all that is set.
    """
    if video is not None and video.is_file():  # above all not the recording itself
        raise EdgeAgentError("camera.video_there", file=video)
    job = ReplayJob(_job(config, camera), str(file), str(video or ""), seconds)
    end: Replayed | None = None
    refused = False
    for said in _said(job):
        if isinstance(said, Replayed):
            end = said
        elif isinstance(said, Unwatched):
            refused = True
            complain(EdgeAgentError(said.code, **said.fields))
        elif as_json:
            click.echo(msgspec.json.encode(said).decode())
        elif said.phase is not Phase.GOING:
            click.echo(_line(said, f"{said.up_ms / 1000:8.2f} s"))
    if end is None:
        raise EdgeAgentError("camera.replay_ended", file=file)
    if not as_json:
        speed = end.lasted_s / end.took_s if end.took_s else 0.0
        tell(
            "camera.replayed_jumps" if end.jumps else "camera.replayed", frames=end.frames, s=end.lasted_s,
            took=end.took_s, speed=speed, cpu=end.cpu_s, jumps=end.jumps,
        )  # fmt: skip
    if end.broken and not end.trouble:
        complain(EdgeAgentError("camera.replay_broken", file=file, count=end.broken))
    if end.jump is not None:
        complain(EdgeAgentError("camera.jump", file=file, **end.jump._asdict()))
    if end.undrawn:
        raise EdgeAgentError("camera.not_drawn", file=video, why=end.undrawn)
    if end.trouble:
        raise EdgeAgentError("camera.replay_trouble", file=file)
    if refused:
        raise SystemExit(1)


@command.command("watch")
@CONFIG
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Of the page (default: a free one).")
@click.option("--browser", is_flag=True, help="Open the page.")
@STATE
@CAMERA
def watch(config: Path, port: int, browser: bool, state: Path | None, camera: str) -> None:
    """Show CAMERA live with what is seen in it, as a page on this machine. Ctrl-C ends it. No agent needs to run."""
    job = msgspec.json.encode(ShowJob(_job(config, camera, state), port)) + b"\n"
    zone = ZoneInfo(load_config(config).gateway.zone)
    child = subprocess.Popen(
        [sys.executable, "-m", "edge_agent.vision.show"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdin.write(job)
        child.stdin.close()
        for raw in child.stdout:
            line = json.loads(raw)
            if "port" in line:
                url = f"http://127.0.0.1:{line['port']}{line['path']}"
                tell("camera.page", camera=camera, url=url)
                if browser:
                    webbrowser.open(url)
            elif "refused" in line:
                raise EdgeAgentError("facade.no_page", port=port, why=line["refused"])
            elif "trouble" in line:
                click.echo(words(line["trouble"]["code"], **line["trouble"]["given"]), err=True)
            elif "unwatched" in line:
                refused = msgspec.convert(line["unwatched"], Unwatched)
                complain(EdgeAgentError(refused.code, **refused.fields))
            elif (seen := msgspec.convert(line["seen"], Sighting)).phase is not Phase.GOING:
                click.echo(_line(seen, _time_of_day(seen.up_ms, zone)))
        raise EdgeAgentError("camera.replay_ended", file=camera)
    except KeyboardInterrupt:
        tell("cli.stopped")
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


@command.command("report")
@CONFIG
@STATE
@click.option("--days", type=Finite(0.04, 365), default=7.0, show_default=True, help="How far back.")
@click.option(
    "--weather",
    "weather_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV of local times and a word each (2026-05-04T07:00,rain): alerts by weather, too.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a rule.")
def report_(config: Path, state: Path | None, days: float, weather_file: Path | None, as_json: bool) -> None:
    """Say how many alerts each rule made, what was said of them, and what to change. No agent needs to run.

    Rates a day are over the time of which there are records, an hour at least; of few alerts in less than half
    a day there is none.

    Only alerts with a verdict (`alarm review`, or how the alarm was closed) count for the false ones.
    """
    zone = ZoneInfo(readable(config).gateway.zone)
    now_ms = time.time_ns() // 1_000_000
    folder, asked_ms = state_directory(config, state), now_ms - round(days * DAY_MS)
    began_ms = max(asked_ms, _began(folder, asked_ms) or asked_ms)
    span = observed(days, began_ms, now_ms)
    weather = _weather(weather_file, zone) if weather_file is not None else None
    rows = _rows(folder, asked_ms)
    found = report(
        rows, span, lambda wall_ms: datetime.fromtimestamp(wall_ms / 1000, zone).hour, weather.at if weather else None
    )
    if not as_json:
        since = f"{datetime.fromtimestamp(began_ms / 1000, zone):%Y-%m-%d %H:%M}"
        hours = "report.observed_hour" if span <= LEAST_DAYS else "report.observed_hours"
        tell("report.observed" if span >= 2 else hours, since=since, days=span, hours=span * 24)
    for one in found:
        click.echo(msgspec.json.encode(one).decode() if as_json else _rule_line(one))
        for share in () if as_json else one.weather:
            click.echo(_weather_line(share))
        if one.suggestion and not as_json:
            tell(one.suggestion)
    if not found and not as_json:
        tell("report.none", days=days)


def _job(config: Path, name: str, state: Path | None = None) -> SentryJob:
    loaded: Config = load_config(config)
    camera = next((one for one in loaded.cameras if one.name == name), None)
    if camera is None:
        known = ", ".join(one.name for one in loaded.cameras) or "–"
        raise EdgeAgentError("camera.no_such", name=name, known=known)
    url, _ = logged_in(camera, config.parent)
    folder = state_directory(config, state)
    if url in looked_at(loaded.cameras) and answers(folder / "run/control.sock"):  # an agent runs, and has the device
        url, _ = device_share(url, folder)
    return sentry_job(loaded, camera, url, _detector(loaded, camera, folder), folder)


def _detector(config: Config, camera: Camera, folder: Path) -> Manifest | None:
    """As the daemon does: without it zones and lines are looked at all the same, and that is said."""
    if camera.name not in {*(zone.camera for zone in config.zones), *(line.camera for line in config.lines)}:
        return None
    try:
        return detector_of(config, folder / MODELS)
    except FaceError as error:
        complain(error)
        return None


def _said(job: ReplayJob) -> Iterator[Said]:
    """What the child says, until it ends."""
    child = subprocess.Popen(
        [sys.executable, "-m", "edge_agent.vision.replay"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdin is not None
    assert child.stdout is not None
    decoder = msgspec.msgpack.Decoder(Said)
    try:
        child.stdin.write(msgspec.json.encode(job) + b"\n")
        child.stdin.close()
        while head := child.stdout.read(4):
            yield decoder.decode(child.stdout.read(int.from_bytes(head, "big")))
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def _rows(folder: Path, since_ms: int) -> Generator[Row]:
    with closing(JournalReader(folder / "journal.db")) as reader:
        after = 0
        while True:
            rows, _ = reader.read(after, PAGE_ROWS)
            if not rows:
                return
            yield from (row for row in rows if row.wall_ms >= since_ms)
            after = rows[-1].seq


def _began(folder: Path, asked_ms: int) -> int | None:
    """Unix ms of the first event that is kept and whose time is known; on a gateway that never knew the time, of the
    first one since `asked_ms`.
    """
    with closing(_rows(folder, 0)) as rows:
        known = next((row.wall_ms for row in rows if row.clock != "unset"), None)
    if known is not None:
        return known
    with closing(_rows(folder, asked_ms)) as rows:
        return next((row.wall_ms for row in rows), None)


def _kind(kind: str) -> str:
    return words(f"alert.{kind}") if f"alert.{kind}" in WORDS else kind


def _time_of_day(frame_ms: int, zone: ZoneInfo) -> str:
    """The site's time of day at an uptime of this machine."""
    ago_s = (up_ms() - frame_ms) / 1000
    return f"{datetime.fromtimestamp(time.time() - ago_s, zone):%H:%M:%S}"


def _line(sighting: Sighting, at: str) -> str:
    """12.40 s  +  lawn  intrusion  in the zone for 1.5 s (limit 1 s)"""
    sign = "+" if sighting.phase is Phase.BEGUN else "-"
    floors = "" if sighting.fall is None else words("detail.floors", floors=likely(sighting.fall.floors))
    parts = (
        at,
        sign,
        sighting.rule,
        _kind(sighting.kind),
        sighting.direction,
        floors,
        reasons(sighting.why, language()),
    )
    return "  ".join(part for part in parts if part)


def _weather(path: Path, zone: ZoneInfo) -> Weather:
    try:
        return Weather(path.read_text("utf-8").splitlines(), zone, str(path))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise EdgeAgentError("weather.unreadable", path=path, why=error) from error


def _weather_line(one: WeatherShare) -> str:
    share = "–" if one.false_share is None else f"{one.false_share:.0%}"
    return words(
        "report.weather", word=one.word or words("report.weather_unknown"), alerts=_counted(one.alerts), true=one.true,
        false=one.false, share=share,
    )  # fmt: skip


def _counted(alerts: int) -> str:
    return words("report.alert" if alerts == 1 else "report.alerts", count=alerts)


def _rule_line(one: RuleReport) -> str:
    share = "–" if one.false_share is None else f"{one.false_share:.0%} (≤ {one.false_high:.0%})"
    alerts = _counted(one.alerts)
    if one.quiet:
        alerts = words("report.quiet", alerts=alerts, quiet=one.quiet)
    rate = words("report.too_little" if one.a_day is None else "report.a_day", alerts=alerts, a_day=one.a_day)
    return words(
        "report.rule", camera=one.camera, rule=one.rule, kind=_kind(one.kind), alerts=rate,
        true=one.true, false=one.false, unsure=one.unsure, share=share,
    )  # fmt: skip
