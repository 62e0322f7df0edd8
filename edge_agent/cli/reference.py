"""Writes docs/reference from the code itself: commands, configuration keys, events. `make schema` calls it.

A test compares the files with what this writes, so that nothing can be added without being documented.
"""

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from edge_agent.cli import group
from edge_agent.config import ARRAYS, OPTIONAL, SECTIONS
from edge_agent.contract import topics
from edge_agent.drivers.profiles import schema_json
from edge_agent.model.events import EVENTS
from edge_agent.model.site import Table
from edge_agent.tables import NESTED, NESTED_ARRAYS
from edge_agent.words import WORDS, say

VALUES = {
    "`reason` of `access.denied`": "reason.",
    "`reason` of `command.refused`": "refused.",
    "`what` of `person.changed`": "detail.changed.",
}  # where a field's values have their words


def commands() -> str:
    lines = ["# Commands", ""]
    for path, command in _walk(group, "edge-agent"):
        lines += [f"## `{path}`", "", _text(command.help), ""]
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                shown = f" Default: `{parameter.default}`." if parameter.show_default else ""
                lines.append(f"* `{', '.join(parameter.opts)}`: {parameter.help or ''}{shown}".rstrip(": "))
            else:
                lines.append(f"* `{(parameter.name or '').upper()}`")
        lines.append("")
    return "\n".join(lines)


def configuration() -> str:
    lines = [
        "# agent.toml",
        "",
        "Relative paths start from the file's folder. `edge-agent check` names every mistake.",
        "",
    ]
    for name, kind in (SECTIONS | OPTIONAL).items():
        lines += _table(f"[{name}]", kind)
    for name, kind in ARRAYS.items():
        lines += _table(f"[[{name}]]", kind)
    for (_, name), kind in NESTED.items():
        lines += _table(f"{name} = {{ … }}", kind)
    for (_, name), kind in NESTED_ARRAYS.items():
        lines += _table(f"{name} = [{{ … }}]", kind)
    return "\n".join(lines)


def events() -> str:
    lines = [
        "# Events",
        "",
        "`type` of the envelope is `city.<tag>.v1`. Urgent events overtake the others on their way to the city.",
        "",
    ]
    for event in sorted(EVENTS, key=lambda event: event.tag):
        lane = "urgent" if event.urgent else "normal"
        topic = topics.of_event("{gateway}", event.tag)
        lines += [f"## `{event.tag}`", "", f"{_doc(event)} ({say(f'event.{event.tag}', 'zh')})", ""]
        lines += [f"Lane: {lane}. Topic: `{topic}`.", "", *_fields(event), ""]
    return "\n".join(lines)


def reasons() -> str:
    lines = ["# Reasons", "", "What these fields of events may say. A reader takes one it does not know as it is.", ""]
    for title, beginning in VALUES.items():
        lines += [f"## {title}", "", "| value | meaning |", "|---|---|"]
        codes = sorted(code for code in WORDS if code.startswith(beginning))
        lines += [f"| `{code.removeprefix(beginning)}` | {say(code, 'en')} ({say(code, 'zh')}) |" for code in codes]
        lines.append("")
    return "\n".join(lines)


def _walk(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(command)
    if isinstance(command, click.Group):
        if path == "edge-agent":
            yield path, command
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from _walk(child, f"{path} {name}")
    else:
        yield path, command


def _table(title: str, kind: type[Table]) -> list[str]:
    return [f"## `{title}`", "", _doc(kind), "", *_fields(kind), ""]


def _fields(kind: type[msgspec.Struct]) -> list[str]:
    lines = ["| key | type | default |", "|---|---|---|"]
    for field in msgspec.structs.fields(kind):
        default = "required" if field.required else f"`{_default(field.default)}`"
        lines.append(f"| `{field.encode_name}` | {_type(field.type)} | {default} |")
    return lines


def _default(value: Any) -> str:
    if value is msgspec.NODEFAULT:
        return "…"
    return "–" if value is None else msgspec.json.encode(value).decode()


def _type(kind: Any) -> str:
    text = kind.__name__ if isinstance(kind, type) else str(kind)
    text = re.sub(r"typing\.|edge_agent\.model\.\w+\.", "", text)
    return f"`{text}`".replace("|", "\\|")


def _doc(kind: type) -> str:
    return _text(inspect.getdoc(kind) or "")


def _text(text: str | None) -> str:
    return re.sub(r"\s+", " ", (text or "").replace("\b", "")).strip()


def write(folder: Path, profiles: Path) -> None:
    """The pages into `folder`, the profiles' JSON Schema into `profiles`."""
    folder.mkdir(parents=True, exist_ok=True)
    (profiles / "schema.json").write_bytes(schema_json())
    for name, page in (
        ("commands", commands),
        ("configuration", configuration),
        ("events", events),
        ("reasons", reasons),
    ):
        (folder / f"{name}.md").write_text(page().rstrip() + "\n", "utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]))
