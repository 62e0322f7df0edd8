"""A clip: camera, wall, weather and falls drawn from one seed, every frame through H.264, truth beside it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import av
import numpy as np

from edge_agent.model.site import Facade
from tests.vision.facade import FPS, weather
from tests.vision.facade.camera import Camera, clicked, draw_camera
from tests.vision.facade.objects import Body, Fall, draw_fall
from tests.vision.facade.wall import Wall, build

WEATHERS = ("clear", "clouds", "wind", "rain", "birds", "night", "mixed")
LEAD_S, APART_S = 3.0, 4.2  # before the first fall, and from fall to fall
CROWD = 8


@dataclass
class Clip:
    """`facade`: as the installer calibrated it; `falls`: the truth, complete once the frames were drawn; `crowded`:
    what comes by comes CROWD times as often as usual; birds twice, and each of them dives. `came`: how many of what, so
    far."""

    seed: int
    weather: str
    camera: Camera
    facade: Facade
    wall: Wall
    falls: list[Fall]
    count: int
    bit_rate: int
    rng: np.random.Generator
    crowded: bool = False
    came: Counter[str] = field(default_factory=Counter)

    def raw(self) -> Iterator[np.ndarray]:
        """Frames before the codec. Once only: it draws on the clip's own random numbers."""
        rng, night = self.rng, self.weather == "night" or (self.weather == "mixed" and self.seed % 2 == 0)
        often = CROWD if self.crowded else 1
        what: list = []
        height = self.facade.roof_m
        if self.weather in {"clouds", "mixed"}:
            what.append(weather.Clouds(rng))
        if self.weather in {"wind", "mixed"}:
            what.append(weather.Cloth(rng, self.wall.picture, 6 * often))
            what.append(weather.Leaves(rng, self.camera, height, 6 * often, self.came))
        if night:
            what.append(weather.Lamps(rng, self.wall.windows, often, self.came))
            what.append(weather.Flyers(rng, self.camera, True, 1.5 / often, self.came))
        bodies = [Body(rng, self.camera, fall, self.wall.picture) for fall in self.falls]
        after: list = []
        if self.weather in {"birds", "mixed"}:
            rate_s, dive = (1.0, 1.0) if self.crowded else (2.0, 0.3)
            after.append(weather.Flyers(rng, self.camera, False, rate_s, self.came, dive))
        if self.weather in {"rain", "mixed"}:
            after.append(weather.Rain(rng, self.camera, rng.uniform(0.3, 1.0)))
        after.append(weather.Noise(rng, self.wall.picture, night))
        shake = weather.Shake(rng, rng.uniform(0.3, 1.5)) if self.weather in {"wind", "mixed"} else None
        for frame in range(self.count):
            picture = self.wall.picture.copy()
            for one in what:
                one.paint(picture, frame)
            for body in bodies:
                body.paint(picture, frame, self.wall.hidden)
            if shake:
                picture = shake.moved(picture)
            for one in after:
                one.paint(picture, frame)
            yield picture

    def frames(self) -> Iterator[tuple[int, np.ndarray]]:
        """Milliseconds and luma of each frame as a gateway decodes it."""
        return round_trip(self.raw(), self.bit_rate)


def round_trip(frames: Iterator[np.ndarray], bit_rate: int, codec: str = "libx264") -> Iterator[tuple[int, np.ndarray]]:
    encoder = av.CodecContext.create(codec, "w")
    decoder = av.CodecContext.create("h264" if codec == "libx264" else "hevc", "r")
    decoder.thread_count = 1
    canvas = None
    count = 0
    for picture in frames:
        if canvas is None:
            height, width = picture.shape
            canvas = np.full((height * 3 // 2, width), 128, np.uint8)
            encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
            encoder.framerate, encoder.bit_rate, encoder.gop_size, encoder.thread_count = round(FPS), bit_rate, 30, 1
            encoder.options = {"preset": "superfast", "tune": "zerolatency", "profile": "high"}
        canvas[: picture.shape[0]] = picture
        packets = encoder.encode(av.VideoFrame.from_ndarray(canvas, format="yuv420p"))
        for packet in packets:
            for frame in decoder.decode(packet):
                yield round(count * 1000 / FPS), luma(frame)
                count += 1
    for packet in encoder.encode(None):
        for frame in decoder.decode(packet):
            yield round(count * 1000 / FPS), luma(frame)
            count += 1
    for frame in decoder.decode(None):
        yield round(count * 1000 / FPS), luma(frame)
        count += 1


def luma(frame: av.VideoFrame) -> np.ndarray:
    plane = frame.planes[0]
    return np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: frame.height, : frame.width].copy()


def draw(
    seed: int, *, falls: int = 0, seconds: float = 0.0, weather: str | None = None, height: int = 1920,
    crowded: bool = False,
) -> Clip:  # fmt: skip
    """`falls` objects one after the other, or `seconds` of nothing that falls; `crowded` as in Clip."""
    rng = np.random.default_rng(seed)
    weather = weather or WEATHERS[int(rng.integers(len(WEATHERS)))]
    width = height * 9 // 16
    while True:
        floors = int(rng.integers(6, 31))
        floor_m, column_m = round(float(rng.uniform(2.8, 3.3)), 2), round(float(rng.uniform(2.6, 4.0)), 2)
        span = min(floors, 20)
        low = int(rng.integers(1, floors - span + 2))
        camera = draw_camera(rng, (low - 1) * floor_m, (low - 1 + span) * floor_m, width, height)
        if camera:
            break
    half = abs(float(camera.wall(0, 0.5 * height)[0]))
    columns = int(np.clip(1.7 * half / column_m, 3, 9))
    facade = clicked(camera, rng, floors, floor_m, column_m, columns, (low, low + span))
    night = weather == "night" or (weather == "mixed" and seed % 2 == 0)
    balconies = bool(rng.random() < 0.3)
    wall = build(rng, camera, floors, floor_m, column_m, columns, balconies, night)
    made, at = [], LEAD_S
    for _ in range(falls):
        when, seen = at + rng.uniform(0, 0.5), (max(2, low + 1), low + span - 1)
        made.append(draw_fall(rng, when, seen, floors, floor_m, column_m, columns, balconies))
        at += APART_S
    count = round((at if falls else seconds) * FPS)
    return Clip(seed, weather, camera, facade, wall, made, count, int(rng.choice([2_000_000, 4_000_000])), rng, crowded)
