"""What people read, in English and Chinese: one entry a sentence, `code: (english, 中文)`, fields in braces.

One file per area; the codes of an area start with its name.
"""

from typing import Any

from edge_agent.words import (
    access,
    advice,
    alerts,
    city,
    cli,
    config,
    console,
    device_cli,
    devices,
    explain,
    face_report,
    faces,
    gpio,
    models,
    operate,
    push,
    rounds,
    screen,
    store,
    uplink,
    visits,
)

WORDS: dict[str, tuple[str, str]] = {
    "several": ("{count} problems", "{count} 个问题"),
    **access.WORDS, **advice.WORDS, **alerts.WORDS, **city.WORDS, **cli.WORDS, **config.WORDS, **console.WORDS,
    **device_cli.WORDS, **devices.WORDS, **explain.WORDS, **face_report.WORDS, **faces.WORDS, **gpio.WORDS,
    **models.WORDS, **operate.WORDS, **push.WORDS, **rounds.WORDS, **screen.WORDS, **store.WORDS,
    **uplink.WORDS, **visits.WORDS,
}  # fmt: skip

LANGUAGES = ("en", "zh")


def say(code: str, lang: str, **fields: Any) -> str:
    """The sentence `code` in `lang` (anything but `zh` reads English)."""
    english, chinese = WORDS[code]
    return (chinese if lang == "zh" else english).format(**fields)
