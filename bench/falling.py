"""Falling objects: recall, false alarms, floors, time to alert, cost. `make bench-vision`.

Every run adds clips that were not measured yet, HOURS= in which nothing falls (1), FALLS= that fall (720), DIVES= of
birds, each of which dives (2000), and CROWDS= clips in which eight times as much comes by as usual (40), to
.cache/bench/falling.jsonl (or RESULTS=), JOBS= at a time, and prints all that was measured with this very code; all of
them 0 only prints. A changed line of what analyses, draws or judges, or
another library, begins anew (bench/falling_rows.py). A run that is ended keeps its clips.

In seeds from 46000 on things fall, from 58000 on nothing does; none of them was tuned on (some below 44000 and 57120
were, the others are earlier versions'). From 72000 on the wall is real footage of an office, from 74000 on of a tower
(bench/falling_footage.py), from 73000 and 75000 on with nothing that falls in it, from 80100 on birds dive, from 90000
on it is crowded; all in bench/falling_series.py. MOG2 and KNN with contour tracking get every tenth clip in the same
run.
"""

import os
import sys
from multiprocessing import Pool
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"
ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import cv2  # noqa: E402

from bench.falling_footage import PLACES  # noqa: E402
from bench.falling_judge import play  # noqa: E402
from bench.falling_report import report  # noqa: E402
from bench.falling_rows import append, code, read, writer  # noqa: E402
from bench.falling_series import added, clip_of  # noqa: E402

RESULTS = Path(os.environ.get("RESULTS", ROOT / ".cache/bench/falling.jsonl"))


def measured(seed: int) -> dict:
    cv2.setNumThreads(1)
    clip = clip_of(seed)
    return play(clip, peers=seed % 10 == 0 and not clip.crowded)


def main() -> None:
    hours, falls = float(os.environ.get("HOURS", "1")), int(os.environ.get("FALLS", "720"))
    dives, crowds = int(os.environ.get("DIVES", "2000")), int(os.environ.get("CROWDS", "40"))
    mark = code()
    if hours or falls or dives or crowds:
        # The pool before the file: children of a run that was killed would hold its lock.
        with Pool(int(os.environ.get("JOBS", "2"))) as pool, writer(RESULTS) as file:
            done = {row["seed"] for row in read(RESULTS, mark)}
            for made in pool.imap_unordered(measured, added(hours, falls, dives, crowds, done)):
                append(file, {"code": mark, **made})
    print(report(read(RESULTS, mark), [place.name for place in PLACES]))


if __name__ == "__main__":
    main()
