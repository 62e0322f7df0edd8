"""Which clips bench/falling.py measures: series of seeds that never meet, and what a run adds to each."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from math import ceil

from bench.falling_footage import PLACES, Place
from bench.falling_judge import FALLS_A_CLIP, QUIET_S, drawn
from tests.vision.facade.clip import WEATHERS, Clip

DIVES_A_CLIP = 90  # about
QUIET_OF_FOOTAGE = 2  # clips of each place, once: the same seconds to and fro, more of them would prove no more


@dataclass(frozen=True)
class Series:
    """Clips in which things fall (`falling`) or nothing does, on drawn walls or in footage, `crowded` with what comes
    by (tests/vision/facade/clip.py) or not, the `weathers` in turn. A series that is used up goes on in another span,
    so that a seed means the same clip for ever."""

    name: str
    falling: bool
    spans: tuple[range, ...]
    place: Place | None = None
    crowded: bool = False
    weathers: tuple[str, ...] = WEATHERS

    def __contains__(self, seed: int) -> bool:
        return any(seed in span for span in self.spans)

    def unseen(self, done: set[int], clips: int) -> list[int]:
        """The first `clips` seeds that are not `done`, or as many as are left."""
        found = list(islice((seed for span in self.spans for seed in span if seed not in done), clips))
        if len(found) < clips:
            print(f"{self.name}: {len(found)} seeds are left, {clips} were asked for (bench/falling_series.py)")
        return found


FALLS = Series("falls", True, (range(46_000, 58_000), range(2_000_000, 3_000_000)))
HOURS = Series("hours of nothing", False, (range(58_000, 72_000), range(1_000_000, 2_000_000)))
DIVES = Series(
    "dives", False, (range(80_100, 90_000), range(3_000_000, 4_000_000)), crowded=True, weathers=("birds",)
)  # fmt: skip
CROWDS = Series(
    "crowds", True, (range(90_000, 100_000), range(4_000_000, 5_000_000)), crowded=True, weathers=("wind", "night")
)  # fmt: skip
FOOTAGE = tuple(
    Series(f"{place.name}, {'falls' if falling else 'nothing'}", falling, (range(first, first + 1_000),), place)
    for number, place in enumerate(PLACES)
    for falling, first in ((True, 72_000 + 2_000 * number), (False, 73_000 + 2_000 * number))
)
SERIES = FALLS, HOURS, DIVES, CROWDS, *FOOTAGE


def clip_of(seed: int) -> Clip:
    for series in SERIES:
        if seed in series:
            return drawn(seed, series.falling, series.place, series.crowded, series.weathers)
    raise ValueError(f"seed {seed} is in no series")


def added(hours: float, falls: int, dives: int, crowds: int, done: Iterable[int]) -> list[int]:
    """Seeds that are not `done`, of at least `hours` in which nothing falls, `falls` that do, about so many `dives` of
    birds, and `crowds` clips; of footage a fifth of the falls, where it is there."""
    seen = set(done)
    todo = FALLS.unseen(seen, ceil(falls / FALLS_A_CLIP)) + HOURS.unseen(seen, ceil(hours * 3600 / QUIET_S))
    todo += DIVES.unseen(seen, ceil(dives / DIVES_A_CLIP)) + CROWDS.unseen(seen, crowds)
    for series in FOOTAGE:
        assert series.place is not None
        if not series.place.file.is_file():
            print(f"{series.place.file} is not there (EDGE_AGENT_DATA): nothing new of {series.name}")
        elif series.falling:
            todo += series.unseen(seen, ceil(falls / FALLS_A_CLIP / 5))
        elif hours:
            todo += series.unseen(seen, max(0, QUIET_OF_FOOTAGE - sum(seed in series for seed in seen)))
    return todo
