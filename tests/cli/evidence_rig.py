"""A gateway that has kept evidence and is stopped: its own keys, sealed files, signed manifests, a real journal."""

import hashlib
from pathlib import Path

from edge_agent.config import EVIDENCE_KEY
from edge_agent.contract.signatures import load_private, sign
from edge_agent.model.encoding import canonical
from edge_agent.model.events import EvidenceErased, EvidenceKept
from edge_agent.model.evidence import Exhibit, File, Manifest, Time
from edge_agent.store.evidence import EvidenceStore
from edge_agent.store.faces import load_key
from edge_agent.store.journal import SqliteJournal
from edge_agent.words import parts
from tests.cli.test_people_cli import CONFIG
from tests.command import run
from tests.store.journal_rig import BOOT, journalling

AT_MS = 1_790_000_000_000


def gateway(folder: Path) -> Path:
    (folder / "agent.toml").write_text(CONFIG)
    assert run(folder, "keys", "init").returncode == 0
    return folder


def store_of(site: Path) -> EvidenceStore:
    return EvidenceStore(site / "state/evidence", load_key(site / EVIDENCE_KEY))


def keep(site: Path, *clips: bytes, track: bytes | None = b"[]", why: str = "") -> list[str]:
    """Keeps each of `clips` as ev-1, ev-2, … and returns their ids, as the daemon does. `track` None: as it keeps what
    its last stop cut off. `why` it is not whole, a Sentence.
    """
    store = store_of(site)
    store.make()
    previous, said = "", []
    for number, clip in enumerate(clips, 1):
        writer = store.begin(f"ev-{number}", b"{}")
        writer.write(clip)
        files = [writer.close_clip(), *([] if track is None else [writer.add("track.json", track)])]
        signed = _signed(site, f"ev-{number}", tuple(files), previous, why)
        size, manifest = writer.finish(signed), hashlib.sha256(signed).hexdigest()
        exhibit = Exhibit(f"ev-{number}", "yard", "a-1", manifest, previous, number, AT_MS, size)
        event = EvidenceKept(evidence=f"ev-{number}", camera="yard", alert="a-1", manifest=manifest, previous=previous)
        said.append((event, exhibit))
        previous = manifest

    async def story(journal: SqliteJournal) -> None:
        for event, exhibit in said:
            await journal.record(event, exhibit).committed()

    journalling(site / "state/journal.db", story)
    return [exhibit.evidence for _, exhibit in said]


def erase(site: Path, exhibit: Exhibit) -> None:
    """As the daemon does when its time is over."""
    store_of(site).erase(exhibit.evidence, exhibit.disk)

    async def story(journal: SqliteJournal) -> None:
        event = EvidenceErased(evidence=exhibit.evidence, why="age", manifest=exhibit.manifest)
        await journal.record(event, exhibit.gone()).committed()

    journalling(site / "state/journal.db", story)


def _signed(site: Path, evidence: str, files: tuple[File, ...], previous: str, why: str) -> bytes:
    why, code, given = parts(why)
    manifest = Manifest(
        evidence=evidence, gateway="G1", agent="0", config="0" * 16, camera="yard", source="rtsp://camera/main",
        alert="a-1", kind="intrusion", asked_from_ms=0, asked_to_ms=3000, time=Time(AT_MS, 9, BOOT, "synced", 5),
        files=files, stream=None, previous=previous, complete=not why, why=why, code=code, given=given,
    )  # fmt: skip
    return canonical(sign(manifest.fields(), load_private(site / "keys/gateway.key")))
