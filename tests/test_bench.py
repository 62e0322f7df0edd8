"""What the benchmarks compute without a picture: bounds, which clips are next, the file of what was measured."""

import pytest

from bench.scores import poisson_upper


@pytest.mark.parametrize(
    ("count", "most"), [(0, 2.99573), (1, 4.74386), (10, 16.96222), (700, 745.1109), (1_500, 1_565.2896)]
)
def test_an_upper_bound_holds_for_many_as_for_few(count: int, most: float) -> None:
    """Against a sum of the terms themselves in decimal arithmetic of 60 digits."""
    assert poisson_upper(count) == pytest.approx(most, rel=1e-5)
