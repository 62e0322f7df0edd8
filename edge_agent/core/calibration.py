"""What a threshold means at one site: from its own gallery, every enrolled person in turn a stranger to the others.

A gallery holds what was enrolled, not what a camera sees: the errors at the door are larger, never smaller. Distances.
"""

import msgspec
import numpy as np
import numpy.typing as npt

from edge_agent.core.biometrics import rule_of_three

PROBES_AT_MOST = 2_000


class Site(msgspec.Struct, frozen=True):
    """`strangers`: distance of each probe to the nearest other person; `own`: to the nearest other template of the same
    person, where there is one; `pairs`: comparisons of different persons, `nearest` of them sorted.
    """

    persons: int
    templates: int
    strangers: npt.NDArray[np.float64]
    own: npt.NDArray[np.float64]
    pairs: int
    nearest: npt.NDArray[np.float64]


class Proposal(msgspec.Struct, frozen=True):
    """`distance` and what is to be expected of it: FPIR with 95 % bound, FNIR (None: nobody has two templates)."""

    distance: float
    fpir: float
    fpir_at_most: float
    fnir: float | None
    fnir_at_most: float | None
    persons: int
    templates: int


def survey(persons: list[str], matrix: npt.NDArray[np.float32], seed: int = 0) -> Site:
    """Compare the gallery with itself; of a large one a sample of probes."""
    owners = np.unique(np.array(persons), return_inverse=True)[1]
    count = len(owners)
    probes = np.arange(count)
    if count > PROBES_AT_MOST:
        probes = np.sort(np.random.default_rng(seed).choice(count, PROBES_AT_MOST, replace=False))
    squares = np.einsum("ij,ij->i", matrix, matrix)
    strangers, own, nearest, pairs = [], [], [], 0
    for probe in probes:
        apart = np.sqrt(np.maximum(squares + squares[probe] - 2 * (matrix @ matrix[probe]), 0)).astype(np.float64)
        same = owners == owners[probe]
        others = apart[~same]
        same[probe] = False
        if others.size:
            strangers.append(float(others.min()))
            pairs += others.size
            nearest.append(np.sort(others)[:50])
        if same.any():
            own.append(float(apart[same].min()))
    close = np.sort(np.concatenate(nearest)) if nearest else np.empty(0)
    return Site(int(owners.max(initial=-1)) + 1, count, np.array(strangers), np.array(own), pairs, close)


def propose(site: Site, rate: float) -> Proposal | None:
    """The largest distance at which at most `rate` of strangers are recognised; None where nobody can be compared."""
    if not len(site.strangers):
        return None
    ordered = np.sort(site.strangers)
    distance = float(np.nextafter(ordered[min(len(ordered) - 1, int(rate * len(ordered)))], -np.inf))
    return expected(site, distance)


def expected(site: Site, distance: float) -> Proposal:
    """What is to be expected of `distance` here."""
    fpir = float((site.strangers <= distance).mean()) if len(site.strangers) else 0.0
    fnir = float((site.own > distance).mean()) if len(site.own) else None
    return Proposal(
        distance, fpir, _at_most(fpir, site.persons), fnir,
        None if fnir is None else _at_most(fnir, len(site.own)), site.persons, site.templates,
    )  # fmt: skip


def fmr_at(site: Site, distance: float) -> tuple[float, float]:
    """FMR of one comparison, and its upper bound (rule of three over persons' pairs where none was seen)."""
    if not site.pairs:
        return 0.0, 1.0
    seen = int(np.searchsorted(site.nearest, distance, "right"))
    rate = seen / site.pairs
    independent = max(1, site.persons * (site.persons - 1) // 2)
    return rate, max(rate, _at_most(rate, min(independent, site.pairs)))


def _at_most(rate: float, count: int) -> float:
    """Upper end of the 95 % interval (Wilson); the rule of three where no error was seen."""
    if not count:
        return 1.0
    if rate == 0:
        return rule_of_three(count)
    z = 1.96
    middle = rate + z * z / (2 * count)
    spread = z * ((rate * (1 - rate) + z * z / (4 * count)) / count) ** 0.5
    return float(min(1.0, (middle + spread) / (1 + z * z / count)))
