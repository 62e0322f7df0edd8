"""A pinhole with a lens: tilt, roll, yaw, two radial terms. It knows nothing of the product's calibration."""

from dataclasses import dataclass

import numpy as np

from edge_agent.model.site import ColumnLine, Facade, FloorLine

CLICK_PX = 3.0


@dataclass(frozen=True)
class Camera:
    width: int
    height: int
    distance_m: float
    lens_m: float  # above the street
    tilt: float
    focal_px: float
    roll: float
    yaw: float
    k1: float
    k2: float = 0.0

    def pixels(self, x, z, out=0.0):
        """u, v of points x m to the right, z m above the street and `out` m in front of the wall; and their depth."""
        x, z = np.asarray(x, float), np.asarray(z, float)
        ahead = self.distance_m - out
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        x, ahead = c * x - s * ahead, s * x + c * ahead
        up = z - self.lens_m
        c, s = np.cos(self.tilt), np.sin(self.tilt)
        up, depth = c * up - s * ahead, s * up + c * ahead
        a, b = x / depth, -up / depth
        c, s = np.cos(self.roll), np.sin(self.roll)
        a, b = c * a - s * b, s * a + c * b
        g = self.focal_px * self._lens(a * a + b * b)
        return self.width / 2 + g * a, self.height / 2 + g * b, depth

    def wall(self, u, v):
        """x, z of the points of the wall seen at u, v."""
        a, b = (
            (np.asarray(u, float) - self.width / 2) / self.focal_px,
            (np.asarray(v, float) - self.height / 2) / self.focal_px,
        )
        p, q = a, b
        for _ in range(15):
            g = self._lens(p * p + q * q)
            p, q = a / g, b / g
        c, s = np.cos(self.roll), np.sin(self.roll)
        p, q = c * p + s * q, -s * p + c * q
        c, s = np.cos(self.tilt), np.sin(self.tilt)
        dx, dy, dz = p, -q * c + s, q * s + c
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        dx, dz = c * dx + s * dz, -s * dx + c * dz
        t = self.distance_m / dz
        return dx * t, self.lens_m + dy * t

    def _lens(self, squared):
        return 1 + self.k1 * squared + self.k2 * squared * squared

    def px_per_m(self, x: float, z: float) -> float:
        u, v, _ = self.pixels(np.array([x, x]), np.array([z - 0.5, z + 0.5]))
        return float(np.hypot(u[1] - u[0], v[1] - v[0]))


def draw_camera(rng, low_m: float, high_m: float, width: int, height: int) -> Camera | None:
    """One that sees the wall from low_m to high_m; None when a metre at the top has too few pixels."""
    distance = rng.uniform(max(14.0, 0.4 * (high_m - low_m)), 45.0)
    lens = rng.uniform(2.5, 5.0)
    low, high = np.arctan((low_m - lens) / distance), np.arctan((high_m - lens) / distance)
    camera = Camera(
        width, height, distance, lens, (low + high) / 2, 0.95 * height / 2 / np.tan((high - low) / 2),
        np.radians(rng.uniform(-1.5, 1.5)), np.radians(rng.uniform(-4, 4)), rng.uniform(-0.12, 0.03),
    )  # fmt: skip
    return camera if camera.px_per_m(0, high_m - 3) >= 12.5 * height / 1920 else None


def edge(camera: Camera, row: float, rng) -> tuple[float, ...]:
    """A level edge as an installer clicks it where things land: its ends, each CLICK_PX off."""
    left, right = row + rng.normal(0, CLICK_PX * camera.height / 1920, 2)
    return 0.0, round(float(left), 1), float(camera.width), round(float(right), 1)


def clicked(
    camera: Camera, rng, floors: int, floor_m: float, column_m: float, columns: int, seen: tuple[int, int]
) -> Facade:
    """What an installer clicks: six floors and some columns, each point CLICK_PX off; no distance, no tilt."""
    click = CLICK_PX * camera.height / 1920
    left = -columns * column_m / 2

    def at(x, z, count):
        """`count` points along the part of the line in the frame, as clicked; () where too little is."""
        u, v, _ = camera.pixels(x, z)
        inside = np.flatnonzero(
            (u > 4 * click) & (u < camera.width - 4 * click) & (v > 4 * click) & (v < camera.height - 4 * click)
        )
        if len(inside) < 12:
            return ()
        some = inside[np.linspace(0, len(inside) - 1, count).round().astype(int)]
        u, v = u[some] + rng.normal(0, click, count), v[some] + rng.normal(0, click, count)
        return tuple(round(float(value), 1) for pair in zip(u, v, strict=True) for value in pair)

    low, high = seen
    made = [
        (int(floor), at(np.linspace(left, -left, 60), np.full(60, (floor - 1) * floor_m), 3))
        for floor in sorted(set(np.linspace(low, high, 6).round().astype(int)))
    ]
    lines = tuple(FloorLine(floor=floor, at=line) for floor, line in made if line)
    z = np.linspace((low - 0.5) * floor_m, (high - 1) * floor_m, 60)
    wanted = sorted({1, 2, max(2, columns // 2), columns + 1})
    stood = [(n, at(np.full(60, left + (n - 1) * column_m), z, 2)) for n in wanted]
    marks = tuple(ColumnLine(column=n, at=line) for n, line in stood if line)
    return Facade(
        name="wall", camera="wall", size=(camera.width, camera.height), floors=floors, lines=lines, floor_m=floor_m,
        columns=marks if rng.random() < 0.7 and len(marks) > 1 else (), column_m=column_m,
        camera_m=round(camera.lens_m + rng.normal(0, 0.3), 1),
    )  # fmt: skip
