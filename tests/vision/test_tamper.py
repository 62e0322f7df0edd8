"""vision/tamper.py: each spoiling is told as what it is, in seconds; dusk, fog, lamps and noise are none of it."""

import io
from collections.abc import Callable, Iterator
from functools import cache

import av
import cv2
import numpy as np
import pytest

from edge_agent.model.sightings import Phase, Sighting
from edge_agent.vision.frames import VideoFrame
from edge_agent.vision.tamper import TamperWatch

Spoil = Callable[[np.ndarray], np.ndarray]


@cache
def yard() -> np.ndarray:
    """Houses and cars."""
    rng, wall = np.random.default_rng(3), np.full((360, 640), 120, np.uint8)
    for _ in range(120):
        x, y, w, h = rng.integers(0, (600, 330, 90, 70))
        cv2.rectangle(wall, (int(x), int(y)), (int(x + w), int(y + h)), int(rng.integers(20, 235)), -1)
    return cv2.GaussianBlur(wall, (0, 0), 0.8)


@cache
def grain(levels: float) -> np.ndarray:
    """More noise than a picture needs: each has another part of it."""
    return np.random.default_rng(7).normal(0, levels, (540, 960)).round().astype(np.int16)


def noisy(gray: np.ndarray, levels: float, at: int) -> np.ndarray:
    """Up to 640 × 360."""
    y, x = at % 180, at // 180 % 320
    noise = grain(levels)[y : y + gray.shape[0], x : x + gray.shape[1]]
    return cv2.add(gray, noise, dtype=cv2.CV_8U)


class Scene:
    """A yard with sensor noise, seeded."""

    def __init__(self) -> None:
        self.rng, self.wall = np.random.default_rng(3), yard()

    def frame(self) -> np.ndarray:
        return noisy(self.wall, 3, int(self.rng.integers(180 * 320)))


def covered(part: float) -> Spoil:
    def spoil(gray: np.ndarray) -> np.ndarray:
        """The same picture is covered in the same way: it may stand."""
        spoiled, cover = gray.copy(), np.full_like(gray, 40)[:, : round(gray.shape[1] * part)]
        spoiled[:, : cover.shape[1]] = noisy(cover, 3, int(gray.sum()))
        return spoiled

    return spoil


def black(gray: np.ndarray) -> np.ndarray:
    return (gray // 40).astype(np.uint8)


def white(gray: np.ndarray) -> np.ndarray:
    return cv2.convertScaleAbs(gray, beta=200)


SPOILS: dict[str, tuple[Spoil, str]] = {
    "cover 60 %": (covered(0.6), "occluded"),
    "cover 100 %": (covered(1.0), "occluded"),
    "moved a little": (lambda gray: np.roll(gray, (4, 16), (0, 1)), "moved"),
    "moved far": (lambda gray: np.roll(gray, (20, 90), (0, 1)), "moved"),
    "out of focus": (lambda gray: cv2.GaussianBlur(gray, (0, 0), 5), "defocused"),
    "black": (black, "black"),
    "white": (white, "overexposed"),
}
HARMLESS: dict[str, Spoil] = {
    "dusk": lambda gray: cv2.convertScaleAbs(gray, alpha=0.3),
    "fog": lambda gray: cv2.convertScaleAbs(gray, alpha=0.25, beta=160),
    "infra-red": lambda gray: cv2.LUT(gray, (255 * (np.arange(256) / 255) ** 0.5 * 0.8).astype(np.uint8)),
    "gain noise": lambda gray: noisy(gray, 20, int(gray.sum())),
    "somebody close": lambda gray: cv2.rectangle(gray.copy(), (200, 60), (340, 360), 60, -1),
}  # fmt: skip


def h264(pictures: list[np.ndarray], pix_fmt: str = "yuv420p", **options: str) -> Iterator[np.ndarray]:
    """The luma of each picture as it comes out of a camera's encoder."""
    height, width = pictures[0].shape
    sent = io.BytesIO()
    with av.open(sent, "w", format="matroska") as container:
        stream = container.add_stream(
            "libx264", rate=5, options={"preset": "veryfast", "tune": "zerolatency", "crf": "23", "g": "10", **options}
        )
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="gray")))
        container.mux(stream.encode())
    sent.seek(0)
    with av.open(sent) as container:
        for decoded in container.decode(video=0):
            luma = VideoFrame(decoded, 0).luma()
            assert luma is not None
            yield luma.copy()


def watch_video(
    watch: TamperWatch, pictures: list[np.ndarray], every_ms: int = 1000, pix_fmt: str = "yuv420p", **options: str
) -> list[Sighting]:
    seen = enumerate(h264(pictures, pix_fmt, **options))
    return [sighting for number, luma in seen for sighting in watch.see(luma, number * every_ms)]


def play(watch: TamperWatch, scene: Scene, seconds: int, at_s: int, spoil: Spoil | None = None) -> list[Sighting]:
    said = []
    for second in range(at_s, at_s + seconds):
        gray = scene.frame()
        said += watch.see(spoil(gray) if spoil else gray, second * 1000)
    return said


@pytest.mark.parametrize("name", SPOILS)
def test_a_spoiled_view_is_told_once_and_its_end_too(name: str) -> None:
    spoil, kind = SPOILS[name]
    watch, scene = TamperWatch("north"), Scene()
    assert play(watch, scene, 20, 0) == []
    said = play(watch, scene, 15, 20, spoil)
    assert {sighting.kind for sighting in said} == {kind}
    assert [sighting.phase for sighting in said].count(Phase.BEGUN) == 1
    assert said[0].phase is Phase.BEGUN
    assert said[0].up_ms <= 30_000, "within ten seconds"
    assert said[0].why[0].value != said[0].why[0].limit
    over = play(watch, scene, 15, 35)
    assert [(sighting.kind, sighting.phase) for sighting in over] == [(kind, Phase.OVER)]


@pytest.mark.parametrize("name", HARMLESS)
def test_light_weather_noise_and_people_are_no_tampering(name: str) -> None:
    watch, scene = TamperWatch("north"), Scene()
    assert play(watch, scene, 20, 0) == []
    assert play(watch, scene, 60, 20, HARMLESS[name]) == []


RANGES = ("yuv420p", "yuvj420p")  # white is 235, or 255


@pytest.mark.parametrize("pix_fmt", RANGES)
@pytest.mark.parametrize("spoil", [white, lambda gray: np.full_like(gray, 255), lambda gray: cv2.add(gray * 4.0, 150)])
def test_an_overexposed_picture_is_told_in_video_of_either_range(pix_fmt: str, spoil: Spoil) -> None:
    scene = Scene()
    pictures = [scene.frame() for _ in range(12)]
    pictures += [np.clip(spoil(scene.frame()), 0, 255).astype(np.uint8) for _ in range(30)]
    said = watch_video(TamperWatch("north"), pictures, pix_fmt=pix_fmt)
    assert {sighting.kind for sighting in said} == {"overexposed"}
    assert said[0].up_ms == 17_000


def bright_scene(name: str) -> np.ndarray:
    """Grey levels of a place that is bright, and seen well: snow, a sky over roofs, a white wall."""
    gray = Scene().wall.astype(np.float32)
    level, contrast, rows = {"snow": (228, 0.1, 360), "sky": (240, 0.08, 270), "wall": (225, 0.05, 330)}[name]
    gray[:rows] = level + (gray[:rows] - 120) * contrast
    return gray


@pytest.mark.parametrize("pix_fmt", RANGES)
@pytest.mark.parametrize("name", ["snow", "sky", "wall"])
def test_a_bright_place_is_not_overexposed(pix_fmt: str, name: str) -> None:
    gray, rng = cv2.convertScaleAbs(bright_scene(name)), np.random.default_rng(5)
    pictures = [noisy(gray, 2, int(rng.integers(180 * 320))) for _ in range(15)]
    assert watch_video(TamperWatch("north"), pictures, pix_fmt=pix_fmt) == []


def test_a_camera_that_stays_moved_is_told_as_that_alone() -> None:
    """And is over when it looks as before, not earlier."""
    watch, scene = TamperWatch("north"), Scene()
    play(watch, scene, 20, 0)
    said = play(watch, scene, 120, 20, lambda gray: np.roll(gray, 40, 1))
    assert {(sighting.kind, sighting.why[0].name) for sighting in said} == {("moved", "shift")}
    assert {sighting.phase for sighting in said[1:]} == {Phase.GOING}
    over = play(watch, scene, 20, 140)
    assert [(sighting.kind, sighting.phase, sighting.up_ms) for sighting in over] == [("moved", Phase.OVER, 150_000)]


def spoilt(parts: list[tuple[str, int]]) -> Iterator[np.ndarray]:
    """One picture a second of a yard, each part spoilt in its way for so many seconds."""
    scene = Scene()
    for name, seconds in parts:
        held = scene.frame()
        for _ in range(seconds):
            gray = held if name == "frozen" else scene.frame()
            yield SPOILS[name][0](gray) if name in SPOILS else gray


def story(pictures: Iterator[np.ndarray]) -> list[str]:
    """What was told: `+kind` where it begins, `-kind` where it is over."""
    watch = TamperWatch("north")
    said = [one for second, gray in enumerate(pictures) for one in watch.see(gray, second * 1000)]
    sign = {Phase.BEGUN: "+", Phase.OVER: "-"}
    return [sign[one.phase] + one.kind for one in said if one.phase in sign]


@pytest.mark.parametrize("name", [*SPOILS, "frozen"])
def test_one_cause_is_one_trouble_for_as_long_as_it_lasts(name: str) -> None:
    """A white picture has no noise, and stands; it is white, not frozen."""
    kind = SPOILS[name][1] if name in SPOILS else name
    assert story(spoilt([("live", 20), (name, 90), ("live", 15)])) == [f"+{kind}", f"-{kind}"]


@pytest.mark.parametrize("first", ["black", "white", "cover 100 %"])
def test_what_hides_the_view_without_noise_is_not_frozen(first: str) -> None:
    scene = Scene()
    clean = [scene.frame() for _ in range(20)] + [SPOILS[first][0](scene.frame())] * 60
    assert story(iter(clean)) == [f"+{SPOILS[first][1]}"]


SECOND = {
    ("cover 100 %", "moved far"): "+occluded -occluded +moved -moved",  # the old view is seen, elsewhere
    ("cover 100 %", "out of focus"): "+occluded -occluded",  # of one hand
    ("cover 100 %", "black"): "+occluded -occluded",
    ("cover 100 %", "white"): "+occluded -occluded",
    ("cover 100 %", "frozen"): "+occluded -occluded +frozen -frozen",
    ("moved far", "cover 100 %"): "+moved -moved",  # beside a view that it has no more everything is
    ("moved far", "out of focus"): "+moved -moved",
    ("moved far", "black"): "+moved +black -black -moved",
    ("moved far", "white"): "+moved +overexposed -overexposed -moved",
    ("out of focus", "cover 100 %"): "+defocused -defocused",
    ("out of focus", "moved far"): "+defocused -defocused +moved -moved",
    ("out of focus", "black"): "+defocused +black -black -defocused",
    ("out of focus", "white"): "+defocused +overexposed -overexposed -defocused",
    ("black", "cover 100 %"): "+black -black +occluded -occluded",
    ("black", "moved far"): "+black -black +moved -moved",
    ("black", "out of focus"): "+black -black +defocused -defocused",
    ("black", "white"): "+black -black +overexposed -overexposed",
    ("white", "cover 100 %"): "+overexposed -overexposed +occluded -occluded",
    ("white", "moved far"): "+overexposed -overexposed +moved -moved",
    ("white", "out of focus"): "+overexposed -overexposed +defocused -defocused",
    ("white", "black"): "+overexposed -overexposed +black -black",
    ("frozen", "cover 100 %"): "+frozen -frozen +occluded -occluded",
    ("frozen", "moved far"): "+frozen -frozen +moved -moved",
    ("frozen", "out of focus"): "+frozen -frozen +defocused -defocused",
    ("frozen", "black"): "+frozen -frozen +black -black",
    ("frozen", "white"): "+frozen -frozen +overexposed -overexposed",
}


@pytest.mark.parametrize(("first", "then"), SECOND)
def test_a_second_trouble_is_told_where_the_first_does_not_explain_it(first: str, then: str) -> None:
    told = story(spoilt([("live", 20), (first, 30), (then, 30), ("live", 15)]))
    assert told == SECOND[first, then].split()


def test_a_moved_camera_that_stands_then_is_frozen_too() -> None:
    scene = Scene()
    moved = [SPOILS["moved far"][0](scene.frame()) for _ in range(20)]
    pictures = [*(scene.frame() for _ in range(20)), *moved, *[moved[-1]] * 30, *(scene.frame() for _ in range(15))]
    assert story(iter(pictures)) == ["+moved", "+frozen", "-frozen", "-moved"]


def test_a_spoilt_view_is_not_over_while_the_old_one_is_not_there() -> None:
    """It flickers between this and that, and for moments looks like nothing in particular."""
    watch, scene = TamperWatch("north"), Scene()
    play(watch, scene, 20, 0)
    said = play(watch, scene, 10, 20, SPOILS["cover 60 %"][0])
    for second in range(30, 90):
        spoil = [SPOILS["cover 100 %"], SPOILS["out of focus"], SPOILS["black"]][second // 4 % 3][0]
        said += watch.see(spoil(scene.frame()), second * 1000)
    assert {one.kind for one in said} == {"occluded"}
    assert Phase.OVER not in {one.phase for one in said}


def test_a_view_that_stays_another_one_is_the_view_after_ten_minutes() -> None:
    assert story(spoilt([("live", 20), ("moved far", 630), ("live", 20)])) == ["+moved", "-moved", "+moved"]


def test_a_strip_is_looked_at_like_any_picture() -> None:
    """Lower than one tile when it is reduced: of a camera that shows a fence from end to end."""
    watch, scene = TamperWatch("north"), Scene()
    strip = [scene.frame()[170:200] for _ in range(35)]
    said = [one for n, gray in enumerate(strip[:20]) for one in watch.see(gray, n * 1000)]
    said += [one for n, gray in enumerate(strip[20:], 20) for one in watch.see(covered(1.0)(gray), n * 1000)]
    assert [one.kind for one in said][:1] == ["occluded"]


def test_a_short_cover_is_no_alert() -> None:
    """A lorry before the lens for four seconds."""
    watch, scene = TamperWatch("north"), Scene()
    play(watch, scene, 20, 0)
    assert play(watch, scene, 4, 20, covered(1.0)) == []
    assert play(watch, scene, 20, 24) == []


def test_a_frozen_picture_is_told_a_quiet_one_is_not() -> None:
    """The same to the last bit for ten seconds: a sensor always has noise."""
    watch, scene = TamperWatch("north"), Scene()
    play(watch, scene, 20, 0)
    still = scene.frame()
    said = [sighting for second in range(20, 40) for sighting in watch.see(still, second * 1000)]
    assert said[0].kind == "frozen"
    assert said[0].phase is Phase.BEGUN
    assert 30_000 <= said[0].up_ms <= 31_000
    assert [s.phase for s in play(watch, scene, 15, 40)][-1:] == [Phase.OVER]


def with_clock(gray: np.ndarray, second: int, size: float = 0.5) -> np.ndarray:
    """As most cameras write it into their pictures."""
    written = gray.copy()
    time = f"2026-05-04 07:{second // 60:02d}:{second % 60:02d}"
    cv2.putText(written, time, (8, 24), cv2.FONT_HERSHEY_SIMPLEX, size, 255, 1)
    return written


def test_a_clock_that_goes_on_does_not_hide_a_frozen_picture() -> None:
    """The encoder writes it, also into what has stood for a minute."""
    watch, scene = TamperWatch("north"), Scene()
    said = [one for second in range(90) for one in watch.see(with_clock(scene.frame(), second), second * 1000)]
    assert said == []
    still = scene.frame()
    said = [one for second in range(90, 160) for one in watch.see(with_clock(still, second), second * 1000)]
    assert (said[0].kind, said[0].phase) == ("frozen", Phase.BEGUN)
    assert 150_000 <= said[0].up_ms <= 152_000
    after = [one for second in range(160, 175) for one in watch.see(with_clock(scene.frame(), second), second * 1000)]
    assert after[-1].phase is Phase.OVER


def test_a_camera_that_saves_is_not_frozen() -> None:
    """Nothing moves, and it sends nothing but its clock for twenty seconds at a time, then a key frame."""
    watch, scene = TamperWatch("north"), Scene()
    said = []
    for second in range(200):
        if second % 20 == 0:
            still = scene.frame()
        said += watch.see(with_clock(still, second), second * 1000)
    assert said == []


CODED = {
    "good": {"crf": "23"},
    "coarse": {"crf": "35"},
    "few key frames": {"crf": "28", "g": "50"},
    "frames from both sides": {"crf": "28", "g": "15", "tune": "film", "bf": "3"},
    "its rate kept": {"crf": "-1", "b": "2M", "maxrate": "2M", "bufsize": "2M"},
}  # fmt: skip


@cache
def quiet(seconds: int, levels: float, width: int = 320) -> list[np.ndarray]:
    """A yard in which nothing moves at all, with so much noise of the sensor: five pictures a second."""
    wall = cv2.resize(yard(), (width, width * 9 // 16), interpolation=cv2.INTER_AREA).astype(np.float32)
    rng, count = np.random.default_rng(4), 5 * seconds
    noises = (rng.standard_normal(wall.shape, np.float32) * np.float32(levels) for _ in range(count))
    return [np.clip(wall + noise, 0, 255).astype(np.uint8) for noise in noises]


def stands(seconds: int, width: int = 320) -> list[np.ndarray]:
    live = quiet(10, 2, width)
    return live + [live[-1]] * (5 * seconds)


@pytest.mark.parametrize("options", CODED.values(), ids=CODED)
def test_a_frozen_picture_is_told_behind_an_encoder_that_goes_on(options: dict[str, str]) -> None:
    """Each key frame codes it anew, a little otherwise: never the same to the last bit for long."""
    said = watch_video(TamperWatch("north"), stands(110, 640), 200, **options)
    assert {sighting.kind for sighting in said} == {"frozen"}
    assert [sighting.phase for sighting in said].count(Phase.BEGUN) == 1
    assert 70_000 <= said[0].up_ms <= 115_000


@pytest.mark.parametrize("options", CODED.values(), ids=CODED)
@pytest.mark.parametrize("levels", [0.8, 3.0])
def test_a_quiet_yard_is_not_frozen_however_little_the_encoder_leaves(options: dict[str, str], levels: float) -> None:
    pictures = quiet(90, levels)
    assert watch_video(TamperWatch("north"), pictures, 200, **options) == []


def test_a_quiet_yard_by_night_is_not_frozen() -> None:
    pictures = [cv2.convertScaleAbs(picture, alpha=0.15, beta=16) for picture in quiet(90, 6)]
    assert watch_video(TamperWatch("north"), pictures, 200, crf="35") == []


def test_a_clock_does_not_hide_a_frozen_picture_behind_an_encoder() -> None:
    pictures = [with_clock(picture, number // 5, 0.25) for number, picture in enumerate(stands(140))]
    said = watch_video(TamperWatch("north"), pictures, 200)
    assert {sighting.kind for sighting in said} == {"frozen"}
    assert said[0].why[0].limit == 60


def test_where_pictures_repeat_for_a_while_ten_seconds_are_no_standstill() -> None:
    """An encoder that leaves nothing of the noise sends the same between two key frames."""
    watch, pictures = TamperWatch("north"), quiet(10, 2)
    assert not any(watch.see(pictures[(second + 12) // 20], second * 1000) for second in range(200))


@pytest.mark.long
def test_dusk_comes_slowly_and_the_moved_camera_is_still_seen() -> None:
    """From day to night in twenty minutes, then it is moved."""
    watch, scene = TamperWatch("north"), Scene()
    said = []
    for second in range(1200):
        gray = scene.frame()
        said += watch.see(cv2.convertScaleAbs(gray, alpha=1 - 0.8 * second / 1200), second * 1000)
    assert said == []
    moved = [
        sighting
        for second in range(1200, 1215)
        for sighting in watch.see((np.roll(scene.frame(), 24, 1) * 0.2).astype(np.uint8), second * 1000)
    ]
    assert [sighting.kind for sighting in moved[:1]] == ["moved"]


def test_a_camera_of_one_frame_a_minute_needs_three_of_them() -> None:
    watch, scene = TamperWatch("north", fps=1 / 60), Scene()
    for minute in range(12):
        assert watch.see(scene.frame(), minute * 60_000) == []
    said = [watch.see(covered(1.0)(scene.frame()), minute * 60_000) for minute in range(12, 16)]
    assert [len(sightings) for sightings in said] == [0, 0, 1, 1]


def test_when_the_pictures_stop_it_is_over() -> None:
    watch, scene = TamperWatch("north"), Scene()
    play(watch, scene, 20, 0)
    play(watch, scene, 10, 20, black)
    assert [(sighting.kind, sighting.phase) for sighting in watch.stop(31_000)] == [("black", Phase.OVER)]
    assert watch.stop(32_000) == []
