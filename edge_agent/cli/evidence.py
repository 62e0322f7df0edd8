"""`edge-agent evidence`: what was kept, whether it is as it was signed, and copies for those who need them."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from edge_agent.cli.audit import DOCUMENT, UNIT, register
from edge_agent.cli.operate import BY, WHY, carry_out, demand_agent, site, who
from edge_agent.cli.options import CONFIG, STATE, readable, site_zone, state_directory
from edge_agent.cli.progress import bar
from edge_agent.cli.speech import here, language, tell, words
from edge_agent.config import EVIDENCE_KEY
from edge_agent.contract.evidence import Finding, digest, read_manifest
from edge_agent.contract.signatures import PublicKey, kid_of, load_public, public_pem
from edge_agent.errors import EdgeAgentError, StoreError
from edge_agent.exhibits import CHILD_WITHIN_S, PUBLIC_KEY, of_copy, of_published, of_store, own_keys, recorded, signer
from edge_agent.model.commands import Operation
from edge_agent.model.evidence import Manifest
from edge_agent.model.retrieval import Retrieval
from edge_agent.model.sightings import Sighting
from edge_agent.model.site import private
from edge_agent.store.evidence import CLIP, FOLDER, MANIFEST, TRACK, EvidenceStore
from edge_agent.store.faces import load_key
from edge_agent.words import retold

KEY = click.option(
    "--key",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The gateway's public key (default: keys/gateway.pub, and those before it).",
)
EVIDENCE = click.argument("evidence")


@click.group("evidence")
def command() -> None:
    """Clips of alerts: sealed on the disk, signed, chained, erased in time."""


@command.command("list")
@CONFIG
@STATE
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_(config: Path, state: Path | None, as_json: bool) -> None:
    """Show what is kept, the newest last, in the site's time. No agent needs to run."""
    exhibits, zone = recorded(state_directory(config, state)).exhibits, site_zone(config)
    for exhibit in exhibits:
        if as_json:
            click.echo(msgspec.json.encode(exhibit).decode())
            continue
        at = datetime.fromtimestamp(exhibit.kept_ms / 1000, zone)
        held = words("evidence.held", who=", ".join(exhibit.holders)) if exhibit.held else ""
        size = f"{exhibit.size / (1 << 20):.1f} MB"
        click.echo(
            "  ".join(
                part for part in (exhibit.evidence, f"{at:%F %T}", exhibit.camera, size, exhibit.alert, held) if part
            )
        )
    if not exhibits and not as_json:
        tell("evidence.none")


@command.command("show")
@CONFIG
@STATE
@EVIDENCE
def show(config: Path, state: Path | None, evidence: str) -> None:
    """Print the signed manifest of EVIDENCE."""
    store = _store(config, state)
    manifest = read_manifest(store.manifest(_there(store, evidence)))
    if manifest is None:
        raise EdgeAgentError("evidence.bad_manifest", evidence=evidence)
    click.echo(json.dumps(json.loads(store.manifest(evidence)), indent=2, ensure_ascii=False))


@command.command("hold")
@CONFIG
@STATE
@BY
@WHY
@EVIDENCE
def hold(config: Path, state: Path | None, by: str | None, why: str, evidence: str) -> None:
    """Keep EVIDENCE until it is released, whatever its age and however full the disk."""
    carry_out(site(config, state), Operation("hold_evidence", who(by), why, target=evidence))


@command.command("release")
@CONFIG
@STATE
@BY
@WHY
@click.option("--of", "whose", default="", help="Whose hold ends; without it your own.")
@EVIDENCE
def release(config: Path, state: Path | None, by: str | None, why: str, whose: str, evidence: str) -> None:
    """End a hold of EVIDENCE. When nobody holds it any more, its age and the room on the disk count again."""
    carry_out(site(config, state), Operation("release_evidence", who(by), why, target=evidence, who=whose.strip()))


@command.command("export")
@CONFIG
@STATE
@BY
@UNIT
@click.option("--why", required=True, help="The reason, for the record.")
@DOCUMENT
@click.option(
    "--for", "purpose", type=click.Choice(["investigation", "publication"]), default="investigation", show_default=True,
    help="investigation: as it was recorded; publication: masked, faces and plates blurred.",
)  # fmt: skip
@click.option("--only-event", is_flag=True, help="For publication: nothing is sharp but the place of the event.")
@EVIDENCE
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def export(
    config: Path,
    state: Path | None,
    by: str | None,
    unit: str,
    why: str,
    document: str,
    purpose: str,
    only_event: bool,
    evidence: str,
    folder: Path,
) -> None:
    """Write a copy of EVIDENCE into a new folder of FOLDER. The running agent puts on record who takes it.

    Entered in the register of retrievals first (`audit list`), when nothing stands against it: if writing fails after
    that, the entry stays and the folder does not.
    """
    if only_event and purpose != "publication":
        raise EdgeAgentError("evidence.only_published")
    store, there = _store(config, state), site(config, state)
    target = folder / _there(store, evidence)
    if evidence not in {exhibit.evidence for exhibit in recorded(state_directory(config, state)).exhibits}:
        raise EdgeAgentError("evidence.no_such", evidence=evidence)
    operation = Operation("export_evidence", who(by), why, target=evidence, outcome=purpose)
    entry = Retrieval(
        kind="exported", what=f"evidence/{evidence}", by=who(by), unit=unit, reason=why, document=document,
        digest=digest(store.manifest(evidence)), note=purpose,
    )  # fmt: skip
    demand_agent(there, operation)
    with _new_folder(target):
        files = _whole(config, store, evidence)
        if purpose == "publication":
            files = iter(list(_published(config, store, evidence, only_event)))  # made before anything is on record
            demand_agent(there, operation)  # it took minutes
        register(config, state).append(entry, time.time_ns() // 1_000_000)
        carry_out(there, operation)
        _write(target, files)
    tell("evidence.exported", evidence=evidence, folder=target)


@command.command("verify")
@CONFIG
@STATE
@KEY
@click.argument("what", required=False)
def verify(config: Path, state: Path | None, key: Path | None, what: str | None) -> None:
    """Check evidence: WHAT is an exported folder (then only --key is needed), one id, or nothing for all there is.

    Names what failed: a hash, the signature, the chain, the time. Exit status 0 only when the gateway's key vouches for
    all of it; a folder that is checked with the key that lies in it, and a masked copy, give 1.
    """
    if what is not None and Path(what).is_dir():
        _verify_copy(Path(what), config, key)
        return
    store = _store(config, state)
    there = store.there()  # before the journal is read: what an agent keeps meanwhile is nobody's stranger
    journal = recorded(state_directory(config, state))
    found = of_store(store, journal, _keys(config, key), what, there)
    bad = sum(_say(evidence, findings) for evidence, findings in found.items())
    if not found:
        tell("evidence.none")
    if bad:
        raise EdgeAgentError("evidence.failed", count=bad, all=len(found))


def _verify_copy(folder: Path, config: Path, key: Path | None) -> None:
    if masked := of_published(folder):
        evidence, whole = masked
        tell("evidence.published" if whole else "evidence.published_altered", name=folder.resolve().name)
        raise EdgeAgentError("evidence.unsigned", evidence=evidence)
    own = None
    if key is None and not config.exists() and (folder / PUBLIC_KEY).exists():
        own = load_public(folder / PUBLIC_KEY)  # proves that it is whole, not whose it is
    evidence, findings = of_copy(folder, _keys(config, key) if own is None else [own])
    kid = kid_of(own) if own else ""
    if _say(evidence, findings, "evidence.whole" if own else "evidence.good", kid=kid):
        raise EdgeAgentError("evidence.failed", count=1, all=1)
    if own:
        raise EdgeAgentError("evidence.whose_key", kid=kid)


def _say(evidence: str, findings: list[Finding], good: str = "evidence.good", **fields: str) -> bool:
    """A headline and what was found; True when it is not as it was signed."""
    fatal = any(finding.fatal for finding in findings)
    tell("evidence.bad" if fatal else good, evidence=evidence, **fields)
    for finding in findings:
        click.echo(f"  {words(finding.code, what=retold(finding.what, finding.why, finding.given, language()))}")
    return fatal


# ---- reading ---------------------------------------------------------------------------------------------------------


def _store(config: Path, state: Path | None) -> EvidenceStore:
    return EvidenceStore(state_directory(config, state) / FOLDER, load_key(config.parent / EVIDENCE_KEY))


def _there(store: EvidenceStore, evidence: str) -> str:
    """`evidence` when it lies in the store: no other name becomes a path. Raises EdgeAgentError."""
    if evidence not in store.there():
        raise EdgeAgentError("evidence.no_such", evidence=evidence)
    return evidence


def _keys(config: Path, key: Path | None) -> list[PublicKey]:
    return own_keys(config.parent) if key is None else [load_public(key)]


# ---- copies ----------------------------------------------------------------------------------------------------------


@contextmanager
def _new_folder(folder: Path) -> Iterator[None]:
    """Made for its owner alone; it goes again when what it was made for fails. Raises EdgeAgentError."""
    try:
        folder.mkdir(mode=0o700, parents=True)
    except FileExistsError as error:
        raise EdgeAgentError("evidence.folder_there", folder=folder) from error
    except OSError as error:
        raise EdgeAgentError("evidence.cannot_write", path=folder, why=error.strerror) from error
    with ExitStack() as unless_written:
        unless_written.callback(shutil.rmtree, folder, ignore_errors=True)
        yield
        unless_written.pop_all()


def _write(target: Path, files: Iterator[tuple[str, Iterator[bytes]]]) -> None:
    try:
        for name, content in files:
            with os.fdopen(os.open(target / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.writelines(content)
                file.flush()
                os.fsync(file.fileno())  # who reads that it is there pulls the stick out
    except StoreError as error:
        raise EdgeAgentError("evidence.copy_failed", path=target, why=here(error.sentence)) from error
    except OSError as error:
        raise EdgeAgentError("evidence.copy_failed", path=target, why=error.strerror) from error


def _whole(config: Path, store: EvidenceStore, evidence: str) -> Iterator[tuple[str, Iterator[bytes]]]:
    """As it was recorded, with what is needed to check it anywhere."""
    manifest = read_manifest(store.manifest(evidence))
    names = [MANIFEST, *(file.name for file in manifest.files)] if manifest else [MANIFEST]
    for name in names:
        yield name, store.read(evidence, name)
    if (config.parent / "keys" / PUBLIC_KEY).exists():
        keys = own_keys(config.parent)
        yield PUBLIC_KEY, iter([public_pem(signer(store.manifest(evidence), keys) or keys[0])])


def _published(
    config: Path, store: EvidenceStore, evidence: str, only_event: bool
) -> Iterator[tuple[str, Iterator[bytes]]]:
    """A copy that may be shown; it names the evidence it was made of."""
    raw = store.manifest(evidence)
    manifest = read_manifest(raw)
    loaded = readable(config)
    camera = next((one for one in loaded.cameras if manifest and one.name == manifest.camera), None)
    if manifest is not None and camera is None:  # its windows would be shown
        raise EdgeAgentError("evidence.no_camera", evidence=evidence, camera=manifest.camera)
    masks = private(camera, loaded.facades) if camera else ()
    job = {"masks": masks, "only": _place(store, evidence, manifest) if only_event else None}
    clip = b"".join(store.read(evidence, CLIP))
    counts, made = _blurred(job, clip)
    if not made:
        raise EdgeAgentError("evidence.no_picture", evidence=evidence)
    tell("evidence.masked", faces=counts["faces"] + counts["heads"], plates=counts["plates"])
    yield "published.mp4", iter([made])
    about = {"evidence": evidence, "manifest": digest(raw), "sha256": digest(made), "found": counts}
    yield "published.json", iter([json.dumps(about, indent=2).encode() + b"\n"])


def _blurred(job: dict[str, Any], clip: bytes) -> tuple[dict[str, int], bytes]:
    """(what was found, the new file), by a process of its own, which takes minutes and says how far it is."""
    command = [sys.executable, "-m", "edge_agent.vision.publish"]
    with (
        ExitStack() as shown,
        tempfile.TemporaryFile() as wrong,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=wrong) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        progress = bar(shown, words("cli.looking"))
        with suppress(BrokenPipeError), process.stdin:
            process.stdin.write(json.dumps(job).encode() + b"\n" + clip)
        counts, made = {}, b""
        silent = _killed_when_silent(process)
        for line in process.stdout:
            silent.cancel()
            silent = _killed_when_silent(process)
            said = json.loads(line)
            if "looked" not in said:
                counts, made = said, process.stdout.read()
            elif progress is not None:
                progress(said["looked"], said["of"])
        status = process.wait()
        silent.cancel()
        if status:
            wrong.seek(0)
            lines = wrong.read().decode("utf-8", "replace").splitlines()
            raise EdgeAgentError("evidence.child_failed", why=lines[-1] if lines else f"status {status}")
    return counts, made


def _killed_when_silent(process: "subprocess.Popen[bytes]") -> threading.Timer:
    """One that hangs ends; one that goes on, frame by frame, takes as long as it takes."""
    timer = threading.Timer(CHILD_WITHIN_S, process.kill)
    timer.daemon = True
    timer.start()
    return timer


def _place(store: EvidenceStore, evidence: str, manifest: Manifest | None) -> tuple[float, ...]:
    """Where it happened, in parts of the picture: all boxes together, and some around. Raises EdgeAgentError when
    nothing says where.
    """
    if manifest is None or not any(file.name == TRACK for file in manifest.files):
        raise EdgeAgentError("evidence.no_place", evidence=evidence)
    sightings = msgspec.json.decode(b"".join(store.read(evidence, TRACK)), type=list[Sighting])
    boxes = [
        (x / w, y / h, (x + bw) / w, (y + bh) / h)
        for one in sightings
        for (w, h), (x, y, bw, bh) in [(one.size, one.box)]
        if w and h and bw and bh
    ]
    if not boxes:
        raise EdgeAgentError("evidence.no_place", evidence=evidence)
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right, bottom = max(box[2] for box in boxes), max(box[3] for box in boxes)
    left, top, right, bottom = (
        max(0.0, left - 0.05),
        max(0.0, top - 0.05),
        min(1.0, right + 0.05),
        min(1.0, bottom + 0.05),
    )
    return left, top, right - left, bottom - top
