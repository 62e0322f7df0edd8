"""The models folder of a gateway: manifests (`<id>.toml`) and the files they speak of. No image library here.

A file counts only while its SHA-256 is the manifest's; it is computed again each time an engine is loaded. What is in
a file (opset, outputs) is judged before a library opens it; what it does, in a child (model_child.py).
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import msgspec

from edge_agent.errors import FaceError
from edge_agent.model.encoding import plain
from edge_agent.model.face_models import DLIB, KNOWN, EngineSpec, Manifest, Role, onnx_spec
from edge_agent.model.site import FacePolicy
from edge_agent.vision.onnx_file import OnnxHead, read_head

CHILD = "edge_agent.vision.model_child"
OPSET = (9, 21)  # what OpenCV 4.10 and later read
BYTES_AT_MOST = 200 << 20
TEST_WITHIN_S = 60.0


class Verdict(msgspec.Struct, frozen=True):
    """What the self-test of a model came to. `probe`: its first numbers for the test picture; `ms`: one run."""

    id: str
    ms: float = 0.0
    outputs: int = 0
    probe: tuple[float, ...] = ()
    code: str = ""  # of words; empty: sound
    fields: dict[str, str] = {}

    @property
    def error(self) -> FaceError | None:
        return FaceError(self.code, **self.fields) if self.code else None


class TestJob(msgspec.Struct, frozen=True):
    folder: str
    manifest: Manifest


def installed(folder: Path) -> list[Manifest]:
    """Every manifest of the folder, by id. Raises FaceError for one that cannot be read."""
    return [read_manifest(path) for path in sorted(folder.glob("*.toml"))]


def read_manifest(path: Path) -> Manifest:
    try:
        return msgspec.convert(tomllib.loads(path.read_text("utf-8-sig")), Manifest)
    except OSError as error:
        raise FaceError("models.manifest_unreadable", file=path.name, why=error.strerror or "unreadable") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise FaceError("models.manifest_unreadable", file=path.name, why=str(error)) from None


def checked_paths(folder: str, manifest: Manifest) -> list[Path]:
    """Where its files are, once their hashes are right. Raises FaceError."""
    paths = []
    for name, wanted in manifest.files:
        path = Path(folder) / name
        if not path.is_file():
            raise FaceError("models.missing", id=manifest.id, file=name)
        if (found := digest(path)) != wanted:
            raise FaceError("models.wrong_hash", file=name, found=found, expected=wanted)
        paths.append(path)
    return paths


def digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise FaceError("models.unreadable", file=path.name, why=error.strerror or "unreadable") from None


def recognised(file: Path) -> Manifest:
    """The manifest this program has for a file, by its hash. Raises FaceError when it knows none."""
    if not file.is_file():
        raise FaceError("models.unreadable", file=file.name, why="no such file")
    found = digest(file)
    for manifest in KNOWN:
        if manifest.sha256 == found:
            return manifest
    for manifest in KNOWN:
        if manifest.file == file.name:
            raise FaceError("models.wrong_hash", file=file.name, found=found, expected=manifest.sha256)
    look_inside(file, "onnx")
    raise FaceError("models.unknown", file=file.name, found=found)


def look_inside(file: Path, form: str) -> OnnxHead | None:
    """Refuse what is no model of that form, before any library opens it; the head of an ONNX file. Raises FaceError."""
    size = file.stat().st_size
    if size > BYTES_AT_MOST:
        raise FaceError("models.too_large", file=file.name, size=size >> 20, most=BYTES_AT_MOST >> 20)
    data = file.read_bytes()
    if data.startswith(b"version https://git-lfs"):
        raise FaceError("models.pointer", file=file.name)
    if form != "onnx":
        return None
    head = read_head(data)
    if head is None:
        raise FaceError("models.no_model", file=file.name)
    if not OPSET[0] <= head.opset <= OPSET[1]:
        raise FaceError("models.wrong_opset", file=file.name, found=head.opset, least=OPSET[0], most=OPSET[1])
    return head


def add(folder: Path, file: Path, manifest: Manifest) -> Verdict:
    """Copy a model and its manifest into the folder, once it has passed its self-test there. Raises FaceError."""
    if not set(manifest.id) <= set("abcdefghijklmnopqrstuvwxyz0123456789._-") or not manifest.id.strip("."):
        raise FaceError("models.bad_id", id=manifest.id)
    source = {manifest.file: file, manifest.network: file.with_name(manifest.network)} if manifest.network else {
        manifest.file: file
    }  # fmt: skip
    for name, wanted in manifest.files:
        if "/" in name or not source[name].is_file():
            raise FaceError("models.unreadable", file=source[name].name, why="no such file")
        if (found := digest(source[name])) != wanted:
            raise FaceError("models.wrong_hash", file=source[name].name, found=found, expected=wanted)
    head = look_inside(file, manifest.format)
    if head is not None and manifest.role == "objects":
        _same_size(head, manifest, file.name)
    trial = folder / f".new-{os.getpid()}"
    try:
        trial.mkdir(parents=True, mode=0o700)
        for name, path in source.items():
            shutil.copyfile(path, trial / name)
        verdict = self_test(trial, manifest)
        if verdict.error is not None:
            raise verdict.error
        for name in source:
            (trial / name).replace(folder / name)
        written = trial / "manifest"
        written.write_text(as_toml(manifest), "utf-8")
        written.replace(folder / f"{manifest.id}.toml")
    except OSError as error:
        raise FaceError("models.unreadable", file=str(folder), why=error.strerror or "cannot be written") from None
    finally:
        shutil.rmtree(trial, ignore_errors=True)
    return verdict


def _same_size(head: OnnxHead, manifest: Manifest, name: str) -> None:
    """Of the pictures that the file and its manifest speak of. Raises FaceError."""
    if len(head.sizes) != 4:
        return
    height, width = head.sizes[2:]
    if not width or not height:
        raise FaceError("models.open_size", file=name)
    wide, high = manifest.width, manifest.height
    if (width, height) != (wide, high):
        raise FaceError("models.other_size", file=name, width=width, height=height, wide=wide, high=high)


def self_test(folder: Path, manifest: Manifest) -> Verdict:
    """Load and run it in a child: a file that aborts the library costs the child only."""
    job = msgspec.json.encode(TestJob(str(folder), manifest))
    try:
        done = subprocess.run(
            [sys.executable, "-m", CHILD], input=job, capture_output=True, timeout=TEST_WITHIN_S, check=False
        )
    except subprocess.TimeoutExpired:
        return _failed(manifest, f"no answer in {TEST_WITHIN_S:.0f} s")
    try:
        return msgspec.json.decode(done.stdout, type=Verdict)
    except msgspec.MsgspecError:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        return _failed(manifest, said[-1][-160:] if said else f"status {done.returncode}")


def _failed(manifest: Manifest, why: str) -> Verdict:
    return Verdict(manifest.id, code="models.unloadable", fields={"id": manifest.id, "why": why})


def spec_of(policy: FacePolicy, folder: Path) -> EngineSpec:
    """The engine the configuration names. Raises FaceError for a model that is not there or may not be used."""
    if policy.engine == "dlib":
        return DLIB
    if policy.engine == "terminal":
        raise FaceError("faces.terminals_match")
    have = {manifest.id: manifest for manifest in installed(folder)}
    detector = _permitted(have, policy.detector, "detector", policy, folder)
    embedder = _permitted(have, policy.embedder, "embedder", policy, folder)
    liveness = policy.liveness_model
    return onnx_spec(
        str(folder), detector, embedder, _permitted(have, liveness, "liveness", policy, folder) if liveness else None
    )


def objects_of(detector: str, folder: Path) -> Manifest:
    """The manifest of the detector of people and things that `vision.detector` names. Raises FaceError."""
    have = {manifest.id: manifest for manifest in installed(folder)}
    if detector not in have:
        known = ", ".join(id_ for id_, manifest in have.items() if manifest.role == "objects") or "–"
        raise FaceError("models.no_detector", id=detector, folder=str(folder), known=known)
    return _permitted(have, detector, "objects", FacePolicy(), folder)


def lacks(detector: Manifest, wanted: str) -> FaceError:
    """It has no class for `wanted`."""
    return FaceError("zone.no_class", id=detector.id, wanted=wanted, classes=", ".join(detector.classes) or "–")


def _permitted(have: dict[str, Manifest], id_: str, role: Role, policy: FacePolicy, folder: Path) -> Manifest:
    manifest = have.get(id_)
    if manifest is None:
        raise FaceError("models.not_installed", id=id_, folder=str(folder), known=", ".join(have) or "–")
    if manifest.role != role:
        raise FaceError("models.wrong_role", id=id_, role=manifest.role, wanted=role)
    if manifest.use == "evaluation" and not policy.evaluation:
        raise FaceError("models.not_permitted", id=id_, licence=manifest.licence)
    return manifest


def as_toml(manifest: Manifest) -> str:
    """TOML writes text, numbers, truth and flat arrays as JSON does."""
    return "".join(f"{key} = {msgspec.json.encode(value).decode()}\n" for key, value in plain(manifest).items())
