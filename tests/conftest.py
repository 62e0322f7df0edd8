"""Order of the tests over the workers of pytest-xdist, and what one must not leave to the next."""

import gc
from itertools import islice

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long: a worker begins with it, or at the end all would wait for it alone")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """`--dist worksteal` gives each worker an equal share of the list: the long ones go to the heads of the shares."""
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    long = [item for item in items if item.get_closest_marker("long")]
    others = iter([item for item in items if not item.get_closest_marker("long")])
    share = -(-len(items) // workers)
    heads = [long[worker::workers] for worker in range(workers)]
    items[:] = [item for head in heads for item in (*head, *islice(others, share - len(head)))]


def pytest_runtest_teardown() -> None:
    """A command that is called in this process freezes what is there, as a started one may: what leaks in a test would
    never be found any more, and no file or connection left open be told.
    """
    gc.unfreeze()
