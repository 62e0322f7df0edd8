"""Is this frame good enough to say who it is? The same questions for every engine, each with a reason.

Blur and light are judged on the face at 112 px, so that the answer does not hang on the camera's resolution.
"""

from collections.abc import Sequence

import cv2

from edge_agent.model.site import FacePolicy
from edge_agent.vision.engine import Found, Quality
from edge_agent.vision.frames import Image
from edge_agent.vision.track import Box

Place = Sequence[float]  # x, y
CHIP_PX = 112
EDGE_PART = 0.05  # a face may stand so far outside of the picture
NOSE_BETWEEN = (0.12, 0.88)  # the nose's place on the line between the eyes; outside of it the head is turned away
LIGHT_BETWEEN = (35.0, 225.0)  # mean grey level of a face
GOOD_WIDTH_PX = 160  # from this width on, more pixels do not help
NEAR, AS_LARGE = 1.1, 0.6  # another face so few widths away and so large may be the one that is meant


def judged(rgb: Image, box: Box, nose: float, policy: FacePolicy) -> Quality:
    """`nose`: where it stands on the line between the eyes, 0.5 = looking straight on, 0 and 1 = under an eye."""
    x, y, width, height = box
    if width < policy.min_face_px:
        return Quality("too_small", 0.0, 0.0)
    over = max(-x, -y, x + width - rgb.shape[1], y + height - rgb.shape[0])
    if over > EDGE_PART * width:
        return Quality("edge_clipped", 0.0, 0.0)
    if not NOSE_BETWEEN[0] <= nose <= NOSE_BETWEEN[1]:
        return Quality("not_frontal", 0.0, 0.0)
    chip = _chip(rgb, box)
    light = float(chip.mean())
    if not LIGHT_BETWEEN[0] <= light <= LIGHT_BETWEEN[1]:
        return Quality("dark" if light < LIGHT_BETWEEN[0] else "bright", 0.0, 0.0)
    sharp = float(cv2.Laplacian(chip, cv2.CV_64F).var())
    if sharp < policy.min_sharpness:
        return Quality("blurred", 0.0, sharp)
    size = min(1.0, width / GOOD_WIDTH_PX)
    frontal = 1 - abs(nose - 0.5)
    least = max(1.0, 4 * policy.min_sharpness)
    return Quality(None, size * frontal * min(1.0, sharp / least) ** 0.25, sharp)


def nose_place(eye: Place, other_eye: Place, nose: Place) -> float:
    """Where the nose stands on the line between the eyes: 0.5 = looking straight on, 0 and 1 = under an eye."""
    across = (other_eye[0] - eye[0], other_eye[1] - eye[1])
    length = across[0] ** 2 + across[1] ** 2
    along = (nose[0] - eye[0]) * across[0] + (nose[1] - eye[1]) * across[1]
    return float(along / length) if length else 0.0


def crowded(box: Box, found: list[Found]) -> bool:
    """Does another face, as large, stand so near that it is unclear who wants to pass?"""
    x, y, width, height = box
    return any(
        other.box != box
        and other.box[2] >= AS_LARGE * width
        and abs(other.box[0] + other.box[2] / 2 - x - width / 2) < NEAR * width
        and abs(other.box[1] + other.box[3] / 2 - y - height / 2) < NEAR * height
        for other in found
    )


def sharpness(rgb: Image, box: Box) -> float:
    """Variance of the Laplacian over the face at 112 px."""
    return float(cv2.Laplacian(_chip(rgb, box), cv2.CV_64F).var())


def light(rgb: Image, box: Box) -> float:
    """Mean grey level of the face."""
    return float(_chip(rgb, box).mean())


def _chip(rgb: Image, box: Box) -> Image:
    x, y, width, height = box
    crop = rgb[max(0, y) : y + height, max(0, x) : x + width]
    chip: Image = cv2.resize(crop, (CHIP_PX, CHIP_PX), interpolation=cv2.INTER_AREA)
    gray: Image = cv2.cvtColor(chip, cv2.COLOR_RGB2GRAY)
    return gray
