"""The daemon before a building: a fall through the real camera's child, and what may be shown of it."""

import asyncio
from pathlib import Path

import av
import numpy as np
import pytest
from msgspec import structs

from edge_agent.cli.camera_calibrate import as_table
from edge_agent.model.events import AlertOpened, EvidenceKept
from edge_agent.sim.estate import Estate
from tests.system.site import estate, journal, log_of, ready
from tests.vision.clips import film
from tests.vision.facade import FPS
from tests.vision.facade.clip import Clip, draw
from tests.vision.test_zones import person
from tests.waiting import auntil

HEIGHT = 768
MASK = (0.0, 0.0, 0.3, 0.0, 0.3, 0.5, 0.0, 0.5)  # the left part: windows of somebody else, above by the camera
BELOW = (0.0, 0.5, 0.3, 0.5, 0.3, 1.0, 0.0, 1.0)  # and below by the façade, which has it in px
CAMERAS = """
[evidence]
pre_s = 1
post_s = 1
longest_s = 4

[[camera]]
name = "block-3"
url = "file://{wall}"
use = ["alerts", "evidence"]
fps = 15
masks = [{mask}]

[[camera]]
name = "yard"
url = "file://{yard}"
use = ["alerts"]
fps = 10

[[zone]]
name = "roof"
camera = "yard"
watch = ["intrusion"]
points = [[0.5, 0.0], [1.0, 0.0], [1.0, 1.0], [0.5, 1.0]]
"""


def falling(folder: Path) -> tuple[Clip, Path]:
    clip = draw(1, falls=1, weather="clear", height=HEIGHT)
    for fall in clip.falls:
        fall.size_m, fall.contrast = max(fall.size_m, 0.3), 60.0
    return clip, film(folder / "wall.mp4", list(clip.raw()), round(FPS))


def walking(folder: Path) -> Path:
    """Nobody, then somebody comes from the left and stays on the roof."""
    random = np.random.default_rng(5)
    ground = np.kron(random.uniform(80, 150, (45, 80)), np.ones((4, 4)))
    frames = []
    for n in range(200):
        picture = ground.copy()
        if n >= 60:
            person(picture, min(260, 20 + (n - 60) * 4), 150)
        frames.append(np.clip(picture + random.normal(0, 2, picture.shape), 0, 255).astype(np.uint8))
    return film(folder / "yard.mp4", frames, 10)


def alerts(site: Estate, kind: str) -> list[AlertOpened]:
    found = [row.event for row in journal(site) if isinstance(row.event, AlertOpened)]
    return [event for event in found if event.kind == kind]


@pytest.mark.long
@pytest.mark.timeout(240)
def test_r13_r14_a_fall_is_told_with_its_floors_and_shown_without_windows_and_faces(tmp_path: Path) -> None:
    clip, wall = falling(tmp_path)
    below = tuple(at * clip.facade.size[n % 2] for n, at in enumerate(BELOW))
    toml = (
        CAMERAS.format(wall=wall, yard=walking(tmp_path), mask=list(MASK))
        + "\n"
        + as_table(structs.replace(clip.facade, camera="block-3", masks=(below,)))
    )

    async def story() -> None:
        async with estate(tmp_path / "site") as site:
            with site.config.open("a", encoding="utf-8") as file:
                file.write(toml)
            await site.open()
            await ready(site)
            await auntil(lambda: len(alerts(site, "falling_object")) == len(clip.falls), 60, lambda: log_of(site))
            for event, fall in zip(alerts(site, "falling_object"), clip.falls, strict=True):
                assert (event.camera, event.rule, event.level) == ("block-3", clip.facade.name, "alarm")
                assert event.review, "somebody looks before anybody is accused"
                assert event.person is None
                assert event.fall is not None
                assert abs(event.fall.floors[0][0] - fall.floor) <= 1
                assert 0 < event.fall.floors[0][1] <= 1
                assert event.fall.path == ()
            await auntil(lambda: alerts(site, "intrusion"), 30, lambda: log_of(site))
            assert [event.rule for event in alerts(site, "intrusion")] == ["roof"]
            await auntil(lambda: any(row.tag == "evidence.kept" for row in journal(site)), 60, lambda: log_of(site))
            kept = next(row.event for row in journal(site) if isinstance(row.event, EvidenceKept))
            assert "as it was signed" in await site.command("evidence", "verify", kept.evidence)
            shown = tmp_path / "shown"
            await site.command(
                "evidence", "export", kept.evidence, shown, "--for", "publication", "--by", "王芳", "--why", "notice"
            )
            copy = shown / kept.evidence
            assert sorted(file.name for file in copy.iterdir()) == ["published.json", "published.mp4"]
            with av.open(str(copy / "published.mp4")) as container:
                pictures = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
            assert len(pictures) >= 3 * FPS
            masked = int(MASK[2] * pictures[0].shape[1]) - 8
            for picture in pictures:
                assert np.ptp(picture[8:-8, 8:masked].astype(int)) < 24, "nothing of the windows is to be seen"
                assert picture[:, masked + 24 :].std() > 8, "the wall is"

    asyncio.run(story())
