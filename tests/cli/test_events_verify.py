"""`edge-agent events verify`: a whole journal, and one somebody has changed."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from click.testing import CliRunner

from edge_agent.cli import group
from edge_agent.contract.checkpoint import sign_checkpoint
from edge_agent.contract.signatures import new_key, save_private, save_public
from edge_agent.drivers.clock import SystemClock
from edge_agent.model.events import DoorOpened
from edge_agent.store import upkeep
from edge_agent.store.journal import SqliteJournal
from edge_agent.store.writer import Writer
from tests.store.journal_rig import query
from tests.waiting import auntil


def test_whole_then_altered_then_signed_by_somebody_else(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(upkeep, "MARK_EVERY", 5)
    key, path = new_key(), tmp_path / "state/journal.db"
    (tmp_path / "keys").mkdir()
    save_public(tmp_path / "keys/gateway.pub", key.public_key())
    save_private(tmp_path / "keys/gateway.key", key)
    save_public(tmp_path / "other.pub", new_key().public_key())

    async def record() -> None:
        writer = Writer()
        journal = SqliteJournal(path, SystemClock(), writer)
        for n in range(6):
            await journal.record(DoorOpened(door=f"d{n}")).committed()
        journal.tend(lambda seq, hash_, pruned: sign_checkpoint("G1", journal.epoch, seq, hash_, pruned, key))
        await auntil(lambda: query(path, "SELECT count(*) FROM checkpoints")[0][0])
        await journal.close()
        writer.close()

    def verify(*more: str) -> tuple[int, str]:
        paths = ["--config", str(tmp_path / "agent.toml"), "--state", str(path.parent)]
        done = CliRunner().invoke(group, ["--lang", "en", "events", "verify", *paths, *more])
        return done.exit_code, done.output

    asyncio.run(record())
    (tmp_path / "agent.toml").write_text("")
    code, said = verify()
    assert (code, "whole: 6 events, 1 to 6" in said, "1 signed checkpoints" in said) == (0, True, True), said
    for _ in range(2):
        rotate = ["keys", "rotate", "--gateway", "G1", "--dir", str(tmp_path / "keys")]
        assert CliRunner().invoke(group, rotate).exit_code == 0
        code, said = verify()
        assert (code, "1 signed checkpoints" in said) == (0, True), "what was signed stays signed: " + said
    code, said = verify("--key", str(tmp_path / "other.pub"))
    assert (code, "not this gateway's word" in said) == (1, True), said
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("UPDATE events SET body = replace(body, 'd2', 'd9') WHERE seq = 3")
    code, said = verify()
    assert (code, "event 3 was altered" in said) == (1, True), said
