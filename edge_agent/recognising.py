"""The gallery in memory and the file it is of: loaded in pieces beside the running doors, then changed as the file is.

Imported with the first camera only: numpy comes with it.
"""

import asyncio

import numpy as np

from edge_agent import log
from edge_agent.core.faces import Judge
from edge_agent.core.gallery import Gallery, Vectors
from edge_agent.errors import FaceError
from edge_agent.model.face_models import EngineSpec
from edge_agent.ports import Beat
from edge_agent.store.faces import FaceStore
from edge_agent.store.thread import in_thread

LOOK_S = 1.0

logger = log.get("recognising")


async def load(store: FaceStore, engine: EngineSpec, beat: Beat) -> tuple[Gallery, int, int]:
    """The gallery, the file's version when its loading began, and how many people have templates of another model only:
    those are never mixed in. Raises StoreError or FaceError.
    """
    version, gallery = store.version(), Gallery(engine.model, (), _rows([], engine.dimension))
    pieces = store.batches(engine.model)
    while piece := await in_thread(next, pieces, None):
        gallery.extend([person for person, _ in piece], _rows([made for _, made in piece], engine.dimension))
        beat()
    others = await in_thread(store.of_other_models, engine.model)
    logger.info("gallery: %d templates of %d persons", len(gallery), len(gallery.persons))
    return gallery, version, sum(person not in gallery for person in others)


async def follow(store: FaceStore, engine: EngineSpec, judge: Judge, version: int, beat: Beat) -> None:
    """For ever: who was enrolled or erased since `version`, while it was loaded too. Raises StoreError or FaceError."""
    seen = -1
    while True:
        beat()
        if (now := store.data_version()) != seen:
            seen = now
            version, changed = await in_thread(store.changes, version, engine.model)
            judge.change({person: _rows(made, engine.dimension) for person, made in changed.items()})
        await asyncio.sleep(LOOK_S)


def _rows(made: list[bytes], dimension: int) -> Vectors:
    """Templates as a matrix. Raises FaceError when one has another length."""
    for template in made:
        if len(template) != 4 * dimension:
            raise FaceError("faces.embedding_malformed", size=len(template), expected=4 * dimension)
    return np.frombuffer(b"".join(made), "<f4").reshape(-1, dimension)
