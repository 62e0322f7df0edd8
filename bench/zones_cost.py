"""What a frame of 1080p costs one thread: zones, MOG2, KNN; and the memory of a process that does only that.

    python bench/zones_cost.py

The scene is seed 10000 of bench/gate_scene.py, enlarged; cost depends on how much moves.
"""

import os
import resource
import sys
import time
from itertools import islice
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"
ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import cv2  # noqa: E402
import numpy as np  # noqa: E402

from bench.gate_scene import FPS, GateScene  # noqa: E402
from edge_agent.vision.zones import ZoneWatch  # noqa: E402

FRAMES, SIZE = 150, (1920, 1080)


def main() -> None:
    cv2.setNumThreads(1)
    scene = GateScene(10_000, "walk", "day")
    watch = ZoneWatch(scene.zones, scene.lines, SIZE)
    methods = {
        "zones": lambda gray, n: watch.see(gray, 1_000 + n * 1_000 // FPS),
        "mog2": lambda gray, n, model=cv2.createBackgroundSubtractorMOG2(): model.apply(gray),
        "knn": lambda gray, n, model=cv2.createBackgroundSubtractorKNN(): model.apply(gray),
    }
    print("| 1920 × 1080 | CPU ms p50 / p95 | resident memory after it, MB |\n|---|---|---|")
    for method, see in methods.items():
        ms = []
        for n, small in enumerate(islice(scene.frames(), FRAMES)):
            gray = cv2.resize(small, SIZE, interpolation=cv2.INTER_LINEAR)
            began = time.thread_time()
            see(gray, n)
            ms.append((time.thread_time() - began) * 1000)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"| {method} | {np.percentile(ms[40:], 50):.1f} / {np.percentile(ms[40:], 95):.1f} | {memory:.0f} |")


if __name__ == "__main__":
    main()
