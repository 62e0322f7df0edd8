"""cli/reasons.py: an alert's reasons as people read them."""

from edge_agent.cli.reasons import reasons
from edge_agent.model.sightings import Measure


def test_a_reason_names_what_was_measured_and_its_limit() -> None:
    why = (Measure("dwell_s", 21.3, 20.0, "s"), Measure("people", 2, 0))
    assert reasons(why, "en") == "stayed for 21.3 s (limit 20 s) · people 2"
    assert reasons(why, "zh") == "停留时间 21.3 s（限值 20 s） · 人数 2"


def test_a_measure_nobody_has_words_for_is_told_by_its_name() -> None:
    assert reasons((Measure("gravity", 9.7, 3.5, "m/s2"),), "zh") == "gravity 9.7 m/s2（限值 3.5 m/s2）"
