"""Why a rule of a camera fired, as a sentence: what was measured, and the limit it passed."""

from collections.abc import Iterable

from edge_agent.model.sightings import Measure
from edge_agent.words import WORDS, say


def reasons(why: Iterable[Measure], lang: str) -> str:
    """`stayed for 21.3 s (limit 20 s) · people 2`; one of an older version, without words, is told by its name."""
    return " · ".join(_reason(measure, lang) for measure in why)


def _reason(measure: Measure, lang: str) -> str:
    code = f"measure.{measure.name}"
    name = say(code, lang) if code in WORDS else measure.name
    value = f"{name} {_number(measure.value)} {measure.unit}".strip()
    if not measure.limit:
        return value
    return say("zone.limit", lang, value=value, limit=f"{_number(measure.limit)} {measure.unit}".strip())


def _number(value: float) -> str:
    """Three figures; a count that has more is told whole."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
