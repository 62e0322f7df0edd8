"""What each stage of the falling-object watch costs a frame of 1080 × 1920 on one thread, and the memory of a child.

    python bench/falling_cost.py [--frames 240]

Seeds 19000 and up of the drawn walls, one of each weather with falls in it, at 15 frames a second and 4 Mb/s of H.264;
the child is the gateway's own, on the same pictures as a file. CPU time of the thread: a busy machine counts less.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"
ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import av  # noqa: E402
import cv2  # noqa: E402
import msgspec  # noqa: E402
import numpy as np  # noqa: E402

from edge_agent.model.detections import SentryJob  # noqa: E402
from edge_agent.model.site import Camera  # noqa: E402
from edge_agent.vision import falling  # noqa: E402
from edge_agent.vision.falling import FallingWatch  # noqa: E402
from edge_agent.vision.falling_candidates import Candidates  # noqa: E402
from edge_agent.vision.falling_steady import Steady  # noqa: E402
from edge_agent.vision.falling_tracks import Tracks  # noqa: E402
from tests.vision.facade import FPS  # noqa: E402
from tests.vision.facade.clip import WEATHERS, Clip, draw, luma  # noqa: E402

FIRST, LEARNS, BIT_RATE = 19_000, 40, 4_000_000
STAGES = {
    "decode": (), "steady": (Steady, "hold"), "differs": (Candidates, "_over"), "learns": (Candidates, "_learn"),
    "blobs": (Candidates, "_blobs"), "tracks": (Tracks, "step"), "back": (Tracks, "grown"),
    "gravity": (falling, "judge"),
}  # fmt: skip
CHILD_S = 15.0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--frames", type=int, default=240)
    frames = parser.parse_args().frames
    cv2.setNumThreads(1)
    spent: dict[str, float] = defaultdict(float)
    for stage, where in STAGES.items():
        if where:
            timed(*where, stage, spent)
    print(f"| CPU ms of a frame, p50 / p95 | {' | '.join(STAGES)} | blur and rest | all but decoding |")
    print("|---" * (len(STAGES) + 3) + "|")
    with tempfile.TemporaryDirectory() as folder:
        for n in range(len(WEATHERS)):
            clip = draw(FIRST + n, falls=6, weather=WEATHERS[(FIRST + n) % len(WEATHERS)])
            file = Path(folder) / f"{clip.weather}.mp4"
            written(clip, frames, file)
            print(row(clip, file, spent), flush=True)
        print(f"\na camera's child on it, at its peak: {child_mb(clip, file):.0f} MB resident, its decoder included")


def timed(owner: Any, method: str, stage: str, spent: dict[str, float]) -> None:
    inner: Callable[..., Any] = getattr(owner, method)

    def outer(*given: Any) -> Any:
        began = time.thread_time()
        try:
            return inner(*given)
        finally:
            spent[stage] += (time.thread_time() - began) * 1000

    setattr(owner, method, outer)


def written(clip: Clip, frames: int, file: Path) -> None:
    with av.open(str(file), "w") as container:
        stream = container.add_stream("libx264", rate=round(FPS))
        stream.width, stream.height, stream.pix_fmt = clip.camera.width, clip.camera.height, "yuv420p"
        stream.bit_rate, stream.options = BIT_RATE, {"preset": "superfast", "tune": "zerolatency"}
        for picture in islice(clip.raw(), frames):
            canvas = np.full((picture.shape[0] * 3 // 2, picture.shape[1]), 128, np.uint8)
            canvas[: picture.shape[0]] = picture
            container.mux(stream.encode(av.VideoFrame.from_ndarray(canvas, format="yuv420p")))
        container.mux(stream.encode(None))


def row(clip: Clip, file: Path, spent: dict[str, float]) -> str:
    watch = FallingWatch(clip.facade)
    each: dict[str, list[float]] = defaultdict(list)
    with av.open(str(file)) as container:
        container.streams.video[0].thread_type = "NONE"
        decoded = container.decode(video=0)
        for n in range(10**9):
            spent.clear()
            began = time.thread_time()
            frame = next(decoded, None)
            spent["decode"] = (time.thread_time() - began) * 1000
            if frame is None:
                break
            gray = luma(frame)
            began = time.thread_time()
            watch.see(gray, round(n * 1000 / FPS))
            whole = (time.thread_time() - began) * 1000
            for stage in STAGES:
                each[stage].append(spent[stage])
            each["rest"].append(whole - sum(spent[stage] for stage in STAGES if stage != "decode"))
            each["all"].append(whole)
    cells = (f"{np.percentile(ms[LEARNS:], 50):.1f} / {np.percentile(ms[LEARNS:], 95):.1f}" for ms in each.values())
    return f"| {clip.weather} | {' | '.join(cells)} |"


def child_mb(clip: Clip, file: Path) -> float:
    """The most that a real child of this camera and wall has had resident."""
    camera = Camera(name="wall", url=f"file://{file}", use=("alerts",), fps=FPS)
    with subprocess.Popen(
        [sys.executable, "-m", "edge_agent.vision.sentry"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as child:
        assert child.stdin is not None
        child.stdin.write(msgspec.json.encode(SentryJob(camera, facades=(clip.facade,))) + b"\n")
        child.stdin.flush()
        time.sleep(CHILD_S)
        status = Path(f"/proc/{child.pid}/status").read_text("utf-8")
        child.kill()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) / 1024


if __name__ == "__main__":
    main()
