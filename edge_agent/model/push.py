"""A terminal that matches by itself and reports over HTTP: where in its report stands what, as a profile says it."""

from typing import Annotated, Literal

from msgspec import Meta

from edge_agent.model.framing import Table
from edge_agent.model.patterns import whole

Place = Annotated[
    str,
    Meta(pattern=whole(r"[^.\s]+(\.[^.\s]+)*"), max_length=200, description="keys joined by dots; a number: in a list"),
]


class Told(Table, frozen=True, kw_only=True):
    """What an example comes to. `time`: ISO 8601 in UTC. `nothing`: a report that is no identification."""

    outcome: Literal["match", "unknown", "card", "unreadable", "erased", "nothing"]
    person: str | None = None
    score: float | None = None
    liveness: Literal["live", "spoof", "not_checked"] = "not_checked"
    card: str | None = None  # hexadecimal
    time: str | None = None
    sequence: str | None = None
    order: int | None = None


class Erase(Table, frozen=True, kw_only=True):
    """How the terminal is told to delete a person's face: in `answer` to a call of its own, with `{person}` and
    `{order}` in it, until a report has that order's number at `done` (and at `ok` one of `ok_values`).
    """

    answer: Annotated[str, Meta(max_length=1000, pattern=r"\{person\}")]
    done: Place
    ok: Place | None = None
    ok_values: tuple[str, ...] = ()


class PushExample(Table, frozen=True, kw_only=True):
    """A golden report; its line ends become CR LF where `content_type` is multipart."""

    body: str
    content_type: str = "application/json"
    gives: Told


class HttpPush(Table, frozen=True, kw_only=True, tag_field="kind", tag="http-push"):
    """The report is JSON, whole, or as the field `part` of a form or the part `part` of a multipart body; a form
    without `part` is an object of its fields. Nothing but what is named here is looked at; images are never kept.

    `auth`: `basic` (name of the terminal and secret), `token` (the secret in `auth_header`) or `hmac-sha256` (of the
    body with the secret as key, hexadecimal, in `auth_header`). A report is an identification when the text at `only`
    is one of `only_values`, by card when the text at `by` is one of `by_card` (without `by`: when there is a card).
    `score_full`: the terminal's score that means certain. A report whose own `time` is more than `stale_s` away from
    now opens nothing. `erase`: without it somebody has to delete faces at the terminal. `silent_s`: the terminal is
    lost when it says nothing for so long; none: it has no heartbeat.
    """

    body: Literal["json", "form", "multipart"] = "json"
    part: str | None = None
    auth: Literal["basic", "token", "hmac-sha256"] = "basic"
    auth_header: Annotated[str, Meta(pattern=whole(r"[A-Za-z0-9-]+"))] = "X-Signature"
    answer: Annotated[str, Meta(max_length=1000)] = ""
    answer_type: str = "application/json"
    only: Place | None = None
    only_values: tuple[str, ...] = ()
    person: Place
    strangers: tuple[str, ...] = ()
    score: Place | None = None
    score_full: Annotated[float, Meta(gt=0)] = 1.0
    liveness: Place | None = None
    live: tuple[str, ...] = ()
    spoof: tuple[str, ...] = ()
    time: Place
    time_as: Literal["unix-s", "unix-ms", "iso8601", "local"]
    sequence: Place | None = None
    card: Place | None = None
    card_as: Literal["hex", "dec"] = "dec"
    card_bits: Annotated[int, Meta(ge=1, le=1024)] = 32
    by: Place | None = None
    by_card: tuple[str, ...] = ()
    erase: Erase | None = None
    stale_s: Annotated[float, Meta(gt=0, le=10)] = 3.0
    silent_s: Annotated[float, Meta(ge=5)] | None = None
    example: Annotated[tuple[PushExample, ...], Meta(min_length=1)]
