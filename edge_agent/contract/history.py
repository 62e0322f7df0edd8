"""What was published stays readable: each version's schemas and example stream are kept, and never changed.

`python -m edge_agent.contract.history DIR` adds the snapshot of this version when it is not there. A test holds every
snapshot against the structs of today.
"""

import sys
from pathlib import Path
from typing import Any

import msgspec

from edge_agent import __version__
from edge_agent.contract import examples
from edge_agent.contract.schemas import as_text, schemas

Schema = dict[str, Any]

_PROSE = {"description", "title", "$id", "$schema", "default"}


def differences(before: dict[str, Schema], now: dict[str, Schema]) -> list[str]:
    """Why `now` breaks who knows `before`; empty when it does not. Both: file name -> JSON Schema.

    Allowed are new messages and new fields that need not be there. A tag or a field never goes, and never means
    something else.
    """
    found: list[str] = []
    for name, old in before.items():
        if name not in now:
            found.append(f"{name}: is gone")
            continue
        was, became = _objects(old), _objects(now[name])
        for place, one in was.items():
            if place not in became:
                found.append(f"{name}: {place} is gone")
            else:
                found += [f"{name}: {place}{why}" for why in _changes(one, became[place])]
    return found


def _changes(old: Schema, new: Schema) -> list[str]:
    found: list[str] = []
    had, has = old.get("properties", {}), new.get("properties", {})
    for field, meaning in had.items():
        if field not in has:
            found.append(f".{field} is gone")
        elif _bare(meaning) != _bare(has[field]):
            found.append(f".{field} was {_bare(meaning)}, is {_bare(has[field])}")
    needed, needs = set(old.get("required", ())), set(new.get("required", ()))
    found += [f".{field} must be there now" for field in sorted(needs - needed)]
    found += [f".{field} need not be there any more" for field in sorted(needed - needs)]
    return found


def _objects(schema: Schema) -> dict[str, Schema]:
    """The objects of a schema file: the message itself and what it is made of."""
    parts: dict[str, Schema] = schema.get("$defs", {})
    root = schema.get("$ref", "").rpartition("/")[2]
    if not root:
        return {"$": schema, **parts}
    return {("$" if name == root else name): part for name, part in parts.items()}


def _bare(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {name: _bare(value) for name, value in sorted(schema.items()) if name not in _PROSE}
    return [_bare(each) for each in schema] if isinstance(schema, list) else schema


def snapshot(folder: Path) -> bool:
    """Keep this version's schemas and events; False when they were kept before."""
    place = folder / __version__
    if place.exists():
        return False
    place.mkdir(parents=True)
    (place / "schemas.json").write_text(as_text(schemas()), encoding="utf-8")
    (place / "events.jsonl").write_bytes(examples.files()["events.jsonl"])
    return True


def kept(folder: Path) -> dict[str, dict[str, Schema]]:
    """Version -> its schemas."""
    return {path.parent.name: msgspec.json.decode(path.read_bytes()) for path in sorted(folder.glob("*/schemas.json"))}


if __name__ == "__main__":
    sys.stdout.write("kept\n" if snapshot(Path(sys.argv[1])) else "was kept before\n")
