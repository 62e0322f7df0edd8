"""`edge-agent models`: the face models of this gateway, beside the one that came with it."""

import re
from contextlib import closing
from pathlib import Path

import click
import msgspec

from edge_agent.cli.options import CONFIG, STATE, state_directory
from edge_agent.cli.speech import complain, tell
from edge_agent.config import FACE_KEY, MODELS, load_config
from edge_agent.contract.signatures import replace_file
from edge_agent.errors import EdgeAgentError, FaceError
from edge_agent.model.face_models import EngineSpec
from edge_agent.model.site import FacePolicy
from edge_agent.store.faces import FaceStore, load_key
from edge_agent.vision import models
from edge_agent.vision.enrol import Picture, embed_photos


@click.group("models")
def command() -> None:
    """Face models: detector, embedder, liveness."""


@command.command("list")
@CONFIG
@STATE
def list_(config: Path, state: Path | None) -> None:
    """Show what is installed, what each model's licence permits, and which ones the configuration uses."""
    faces, folder = load_config(config).faces, state_directory(config, state) / MODELS
    used = {faces.detector, faces.embedder, faces.liveness_model} if faces.engine == "onnx" else set()
    found = models.installed(folder)
    if not found:
        tell("models.none", folder=folder)
    for manifest in found:
        mark = "*" if manifest.id in used else " "
        click.echo(f"{mark} {manifest.id:<24} {manifest.role:<9} {manifest.use:<11} {manifest.licence}")


@command.command("add")
@CONFIG
@STATE
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--manifest", type=click.Path(path_type=Path, dir_okay=False), help="What FILE is, if not known here.")
def add(config: Path, state: Path | None, file: Path, manifest: Path | None) -> None:
    """Install a model FILE: hash, form and opset are checked and it is tried, before anything is changed."""
    folder = state_directory(config, state) / MODELS
    told = models.read_manifest(manifest) if manifest else models.recognised(file)
    verdict = models.add(folder, file, told)
    tell("models.added", id=told.id, role=told.role, licence=told.licence, ms=f"{verdict.ms:.1f}")
    if told.use == "evaluation":
        tell("models.evaluation_only", id=told.id)


@command.command("verify")
@CONFIG
@STATE
def verify(config: Path, state: Path | None) -> None:
    """Check every installed model again: its hash, and its self-test in a process of its own."""
    folder = state_directory(config, state) / MODELS
    found, bad = models.installed(folder), 0
    if not found:
        tell("models.none", folder=folder)
    for manifest in found:
        verdict = models.self_test(folder, manifest)
        if verdict.error is None:
            tell("models.sound", id=manifest.id, ms=f"{verdict.ms:.1f}")
        else:
            bad += 1
            complain(verdict.error)
    if bad:
        raise SystemExit(1)


@command.command("use")
@CONFIG
@STATE
@click.argument("engine", type=click.Choice(["dlib", "onnx"]))
@click.option("--detector", help="Id of `models list`.")
@click.option("--embedder", help="Id of `models list`.")
@click.option("--liveness", help="Id of `models list`; empty: none.")
def use(
    config: Path, state: Path | None, engine: str, detector: str | None, embedder: str | None, liveness: str | None
) -> None:
    """Write ENGINE and its models into the configuration, and embed kept photographs again.

    Templates of one model are worth nothing to another: who agreed to have the photograph kept is embedded again, who
    did not is named and must be enrolled again. Numbers that belong to the old model (distance, margin) are taken out.
    """
    loaded = load_config(config)
    folder = state_directory(config, state)
    chosen = {"engine": engine, "detector": detector, "embedder": embedder, "liveness_model": liveness}
    wanted = {key: value for key, value in chosen.items() if value is not None}
    policy = msgspec.convert(
        {**msgspec.to_builtins(loaded.faces), **wanted, "distance": None, "distance_claimed": None, "margin": None}
        | ({"liveness_model": None} if liveness == "" else {}),
        FacePolicy,
    )
    spec = models.spec_of(policy, folder / MODELS)
    before, mode, file = config.read_bytes(), config.stat().st_mode & 0o777, config.resolve()
    replace_file(file, edited(before.decode("utf-8-sig"), wanted).encode(), mode)
    try:
        load_config(config)
    except EdgeAgentError as error:
        replace_file(file, before, mode)
        raise EdgeAgentError("models.use_failed", file=config.name, why=error.text("en")) from None
    tell("models.used", file=config.name, engine=engine, embedder=spec.model)
    if (folder / "faces.db").exists():
        with closing(FaceStore(folder / "faces.db", load_key(config.parent / FACE_KEY), loaded.gateway.id)) as faces:
            reembed(faces, policy, spec)


def reembed(faces: FaceStore, policy: FacePolicy, spec: EngineSpec) -> list[str]:
    """Embed kept pictures for `spec`; returns who must be enrolled again, and names them."""
    by_person: dict[str, set[str]] = {}
    for enrolled in faces.enrolled():
        by_person.setdefault(enrolled.person, set()).add(enrolled.model)
    count, people, left = 0, 0, list[str]()
    for person in sorted(who for who, made_for in by_person.items() if spec.model not in made_for):
        kept = [Picture(f"{person}-{number}.jpg", data) for number, data in enumerate(faces.crops(person), 1)]
        made = [result.embedding for result in embed_photos(kept, policy, spec)] if kept else []
        embeddings = [embedding for embedding in made if embedding is not None]
        if embeddings:
            if faces.replace_model(person, spec.model, embeddings):
                count, people = count + len(embeddings), people + 1
        else:
            left.append(person)
            complain(FaceError("models.must_reenrol", person=person))
    tell("models.reembedded", count=count, people=people, model=spec.model)
    return left


def edited(text: str, values: dict[str, str]) -> str:
    """agent.toml with these keys of `[faces]` set (an empty value takes the key out); the rest stays as written."""
    values = {**values, "distance": "", "distance_claimed": "", "margin": ""}
    lines = text.splitlines()
    start = next((n for n, line in enumerate(lines) if re.fullmatch(r"\s*\[faces\]\s*(#.*)?", line)), None)
    if start is None:
        at = next((n for n, line in enumerate(lines) if line.lstrip().startswith("[[")), len(lines))
        lines[at:at] = ["[faces]", ""]
        start = at
    end = next((n for n in range(start + 1, len(lines)) if lines[n].lstrip().startswith("[")), len(lines))
    section = [line for line in lines[start + 1 : end] if not any(re.match(rf"\s*{key}\s*=", line) for key in values)]
    new = [f"{key} = {msgspec.json.encode(value).decode()}" for key, value in values.items() if value]
    return "\n".join([*lines[: start + 1], *new, *section, *lines[end:]]) + "\n"
