"""Whether the evidence kept here is what was recorded and signed: for the command line and for the console."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from edge_agent.contract.evidence import (
    Finding,
    digest,
    file_findings,
    other_findings,
    read_manifest,
    signature_findings,
)
from edge_agent.contract.signatures import PublicKey, load_public
from edge_agent.errors import EdgeAgentError, StoreError
from edge_agent.model.evidence import Exhibit, Manifest
from edge_agent.store.evidence import CLIP, EvidenceStore
from edge_agent.store.reading import JournalReader

CHILD_WITHIN_S = 600.0


def recorded(state: Path) -> list[Exhibit]:
    """What the journal remembers, oldest first."""
    with closing(JournalReader(state / "journal.db")) as reader:
        found = [change for change in reader.standing() if isinstance(change, Exhibit)]
    return sorted(found, key=lambda exhibit: exhibit.number)


def own_keys(folder: Path) -> list[PublicKey]:
    """The gateway's public keys beside agent.toml: this one and the one before it."""
    keys = folder / "keys"
    return [load_public(keys / name) for name in ("gateway.pub", "gateway.previous.pub") if (keys / name).exists()]


def of_store(
    store: EvidenceStore, exhibits: Sequence[Exhibit], keys: list[PublicKey], only: str | None = None
) -> dict[str, list[Finding]]:
    """By id, all that is recorded or lies in the store, or `only` one. `exhibits`: all of the chain. Raises
    EdgeAgentError when that one is not recorded.
    """
    if only is not None and only not in {exhibit.evidence for exhibit in exhibits}:
        raise EdgeAgentError("evidence.no_such", evidence=only)
    by_number = {exhibit.number: exhibit for exhibit in exhibits}
    found = {}
    for exhibit in exhibits:
        if only is None or exhibit.evidence == only:
            before = by_number.get(exhibit.number - 1)
            findings = _one(store, exhibit, keys)
            if before is not None and exhibit.previous != before.manifest:
                findings.append(Finding("evidence.broken_chain"))
            elif before is None and exhibit.previous:
                findings.append(Finding("evidence.chain_gap", False, f"{exhibit.previous[:12]}…"))
            found[exhibit.evidence] = findings
    strangers = store.there() - {exhibit.evidence for exhibit in exhibits}
    if only is None:
        found |= {name: [Finding("evidence.not_recorded")] for name in sorted(strangers)}
    return found


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
    """What the module says to `data`, in a process of its own: decoders may abort. Raises EdgeAgentError."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", module], input=data, stdout=subprocess.PIPE, timeout=CHILD_WITHIN_S, check=True
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise EdgeAgentError("evidence.publish_failed", why=type(error).__name__) from error
    return done.stdout
