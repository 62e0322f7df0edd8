"""The daemon with cameras that raise alerts: real children, real streams, real evidence on the disk."""

import asyncio
import contextlib
import json
import os
import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from edge_agent.model.events import (
    AgentDegraded,
    AlertOpened,
    AlertUpdated,
    CommandCompleted,
    DeviceDegraded,
    DeviceLost,
    EvidenceKept,
    Row,
)
from edge_agent.sim.estate import GATEWAY, Estate
from edge_agent.sim.process import module
from edge_agent.vision.models import as_toml
from tests.cli.test_camera_replay import PORTRAIT
from tests.drivers.rig import simulated
from tests.system.site import Asked, estate, journal, log_of, ready, show_card, tags, with_console
from tests.vision.clips import film
from tests.vision.test_models import boxes, manifest_of
from tests.vision.test_zones import pictures, walk
from tests.waiting import auntil

FPS = 10
CAMERAS = """
[evidence]
pre_s = 2
post_s = 2
longest_s = 7

[[camera]]
name = "yard"
url = "file://{clip}"
main_url = "file://{main}"
door = "north-gate"
use = ["alerts", "evidence", "wall"]
fps = 10
"""


def tampered(path: Path, px: int = 6, seconds: int = 12, dark_s: int = 20) -> Path:
    """A yard with sensor noise, and from `seconds` on somebody holds something before the lens; 80 `px` wide."""
    rng = np.random.default_rng(9)
    wall = cv2.GaussianBlur(rng.integers(30, 220, (60, 80), np.uint8).repeat(px, 0).repeat(px, 1), (0, 0), 1.0)

    height, width = wall.shape
    noise = rng.normal(0, 3, (height + 100, width + 100)).round().astype(np.int16)

    def pictures() -> Iterator[np.ndarray]:
        """Each with another part of the noise."""
        for n in range((seconds + dark_s) * FPS):
            gray = wall if n < seconds * FPS else np.full_like(wall, 5)
            y, x = rng.integers(0, 100, 2)
            yield cv2.add(gray, noise[y : y + height, x : x + width], dtype=cv2.CV_8U)

    return film(path, pictures(), FPS, crf=28)


@contextlib.asynccontextmanager
async def watched(folder: Path, toml: str) -> AsyncIterator[tuple[Estate, Asked]]:
    async with estate(folder) as site:
        with site.config.open("a", encoding="utf-8") as file:
            file.write(toml)
        ask = await with_console(site, "wall")
        await site.open()
        yield site, ask


async def until_shown(ask: Asked, path: str) -> bytes:
    async with asyncio.timeout(60):
        while True:
            status, body = await ask(path)
            if status == 200:
                return body
            await asyncio.sleep(0.2)


def found(site: Estate, tag: str) -> list[Row]:
    return [row for row in journal(site) if row.tag == tag]


async def requested(site: Estate, **of: object) -> dict[str, object]:
    """What the gateway answers the city that asks for evidence of these minutes: what there is, never the media."""
    assert site.broker is not None
    now_ms = time.time_ns() // 1_000_000
    args = {"from_ms": 0, "to_ms": now_ms, **of}
    where = ("--folder", site.city_folder, "--broker", site.broker.url, "--mqtt", site.broker.mqtt)
    await site.command("city", "send", *where, "--issuer", "desk", "--args", json.dumps(args), GATEWAY, "evidence")
    answer = found(site, "command.completed")[-1].event
    assert isinstance(answer, CommandCompleted)
    return dict(answer.answer)


def news(site: Estate) -> list[AlertUpdated]:
    return [row.event for row in found(site, "alert.updated") if isinstance(row.event, AlertUpdated)]


def frames(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def width(path: Path) -> int:
    with av.open(str(path)) as container:
        return container.streams.video[0].width


def children(site: Estate) -> dict[str, int]:
    """Module → process id of the agent's children."""
    pids = {}
    agent = site.agent.pid
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = status.read_text().rsplit(")", 1)[1].split()
            if int(fields[1]) == agent:
                *_, module, _ = (b"", *(status.parent / "cmdline").read_bytes().split(b"\0"))  # of one that ends: none
                pids[module.decode()] = int(status.parent.name)
    return pids


@pytest.mark.long
def test_a_covered_camera_is_one_alert_with_evidence_and_the_door_goes_on(tmp_path: Path) -> None:
    async def story() -> None:
        clip, main = tampered(tmp_path / "yard.mp4"), tampered(tmp_path / "main.mp4", px=8)
        async with watched(tmp_path / "site", CAMERAS.format(clip=clip, main=main)) as (site, ask):
            await ready(site)
            picture = await until_shown(ask, "/cameras/yard/now.jpg")
            yard = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_GRAYSCALE)
            assert yard.std() > 20, "the yard"
            await auntil(lambda: found(site, "alert.opened"), 60, lambda: log_of(site))
            (opened,) = [row.event for row in found(site, "alert.opened")]
            assert isinstance(opened, AlertOpened)
            assert (opened.kind, opened.camera, opened.level, opened.door) == ("black", "yard", "fault", "north-gate")
            assert opened.evidence
            show_card(site)
            await auntil(lambda: "access.granted" in tags(site), 10)
            await auntil(lambda: found(site, "evidence.kept"), 40, lambda: log_of(site))
            (kept,) = [row.event for row in found(site, "evidence.kept")]
            assert isinstance(kept, EvidenceKept)
            assert (kept.evidence, kept.alert) == (opened.evidence, opened.alert)
            assert kept.complete, kept.why
            told = await requested(site, camera="yard")
            assert (told["count"], told["shown"]) == (1, 1)
            assert (told["evidence_1"], told["alert_1"]) == (kept.evidence, opened.alert)
            assert told["manifest_1"] == kept.manifest
            assert (await requested(site, camera="lane"))["count"] == 0
            assert (await requested(site, to_ms=1))["count"] == 0
            assert "as it was signed" in await site.command("evidence", "verify")
            folder = tmp_path / "copies"
            await site.command("evidence", "export", kept.evidence, folder, "--by", "王芳", "--why", "case 7")
            assert "evidence.exported" in tags(site)
            assert f"evidence/{kept.evidence}" in await site.command("audit", "list"), "R8"
            copy = folder / kept.evidence
            assert frames(copy / "clip.mp4") >= 5 * FPS
            assert width(copy / "clip.mp4") == 640, "of the main stream"
            nowhere = ("--config", tmp_path / "none.toml")
            key = site.gateway / "keys/gateway.pub"
            assert "as it was signed" in await site.command("evidence", "verify", *nowhere, "--key", key, copy)
            (copy / "track.json").write_text("[]")
            with pytest.raises(RuntimeError, match="its content is not what was signed"):
                await site.command("evidence", "verify", *nowhere, "--key", key, copy)
            await site.command("alarm", "review", opened.alert, "--verdict", "true", "--by", "王芳")
            await site.command("evidence", "hold", kept.evidence, "--by", "王芳")
            assert "王芳" in await site.command("evidence", "list")
            assert [e.verdict for e in news(site) if e.what == "verdict"] == ["true"]

    asyncio.run(story())


LIFT = """
[vision]
detector = "people"

[[camera]]
name = "yard"
url = "file://{clip}"
use = ["alerts"]
fps = 10

[[zone]]
name = "lawn"
camera = "yard"
watch = ["intrusion", "ebike"]
points = [[0.5, 0.0], [1.0, 0.0], [1.0, 1.0], [0.5, 1.0]]
"""
SOMEBODY = np.array([[(160.0, 160.0, 300.0, 300.0, 0.9)] * 2]).transpose(0, 2, 1)  # wherever it looks


@pytest.mark.long
def test_what_a_camera_cannot_be_watched_for_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    """A detector without e-bikes, and a wall calibrated in a picture of another shape."""

    async def story() -> None:
        clip = film(tmp_path / "yard.mp4", pictures(14, walk(20, 330, 5, 5)), FPS)
        net, card = tmp_path / "people.onnx", tmp_path / "people.toml"
        net.write_bytes(boxes(SOMEBODY))
        people = manifest_of(
            net, id="people", role="objects", width=320, height=320, scale=1 / 255, classes=("person",), dimension=0
        )
        card.write_text(as_toml(people), "utf-8")
        async with estate(tmp_path / "site") as site:
            await site.command("models", "add", net, "--manifest", card)
            with site.config.open("a", encoding="utf-8") as file:
                file.write(LIFT.format(clip=clip) + PORTRAIT)
            await site.open()
            await ready(site)
            await auntil(lambda: found(site, "alert.opened"), 60, lambda: log_of(site))
            (opened,) = [row.event for row in found(site, "alert.opened")]
            assert isinstance(opened, AlertOpened)
            assert (opened.kind, opened.rule) == ("intrusion", "lawn")
            told = [row.event for row in found(site, "device.degraded")]
            assert [(one.device, one.code) for one in told if isinstance(one, DeviceDegraded)] == [
                ("yard", "facade.other_frame"), ("yard", "zone.no_class")
            ]  # fmt: skip

    asyncio.run(story())


def test_a_folder_that_takes_no_evidence_is_told_at_start_and_by_check(tmp_path: Path) -> None:
    """Not when the first clip is lost. Root passes every mode, so what root runs here runs without its powers."""
    powerless = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []

    async def story() -> None:
        clip = tampered(tmp_path / "yard.mp4", seconds=1, dark_s=0)
        async with estate(tmp_path / "site") as site:
            with site.config.open("a", encoding="utf-8") as file:
                file.write(CAMERAS.format(clip=clip, main=clip))
            kept = site.state / "evidence"
            kept.mkdir(parents=True)
            kept.chmod(0o555)
            check = [*powerless, *module("edge_agent", "check")]
            child = await asyncio.create_subprocess_exec(*check, env=site.agent.env, stderr=asyncio.subprocess.PIPE)
            _, said = await child.communicate()
            assert (child.returncode, f"{kept}: it is read-only" in said.decode()) == (1, True), said.decode()
            site.agent.arguments = [*powerless, *site.agent.arguments]
            await site.open()

            def off() -> list[str]:
                told = [row.event for row in found(site, "agent.degraded") if isinstance(row.event, AgentDegraded)]
                return [event.detail for event in told if event.what == "evidence_off"]

            await auntil(off, 20, lambda: log_of(site))
            assert [(str(kept) in detail, "chown" in detail) for detail in off()] == [(True, True)]
            await ready(site)
            show_card(site)
            await auntil(lambda: "access.granted" in tags(site), 10)

    asyncio.run(story())


def test_a_detector_that_is_not_there_is_told_and_the_gateway_runs(tmp_path: Path) -> None:
    async def story() -> None:
        clip = film(tmp_path / "yard.mp4", pictures(3, walk(20, 330, 1, 1)), FPS)
        async with estate(tmp_path / "site") as site:
            with site.config.open("a", encoding="utf-8") as file:
                file.write(LIFT.format(clip=clip))
            await site.open()
            await ready(site)
            await auntil(lambda: found(site, "device.degraded"), 30, lambda: log_of(site))
            (agent,) = [row.event for row in found(site, "agent.degraded")]
            assert isinstance(agent, AgentDegraded)
            assert (agent.what, agent.code, agent.given["id"]) == ("detector_off", "models.no_detector", "people")
            (camera,) = [row.event for row in found(site, "device.degraded")]
            assert isinstance(camera, DeviceDegraded)
            assert (camera.device, camera.code) == ("yard", "zone.needs_detector")

    asyncio.run(story())


REFUSING = """
[[camera]]
name = "north"
url = "rtsp://127.0.0.1:{port}/user=admin&password=geheim&channel=1&stream=1.sdp"
main_url = "rtsp://admin:geheim@127.0.0.1:{port}/token=geheim"
door = "north-gate"
use = ["alerts", "evidence"]
fps = 0.0167
"""


def test_why_a_camera_is_lost_is_on_record_for_any_language_and_without_its_password(tmp_path: Path) -> None:
    """A port nobody listens at, of a camera of one frame a minute: both its streams are told within seconds."""

    async def story() -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # nobody listens, and nobody else can
            cameras = REFUSING.format(port=taken.getsockname()[1])
            async with watched(tmp_path / "site", cameras) as (site, _):
                await auntil(lambda: len(found(site, "device.lost")) == 2, 40, lambda: log_of(site))
                lost = [row.event for row in found(site, "device.lost")]
                said = {event.device: event.code for event in lost if isinstance(event, DeviceLost)}
                assert said == {"north": "cameras.refused", "north/main": "cameras.refused"}
                assert "geheim" not in str(lost) + log_of(site)

    asyncio.run(story())


SIREN = """
[[link]]
name = "siren-line"
url = "sim://siren"

[[deterrent]]
name = "siren"
output = { link = "siren-line", profile = "gates/sim" }

[[alert]]
name = "dark"
kinds = ["black"]
level = "alarm"
"""


@pytest.mark.long
def test_an_alarm_sounds_a_siren_and_is_on_record_with_it(tmp_path: Path) -> None:
    """A board of its own, whose relay the daemon takes for no door."""

    async def story() -> None:
        clip = tampered(tmp_path / "yard.mp4", seconds=6)
        async with estate(tmp_path / "site") as site:
            with site.config.open("a", encoding="utf-8") as file:
                file.write(CAMERAS.format(clip=clip, main=clip) + SIREN)
            sim = site.state / "sim"
            sim.mkdir(parents=True, exist_ok=True)
            with simulated("gate", sim / "siren") as siren:
                await site.open()
                await ready(site)
                await auntil(lambda: [one for one in news(site) if "deterred" in one.what], 60, lambda: log_of(site))
                (told,) = [one for one in news(site) if "deterred" in one.what]
                assert (told.what, told.why, told.reason) == ("deterred", "siren", "")
                assert siren.said("relay")[0] == "on"

    asyncio.run(story())
