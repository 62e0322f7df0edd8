"""Photographs of real faces for the demo and the tests: those in face_recognition's own source package.

`python -m edge_agent.sim.photos CACHE_DIR` has pip fetch the archive once, compares its SHA-256, and unpacks the
pictures only. They are not part of this project and stay in the cache.
"""

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from edge_agent.errors import FaceError

PACKAGE = "face_recognition==1.3.0"
SDIST_SHA256 = "5e5efdd1686aa566af0d3cc1313b131e4b197657a8ffd03669e6d3fad92705ec"  # as in requirements.lock
FOLDER = "tests/test_images/"
# obama and obama3: to enrol; obama2: another day, to recognise; biden: a stranger; partial: cut faces
NAMES = (
    "obama.jpg", "obama2.jpg", "obama3.jpg", "biden.jpg", "obama_partial_face.jpg", "obama_partial_face2.jpg",
)  # fmt: skip
WITHIN_S = 180


def obtain(cache: Path) -> dict[str, Path]:
    """Name → path of every photograph, fetched if `cache` lacks one. Raises FaceError when they cannot be had."""
    wanted = {name: cache / name for name in NAMES}
    if all(path.is_file() for path in wanted.values()):
        return wanted
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        archive = _download(Path(folder), cache)
        found = hashlib.sha256(archive.read_bytes()).hexdigest()
        if found != SDIST_SHA256:
            raise FaceError("faces.photos_altered", found=found)
        _unpack(archive, Path(folder), wanted)
    return wanted


def _download(folder: Path, cache: Path) -> Path:
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
        "--no-binary", ":all:", "--no-build-isolation", "--dest", str(folder), PACKAGE,
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=WITHIN_S, check=False)
    except subprocess.TimeoutExpired:
        raise FaceError("faces.photos_unavailable", why=f"no answer in {WITHIN_S} s", cache=cache) from None
    archives = list(folder.glob("*.tar.gz"))
    if done.returncode or len(archives) != 1:
        said = done.stderr.strip().splitlines()
        raise FaceError("faces.photos_unavailable", why=said[-1] if said else "pip gave no archive", cache=cache)
    return archives[0]


def _unpack(archive: Path, folder: Path, wanted: dict[str, Path]) -> None:
    with tarfile.open(archive) as tar:
        for member in tar:
            name = Path(member.name).name
            if FOLDER in member.name and name in wanted and (source := tar.extractfile(member)):
                with source, (folder / name).open("wb") as copy:
                    shutil.copyfileobj(source, copy)
                (folder / name).replace(wanted[name])


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: python -m edge_agent.sim.photos CACHE_DIR", file=sys.stderr)  # noqa: T201
        return 2
    try:
        obtain(Path(sys.argv[1]))
    except FaceError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
