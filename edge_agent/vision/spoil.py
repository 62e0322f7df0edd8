"""Makes a good photograph worse, by a measure: for the degradation curves of `edge-agent faces evaluate`."""

import cv2
import numpy as np

from edge_agent.vision.frames import Image
from edge_agent.vision.track import Box


def spoiled(rgb: Image, box: Box, how: str, much: float) -> Image:
    made: Image
    match how:
        case "width":
            scale = min(1.0, much / max(1, box[2]))
            made = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        case "blur":
            made = cv2.GaussianBlur(rgb, (0, 0), max(0.1, much * box[2] / 112))
        case "gamma":
            made = cv2.LUT(rgb, (255 * (np.arange(256) / 255) ** much).astype(np.uint8))
        case "jpeg":
            data = cv2.imencode(".jpg", rgb, [cv2.IMWRITE_JPEG_QUALITY, int(much)])[1]
            made = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))
        case _:
            made = rgb
    return made
