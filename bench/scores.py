"""What a method found of what there was, with intervals that say how little few cases prove."""

from dataclasses import dataclass, field
from math import lgamma, log

import numpy as np

Z95 = 1.96


@dataclass
class Score:
    """Of one kind of alert over many scenes."""

    truths: int = 0
    found: int = 0
    alarms: int = 0
    false: int = 0
    duplicates: int = 0
    late_s: list[float] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def add(self, other: "Score") -> None:
        for key in ("truths", "found", "alarms", "false", "duplicates"):
            setattr(self, key, getattr(self, key) + getattr(other, key))
        for key in ("late_s", "missed", "wrong"):
            getattr(self, key).extend(getattr(other, key))

    def recall(self) -> str:
        """Share and interval."""
        low, high = wilson(self.found, self.truths)
        return f"{self.found / self.truths:.3f} ({low:.2f}–{high:.2f})" if self.truths else "–"

    def precision(self) -> str:
        return f"{(self.alarms - self.false) / self.alarms:.3f}" if self.alarms else "–"

    def late(self) -> str:
        """Median and 95 % of the seconds it took."""
        return "{:+.1f} / {:+.1f}".format(*np.percentile(self.late_s, [50, 95])) if self.late_s else "–"

    def tell_wrong(self) -> None:
        for title, texts in (("missed", self.missed), ("false ", self.wrong)):
            for text in texts:
                print(title, text)


def wilson(found: int, of: int) -> tuple[float, float]:
    """95 % interval of a share."""
    if not of:
        return 0.0, 1.0
    p, z2 = found / of, Z95**2
    middle = (p + z2 / (2 * of)) / (1 + z2 / of)
    half = Z95 * (p * (1 - p) / of + z2 / (4 * of * of)) ** 0.5 / (1 + z2 / of)
    return max(0.0, middle - half), min(1.0, middle + half)


def poisson_upper(count: int) -> float:
    """95 %: the largest mean under which so few or fewer are seen once in twenty."""
    low, high = 0.0, 10.0 + 3 * count
    for _ in range(60):
        mean = (low + high) / 2
        low, high = (mean, high) if _at_most(count, mean) > 0.05 else (low, mean)
    return high


def _at_most(count: int, mean: float) -> float:
    """Chance of so many or fewer, from the logarithms of its terms: exp(-mean) is nothing beyond some 700."""
    logs = np.array([n * log(mean) - mean - lgamma(n + 1) for n in range(count + 1)])
    return float(np.exp(logs).sum())
