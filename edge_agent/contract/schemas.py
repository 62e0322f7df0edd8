"""JSON Schemas of everything on the wire, generated from the structs: `python -m edge_agent.contract.schemas DIR`."""

import sys
from pathlib import Path
from typing import Any

import msgspec

from edge_agent.contract.checkpoint import CheckpointMessage
from edge_agent.contract.envelope import Envelope, schema_id
from edge_agent.contract.messages import AckMessage, BirthMessage, ManifestMessage, StateMessage
from edge_agent.contract.telemetry import TelemetryMessage
from edge_agent.model.commands import Command
from edge_agent.model.encoding import json_schema
from edge_agent.model.events import EVENTS, schema
from edge_agent.model.grants import PeopleChunk

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, dict[str, Any]]:
    """File name -> schema, for the envelope, the signed messages and the `data` of every event."""
    messages = {
        "ack": AckMessage,
        "birth": BirthMessage,
        "checkpoint": CheckpointMessage,
        "command": Command,
        "content": PeopleChunk,
        "manifest": ManifestMessage,
        "state": StateMessage,
        "telemetry": TelemetryMessage,
    }
    return {
        "envelope.json": _titled("envelope", json_schema(Envelope)),
        **{f"{name}.json": _titled(name, json_schema(kind)) for name, kind in messages.items()},
        **{f"events/{kind.tag}.json": _titled(kind.tag, schema(kind)) for kind in EVENTS},
    }


def write(folder: Path) -> int:
    """Write all schemas below `folder`; returns how many."""
    files = schemas()
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(as_text(content), encoding="utf-8")
    return len(files)


def as_text(content: dict[str, Any]) -> str:
    return msgspec.json.format(msgspec.json.encode(content, order="sorted"), indent=2).decode() + "\n"


def _titled(name: str, content: dict[str, Any]) -> dict[str, Any]:
    return {"$schema": DIALECT, "$id": schema_id(name), **content}


if __name__ == "__main__":
    sys.stdout.write(f"{write(Path(sys.argv[1]))} schemas\n")
