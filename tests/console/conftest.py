"""One gateway for all tests of a module: it takes a second to start."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.console.rig import Rig


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    folder: Path = tmp_path_factory.mktemp("console")
    with Rig(folder).running() as running:
        yield running
