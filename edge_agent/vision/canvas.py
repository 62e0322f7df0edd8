"""The picture with the rules of its camera and what was seen: zones, lines, floors, boxes, the path of a fall.

What lies under masks is black in it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

import av
import av.error
import cv2
import numpy as np

from edge_agent.errors import EdgeAgentError
from edge_agent.model.detections import SentryJob
from edge_agent.model.sightings import Phase, Sighting
from edge_agent.model.site import private
from edge_agent.vision import falling_picture
from edge_agent.vision.falling_grid import fit
from edge_agent.vision.glimpse import blacken

FADES_MS = 1500  # how long a sighting that is over stays drawn
COLOURS = {"alarm": (40, 40, 230), "other": (0, 190, 230)}  # BGR
RULE = (230, 200, 60)
FONT, EDGE_PX = (cv2.FONT_HERSHEY_SIMPLEX, 0.55), 8


class Undrawn(EdgeAgentError):
    """The file the pictures go to cannot be written: `why`."""


class Canvas:
    """Into a file, whose first frame is at 0 ms, or for who asks. Raises Undrawn when the file cannot be written."""

    def __init__(self, job: SentryJob, path: str = "") -> None:
        self._job, self._path = job, path
        self._masks = private(job.camera, job.facades)
        self._rules: Any = None  # drawn once, black where nothing is
        self._output: Any = None
        self._stream: Any = None
        self._shown: dict[tuple[str, str], tuple[int, Sighting]] = {}

    def draw(self, frame: Any, sightings: list[Sighting], at_ms: int) -> Any:
        """The drawn picture (BGR); also written, where there is a file."""
        for sighting in sightings:
            self._shown[sighting.kind, sighting.incident] = (at_ms, sighting)
        self._shown = {key: (at, one) for key, (at, one) in self._shown.items() if self._stays(one, at, at_ms)}
        picture = frame.rgb()[:, :, ::-1].copy()
        height, width = picture.shape[:2]
        blacken(picture, self._masks)
        if self._rules is None or self._rules.shape != picture.shape:
            self._rules = rules(self._job, height, width)
        np.copyto(picture, self._rules, where=self._rules.any(2, keepdims=True))
        line = 0
        for _, one in self._shown.values():
            scale_x, scale_y = (width / one.size[0], height / one.size[1]) if one.size[0] else (1.0, 1.0)
            colour = COLOURS["alarm" if one.phase is not Phase.OVER else "other"]
            x, y, w, h = one.box
            left, top = int(x * scale_x), int(y * scale_y)
            cv2.rectangle(picture, (left, top), (int((x + w) * scale_x), int((y + h) * scale_y)), colour, 2)
            for text in told(one, width - 2 * EDGE_PX):
                at = EDGE_PX, 24 + 22 * line
                cv2.putText(picture, text, at, *FONT, (0, 0, 0), 3, cv2.LINE_AA)
                cv2.putText(picture, text, at, *FONT, colour, 1, cv2.LINE_AA)
                line += 1
            for _, px, py, _ in one.fall.path if one.fall else ():
                cv2.circle(picture, (int(px * scale_x), int(py * scale_y)), 2, colour, -1)
        if self._path:
            with self._written():
                self._write(picture, at_ms)
        return picture

    def close(self) -> None:
        if self._output is not None:
            with self._written():
                self._output.mux(self._stream.encode(None))
                self._output.close()

    @contextmanager
    def _written(self) -> Iterator[None]:
        try:
            yield
        except (av.error.FFmpegError, OSError) as error:
            raise Undrawn("camera.not_drawn", file=self._path, why=error.strerror) from None

    @staticmethod
    def _stays(sighting: Sighting, seen_ms: int, now_ms: int) -> bool:
        return now_ms - seen_ms <= FADES_MS

    def _write(self, picture: Any, at_ms: int) -> None:
        height, width = picture.shape[0] // 2 * 2, picture.shape[1] // 2 * 2
        if self._output is None:
            self._output = av.open(self._path, "w", format="mp4")
            self._stream = self._output.add_stream("libx264" if "libx264" in av.codecs_available else "mpeg4", rate=25)
            self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
            self._stream.codec_context.time_base = Fraction(1, 1000)
        frame = av.VideoFrame.from_ndarray(picture[:height, :width].copy(), format="bgr24")
        frame.pts, frame.time_base = at_ms, Fraction(1, 1000)
        self._output.mux(self._stream.encode(frame))


def rules(job: SentryJob, height: int, width: int) -> Any:
    """Zones with their names, lines with the way that is `in`, the floors of façades; black elsewhere."""
    drawn = np.zeros((height, width, 3), np.uint8)
    for facade in job.facades:
        try:
            drawn = falling_picture.draw(fit(facade), drawn)
        except EdgeAgentError:  # it does not fit, and the analysis says so
            continue
    for zone in job.zones:
        corners = _px(zone.points, height, width)
        cv2.polylines(drawn, [corners], True, RULE, 2, cv2.LINE_AA)
        _name(drawn, zone.name, corners[0])
    for line in job.lines:
        first, last = _px(line.points, height, width)
        cv2.line(drawn, first.tolist(), last.tolist(), RULE, 2, cv2.LINE_AA)
        across = np.array([first[1] - last[1], last[0] - first[0]], float)  # to the right of who looks along it
        across *= 0.06 * height / max(1.0, float(np.hypot(*across)))
        middle = (first + last) / 2
        tail, tip = (np.round(end).astype(int).tolist() for end in (middle - across, middle + across))
        cv2.arrowedLine(drawn, tail, tip, RULE, 2, cv2.LINE_AA, tipLength=0.3)
        _name(drawn, f"{line.name} in", first)
    return drawn


def _px(points: Any, height: int, width: int) -> Any:
    return np.round(np.array(points, float) * (width, height)).astype(np.int32)


def _name(drawn: Any, text: str, at: Any) -> None:
    place = int(at[0]) + 6, max(16, int(at[1]) + 18)
    cv2.putText(drawn, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (1, 1, 1), 3, cv2.LINE_AA)
    cv2.putText(drawn, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, RULE, 1, cv2.LINE_AA)


def told(one: Sighting, width: int) -> list[str]:
    """What is seen and why, in lines of at most `width` px; a measure is never cut."""
    parts = [f"{one.rule}: {one.kind} {one.confidence:.0%}"]
    parts += [
        f"{why.name.removesuffix('_s').replace('_', ' ')} {why.value:.3g}{why.unit} (limit {why.limit:.3g})"
        for why in one.why
    ]
    lines = parts[:1]
    for part in parts[1:]:
        longer = f"{lines[-1]}, {part}"
        if cv2.getTextSize(longer, *FONT, 1)[0][0] <= width:
            lines[-1] = longer
        else:
            lines.append(part)
    return lines
