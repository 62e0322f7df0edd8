"""`edge-agent models` through the real command line, and what it writes into agent.toml."""

import resource
import tomllib
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge_agent.cli import group
from edge_agent.cli.models import edited
from edge_agent.errors import EdgeAgentError
from edge_agent.store.faces import FaceStore, load_key
from edge_agent.vision import models
from tests.cli.test_people_cli import CONFIG
from tests.command import run
from tests.vision.bench_models import MOBILEFACENET, YUNET, data
from tests.vision.pictures import small_photos

PLAIN = '[gateway]\nid = "G1"  # ours\n\n[[link]]\nname = "l"\n'


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (PLAIN, {"engine": "onnx", "embedder": "e"}),
        (f"[faces]\nagree = 3\n{PLAIN}", {"engine": "onnx", "embedder": "e", "agree": 3}),
        (f"{PLAIN}[faces]  # here\ndistance = 0.4\nof = 4\n", {"engine": "onnx", "embedder": "e", "of": 4}),
        ('[faces]\nliveness_model = "x"\n', {"engine": "onnx", "embedder": "e"}),
    ],
)
def test_only_the_faces_section_is_rewritten(before: str, expected: dict[str, object]) -> None:
    """Numbers of the old model go, everything else stays, comments too."""
    after = edited(before, {"engine": "onnx", "embedder": "e", "liveness_model": ""})
    told = tomllib.loads(after)
    assert told["faces"] == expected
    assert {key: value for key, value in tomllib.loads(before).items() if key != "faces"} == {
        key: value for key, value in told.items() if key != "faces"
    }
    assert ("# ours" in after) == ("# ours" in before)


def site(tmp_path: Path) -> Path:
    (tmp_path / "agent.toml").write_text(CONFIG)
    run(tmp_path, "keys", "init")
    return tmp_path


def test_nothing_is_installed_at_first(tmp_path: Path) -> None:
    assert "dlib" in run(site(tmp_path), "models", "list").stdout
    done = run(tmp_path, "models", "use", "onnx")
    assert (done.returncode, "yunet-2023mar" in done.stderr) == (1, True)
    assert (tmp_path / "agent.toml").read_text() == CONFIG


def test_a_model_is_added_verified_and_used_and_kept_photographs_are_embedded_again(tmp_path: Path) -> None:
    """Who agreed to have the photograph kept stays recognisable; who did not is named."""
    folder = data() / "models"
    site(tmp_path)
    (tmp_path / "m.toml").write_text(models.as_toml(MOBILEFACENET))
    assert run(tmp_path, "models", "add", folder / YUNET.file).returncode == 0
    done = run(tmp_path, "models", "add", folder / MOBILEFACENET.file, "--manifest", "m.toml")
    assert (done.returncode, "evaluation" in done.stdout) == (0, True)
    assert run(tmp_path, "models", "verify").returncode == 0
    for person, photo, more in (("p-1", "obama.jpg", ("--keep-image", "k1")), ("p-2", "biden.jpg", ())):
        card = f"100:{person[-1]}"
        run(tmp_path, "people", "add", person, "--name", "x", "--category", "resident", "--card", card)
        assert run(tmp_path, "face", "enroll", person, small_photos()[photo], "--consent", "v1", *more).returncode == 0
    use = ("models", "use", "onnx", "--detector", YUNET.id, "--embedder", MOBILEFACENET.id)
    refused = run(tmp_path, *use)
    assert (refused.returncode, "licence" in refused.stderr) == (1, True)
    with (tmp_path / "agent.toml").open("a") as file:
        file.write("[faces]\nevaluation = true\n")
    done = run(tmp_path, *use)
    assert done.returncode == 0, done.stderr
    assert "p-2" in done.stderr
    with closing(FaceStore(tmp_path / "state/faces.db", load_key(tmp_path / "keys/face-store.key"), "G1")) as faces:
        assert [person for person, _ in faces.templates(MOBILEFACENET.template_id)] == ["p-1"]
    again = run(tmp_path, "face", "enroll", "p-2", small_photos()["biden.jpg"])
    assert again.returncode == 0, again.stderr
    whole = bytearray((tmp_path / "state/models" / YUNET.file).read_bytes())
    whole[5000] ^= 1
    (tmp_path / "state/models" / YUNET.file).write_bytes(whole)
    assert run(tmp_path, "models", "verify").returncode == 1


def test_evaluate_writes_a_page_with_its_pictures(tmp_path: Path) -> None:
    """Text, JSON and a page that draws its curves itself."""
    folder = tmp_path / "set"
    for person in sorted((data() / "faces").iterdir())[:4]:
        (folder / person.name).mkdir(parents=True)
        for photo in sorted(person.iterdir())[:3]:
            (folder / person.name / photo.name).write_bytes(photo.read_bytes())
    site(tmp_path)
    done = run(tmp_path, "faces", "evaluate", "set", "--html", "page.html", "--no-curves")
    assert done.returncode == 0, done.stderr
    assert "EER" in done.stdout
    page = (tmp_path / "page.html").read_text("utf-8")
    assert page.count("<svg") == 2
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")
    few = run(tmp_path, "faces", "evaluate", "set/none")
    assert few.returncode == 1


def test_a_disk_that_is_full_leaves_the_configuration_as_it_was(tmp_path: Path) -> None:
    """Without it the gateway would not start any more."""
    file = site(tmp_path) / "agent.toml"
    file.write_text(f"{CONFIG}# {'x' * 4000}\n")
    file.chmod(0o640)
    before, (soft, hard) = file.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        done = CliRunner().invoke(group, ["--lang", "en", "models", "use", "dlib", "--config", str(file)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert file.read_bytes() == before
    assert isinstance(done.exception, EdgeAgentError | SystemExit), repr(done.exception)
    assert run(tmp_path, "models", "use", "dlib").returncode == 0
    assert ('engine = "dlib"' in file.read_text(), file.stat().st_mode & 0o777) == (True, 0o640)


def test_a_configuration_that_stands_elsewhere_is_written_there(tmp_path: Path) -> None:
    """agent.toml as a link into the installer's own folder stays one."""
    file, own = site(tmp_path) / "agent.toml", tmp_path / "sites" / "g1.toml"
    own.parent.mkdir()
    file.rename(own)
    file.symlink_to(own)
    assert run(tmp_path, "models", "use", "dlib").returncode == 0
    assert file.is_symlink()
    assert 'engine = "dlib"' in own.read_text()
