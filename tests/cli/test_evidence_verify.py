"""`edge-agent evidence verify`: what is not as the gateway signed and recorded it is named, and nothing else passes."""

import shutil
from pathlib import Path

import msgspec
import pytest

from edge_agent.cli.evidence import _whole
from edge_agent.contract.evidence import digest
from edge_agent.contract.signatures import kid_of, load_public, new_key, save_public, sign
from edge_agent.exhibits import recorded
from edge_agent.model.encoding import canonical
from edge_agent.words import told
from tests.cli.evidence_rig import erase, gateway, keep, store_of
from tests.command import run
from tests.store.journal_rig import query


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = gateway(tmp_path_factory.mktemp("new"))
    keep(folder, b"one", b"two", b"three")
    return folder


@pytest.fixture
def site(new: Path, tmp_path: Path) -> Path:
    return shutil.copytree(new, tmp_path / "site")


def copy_of(site: Path, evidence: str, folder: Path) -> Path:
    """As `evidence export` writes it."""
    store, target = store_of(site), folder / evidence
    target.mkdir(parents=True)
    for name in ("manifest.json", "clip.mp4", "track.json"):
        (target / name).write_bytes(b"".join(store.read(evidence, name)))
    shutil.copy(site / "keys/gateway.pub", target)
    return target


def forge(copy: Path) -> str:
    """Another track, another manifest, a key of the forger's own; the key's id."""
    key, track = new_key(), b'[{"forged":true}]'
    (copy / "track.json").write_bytes(track)
    manifest = msgspec.json.decode((copy / "manifest.json").read_bytes())
    for file in manifest["files"]:
        if file["name"] == "track.json":
            file.update(size=len(track), sha256=digest(track))
    (copy / "manifest.json").write_bytes(canonical(sign(manifest, key)))
    (copy / "gateway.pub").unlink()
    save_public(copy / "gateway.pub", key.public_key())
    return kid_of(key.public_key())


def test_all_of_the_store_is_as_it_was_signed(site: Path) -> None:
    """Also with the request that a kill left in a finished folder, until the next start takes it."""
    (site / "state/evidence/ev-2/request.json").write_bytes(b"{}")
    done = run(site, "evidence", "verify")
    assert (done.returncode, done.stdout.count("as it was signed")) == (0, 3), done.stderr


def test_a_disk_of_its_own_under_the_evidence_is_no_stranger(site: Path) -> None:
    """ext4 has a folder of its own at the root of each file system."""
    (site / "state/evidence/lost+found").mkdir(mode=0o700)
    done = run(site, "evidence", "verify")
    assert (done.returncode, "lost+found" in done.stdout) == (0, False), done.stdout


def test_a_copy_signed_with_a_key_of_its_own_does_not_pass(site: Path, tmp_path: Path) -> None:
    """It is whole; whose key it is stays open until the gateway's is given, which refuses it."""
    genuine, elsewhere = copy_of(site, "ev-1", tmp_path / "a"), tmp_path / "elsewhere"
    elsewhere.mkdir()
    forged = shutil.copytree(genuine, tmp_path / "b/ev-1")
    forged_kid, kid = forge(forged), kid_of(load_public(site / "keys/gateway.pub"))
    for copy, who in ((genuine, kid), (forged, forged_kid)):
        done = run(elsewhere, "evidence", "verify", copy)
        assert (done.returncode, "as it was signed" in done.stdout, f"by key {who}" in done.stdout) == (1, False, True)
        assert "--key" in done.stderr
        assert "--key" in run(elsewhere, "evidence", "verify", copy, lang="zh").stderr
    known = run(elsewhere, "evidence", "verify", genuine, "--key", site / "keys/gateway.pub")
    assert (known.returncode, "ev-1: as it was signed" in known.stdout) == (0, True)
    refused = run(elsewhere, "evidence", "verify", forged, "--key", site / "keys/gateway.pub")
    assert (refused.returncode, "NOT as it was signed" in refused.stdout) == (1, True)
    assert run(site, "evidence", "verify", forged).returncode == 1, "the gateway has its own key"


@pytest.mark.parametrize("gone", [("ev-2",), ("ev-3",), ("ev-1", "ev-2", "ev-3")])
def test_evidence_that_was_taken_from_store_and_memory_is_named(site: Path, gone: tuple[str, ...]) -> None:
    """The journal's own rows remember what was kept, and that nobody erased it."""
    for evidence in gone:
        query(site / "state/journal.db", "DELETE FROM latches WHERE name = ?", f"exhibit/{evidence}")
        shutil.rmtree(site / "state/evidence" / evidence)
    done = run(site, "evidence", "verify")
    assert done.returncode == 1
    for evidence in gone:
        assert f"{evidence}: NOT as it was signed\n  gone: the journal recorded" in done.stdout
    assert "was erased (" not in done.stdout
    assert done.stdout.count("gone:") == len(gone)
    assert "gone:" in run(site, "evidence", "verify", gone[0]).stdout


def test_what_was_erased_in_time_is_not_missed(site: Path) -> None:
    """The next in the chain says so; a journal that has lost its old rows accuses nobody."""
    first, *_ = recorded(site / "state").exhibits
    erase(site, first)
    done = run(site, "evidence", "verify")
    assert (done.returncode, "the manifest before it was erased" in done.stdout) == (0, True), done.stdout
    query(site / "state/journal.db", "DELETE FROM events")
    pruned = run(site, "evidence", "verify")
    assert (pruned.returncode, "no record (or none any more)" in pruned.stdout) == (0, True)
    assert "gone:" not in pruned.stdout


def test_a_file_that_cannot_be_read_is_named(site: Path, tmp_path: Path) -> None:
    for name in ("clip.mp4", "manifest.json"):
        copy = copy_of(site, "ev-1", tmp_path / name)
        (copy / name).unlink()
        (copy / name).mkdir()
        done = run(site, "evidence", "verify", copy)
        assert (done.returncode, str(copy / name) in done.stderr, "directory" in done.stderr) == (1, True, True)


def test_a_missing_public_key_is_not_taken_for_a_forgery(site: Path) -> None:
    (site / "keys/gateway.pub").unlink()
    for order in (("verify",), ("verify", "ev-1"), ("verify", "state/evidence/ev-1")):
        done = run(site, "evidence", *order)
        assert (done.returncode, done.stdout, "keys/gateway.pub" in done.stderr) == (1, "", True)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_key_that_is_none_is_said_without_a_librarys_words(site: Path, lang: str) -> None:
    (site / "none.pub").write_text("no key")
    done = run(site, "evidence", "verify", "--key", "none.pub", lang=lang)
    assert (done.returncode, "PEM" in done.stderr, "http" in done.stderr) == (1, True, False)
    assert ("key" in done.stderr.replace("none.pub", "")) == (lang == "en")


def test_a_copy_that_was_renamed_keeps_its_own_id(site: Path, tmp_path: Path) -> None:
    copy = copy_of(site, "ev-1", tmp_path).rename(tmp_path / "ev-2")
    done = run(site, "evidence", "verify", copy)
    assert (done.returncode, done.stdout) == (
        0, "ev-1: as it was signed\n"
        "  the clip was cut off: the video's own hash was never taken\n"
        "  the folder is called ev-2: go by the id in the manifest\n",
    )  # fmt: skip


def test_a_masked_copy_is_known_and_its_original_named(site: Path, tmp_path: Path) -> None:
    """Nothing signs it, so it never passes; a video that was put in its place is told."""
    copy = tmp_path / "masked"
    copy.mkdir()
    (copy / "published.mp4").write_bytes(b"masked")
    (copy / "published.json").write_bytes(canonical({"evidence": "ev-1", "sha256": digest(b"masked"), "manifest": "m"}))
    done = run(site, "evidence", "verify", copy)
    assert (done.returncode, "is the one published.json names" in done.stdout) == (1, True)
    assert "evidence verify ev-1" in done.stderr
    for name, content in (("published.mp4", b"other"), ("published.json", b"{")):
        (copy / name).write_bytes(content)
        done = run(site, "evidence", "verify", copy)
        assert (done.returncode, "is NOT the one" in done.stdout) == (1, True)


def test_only_what_lies_in_the_store_is_shown(site: Path) -> None:
    assert '"evidence": "ev-1"' in run(site, "evidence", "show", "ev-1").stdout
    for name in ("nope", "../../keys", "../evidence/ev-1"):
        done = run(site, "evidence", "show", name)
        assert (done.returncode, "evidence list" in done.stderr) == (1, True)


def test_looking_makes_no_folder(tmp_path: Path) -> None:
    """A fresh gateway, and somebody who looks with sudo: the agent would not own what they leave."""
    site = gateway(tmp_path)
    for order in (("show", "ev-1"), ("verify",), ("list",), ("export", "ev-1", "out", "--why", "x")):
        assert run(site, "evidence", *order).returncode == 1
    assert not (site / "state").exists()
    assert not (site / "out").exists()


def test_why_a_clip_is_not_whole_is_said_in_the_readers_language(tmp_path: Path) -> None:
    keep(gateway(tmp_path), b"clip", why=told("clip.late", s=2))
    assert "it begins 2 s late" in run(tmp_path, "evidence", "verify").stdout
    said = run(tmp_path, "evidence", "verify", lang="zh").stdout
    assert ("开头晚了 2 秒" in said, "late" in said) == (True, False)


def test_what_was_signed_before_the_key_was_replaced_is_as_it_was_signed(site: Path, tmp_path: Path) -> None:
    """However often it was replaced; a copy carries the key that signed it."""
    first = (site / "keys/gateway.pub").read_bytes()
    for _ in range(3):
        assert run(site, "keys", "rotate", "--gateway", "G1", "--dir", site / "keys").returncode == 0
    done = run(site, "evidence", "verify")
    assert (done.returncode, done.stdout.count("as it was signed")) == (0, 3), done.stdout
    (site / "keys/gateway.first.pub").unlink()
    assert run(site, "evidence", "verify").returncode == 1, "and by no other"
    (site / "keys/gateway.first.pub").write_bytes(first)
    store = store_of(site)
    written = {name: b"".join(content) for name, content in _whole(site / "agent.toml", store, "ev-1")}
    assert written["gateway.pub"] == first


def test_a_key_that_an_earlier_version_has_replaced_once_is_still_known_after_the_next(site: Path) -> None:
    first = (site / "keys/gateway.pub").read_bytes()
    assert run(site, "keys", "rotate", "--gateway", "G1", "--dir", site / "keys").returncode == 0
    (site / "keys/gateway.first.pub").unlink()  # which wrote none
    assert run(site, "keys", "rotate", "--gateway", "G1", "--dir", site / "keys").returncode == 0
    assert (site / "keys/gateway.first.pub").read_bytes() == first


READER = """
[[link]]
name = "sim"
url = "sim://r"
[[terminal]]
name = "in"
profile = "readers/osdp-generic"
link = "sim"
address = 1
door = "north"
key_file = "keys/reader.key"
[[camera]]
name = "yard"
url = "rtsp://127.0.0.1:1/x"
use = ["evidence"]
login_file = "keys/yard.login"
[[link]]
name = "chip"
url = "gpio:///dev/gpiochip0"
[[door]]
name = "north"
gate = { link = "chip", profile = "gates/gpio-relay-hat-3", relay = 0 }
"""


def test_a_key_of_a_reader_that_is_not_there_hides_no_evidence(site: Path) -> None:
    """Nor a camera's password; what else is wrong with the configuration is told as before."""
    before = (site / "agent.toml").read_text()
    (site / "agent.toml").write_text(before + READER)
    assert "keys/reader.key" in run(site, "people", "add", "p-1", "--name", "x", "--category", "tenant").stderr
    for command in (("evidence", "list"), ("evidence", "verify"), ("evidence", "show", "ev-1")):
        done = run(site, *command)
        assert (done.returncode, "ev-1" in done.stdout) == (0, True), (command, done.stderr)
    done = run(site, "camera", "list")
    assert (done.returncode, "yard" in done.stdout) == (0, True), done.stderr
    done = run(site, "camera", "report")
    assert done.returncode == 0, done.stderr
    (site / "agent.toml").write_text(before + READER.replace("address = 1", "address = 1\ncolour = 1"))
    done = run(site, "evidence", "list")
    assert (done.returncode, "colour" in done.stderr) == (1, True), done.stderr
