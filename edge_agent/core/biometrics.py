"""How good is a face engine? The numbers of ISO/IEC 19795, from embeddings and whose they are. Pure; seeds are given.

Comparison scores are similarities (larger = more alike). Identification is open-set: half of the identities are
enrolled, the others are strangers. An image without a face counts against whoever it is of: end to end.
"""

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

SPLITS = 50
BOOTSTRAPS = 500
CONFIDENCE = (2.5, 97.5)  # percentiles


class Interval(msgspec.Struct, frozen=True):
    """A share and its 95 % interval."""

    value: float
    low: float
    high: float


class Trials(msgspec.Struct, frozen=True):
    """All comparisons 1:1. `genuine`, `impostor`: similarity scores; `pairs`: identities of each impostor score."""

    genuine: Array
    genuine_of: npt.NDArray[np.intp]
    impostor: Array
    impostor_of: npt.NDArray[np.intp]


class OpenSet(msgspec.Struct, frozen=True):
    """Identification at one FPIR: one threshold for all splits, at which that share of their strangers is recognised.

    `passed` = 1 - FNIR, mean over splits; `lowest` of one split. `transferred`: the same with each split's threshold
    taken from half of its strangers; `fpir`: what share of the other half was recognised then.
    """

    photos: int  # enrolled per person
    enrolled: int  # persons in the gallery
    gallery: int  # templates
    passed: Interval
    lowest: float
    threshold: float
    transferred: float
    fpir: float


def scores_of(one: Array, other: Array, unit: bool) -> Array:
    """Similarities of all rows of `one` with all of `other`: cosine for unit vectors, else 1 - distance."""
    products: Array = one @ other.T
    if unit:
        return products
    squares = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1)[None] - 2 * products
    distances: Array = 1 - np.sqrt(np.maximum(squares, 0))
    return distances


def all_pairs(vectors: Array, owner: npt.NDArray[np.intp], unit: bool) -> Trials:
    scores = scores_of(vectors, vectors, unit)
    rows, columns = np.triu_indices(len(owner), 1)
    same = owner[rows] == owner[columns]
    flat = scores[rows, columns]
    return Trials(flat[same], owner[rows[same]], flat[~same], np.stack([owner[rows[~same]], owner[columns[~same]]]))


def fmr(trials: Trials, threshold: float) -> float:
    return float((trials.impostor >= threshold).mean())


def fnmr(trials: Trials, threshold: float) -> float:
    return float((trials.genuine < threshold).mean())


def threshold_at_fmr(trials: Trials, rate: float) -> float:
    """The lowest threshold at which at most `rate` of the impostors match."""
    ordered = np.sort(trials.impostor)[::-1]
    return float(np.nextafter(ordered[int(rate * len(ordered))], np.inf))


def equal_error(trials: Trials) -> tuple[float, float]:
    """(EER, threshold): where as many impostors match as genuine ones do not."""
    points = np.unique(np.concatenate([trials.genuine, trials.impostor]))
    genuine, impostor = np.sort(trials.genuine), np.sort(trials.impostor)
    misses = np.searchsorted(genuine, points, "left") / len(genuine)
    matches = 1 - np.searchsorted(impostor, points, "left") / len(impostor)
    at = int(np.argmin(np.abs(misses - matches)))
    return float((misses[at] + matches[at]) / 2), float(points[at])


def curve(trials: Trials, points: int = 200) -> list[tuple[float, float]]:
    """DET: (FMR, FNMR) from strict to lax."""
    rates = np.unique(np.concatenate([np.geomspace(1 / max(2, len(trials.impostor)), 1, points), [0.0]]))
    return [(fmr(trials, at), fnmr(trials, at)) for at in (threshold_at_fmr(trials, min(r, 0.9999)) for r in rates)]


def rule_of_three(count: int) -> float:
    """With no error seen in `count` independent trials the rate is below this, with 95 % confidence."""
    return min(1.0, 3 / count) if count else 1.0


def share(count: int, of: int) -> Interval:
    """`count` of `of` independent trials, with its 95 % interval (Wilson; the rule of three at both ends)."""
    if not of:
        return Interval(0.0, 0.0, 1.0)
    rate, z = count / of, 1.96
    middle = rate + z * z / (2 * of)
    spread = z * ((rate * (1 - rate) + z * z / (4 * of)) / of) ** 0.5
    low, high = (middle - spread) / (1 + z * z / of), (middle + spread) / (1 + z * z / of)
    if count == 0:
        low, high = 0.0, rule_of_three(of)
    elif count == of:
        low, high = 1 - rule_of_three(of), 1.0
    return Interval(rate, max(0.0, low), min(1.0, high))


def bootstrap(identities: int, measure: Callable[[npt.NDArray[np.intp]], float], seed: int) -> tuple[float, float]:
    """95 % interval of `measure` when identities (not images) are drawn anew with replacement.

    `measure` takes how often each identity was drawn and gives the share, or NaN when nothing is left to count.
    """
    random = np.random.default_rng(seed)
    values = []
    for _ in range(BOOTSTRAPS):
        drawn = np.bincount(random.integers(0, identities, identities), minlength=identities)
        values.append(measure(drawn))
    found = np.array(values)
    found = found[~np.isnan(found)]
    low, high = np.percentile(found, CONFIDENCE) if len(found) else (0.0, 1.0)
    return float(low), float(high)


def genuine_interval(trials: Trials, threshold: float, identities: int, seed: int) -> Interval:
    """FNMR with its interval over identities."""
    wrong = trials.genuine < threshold
    if not wrong.any():
        return Interval(0.0, 0.0, rule_of_three(len(wrong)))

    def measure(drawn: npt.NDArray[np.intp]) -> float:
        weights = drawn[trials.genuine_of]
        return float((weights * wrong).sum() / weights.sum()) if weights.sum() else float("nan")

    return Interval(float(wrong.mean()), *bootstrap(identities, measure, seed))


def impostor_interval(trials: Trials, threshold: float, identities: int, seed: int) -> Interval:
    """FMR with its interval over identities; where no error was seen its upper end is the rule of three's."""
    wrong = trials.impostor >= threshold
    if not wrong.any():
        return Interval(0.0, 0.0, rule_of_three(len(wrong)))

    def measure(drawn: npt.NDArray[np.intp]) -> float:
        weights = drawn[trials.impostor_of[0]] * drawn[trials.impostor_of[1]]
        return float((weights * wrong).sum() / weights.sum()) if weights.sum() else float("nan")

    return Interval(float(wrong.mean()), *bootstrap(identities, measure, seed))


def open_set(
    vectors: Array, owner: Sequence[int], found: Sequence[bool], unit: bool, photos: int, rate: float, seed: int = 0
) -> OpenSet:
    """`found[i]`: image i had a usable face; row i of `vectors` is zero where it had none.

    Each split enrols `photos` usable images of half the identities; the others are probes. A probe without a face is
    not passed. A person of whom no image is usable is not enrolled, and all their probes fail.
    """
    owners, usable = np.asarray(owner), np.asarray(found)
    people = np.unique(owners)
    splits = [
        split
        for number in range(SPLITS)
        if (split := _split(vectors, owners, usable, unit, photos, np.random.default_rng([seed, number]))) is not None
    ]
    if not splits:
        return OpenSet(photos, 0, 0, Interval(0.0, 0.0, 1.0), 0.0, 0.0, 0.0, 1.0)
    threshold = _at_rate(np.concatenate([split.wrong for split in splits]), rate)
    shares, moved, fpirs = [], [], []
    of_person: dict[int, list[float]] = {int(person): [] for person in people}
    for number, split in enumerate(splits):
        passed = split.right & (split.best >= threshold)
        shares.append(float(passed.mean()))
        for person in np.unique(split.whose):
            of_person[int(person)].append(float(passed[split.whose == person].mean()))
        half = np.isin(split.strangers, np.random.default_rng([seed, number, 1]).permutation(split.unknown)[::2])
        if half.any() and not half.all():
            other = _at_rate(split.wrong[half], rate)
            moved.append(float((split.right & (split.best >= other)).mean()))
            fpirs.append(float((split.wrong[~half] >= other).mean()))
    means = np.array([np.mean(values) if values else np.nan for values in of_person.values()])

    def measure(drawn: npt.NDArray[np.intp]) -> float:
        weights = np.where(np.isnan(means), 0, drawn)
        return float((weights * np.nan_to_num(means)).sum() / weights.sum()) if weights.sum() else float("nan")

    interval = Interval(float(np.mean(shares)), *bootstrap(len(means), measure, seed))
    return OpenSet(
        photos, splits[0].persons, splits[0].templates, interval, min(shares), threshold,
        float(np.mean(moved)) if moved else 0.0, float(np.mean(fpirs)) if fpirs else 1.0,
    )  # fmt: skip


class _Split(msgspec.Struct, frozen=True):
    """One enrolment: `wrong`, strangers' best scores; `best`, `right`, `whose` of every probe of the enrolled."""

    persons: int
    templates: int
    unknown: npt.NDArray[np.intp]
    strangers: npt.NDArray[np.intp]
    wrong: Array
    best: Array
    right: npt.NDArray[np.bool_]
    whose: npt.NDArray[np.intp]


def _split(
    vectors: Array, owners: npt.NDArray[np.intp], usable: npt.NDArray[np.bool_], unit: bool, photos: int,
    random: np.random.Generator,
) -> _Split | None:  # fmt: skip
    people = np.unique(owners)
    known = random.permutation(people)[: len(people) // 2]
    enrolled, probes = list[int](), list[int]()
    for person in known:
        rows = random.permutation(np.flatnonzero(owners == person))
        good = [int(row) for row in rows if usable[row]][:photos]
        enrolled += good
        probes += [int(row) for row in rows if row not in good]
    strangers = np.flatnonzero(~np.isin(owners, known))  # one without a face is nobody: it counts as recognised by none
    if not enrolled or not probes or not usable[strangers].any():
        return None
    gallery, whose = vectors[enrolled], owners[enrolled]
    wrong = np.where(usable[strangers], scores_of(vectors[strangers], gallery, unit).max(axis=1), -np.inf)
    scores = scores_of(vectors[probes], gallery, unit)
    right = (whose[scores.argmax(axis=1)] == owners[probes]) & usable[probes]
    best = np.where(usable[probes], scores.max(axis=1), -np.inf)
    return _Split(
        len(known), len(enrolled), people[~np.isin(people, known)], owners[strangers], wrong, best, right,
        owners[probes],
    )  # fmt: skip


def _at_rate(wrong: Array, rate: float) -> float:
    """The lowest threshold at which at most `rate` of the strangers are recognised."""
    ordered = np.sort(wrong)[::-1]
    return float(np.nextafter(ordered[int(rate * len(ordered))], np.inf))


def false_accepts(fmr_1_to_1: float, templates: int, strangers_a_day: float, attempts: float = 1.0) -> float:
    """Expected in a year at a gate: strangers whose face opens for somebody. `attempts`: tracks a stranger makes."""
    of_one = 1 - (1 - min(1.0, fmr_1_to_1)) ** templates
    return float(365 * strangers_a_day * (1 - (1 - of_one) ** attempts))
