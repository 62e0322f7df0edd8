"""The building, drawn in metres and seen through the camera: windows, frames, bricks, balconies, sky, ground."""

from dataclasses import dataclass, field

import cv2
import numpy as np

from tests.vision.facade.camera import Camera

TEXTURE_PX_PER_M = 30
BALCONY_M, PARAPET_M, SLAB_M = 1.2, 1.0, 0.15  # how far it stands out, above the floor, below


@dataclass
class Wall:
    picture: np.ndarray  # H × W, 8 bits, without noise
    hidden: np.ndarray  # H × W bool: parapets that stand BALCONY_M before the wall
    windows: list[np.ndarray] = field(default_factory=list)  # corners of each in px


def texture(rng, floors: int, floor_m: float, column_m: float, columns: int) -> np.ndarray:
    s = TEXTURE_PX_PER_M
    high, wide = round(floors * floor_m * s), round(columns * column_m * s)
    tone = rng.uniform(70, 190)
    picture = np.full((high, wide), tone, np.float32)
    picture += cv2.resize(rng.normal(0, 10, (max(2, floors), max(2, columns))).astype(np.float32), (wide, high))
    picture += cv2.resize(rng.normal(0, 6, (high // 3, wide // 3)).astype(np.float32), (wide, high))
    glass, frame = tone * rng.uniform(0.25, 0.7), min(245.0, tone * rng.uniform(1.1, 1.5))
    w, h = rng.uniform(0.35, 0.6) * column_m, rng.uniform(1.2, 1.7)
    for floor in range(floors):
        base = high - round(floor * floor_m * s)
        picture[base - round(0.18 * s) : base] += rng.uniform(-25, 25)
        for column in range(columns):
            x1, x2 = (
                round((column * column_m + (column_m - w) / 2) * s),
                round((column * column_m + (column_m + w) / 2) * s),
            )
            y1, y2 = base - round((0.95 + h) * s), base - round(0.95 * s)
            picture[y1 - 3 : y2 + 3, x1 - 3 : x2 + 3] = frame
            picture[y1:y2, x1:x2] = (
                glass * rng.uniform(0.6, 1.6) + np.linspace(0, rng.uniform(-30, 30), y2 - y1)[:, None]
            )
            picture[y1:y2, (x1 + x2) // 2 - 1 : (x1 + x2) // 2 + 2] = frame
            if rng.random() < 0.2:  # an air conditioner
                picture[y2 + 6 : y2 + 6 + round(0.5 * s), x1 : x1 + round(0.8 * s)] = rng.uniform(150, 230)
    return np.clip(picture, 3, 250)


def balcony_sides(column_m: float, columns: int) -> list[tuple[float, float]]:
    """x of the left and right end of the balconies, one above the other from the second floor up."""
    left = -columns * column_m / 2
    return [(left + n * column_m + 0.2, left + (n + 1) * column_m - 0.2) for n in range(1, columns, 3)]


def build(
    rng, camera: Camera, floors: int, floor_m: float, column_m: float, columns: int, balconies: bool, night: bool
) -> Wall:
    s = TEXTURE_PX_PER_M
    drawn = texture(rng, floors, floor_m, column_m, columns)
    step = 8
    us, vs = np.meshgrid(np.arange(0, camera.width + step, step), np.arange(0, camera.height + step, step))
    x, z = camera.wall(us, vs)
    size = us.shape[1] * step, us.shape[0] * step
    map_x = cv2.resize(((x + columns * column_m / 2) * s).astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    map_y = cv2.resize((drawn.shape[0] - z * s).astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    at = step // 2  # of a cell's middle, where `resize` puts its value
    map_x, map_y = (one[at : at + camera.height, at : at + camera.width] for one in (map_x, map_y))
    blurred = cv2.GaussianBlur(drawn, (0, 0), 0.8)
    picture = cv2.remap(blurred, map_x, map_y, cv2.INTER_LINEAR, borderValue=-1)
    sky = np.linspace(rng.uniform(170, 235), rng.uniform(150, 215), camera.height, dtype=np.float32)[:, None]
    beyond = picture < 0
    ground = map_y > drawn.shape[0]
    picture = np.where(beyond, np.broadcast_to(sky, picture.shape), picture)
    rough = cv2.resize(
        rng.normal(0, 12, (camera.height // 6, camera.width // 6)).astype(np.float32), (camera.width, camera.height)
    )
    picture = np.where(ground, rng.uniform(50, 120) + rough, picture)
    hidden = np.zeros(picture.shape, np.uint8)
    if balconies:
        for left, right in balcony_sides(column_m, columns):
            for floor in range(1, floors):
                low, high = floor * floor_m - SLAB_M, floor * floor_m + PARAPET_M
                u, v, _ = camera.pixels(
                    np.array([left, right, right, left]), np.array([low, low, high, high]), BALCONY_M
                )
                corners = np.round(np.stack([u, v], 1)).astype(np.int32)
                cv2.fillPoly(picture, [corners], float(np.clip(rng.normal(160, 25), 30, 240)))
                cv2.fillPoly(hidden, [corners], 1)
    picture = cv2.GaussianBlur(np.ascontiguousarray(picture, np.float32), (0, 0), rng.uniform(0.5, 0.9))
    if night:
        picture = picture * rng.uniform(0.10, 0.22) + 8
    windows = []
    for floor in range(floors):
        for column in range(columns):
            left = -columns * column_m / 2 + (column + 0.27) * column_m
            u, v, _ = camera.pixels(
                np.array([left, left + 0.46 * column_m, left + 0.46 * column_m, left]),
                floor * floor_m + np.array([0.95, 0.95, 2.3, 2.3]),
            )  # fmt: skip
            windows.append(np.round(np.stack([u, v], 1)).astype(np.int32))
    if night:
        for corners in windows:
            if rng.random() < 0.2:
                cv2.fillPoly(picture, [corners], float(rng.uniform(60, 230)))
        picture = cv2.GaussianBlur(picture, (0, 0), 1.0)
    return Wall(np.clip(picture, 0, 255).astype(np.uint8), hidden.astype(bool), windows)
