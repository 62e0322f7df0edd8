"""An evaluation of a face engine on a folder of photographs, one folder an identity: run it, and what it found."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np

from edge_agent.core import biometrics
from edge_agent.core.biometrics import Interval, OpenSet, Trials, scores_of
from edge_agent.errors import FaceError
from edge_agent.model.face_models import EngineSpec
from edge_agent.model.site import FacePolicy
from edge_agent.vision.enrol import PhotoResult, embed_photos
from edge_agent.vision.spoil_steps import STEPS

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"}
FMRS = (0.01, 0.001)
RATE, PHOTOS, SEED = 0.01, (1, 3), 1
BINS = 60
TURNS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)  # a nose so far off the middle between the eyes
STRAIGHT, PHOTOS_AT_LEAST = 0.1, 8  # what turned heads are compared with; a point of fewer photographs says nothing

Say = Callable[[str, int, int], None]


class AtFmr(msgspec.Struct, frozen=True):
    wanted: float
    threshold: float
    fmr: Interval
    fnmr: Interval


class Degraded(msgspec.Struct, frozen=True):
    """Share of the probes that still match their own clean photographs, at the threshold of FMR 0.1 % on clean ones.

    `turned` is measured on the set's own heads: none is turned artificially.
    """

    how: str
    points: tuple[tuple[float, float], ...]
    photos: tuple[int, ...] = ()  # how many each point is of, where they differ


class Evaluation(msgspec.Struct, frozen=True):
    """`ungated`: what share has no face at all (FTE and FTA); `noted`: what the quality gate would have refused."""

    engine: str
    identities: int
    images: int
    failed: int
    failures: dict[str, int]
    noted: dict[str, int]
    eer: float
    eer_threshold: float
    genuine: int
    impostor: int
    at: tuple[AtFmr, ...]
    open_set: tuple[OpenSet, ...]
    curve: tuple[tuple[float, float], ...]
    bins: tuple[float, ...]
    genuine_bins: tuple[int, ...]
    impostor_bins: tuple[int, ...]
    degraded: tuple[Degraded, ...]
    cosine: bool


def people_of(folder: Path) -> tuple[list[Path], list[int]]:
    """Photographs and the number of their identity. Raises FaceError when there is too little to compare."""
    paths, owners, count = list[Path](), list[int](), 0
    for person in sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else ():
        photos = sorted(path for path in person.iterdir() if path.suffix.lower() in SUFFIXES)
        if photos:
            paths += photos
            owners += [count] * len(photos)
            count += 1
    if count < 4 or max(np.bincount(owners)) < 2:
        raise FaceError("faces.too_few", folder=folder)
    return paths, owners


def evaluate(folder: Path, policy: FacePolicy, spec: EngineSpec, curves: bool, say: Say) -> Evaluation:
    """Embed every photograph, compare all with all, identify open-set. Raises FaceError."""
    paths, owners = people_of(folder)
    unit = spec.engine != "dlib" and (spec.embedder is None or spec.embedder.metric == "cosine")
    results = embed_photos(paths, policy, spec, measure=True, progress=lambda done, of: say("photos", done, of))
    vectors, found = _matrix(results, spec.dimension)
    owner = np.array(owners)
    trials = biometrics.all_pairs(vectors[found], owner[found], unit)
    identities = int(owner.max()) + 1
    at = tuple(_at(trials, rate, identities) for rate in FMRS)
    eer, where = biometrics.equal_error(trials)
    bins = np.linspace(
        min(trials.genuine.min(), trials.impostor.min()), max(trials.genuine.max(), trials.impostor.max()), BINS + 1
    )
    clean = (vectors, found, owner, unit, at[-1].threshold)
    degraded = tuple(_degraded(how, paths, policy, spec, clean, say) for how in STEPS) if curves else ()
    if (turned := _turned(results, clean)) is not None:
        degraded += (turned,)
    return Evaluation(
        engine=spec.model, identities=identities, images=len(paths), failed=int((~found).sum()),
        failures=_counted([result.reason for result in results]), noted=_counted([result.noted for result in results]),
        eer=eer, eer_threshold=where, genuine=len(trials.genuine), impostor=len(trials.impostor), at=at,
        open_set=tuple(
            biometrics.open_set(vectors, owners, found.tolist(), unit, photos, RATE, SEED) for photos in PHOTOS
        ),
        curve=tuple(biometrics.curve(trials)), bins=tuple(bins.tolist()),
        genuine_bins=tuple(np.histogram(trials.genuine, bins)[0].tolist()),
        impostor_bins=tuple(np.histogram(trials.impostor, bins)[0].tolist()), degraded=degraded, cosine=unit,
    )  # fmt: skip


def _at(trials: Trials, rate: float, identities: int) -> AtFmr:
    threshold = biometrics.threshold_at_fmr(trials, rate)
    return AtFmr(
        rate, threshold, biometrics.impostor_interval(trials, threshold, identities, SEED),
        biometrics.genuine_interval(trials, threshold, identities, SEED),
    )  # fmt: skip


def _matrix(results: list[PhotoResult], dimension: int) -> tuple[biometrics.Array, np.ndarray]:
    vectors = np.zeros((len(results), dimension))
    for row, result in enumerate(results):
        if result.embedding is not None:
            vectors[row] = np.frombuffer(result.embedding, "<f4")
    return vectors, np.array([result.embedding is not None for result in results])


def _degraded(
    how: str, paths: list[Path], policy: FacePolicy, spec: EngineSpec,
    clean: tuple[biometrics.Array, np.ndarray, np.ndarray, bool, float], say: Say,
) -> Degraded:  # fmt: skip
    vectors, found, owner, unit, threshold = clean
    points = []
    for much in STEPS[how]:
        results = embed_photos(
            paths, policy, spec, measure=True, spoil=(how, much),
            progress=lambda done, of, much=much: say(f"{how} {much:g}", done, of),  # type: ignore[misc]
        )  # fmt: skip
        worse, still = _matrix(results, spec.dimension)
        scores = scores_of(worse, vectors, unit)
        same = (owner[:, None] == owner[None]) & ~np.eye(len(owner), dtype=bool) & found[None]
        points.append((much, float(((scores >= threshold) & still[:, None])[same].mean())))
    return Degraded(how, tuple(points))


def _turned(
    results: list[PhotoResult], clean: tuple[biometrics.Array, np.ndarray, np.ndarray, bool, float]
) -> Degraded | None:
    """Turned heads against the same persons' straight ones; None when the set has them nearly all alike."""
    vectors, found, owner, unit, threshold = clean
    turned = np.array([result.turned for result in results])
    same = (owner[:, None] == owner[None]) & ~np.eye(len(owner), dtype=bool) & (found & (turned <= STRAIGHT))[None]
    passed = scores_of(vectors, vectors, unit) >= threshold
    points, photos = list[tuple[float, float]](), list[int]()
    for low, high in zip((0.0, *TURNS), TURNS, strict=False):
        rows = found & (turned >= low) & (turned < high) & same.any(axis=1)
        if rows.sum() >= PHOTOS_AT_LEAST:
            points.append((round((low + high) / 2, 3), float(passed[rows][same[rows]].mean())))
            photos.append(int(rows.sum()))
    return Degraded("turned", tuple(points), tuple(photos)) if len(points) > 1 else None


def _counted(reasons: list[str | None]) -> dict[str, int]:
    return {reason: reasons.count(reason) for reason in sorted({reason for reason in reasons if reason})}
