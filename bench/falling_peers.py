"""What everybody does: background subtraction, opening, contours, nearest neighbour, "it goes down"."""

import time
from collections.abc import Callable

import cv2
import numpy as np

FIXES, DOWN_PX, STEP_PX, MISSES = 8, 60.0, 90.0, 2


class Contours:
    """MOG2 or KNN on the whole frame, masks opened with 3 × 3; a track that goes down for 8 fixes is an alarm."""

    def __init__(self, kind: str, height: int) -> None:
        self.kind, self.scale = kind, height / 1920
        mog2 = kind == "mog2"
        self.model = (cv2.createBackgroundSubtractorMOG2 if mog2 else cv2.createBackgroundSubtractorKNN)(
            300, 100 if mog2 else 400, False
        )
        self.live: list[list[tuple[float, float, float]]] = []
        self.alarms: list[list[tuple[float, float, float]]] = []
        self.missed: list[int] = []
        self.cost: list[float] = []

    def see(self, gray: np.ndarray, at: int) -> None:
        began = time.process_time()
        mask = cv2.morphologyEx(self.model.apply(gray), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        boxes = [cv2.boundingRect(one) for one in outlines[:200]]
        points = [(x + w / 2, y + h / 2) for x, y, w, h in boxes]
        self._follow(points, float(at))
        self.cost.append(time.process_time() - began)

    def _follow(self, points: list[tuple[float, float]], at: float) -> None:
        free = set(range(len(points)))
        for n, track in enumerate(self.live):
            _, u, v = track[-1]
            if len(track) > 1:  # constant velocity
                u, v = 2 * u - track[-2][1], 2 * v - track[-2][2]
            near = min(free, key=lambda p: (points[p][0] - u) ** 2 + (points[p][1] - v) ** 2, default=None)
            if near is not None and np.hypot(points[near][0] - u, points[near][1] - v) < STEP_PX * self.scale:
                free.discard(near)
                track.append((at, *points[near]))
                self.missed[n] = 0
            else:
                self.missed[n] += 1
        keep = [n for n, missed in enumerate(self.missed) if missed <= MISSES]
        for n, track in enumerate(self.live):
            if n not in keep:
                self._ended(track)
        self.live, self.missed = [self.live[n] for n in keep], [self.missed[n] for n in keep]
        for p in free:
            self.live.append([(at, *points[p])])
            self.missed.append(0)

    def _ended(self, track: list[tuple[float, float, float]]) -> None:
        down = np.diff([v for _, _, v in track])
        if len(track) >= FIXES and track[-1][2] - track[0][2] >= DOWN_PX * self.scale and np.mean(down > 0) >= 0.9:
            self.alarms.append(track)

    def judged(self, falls: list[Callable[[list[tuple[float, float, float]]], bool]]) -> dict:
        for track in self.live:
            self._ended(track)
        self.live = []
        found = [any(fall(track) for track in self.alarms) for fall in falls]
        right = sum(any(fall(track) for fall in falls) for track in self.alarms)
        return {"found": found, "false": len(self.alarms) - right, "ms": round(1000 * float(np.median(self.cost)), 1)}
