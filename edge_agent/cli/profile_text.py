"""A profile as the text of its file, written from a draft."""

from collections.abc import Mapping
from typing import Any

from edge_agent.cli.speech import words
from edge_agent.drivers.draft import Draft
from edge_agent.tables import as_toml

_BYTES = {"start", "end"}


def profile_text(draft: Draft) -> str:
    data = draft.data
    lines = [f"# {line}" for line in (words("profile.draft_note"), words("profile.draft_look"))]
    lines += [f"{key} = {as_toml(data[key])}" for key in ("schema", "id", "name", "kind", "maturity", "source")]
    lines += [f"{key} = {as_toml(data[key])}" for key in ("provides", "card_bits")]
    for table in ("link", "framing", "checksum"):
        lines += ["", f"[{table}]", *(f"{key} = {_value(key, value)}" for key, value in data[table].items())]
    for form in data["message"]:
        lines += ["", "[[message]]", f"name = {as_toml(form['name'])}", f"match = {_value('header', form['match'])}"]
        lines.append(f"fields = [{', '.join(_inline(field) for field in form['fields'])}]")
    for frame, gives in draft.examples:
        lines += ["", "[[example]]", f'bytes = "{frame.hex(" ").upper()}"', f"gives = {_inline(gives)}"]
    return "\n".join(lines) + "\n"


def _inline(table: Mapping[str, Any]) -> str:
    return f"{{ {', '.join(f'{key} = {as_toml(value)}' for key, value in table.items())} }}"


def _value(key: str, value: Any) -> str:
    """Bytes are written in hexadecimal, as in manuals."""
    if key in _BYTES and isinstance(value, int):
        return f"0x{value:02X}"
    if key == "header":
        return f"[{', '.join(f'0x{byte:02X}' for byte in value)}]"
    return as_toml(value)
