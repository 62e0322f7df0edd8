"""Times on the command line are the site's, as at its console, whatever the machine's are."""

import itertools
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from edge_agent.model.events import EvidenceKept
from edge_agent.model.evidence import Exhibit
from edge_agent.store.journal import SqliteJournal
from tests import command
from tests.store.journal_rig import journalling

KEPT_MS = 1_790_000_000_001  # as the rig's clock counts
CONFIG = """
[gateway]
id = "G1"
zone = "Asia/Kathmandu"
[uplink]
url = "mqtt://127.0.0.1:1"
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    async def story(journal: SqliteJournal) -> None:
        exhibit = Exhibit("ev-1", "yard", "a-1", "0" * 64, "", 1, KEPT_MS, 2 << 20)
        late = {"complete": False, "why": "it begins 2 s late", "code": "clip.late", "given": {"s": 2}}
        kept = EvidenceKept(evidence="ev-1", camera="yard", alert="a-1", manifest="0" * 64, **late)
        old = EvidenceKept(
            evidence="ev-0", camera="yard", alert="a-0", manifest="0" * 64, complete=False, why="old words"
        )
        await journal.record(old).committed()
        await journal.record(kept, exhibit).committed()

    journalling(tmp_path / "state/journal.db", story)
    (tmp_path / "agent.toml").write_text(CONFIG)
    return tmp_path


def test_evidence_is_listed_in_the_sites_time(site: Path) -> None:
    there = datetime.fromtimestamp(KEPT_MS / 1000, ZoneInfo("Asia/Kathmandu"))
    listed = command.run(site, "evidence", "list").stdout
    assert listed == f"ev-1  {there:%F %T}  yard  2.0 MB  a-1\n"


def test_events_are_followed_in_the_sites_time_and_the_readers_words(site: Path) -> None:
    """What was recorded before there were codes is told as it was written."""
    process = subprocess.Popen(
        [sys.executable, "-m", "edge_agent", "--lang", "zh", "events", "follow", "--from", "0"],
        cwd=site, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1", "TZ": "UTC"},
    )  # fmt: skip
    assert process.stdout is not None
    try:
        old, kept = itertools.islice((line for line in process.stdout if "证据" in line), 2)
    finally:
        process.terminate()
        process.communicate(timeout=10)
    assert kept.startswith(f"{datetime.fromtimestamp(KEPT_MS / 1000, ZoneInfo('Asia/Kathmandu')):%H:%M:%S}")
    assert "开头晚了 2 秒" in kept
    assert "old words" in old
