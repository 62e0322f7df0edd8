"""Every event in words a guard reads: no field's name stands in place of a sentence."""

from collections.abc import Callable
from functools import partial

import pytest

from edge_agent.cli.describe import colour, describe
from edge_agent.contract import examples
from edge_agent.model.events import AlertClosed, AlertOpened, AlertUpdated, Event, EvidenceErased, Row, encode_event
from edge_agent.model.sightings import Fall, Measure


def row(event: Event) -> Row:
    body = encode_event(event)
    return Row(1, "ab" * 16, event.tag, body, 1_777_000_000_000, "synced", 5, "ab" * 16, 1, bytes(32), bytes(32))


def told(event: Event, lang: str) -> list[str]:
    return describe(row(event), lang).detail.split(" · ")


@pytest.mark.parametrize("event", examples.STREAM, ids=lambda event: event.tag)
def test_an_event_is_told_in_words(event: Event) -> None:
    assert describe(row(event), "zh").what != event.tag
    for part in told(event, "zh"):
        name, _, value = part.partition(" ")
        assert not (name in event.__struct_fields__ and str(getattr(event, name)) == value), part


@pytest.mark.parametrize("made", [AlertOpened, AlertClosed, partial(AlertUpdated, what="grew")])
def test_smoke_that_is_measured_is_not_what_a_camera_takes_for_smoke(made: Callable[..., Event]) -> None:
    measured = made(door="", alert="a", kind="smoke", sensor="cellar")
    seen = made(door="", alert="a", kind="smoke", camera="yard")
    assert [told(measured, lang)[0] for lang in ("en", "zh")] == ["smoke", "烟雾"]
    assert [told(seen, lang)[0] for lang in ("en", "zh")] == ["smoke or flames seen (advisory)", "疑似烟火（辅助提示）"]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_why_an_alert_ended_and_evidence_went_is_told(lang: str) -> None:
    """Each of the reasons that the events' reference names, in its own words."""
    closed = [
        told(AlertClosed(door="", alert="a", kind="intrusion", camera="yard", why=why), lang)
        for why in ("over", "changed", "restarted", "camera_lost")
    ]
    assert [part[1:-1] for part in closed] == [["yard"]] * 4
    gone = [EvidenceErased(evidence="ev-1", why=why, manifest="0" * 64) for why in ("age", "room", "hand")]
    erased = [told(event, lang) for event in gone]
    said = [part[-1] for part in (*closed, *erased)]
    assert len(set(said)) == 7
    assert not {"over", "changed", "restarted", "camera_lost", "age", "room", "hand", "ev-1", "yard"} & set(said)
    assert all(part.isascii() is (lang == "en") for part in said)


def test_an_alert_of_a_camera_names_its_rule_and_what_was_measured() -> None:
    fall = Fall(
        floors=((12, 0.9), (13, 0.1)), columns=((3, 0.8),), released_ms=1, impact_ms=2, speed_mps=20.0, path=(),
        residual_px=0.8, calibration="c-1",
    )  # fmt: skip
    event = AlertOpened(
        door="", alert="a", kind="falling_object", camera="office", rule="block-3", fall=fall, review=True,
        why=(Measure("pull", 9.41234, 6.5, "m/s²"), Measure("camera moved", 1, 0)),
    )  # fmt: skip
    assert told(event, "zh") == [
        "高空抛物", "12 (90%), 13 (10%) 层", "3 (80%) 列", "office", "block-3", "需人工复核",
        "下坠加速度 9.41 m/s²（限值 6.5 m/s²）", "镜头已移位，楼层未知 1",
    ]  # fmt: skip


def test_what_is_only_recorded_is_in_no_alarms_colour() -> None:
    about = {"door": "", "alert": "a-1", "kind": "intrusion", "camera": "yard"}
    seen = [
        colour(row(AlertOpened(**about, level=level, quiet=quiet)))
        for level, quiet in (("alarm", False), ("warning", False), ("alarm", True), ("warning", True))
    ]
    assert seen == ["bold red", "yellow", "", ""]
