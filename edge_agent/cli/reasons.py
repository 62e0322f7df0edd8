"""Why a rule of a camera fired, as a sentence: what was measured, and the limit it passed."""

from collections.abc import Iterable

from edge_agent.model.sightings import Measure
from edge_agent.words import WORDS, say


def reasons(why: Iterable[Measure], lang: str) -> str:
    """`stayed for 21.3 s (limit 20 s) · people 2`; one of an older version, without words, is told by its name."""
    return " · ".join(_reason(measure, lang) for measure in why)


def _reason(measure: Measure, lang: str) -> str:
    code = f"measure.{measure.name}"
    name = say(f"measure.{measure.name}", lang) if code in WORDS else measure.name
    value = f"{name} {measure.value:g} {measure.unit}".strip()
    if not measure.limit:
        return value
    return say("zone.limit", lang, value=value, limit=f"{measure.limit:g} {measure.unit}".strip())
