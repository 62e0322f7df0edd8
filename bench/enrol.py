"""Enrolment of many: people by CSV, faces by CSV and zip, killed on the way and run again. `python bench/enrol.py`

The lists are in two encodings and the archive's names in the code page of Chinese Windows; the photographs are those of
the development data, each given to many people (`--allow-alike`). The engine is `onnx` where its evaluation models are
at hand, else `dlib`. Prints what each step took and whether everybody is there.
"""

import argparse
import itertools
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from contextlib import closing
from pathlib import Path

from edge_agent.sim.photos import obtain
from edge_agent.store.faces import FaceStore, load_key
from edge_agent.vision.models import add

ROOT = Path(__file__).parent.parent
DATA = Path(os.environ.get("EDGE_AGENT_DATA", ROOT.parent / "shared" / "data"))
CONFIG = '[gateway]\nid = "G1"\n[uplink]\nurl = "mqtt://127.0.0.1:1"\n'
ONNX = '[faces]\nengine = "onnx"\ndetector = "yunet-2026may"\nembedder = "mobilefacenet"\nevaluation = true\n'


def command(site: Path, *arguments: object) -> subprocess.Popen[str]:
    line = [sys.executable, "-m", "edge_agent", "--lang", "en", *map(str, arguments)]
    return subprocess.Popen(line, cwd=site, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def run(site: Path, *arguments: object) -> str:
    child = command(site, *arguments)
    said = child.communicate()[0]
    if child.returncode:
        raise SystemExit(f"{arguments}: {said[-2000:]}")
    return said


def photographs() -> list[Path]:
    found = sorted((DATA / "faces").glob("*/*.jpg"))
    return found or [path for name, path in obtain(ROOT / ".cache/photos").items() if name != "two_people.jpg"]


def engine(site: Path) -> str:
    """Install the evaluation models where they are; what was taken."""
    sys.path.insert(0, str(ROOT))
    from tests.vision.bench_models import MOBILEFACENET, YUNET

    if not (DATA / "models").is_dir():
        return "dlib"
    for manifest in (YUNET, MOBILEFACENET):
        add(site / "state/models", DATA / "models" / manifest.file, manifest)
    (site / "agent.toml").write_text(CONFIG + ONNX)
    return "onnx"


def prepare(site: Path, count: int) -> None:
    photos = itertools.cycle(photographs())
    half = count // 2
    head = "person_id,name,category,house,valid_from,valid_until,card,card_format,pin,phone"
    people = [f"p-{n},住户{n},resident,1-1-{n % 999:03d},,,{n % 250}:{n // 250 + 1},H10301,," for n in range(count)]
    for number, (part, encoding) in enumerate(((people[:half], "gb18030"), (people[half:], "utf-8-sig"))):
        (site / f"people{number}.csv").write_text("\r\n".join([head, *part]) + "\r\n", encoding)
    (site / "faces.csv").write_text(
        "\r\n".join(["person_id,photo", *(f"p-{n},照片\\{n}.jpg" for n in range(count))]), "gb18030"
    )
    with zipfile.ZipFile(site / "photos.zip", "w") as archive:
        for n in range(count):
            archive.writestr(f"@@@@/{n}.jpg", next(photos).read_bytes())
    data = (site / "photos.zip").read_bytes()  # Python's own packer would mark the names as UTF-8
    (site / "photos.zip").write_bytes(data.replace(b"@@@@/", "照片/".encode("gb18030")))


def broken_off(site: Path, order: tuple[object, ...], count: int) -> None:
    """Kill the import when about a third is done."""
    child = command(site, *order)
    while child.poll() is None and done(site) < count // 3:
        time.sleep(0.5)
    child.send_signal(signal.SIGKILL)
    child.communicate()


def done(site: Path) -> int:
    return sum(len(path.read_text().split()) for path in (site / "state").glob("face-import-*.done"))


def measure(site: Path, count: int) -> None:
    (site / "agent.toml").write_text(CONFIG)
    run(site, "keys", "init")
    print(f"{count} people, engine {engine(site)}")
    prepare(site, count)
    began = time.monotonic()
    for number in (0, 1):
        print("  " + run(site, "people", "import", f"people{number}.csv").strip())
    print(f"  people: {time.monotonic() - began:.1f} s")
    order = ("face", "import", "faces.csv", "photos.zip", "--consent", "v1", "--allow-alike")
    began = time.monotonic()
    broken_off(site, order, count)
    first = done(site)
    print(f"  faces: killed after {first} at {time.monotonic() - began:.1f} s")
    child = command(site, *order, "--report", "refused.csv")
    said = child.communicate()[0]
    took = time.monotonic() - began
    print(f"  {said.strip().splitlines()[-2]}\n  faces: {took:.1f} s in all, {took / count * 1000:.1f} ms each")
    with closing(FaceStore(site / "state/faces.db", load_key(site / "keys/face-store.key"), "G1")) as store:
        held = store.enrolled()
    refused = (site / "refused.csv").read_text("utf-8-sig").count("\n") - 1
    print(f"  {len(held)} enrolled, {refused} refused with a reason, {count} asked for")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("-n", type=int, default=10_000)
    count = options.parse_args().n
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory(prefix="edge-agent-enrol-") as folder:
        measure(Path(folder), count)


if __name__ == "__main__":
    main()
