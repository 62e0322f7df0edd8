"""Who may import whom: the dependency rule of docs/how-it-works.md, read off the source."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "edge_agent"
EVERYWHERE = {"errors", "words"}  # what everybody may use beside their own package

# package: (own packages, third-party libraries, forbidden standard modules)
RULES: dict[str, tuple[set[str], set[str], set[str]]] = {
    "words": (set(), set(), {"asyncio", "socket", "sqlite3"}),
    "model": (set(), {"msgspec"}, {"asyncio", "socket", "sqlite3", "logging", "os", "time", "subprocess"}),
    "protocols": ({"model"}, {"pynmea2"}, {"asyncio", "socket", "serial", "time"}),
    "core": (
        {"model"},
        {"numpy", "msgspec", "dateutil"},
        {"asyncio", "sqlite3", "logging", "random", "time", "socket"},
    ),
    "ports": ({"model"}, {"msgspec"}, {"asyncio", "socket", "sqlite3"}),
    "log": (set(), set(), {"asyncio", "socket", "sqlite3"}),
    "failpoint": (set(), set(), {"asyncio", "socket", "sqlite3"}),
    "sockets": (set(), set(), {"asyncio", "sqlite3"}),
    "flows": (
        {"model", "core", "ports", "log", "failpoint"},
        {"msgspec"},
        {"socket", "sqlite3", "subprocess", "threading"},
    ),
    "drivers": (
        {"model", "protocols", "ports", "log"},
        {"serial", "osdp", "gpiod", "pymodbus", "msgspec"},
        {"sqlite3"},
    ),
    "vision": (
        {"model", "ports", "log", "sockets"},
        {"cv2", "numpy", "av", "dlib", "face_recognition", "PIL", "msgspec"},
        {"sqlite3"},
    ),
    "console": (
        {"model", "ports", "log", "sockets"},
        {"msgspec", "starlette", "jinja2", "uvicorn", "segno"},
        {"sqlite3"},
    ),
    "store": (
        {"model", "ports", "log", "sockets", "failpoint"},
        {"sqlite_utils", "cryptography", "argon2", "msgspec", "icalendar"},
        set(),
    ),
    "contract": ({"model"}, {"cryptography", "msgspec"}, {"asyncio", "socket", "sqlite3"}),
    "uplink": ({"model", "contract", "ports", "log", "failpoint"}, {"paho", "msgspec"}, {"sqlite3"}),
    "city": ({"model", "contract", "log", "failpoint"}, {"paho", "msgspec", "cryptography", "psycopg"}, set()),
    "sim": (
        {"model", "protocols", "contract", "ports"},
        {"osdp", "amqtt", "cryptography", "cv2", "numpy", "serial", "msgspec", "av"},
        set(),
    ),
}
# Wiring: these may import everybody.
ROOTS = {
    "app",
    "devices",
    "diagnosis",
    "console_exhibits",
    "console_office",
    "console_rooms",
    "exhibits",
    "guardroom",
    "installation",
    "readiness",
    "recognising",
    "site_kind",
    "tables",
    "watching",
    "wiring",
    "wiring_cameras",
    "cli",
    "config",
    "supervise",
    "errors",
    "__init__",
    "__main__",
}
ONE_HOME = {
    "paho": {"uplink", "city"},
    "sqlite3": {"store", "city"},
    "serial": {"drivers", "sim"},
    "pymodbus": {"drivers"},
    "gpiod": {"drivers"},
    "psycopg": {"city"},
    "pynmea2": {"protocols"},
    "starlette": {"console"},
    "jinja2": {"console"},
    "uvicorn": {"console"},
    "segno": {"console"},
}


def modules() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def package_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """Every module imported anywhere in the file, also inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_follow_the_dependency_rule(path: Path) -> None:
    package = package_of(path)
    if package in ROOTS:
        return
    own, libraries, forbidden = RULES[package]
    for name in imports(path):
        top, _, rest = name.partition(".")
        if top == "edge_agent":
            target = rest.split(".")[0]
            # `from edge_agent import log`, `__version__`
            assert target in own | EVERYWHERE | {package, "__version__"}, f"{package} may not import {name}"
        elif top in sys.stdlib_module_names:
            assert top not in forbidden, f"{package} may not import {top}"
        else:
            assert top in libraries, f"{package} may not import the library {top}"


def test_core_never_asks_for_the_time() -> None:
    for path in modules():
        if package_of(path) in {"core", "model", "protocols"}:
            text = path.read_text("utf-8")
            assert "datetime.now" not in text, path
            assert "uuid4" not in text, path


def test_every_library_has_its_home() -> None:
    for path in modules():
        for name in imports(path):
            homes = ONE_HOME.get(name.split(".")[0])
            assert homes is None or package_of(path) in homes | {"cli"}, f"{path} imports {name}"


def test_patterns_of_whole_texts_are_made_in_one_place() -> None:
    """Python's `$` lets a text end in a newline: `model.patterns.whole` does not."""
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.keyword(arg="pattern", value=ast.Constant(value=str(text))):
                    assert not text.endswith("$"), f"{path}:{node.lineno} {text}"
                case ast.keyword(arg="pattern", value=ast.JoinedStr(values=[*_, ast.Constant(value=str(text))])):
                    assert not text.endswith("$"), f"{path}:{node.lineno} {text}"
                case ast.Assign(value=ast.Constant(value=str(text))):
                    assert not (text.startswith("^") and text.endswith("$")), f"{path}:{node.lineno} {text}"


def test_only_the_supervisor_catches_everything() -> None:
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ExceptHandler) and path.name != "supervise.py":
                caught = ast.unparse(node.type) if node.type else "everything"
                assert caught not in {"Exception", "BaseException", "everything"}, f"{path}:{node.lineno}"


def test_the_daemon_loads_no_library_of_devices_before_one_is_configured() -> None:
    libraries = "osdp pymodbus gpiod pynmea2 cv2 numpy starlette jinja2 uvicorn"
    code = f"import sys, edge_agent.app, edge_agent.config; print(*(set('{libraries}'.split()) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == []


def test_the_first_start_makes_the_tables_without_loading_numpy(tmp_path: Path) -> None:
    """sqlite-utils loads it where it finds it: 11 MB that a gateway without cameras would keep."""
    file = tmp_path / "journal.db"
    code = (
        "import sys; from pathlib import Path; from edge_agent.store import database, schema;"
        f" database.open_file(Path({str(file)!r}), schema.JOURNAL).connection.close();"
        " assert 'sqlite_utils' in sys.modules; print('numpy' in sys.modules); import numpy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["False"]
