"""How hypothesis runs here: `proof` (every time the same examples), `search` (random ones, many), `mutate` (few).

`HYPOTHESIS_PROFILE=search .venv/bin/pytest tests/core` looks further; a failure prints how to repeat it.
"""

import os

from hypothesis import HealthCheck, settings

settings.register_profile("proof", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("search", max_examples=2000, deadline=None, print_blob=True)
settings.register_profile(
    "mutate",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=40,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("mutate" if "MUTANT_UNDER_TEST" in os.environ else os.environ.get("HYPOTHESIS_PROFILE", "proof"))
