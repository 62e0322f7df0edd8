"""Falling objects: clips with exact truth through H.264, found on the right floor; and what must not be one."""

import numpy as np
import pytest

from edge_agent.errors import EdgeAgentError
from edge_agent.model.sightings import Phase, Sighting
from edge_agent.vision.falling import FallingWatch
from tests.vision.facade.clip import Clip, draw

HEIGHT = 960  # half the resolution: a test takes two seconds


def watched(clip: Clip, watch: FallingWatch) -> list[Sighting]:
    told: list[Sighting] = []
    at = 0
    for at, gray in clip.frames():
        told += watch.see(gray, at)
    return told + watch.stop(at)


@pytest.mark.parametrize(("seed", "weather"), [(1, "clear"), (3, "night"), (4, "wind")])
def test_falls_are_told_once_each_on_their_floor(seed: int, weather: str) -> None:
    clip = draw(seed, falls=2, weather=weather, height=HEIGHT)
    for fall in clip.falls:  # large and clear enough to be seen at half the resolution
        fall.size_m, fall.contrast = max(fall.size_m, 0.3), 60.0
    told = [one for one in watched(clip, FallingWatch(clip.facade)) if one.kind == "falling_object"]
    begun = [one for one in told if one.phase is Phase.BEGUN]
    assert len(begun) == len(clip.falls)
    assert [one.incident for one in told if one.phase is Phase.OVER] == [one.incident for one in begun]
    for fall, one in zip(clip.falls, begun, strict=True):
        assert one.fall is not None
        assert abs(one.fall.floors[0][0] - fall.floor) <= 1
        assert abs(one.fall.released_ms / 1000 - fall.released_s) < 0.5
        assert one.fall.calibration.startswith("wall-")
        assert one.up_ms / 1000 - fall.released_s < 3
        assert {measure.name for measure in one.why} >= {"pull", "residual", "drop"}


@pytest.mark.parametrize(("seed", "weather"), [(7, "wind")])
def test_weather_alone_raises_nothing(seed: int, weather: str) -> None:
    clip = draw(seed, seconds=10, weather=weather, height=HEIGHT)
    assert [one for one in watched(clip, FallingWatch(clip.facade)) if one.kind == "falling_object"] == []


def test_a_frame_of_another_shape_is_refused() -> None:
    clip = draw(1, falls=1, height=HEIGHT)
    with pytest.raises(EdgeAgentError, match="another shape"):
        FallingWatch(clip.facade).see(np.zeros((480, 640), np.uint8), 0)


def test_times_that_jump_repeat_or_run_back_do_no_harm() -> None:
    clip = draw(1, falls=1, height=HEIGHT)
    watch, gray = FallingWatch(clip.facade), np.full((HEIGHT, HEIGHT * 9 // 16), 90, np.uint8)
    for at in (0, 67, 67, 133, 60_000, 60_067, 59_000, 59_067, 59_133, 59_200, 59_267, 59_333):
        assert watch.see(gray, at) == []
