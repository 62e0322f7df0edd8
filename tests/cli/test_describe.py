"""Every event in words a guard reads: no field's name stands in place of a sentence."""

import pytest

from edge_agent.cli.describe import describe
from edge_agent.contract import examples
from edge_agent.model.events import Event, Row, encode_event


@pytest.mark.parametrize("event", examples.STREAM, ids=lambda event: event.tag)
def test_an_event_is_told_in_words(event: Event) -> None:
    body = encode_event(event)
    row = Row(1, "ab" * 16, event.tag, body, 1_777_000_000_000, "synced", 5, "ab" * 16, 1, bytes(32), bytes(32))
    told = describe(row, "zh")
    assert told.what != event.tag
    for part in told.detail.split(" · "):
        name, _, value = part.partition(" ")
        assert not (name in event.__struct_fields__ and str(getattr(event, name)) == value), part
