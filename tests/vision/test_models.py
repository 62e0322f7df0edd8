"""vision/models.py: a model counts only as what its manifest says, and every other file is refused with a reason."""

import os
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from edge_agent.errors import FaceError
from edge_agent.model.face_models import DLIB, KNOWN, Limits, Manifest, limits_of
from edge_agent.model.reads import Liveness
from edge_agent.model.site import FacePolicy
from edge_agent.vision import models
from edge_agent.vision.engine import Engine, open_engine
from edge_agent.vision.liveness import LivenessNet
from edge_agent.vision.onnx_engine import ARCFACE_112, similarity
from edge_agent.vision.onnx_file import read_head
from edge_agent.words import LANGUAGES
from tests.vision.bench_models import ANTISPOOF, MOBILEFACENET, POLICY, YUNET, data, install


def varint(number: int) -> bytes:
    return bytes([number]) if number < 128 else bytes([number & 127 | 128]) + varint(number >> 7)


def field(number: int, value: bytes | int) -> bytes:
    """One protobuf field."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def onnx(opset: int) -> bytes:
    """The smallest file with a head: one node, one output."""
    graph = field(1, field(4, b"Relu")) + field(11, field(1, b"in")) + field(12, field(1, b"out"))
    return field(1, 8) + field(7, graph) + field(8, field(2, opset))


def value(name: bytes, *shape: int) -> bytes:
    """A named tensor of floats; a size of 0 is open, as is -1."""
    sizes = b"".join(field(1, field(1, size % (1 << 64)) if size else field(2, b"any")) for size in shape)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, sizes)))


def pooling() -> bytes:
    """A network that loads and runs: the mean of each colour."""
    node = field(1, b"in") + field(2, b"out") + field(4, b"GlobalAveragePool")
    graph = field(1, node) + field(2, b"g")
    graph += field(11, value(b"in", 1, 3, 112, 112)) + field(12, value(b"out", 1, 3, 1, 1))
    return field(1, 8) + field(7, graph) + field(8, field(2, 13))


def boxes(rows: np.ndarray, width: int = 320, height: int = 320) -> bytes:
    """A network of width × height (0: any) that gives `rows`, whatever the picture: its mean, times nothing, added."""

    def node(kind: bytes, *names: bytes) -> bytes:
        given = b"".join(field(1, name) for name in names[:-1])
        return field(1, given + field(2, names[-1]) + field(4, kind))

    def tensor(name: bytes, values: np.ndarray) -> bytes:
        sizes = b"".join(field(1, size) for size in values.shape)
        kind = 7 if values.dtype == np.int64 else 1
        return field(5, sizes + field(2, kind) + field(8, name) + field(9, values.tobytes()))

    graph = node(b"GlobalAveragePool", b"in", b"each") + node(b"Conv", b"each", b"third", b"one")
    graph += node(b"Reshape", b"one", b"flat", b"mean") + node(b"Mul", b"mean", b"none", b"zero")
    graph += node(b"Add", b"rows", b"zero", b"out") + field(2, b"g")
    graph += tensor(b"third", np.full((1, 3, 1, 1), 1 / 3, np.float32)) + tensor(b"flat", np.ones(3, np.int64))
    graph += tensor(b"none", np.zeros(1, np.float32)) + tensor(b"rows", rows.astype(np.float32))
    graph += field(11, value(b"in", 1, 3, height, width)) + field(12, value(b"out", *rows.shape))
    return field(1, 8) + field(7, graph) + field(8, field(2, 13))


def manifest_of(path: Path, **more: object) -> Manifest:
    given = {"id": "some", "role": "embedder", "file": path.name, "licence": "MIT", "use": "any", "dimension": 128}
    return Manifest(**{**given, "sha256": models.digest(path), **more})  # type: ignore[arg-type]


def refused(code: str, act: object, *arguments: object) -> None:
    """With that code, in words of both languages that differ."""
    with pytest.raises(FaceError) as caught:
        act(*arguments)  # type: ignore[operator]
    assert caught.value.code == code, caught.value
    assert len({caught.value.text(lang) for lang in LANGUAGES}) == 2


def test_the_head_of_an_onnx_file_is_read() -> None:
    head = read_head(onnx(13))
    assert head is not None
    assert (head.opset, head.inputs, head.outputs, head.nodes) == (13, ("in",), ("out",), 1)


def test_the_sizes_are_those_of_the_picture_and_not_of_weights() -> None:
    """Old files list their weights among the inputs."""
    graph = field(1, field(4, b"Conv")) + field(5, field(8, b"w")) + field(11, value(b"w", 8, 3, 1, 1))
    graph += field(11, value(b"in", 1, 3, -1, 640)) + field(12, field(1, b"out"))
    head = read_head(field(7, graph) + field(8, field(2, 9)))
    assert head is not None
    assert (head.inputs, head.sizes) == (("in",), (1, 3, 0, 640))


@pytest.mark.parametrize("count", range(0, 24, 3))
def test_a_cut_or_random_file_has_no_head(count: int) -> None:
    """Whatever the bytes, an answer and no crash (seed: the count)."""
    assert read_head(onnx(13)[:count]) is None
    read_head(np.random.default_rng(count).bytes(400))


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"Dear guard, this is a model.", "models.no_model"),
        (b"", "models.no_model"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00", "models.pointer"),
        (onnx(7), "models.wrong_opset"),
        (onnx(99), "models.wrong_opset"),
        (onnx(13), "models.unloadable"),
    ],
)
def test_what_is_no_model_is_refused(tmp_path: Path, content: bytes, code: str) -> None:
    """Refused by name, and nothing of it stays in the folder."""
    file, folder = tmp_path / "model.onnx", tmp_path / "models"
    file.write_bytes(content)
    refused(code, models.add, folder, file, manifest_of(file))
    assert not folder.exists() or list(folder.iterdir()) == []


@pytest.mark.parametrize("more", [{"dimension": 128}, {"role": "liveness", "classes": ("live", "spoof")}])
def test_a_model_with_other_outputs_than_its_manifest_says_is_refused(tmp_path: Path, more: dict[str, object]) -> None:
    """A whole, sound network, which is not the one it is said to be; what it is, it may be added as."""
    file, folder = tmp_path / "model.onnx", tmp_path / "models"
    file.write_bytes(pooling())
    refused("models.wrong_outputs", models.add, folder, file, manifest_of(file, **more))
    assert list(folder.iterdir()) == []
    assert models.add(folder, file, manifest_of(file, dimension=3)).outputs == 3


def test_a_known_name_with_other_bytes_is_refused(tmp_path: Path) -> None:
    file = tmp_path / KNOWN[0].file
    file.write_bytes(onnx(13))
    refused("models.wrong_hash", models.recognised, file)


def test_an_unknown_model_needs_a_manifest(tmp_path: Path) -> None:
    file = tmp_path / "new.onnx"
    file.write_bytes(onnx(13))
    refused("models.unknown", models.recognised, file)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    refused("models.unreadable", models.recognised, tmp_path / "none.onnx")


@pytest.mark.parametrize("id_", ["../out", "A", "", "..", "a/b"])
def test_an_id_that_leads_out_of_the_folder_is_refused(tmp_path: Path, id_: str) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(onnx(13))
    refused("models.bad_id", models.add, tmp_path / "models", file, manifest_of(file, id=id_))


@pytest.mark.parametrize("text", ["id = 1", "not toml", "id = 'x'\nextra = 1", "\xff"])
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "m.toml").write_text(text, "latin-1")
    refused("models.manifest_unreadable", models.read_manifest, tmp_path / "m.toml")


def test_a_manifest_comes_back_as_it_was_written(tmp_path: Path) -> None:
    for manifest in (*KNOWN, MOBILEFACENET, ANTISPOOF):
        (tmp_path / "m.toml").write_text(models.as_toml(manifest), "utf-8")
        assert models.read_manifest(tmp_path / "m.toml") == manifest


def test_the_template_id_changes_with_all_that_changes_an_embedding() -> None:
    base = MOBILEFACENET.template_id
    for change in ({"mean": 0.0}, {"scale": 1.0}, {"colour": "bgr"}, {"mirror": False}, {"sha256": "0" * 64}):
        assert msgspec.structs.replace(MOBILEFACENET, **change).template_id != base
    assert msgspec.structs.replace(MOBILEFACENET, threshold=0.1, licence="other").template_id == base


def test_no_default_engine_has_a_forbidden_licence() -> None:
    """What comes preset may be used at a gate."""
    assert FacePolicy().engine == "dlib"
    assert not FacePolicy().evaluation
    assert {manifest.use for manifest in KNOWN} == {"any"}
    assert {FacePolicy().detector, FacePolicy().embedder} <= {manifest.id for manifest in KNOWN}


def test_limits_are_the_models_unless_the_site_says_otherwise() -> None:
    assert limits_of(FacePolicy()) == Limits(DLIB.distance, DLIB.distance_claimed, DLIB.margin)
    assert limits_of(FacePolicy(distance=0.58)).claimed == 0.58  # 1:1 is never stricter
    assert limits_of(FacePolicy(distance=0.4, distance_claimed=0.45, margin=0.1)) == Limits(0.4, 0.45, 0.1)


def test_five_points_are_put_onto_the_template() -> None:
    """A turned, scaled and moved template comes back exactly."""
    angle = 0.4
    turn = 2.3 * np.array([(np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))])
    moved = ARCFACE_112 @ turn.T + (31, -7)
    back = np.hstack([moved, np.ones((5, 1))]) @ similarity(moved, ARCFACE_112).T
    assert np.allclose(back, ARCFACE_112)


# ---- with the development models -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("models")
    install(where)
    return where


@pytest.fixture(scope="module")
def engine(folder: Path) -> Engine:
    return open_engine(models.spec_of(POLICY, folder))


def photos() -> list[Path]:
    return sorted((data() / "faces").glob("*/*.jpg"))


def rgb(path: Path) -> np.ndarray:
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)


def vector(engine: Engine, path: Path) -> np.ndarray:
    picture = rgb(path)
    return np.frombuffer(engine.embed(picture, engine.align(picture, engine.find(picture, 48)[0])), "<f4")


def test_models_are_installed_with_their_manifests(folder: Path) -> None:
    assert [manifest.id for manifest in models.installed(folder)] == ["antispoof", "mobilefacenet", "yunet-2026may"]
    assert all(models.self_test(folder, manifest).error is None for manifest in models.installed(folder))
    assert models.recognised(folder / YUNET.file) == YUNET


def test_an_altered_file_is_not_loaded(folder: Path, tmp_path: Path) -> None:
    """One byte is enough, also when the file was right as it was added."""
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    whole = bytearray((tmp_path / YUNET.file).read_bytes())
    whole[len(whole) // 2] ^= 1
    (tmp_path / YUNET.file).write_bytes(whole)
    refused("models.wrong_hash", open_engine, models.spec_of(POLICY, tmp_path))
    os.remove(tmp_path / YUNET.file)
    refused("models.missing", open_engine, models.spec_of(POLICY, tmp_path))


@pytest.mark.parametrize(
    ("manifest", "code"),
    [
        (msgspec.structs.replace(MOBILEFACENET, dimension=512), "models.wrong_outputs"),
        (msgspec.structs.replace(MOBILEFACENET, probe=(9.0, 9.0, 9.0, 9.0)), "models.senseless"),
        (msgspec.structs.replace(ANTISPOOF, classes=("live", "spoof")), "models.wrong_outputs"),
        (msgspec.structs.replace(ANTISPOOF, role="detector"), "models.unloadable"),
        (msgspec.structs.replace(ANTISPOOF, width=17, height=17), "models.unloadable"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_manifest_that_does_not_fit_is_refused(tmp_path: Path, manifest: Manifest, code: str) -> None:
    verdict_of = models.self_test(data() / "models", manifest)
    assert verdict_of.error is not None
    assert verdict_of.code in {code, "models.wrong_outputs"}
    with pytest.raises(FaceError):
        models.add(tmp_path, data() / "models" / manifest.file, manifest)
    assert list(tmp_path.iterdir()) == []


def test_a_licence_for_evaluation_runs_at_no_gate(folder: Path) -> None:
    refused("models.not_permitted", models.spec_of, msgspec.structs.replace(POLICY, evaluation=False), folder)


def test_a_model_of_another_kind_or_none_is_refused(folder: Path) -> None:
    refused("models.wrong_role", models.spec_of, msgspec.structs.replace(POLICY, embedder="antispoof"), folder)
    refused("models.not_installed", models.spec_of, msgspec.structs.replace(POLICY, embedder="sface"), folder)


def test_every_development_face_is_found(engine: Engine) -> None:
    assert all(engine.find(rgb(path), 48) for path in photos())


def test_persons_are_told_apart(engine: Engine) -> None:
    """Two photographs of each of ten persons: nobody is within the model's own threshold of another."""
    chosen = [path for path in photos() if path.stem.endswith(("0001", "0002"))]
    matrix, names = np.stack([vector(engine, path) for path in chosen]), np.array([path.parent.name for path in chosen])
    apart = np.linalg.norm(matrix[:, None] - matrix[None], axis=2)
    assert apart[names[:, None] != names[None]].min() > MOBILEFACENET.distance(MOBILEFACENET.threshold)
    assert np.allclose(np.linalg.norm(matrix, axis=1), 1, atol=1e-5)


def test_a_part_of_the_frame_is_searched_in_the_frames_own_px(engine: Engine) -> None:
    """Box and points of a face found in a part are those of the whole frame."""
    picture = rgb(photos()[0])
    frame = np.full((720, 1280, 3), 90, np.uint8)
    frame[300:550, 700:950] = picture
    whole, part = engine.find(frame, 60)[0], engine.find(frame, 60, (650, 250, 1000, 600))[0]
    assert np.allclose(whole.box, part.box, atol=8)
    assert np.allclose(whole.points, part.points, atol=8)  # the whole frame is searched reduced
    assert 700 < part.points[2][0] < 950


@pytest.mark.parametrize(("name", "expected"), [("T1", Liveness.LIVE), ("F1", Liveness.SPOOF), ("F2", Liveness.SPOOF)])
def test_print_and_replay_are_told_from_life(folder: Path, engine: Engine, name: str, expected: Liveness) -> None:
    picture = rgb(data() / "liveness" / f"image_{name}.jpg")
    assert LivenessNet(str(folder), ANTISPOOF).look(picture, engine.find(picture, 64)[0].box) is expected
