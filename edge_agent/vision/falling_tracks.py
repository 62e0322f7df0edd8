"""Tracks in metres, many at once: pairs that may be the beginning of a fall, followed to where gravity takes them.

All state is in arrays with one row a track, so that rain costs little more than calm. A track takes the nearest blob
in its gate; it knows nothing of shapes (an object of two pixels has none) and never uses overlap: near the ground a
falling object moves twenty times its own size from frame to frame.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_agent.vision.falling_candidates import Blobs

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

G = 9.81
USUAL = 4.5, 13.0  # m/s² over the last fixes, of what falls
MOST, NEW_MOST, LENGTH = 512, 120, 120  # tracks, new ones in a frame, fixes of one
MISSES = 5  # frames that a track of three fixes may miss
UNSEEN = 2  # of them before the line at which things land: what is seen past it then is something else
UP_MOST, ACROSS_MOST, MARGIN_M = 5.0, 7.0, 2.0  # m/s, m/s, m above the roof
ABOVE = 0.12, 4.0  # share of the roof and m above it, as high as what is thrown towards the camera seems at first
NEAR_FROM = 9  # fixes; from then on what comes nearer to the camera may seem
NEAR_FASTER, PULL_SEEN = 2.5, 40.0  # so many times beyond those limits, pulled with so many m/s²
GATE_PX, GATE_SIZE, GATE_SHARE = 3.0, 0.25, 0.22
PULL_LEANS = 0.7, 0.1  # px, share of the size: how much the pull leans to 0.9 g
VANISHED_LEAST, AROUND_PX = 10, 8.0  # fixes of a track whose end is looked at; px and three times its size around it
FIX_CONTRAST, ALIKE_CONTRAST = 0.2, 0.4  # of a track's contrast: a blob with less is no fix of it, and is not like it
TWIN = 1.6  # times its size and contrast: like it even where something moves all the time
LOOKED_LEAST, COMPANY_ONE_IN = 4, 3  # frames after its last fix; with something like it in one of three it flies on
BACK_FRAMES, BACK_FIXES, BACK_MISSES = 30, 6, 2  # so far back a track is followed, by so many, with such gaps
FAST_S = 0.035  # two blobs this close in time are of one frame


@dataclass
class Fixes:
    """The fixes of one track: `t` s, `u` `v` px of the analysed frame, `x` `z` m, `size` px, `scale` px per m.

    `missed`: frames since the last one; `company`: those of them with something like it.
    """

    id: int
    t: Array
    u: Array
    v: Array
    x: Array
    z: Array
    size: Array
    scale: Array
    contrast: Array
    missed: int
    company: int = 0


class Tracks:
    def __init__(self, roof_m: float) -> None:
        self._roof_m = roof_m
        self._data = np.zeros((MOST, LENGTH, 9))  # t, u, v, x, z, size, px per m, contrast, past where things land
        self._n = np.zeros(MOST, int)
        self._missed = np.zeros(MOST, int)
        self._id = np.zeros(MOST, int)
        self._down = np.zeros(MOST)  # speed downwards and across at the last fix, as fitted
        self._across = np.zeros(MOST)
        self._pull = np.full(MOST, 0.9 * G)
        self._used = np.zeros(MOST, bool)
        self._judged = np.zeros(MOST, int)  # fixes it had when `grown` gave it last
        self._looked = np.zeros(MOST, int)  # frames since the last fix in which the picture could be looked at
        self._company = np.zeros(MOST, int)  # of them those with something like it within its reach
        self._vanished: list[Fixes] = []
        self._next = 1
        self._past: deque[tuple[float, Array]] = deque(maxlen=BACK_FRAMES)
        self._before: list[Array] = []  # candidates of the two frames before, with their time

    def reset(self) -> None:
        self._used[:] = False
        self._before.clear()
        self._past.clear()

    def step(
        self, t: float, blobs: Blobs, calm: Mask, x: Array, z: Array, scale: Array, past: Mask, looked: bool = True
    ) -> None:
        """One frame. `x`, `z`, `scale`: of each blob, m, px per m; `past`: which lie past where things land; `looked`:
        False when all of the picture changed.
        """
        now = np.column_stack(
            [np.full(len(x), t), blobs[:, 0], blobs[:, 1], x, z, blobs[:, 2:4].max(1), scale, blobs[:, 4], past]
        )
        taken = self._follow(t, now, calm, looked)
        free = now[calm & ~taken]
        self._begin(free)
        self._before = [free, *self._before[:1]]
        self._past.appendleft((t, now))

    def grown(self, least: int, least_m: float, most: int) -> list[int]:
        """Rows that took a fix in this frame, have at least so many, and came down so far. In a storm of blobs there
        are more than `most`: first come those that are pulled as a fall is, the long ones that have grown since they
        were given last before the others.
        """
        rows = np.flatnonzero(self._used & (self._missed == 0) & (self._n >= least))
        drop = self._data[rows, 0, 4] - self._data[rows, self._n[rows] - 1, 4]
        rows = rows[drop >= least_m]
        most_pull = np.where(self._n[rows] >= NEAR_FROM, PULL_SEEN, USUAL[1])
        strange = (self._pull[rows] < USUAL[0]) | (self._pull[rows] > most_pull)
        rows = rows[np.lexsort(((self._judged[rows] - self._n[rows]) * self._n[rows], strange))][:most]
        for row in rows[self._judged[rows] == 0]:
            self._go_back(int(row))
        self._judged[rows] = self._n[rows]
        return [int(row) for row in rows]

    def _go_back(self, row: int) -> None:
        """Puts before its fixes what there was before them: a track begins where something comes down, and what is
        thrown towards the camera seems to rise first, a bird flies to its ledge.
        """
        missed = 0
        for t, past in self._past:
            n = int(self._n[row])
            if t > self._data[row, 0, 0] - FAST_S:
                continue
            if missed > BACK_MISSES or n == LENGTH:
                break
            before = _before(self._data[row, : min(n, BACK_FIXES)], t, past)
            if before is None:
                missed += 1
                continue
            missed = 0
            self._data[row, 1 : n + 1] = self._data[row, :n].copy()
            self._data[row, 0] = before
            self._n[row] += 1

    def vanished(self) -> list[Fixes]:
        """Tracks that ended in this frame with hardly anything like them there that moves on: what went behind a
        balcony, and not the bird that flies away.
        """
        return self._vanished

    def alive(self) -> dict[int, int]:
        """Row of each track that is still followed, by its id."""
        return {int(self._id[row]): int(row) for row in np.flatnonzero(self._used)}

    def drop(self, row: int) -> None:
        self._used[row] = False

    def fixes(self, row: int) -> Fixes:
        data = self._data[row, : self._n[row], :8]
        t, u, v, x, z, size, scale, contrast = data.T.copy()
        return Fixes(
            int(self._id[row]), t, u, v, x, z, size, scale, contrast, int(self._missed[row]), int(self._company[row])
        )

    def _follow(self, t: float, now: Array, calm: Mask, looked: bool) -> Mask:
        taken = np.zeros(len(now), bool)
        rows = np.flatnonzero(self._used)
        self._vanished = []
        if not len(rows):
            return taken
        last = self._data[rows, self._n[rows] - 1]
        dt = t - last[:, 0]
        drop = self._down[rows] * dt + self._pull[rows] * dt**2 / 2
        z, x = last[:, 4] - drop, last[:, 3] + self._across[rows] * dt
        if len(now):
            # in px: differences in metres times the scale midway between the two
            scale = (last[:, 6, None] + now[None, :, 6]) / 2
            off = np.hypot((now[None, :, 4] - z[:, None]) * scale, (now[None, :, 3] - x[:, None]) * scale)
            young = np.where(self._n[rows] < 6, 1.6, 1.0)
            gate = (GATE_PX + GATE_SIZE * last[:, 5] + GATE_SHARE * np.abs(drop) * last[:, 6]) * young
            off[(now[None, :, 5] > 4 * last[:, 5, None] + 6) | (now[None, :, 5] * 4 + 6 < last[:, 5, None])] = np.inf
            off[now[None, :, 7] < FIX_CONTRAST * np.where(self._n[rows] < 6, 0.0, self._contrast(rows))[:, None]] = (
                np.inf
            )
            off[(now[None, :, 8] > last[:, 8, None]) & (self._missed[rows, None] >= UNSEEN)] = np.inf
            best = off.argmin(1)
            hit = off[np.arange(len(rows)), best] <= gate
        else:
            best, hit = np.zeros(len(rows), int), np.zeros(len(rows), bool)
        hit &= self._n[rows] < LENGTH
        got, which = rows[hit], best[hit]
        self._data[got, self._n[got]] = now[which]
        self._n[got] += 1
        self._missed[got] = self._looked[got] = self._company[got] = 0
        taken[which[self._n[got] >= 4]] = True
        lost = rows[~hit]
        self._missed[lost] += 1
        self._looked[lost] += looked
        self._look_around(lost, dt[~hit], now, calm)
        over = lost[self._missed[lost] > np.where(self._n[lost] < 3, 1, MISSES)]
        alone = (self._n[over] >= VANISHED_LEAST) & (self._looked[over] >= LOOKED_LEAST)
        alone &= self._company[over] * COMPANY_ONE_IN <= self._looked[over]
        self._vanished = [self.fixes(row) for row in over[alone]]
        self._used[over] = False
        self._judge(got)
        self._thin(got, which)
        return taken

    def _look_around(self, rows: npt.NDArray[np.int64], dt: Array, now: Array, calm: Mask) -> None:
        """Whether something like them moves where these tracks had their last fix, or could have gone since. Where
        leaves or shaken edges move all the time it has to be very like them.
        """
        long = self._n[rows] >= VANISHED_LEAST
        rows, dt = rows[long], dt[long]
        if not len(rows) or not len(now):
            return
        last = self._data[rows, self._n[rows] - 1]
        speed = np.hypot(self._down[rows] + self._pull[rows] * dt, self._across[rows])
        reach = AROUND_PX + 3 * last[:, 5] + speed * dt * last[:, 6]
        off = np.hypot(
            (now[None, :, 4] - last[:, 4, None]) * last[:, 6, None],
            (now[None, :, 3] - last[:, 3, None]) * last[:, 6, None],
        )
        size, contrast = last[:, 5, None], self._contrast(rows)[:, None]
        alike = 3 * now[None, :, 5] + 2 >= size  # rain in front of something large is not it
        alike &= (now[None, :, 7] >= ALIKE_CONTRAST * contrast) & calm[None, :]
        alike |= _twins(now[None, :, 5], size, 2.0) & _twins(now[None, :, 7], contrast, 0.0)
        self._company[rows] += ((off <= reach[:, None]) & alike).any(1)

    def _contrast(self, rows: npt.NDArray[np.int64]) -> Array:
        """Of each, over its last four fixes; no more than the middle of its last twelve: before dark windows a pale
        bird is not another one.
        """
        back = np.arange(12)
        seen = self._data[rows[:, None], np.maximum(self._n[rows, None] - 1 - back, 0), 7]
        last = seen[:, :4].mean(1)
        seen[back >= self._n[rows, None]] = np.inf
        middle = np.sort(seen, 1)[np.arange(len(rows)), (np.minimum(self._n[rows], len(back)) - 1) // 2]
        return np.asarray(np.minimum(last, middle))

    def _judge(self, rows: npt.NDArray[np.int64]) -> None:
        """Fits speed and pull over the last fixes, all rows at once, and drops what cannot be a fall."""
        if not len(rows):
            return
        last = 8
        n = self._n[rows]
        at = np.clip(n[:, None] - last + np.arange(last)[None], 0, None)
        use = (np.arange(last)[None] >= last - n[:, None]).astype(float)
        data = self._data[rows[:, None], at]
        t = data[:, :, 0] - data[:, -1:, 0]
        z, x = data[:, :, 4], data[:, :, 3]
        # three fixes give speed when the pull is known; six and more give the pull too
        w = use * np.minimum(data[:, :, 6], 60.0) ** 2
        old = n >= 6
        pull = np.where(old, 0.0, 0.9 * G)
        zz = z + pull[:, None] * t**2 / 2
        s = [np.sum(w * t**k, 1) for k in range(5)]
        b = [np.sum(w * zz * t**k, 1) for k in range(3)]
        det2 = s[0] * s[2] - s[1] ** 2
        speed2 = (s[0] * b[1] - s[1] * b[0]) / np.where(np.abs(det2) < 1e-12, 1e-12, det2)
        m = np.stack(
            [np.stack([s[0], s[1], s[2]], 1), np.stack([s[1], s[2], s[3]], 1), np.stack([s[2], s[3], s[4]], 1)], 1
        )
        lean = (PULL_LEANS[0] + PULL_LEANS[1] * data[:, -1, 5]) ** 2
        m += np.eye(3)[None] * 1e-9
        m[:, 2, 2] += lean
        r = np.stack(b, 1)
        r[:, 2] -= 0.45 * G * lean
        full = np.linalg.solve(m, r[:, :, None])[:, :, 0]
        self._down[rows] = -np.where(old, full[:, 1], speed2)
        pull_most = np.where(n >= NEAR_FROM, PULL_SEEN, 16.0)
        self._pull[rows] = np.where(old, np.clip(-2 * full[:, 2], 0.0, pull_most), 0.9 * G)
        bx = [np.sum(w * x * t**k, 1) for k in range(2)]
        self._across[rows] = (s[0] * bx[1] - s[1] * bx[0]) / np.where(np.abs(det2) < 1e-12, 1e-12, det2)
        energy = data[:, -1, 4] + np.maximum(self._down[rows], 0) ** 2 / (2 * G)
        nearer = np.where(n >= NEAR_FROM, NEAR_FASTER, 1.0)
        slack = MARGIN_M + 3 / data[:, -1, 6] * np.maximum(self._down[rows], 1)
        wrong = (
            (self._down[rows] < -UP_MOST)
            | (np.abs(self._across[rows]) > nearer * ACROSS_MOST)
            | (energy > 1.15 * nearer * self._roof_m + slack)
        )
        wrong |= (n >= 10) & (self._down[rows] < 0.8)
        self._used[rows[wrong]] = False

    def _thin(self, rows: npt.NDArray[np.int64], which: npt.NDArray[np.int64]) -> None:
        """Of tracks that took the same blob twice running the longest stays."""
        if len(rows) < 2:
            return
        key = np.round(self._data[rows, np.maximum(self._n[rows] - 2, 0), 1] * 8)
        order = np.lexsort((-self._n[rows], key, which))
        rows, which, key = rows[order], which[order], key[order]
        again = (which[1:] == which[:-1]) & (key[1:] == key[:-1])
        self._used[rows[1:][again]] = False

    def _begin(self, now: Array) -> None:
        """Pairs with the two frames before that could be gravity's work."""
        for n, past in enumerate(self._before):
            if not len(now) or not len(past):
                continue
            dt = now[:, 0].max() - past[:, 0].max()
            if dt < FAST_S:
                continue
            drop = past[None, :, 4] - now[:, None, 4]
            down, across = drop / dt, (now[:, None, 3] - past[None, :, 3]) / dt
            noise = 1.5 / now[:, None, 6] / dt
            high = now[:, None, 4] + np.maximum(down - noise, 0) ** 2 / (2 * G)
            good = (
                (down > -UP_MOST - noise)
                & (down > 0.3)
                & (np.abs(across) < ACROSS_MOST + noise)
                & (past[None, :, 4] > 1.5)
            )
            most_m = self._roof_m + min(ABOVE[0] * self._roof_m, ABOVE[1]) + MARGIN_M
            good &= (high < most_m) & (past[None, :, 4] < most_m)
            small, large = np.minimum(now[:, None, 5], past[None, :, 5]), np.maximum(now[:, None, 5], past[None, :, 5])
            good &= large < 3 * small + 4
            if n == 1:  # two frames ago only where the frame between has nothing to continue
                good &= ~self._continued(past)[None, :]
            one, other = np.nonzero(good)
            if len(one) > NEW_MOST:
                loud = np.argsort(-(now[one, 7] + past[other, 7]) + 4 * np.abs(across[one, other]))[:NEW_MOST]
                one, other = one[loud], other[loud]
            self._add(past[other], now[one])

    def _continued(self, past: Array) -> Mask:
        """Whether the frame between has a blob next to each of them: then the pair is a matter of one frame."""
        between = self._before[0]
        if not len(between):
            return np.zeros(len(past), bool)
        near = np.hypot(past[:, None, 1] - between[None, :, 1], past[:, None, 2] - between[None, :, 2])
        return np.asarray((near.min(1) < 25), bool)

    def _add(self, first: Array, second: Array) -> None:
        free = np.flatnonzero(~self._used)
        if len(free) < len(first):  # the youngest that missed make room
            young = np.flatnonzero(self._used & (self._n <= 3) & (self._missed > 0))
            self._used[young] = False
            free = np.flatnonzero(~self._used)
        count = min(len(free), len(first))
        rows = free[:count]
        self._data[rows, 0], self._data[rows, 1] = first[:count], second[:count]
        self._n[rows], self._missed[rows], self._judged[rows], self._used[rows] = 2, 0, 0, True
        self._company[rows] = 0
        self._id[rows] = np.arange(self._next, self._next + count)
        self._next += count
        dt = second[:count, 0] - first[:count, 0]
        self._down[rows] = (first[:count, 4] - second[:count, 4]) / np.maximum(dt, 1e-3) + 0.45 * G * dt
        self._across[rows] = (second[:count, 3] - first[:count, 3]) / np.maximum(dt, 1e-3)
        self._pull[rows] = 0.9 * G


def _before(fixes: Array, t: float, past: Array) -> Array | None:
    """Of the blobs of a frame before these fixes, the nearest to where they would have it then."""
    if not len(past):
        return None
    first = fixes[0]
    since, w = fixes[:, 0] - first[0], fixes[:, 6]
    terms = np.column_stack([np.ones_like(since), since, since**2]) * w[:, None]
    lean = PULL_LEANS[0] + PULL_LEANS[1] * first[5]
    (z, up, bent), *_ = np.linalg.lstsq(
        np.vstack([terms, [0, 0, lean]]), np.append(fixes[:, 4] * w, -0.45 * G * lean), rcond=None
    )
    (x, across), *_ = np.linalg.lstsq(terms[:, :2], fixes[:, 3] * w, rcond=None)
    dt = t - first[0]
    z += up * dt + bent * dt**2
    off = np.hypot(past[:, 3] - x - across * dt, past[:, 4] - z) * first[6]
    off[(past[:, 5] > 3 * first[5] + 4) | (3 * past[:, 5] + 4 < first[5])] = np.inf
    off[past[:, 7] < FIX_CONTRAST * fixes[:, 7].mean()] = np.inf
    best = int(off.argmin())
    gate = GATE_PX + GATE_SIZE * first[5] + GATE_SHARE * abs(z - first[4]) * first[6]
    return np.asarray(past[best]) if off[best] <= gate else None


def _twins(one: Array, other: Array, noise: float) -> Mask:
    return np.asarray((one <= TWIN * other + noise) & (other <= TWIN * one + noise))
