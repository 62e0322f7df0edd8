"""A copy of a clip that may be shown to others: masked, faces and plates blurred. A child process.

`python -m edge_agent.vision.publish`: one line of JSON (PublishJob) and the clip on stdin; on stdout lines of JSON with
how far it is (`looked`: frames, `of` how many) and one with what was found, then the new file. What a detector found is
blurred for half a second before and after; heads of people are blurred where no face can be made out. No detector finds
all: whoever publishes it looks at it first.
"""

import io
import json
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec

from edge_agent.vision.confine import confine

MEMORY_MB = 2048
DETECT_EVERY = 3  # frames
AROUND_S = 0.5
GROW = 0.25  # of a found box, on each side
BLOCK_PX = 24
SAME_LOOKS = 3  # so many looks something may be missed, and is the same when it is found again
# A plate as any country's: a row of strokes. (width, height) px that bridge the gaps between its letters.
BRIDGES = ((9, 3), (17, 5), (33, 9))
PLATE_ASPECT, PLATE_PX, PLATE_FILL, PLATE_STROKES = (1.8, 8.0), (8, 160), 0.45, 6


class PublishJob(msgspec.Struct, frozen=True):
    """`masks`: polygons of x, y, … in parts of the picture; `only`: x, y, width, height in the same, outside of which
    nothing is shown sharply; None: all of it is.
    """

    masks: tuple[tuple[float, ...], ...] = ()
    only: tuple[float, float, float, float] | None = None


Box = tuple[int, int, int, int]
Size = tuple[int, int]  # width, height


def main() -> None:
    pipe = confine(MEMORY_MB)
    job = msgspec.json.decode(sys.stdin.buffer.readline(), type=PublishJob)
    clip = sys.stdin.buffer.read()

    def say(data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[pipe.write(left) :]

    def looked(done: int, total: int) -> None:
        say(json.dumps({"looked": done, "of": total}).encode() + b"\n")

    counts, made = publish(clip, job, looked)
    say(json.dumps(counts).encode() + b"\n" + made)


def publish(
    clip: bytes, job: PublishJob, progress: Callable[[int, int], object] = lambda done, total: None
) -> tuple[dict[str, int], bytes]:
    """(what was found: faces, plates, heads, each counted once while it stays; the new file). A clip that was cut off
    ends with its last whole picture; with none the file is empty. Where the camera changed the size of its picture the
    copy has the largest, and nothing is cut off. `progress` hears how many of the frames were looked at, which is what
    takes the time.
    """
    import av
    import av.error

    finder = Finder()
    found: list[tuple[Size, list[Box]]] = []
    total = 0
    with suppress(av.error.InvalidDataError, IndexError), av.open(io.BytesIO(clip), "r") as container:
        total = sum(1 for packet in container.demux(video=0) if packet.size)
    with suppress(av.error.InvalidDataError, IndexError), av.open(io.BytesIO(clip), "r") as container:
        rate = float(container.streams.video[0].average_rate or 15)
        for number, frame in enumerate(container.decode(video=0)):
            boxes = finder.find(frame.to_ndarray(format="gray")) if number % DETECT_EVERY == 0 else []
            found.append(((frame.width, frame.height), boxes))
            progress(number + 1, max(total, number + 1))
    if not found:
        return finder.counts, b""
    reach = max(DETECT_EVERY, round(AROUND_S * rate))
    made = io.BytesIO()
    width, height = max((size for size, _ in found), key=lambda size: size[0] * size[1])
    with av.open(io.BytesIO(clip), "r") as container, av.open(made, "w", format="mp4") as output:
        source = container.streams.video[0]
        stream: Any = output.add_stream("libx264" if "libx264" in av.codecs_available else "mpeg4", rate=round(rate))
        stream.width, stream.height, stream.pix_fmt = width // 2 * 2, height // 2 * 2, "yuv420p"
        stream.codec_context.time_base = source.time_base
        last = -1  # a stream whose times go back has its pictures in the order in which they come
        for number, frame in zip(range(len(found)), container.decode(source), strict=False):  # no further than before
            near = found[max(0, number - reach) : number + reach + 1]
            size = frame.width, frame.height
            boxes = [_scaled(box, was, size) for was, boxes in near for box in boxes]
            picture = hide(frame.to_ndarray(format="bgr24"), boxes, job)
            if size == (width, height):  # an odd row or column goes; another size is made as large by the encoder
                picture = picture[: stream.height, : stream.width].copy()
            shown = av.VideoFrame.from_ndarray(picture, format="bgr24")
            shown.pts = last = max(last + 1, last + 1 if frame.pts is None else frame.pts)
            shown.time_base = frame.time_base
            output.mux(stream.encode(shown))
        output.mux(stream.encode(None))
    return finder.counts, made.getvalue()


class Finder:
    """Faces from the front and the side, plates, and people's heads; rather too many than too few."""

    def __init__(self) -> None:
        import cv2
        import cv2.data

        self._cv2 = cv2
        self.counts = {"faces": 0, "plates": 0, "heads": 0}
        self._looks = 0
        self._known: dict[str, list[tuple[Box, int]]] = {kind: [] for kind in self.counts}  # and in which look
        self._cascades = [
            (kind, cv2.CascadeClassifier(cv2.data.haarcascades + name))
            for kind, name in (
                ("faces", "haarcascade_frontalface_default.xml"),
                ("faces", "haarcascade_profileface.xml"),
                ("plates", "haarcascade_russian_plate_number.xml"),
            )
        ]
        self._people = cv2.HOGDescriptor()
        self._people.setSVMDetector(cv2.HOGDescriptor.getDefaultPeopleDetector())

    def find(self, gray: Any) -> list[Box]:
        self._looks += 1
        boxes: list[Box] = []
        for kind, cascade in self._cascades:
            for picture, mirrored in ((gray, False), (gray[:, ::-1], True)):
                if mirrored and kind == "plates":
                    continue
                for x, y, w, h in cascade.detectMultiScale(picture, 1.15, 3, minSize=(20, 20)):
                    left = gray.shape[1] - x - w if mirrored else x
                    boxes.append((int(left), int(y), int(w), int(h)))
                    self._count(kind, boxes[-1])
        for x, y, w, h in self._plates(gray):
            boxes.append((x, y, w, h))
            self._count("plates", boxes[-1])
        scale = min(1.0, 960 / gray.shape[1])
        small = self._cv2.resize(gray, None, fx=scale, fy=scale) if scale < 1 else gray
        if small.shape[0] >= 128 and small.shape[1] >= 64:
            people, _ = self._people.detectMultiScale(small, winStride=(8, 8), scale=1.1)
            for x, y, w, h in people:
                boxes.append((int((x + w * 0.25) / scale), int(y / scale), int(w * 0.5 / scale), int(h * 0.25 / scale)))
                self._count("heads", boxes[-1])
        return boxes

    def _count(self, kind: str, box: Box) -> None:
        """One more, unless it lies where one of its kind was in this look or in the last ones."""
        known = self._known[kind] = [(one, at) for one, at in self._known[kind] if self._looks - at <= SAME_LOOKS]
        if not any(_same(box, one) for one, _ in known):
            self.counts[kind] += 1
        known.append((box, self._looks))

    def _plates(self, gray: Any) -> list[Box]:
        """Rows of upright strokes, light on dark or dark on light: plates, and lettering that is none."""
        import numpy as np

        cv2 = self._cv2
        edges = np.abs(cv2.Sobel(cv2.GaussianBlur(gray, (3, 3), 0), cv2.CV_32F, 1, 0))
        steep = (edges > max(60.0, 3.0 * float(edges.mean()))).astype(np.uint8)
        found: list[Box] = []
        for bridge in BRIDGES:
            rows = cv2.morphologyEx(steep, cv2.MORPH_CLOSE, np.ones((1, bridge[0]), np.uint8))
            rows = cv2.morphologyEx(rows, cv2.MORPH_OPEN, np.ones((bridge[1], bridge[0]), np.uint8))
            _, _, parts, _ = cv2.connectedComponentsWithStats(rows, connectivity=8)
            for x, y, w, h, area in parts[1:].tolist():
                if not (PLATE_PX[0] <= h <= PLATE_PX[1] and PLATE_ASPECT[0] <= w / h <= PLATE_ASPECT[1]):
                    continue
                strokes = np.count_nonzero(np.diff(steep[y + h // 2, x : x + w].astype(np.int8)) == 1)
                if area >= PLATE_FILL * w * h and strokes >= PLATE_STROKES:
                    found.append((x - h // 4, y - h // 4, w + h // 2, h + h // 2))
        return found


def _scaled(box: Box, was: Size, size: Size) -> Box:
    """Where `box` of a picture of another size lies in this one."""
    wide, tall = size[0] / was[0], size[1] / was[1]
    return round(box[0] * wide), round(box[1] * tall), round(box[2] * wide), round(box[3] * tall)


def _same(one: Box, other: Box) -> bool:
    """Half of the smaller one lies in the other."""
    wide = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    high = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return wide > 0 and high > 0 and 2 * wide * high >= min(one[2] * one[3], other[2] * other[3])


def hide(picture: Any, boxes: list[Box], job: PublishJob) -> Any:
    """The picture with all that shall not be seen as coarse blocks; masks are grey."""
    import cv2
    import numpy as np

    height, width = picture.shape[:2]
    coarse = cv2.resize(picture, (max(1, width // BLOCK_PX), max(1, height // BLOCK_PX)), interpolation=cv2.INTER_AREA)
    coarse = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_NEAREST)
    hidden = np.zeros((height, width), bool)
    if job.only is not None:
        x, y, w, h = job.only
        hidden[:] = True
        hidden[int(y * height) : int((y + h) * height) + 1, int(x * width) : int((x + w) * width) + 1] = False
    for x, y, w, h in boxes:
        more_x, more_y = int(GROW * w), int(GROW * h)
        hidden[max(0, y - more_y) : y + h + more_y, max(0, x - more_x) : x + w + more_x] = True
    shown = np.where(hidden[:, :, None], coarse, picture)
    for mask in job.masks:
        corners = np.array(mask, np.float64).reshape(-1, 2) * (width, height)
        cv2.fillPoly(shown, [corners.round().astype(np.int32)], (96, 96, 96))
    return shown


if __name__ == "__main__":
    main()
