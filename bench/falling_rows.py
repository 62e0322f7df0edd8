"""The file of what bench/falling.py measured: a row a clip, and of which code it is."""

import ast
import hashlib
from pathlib import Path

import av
import cv2
import numpy as np

ROOT = Path(__file__).parent.parent
PARTS = ("", "_candidates", "_floors", "_grid", "_motion", "_physics", "_steady", "_tracks")
WALL = "Table", "FloorLine", "ColumnLine", "Facade"  # of the site's model; the rest of it measures nothing


def code() -> str:
    """The mark of all that decides what a row says: analysis, generator, footage, judging, peers, and the libraries
    that decode and compute."""
    files = [ROOT / f"edge_agent/vision/falling{part}.py" for part in PARTS]
    files += [ROOT / "edge_agent/model/sightings.py", *sorted((ROOT / "tests/vision/facade").glob("*.py"))]
    files += [ROOT / f"bench/falling_{part}.py" for part in ("footage", "judge", "peers")]
    trees = [ast.parse(file.read_text("utf-8")) for file in files]
    site = ast.parse((ROOT / "edge_agent/model/site.py").read_text("utf-8"))
    site.body = [node for node in site.body if isinstance(node, ast.ClassDef) and node.name in WALL]
    trees.append(site)
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value.value = ""  # what is written about the code does not measure
    parts = [*(ast.dump(tree) for tree in trees), av.__version__, cv2.__version__, np.__version__]
    return hashlib.sha256("".join(parts).encode()).hexdigest()[:12]
