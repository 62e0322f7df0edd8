"""Zones and lines: precision, recall, time to alert, duplicates, false alarms, people counted, cost. Prints tables.

    python bench/zones.py [--scenes 40] [--first 10000] [--empty 20] [--jobs 2]

Scenes with exact truth come from bench/gate_scene.py, each through H.264; seeds 0–999 were for tuning, the published
numbers are of 10000 and up. Hand-labelled intervals of the public clip vtest_people.avi are in bench/vtest.py. The same
pictures are given to plain MOG2 and KNN subtraction with contour tracking (bench/plain.py), in the same run.
"""

import argparse
import os
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from multiprocessing import Pool
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"
ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import cv2  # noqa: E402
import msgspec  # noqa: E402
import numpy as np  # noqa: E402

from bench.gate_scene import CONDITIONS, FPS, GENERATOR, KINDS, GateScene, Truth, decoded, encoded  # noqa: E402
from bench.scores import Score, poisson_upper  # noqa: E402
from edge_agent.model.face_models import KNOWN  # noqa: E402
from edge_agent.model.sightings import Phase, Sighting  # noqa: E402
from edge_agent.vision.objects import ObjectNet  # noqa: E402
from edge_agent.vision.zones import ZoneWatch  # noqa: E402

EARLY_S, LATE_S, CROSS_S = 1.5, 6.0, 2.0


@dataclass
class Run:
    """What one method said of one scene: (kind, second, direction, people)."""

    said: list[tuple[str, float, str, int]]
    ms: list[float]


def watched(scene: GateScene, frames: list[np.ndarray], colour: list[np.ndarray] | None = None, detector=None) -> Run:
    height, width = frames[0].shape
    watch = ZoneWatch(scene.zones, scene.lines, (width, height), detector)
    said: list[Sighting] = []
    ms = []
    for n, gray in enumerate(frames):
        began = time.thread_time()
        said += watch.see(gray, 1_000 + n * 1_000 // FPS, (lambda n=n: colour[n]) if colour else None)
        ms.append((time.thread_time() - began) * 1000)
    begun = [one for one in said if one.phase is Phase.BEGUN]
    return Run([(one.kind, (one.up_ms - 1_000) / 1000, one.direction, one.count) for one in begun], ms)


def judge(scene: GateScene, run: Run) -> dict[str, Score]:
    """Alarms against truths, each truth once."""
    scores: dict[str, Score] = defaultdict(Score)
    name = f"{scene.seed}:{scene.kind}/{scene.condition}"
    for kind in {truth.kind for truth in scene.truths} | {kind for kind, *_ in run.said}:
        score = scores[kind]
        truths = [truth for truth in scene.truths if truth.kind == kind]
        alarms = [alarm for alarm in run.said if alarm[0] == kind]
        if kind == "crossing":
            _cross(score, truths, alarms, name)
            continue
        score.truths, score.alarms = len(truths), len(alarms)
        hits: dict[int, int] = defaultdict(int)
        for _, s, direction, _ in sorted(alarms, key=lambda alarm: alarm[1]):
            match = [n for n, truth in enumerate(truths) if _fits(truth, s) and direction in ("", truth.direction)]
            if not match:
                score.false += 1
                score.wrong.append(f"{name} {kind} at {s:.1f}")
                continue
            n = match[0]
            hits[n] += 1
            if hits[n] == 1:
                score.late_s.append(s - truths[n].due_s)
            else:
                score.duplicates += 1
        score.found = len(hits)
        score.missed += [f"{name} {kind} due {t.due_s:.1f}" for n, t in enumerate(truths) if n not in hits]
    return scores


def _fits(truth: Truth, s: float) -> bool:
    return truth.due_s - EARLY_S <= s <= max(truth.over_s, truth.due_s) + LATE_S


def _cross(score: Score, truths: list[Truth], alarms: list[tuple[str, float, str, int]], name: str) -> None:
    """People, not incidents: each person counted once, in its direction."""
    left = sorted(truths, key=lambda truth: truth.due_s)
    score.truths = len(left)
    for _, s, direction, people in alarms:
        score.alarms += people
        for _ in range(people):
            near = [truth for truth in left if truth.direction == direction and abs(truth.due_s - s) <= CROSS_S]
            if near:
                left.remove(near[0])
                score.found += 1
                score.late_s.append(s - near[0].due_s)
            else:
                score.false += 1
                score.wrong.append(f"{name} crossing {direction} at {s:.1f}")
    score.missed += [f"{name} crossing {truth.direction} due {truth.due_s:.1f}" for truth in left]


def kept(scene: GateScene) -> list[bytes]:
    """The scene's packets; drawn once, then read again from .cache/gate."""
    file = ROOT / f".cache/gate/{GENERATOR}-{scene.seed}-{scene.kind}-{scene.condition}.msgpack"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(f".{os.getpid()}")
        part.write_bytes(msgspec.msgpack.encode(list(encoded(scene.frames()))))
        part.replace(file)
    return msgspec.msgpack.decode(file.read_bytes(), type=list[bytes])


def one_scene(
    job: tuple[int, str, str, bool],
) -> tuple[str, str, float, dict[str, dict[str, Score]], dict[str, list[float]]]:
    seed, kind, condition, plain = job
    cv2.setNumThreads(1)
    scene = GateScene(seed, kind, condition)
    frames = list(decoded(iter(kept(scene))))
    runs = {"zones": watched(scene, frames)}
    if plain:
        from bench.plain import plainly

        runs |= {method: plainly(scene, frames, method) for method in ("mog2", "knn")}
    scores = {method: judge(scene, run) for method, run in runs.items()}
    return kind, condition, scene.seconds, scores, {method: run.ms for method, run in runs.items()}


def jobs(first: int, scenes: int, empty: int, plain: bool) -> list[tuple[int, str, str, bool]]:
    kinds = [kind for kind in KINDS if kind != "empty"]
    events = [
        (first + n, kinds[n % len(kinds)], CONDITIONS[n // len(kinds) % len(CONDITIONS)], plain) for n in range(scenes)
    ]
    return events + [(first + 5_000 + n, "empty", CONDITIONS[n % len(CONDITIONS)], plain) for n in range(empty)]


def of_vtest() -> None:
    """The labelled clip: with and without the detector, and plainly."""
    from bench.plain import plainly
    from bench.vtest import SCENE

    cv2.setNumThreads(1)
    data = Path(os.environ.get("EDGE_AGENT_DATA", ROOT.parent / "shared/data"))
    capture = cv2.VideoCapture(str(data / "clips/vtest_people.avi"))
    colour = []
    while (read := capture.read())[0]:
        colour.append(read[1])
    if not colour:
        print("\nvtest_people.avi is not there (EDGE_AGENT_DATA): left out")
        return
    grays = [cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY) for frame in colour]
    runs = {"zones": watched(SCENE, grays, colour)}
    if (data / "models").is_dir():
        detector = ObjectNet(str(data / "models"), next(m for m in KNOWN if m.role == "objects"))
        runs["zones + detector"] = watched(SCENE, grays, colour, detector)
    runs |= {method: plainly(SCENE, grays, method) for method in ("mog2", "knn")}
    print("\nvtest_people.avi, 79.5 s, labelled by hand:\n")
    print(
        "| method | alert | truths | found | false | duplicates | to alert p50 s | CPU ms p50 / p95 |\n|" + "---|" * 8
    )
    for method, run in runs.items():
        for kind, score in sorted(judge(SCENE, run).items()):
            late = f"{np.median(score.late_s):+.1f}" if score.late_s else "–"
            counts = f"{score.truths} | {score.found} | {score.false} | {score.duplicates}"
            print(f"| {method} | {kind} | {counts} | {late} | {np.percentile(run.ms, 50):.1f} / "
                  f"{np.percentile(run.ms, 95):.1f} |")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--scenes", type=int, default=45)
    parser.add_argument("--empty", type=int, default=15)
    parser.add_argument("--first", type=int, default=10_000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--no-plain", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    work = jobs(options.first, options.scenes, options.empty, not options.no_plain)
    totals: dict[str, dict[str, Score]] = defaultdict(lambda: defaultdict(Score))
    by_condition: dict[str, Score] = defaultdict(Score)
    empty_s: dict[str, float] = defaultdict(float)
    empty_false: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    ms: dict[str, list[float]] = defaultdict(list)
    with Pool(options.jobs) as pool:
        for kind, condition, seconds, scores, costs in pool.imap_unordered(one_scene, work):
            for method, of_kind in scores.items():
                ms[method] += costs[method]
                for what, score in of_kind.items():
                    totals[method][what].add(score)
                    if method == "zones":
                        by_condition[condition].add(score)
                if kind == "empty":
                    empty_false[method][condition] += sum(score.alarms for score in of_kind.values())
            if kind == "empty":
                empty_s[condition] += seconds
    if work:
        report(totals, by_condition, empty_s, empty_false, ms, options)
    of_vtest()


def report(totals, by_condition, empty_s, empty_false, ms, options) -> None:
    print(f"# zones and lines: seeds from {options.first}, {options.scenes} scenes + {options.empty} empty, "
          f"generator {GENERATOR}, H.264 round trip\n")  # fmt: skip
    print("| method | alert | truths | recall (Wilson 95 %) | precision | duplicates | to alert p50 / p95 s |")
    print("|---|---|---|---|---|---|---|")
    for method, of_kind in totals.items():
        for kind, score in sorted(of_kind.items()):
            print(f"| {method} | {kind} | {score.truths} | {score.recall()} | {score.precision()} | "
                  f"{score.duplicates} | {score.late()} |")  # fmt: skip
    print("\n| condition (zones) | truths | recall (Wilson 95 %) | precision |\n|---|---|---|---|")
    for condition, score in sorted(by_condition.items()):
        print(f"| {condition} | {score.truths} | {score.recall()} | {score.precision()} |")
    hours = sum(empty_s.values()) / 3600
    print(f"\nEmpty scenes, {hours:.2f} h (all rules on): false alarms, per hour (95 % Poisson upper bound)\n")
    for method, of_condition in empty_false.items():
        count = sum(of_condition.values())
        each = ", ".join(f"{condition} {n}" for condition, n in sorted(of_condition.items()))
        rate, most = count / max(hours, 1e-9), poisson_upper(count) / max(hours, 1e-9)
        print(f"* {method}: {count}, {rate:.1f} (≤ {most:.1f}): {each}")
    print("\nCost per frame of 640 × 360, one thread, CPU ms p50 / p95:")
    for method, values in ms.items():
        print(f"* {method}: {np.percentile(values, 50):.2f} / {np.percentile(values, 95):.2f}")
    if options.verbose:
        for score in totals["zones"].values():
            score.tell_wrong()


if __name__ == "__main__":
    main()
