"""What of the picture is not the place itself: a background of about 57,000 px, and what differs from it in structure.

Light is the one physical fact. A cloud, a headlamp or the camera's own exposure multiplies what is there and leaves
its texture; a body covers it. So a difference counts only where a 7 × 7 px patch can not be had from the background's
patch by another gain and offset. A shadow with a sharp edge passes that test: it is told from its owner by the feet
(blobs.py), not here. Times are the frames' own; nothing here counts frames but the first picture.
"""

import cv2
import numpy as np

from edge_agent.vision.frames import Image

WORK_PX = 57_600  # 320 × 180
PATCH, WIDE = (7, 7), (11, 11)
LEARNS_S, SAMPLES = 3.0, 9  # the first background is the median of so many pictures
FOLLOWS_S, LIGHT_S, NOISE_S = 12.0, 4.0, 4.0  # time constants: of the background, where only light changed, of noise
DIFFERS_BY, DIFFERS_PART, NOISES = 3.0, 0.05, 3.0  # grey levels, of the brightness, of the pixel's own unrest
STRUCTURE_BY, STRUCTURE_PART = 2.2, 0.022  # the same for the deviation a patch has for itself
CHANGED_PART = 0.55  # of the picture at once: another picture (infrared on, camera turned), not people
DARK, FLAT = 14.0, 3.0  # mean and deviation of a picture in which nothing can be seen
COARSE = 4
STEADY_S = 0.25  # frames nearer than this show a body near where it was
STILL_BY, PASSED_S = 9.0, 3.0  # grey levels; somebody in front of it for longer: nobody knows what is behind
RELIT_PART, RELIT_S, RELIT_EVERY_MS = 0.01, (2.0, 20.0), 500  # of the picture; so long it looks so; between two looks
AT_REST, SAME_GROUND, OTHER_GROUND = 0.35, 0.3, 0.1  # part of it; correlations
AT_ONCE_S, FRAMES = 0.5, 2.5  # a light comes so fast, or in so many frames; the shadow of what drives in with it
LEFT = 2.0  # so many times faster is forgotten since when something is there than it grew
THING, RIM = (25, 25), (9, 9)  # px; what is smaller than the one is an edge of the light
CORE, CORE_PX = (17, 17), 36  # what lies so far within its edge is compared with nothing but what was there


def reduced_size(width: int, height: int) -> tuple[int, int]:
    scale = min(1.0, (WORK_PX / max(1, width * height)) ** 0.5)
    return max(8, round(width * scale)), max(8, round(height * scale))


class Background:
    """`mask`: 255 where something is that does not belong there. `gain`: of the camera's exposure, against `base`.
    `absorbs_s`: what has not moved for so long belongs to the place. `relit`: bool, the part of the place that was
    found to be in another light with this picture; None: no part.
    """

    def __init__(self, absorbs_s: float) -> None:
        self._absorbs_s = absorbs_s
        self.mask: Image = np.zeros((0, 0), np.uint8)
        self.relit: Image | None = None
        self.gain, self._looked_ms = 1.0, -1_000_000
        self._restart()

    def _restart(self) -> None:
        self._samples: list[Image] = []
        self._began_ms = self._sampled_ms = -1
        self.ready = False
        self.ready_ms = 0

    def see(self, small: Image, up_ms: int, dt_s: float) -> bool:
        """One picture (8 bit, reduced). False: nothing can be told from it, `mask` is empty."""
        self.relit = None
        now = cv2.GaussianBlur(small, (3, 3), 0)
        if not self.ready or now.shape != self.mask.shape:
            if now.shape != self.mask.shape:
                self._restart()
            return self._learn(now, up_ms)
        mean, deviation = (float(value[0, 0]) for value in cv2.meanStdDev(now))
        if mean < DARK and deviation < FLAT:
            self.mask[:] = 0
            return False
        picture = now.astype(np.float32)
        self._compare(picture, dt_s)
        if cv2.countNonZero(self.mask) > CHANGED_PART * self.mask.size:
            self._restart()
            self.mask[:] = 0
            return self._learn(now, up_ms)
        self._follow(picture, dt_s)
        if up_ms - self._looked_ms >= RELIT_EVERY_MS:
            self._looked_ms = up_ms
            self.relit = self._relight(max(AT_ONCE_S, FRAMES * dt_s))
        return True

    def _learn(self, now: Image, up_ms: int) -> bool:
        if self._began_ms < 0:
            self.mask = np.zeros(now.shape, np.uint8)
            self._began_ms = up_ms
        if up_ms - self._sampled_ms >= LEARNS_S * 1000 / SAMPLES or not self._samples:
            self._samples.append(now)
            self._sampled_ms = up_ms
        if len(self._samples) >= SAMPLES:
            picture = np.median(np.stack(self._samples[-SAMPLES:]), axis=0).astype(np.float32)
            self.base: Image = picture
            self.picture: Image = now.astype(np.float32)
            self._raw: Image = np.zeros(now.shape, np.uint8)
            self.noise: Image = np.full(now.shape, 2.0, np.float32)
            self.still: Image = self.picture.copy()
            self.still_s: Image = np.zeros(now.shape, np.float32)
            self._other_s: Image = np.zeros(now.shape, np.float32)
            self._there_s: Image = np.zeros(now.shape, np.float32)
            self.ready, self.ready_ms = True, up_ms
            self._samples = []
        return False

    def _compare(self, picture: Image, dt_s: float) -> None:
        self._before, self.picture, self._unrest = self.picture, picture, self.noise.copy()
        self.gain = self._exposure(picture)
        self._lit = self.base * np.float32(self.gain)
        self.differs = cv2.absdiff(picture, self._lit)
        self.least = DIFFERS_BY + DIFFERS_PART * self._lit
        changed = self.differs > self.least + NOISES * self.noise
        structure = self._structure(changed)
        self._light = changed & ~structure
        mask = cv2.medianBlur((changed & structure).view(np.uint8) * np.uint8(255), 3)
        reach = cv2.dilate(self._raw, np.ones((9, 9), np.uint8)) if dt_s <= STEADY_S else mask
        self._raw = mask  # a drop of rain is here now and was not near a moment ago
        self.mask = _filled(mask & reach, changed)

    def _structure(self, changed: Image) -> Image:
        """bool: where a patch has another structure; looked at around what changed only, which is little mostly."""
        found = np.zeros(changed.shape, bool)
        x, y, width, height = cv2.boundingRect(changed.view(np.uint8))
        if width:
            rows = slice(max(0, y - PATCH[1] // 2), y + height + PATCH[1] // 2)
            columns = slice(max(0, x - PATCH[0] // 2), x + width + PATCH[0] // 2)
            own, lost, limit = self._patches(rows, columns)
            found[rows, columns] = np.maximum(own, lost) > limit
        return found

    def hazy(self) -> Image:
        """bool: what has lost the structure that it had, and has got no other."""
        own, lost, limit = self._patches(slice(None), slice(None))
        gone: Image = (lost > 4 * limit) & (own < limit)
        return gone

    def _patches(self, rows: slice, columns: slice) -> tuple[Image, Image, Image]:
        """Of each patch the variance that it has for itself, the one that it has lost, and how much is noise."""
        picture, base = self.picture[rows, columns], self._lit[rows, columns]
        mean, base_mean = cv2.boxFilter(picture, -1, PATCH), cv2.boxFilter(base, -1, PATCH)
        variance = cv2.sqrBoxFilter(picture, -1, PATCH) - mean * mean
        base_variance = cv2.sqrBoxFilter(base, -1, PATCH) - base_mean * base_mean
        shared = cv2.boxFilter(picture * base, -1, PATCH) - mean * base_mean
        shared *= shared
        own = variance - shared / (base_variance + 4.0)
        lost = base_variance - shared / (variance + 4.0)
        limit = (STRUCTURE_BY + STRUCTURE_PART * base_mean + 1.5 * self._unrest[rows, columns]) ** 2
        return own, lost, limit

    def _exposure(self, picture: Image) -> float:
        """The camera's gain against the background: the median over the picture, which a few people do not move."""
        size = (max(1, picture.shape[1] // 8), max(1, picture.shape[0] // 8))
        now = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        base = cv2.resize(self.base, size, interpolation=cv2.INTER_AREA)
        lit = (base > 12) & (now < 245)
        if np.count_nonzero(lit) < lit.size // 4:
            return 1.0
        return float(np.clip(np.median(now[lit] / base[lit]), 0.4, 2.5))

    def _follow(self, picture: Image, dt_s: float) -> None:
        """Let the background become what is there, where nobody stands."""
        covered = cv2.dilate(self.mask, np.ones((5, 5), np.uint8)) > 0
        free, now = ~covered, picture / np.float32(self.gain)
        _approach(self.base, now, share(dt_s, FOLLOWS_S), free & ~self._light)
        _approach(self.base, now, share(dt_s, LIGHT_S), free & self._light)
        unrest, rate = np.minimum(cv2.absdiff(picture, self._before), 40.0), share(dt_s, NOISE_S)
        _approach(self.noise, unrest, rate, free)
        _approach(self.noise, unrest, 0.1 * rate, covered)  # rain and leaves make it dull; a passer-by hardly
        np.clip(self.noise, 1.0, 14.0, out=self.noise)
        self._wait(picture, dt_s)

    def _wait(self, picture: Image, dt_s: float) -> None:
        """How long each pixel has looked as it does now, which who walks past in front of it does not set back; and how
        long something is there, however the camera's exposure follows.
        """
        step = np.float32(min(dt_s, 60.0))
        same = cv2.absdiff(picture, self.still) < STILL_BY + self.noise
        other = ~same
        self._other_s += step
        self._other_s *= other
        anew = other & ((self.still_s < PASSED_S) | (self._other_s > PASSED_S))
        covered = (self.mask > 0) | (self.still_s >= PASSED_S)
        self.still_s += (same & covered) * step
        self.still_s *= ~anew
        _approach(self.still, picture, share(dt_s, 5.0), same)
        _approach(self.still, picture, 1.0, anew)
        self._there_s += np.where(self.mask > 0, step, -LEFT * step)
        np.maximum(self._there_s, 0.0, out=self._there_s)

    def _relight(self, at_once_s: float) -> Image | None:
        """A lamp was switched on, or off, or a shadow with a hard edge fell and stays: what is large, new and at rest,
        came at once, and in which the ground shows as before. It becomes part of the place, but for what stands in it.

        The shadow of who walks in and waits comes little by little, and goes with whom it belongs to.
        """
        rest = (self.still_s >= RELIT_S[0]) & (self.still_s < RELIT_S[1])
        least = RELIT_PART * rest.size
        if np.count_nonzero(rest & (self.mask > 0)) < least:
            return None
        alike = self._alike()
        other = cv2.boxFilter(alike, -1, THING) < OTHER_GROUND
        thing = cv2.dilate(other.view(np.uint8), np.ones(THING, np.uint8)) > 0
        count, labels, stats, _ = cv2.connectedComponentsWithStats(self.mask)
        found = np.zeros(rest.shape, bool)
        for n in range(1, count):
            area = stats[n, cv2.CC_STAT_AREA]
            if area < least:
                continue
            part = labels == n
            still = part & rest
            core = (cv2.erode(part.view(np.uint8), np.ones(CORE, np.uint8)) > 0) & rest
            if np.count_nonzero(still) < AT_REST * area or np.count_nonzero(core) < CORE_PX:
                continue
            if alike[core].mean() < SAME_GROUND or not (same := part & (alike >= SAME_GROUND)).any():
                continue
            first, age, last = np.percentile(self._there_s[same], [10, 50, 90])
            if last - first > at_once_s:
                continue
            brighter = float(np.median(self.still[still] / np.maximum(self._lit[still], 1.0)))
            around = cv2.dilate(part.view(np.uint8), np.ones(RIM, np.uint8)) > 0
            lit = around & rest & ~thing & (~part | (np.abs(self._there_s - age) <= at_once_s))
            self.base[part & ~lit] *= np.float32(brighter)  # behind who stands or walks there
            self.base[lit] = self.still[lit] / np.float32(self.gain)
            self.still_s[lit] = 0.0
            self.mask[lit] = 0
            found |= lit
        return found if found.any() else None

    def _alike(self) -> Image:
        """How much the fine texture of what is still is that of the background, -1 … 1: near 0 for anything else."""
        now, was = (part - cv2.boxFilter(part, -1, PATCH) for part in (self.still, self.base))
        both, own, before = (cv2.boxFilter(part, -1, WIDE) for part in (now * was, now * now, was * was))
        alike: Image = both / np.sqrt(np.maximum(own * before, 1e-6))
        return alike

    def at_rest(self, for_s: float) -> Image:
        """bool: what is there and has been for so long."""
        rest: Image = (self.still_s >= for_s) & (self.differs > 0.8 * self.least)
        return rest

    def absorb(self) -> None:
        """Make all that has been still for very long part of the place."""
        where = self.still_s > self._absorbs_s
        if where.any():
            self.base[where] = self.picture[where] / self.gain
            self.still_s[where] = 0.0
            self.mask[where] = 0


def _filled(mask: Image, changed: Image) -> Image:
    """What differs inside an outline of changed structure too: the flat side of a car, a plain coat.

    Pieces less than about 8 px apart make one outline, its convex hull.
    """
    if not cv2.countNonZero(mask):
        return mask
    height, width = mask.shape
    coarse = cv2.resize(mask, (max(1, width // COARSE), max(1, height // COARSE)), interpolation=cv2.INTER_AREA)
    near = cv2.morphologyEx((coarse > 0).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    outlines = cv2.findContours(near, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]
    hulls = np.zeros_like(near)
    for outline in outlines:
        cv2.fillConvexPoly(hulls, cv2.convexHull(outline), 1)
    whole = cv2.resize(hulls, (width, height), interpolation=cv2.INTER_NEAREST)
    both: Image = cv2.bitwise_or(mask, (whole & changed) * np.uint8(255))
    return both


def _approach(what: Image, target: Image, rate: float, where: Image) -> None:
    """Bring `what` nearer to its target, in place."""
    cv2.accumulateWeighted(target, what, rate, mask=where.view(np.uint8))


def share(dt_s: float, constant_s: float) -> float:
    return float(1.0 - np.exp(-dt_s / constant_s))
