"""What people read, in English and Chinese: one entry a sentence, `code: (english, 中文)`, fields in braces.

One file per area; the codes of an area start with its name.
"""

from typing import Any

from edge_agent.words import (
    access,
    advice,
    alerts,
    audit,
    cameras,
    city,
    cli,
    config,
    console,
    device_cli,
    devices,
    evidence,
    explain,
    facade,
    face_report,
    faces,
    gpio,
    models,
    operate,
    push,
    record,
    rounds,
    screen,
    store,
    uplink,
    visits,
    zones,
)

_AREAS = (
    access,
    advice,
    alerts,
    audit,
    cameras,
    city,
    cli,
    config,
    console,
    device_cli,
    devices,
    evidence,
    explain,
    facade,
    face_report,
    faces,
    gpio,
    models,
    operate,
    push,
    record,
    rounds,
    screen,
    store,
    uplink,
    visits,
    zones,
)
WORDS: dict[str, tuple[str, str]] = {
    "several": ("{count} problems", "{count} 个问题"),
    **{code: words for area in _AREAS for code, words in area.WORDS.items()},
}

LANGUAGES = ("en", "zh")


class Sentence(str):
    """An English sentence that knows its code and fields: whoever reads it somewhere else says it in their language."""

    __slots__ = ("code", "fields")

    code: str
    fields: dict[str, str | int | float]


def told(code: str, **fields: Any) -> Sentence:
    """What goes into logs and events: `say` in English, with what it was made of."""
    sentence = Sentence(say(code, "en", **fields))
    sentence.code = code
    sentence.fields = {
        name: value if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
        for name, value in fields.items()
    }
    return sentence


def say(code: str, lang: str, **fields: Any) -> str:
    """The sentence `code` in `lang` (anything but `zh` reads English)."""
    english, chinese = WORDS[code]
    return (chinese if lang == "zh" else english).format(**fields)
