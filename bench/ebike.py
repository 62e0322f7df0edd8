"""E-bikes in lifts, lobbies and corridors: what networks find in real pictures, and what the rule `ebike` makes of it.

    python bench/ebike.py manifest.toml…            # of networks beside their manifests; none: those in .cache/models

Pictures with labels: .cache/lift/images/*.png and labels/*.txt (28 of github.com/EtoilesHa/ebike-detect-via-YOLO,
data_improvement/ebike/images and dataset_ebike_yolo/labels; class 0 is the e-bike). A ceiling camera in a lift, five
seconds: .cache/lift/2020(5000).jpg to 2020(5011).jpg (github.com/Lily-Le/ebikedetection, test_samples). A network that
was trained with some of them proves nothing by those.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"
ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import cv2  # noqa: E402
import numpy as np  # noqa: E402
from msgspec import structs  # noqa: E402

from bench.scores import wilson  # noqa: E402
from edge_agent.model.face_models import EBIKES, KNOWN, Manifest  # noqa: E402
from edge_agent.model.sightings import Phase, Sighting  # noqa: E402
from edge_agent.model.site import Zone  # noqa: E402
from edge_agent.vision.models import read_manifest  # noqa: E402
from edge_agent.vision.objects import ObjectNet, Seen  # noqa: E402
from edge_agent.vision.zones import ZoneWatch  # noqa: E402

HERE = ROOT / ".cache/lift"
LIMITS = {0.9: 0.34, 0.5: 0.5}  # score the rule wants, by sensitivity
SAME = 0.3  # intersection over union
FPS, BARE_S, EACH_S = 10, 5, 0.4
FLOOR = Zone(name="lift", camera="c", watch=("ebike",), points=((0.1, 0.1), (0.95, 0.1), (0.95, 1.0), (0.1, 1.0)))


CEILING = [f"2020({5000 + n}).jpg" for n in range(12)]


def sequence(pictures: Sequence[Path]) -> list[np.ndarray]:
    """The lift bare (the median of the pictures), each of them in turn, and bare again."""
    shown = [cv2.imread(str(path)) for path in pictures]
    bare = np.median(np.stack(shown), axis=0).astype(np.uint8)
    noise = np.random.default_rng(1)
    frames = (
        [bare] * (BARE_S * FPS) + [one for one in shown for _ in range(round(EACH_S * FPS))] + [bare] * (BARE_S * FPS)
    )
    return [cv2.add(frame, noise.integers(0, 6, frame.shape, np.uint8)) for frame in frames]


def told(net: ObjectNet, zone: Zone, frames: Sequence[np.ndarray]) -> list[Sighting]:
    """What the rules of a zone say of pictures, ten a second."""
    high, wide = frames[0].shape[:2]
    watch, said = ZoneWatch([zone], [], (wide, high), net), list[Sighting]()
    for n, frame in enumerate(frames):
        said += watch.see(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), n * 1000 // FPS, lambda frame=frame: frame)
    return said


def labelled() -> list[tuple[np.ndarray, list[tuple[float, float, float, float]]]]:
    """Each picture with the boxes of its e-bikes: left, top, width, height in px."""
    found = []
    for path in sorted((HERE / "images").glob("*.png")):
        picture = cv2.imread(str(path))
        high, wide = picture.shape[:2]
        rows = [line.split() for line in (HERE / f"labels/{path.stem}.txt").read_text("ascii").splitlines()]
        boxes = [tuple(map(float, row[1:5])) for row in rows if row[0] == "0"]
        found.append((picture, [((x - w / 2) * wide, (y - h / 2) * high, w * wide, h * high) for x, y, w, h in boxes]))
    return found


def overlap(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    wide = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    high = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    shared = max(0.0, wide) * max(0.0, high)
    return shared / (one[2] * one[3] + other[2] * other[3] - shared)


def measure(net: ObjectNet) -> None:
    pictures, ms, looks = labelled(), list[float](), list[list[Seen]]()
    for picture, _ in pictures:
        began = time.thread_time()
        looks.append([seen for seen in net.find(picture) if seen.name in EBIKES])
        ms.append((time.thread_time() - began) * 1000)
    there = sum(len(boxes) for _, boxes in pictures)
    print(f"\n{net.id}: {net.manifest.width} x {net.manifest.height}, {median(ms):.0f} ms a look (worst {max(ms):.0f})")
    for sensitivity, limit in LIMITS.items():
        hits = wrong = 0
        for (_, boxes), look in zip(pictures, looks, strict=True):
            seen = [one.box for one in look if one.score >= limit]
            hits += sum(any(overlap(box, one) >= SAME for one in seen) for box in boxes)
            wrong += sum(all(overlap(box, one) < SAME for box in boxes) for one in seen)
        low, high = wilson(hits, there)
        print(
            f"  score {limit}: {hits} of {there} e-bikes in {len(pictures)} pictures ({low:.2f}-{high:.2f}), "
            f"{wrong} boxes that are none"
        )
        zone = structs.replace(FLOOR, sensitivity=sensitivity)
        said = told(net, zone, sequence([HERE / name for name in CEILING]))
        begun = [one.up_ms / 1000 - BARE_S for one in said if one.phase is Phase.BEGUN]
        print(
            f"  the rule at sensitivity {sensitivity} before the ceiling camera: {len(begun)} alerts"
            + "".join(f", {s:.1f} s after it came" for s in begun)
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("manifests", nargs="*", type=Path)
    chosen = parser.parse_args().manifests
    models: list[tuple[Path, Manifest]] = [(path.parent, read_manifest(path)) for path in chosen]
    cache = ROOT / ".cache/models"
    if not chosen:
        models += [(cache, one) for one in KNOWN if set(one.classes) & set(EBIKES) and (cache / one.file).is_file()]
        models += [(path.parent, read_manifest(path)) for path in sorted(cache.glob("*.toml"))]
    if not models or not all((HERE / name).is_file() for name in CEILING) or not any((HERE / "images").glob("*.png")):
        sys.exit("networks in .cache/models and pictures in .cache/lift are needed: see the head of this file")
    cv2.setNumThreads(1)
    for folder, manifest in models:
        measure(ObjectNet(str(folder), manifest, EBIKES))


if __name__ == "__main__":
    main()
