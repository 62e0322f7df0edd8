"""Falling objects: recall, false alarms, floors, time to alert, cost. `make bench-vision` (HOURS=, FALLS=, JOBS=).

Every run adds clips of seeds not yet seen to .cache/bench/falling.jsonl (or RESULTS=) and prints all that was measured
with this very code; a changed line of what analyses, draws or judges, or another library, begins anew
(bench/falling_rows.py). In seeds from 46000 on things fall, from 58000 on nothing does; none of them was tuned on (some
below 44000 and 57120 were, the others are earlier versions'). From 72000 on the wall is real footage of an office, from
74000 on of a tower (bench/falling_footage.py), from 73000 and 75000 on with nothing that falls in it. MOG2 and KNN with
contour tracking get every tenth clip in the same run.
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

from bench import falling_footage  # noqa: E402
from bench.falling_judge import FALLS_A_CLIP, QUIET_S, drawn, play  # noqa: E402
from bench.falling_report import report  # noqa: E402
from bench.falling_rows import append, code, read, writer  # noqa: E402
from tests.vision.facade.clip import Clip  # noqa: E402

RESULTS = Path(os.environ.get("RESULTS", ROOT / ".cache/bench/falling.jsonl"))
FALLING, QUIET, FOOTAGE, A_PLACE = 46_000, 58_000, 72_000, 2_000


def clip_of(seed: int) -> Clip:
    """Six falls or a minute of nothing that falls; the weathers come in turn."""
    place, rest = divmod(seed - FOOTAGE, A_PLACE)
    if place >= 0:
        return drawn(seed, rest < A_PLACE // 2, falling_footage.PLACES[place])
    return drawn(seed, seed < QUIET, None)


def measured(seed: int) -> dict:
    cv2.setNumThreads(1)
    return play(clip_of(seed), peers=seed % 10 == 0)


def planned(hours: float, falls: int, done: set[int]) -> list[int]:
    todo = [*range(FALLING, FALLING + falls // FALLS_A_CLIP), *range(QUIET, QUIET + round(hours * 3600 / QUIET_S))]
    for number, place in enumerate(falling_footage.PLACES):
        first, quiet = FOOTAGE + number * A_PLACE, FOOTAGE + number * A_PLACE + A_PLACE // 2
        if place.file.is_file():
            todo += [*range(first, first + max(2, falls // FALLS_A_CLIP // 5)), quiet, quiet + 1]
        else:
            print(f"{place.file} is not there (EDGE_AGENT_DATA): nothing on real footage of the {place.name}")
    return [seed for seed in todo if seed not in done]


def main() -> None:
    hours, falls = float(os.environ.get("HOURS", "1")), int(os.environ.get("FALLS", "720"))
    mark = code()
    if hours or falls:
        # The pool before the file: children of a run that was killed would hold its lock.
        with Pool(int(os.environ.get("JOBS", "2"))) as pool, writer(RESULTS) as file:
            done = {row["seed"] for row in read(RESULTS, mark)}
            for made in pool.imap_unordered(measured, planned(hours, falls, done)):
                append(file, {"code": mark, **made})
    print(report(read(RESULTS, mark), FALLING, QUIET, [place.name for place in falling_footage.PLACES]))


if __name__ == "__main__":
    main()
