"""The file of what bench/falling.py measured: a row a clip, of which code it is, each seed once, one writer.

The hours in it took hours to measure. A run that is killed leaves half a row at most; the next one cuts that off.
"""

import ast
import fcntl
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import av
import cv2
import numpy as np

ROOT = Path(__file__).parent.parent
PARTS = ("", "_candidates", "_floors", "_grid", "_motion", "_physics", "_steady", "_tracks")
CLASSES = {  # of the models; what else is there measures nothing
    "site": ("Table", "FloorLine", "ColumnLine", "Facade"),
    "sightings": ("Fall",),
}


def code() -> str:
    """The mark of all that decides what a row says: analysis, generator, footage, judging, peers, and the libraries
    that decode and compute."""
    files = [ROOT / f"edge_agent/vision/falling{part}.py" for part in PARTS]
    files += sorted((ROOT / "tests/vision/facade").glob("*.py"))
    files += [ROOT / f"bench/falling_{part}.py" for part in ("footage", "judge", "peers")]
    trees = [ast.parse(file.read_text("utf-8")) for file in files]
    for model, names in CLASSES.items():
        tree = ast.parse((ROOT / f"edge_agent/model/{model}.py").read_text("utf-8"))
        tree.body = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name in names]
        trees.append(tree)
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value.value = ""  # what is written about the code does not measure
    parts = [*(ast.dump(tree) for tree in trees), av.__version__, cv2.__version__, np.__version__]
    return hashlib.sha256("".join(parts).encode()).hexdigest()[:12]


def read(file: Path, mark: str) -> list[dict]:
    """Rows of `mark`, the first of each seed; what is no whole row is passed over."""
    rows: dict[int, dict] = {}
    for line in file.read_bytes().splitlines() if file.exists() else []:
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and row.get("code") == mark and "seed" in row:
            rows.setdefault(row["seed"], row)
    return list(rows.values())


@contextmanager
def writer(file: Path) -> Iterator[BinaryIO]:
    """To append rows to `file`, which is this run's alone until then; a row that was cut short is cut off."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+b") as out:
        try:
            fcntl.flock(out, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit(
                f"Another run of this bench is writing {file}: wait for its end. "
                "HOURS=0 FALLS=0 DIVES=0 CROWDS=0 prints what is there."
            ) from None
        out.seek(0)
        there = out.read()
        out.truncate(there.rfind(b"\n") + 1)
        yield out


def append(out: BinaryIO, row: dict) -> None:
    out.write(json.dumps(row, default=float).encode() + b"\n")
    out.flush()
