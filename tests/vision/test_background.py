"""vision/background.py: what becomes part of the place, how fast, and how long a thing has lain there."""

import cv2
import numpy as np
import pytest

from edge_agent.vision.background import FOLLOWS_S, LIGHT_S, PASSED_S, Background, share
from edge_agent.vision.frames import Image

WIDTH, HEIGHT, FRAME_MS = 320, 180, 100
PLACE = (slice(60, 110), slice(100, 160))


def textured(seed: int, level: float, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Image:
    """Something that has a structure of its own everywhere."""
    noise = np.random.default_rng(seed).normal(0, 60, (size[1], size[0])).astype(np.float32)
    return np.clip(level + cv2.GaussianBlur(noise, (0, 0), 1.5), 0, 255)


GROUND = textured(1, 100)


def with_thing(seed: int, level: float) -> Image:
    picture = GROUND.copy()
    rows, columns = PLACE
    picture[PLACE] = textured(seed, level, (columns.stop - columns.start, rows.stop - rows.start))
    return picture


class Watch:
    def __init__(self) -> None:
        self.background, self.up_ms = Background(absorbs_s=600), 0
        while not self.background.ready:
            self.see(GROUND)

    def see(self, picture: Image, for_s: float = FRAME_MS / 1000) -> None:
        for _ in range(round(for_s * 1000 / FRAME_MS)):
            self.up_ms += FRAME_MS
            self.background.see(picture.astype(np.uint8), self.up_ms, FRAME_MS / 1000)

    def rests(self, for_s: float) -> bool:
        """Most of the place has something that has been there for so long."""
        return bool(self.background.at_rest(for_s)[PLACE].mean() > 0.5)


@pytest.fixture
def watch() -> Watch:
    return Watch()


def test_what_takes_the_place_of_another_thing_has_lain_there_since_then_only(watch: Watch) -> None:
    watch.see(with_thing(2, 200), 20)
    assert watch.rests(10)
    watch.see(with_thing(3, 40), PASSED_S + 4)
    assert not watch.rests(10), "the other one has lain there for seven seconds"
    watch.see(with_thing(3, 40), 10)
    assert watch.rests(10)


def test_who_walks_past_in_front_of_a_thing_does_not_set_it_back(watch: Watch) -> None:
    watch.see(with_thing(2, 200), 9)
    watch.see(with_thing(3, 40), PASSED_S / 2)
    watch.see(with_thing(2, 200), 2)
    assert watch.rests(10)


def test_the_background_follows_where_only_the_light_changed_faster_than_elsewhere(watch: Watch) -> None:
    """A lamp that goes on at one end; at the other the place becomes a little brighter by itself."""
    lamp = np.zeros((HEIGHT, WIDTH), np.float32)
    lamp[:, 240:] = 0.5
    lit = GROUND * (1 + cv2.GaussianBlur(lamp, (0, 0), 12))
    lit[:, :40] += 3
    before = watch.background.base.copy()
    watch.see(lit, LIGHT_S)
    assert watch.background.mask.max() == 0, "light is nobody"
    came = (watch.background.base - before) / np.maximum(watch.background.picture - before, 1)
    light, drift = (float(np.median(came[20:-20, columns])) for columns in (slice(280, 310), slice(5, 35)))
    assert light == pytest.approx(share(LIGHT_S, LIGHT_S), abs=0.08)
    assert drift == pytest.approx(share(LIGHT_S, FOLLOWS_S), abs=0.08)
