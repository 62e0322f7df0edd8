"""The backup that docs/how-it-works.md describes: people, cards, PINs and faces are there again on another gateway."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from shutil import copytree

import pytest

from edge_agent.errors import StoreError
from edge_agent.model.people import PinOwner
from edge_agent.store.faces import FaceStore, load_key
from edge_agent.store.journal import SqliteJournal
from edge_agent.store.people import PeopleStore
from edge_agent.store.pin_index import load_index
from tests.cli.test_people_cli import CONFIG
from tests.command import run
from tests.store.journal_rig import journalling

PAGE = (Path(__file__).parent.parent.parent / "docs/how-it-works.md").read_text("utf-8")
DATABASES = re.findall(r"^for db in (.+); do$", PAGE, re.MULTILINE)[0].split()


def back_up(site: Path, to: Path) -> None:
    """As the page says, with what stands behind `sqlite3 … ".backup"`."""
    (to / "state").mkdir(parents=True)
    (to / "agent.toml").write_bytes((site / "agent.toml").read_bytes())
    copytree(site / "keys", to / "keys")
    for name in DATABASES:
        if (site / f"state/{name}.db").exists():
            with (
                closing(sqlite3.connect(site / f"state/{name}.db")) as source,
                closing(sqlite3.connect(to / f"state/{name}.db")) as target,
            ):
                source.backup(target)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    site = tmp_path / "old"
    site.mkdir()
    (site / "agent.toml").write_text(CONFIG)
    run(site, "keys", "init")
    return site


def test_who_is_known_is_known_on_another_gateway(site: Path, tmp_path: Path) -> None:
    with closing(PeopleStore(site / "state/people.db")) as running:  # who keeps the log from being written back
        given = ("--name", "张伟", "--category", "resident", "--card", "100:7", "--pin", "4826")
        assert run(site, "people", "add", "p-1", *given).returncode == 0
        with closing(FaceStore(site / "state/faces.db", load_key(site / "keys/face-store.key"), "G1")) as faces:
            faces.put("p-1", "model", bytes(512))
        assert (site / "state/people.db-wal").stat().st_size > 0
        back_up(site, tmp_path / "new")
        assert running.person("p-1") is not None
    new = tmp_path / "new"
    assert re.search(r"p-1 +张伟 .* 1 +1$", run(new, "people", "list").stdout, re.MULTILINE)
    index = load_index(new / "keys/pin-index.key")
    assert index is not None
    with closing(PeopleStore(new / "state/people.db")) as people:
        assert people.book("UTC").pin_index[index.pin("4826")] == (PinOwner("p-1"),)
    with closing(FaceStore(new / "state/faces.db", load_key(new / "keys/face-store.key"), "G1")) as faces:
        assert [enrolled.person for enrolled in faces.enrolled()] == ["p-1"]
    with pytest.raises(StoreError) as caught:
        FaceStore(new / "state/faces.db", load_key(new / "keys/face-store.key"), "G2")
    assert caught.value.code == "store.key_wrong", "faces open under their gateway's id alone"


def test_a_gateway_without_its_journal_begins_a_stream_of_its_own(tmp_path: Path) -> None:
    """With the copy of a journal it would go on with its numbers, which the city may have: it stays out."""
    assert "journal" not in DATABASES

    async def epoch(journal: SqliteJournal) -> str:
        return journal.epoch

    old, new = (journalling(tmp_path / name / "journal.db", epoch) for name in ("old", "new"))
    assert old != new
