"""The development models as an engine: real files through the product's own loading. Skips where they are absent."""

import os
from pathlib import Path

import pytest

from edge_agent.model.face_models import KNOWN, EngineSpec, Manifest
from edge_agent.model.site import FacePolicy
from edge_agent.vision import models

ROOT = Path(__file__).parents[2]
YUNET = next(manifest for manifest in KNOWN if manifest.id == "yunet-2026may")
MOBILEFACENET = Manifest(
    id="mobilefacenet", role="embedder", file="mxnet2caffe_mobilefacenet.caffemodel",
    sha256="8442270a355bda34620ccfb581d9cec471634c18d6d76b5ce749c95bd5c661c6", licence="non-commercial research",
    use="evaluation", format="caffe", network="mxnet2caffe_mobilefacenet.prototxt",
    network_sha256="2c7433175360513c8cebd69e30257f832e7d8b3cff9c4d6174494dcc14cd82ac", mean=127.5, scale=1 / 128,
    template="arcface-112", dimension=128, threshold=0.45, threshold_claimed=0.38, margin=0.03,
)  # fmt: skip
ANTISPOOF = Manifest(
    id="antispoof", role="liveness", file="antispoofing_print-replay_1.5_128.onnx",
    sha256="7ef69fafebdb333619c6dcdb54ba9b493ccaff5cd4ceba8f66de20a1c6692433", licence="none given", use="evaluation",
    width=128, height=128, scale=1 / 255, crop=1.5, classes=("live", "print", "replay"),
)  # fmt: skip
POLICY = FacePolicy(engine="onnx", detector="yunet-2026may", embedder="mobilefacenet", evaluation=True)


def kept(folder: str, name: str, source: str) -> Path:
    """A public file of `source` that is not committed, in the development data or in .cache; skips where it is not."""
    data = Path(os.environ.get("EDGE_AGENT_DATA", ROOT.parent / "shared" / "data"))
    places = [place / folder / name for place in (data, ROOT / ".cache")]
    found = next((path for path in places if path.is_file()), None)
    if found is None:
        pytest.skip(f"{name} is neither in EDGE_AGENT_DATA nor in .cache/{folder}: {source}")
    return found


def data() -> Path:
    """The development data; skips with the reason when this machine has none."""
    folder = Path(os.environ.get("EDGE_AGENT_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "models").is_dir():
        pytest.skip(f"no development models in {folder} (EDGE_AGENT_DATA)")
    return folder


def install(folder: Path) -> EngineSpec:
    """All three in `folder`, through `models add`'s own code."""
    for manifest in (YUNET, MOBILEFACENET, ANTISPOOF):
        models.add(folder, data() / "models" / manifest.file, manifest)
    return models.spec_of(POLICY, folder)
