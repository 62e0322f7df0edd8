"""How hypothesis runs here: `proof` (every time the same examples), `search` (random ones, many), `mutate` (few).

`HYPOTHESIS_PROFILE=search .venv/bin/pytest tests/core` looks further; a failure prints how to repeat it.
"""

import os

import pytest
from hypothesis import HealthCheck, settings

from edge_agent.core import schedule

settings.register_profile("proof", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("search", max_examples=1000, deadline=None, print_blob=True)
settings.register_profile(
    "mutate",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=20,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("mutate" if "MUTANT_UNDER_TEST" in os.environ else os.environ.get("HYPOTHESIS_PROFILE", "proof"))


@pytest.fixture(autouse=True, scope="session")
def _nothing_is_known_from_before() -> None:
    """A mutant's process is forked from one that has run the tests: what recurrences come to must not be inherited."""
    for kept in (schedule.parse, schedule.begins, schedule._window):
        kept.cache_clear()
