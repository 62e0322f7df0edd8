"""What a frame of 1080p costs one thread: zones, and MOG2 and KNN with contours, tracks and the same rules.

    python bench/zones_cost.py

The scene is seed 10000 of bench/gate_scene.py at 15 frames a second, enlarged; cost depends on how much moves. Each
method has a process of its own, which reads the pictures one by one; "reading alone" is the same process without one.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"
ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import cv2  # noqa: E402
import numpy as np  # noqa: E402

from bench.gate_scene import HEIGHT, WIDTH, GateScene  # noqa: E402
from bench.plain import WARM_S, Plain  # noqa: E402
from edge_agent.vision.zones import ZoneWatch  # noqa: E402

FPS, SIZE = 15, (1920, 1080)
METHODS = "reading alone", "zones", "mog2", "knn"


def seeing(method: str, scene: GateScene) -> Callable[[np.ndarray, int], object]:
    """What `method` does with a picture and its number."""
    if method == "zones":
        watch = ZoneWatch(scene.zones, scene.lines, SIZE)
        return lambda gray, n: watch.see(gray, 1_000 + n * 1_000 // FPS)
    if method == "reading alone":
        return lambda gray, n: None
    plain = Plain(method, scene.zones, scene.lines, SIZE)
    return lambda gray, n: plain.see(gray, n / FPS)


def measured(method: str, pictures: BinaryIO) -> dict:
    """In this process: ms of each frame after the first seconds, which are learnt from, and the most memory it had."""
    cv2.setNumThreads(1)
    see = seeing(method, GateScene(10_000, "walk", "day"))
    ms = []
    while data := pictures.read(WIDTH * HEIGHT):
        small = np.frombuffer(data, np.uint8).reshape(HEIGHT, WIDTH)
        gray = cv2.resize(small, SIZE, interpolation=cv2.INTER_LINEAR)
        began = time.thread_time()
        see(gray, len(ms))
        ms.append((time.thread_time() - began) * 1000)
    status = Path("/proc/self/status").read_text("utf-8")  # ru_maxrss has the parent's in it
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    return {"ms": ms[round(WARM_S * FPS) :], "mb": peak / 1024}


def main() -> None:
    if len(sys.argv) > 1:
        print(json.dumps(measured(sys.argv[1], sys.stdin.buffer)))
        return
    with tempfile.TemporaryFile() as file:
        count = 0
        for picture in GateScene(10_000, "walk", "day").frames(FPS):
            file.write(picture.tobytes())
            count += 1
        print(f"1920 × 1080, {FPS} frames a second, {count} frames, one thread\n")
        print("| | CPU ms of a frame, p50 / p99 | frames a second of one core | resident at its peak, MB |")
        print("|---|---|---|---|")
        for method in METHODS:
            file.seek(0)
            made = subprocess.run([sys.executable, __file__, method], stdin=file, capture_output=True, check=True)
            row = json.loads(made.stdout)
            each = f"{np.percentile(row['ms'], 50):.1f} / {np.percentile(row['ms'], 99):.1f}"
            rate = "–" if method == METHODS[0] else f"{1000 / np.mean(row['ms']):.0f}"
            print(f"| {method} | {each} | {rate} | {row['mb']:.0f} |", flush=True)


if __name__ == "__main__":
    main()
