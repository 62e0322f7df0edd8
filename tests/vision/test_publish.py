"""What may be shown to others: real faces and a plate in a clip cannot be recognised any more, the rest can."""

import io
import json
import subprocess
import sys
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import cv2
import dlib
import numpy as np
import pytest

from edge_agent.vision.publish import PublishJob, publish
from tests.vision.pictures import photos

WIDTH, HEIGHT, FRAMES, FPS = 640, 480, 12, 6


PLATES = {  # background, letters (BGR), text
    "blue": ((160, 60, 20), (245, 245, 245), "B A12345"),
    "green": ((150, 200, 110), (15, 15, 15), "B AD12345"),
    "white": ((245, 245, 245), (10, 10, 10), "A123BC 77"),
}


def plate(kind: str, tall: int) -> np.ndarray:
    ground, ink, text = PLATES[kind]
    made = np.zeros((60, 270, 3), np.uint8)
    made[:] = ground
    cv2.rectangle(made, (3, 3), (266, 56), ink, 2)
    cv2.putText(made, text, (14, 44), cv2.FONT_HERSHEY_SIMPLEX, 1.3, ink, 4)
    return cv2.resize(made, (tall * 270 // 60, tall), interpolation=cv2.INTER_AREA)


@cache
def soft() -> np.ndarray:
    rng = np.random.default_rng(4)
    return cv2.GaussianBlur(rng.integers(40, 200, (HEIGHT, WIDTH, 3), np.uint8), (0, 0), 25)


@cache
def car(kind: str, tall: int, tilt: float) -> np.ndarray:
    """A plate on the back of something dark before a soft background."""
    picture = soft().copy()
    cv2.rectangle(picture, (180, 150), (500, 420), (60, 55, 50), -1)
    made = plate(kind, tall)
    picture[300 : 300 + tall, 220 : 220 + made.shape[1]] = made
    turn = cv2.getRotationMatrix2D((320, 300), tilt, 1)
    return cv2.warpAffine(picture, turn, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)


def scene(name: str, tall: int = 260) -> np.ndarray:
    """A person's photograph on a textured wall."""
    rng = np.random.default_rng(3)
    picture = np.kron(rng.integers(60, 200, (HEIGHT // 8, WIDTH // 8, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    photo = cv2.imread(str(photos()[name]))
    assert photo is not None
    photo = cv2.resize(photo, (tall * photo.shape[1] // photo.shape[0], tall), interpolation=cv2.INTER_AREA)
    picture[40 : 40 + tall, 60 : 60 + photo.shape[1]] = photo[:, : WIDTH - 60]
    return picture


def clip_of(picture: np.ndarray) -> bytes:
    made = io.BytesIO()
    with av.open(made, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.options = {"preset": "ultrafast", "crf": "16"}
        for n in range(FRAMES):
            moved = np.roll(picture, n, axis=1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(moved, format="bgr24")))
        container.mux(stream.encode(None))
    return made.getvalue()


def pictures(clip: bytes) -> list[np.ndarray]:
    with av.open(io.BytesIO(clip)) as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]


face_finder = cache(dlib.get_frontal_face_detector)


def faces(picture: np.ndarray) -> int:
    """By another detector than the one that blurs; enlarged once, as face_recognition does."""
    return len(face_finder()(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), 1))


@pytest.mark.parametrize("name", ["obama.jpg", "biden.jpg"])
def test_r14_no_face_is_left_and_the_rest_is(name: str) -> None:
    clip = clip_of(scene(name))
    assert all(faces(picture) for picture in pictures(clip)[::4]), "there was one"
    counts, made = publish(clip, PublishJob())
    shown = pictures(made)
    assert counts["faces"] > 0
    assert len(shown) == FRAMES
    assert [faces(picture) for picture in shown[::2]] == [0] * 6
    before, after = pictures(clip)[3][340:460, 420:620], shown[3][340:460, 420:620]
    assert np.abs(before.astype(int) - after.astype(int)).mean() < 12, "the wall is as it was"


@pytest.mark.parametrize("kind", PLATES)
@pytest.mark.parametrize(("tall", "tilt"), [(14, 0.0), (26, 4.0), (52, -6.0)])
def test_r14_no_plate_can_be_read(kind: str, tall: int, tilt: float) -> None:
    before = car(kind, tall, tilt)
    counts, made = publish(clip_of(before), PublishJob())
    assert counts["plates"] > 0
    # what is left of the plate's own strokes, where it was
    where = car("blue", tall, tilt).astype(int) - car("white", tall, tilt).astype(int)
    inside = np.roll(np.abs(where).sum(axis=2) > 60, 4, axis=1)
    strokes = [
        cv2.Laplacian(cv2.GaussianBlur(cv2.cvtColor(one, cv2.COLOR_BGR2GRAY), (3, 3), 0), cv2.CV_64F)[inside].std()
        for one in (np.roll(before, 4, axis=1), pictures(made)[4])
    ]
    assert strokes[1] < 0.25 * strokes[0]


def test_what_stays_is_counted_once() -> None:
    """One plate on one car, seen in every look; a wall of bricks has rows of strokes, too."""
    counts, _ = publish(clip_of(car("blue", 26, 0.0)), PublishJob())
    assert 1 <= counts["plates"] <= 3, "12 frames: one, and what the wall beside it looks like"


def test_r13_masks_and_all_but_the_event_are_hidden_in_a_process_of_its_own() -> None:
    job = {"masks": [[0.0, 0.0, 0.25, 0.0, 0.25, 1.0, 0.0, 1.0]], "only": [0.6, 0.5, 0.3, 0.4]}
    done = subprocess.run(
        [sys.executable, "-m", "edge_agent.vision.publish"],
        input=json.dumps(job).encode() + b"\n" + clip_of(scene("obama.jpg")),
        capture_output=True, check=True, timeout=60, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    *looked, said, made = done.stdout.split(b"\n", FRAMES + 1)
    assert [json.loads(one) for one in looked] == [{"looked": n + 1, "of": FRAMES} for n in range(FRAMES)]
    assert set(json.loads(said)) == {"faces", "plates", "heads"}
    for picture in pictures(made):
        assert np.ptp(picture[10:-10, 10 : WIDTH // 4 - 10].astype(int)) < 24
        sharp = cv2.Laplacian(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.CV_64F)
        assert np.abs(sharp[250:420, 400:560]).mean() > 3 * np.abs(sharp[10:200, 200:380]).mean()


def test_a_picture_that_grew_is_shown_whole(tmp_path: Path) -> None:
    """The camera was set to twice the size while the clip was kept; before and after it nothing is cut off."""
    units, path = io.BytesIO(), tmp_path / "grows.mkv"
    for width, height in ((320, 240), (640, 480)):
        part = io.BytesIO()
        with av.open(part, "w", format="h264") as container:
            stream = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "bf": "0"})
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            picture = np.full((height, width, 3), 60, np.uint8)
            picture[:, width // 2 :] = 200
            for _ in range(6):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
            container.mux(stream.encode(None))
        units.write(part.getvalue())
    units.seek(0)
    with av.open(units, "r", format="h264") as source, av.open(str(path), "w") as target:
        copied = target.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(packet for packet in source.demux(video=0) if packet.size):
            packet.stream, packet.time_base = copied, Fraction(1, FPS)
            packet.pts = packet.dts = number
            target.mux(packet)
    _, made = publish(path.read_bytes(), PublishJob())
    shown = pictures(made)
    assert [one.shape[:2] for one in shown] == [(480, 640)] * 12
    tones = [(round(one[:, 100].mean()), round(one[:, 540].mean())) for one in shown]
    assert all(abs(dark - 60) < 6 and abs(light - 200) < 6 for dark, light in tones), tones
