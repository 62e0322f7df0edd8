"""When a camera is lost, back, and unsteady: vision/worker.py's Presence, and the children that use it."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import cast

import pytest

from edge_agent.model.detections import CameraState
from edge_agent.vision.worker import Pipe, Presence
from tests.vision.paced import MJPEG, jpeg_part, paced
from tests.vision.test_sources import Child, recorder, sentry
from tests.waiting import until

LOOK_S = 0.1


class Watch:
    """A camera of `fps` over hours, in no time: its pictures and its troubles, and what is said of it."""

    def __init__(self, fps: float) -> None:
        self.now = 0.0
        self.said: list[tuple[float, str, str]] = []
        self.fell_silent = 0
        self._period_s = max(LOOK_S, 1 / fps)
        self._presence = Presence(cast(Pipe, self), fps, lambda: self.now)

    def send(self, said: CameraState) -> None:
        self.said.append((self.now, said.state, said.detail))

    def look(self, arrived: bool, trouble: str = "") -> None:
        self.now += LOOK_S
        self.fell_silent += self._presence.look(arrived, trouble)

    def pictures(self, seconds: float) -> None:
        due = self.now
        for _ in range(round(seconds / LOOK_S)):
            self.look(self.now >= due)
            due += self._period_s if self.now >= due else 0

    def silence(self, seconds: float, trouble: str = "") -> None:
        for _ in range(round(seconds / LOOK_S)):
            self.look(False, trouble)

    def changes(self) -> list[str]:
        """States as they change; ready and back are one."""
        states = ("well" if state in ("ready", "back") else state for _, state, _ in self.said)
        return [state for state, _ in groupby(state for state in states if state != "waiting")]

    def when(self, state: str) -> float:
        return next(at for at, said, _ in self.said if said == state)


def test_the_first_loss_is_told_after_three_seconds_and_back_when_it_is_steady() -> None:
    camera = Watch(15)
    camera.pictures(10)
    camera.silence(3.1)
    assert camera.when("lost") == pytest.approx(13, abs=0.3)
    camera.pictures(2)
    assert camera.changes() == ["well", "lost"], "two seconds of pictures are not back yet"
    camera.pictures(2)
    assert camera.changes() == ["well", "lost", "well"]
    assert camera.when("back") == pytest.approx(16.1, abs=0.3)


def test_a_child_says_that_it_lives_before_there_is_any_picture() -> None:
    camera = Watch(1 / 60)
    camera.silence(100)
    assert {state for _, state, _ in camera.said} == {"waiting"}
    assert len(camera.said) >= 49


def test_a_slow_camera_is_lost_at_once_when_its_trouble_is_known_and_back_with_one_picture() -> None:
    camera = Watch(1 / 60)
    camera.silence(5, "connection refused")
    assert camera.when("lost") == pytest.approx(3, abs=0.3)
    camera.look(True)
    camera.silence(170)
    assert camera.changes() == ["lost", "well"]
    camera.silence(15)
    assert camera.changes() == ["lost", "well", "lost"]


def test_a_camera_that_stops_again_and_again_is_told_as_unsteady_and_not_lost_and_back_for_ever() -> None:
    """An hour of 20 pictures and 3.6 s of nothing: the first loss, that it is unsteady, back; and no more."""
    camera = Watch(15)
    for _ in range(720):
        camera.pictures(1.4)
        camera.silence(3.6)
    assert camera.changes() == ["well", "lost", "degraded", "lost", "well"]
    assert camera.fell_silent == 720, "what was followed ends at each gap"
    camera.silence(40)
    assert camera.changes()[-1] == "lost", "a real loss is still told"


def test_losses_that_are_far_apart_are_each_told() -> None:
    camera = Watch(15)
    for _ in range(4):
        camera.pictures(400)
        camera.silence(5)
    assert camera.changes() == ["well", "lost"] * 4


def stuttering() -> Iterator[tuple[float, bytes]]:
    for n in range(1000):
        yield (3.6 if n and n % 20 == 0 else 1 / 15), jpeg_part(n)


@pytest.mark.long
@pytest.mark.parametrize("child", ["sentry", "recorder"])
def test_the_children_of_a_stuttering_camera_say_so_once(child: str) -> None:
    with paced(MJPEG, stuttering) as url, (sentry if child == "sentry" else recorder)(url) as there:
        until(lambda: "degraded" in there.states(), 60, there.states)
        until(lambda: there.states()[-1] in ("back", "ready"), 30, there.states)
        count = len(there.states())
        until(lambda: len(there.states()) >= count + 5, 60, there.states)
        changes = [state for state, _ in groupby(there.states())]
        assert changes.count("lost") <= 2, "before and after the word"
        assert changes.count("degraded") == 1


def spoilt() -> Iterator[tuple[float, bytes]]:
    """Pictures, then parts of the same form in which there is none."""
    for n in range(600):
        part = jpeg_part(n)
        at = part.index(b"\xff\xd8") + 2
        yield 1 / 15, part if n < 30 else part[:at] + bytes(len(part) - at - 2) + b"\r\n"


def test_a_camera_whose_pictures_cannot_be_decoded_is_lost() -> None:
    with paced(MJPEG, spoilt) as url, sentry(url) as there:
        until(lambda: "ready" in there.states(), 20, there.states)
        until(lambda: told_lost(there), 30, there.states)
        assert {one.code for one in there.of(CameraState) if one.state == "lost"} == {"cameras.broken"}


def once_a_minute() -> Iterator[tuple[float, bytes]]:
    yield 0.0, jpeg_part(0)
    while True:
        yield 60.0, jpeg_part(1)


def test_the_first_picture_of_a_slow_camera_is_seen_when_it_comes() -> None:
    with paced(MJPEG, once_a_minute) as url, sentry(url, fps=1 / 60) as there:
        until(lambda: "ready" in there.states(), 20, there.states)


def told_lost(child: Child) -> bool:
    return child.states()[-1:] == ["lost"]


def test_a_slow_camera_that_refuses_is_lost_within_seconds() -> None:
    with sentry("http://127.0.0.1:1/video", fps=1 / 60) as there:
        until(lambda: told_lost(there), 20, there.states)
        assert "refused" in there.detail()


def test_the_main_stream_says_what_is_wrong_with_code_and_address(tmp_path: Path) -> None:
    with recorder(f"file://{tmp_path}/gone.mp4") as there:
        until(lambda: told_lost(there), 20, there.states)
        (said,) = {(one.code, one.given["url"]) for one in there.of(CameraState) if one.state == "lost"}
    assert said == ("cameras.file_missing", f"file://{tmp_path}/gone.mp4")
