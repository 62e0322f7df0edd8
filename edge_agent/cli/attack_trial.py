"""Presentation attacks, in the words of ISO/IEC 30107-3: run a liveness model on photographs, and what it found.

APCER: share of attacks of one species taken for a living face; BPCER: share of living faces refused. A presentation in
which no face is found says nothing about the model: it is counted apart, and opens nothing.
"""

from pathlib import Path

import msgspec

from edge_agent.cli.face_trial import SUFFIXES, Say
from edge_agent.core.biometrics import Interval, share
from edge_agent.errors import FaceError
from edge_agent.model.face_models import EngineSpec
from edge_agent.model.reads import Liveness
from edge_agent.model.site import FacePolicy
from edge_agent.vision.enrol import embed_photos

LIVE = "live"
ENOUGH = 300  # presentations; with no error in fewer, 1 % cannot be told from none (rule of three)


class Presented(msgspec.Struct, frozen=True):
    """One kind of presentation. `presented`: with a face in it, `silent`: without; `wrong` of `presented`."""

    name: str
    presented: int
    silent: int
    wrong: int
    rate: Interval


class Attacks(msgspec.Struct, frozen=True):
    """`species`: APCER of each; `live`: BPCER."""

    model: str
    species: tuple[Presented, ...]
    live: Presented


def evaluate(folder: Path, policy: FacePolicy, spec: EngineSpec, say: Say) -> Attacks:
    """Look at every photograph once. Raises FaceError."""
    kinds = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    found = {path.name: _look(path, policy, spec, say) for path in kinds}
    attacks = [one for name, one in found.items() if name != LIVE and one.presented + one.silent]
    if not attacks or LIVE not in found:
        raise FaceError("faces.no_presentations", folder=folder)
    assert spec.liveness is not None
    return Attacks(spec.liveness.id, tuple(attacks), found[LIVE])


def _look(folder: Path, policy: FacePolicy, spec: EngineSpec, say: Say) -> Presented:
    photos = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    name = folder.name
    results = embed_photos(photos, policy, spec, measure=True, progress=lambda done, of: say(name, done, of))
    seen = [result.liveness for result in results if result.embedding is not None]
    right = Liveness.LIVE if name == LIVE else Liveness.SPOOF
    wrong = sum(verdict is not right for verdict in seen)
    return Presented(name, len(seen), len(results) - len(seen), wrong, share(wrong, len(seen)))
