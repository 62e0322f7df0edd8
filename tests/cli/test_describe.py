"""Every event in words a guard reads: no field's name stands in place of a sentence."""

import pytest

from edge_agent.cli.describe import describe
from edge_agent.contract import examples
from edge_agent.model.events import AlertOpened, Event, Row, encode_event
from edge_agent.model.sightings import Fall, Measure


@pytest.mark.parametrize("event", examples.STREAM, ids=lambda event: event.tag)
def test_an_event_is_told_in_words(event: Event) -> None:
    body = encode_event(event)
    row = Row(1, "ab" * 16, event.tag, body, 1_777_000_000_000, "synced", 5, "ab" * 16, 1, bytes(32), bytes(32))
    told = describe(row, "zh")
    assert told.what != event.tag
    for part in told.detail.split(" · "):
        name, _, value = part.partition(" ")
        assert not (name in event.__struct_fields__ and str(getattr(event, name)) == value), part


def test_an_alert_of_a_camera_names_its_rule_and_what_was_measured() -> None:
    fall = Fall(
        floors=((12, 0.9), (13, 0.1)), columns=((3, 0.8),), released_ms=1, impact_ms=2, speed_mps=20.0, path=(),
        residual_px=0.8, calibration="c-1",
    )  # fmt: skip
    event = AlertOpened(
        door="", alert="a", kind="falling_object", camera="office", rule="block-3", fall=fall, review=True,
        why=(Measure("pull", 9.41234, 6.5, "m/s²"), Measure("camera moved", 1, 0)),
    )  # fmt: skip
    body = encode_event(event)
    row = Row(1, "ab" * 16, event.tag, body, 1_777_000_000_000, "synced", 5, "ab" * 16, 1, bytes(32), bytes(32))
    assert describe(row, "zh").detail.split(" · ") == [
        "高空抛物", "12 (90%), 13 (10%) 层", "3 (80%) 列", "office", "block-3", "需人工复核",
        "下坠加速度 9.41 m/s²（限值 6.5 m/s²）", "镜头已移位，楼层未知 1",
    ]  # fmt: skip
