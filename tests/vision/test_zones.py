"""vision/zones.py: what a rule says of pictures whose truth is known, and what it makes of pictures that are none."""

import math
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest

from edge_agent.errors import FaceError
from edge_agent.model.detections import SentryJob
from edge_agent.model.sightings import Phase, Sighting
from edge_agent.model.site import WALK_FPS, Camera, Line, Zone
from edge_agent.vision.frames import VideoFrame
from edge_agent.vision.objects import Seen
from edge_agent.vision.pace import ENOUGH, PacedZones, Rate
from edge_agent.vision.sentry import Analysis
from edge_agent.vision.zones import ZoneWatch

WIDTH, HEIGHT, FPS = 320, 180, 10
WHOLE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
RIGHT = ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))
Drawing = Callable[[np.ndarray, float], None]


def zone(*watch: str, points: tuple[tuple[float, float], ...] = RIGHT, **more: float) -> Zone:
    return Zone(name="z", camera="c", watch=watch, points=points, **more)  # type: ignore[arg-type]


def pictures(
    seconds: float, draw: Drawing, seed: int = 5, light: Callable[[float], float] = lambda s: 1.0
) -> Iterator[np.ndarray]:
    """A textured ground with sensor noise; `draw` adds what is there at a second."""
    ground, noise = grounds(seed)
    for n in range(int(seconds * FPS)):
        picture = ground.copy()
        draw(picture, n / FPS)
        picture *= np.float32(light(n / FPS))
        picture += noise[n % 13]
        yield np.clip(picture, 0, 255, out=picture).astype(np.uint8)


@cache
def grounds(seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    ground = np.kron(random.uniform(80, 150, (HEIGHT // 4, WIDTH // 4)), np.ones((4, 4))).astype(np.float32)
    return ground, random.normal(0, 2, (13, HEIGHT, WIDTH)).astype(np.float32)


def person(picture: np.ndarray, x: float, y: float, tall: int = 40, tone: float = 30) -> None:
    """Feet at x, y: a head, a coat and trousers of some texture."""
    left, top = int(x - tall * 0.15), int(y - tall)
    part = picture[max(0, top) : int(y), max(0, left) : max(0, left + int(tall * 0.3))]
    part[:] = tone
    part[::5] += 25
    part[len(part) // 2 :] += 15


def told(watch: ZoneWatch, frames: Iterator[np.ndarray], start_ms: int = 1_000) -> list[Sighting]:
    said: list[Sighting] = []
    for n, frame in enumerate(frames):
        said += watch.see(frame, start_ms + n * 1000 // FPS)
    return said


def walk(from_x: float, to_x: float, begin_s: float, took_s: float, y: float = 150) -> Drawing:
    def draw(picture: np.ndarray, s: float) -> None:
        if begin_s <= s < begin_s + took_s:
            person(picture, from_x + (to_x - from_x) * (s - begin_s) / took_s, y)

    return draw


def test_somebody_in_the_zone_is_one_incident_from_begun_to_over() -> None:
    """Walks in at second 7.5, out of the picture at 10: begun within a second, and over; the reasons are said."""
    watch = ZoneWatch([zone("intrusion")], [], (WIDTH, HEIGHT))
    said = told(watch, pictures(18, walk(20, 330, 5, 5)))
    assert [one.phase for one in said if one.phase is not Phase.GOING] == [Phase.BEGUN, Phase.OVER]
    begun = said[0]
    assert len({one.incident for one in said}) == 1
    assert 7_500 <= begun.up_ms - 1_000 <= 8_700
    assert begun.size == (WIDTH, HEIGHT)
    assert {measure.name for measure in begun.why} >= {"in_zone_s", "height", "moved"}
    assert all(measure.value >= measure.limit for measure in begun.why)
    x, y, _, height = begun.box
    assert 150 < x < 250
    assert abs(y + height - 150) < 8
    assert 30 < height < 55


def test_nobody_and_changing_light_are_nothing() -> None:
    """Clouds, a lamp that moves over the ground, noise: twenty-five seconds of it, all rules on, nothing said."""

    def lamp(picture: np.ndarray, s: float) -> None:
        columns = np.arange(WIDTH)[None] - (s * 40) % 600 + 100
        rows = np.arange(HEIGHT)[:, None] - 120
        picture *= 1 + 0.4 * np.exp(-((columns / 60) ** 2 + (rows / 40) ** 2))

    kinds = ["intrusion", "loitering", "gathering", "left_object", "removed_object", "blocked", "person_down", "smoke"]
    watch = ZoneWatch([zone(*kinds, points=WHOLE, left_s=5, blocked_s=5, loiter_s=5)], [], (WIDTH, HEIGHT))
    assert told(watch, pictures(25, lamp, light=lambda s: 1 + 0.1 * np.sin(s / 3))) == []


def test_a_line_counts_each_way() -> None:
    """The line runs downwards: who looks along it has the picture's left on his right hand. To the right is out."""
    line = Line(name="l", camera="c", watch=("crossing", "wrong_way"), points=((0.5, 0.3), (0.5, 1.0)))
    watch = ZoneWatch([], [line], (WIDTH, HEIGHT))
    said = told(watch, pictures(22, lambda p, s: (walk(20, 330, 5, 5)(p, s), walk(330, 20, 13, 5)(p, s))[0]))
    crossings = [one for one in said if one.kind == "crossing"]
    assert [(one.direction, one.phase, one.count) for one in crossings] == [
        ("out", Phase.BEGUN, 1), ("out", Phase.OVER, 1), ("in", Phase.BEGUN, 1), ("in", Phase.OVER, 1),
    ]  # fmt: skip
    wrong = [one for one in said if one.kind == "wrong_way"]
    assert [one.phase for one in wrong] == [Phase.BEGUN, Phase.OVER]


@pytest.mark.parametrize("at", [0.15, 0.35, 0.6])
def test_a_coat_as_bright_as_the_ground_makes_no_two_people(at: float) -> None:
    """Head and legs are one person, once through the line, towards the camera and away from it."""

    def draw(picture: np.ndarray, s: float) -> None:
        for begin, first, last in ((4.0, 95.0, 175.0), (12.0, 175.0, 95.0)):
            if begin <= s < begin + 5:
                y = first + (last - first) * (s - begin) / 5
                top = int(y - 70)
                behind = picture[max(0, top) :, 140:180].copy()
                person(picture, 160, y, 70)
                hole = slice(int(70 * at), int(70 * (at + 0.2)))
                picture[max(0, top) :, 140:180][hole] = behind[hole]

    line = Line(name="l", camera="c", watch=("crossing",), points=((0.2, 0.75), (0.8, 0.75)))
    said = told(ZoneWatch((), (line,), (WIDTH, HEIGHT)), pictures(20, draw))
    assert [one.direction for one in said if one.phase is Phase.BEGUN] == ["in", "out"]


def test_who_stays_loiters_and_who_passes_does_not() -> None:
    def stays(picture: np.ndarray, s: float) -> None:
        walk(20, 240, 4, 3)(picture, s)
        if 7 <= s < 25 and not 15 <= s < 17.5:  # hidden for two seconds and a half
            person(picture, 240 + 3 * np.sin(s), 150)

    watch = ZoneWatch([zone("loitering", loiter_s=12)], [], (WIDTH, HEIGHT))
    said = told(watch, pictures(35, stays))
    assert [one.phase for one in said if one.phase is not Phase.GOING] == [Phase.BEGUN, Phase.OVER]
    assert 17_000 <= said[0].up_ms - 1_000 <= 21_000
    watch = ZoneWatch([zone("loitering", loiter_s=12)], [], (WIDTH, HEIGHT))
    assert told(watch, pictures(20, walk(20, 330, 5, 8))) == []


def bag(picture: np.ndarray, x: int = 230, y: int = 140) -> None:
    picture[y - 14 : y, x : x + 14] = 25
    picture[y - 14 : y : 4, x : x + 14] = 70


@pytest.mark.parametrize(("kind", "there"), [("left_object", lambda s: s > 8), ("removed_object", lambda s: s < 8)])
def test_a_thing_that_came_is_told_from_one_that_went(kind: str, there: Callable[[float], bool]) -> None:
    def draw(picture: np.ndarray, s: float) -> None:
        if there(s):
            bag(picture)
        walk(20, 330, 5, 7)(picture, s)

    watch = ZoneWatch([zone("left_object", "removed_object", left_s=8)], [], (WIDTH, HEIGHT))
    said = told(watch, pictures(26, draw))
    assert [(one.kind, one.phase) for one in said if one.phase is not Phase.GOING] == [(kind, Phase.BEGUN)]
    assert 15_000 <= said[0].up_ms - 1_000 <= 22_000
    assert [one.phase for one in watch.stop(99_000)] == [Phase.OVER]


def test_a_blocked_lane_is_told_until_it_is_free() -> None:
    def car(picture: np.ndarray, s: float) -> None:
        if 6 < s < 24:
            picture[90:150, 190:290] = 200
            picture[95:115, 200:280] = 60

    watch = ZoneWatch([zone("blocked", blocked_s=8)], [], (WIDTH, HEIGHT))
    said = told(watch, pictures(34, car))
    assert [one.phase for one in said if one.phase is not Phase.GOING] == [Phase.BEGUN, Phase.OVER]
    assert 14_000 <= said[0].up_ms - 1_000 <= 18_000


def test_a_dark_camera_a_repeated_time_and_a_new_size_are_survived() -> None:
    """The open incident ends when nothing can be seen; repeated and backward times are left out."""
    watch = ZoneWatch([zone("intrusion", points=WHOLE)], [], (WIDTH, HEIGHT))
    frames = list(pictures(9, walk(20, 400, 4, 7)))
    said = told(watch, iter(frames))
    assert [one.phase for one in said] == [Phase.BEGUN]
    assert watch.see(frames[0], 5_000) == []
    black = np.zeros((HEIGHT, WIDTH), np.uint8)
    dark = [one for n in range(80) for one in watch.see(black, 10_000 + n * 100)]
    assert [one.phase for one in dark] == [Phase.OVER]
    assert watch.see(np.zeros((90, 120), np.uint8), 30_000) == []
    assert watch.size == (120, 90)
    assert watch.see(np.zeros((1, 1), np.uint8), 30_100) == []
    assert watch.see(np.full((2160, 3840), 100, np.uint8), 30_200) == []


@pytest.mark.parametrize(
    ("people", "more", "told_it"), [(5, {}, True), (3, {}, False), (3, {"crowd_part": 0.03}, True)]
)
def test_a_crowd_is_so_many_people_or_so_much_of_the_zone(people: int, more: dict[str, float], told_it: bool) -> None:
    def draw(picture: np.ndarray, s: float) -> None:
        for n in range(people):
            if s >= 4 + n:
                person(picture, max(175.0 + 28 * n, 330 - 60 * (s - 4 - n)), 140 + 4 * (n % 3))

    watch = ZoneWatch([zone("gathering", crowd=5, crowd_s=4, **more)], [], (WIDTH, HEIGHT))
    said = told(watch, pictures(22, draw))
    assert [one.kind for one in said if one.phase is Phase.BEGUN] == (["gathering"] if told_it else [])
    assert {measure.name for one in said for measure in one.why} <= {"people", "covered", "crowded_s"}


def test_a_crowd_is_told_with_those_who_made_it_one() -> None:
    """Also when one of them is hidden in the very moment in which it has lasted long enough."""

    def draw(picture: np.ndarray, s: float) -> None:
        for n in range(5):
            if s >= 4 + n and not (n == 4 and 11.3 < s < 15):
                person(picture, max(175.0 + 28 * n, 330 - 60 * (s - 4 - n)), 140 + 4 * (n % 3))

    watch = ZoneWatch([zone("gathering", crowd=5, crowd_s=4)], [], (WIDTH, HEIGHT))
    (begun,) = [one for one in told(watch, pictures(16, draw)) if one.phase is Phase.BEGUN]
    people = begun.why[0]
    assert (people.name, people.value, people.limit, begun.count) == ("people", 5, 5, 5)
    assert len(begun.tracks) == 5


@pytest.mark.parametrize("sensitivity", [0.0, 0.5, 1.0])
def test_a_thing_is_told_with_the_limit_that_it_passed(sensitivity: float) -> None:
    def draw(picture: np.ndarray, s: float) -> None:
        if s > 8:
            bag(picture)

    watch = ZoneWatch([zone("left_object", left_s=5, sensitivity=sensitivity)], [], (WIDTH, HEIGHT))
    edges = [measure for one in told(watch, pictures(20, draw)) for measure in one.why if measure.name == "edges"]
    assert edges
    assert {measure.limit for measure in edges} == {round(1.25 * (1.2 - 0.4 * sensitivity), 2)}


@pytest.mark.parametrize(("tall", "min_size", "kinds"), [(40, None, ["intrusion"]), (40, 0.3, []), (12, 0.12, [])])
def test_who_is_too_small_is_left_out(tall: int, min_size: float | None, kinds: list[str]) -> None:
    def cat(picture: np.ndarray, s: float) -> None:
        if 5 <= s < 10:
            person(picture, 20 + 62 * (s - 5), 150, tall)

    watch = ZoneWatch([zone("intrusion", min_size=min_size)], [], (WIDTH, HEIGHT))
    assert [one.kind for one in told(watch, pictures(14, cat)) if one.phase is Phase.BEGUN] == kinds


def hurries(picture: np.ndarray, s: float) -> None:
    """In the right half for half a second, and back."""
    if 4 <= s < 12:
        person(picture, 100 + (75 if 8 <= s < 8.5 else 20 * min(s - 4, 2.5)), 150)


def pale(picture: np.ndarray, s: float) -> None:
    """About twenty-five grey levels from the ground."""
    if 5 <= s < 10:
        x = 20 + 62 * (s - 5)
        picture[110:150, int(x) : int(x) + 12] *= 0.78


def small_car(picture: np.ndarray, s: float) -> None:
    if s > 6:
        picture[110:150, 190:235] = 200
        picture[115:125, 195:230] = 60


def few(picture: np.ndarray, s: float) -> None:
    for n in range(3):
        if s >= 4 + n:
            person(picture, max(175.0 + 28 * n, 330 - 60 * (s - 4 - n)), 140 + 4 * (n % 3))


def lies(picture: np.ndarray, s: float) -> None:
    """For eleven seconds."""
    if 6 <= s < 10 or s >= 21:
        person(picture, min(220.0, 170 + 25 * (s - 6)), 150)
    elif s >= 10:
        picture[140:152, 205:245] = 30
        picture[140:152, 205:245:5] += 25


@pytest.mark.parametrize(
    ("kind", "draw", "more"),
    [
        ("intrusion", hurries, {}),
        ("intrusion", pale, {}),
        ("blocked", small_car, {"blocked_s": 8}),
        ("gathering", few, {"crowd": 9, "crowd_s": 4, "crowd_part": 0.05}),
        ("person_down", lies, {"down_s": 8}),
    ],
    ids=["intrusion-short", "intrusion-pale", "blocked", "gathering", "person_down"],
)
def test_a_sharper_rule_asks_for_less(kind: str, draw: Drawing, more: dict[str, float]) -> None:
    """And what it asked for is in its reasons."""
    limits = {}
    for sensitivity in (0.0, 1.0):
        watch = ZoneWatch([zone(kind, sensitivity=sensitivity, **more)], [], (WIDTH, HEIGHT))
        limits[sensitivity] = [one.why for one in told(watch, pictures(26, draw)) if one.phase is Phase.BEGUN]
    assert limits[0.0] == []
    (why,) = limits[1.0]
    assert all(measure.value >= measure.limit for measure in why if measure.name != "people")


@pytest.mark.parametrize("burns", [True, False])
def test_flames_flicker_and_an_orange_tarpaulin_does_not(burns: bool) -> None:
    """Advisory: of colour and flicker, with little confidence, for most of ten seconds."""
    random = np.random.default_rng(3)

    def bgr(frame: np.ndarray, s: float) -> np.ndarray:
        picture = np.dstack([frame] * 3)
        if s > 4:
            red = 225 + (random.uniform(-30, 30, (50, 40, 1)) if burns else 0)
            picture[100:150, 220:260] = np.clip(red + np.array([-170, -90, 0]), 0, 255)
        return picture

    watch = ZoneWatch([zone("smoke")], [], (WIDTH, HEIGHT))
    said: list[Sighting] = []
    for n, frame in enumerate(pictures(22, lambda picture, s: None)):
        said += watch.see(frame, n * 100, lambda frame=frame, n=n: bgr(frame, n / 10))
    assert [one.kind for one in said if one.phase is Phase.BEGUN] == (["smoke"] if burns else [])
    assert all(one.confidence <= 0.3 and one.why[0].name == "flicker" for one in said)


def test_what_veils_the_ground_is_smoke_by_day() -> None:
    """In two seconds its texture is gone, and nobody stands there."""

    def veil(picture: np.ndarray, s: float) -> None:
        part, left = picture[40:170, 170:310], min(1.0, max(0.0, 1 - (s - 5) * 0.5))
        part[:] = part * left + 140 * (1 - left)

    said = told(ZoneWatch([zone("smoke")], [], (WIDTH, HEIGHT)), pictures(20, veil))
    assert [(one.kind, one.why[0].name) for one in said if one.phase is Phase.BEGUN] == [("smoke", "haze")]


@pytest.mark.parametrize("burns", [True, False])
def test_the_daemons_own_analysis_sees_flames_in_the_colours_of_a_real_stream(tmp_path: Path, burns: bool) -> None:
    """Through H.264 and the decoder: a fire flickers in red and yellow, which a grey picture does not show."""
    random = np.random.default_rng(3)
    path = tmp_path / "yard.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"preset": "ultrafast", "crf": "20"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for n, frame in enumerate(pictures(22, lambda picture, s: None)):
            rgb = np.dstack([frame] * 3)
            if n > 40:
                red = 225 + (random.uniform(-30, 30, (50, 40, 1)) if burns else 0)
                rgb[100:150, 220:260] = np.clip(red + np.array([0, -90, -170]), 0, 255)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode())
    job = SentryJob(camera=Camera(name="c", url=f"file://{path}", fps=10), zones=(zone("smoke"),))
    analysis, said = Analysis(job), list[Sighting]()
    with av.open(str(path)) as container:
        for n, frame in enumerate(container.decode(video=0)):
            said += analysis.see(VideoFrame(frame, n * 100))
    assert [one.kind for one in said if one.phase is Phase.BEGUN] == (["smoke"] if burns else [])


@pytest.mark.parametrize("away_s", [5, 12, 600])
@pytest.mark.parametrize("fps", [4, 5, 10])
def test_a_stream_that_broke_off_is_not_slow_when_it_is_back(fps: int, away_s: int) -> None:
    """Whoever came meanwhile is told as soon as ever, also by a camera of just as many frames as it takes."""
    rate, at, slow = Rate(fps, ENOUGH * WALK_FPS, WALK_FPS), 0, []
    for n in range(60 * fps):
        at += away_s * 1000 if n == 30 * fps else 1000 // fps
        slow.append(rate.took(at))
    assert not any(slow)
    for _ in range(40):
        at += 60_000
        rate.took(at)
    assert rate.slow, "a frame a minute is no gap"


@pytest.mark.parametrize(("fps", "slow"), [(10, False), (5, False), (2, True), (0.5, True)])
def test_a_camera_too_slow_for_people_is_told_and_tells_nothing_of_them(fps: float, slow: bool) -> None:
    """Who lies there in one frame and stands somewhere else in the next is nobody who fell."""

    def draw(picture: np.ndarray, s: float) -> None:
        for n in range(6):
            person(picture, 40 + 48 * n + 18 * np.sin(s * (0.7 + 0.3 * n)), 120 + 20 * np.sin(s * 0.9 + n))

    line = Line(name="l", camera="c", points=((0.5, 0.3), (0.5, 1.0)))
    kinds = ["intrusion", "loitering", "person_down", "gathering"]
    watch = ZoneWatch([zone(*kinds, points=WHOLE, loiter_s=5)], [line], (WIDTH, HEIGHT))
    paced, said, lasts_s = PacedZones(watch, "yard", 10), list[Sighting](), 120 if slow else 40
    for n, frame in enumerate(pictures(lasts_s * fps / FPS, lambda picture, s: draw(picture, s * FPS / fps))):
        said += paced.see(frame, round(n * 1000 / fps))
    troubles = [(one.rule, one.kind) for one in said if one.kind == "too_slow" and one.phase is Phase.BEGUN]
    assert troubles == ([("yard", "too_slow")] if slow else [])
    told_of = {one.kind for one in said if one.up_ms > 30_000 and one.phase is not Phase.OVER} - {"too_slow"}
    assert not told_of if slow else "intrusion" in told_of


@pytest.mark.parametrize(
    ("then", "phases"),
    [("lies", ["begun"]), ("is tall for a moment", ["begun"]), ("gets up", ["begun", "over"]), ("bends", [])],
)
def test_who_fell_is_one_incident(then: str, phases: list[str]) -> None:
    """Rain makes who lies there tall for a moment: that is not another who fell."""

    def draw(picture: np.ndarray, s: float) -> None:
        up = {"bends": 12.0, "gets up": 24.0}.get(then, 99.0)
        if 6 <= s < 10 or s >= up:
            person(picture, min(220.0, 170 + 25 * (s - 6)), 150)
        elif s >= 10:
            part = picture[140:152, 205:245]
            part[:] = 30
            part[:, ::5] += 25
            if then == "is tall for a moment" and 24 <= s < 25.2:
                person(picture, 212, 152, 48)

    watch = ZoneWatch([zone("person_down", down_s=4)], [], (WIDTH, HEIGHT))
    said = [one for one in told(watch, pictures(42, draw)) if one.phase is not Phase.GOING]
    assert [one.phase.value for one in said] == phases


def test_who_passes_outside_is_forgotten() -> None:
    """Else a camera that watches for somebody who fell looks at all who ever passed, with each picture."""
    right = ((0.7, 0.1), (0.98, 0.1), (0.98, 0.95), (0.7, 0.95))
    watch = ZoneWatch([zone("person_down", points=right)], [], (WIDTH, HEIGHT))
    (watched,) = watch._watched
    remembered: dict[int, object] = watched.rule._stood  # type: ignore[attr-defined]
    most = 0
    for begin_s in (4.0, 10.0, 16.0):
        for n, frame in enumerate(pictures(begin_s + 5, walk(10, 170, begin_s, 4.0, 110))):
            if n >= (begin_s - 1 if begin_s > 4 else 0) * FPS:
                watch.see(frame, 1_000 + n * 1000 // FPS)
                most = max(most, len(remembered))
    assert most >= 1, "they were seen"
    told(watch, pictures(10, lambda p, s: None), 30_000)
    assert not remembered


def car(picture: np.ndarray, s: float) -> None:
    picture[100:140, 200:260] = 25
    picture[100:140:4, 200:260] = 70


@pytest.mark.parametrize("wait_s", [60.0, 1000.0])
def test_what_stands_is_told_however_long_its_rule_waits(wait_s: float) -> None:
    """It does not become part of the place before; and what is told says when it began."""
    lane = zone("blocked", "left_object", blocked_s=wait_s, left_s=wait_s, blocked_part=0.05)
    watch = ZoneWatch([lane], [], (WIDTH, HEIGHT))
    bare = list(pictures(2, lambda p, s: None))
    parked = list(pictures(2, car))
    said, up_ms = told(watch, iter(bare * 4)), 10_000
    while up_ms < (wait_s + 120) * 1000:
        said += watch.see(parked[up_ms // 1000 % len(parked)], up_ms)
        up_ms += 200 if up_ms < 30_000 else 2_000
    begun = [one for one in said if one.phase is Phase.BEGUN]
    assert sorted(one.kind for one in begun) == ["blocked", "left_object"]
    assert all(one.since_ms == pytest.approx(10_000, abs=6_000) for one in said)
    assert all(one.up_ms - one.since_ms >= wait_s * 1000 for one in begun)


def test_who_stays_too_long_is_told_since_he_came() -> None:
    watch = ZoneWatch([zone("loitering", loiter_s=6)], [], (WIDTH, HEIGHT))

    def comes(picture: np.ndarray, s: float) -> None:
        if s >= 5:
            person(picture, min(100 + 40 * (s - 5), 240) + 6 * np.sin(3 * s), 150)

    (begun, *_) = told(watch, pictures(20, comes))
    assert begun.since_ms == pytest.approx(1_000 + 6_500, abs=900), "over the zone's edge at second 6.5"
    assert begun.up_ms - begun.since_ms == pytest.approx(6_000, abs=300)


def test_one_frame_a_minute_says_nothing_and_harms_nothing() -> None:
    kinds = ("intrusion", "loitering", "left_object", "blocked", "gathering", "person_down")
    watch = ZoneWatch([zone(*kinds, points=WHOLE)], [], (WIDTH, HEIGHT))
    said = []
    for n, frame in enumerate(pictures(4, lambda p, s: person(p, 60 + 37 * (s * 10 % 6), 150))):
        said += watch.see(frame, n * 60_000)
    assert said == []


def test_infrared_switched_on_is_no_crowd() -> None:
    """Another picture at once: it is learnt anew, and then somebody is seen in it."""
    watch = ZoneWatch([zone("intrusion", "gathering", "blocked", points=WHOLE, blocked_s=5)], [], (WIDTH, HEIGHT))
    assert told(watch, pictures(8, lambda p, s: None, seed=1)) == []
    said = told(watch, pictures(14, walk(20, 330, 7, 5), seed=2), 9_000)
    assert [one.kind for one in said if one.phase is Phase.BEGUN] == ["intrusion"]


class Dummy:
    """A detector that finds what it is told."""

    def __init__(self, *classes: str, found: str | None = None) -> None:
        self.id, self.classes, self.found, self.asked = "dummy", classes, found, 0

    def find(self, bgr: np.ndarray) -> list[Seen]:
        self.asked += 1
        height, width = bgr.shape[:2]
        return [Seen(self.found, (width // 3, height // 3, width // 3, height // 3), 0.9)] if self.found else []


@pytest.mark.parametrize(("found", "kinds"), [("person", ["intrusion"]), (None, [])])
def test_a_detector_confirms_and_doubts(found: str | None, kinds: list[str]) -> None:
    detector = Dummy("person", found=found)
    watch = ZoneWatch([zone("intrusion")], [], (WIDTH, HEIGHT), detector)
    said: list[Sighting] = []
    for n, frame in enumerate(pictures(12, walk(20, 330, 5, 5))):
        said += watch.see(frame, n * 100, lambda frame=frame: np.dstack([frame] * 3))
    assert [one.kind for one in said if one.phase is Phase.BEGUN] == kinds
    assert 1 <= detector.asked <= 30


def test_a_model_without_the_class_is_refused_with_those_it_has() -> None:
    with pytest.raises(FaceError) as refused:
        ZoneWatch([zone("ebike")], [], (WIDTH, HEIGHT), Dummy("person", "dog"))
    assert "person, dog" in refused.value.text("en")
    assert "person, dog" in refused.value.text("zh")


def test_an_ebike_is_told_by_two_looks_of_three() -> None:
    watch = ZoneWatch([zone("ebike", points=WHOLE)], [], (WIDTH, HEIGHT), Dummy("bicycle", found="bicycle"))
    said: list[Sighting] = []
    for n, frame in enumerate(pictures(16, walk(20, 330, 5, 5))):
        said += watch.see(frame, n * 100, lambda frame=frame: np.dstack([frame] * 3))
    assert [(one.kind, one.phase) for one in said if one.phase is not Phase.GOING] == [
        ("ebike", Phase.BEGUN), ("ebike", Phase.OVER),
    ]  # fmt: skip


def test_an_ebike_before_the_pictures_stopped_is_none_when_they_come_again() -> None:
    """Half an hour later the lift is empty: nothing is told, and no smoke of then either."""
    detector = Dummy("bicycle", found="bicycle")
    watch = ZoneWatch([zone("ebike", points=WHOLE)], [], (WIDTH, HEIGHT), detector)
    said: list[Sighting] = []
    for n, frame in enumerate(pictures(9, walk(20, 330, 5, 5))):
        said += watch.see(frame, n * 100, lambda frame=frame: np.dstack([frame] * 3))
    said += watch.stop(12_000)
    assert [one.phase for one in said if one.phase is not Phase.GOING] == [Phase.BEGUN, Phase.OVER]
    detector.found = None
    later = 1_800_000
    for n, frame in enumerate(pictures(5, lambda picture, s: None)):
        assert watch.see(frame, later + n * 100, lambda frame=frame: np.dstack([frame] * 3)) == []


def test_a_crowd_has_to_last_anew_after_the_pictures_stopped() -> None:
    """A second of it before, half an hour without a picture, and four seconds of another one are no ten seconds."""

    def crowd(picture: np.ndarray, s: float) -> None:
        for n in range(6):
            person(picture, 180 + 22 * n, 150)

    watch = ZoneWatch([zone("gathering", crowd_part=0.08, crowd_s=10)], [], (WIDTH, HEIGHT))
    assert told(watch, pictures(8, lambda picture, s: crowd(picture, s) if s >= 6.5 else None)) == []
    assert watch.stop(9_500) == []
    assert told(watch, pictures(4, crowd), 1_801_000) == []
    (begun,) = (one for one in told(watch, pictures(8, crowd), 1_805_000) if one.phase is Phase.BEGUN)
    assert begun.since_ms == 1_801_000


STANDING = ("left_object", "removed_object", "blocked", "gathering")


def van(picture: np.ndarray, s: float) -> None:
    """Drives in from the right within two seconds, and stays."""
    left = round(max(190.0, WIDTH - 65 * (s - 6)))
    part = picture[70:130, left : left + 90]
    part[:] = 60
    part[::7] += 60
    part[10:25] = 30


@pytest.mark.parametrize(
    ("ground", "factor", "to_s"), [(1.0, 1.5, 60), (1.0, 0.6, 60), (0.4, 2.5, 60), (1.0, 0.4, 60), (0.4, 2.5, 6)]
)
def test_a_light_or_a_hard_shadow_that_comes_or_goes_stands_in_nobodys_way(
    ground: float, factor: float, to_s: float
) -> None:
    """Its edge is as sharp as a thing's, and in it the ground is as before; who walks there then is somebody."""

    def lit(picture: np.ndarray, s: float) -> None:
        walk(120, 330, 24, 6, 120)(picture, s)
        picture *= np.float32(ground)
        if (s >= 6) == (to_s > 6):
            picture[60:150, 180:290] *= np.float32(factor)

    watch = ZoneWatch([zone(*STANDING, "intrusion", left_s=5, blocked_s=5)], [], (WIDTH, HEIGHT))
    begun = [one for one in told(watch, pictures(32, lit)) if one.phase is Phase.BEGUN]
    assert [one.kind for one in begun] == ["intrusion"]
    assert begun[0].up_ms > 25_000


def test_a_van_is_in_the_way_whatever_the_lamp_over_it_does() -> None:
    def parks(picture: np.ndarray, s: float) -> None:
        if s >= 6:
            van(picture, s)
        if 18 <= s < 28:
            picture[40:160, 150:310] *= np.float32(1.4)

    watch = ZoneWatch([zone("blocked", blocked_s=5)], [], (WIDTH, HEIGHT))
    said = [one for one in told(watch, pictures(40, parks)) if one.phase is not Phase.GOING]
    assert [one.phase for one in said] == [Phase.BEGUN]
    assert said[0].up_ms < 15_000


def shade(picture: np.ndarray, part: tuple[slice, slice]) -> None:
    picture[part] *= np.float32(0.45)


def waiting(picture: np.ndarray, s: float) -> float:
    """Comes in from the left at second 6 and sways where he stopped; x."""
    x = min(200.0, 20 + (s - 6) * 60) + 0.6 * math.sin(s * 2)
    if s >= 6:
        person(picture, x, 150)
    return x


def low_sun(picture: np.ndarray, s: float) -> None:
    x = waiting(picture, s)
    if s >= 6:
        shade(picture, (slice(138, 150), slice(max(0, int(x) - 70), max(0, int(x) - 4))))
        person(picture, x, 150)


def blinking_lamp(picture: np.ndarray, s: float) -> None:
    waiting(picture, s)
    if int(s / 4) % 2:
        picture[20:70, 20:120] *= np.float32(1.5)


@pytest.mark.parametrize("scene", [low_sun, blinking_lamp])
def test_who_waits_is_somebody_whatever_the_light_does(scene: Drawing) -> None:
    """With a long shadow of his own, or where a lamp elsewhere goes on and off."""
    watch = ZoneWatch([zone("loitering", points=WHOLE, loiter_s=10)], [], (WIDTH, HEIGHT))
    said = [one for one in told(watch, pictures(24, scene)) if one.phase is not Phase.GOING]
    assert [one.phase for one in said] == [Phase.BEGUN]
    assert said[0].up_ms < 19_000


def test_what_stands_with_its_shadow_is_in_the_way() -> None:
    """A van, and a bicycle that is smaller than what it shades."""

    def parks(width: int, height: int, stops: float, picture: np.ndarray, s: float) -> None:
        left = round(max(stops, WIDTH - 65 * (s - 6)))
        shade(picture, (slice(100 - height // 3, 100 + height), slice(left - 55, left)))
        part = picture[100 - height // 3 : 100 + height // 2, left : left + width]
        part[:] = 40
        part[::5] += 40

    for width, height, stops, kind in ((90, 75, 200.0, "blocked"), (34, 26, 215.0, "left_object")):

        def scene(picture: np.ndarray, s: float, of: tuple[int, int, float] = (width, height, stops)) -> None:
            if s >= 6:
                parks(*of, picture, s)

        watch = ZoneWatch([zone(kind, blocked_s=5, left_s=5)], [], (WIDTH, HEIGHT))
        assert [one.kind for one in told(watch, pictures(20, scene)) if one.phase is Phase.BEGUN] == [kind]


def test_what_was_left_under_a_lamp_is_told_after_the_lamp_went_off() -> None:
    """The lamp burns while who leaves it is there."""

    def scene(picture: np.ndarray, s: float) -> None:
        walk(20, 330, 6, 5)(picture, s)
        picture *= np.float32(0.6)
        if s >= 9:
            picture[120:148, 200:228] = 40
        if 6 <= s < 18:
            picture[60:170, 120:300] *= np.float32(1.6)

    watch = ZoneWatch([zone("left_object", points=WHOLE, left_s=12)], [], (WIDTH, HEIGHT))
    begun = [one for one in told(watch, pictures(36, scene)) if one.phase is Phase.BEGUN]
    assert [one.box for one in begun] == [(200, 120, 28, 28)]


def test_smoke_before_the_pictures_stopped_is_none_when_they_come_again() -> None:
    def veil(picture: np.ndarray, s: float) -> None:
        part, left = picture[40:170, 170:310], min(1.0, max(0.0, 1 - (s - 5) * 0.5))
        part[:] = part * left + 140 * (1 - left)

    watch = ZoneWatch([zone("smoke")], [], (WIDTH, HEIGHT))
    said = told(watch, pictures(20, veil)) + watch.stop(21_500)
    assert [one.phase for one in said if one.phase is not Phase.GOING] == [Phase.BEGUN, Phase.OVER]
    assert told(watch, pictures(4, lambda picture, s: None), 1_800_000) == []


def test_a_lamp_to_which_the_camera_sets_its_exposure_is_nothing_in_the_way() -> None:
    """Each grey value goes down for two seconds after the lamp came."""

    def scene(picture: np.ndarray, s: float) -> None:
        picture *= np.float32(0.6)
        if s >= 6:
            picture[60:150, 180:290] *= np.float32(1.5)
            picture *= np.float32(1 - 0.25 * min(1, (s - 6) / 2))

    watch = ZoneWatch([zone(*STANDING, left_s=5, blocked_s=5)], [], (WIDTH, HEIGHT))
    assert told(watch, pictures(18, scene)) == []
