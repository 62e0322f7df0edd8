"""What people read, in English and Chinese: one entry a sentence, `code: (english, 中文)`, fields in braces.

One file per area; the codes of an area start with its name.
"""

from typing import Any

from edge_agent.words import (
    access,
    audit,
    city,
    cli,
    config,
    device_cli,
    devices,
    explain,
    face_report,
    faces,
    gpio,
    models,
    operate,
    push,
    screen,
    store,
    uplink,
)

WORDS: dict[str, tuple[str, str]] = {
    "several": ("{count} problems", "{count} 个问题"),
    **access.WORDS, **audit.WORDS, **city.WORDS, **cli.WORDS, **config.WORDS, **device_cli.WORDS, **devices.WORDS,
    **explain.WORDS, **face_report.WORDS, **faces.WORDS, **gpio.WORDS, **models.WORDS, **operate.WORDS, **push.WORDS,
    **screen.WORDS, **store.WORDS, **uplink.WORDS,
}  # fmt: skip

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
