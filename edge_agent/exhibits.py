"""Whether the evidence kept here, or a copy of it, is what was recorded and signed: for command line and console."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path

import msgspec

from edge_agent.contract import rotation
from edge_agent.contract.evidence import (
    Finding,
    digest,
    file_findings,
    other_findings,
    read_manifest,
    signature_findings,
)
from edge_agent.contract.signatures import PublicKey
from edge_agent.errors import EdgeAgentError, StoreError
from edge_agent.model.events import EvidenceErased, EvidenceKept
from edge_agent.model.evidence import Exhibit, Manifest
from edge_agent.store.evidence import CLIP, MANIFEST, EvidenceStore
from edge_agent.store.reading import JournalReader

CHILD_WITHIN_S = 600.0
PUBLIC_KEY = "gateway.pub"  # in a copy
PUBLISHED = "published.json"


class Published(msgspec.Struct, frozen=True):
    """What a masked copy says of itself: the evidence it was made of, and SHA-256 of its video."""

    evidence: str
    sha256: str


class Recorded(msgspec.Struct, frozen=True):
    """What the journal says. `exhibits`: all of the chain, oldest first; `kept`: ids of what its rows saw kept;
    `erased`: id → SHA-256 of the manifest of what they saw erased. Rows that retention took say nothing.
    """

    exhibits: list[Exhibit]
    kept: frozenset[str] = frozenset()
    erased: dict[str, str] = {}

    @property
    def vanished(self) -> frozenset[str]:
        """Kept, never erased, and not remembered."""
        return self.kept - self.erased.keys() - {exhibit.evidence for exhibit in self.exhibits}


def recorded(state: Path) -> Recorded:
    """Raises StoreError when there is no journal."""
    with closing(JournalReader(state / "journal.db")) as reader:
        exhibits, events = reader.evidence()
    return Recorded(
        sorted(exhibits, key=lambda exhibit: exhibit.number),
        frozenset(event.evidence for event in events if isinstance(event, EvidenceKept)),
        {event.evidence: event.manifest for event in events if isinstance(event, EvidenceErased)},
    )


def own_keys(folder: Path) -> list[PublicKey]:
    """The gateway's public keys beside agent.toml: today's and those before it. Raises EdgeAgentError when today's is
    not there.
    """
    keys = folder / "keys"
    if not (keys / PUBLIC_KEY).exists():
        raise EdgeAgentError("evidence.no_key", path=keys / PUBLIC_KEY)
    return rotation.own_keys(keys)


def signer(manifest: bytes, keys: Iterable[PublicKey]) -> PublicKey | None:
    """Which of `keys` has signed it; None: none of them."""
    return next((key for key in keys if not signature_findings(manifest, [key])), None)


def of_store(
    store: EvidenceStore,
    journal: Recorded,
    keys: list[PublicKey],
    only: str | None = None,
    there: set[str] | None = None,
) -> dict[str, list[Finding]]:
    """By id, all that is recorded or lies in the store, or `only` one. `there`: what lay in it before `journal` was
    read, beside an agent that keeps more meanwhile. Raises EdgeAgentError when that one is not recorded.
    """
    known = {exhibit.evidence for exhibit in journal.exhibits}
    if only is not None and only not in known | journal.vanished:
        raise EdgeAgentError("evidence.no_such", evidence=only)
    by_number = {exhibit.number: exhibit for exhibit in journal.exhibits}
    found = {}
    for exhibit in journal.exhibits:
        if only is None or exhibit.evidence == only:
            before = by_number.get(exhibit.number - 1)
            findings = _one(store, exhibit, keys)
            if before is not None and exhibit.previous != before.manifest:
                findings.append(Finding("evidence.broken_chain"))
            elif before is None and exhibit.previous:
                erased = exhibit.previous in journal.erased.values()
                gap = "evidence.chain_gap" if erased else "evidence.chain_unknown"
                findings.append(Finding(gap, False, f"{exhibit.previous[:12]}…"))
            found[exhibit.evidence] = findings
    found |= {one: [Finding("evidence.vanished")] for one in sorted(journal.vanished) if only in (None, one)}
    if only is None:
        now = store.there()
        strangers = (now if there is None else now & there) - found.keys()
        found |= {name: [Finding("evidence.not_recorded")] for name in sorted(strangers)}
    return found


def of_copy(folder: Path, keys: list[PublicKey]) -> tuple[str, list[Finding]]:
    """An exported copy: the id in its manifest (the folder's name when there is none), and what was found. Raises
    EdgeAgentError when a file of it cannot be read.
    """
    try:
        path = folder / MANIFEST
        raw = path.read_bytes() if path.exists() else b""
        manifest = read_manifest(raw)
        findings = signature_findings(raw, keys)
        if manifest is None:
            return folder.resolve().name, findings
        return manifest.evidence, _copied(folder, manifest, findings)
    except OSError as error:
        raise _unreadable(folder, error) from error


def of_published(folder: Path) -> tuple[str, bool] | None:
    """A masked copy: the evidence it says it was made of, and whether its video is the one it names. None: it is none.
    Raises EdgeAgentError when a file of it cannot be read.
    """
    try:
        if (folder / MANIFEST).exists() or not (folder / PUBLISHED).exists():
            return None
        said = msgspec.json.decode((folder / PUBLISHED).read_bytes(), type=Published)
        return said.evidence, digest((folder / "published.mp4").read_bytes()) == said.sha256
    except (msgspec.DecodeError, UnicodeDecodeError):
        return folder.resolve().name, False
    except OSError as error:
        raise _unreadable(folder, error) from error


def _copied(folder: Path, manifest: Manifest, findings: list[Finding]) -> list[Finding]:
    for file in manifest.files:
        there = (folder / file.name).exists()
        findings += file_findings(manifest, file.name, _pieces(folder / file.name) if there else None)
    known = {file.name for file in manifest.files} | {MANIFEST, PUBLIC_KEY}
    findings += [Finding("evidence.stranger", False, one.name) for one in folder.iterdir() if one.name not in known]
    if (folder / CLIP).exists():
        findings = stream_findings(manifest, findings, (folder / CLIP).read_bytes)
    if (name := folder.resolve().name) != manifest.evidence:
        findings.append(Finding("evidence.other_name", False, name))
    return findings + other_findings(manifest)


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            yield piece


def _unreadable(folder: Path, error: OSError) -> EdgeAgentError:
    return EdgeAgentError("evidence.cannot_read", path=error.filename or folder, why=error.strerror)


def _one(store: EvidenceStore, exhibit: Exhibit, keys: list[PublicKey]) -> list[Finding]:
    try:
        raw = store.manifest(exhibit.evidence)
    except StoreError:
        return [Finding("evidence.no_manifest")]
    findings = signature_findings(raw, keys)
    if digest(raw) != exhibit.manifest:
        findings.append(Finding("evidence.other_manifest"))
    manifest = read_manifest(raw)
    if manifest is None:
        return findings
    for file in manifest.files:
        try:
            findings += file_findings(manifest, file.name, store.read(exhibit.evidence, file.name))
        except StoreError:
            there = (store.folder / exhibit.evidence / file.name).exists()
            findings.append(Finding("evidence.bad_hash" if there else "evidence.file_missing", True, file.name))
    if not any(finding.what == CLIP for finding in findings):
        findings = stream_findings(manifest, findings, lambda: b"".join(store.read(exhibit.evidence, CLIP)))
    return findings + other_findings(manifest)


def stream_findings(manifest: Manifest, findings: list[Finding], clip: Callable[[], bytes]) -> list[Finding]:
    """`findings` and what the video's own units say: another container is told from another video."""
    if manifest.stream is None:
        return [*findings, Finding("evidence.no_stream", False)]
    try:
        same = _units(clip()) == manifest.stream.sha256
    except StoreError:
        return findings
    rewritten = any(finding.code == "evidence.bad_hash" and finding.what == CLIP for finding in findings)
    if not same:
        return [*findings, Finding("evidence.bad_stream")]
    return [*findings, Finding("evidence.same_stream", False)] if rewritten else findings


def _units(clip: bytes) -> str:
    done = child("edge_agent.vision.unit_hash", clip)
    return str(json.loads(done or b"{}").get("sha256", ""))


def child(module: str, data: bytes) -> bytes:
    """What the module says to `data`, in a process of its own: decoders may abort. Raises EdgeAgentError, with its last
    words.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-m", module], input=data, capture_output=True, timeout=CHILD_WITHIN_S, check=True
        )
    except subprocess.TimeoutExpired as error:
        raise EdgeAgentError("evidence.child_failed", why=f"> {CHILD_WITHIN_S:.0f} s") from error
    except subprocess.CalledProcessError as error:
        lines = error.stderr.decode("utf-8", "replace").splitlines()
        why = lines[-1] if lines else f"status {error.returncode}"
        raise EdgeAgentError("evidence.child_failed", why=why) from error
    return done.stdout
