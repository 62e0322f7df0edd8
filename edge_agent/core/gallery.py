"""The templates of one engine model in memory, searched exactly, changed person by person without a pause.

Rows lie in blocks of BLOCK: one more person never means copying the others. A row that goes is replaced by the last
one, so that the rows stay dense. The one physical fact to know: reading the rows once is the whole cost of a search,
and an index would be slower up to some hundred thousand of them.
"""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from edge_agent.errors import FaceError
from edge_agent.model.face_models import Limits

Vectors = npt.NDArray[np.float32]

BLOCK = 8192  # rows
CANDIDATES = 64  # rows that are looked at closer; a person has a handful
NEAR_AT_MOST = 5


class Look(msgspec.Struct, frozen=True):
    """What one embedding came to. `person`: the nearest one in reach, `clear`: nobody else is nearly as near.

    `near`: who is near enough for a 1:1 comparison, and how near, the nearest first.
    """

    person: str | None
    distance: float
    clear: bool = True
    near: tuple[tuple[str, float], ...] = ()

    def distance_of(self, person: str) -> float | None:
        return next((distance for who, distance in self.near if who == person), None)


class Gallery:
    """Row i of `matrix` (n × d, float32) belongs to `persons[i]`; several a person."""

    def __init__(self, model: str, persons: Sequence[str], matrix: Vectors) -> None:
        if matrix.ndim != 2 or len(persons) != len(matrix) or not np.isfinite(matrix).all():
            raise FaceError("faces.gallery_malformed", rows=len(persons), shape=str(matrix.shape))
        self.model, self.dimension = model, matrix.shape[1]
        self._blocks: list[Vectors] = []
        self._halves: Vectors = np.empty(0, np.float32)  # |row|² / 2
        self._scores: Vectors = np.empty(0, np.float32)
        self._owner: list[str] = []
        self._rows: dict[str, list[int]] = {}
        self._append(persons, np.ascontiguousarray(matrix, dtype=np.float32))

    def __len__(self) -> int:
        return len(self._owner)

    def __contains__(self, person: str) -> bool:
        return person in self._rows

    @property
    def persons(self) -> tuple[str, ...]:
        return tuple(self._rows)

    # ---- changing ----------------------------------------------------------------------------------------------------

    def change(self, changes: Mapping[str, Vectors]) -> None:
        """Person → all of their templates from now on (none: they are gone). Costs what changed, not what is there."""
        for person, rows in changes.items():
            if rows.ndim != 2 or (len(rows) and rows.shape[1] != self.dimension) or not np.isfinite(rows).all():
                raise FaceError("faces.gallery_malformed", rows=len(rows), shape=str(rows.shape))
            self._remove(person)
            self._append([person] * len(rows), rows)

    def extend(self, persons: Sequence[str], rows: Vectors) -> None:
        """More templates, of persons old and new."""
        if rows.ndim != 2 or len(persons) != len(rows) or not np.isfinite(rows).all():
            raise FaceError("faces.gallery_malformed", rows=len(persons), shape=str(rows.shape))
        self._append(persons, rows)

    def _append(self, persons: Sequence[str], rows: Vectors) -> None:
        taken = 0
        while taken < len(rows):
            at = len(self._owner)
            block, offset = divmod(at, BLOCK)
            if block == len(self._blocks):
                self._grow()
            part = rows[taken : taken + BLOCK - offset]
            self._blocks[block][offset : offset + len(part)] = part
            self._halves[at : at + len(part)] = np.einsum("ij,ij->i", part, part) / 2
            for number, person in enumerate(persons[taken : taken + len(part)]):
                self._rows.setdefault(person, []).append(at + number)
            self._owner.extend(persons[taken : taken + len(part)])
            taken += len(part)

    def _grow(self) -> None:
        self._blocks.append(np.zeros((BLOCK, self.dimension), np.float32))
        more = np.zeros(BLOCK, np.float32)
        self._halves = np.concatenate([self._halves, more])
        self._scores = np.concatenate([self._scores, more])

    def _remove(self, person: str) -> None:
        for row in sorted(self._rows.pop(person, ()), reverse=True):
            last = len(self._owner) - 1
            moved = self._owner.pop()
            if row != last:
                self._row(row)[:] = self._row(last)
                self._halves[row] = self._halves[last]
                self._owner[row] = moved
                places = self._rows[moved]
                places[places.index(last)] = row
            self._row(last)[:] = 0  # erased means erased, in memory too

    def _row(self, number: int) -> Vectors:
        row: Vectors = self._blocks[number // BLOCK][number % BLOCK]
        return row

    # ---- searching ---------------------------------------------------------------------------------------------------

    def distances(self, embedding: bytes) -> Vectors:
        """Euclidean distance to every template. Raises FaceError for an embedding of another length."""
        probe, scores = self._search(embedding)
        squared: Vectors = np.maximum(probe @ probe - 2 * scores, np.float32(0))
        return np.sqrt(squared)

    def look(self, embedding: bytes, limits: Limits) -> Look:
        """The nearest person, if within `distance`; clear if the next *other* person is `margin` farther."""
        if not len(self):
            return Look(None, float("inf"))
        probe, scores = self._search(embedding)
        square = float(probe @ probe)
        nearest = int(np.argmax(scores))
        best = _root(square - 2 * float(scores[nearest]))
        reach = max(limits.claimed, limits.distance + limits.margin)
        if not best <= reach:  # also for an embedding that is not a number
            return Look(None, best)
        rows = np.flatnonzero(scores >= (square - reach**2) / 2)
        if len(rows) > CANDIDATES:
            rows = rows[np.argpartition(-scores[rows], CANDIDATES)[:CANDIDATES]]
        near: dict[str, float] = {self._owner[nearest]: best}
        for row in rows[np.argsort(-scores[rows])]:
            near.setdefault(self._owner[row], _root(square - 2 * float(scores[row])))
        (person, best), *others = near.items()
        close = tuple(item for item in near.items() if item[1] <= limits.claimed)[:NEAR_AT_MOST]
        if best > limits.distance:
            return Look(None, best, near=close)
        return Look(person, best, not others or others[0][1] - best >= limits.margin, close)

    def _search(self, embedding: bytes) -> tuple[Vectors, Vectors]:
        """The probe, and for every row the product with it less half the row's square: the larger the nearer."""
        if len(embedding) != 4 * self.dimension:
            raise FaceError("faces.embedding_malformed", size=len(embedding), expected=4 * self.dimension)
        probe, count = np.frombuffer(embedding, dtype="<f4"), len(self._owner)
        scores = self._scores[:count]
        for number in range(0, count, BLOCK):
            part = self._blocks[number // BLOCK][: count - number]
            np.dot(part, probe, out=scores[number : number + len(part)])
        scores -= self._halves[:count]
        return probe, scores


def _root(squared: float) -> float:
    """Rounding may leave a little less than nothing; what is not a number is near nobody."""
    if squared > 0:
        return float(squared**0.5)
    return 0.0 if squared <= 0 else float("inf")
