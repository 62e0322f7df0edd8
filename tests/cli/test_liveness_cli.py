"""`faces liveness`: attacks and living faces through a real model, counted and not oversold."""

import shutil
from pathlib import Path

import msgspec
import pytest

from edge_agent.vision import models
from tests.cli.test_people_cli import CONFIG
from tests.command import run
from tests.vision.bench_models import ANTISPOOF, MOBILEFACENET, YUNET, data

FACES = '[faces]\nengine = "onnx"\ndetector = "yunet-2026may"\nembedder = "mobilefacenet"\nevaluation = true\n'


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "agent.toml").write_text(f'{CONFIG}{FACES}liveness_model = "antispoof"\n')
    for manifest in (YUNET, MOBILEFACENET, ANTISPOOF):
        models.add(tmp_path / "state/models", data() / "models" / manifest.file, manifest)
    for kind, name in (("live", "T1"), ("print", "F1"), ("replay", "F2")):
        (tmp_path / "seen" / kind).mkdir(parents=True)
        shutil.copy(data() / f"liveness/image_{name}.jpg", tmp_path / "seen" / kind)
    return tmp_path


def test_apcer_of_each_species_and_bpcer_with_how_many_there_were(site: Path) -> None:
    """One photograph each shows next to nothing, and the interval says so; one without a face is counted apart."""
    (site / "seen/print/noise.png").write_bytes((data() / "liveness/image_F1.jpg").read_bytes()[:900])
    done = run(site, "faces", "liveness", "seen", "--json")
    assert done.returncode == 0, done.stderr
    found = msgspec.json.decode(done.stdout)
    assert [(one["name"], one["presented"], one["silent"], one["wrong"]) for one in found["species"]] == [
        ("print", 1, 1, 0),
        ("replay", 1, 0, 0),
    ]
    assert (found["live"]["presented"], found["live"]["wrong"], found["model"]) == (1, 0, "antispoof")
    assert {one["rate"]["high"] for one in [*found["species"], found["live"]]} == {1.0}
    said = run(site, "faces", "liveness", "seen").stdout
    assert "0 of 1 attacks" in said
    assert "300" in said


def test_without_a_model_or_without_attacks_it_says_what_is_missing(site: Path) -> None:
    shutil.rmtree(site / "seen/live")
    assert "live/" in run(site, "faces", "liveness", "seen").stderr
    (site / "agent.toml").write_text(f"{CONFIG}{FACES}")
    assert "faces.liveness_model" in run(site, "faces", "liveness", "seen").stderr
