from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.city.postgres_rig import Server, missing, running_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    if why := missing():
        pytest.skip(why)
    with running_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Where a city's database may be: a new file, a new database of a server."""
    if request.param == "sqlite":
        return tmp_path / "city.db"
    server: Server = request.getfixturevalue("postgres")
    return server.database()
