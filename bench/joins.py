"""A line across a door and the door's own events: tailgating and passages against the direction, from drawn scenes.

    python bench/joins.py [--scenes 100] [--first 10000] [--jobs 2]

People walk through the line of bench/gate_scene.py, seen from before it and from the side, each through H.264; the
door's story is written around their exact crossings, so that who had a grant is known. The product's own line rule,
core/joins.py and flows/alerting.py say what they find, and open alerts. Seeds 0–999 were for tuning. Stories: everybody
with a grant (nothing is due); two through on one grant (tailgating); somebody the other way round on a grant that was
not theirs (wrong_passage); by the exit button, by an order that keeps the door open, past a shut door (nothing).
"""

import argparse
import asyncio
import logging
import os
import sys
from collections import Counter, defaultdict
from multiprocessing import Pool
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"
ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import cv2  # noqa: E402
import numpy as np  # noqa: E402

from bench.gate_scene import CONDITIONS, FPS, GENERATOR, GateScene, Truth, decoded  # noqa: E402
from bench.scores import Score, poisson_upper  # noqa: E402
from bench.zones import kept  # noqa: E402
from edge_agent.core.joins import DoorJoins, Join  # noqa: E402
from edge_agent.flows.alarm import Alarms  # noqa: E402
from edge_agent.flows.alerting import AGAIN_MS, LOOK_S, CameraAlerts  # noqa: E402
from edge_agent.flows.premises import Premises  # noqa: E402
from edge_agent.model.events import (  # noqa: E402
    AccessGranted,
    AlertOpened,
    DoorClosed,
    DoorModeChanged,
    DoorOpened,
    Event,
    ExitRequested,
)
from edge_agent.model.site import Camera, Policy  # noqa: E402
from edge_agent.vision.zones import ZoneWatch  # noqa: E402
from tests.flows.world import MemoryBooks, MemoryClock, MemoryJournal  # noqa: E402

STORIES = {
    "pair": ("paid", "followed", "followed", "open"),
    "walk": ("paid", "against", "exit", "shut"),
    "across": ("paid", "followed", "followed", "open"),
}
DOOR = "gate"
NEAR_S = 3.0
OPENS_S, SHUTS_S = 0.8, 2.5  # after the grant; after the last one through

AFTER_S, BEGUN_MS = 3, 1_000  # the house goes on after the scene; uptime at its beginning

Told = list[tuple[float, Event]]
Alerts = tuple[Counter[int], int]  # incidents by the number of their alerts, and alerts of none


def granted(direction: str) -> AccessGranted:
    return AccessGranted(door=DOOR, direction=direction, person="p", category="resident", how=("card",), rule="r")


def story(scene: GateScene, name: str, rng: np.random.Generator) -> tuple[Told, list[Truth]]:
    """What the door did, and what it should come to. Whoever crosses within 5 s of another goes through with them."""
    crossings = sorted((truth for truth in scene.truths if truth.kind == "crossing"), key=lambda truth: truth.due_s)
    told: Told = []
    due: list[Truth] = []
    if name == "open":
        told.append((1.0, DoorModeChanged(door=DOOR, mode="unlocked", by="guard", source="operator")))
    groups: list[list[Truth]] = []
    for truth in crossings:
        if groups and truth.due_s - groups[-1][-1].due_s < 5:
            groups[-1].append(truth)
        else:
            groups.append([truth])
    for group in groups:
        if name in ("open", "shut"):
            continue
        first, last, way = group[0].due_s, group[-1].due_s, group[0].direction
        at = first - rng.uniform(1.5, 4.0)
        other = "out" if way == "in" else "in"
        if name == "exit":
            told.append((at, ExitRequested(door=DOOR)))
        elif name == "against":
            told.append((at, granted(other)))
            due += [Truth("wrong_passage", one.due_s, one.due_s, one.due_s, one.direction) for one in group]
        else:
            cards = group[:1] if name == "followed" else group
            told += [(at + 0.7 * n, granted(one.direction)) for n, one in enumerate(cards)]
            if name == "followed":
                due += [Truth("tailgating", one.due_s, one.due_s, one.due_s, one.direction) for one in group[1:]]
        told += [(at + OPENS_S, DoorOpened(door=DOOR)), (last + SHUTS_S, DoorClosed(door=DOOR))]
    return sorted(told, key=lambda one: one[0]), due


def view(scene: GateScene) -> str:
    """Where the camera is, and how the people walk."""
    if scene.kind == "walk":
        return "alone"
    times = [truth.due_s for truth in scene.truths if truth.kind == "crossing"]
    apart = "one behind the other" if max(times) - min(times) > 0.5 else "side by side"
    return f"{apart}, camera {'beside' if scene.kind == 'across' else 'before'} the door"


class Recorded(DoorJoins):
    """Keeps what it found: (join, uptime in ms at which it was told)."""

    def __init__(self, line: str) -> None:
        super().__init__()
        self.line = line
        self.found: list[tuple[Join, int]] = []

    def due(self, now_ms: int) -> list[Join]:
        joins = super().due(now_ms)
        self.found += [(join, now_ms) for join in joins]
        return joins


class Gate:
    """The product's way from a door's events and its line's crossings to alerts; needs a running loop. `opened`: kind
    and moment, in ms, of each alert."""

    def __init__(self, line: str) -> None:
        self.clock, self.journal = MemoryClock(), MemoryJournal()
        self.clock.up_ms = BEGUN_MS
        alarms = Alarms(self.journal, self.clock)
        self.premises = Premises(self.journal, MemoryBooks(), self.clock, alarms, Policy())
        self.flow = CameraAlerts(self.premises, (Camera(name=DOOR, url="rtsp://gate", door=DOOR, use=("alerts",)),))
        self.joins = self.flow.joins[DOOR] = Recorded(line)
        self.opened: list[tuple[str, int]] = []

    async def look(self) -> None:
        """As the flow does by itself every LOOK_S."""
        rows, found = len(self.journal.all), len(self.joins.found)
        self.flow.look()
        await asyncio.sleep(0)
        kinds = [row.event.kind for row in self.journal.all[rows:] if isinstance(row.event, AlertOpened)]
        for kind in kinds:
            at_ms = min(join.at_ms for join, _ in self.joins.found[found:] if join.kind == kind)
            self.opened.append((kind, at_ms))


async def watched(scene: GateScene, frames: list[np.ndarray], told: Told) -> Gate:
    """The scene, and a few seconds more, in which the last crossing is judged."""
    gate = Gate(scene.lines[0].name)
    watch = ZoneWatch((), scene.lines, frames[0].shape[::-1])
    left = list(told)
    for n in range(len(frames) + AFTER_S * FPS):
        gate.clock.up_ms = BEGUN_MS + n * 1_000 // FPS
        while left and left[0][0] <= n / FPS:
            gate.premises.record(left.pop(0)[1])
        for said in watch.see(frames[n], gate.clock.up_ms, None) if n < len(frames) else ():
            gate.flow.see(DOOR, said)
        if n % round(LOOK_S * FPS) == 0:
            await gate.look()
    return gate


def one_scene(job: tuple[int, str, str, str]) -> tuple[str, str, str, float, dict[str, Score], Alerts]:
    seed, kind, condition, name = job
    cv2.setNumThreads(1)
    logging.disable()  # each alert is said once more, where a daemon would log it
    scene = GateScene(seed, kind, condition)
    told, due = story(scene, name, np.random.default_rng(seed + 7))
    gate = asyncio.run(watched(scene, list(decoded(iter(kept(scene)))), told))
    found = [(join.kind, since(join.at_ms), since(at_ms), join.direction) for join, at_ms in gate.joins.found]
    alerts = alerts_by_incident(
        [(one.kind, one.due_s) for one in due], [(alert, since(at_ms)) for alert, at_ms in gate.opened]
    )
    scores = scored(due, found, f"{seed}:{kind}/{condition} {name}")
    return name, condition, view(scene), scene.seconds, scores, alerts


def since(up_ms: int) -> float:
    """Seconds of the scene."""
    return (up_ms - BEGUN_MS) / 1000


def alerts_by_incident(due: list[tuple[str, float]], opened: list[tuple[str, float]]) -> Alerts:
    """How many incidents came to so many alerts, and alerts of none: what is of one kind within the time in which an
    alert goes on is one incident, and should be one alert."""
    incidents = spans(due)
    counts: Counter[int] = Counter()
    for kind, begin, end in incidents:
        counts[int(sum(kind == other and begin - NEAR_S <= at_s <= end + NEAR_S for other, at_s in opened))] += 1
    of_none = sum(
        not any(kind == other and begin - NEAR_S <= at_s <= end + NEAR_S for other, begin, end in incidents)
        for kind, at_s in opened
    )
    return counts, of_none


def spans(moments: list[tuple[str, float]]) -> list[tuple[str, float, float]]:
    """Kind, first and last moment."""
    made: list[tuple[str, float, float]] = []
    for kind, at_s in sorted(moments):
        if made and made[-1][0] == kind and at_s - made[-1][2] < AGAIN_MS / 1000:
            made[-1] = (kind, made[-1][1], at_s)
        else:
            made.append((kind, at_s, at_s))
    return made


def scored(due: list[Truth], found: list[tuple[str, float, float, str]], name: str) -> dict[str, Score]:
    """Each person that was not to pass is found once, at the moment and in the direction they passed."""
    scores: dict[str, Score] = defaultdict(Score)
    for truth in due:
        scores[truth.kind].truths += 1
    left = list(due)
    for kind, at_s, told_s, direction in found:
        score = scores[kind]
        score.alarms += 1
        fits = [
            one for one in due if (one.kind, one.direction) == (kind, direction) and abs(one.due_s - at_s) <= NEAR_S
        ]
        mine = next((one for one in fits if one in left), None)
        if mine is not None:
            left.remove(mine)
            score.found += 1
            score.late_s.append(told_s - mine.due_s)
        elif fits:
            score.duplicates += 1
        else:
            score.false += 1
            score.wrong.append(f"{name} {kind} at {at_s:.1f}")
    for truth in left:
        scores[truth.kind].missed.append(f"{name} {truth.kind} due {truth.due_s:.1f}")
    return scores


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--scenes", type=int, default=100)
    parser.add_argument("--first", type=int, default=10_000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    work = []
    for n in range(options.scenes):
        kind = ("pair", "walk", "across")[n % 3]
        stories = STORIES[kind]
        work.append((options.first + n, kind, CONDITIONS[n // 3 % 5], stories[n // 15 % len(stories)]))
    totals: dict[str, Score] = defaultdict(Score)
    by_condition: dict[str, Score] = defaultdict(Score)
    by_view: dict[str, Score] = defaultdict(Score)
    clean: dict[str, list[float]] = defaultdict(lambda: [0, 0.0, 0])
    told_by: Counter[int] = Counter()
    of_none = 0
    with Pool(options.jobs) as pool:
        for name, condition, way, seconds, scores, (alerts, more) in pool.imap_unordered(one_scene, work):
            told_by += alerts
            of_none += more
            clean[name][0] += 1
            clean[name][1] += seconds
            for kind, score in scores.items():
                totals[kind].add(score)
                by_condition[condition].add(score)
                by_view[way].add(score)
                clean[name][2] += score.false
    report(options, totals, {**by_view, **by_condition}, clean, (told_by, of_none))


def report(options, totals, by_kind, clean, alerts: Alerts) -> None:
    print(
        f"# joins of door and line: {options.scenes} scenes from seed {options.first}, generator {GENERATOR}, H.264\n"
    )
    print(
        "| alert | truths | recall (Wilson 95 %) | precision | persons told twice | told after p50 / p95 s |\n"
        + "|---" * 6
        + "|"
    )
    for kind, score in sorted(totals.items()):
        print(f"| {kind} | {score.truths} | {score.recall()} | {score.precision()} | {score.duplicates} | "
              f"{score.late()} |")  # fmt: skip
    told_by, of_none = alerts
    told = {count: n for count, n in sorted(told_by.items()) if count}
    print(f"\nIncidents {sum(told_by.values())} (what is of one kind within {AGAIN_MS // 1000} s is one), told "
          f"{sum(told.values())}; alerts opened of each: {told}; alerts of no incident: {of_none}")  # fmt: skip
    print("\n| how, and when | truths | recall (Wilson 95 %) | false |\n|---|---|---|---|")
    for kind, score in by_kind.items():
        print(f"| {kind} | {score.truths} | {score.recall()} | {score.false} |")
    print("\n| story | scenes | false alarms | per hour, at most (95 %) |\n|---|---|---|---|")
    for name, (scenes, seconds, false) in sorted(clean.items()):
        print(f"| {name} | {scenes} | {false} | {poisson_upper(false) / (seconds / 3600):.1f} |")
    if options.verbose:
        for score in totals.values():
            score.tell_wrong()


if __name__ == "__main__":
    main()
