"""Reports of terminals read off their bodies: places, times, and anything at all."""

import json
from contextlib import suppress
from datetime import UTC

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.drivers.profiles import load_profile
from edge_agent.errors import FrameError
from edge_agent.model.push import HttpPush
from edge_agent.model.reads import Card, Face, Unreadable
from edge_agent.protocols.push import read_push

KINDS = ("flat", "event", "list", "form")


def push(kind: str) -> HttpPush:
    framing = load_profile(f"terminals/face-push-{kind}").framing
    assert isinstance(framing, HttpPush)
    return framing


PUSHES = [push(kind) for kind in KINDS]
FLAT = msgspec.structs.replace(push("flat"), only=None)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(st.sampled_from(PUSHES), st.text(max_size=60), st.binary(max_size=400))
def test_no_body_raises_anything_but_frame_errors(push: HttpPush, kind: str, body: bytes) -> None:
    with suppress(FrameError):
        read_push(push, kind, body, UTC)


@given(st.dictionaries(st.sampled_from(["type", "personId", "time", "score", "alive", "idcardNum", "recordId"]), JSON))
def test_any_value_at_a_place_reads_or_is_refused(report: dict[str, object]) -> None:
    try:
        pushed = read_push(FLAT, "", json.dumps(report).encode(), UTC)
    except FrameError:
        return
    assert pushed is not None
    assert isinstance(pushed.credential, Face | Card | Unreadable)
    if isinstance(pushed.credential, Face):
        assert 0 <= pushed.credential.score <= 1


@pytest.mark.parametrize(
    ("kind", "text", "ms"),
    [
        ("unix-s", "1777849272", 1777849272000),
        ("unix-s", "1777849272.5", 1777849272500),
        ("unix-ms", "1777849272345", 1777849272345),
        ("iso8601", "2026-05-04T07:01:12+08:00", 1777849272000),
        ("iso8601", "2026-05-03T23:01:12Z", 1777849272000),
        ("iso8601", "2026-05-03T23:01:12", None),  # no zone
        ("local", "2026-05-03 23:01:12", 1777849272000),
        ("local", "2026-05-32 23:01:12", None),
        ("unix-s", "-1", None),
        ("unix-s", "nan", None),
        ("unix-ms", "inf", None),
        ("unix-s", "", None),
    ],
)
def test_times(kind: str, text: str, ms: int | None) -> None:
    form = msgspec.structs.replace(FLAT, time_as=kind)
    body = json.dumps({"time": text, "personId": "p"}).encode()
    if ms is None:
        with pytest.raises(FrameError):
            read_push(form, "", body, UTC)
    else:
        pushed = read_push(form, "", body, UTC)
        assert pushed is not None
        assert pushed.time_ms == ms


@pytest.mark.parametrize("number", ["-1", "+1", "1_0", "0x1", "", " ", "１", "4294967296"])
def test_what_is_no_card_number_is_unreadable(number: str) -> None:
    body = json.dumps({"time": 0, "type": "card_0", "idcardNum": number}).encode()
    pushed = read_push(FLAT, "", body, UTC)
    assert pushed is not None
    assert isinstance(pushed.credential, Unreadable)
