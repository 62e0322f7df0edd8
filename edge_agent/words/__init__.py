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
    clips,
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
from edge_agent.words.reasons import chinese as reason_in_chinese

_AREAS = (
    access,
    advice,
    alerts,
    audit,
    cameras,
    city,
    cli,
    clips,
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
    """The sentence `code` in `lang` (anything but `zh` reads English). A field `why` that is the code of a sentence
    without blanks is said in words too, and so is what the operating system or the TOML parser gave as a reason.
    """
    english, chinese = WORDS[code]
    why = fields.get("why")
    if isinstance(why, str) and "{" not in WORDS.get(why, "{")[0]:
        fields["why"] = say(why, lang)
    elif lang == "zh" and isinstance(why, str | Exception):
        fields["why"] = reason_in_chinese(str(why))
    return (chinese if lang == "zh" else english).format(**fields)


def alert_code(kind: str, camera: str) -> str:
    """The code of what an alert is, of a `camera` or (empty) of anything else: both call their alert `smoke`, but one
    takes something for smoke and the other has measured it.
    """
    return "alert.smoke_measured" if kind == "smoke" and not camera else f"alert.{kind}"


def parts(text: str) -> tuple[str, str, dict[str, str | int | float]]:
    """What goes over a pipe or into an event: the English text, and code and fields when it is a Sentence."""
    return (str(text), text.code, text.fields) if isinstance(text, Sentence) else (text, "", {})


def whole(text: str, code: str, given: dict[str, str | int | float]) -> str:
    """The Sentence that `parts` took apart; the text where its code is not known here."""
    return told(code, **given) if code in WORDS else text


def retold(text: str, code: str, given: dict[str, str | int | float], lang: str) -> str:
    """In `lang` where this program knows the sentence: an older or newer one may have said it."""
    try:
        return say(code, lang, **given)
    except (KeyError, IndexError, ValueError):
        return text
