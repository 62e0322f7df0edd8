"""The calibration drawn over the façade, for eyes: does each line lie on its floor?

Green: the grid as computed, numbered; amber where a metre has fewer pixels than a cup needs. White: what was clicked.
Magenta: where what falls lands or goes out of sight.
"""

import io
import warnings
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from edge_agent.errors import EdgeAgentError
from edge_agent.model.site import WARN_PX_PER_M
from edge_agent.vision.falling_grid import Grid
from edge_agent.vision.photo import FORMATS, UNREADABLE, eight_bits

Picture = npt.NDArray[Any]

GREEN, AMBER, MAGENTA, WHITE, BLACK = (60, 220, 60), (0, 170, 255), (255, 0, 255), (255, 255, 255), (0, 0, 0)
BYTES_AT_MOST, PIXELS_AT_MOST = 64_000_000, 40_000_000


def read(path: Path) -> Picture:
    """A still, blue-green-red, 8 bits. Raises EdgeAgentError when it is none."""
    try:
        with path.open("rb") as file:
            data = file.read(BYTES_AT_MOST + 1)
    except OSError as error:
        raise EdgeAgentError("facade.no_still", file=path, why=error.strerror) from None
    if len(data) > BYTES_AT_MOST:
        raise _too_large(path)
    try:
        return _decoded(path, data)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError):
        raise _too_large(path) from None
    except UNREADABLE:
        raise EdgeAgentError("facade.not_a_still", file=path) from None


def _decoded(path: Path, data: bytes) -> Picture:
    """By Pillow, which knows the size before it decodes, and writes nothing on the terminal of what is damaged."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(io.BytesIO(data)) as picture:
            if picture.format not in FORMATS:
                raise UnidentifiedImageError
            if picture.width * picture.height > PIXELS_AT_MOST:
                raise _too_large(path)
            upright = ImageOps.exif_transpose(eight_bits(picture)).convert("RGB")
    return np.asarray(upright)[:, :, ::-1].copy()


def _too_large(path: Path) -> EdgeAgentError:
    most = {"megapixels": PIXELS_AT_MOST // 1_000_000, "megabytes": BYTES_AT_MOST // 1_000_000}
    return EdgeAgentError("facade.still_too_large", file=path, **most)


def draw(grid: Grid, still: Picture) -> Picture:
    """`still` (any size of the calibrated shape) with the grid over it."""
    picture = still.copy()
    factor = picture.shape[1] / grid.facade.size[0]
    thick = max(1, round(picture.shape[0] / 900))
    facade = grid.facade
    left, right = grid.sides()
    x = np.linspace(left, right, 40)
    for floor in range(1, facade.floors + 2):
        z = facade.height_m(floor)
        colour = GREEN if float(grid.px_per_m((left + right) / 2, z)) >= WARN_PX_PER_M else AMBER
        points = np.stack(grid.pixels(x, np.full_like(x, z)), 1) * factor
        cv2.polylines(picture, [np.round(points).astype(np.int32)], False, colour, thick, cv2.LINE_AA)
        if floor <= facade.floors:
            u, v = (float(value) * factor for value in grid.pixels(right, z + 0.25 * facade.floor_m))
            most = picture.shape[1] - 30 * thick
            _write(picture, str(floor), (min(round(u) + 6, most), round(v)), colour, thick)
    for column in range(1, max((line.column for line in facade.columns), default=0) + 1):
        up = np.linspace(0, facade.roof_m, 40)
        points = np.stack(grid.pixels(np.full_like(up, (column - 1) * facade.column_m), up), 1) * factor
        cv2.polylines(picture, [np.round(points).astype(np.int32)], False, GREEN, thick, cv2.LINE_AA)
    if facade.lands:
        ends = np.array(facade.lands).reshape(-1, 2)
        ends = np.vstack([(0, ends[0, 1]), ends, (facade.size[0], ends[-1, 1])]) * factor  # level beyond them
        cv2.polylines(picture, [np.round(ends).astype(np.int32)], False, MAGENTA, 2 * thick, cv2.LINE_AA)
    for u, v in grid.clicks():
        at = round(u * factor), round(v * factor)
        cv2.drawMarker(picture, at, BLACK, cv2.MARKER_CROSS, 16 * thick, 3 * thick)
        cv2.drawMarker(picture, at, WHITE, cv2.MARKER_CROSS, 16 * thick, thick)
    for mask in facade.masks:
        corners = np.round(np.array(mask).reshape(-1, 2) * factor).astype(np.int32)
        cv2.fillPoly(picture, [corners], BLACK)
    return picture


def png(picture: Picture) -> bytes:
    return bytes(cv2.imencode(".png", picture)[1])


def _write(picture: Picture, text: str, at: tuple[int, int], colour: tuple[int, int, int], thick: int) -> None:
    size = 0.45 * thick + 0.2
    cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, BLACK, 3 * thick, cv2.LINE_AA)
    cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, colour, thick, cv2.LINE_AA)
