"""What is told of the alarms of a time in which the journal took nothing."""

from edge_agent.core.area import Standing
from edge_agent.flows.missed import Missed
from edge_agent.model.events import AlertOpened, AlertUpdated


def news(what: str, **fields: str | int) -> AlertUpdated:
    return AlertUpdated(door="", alert="a-1", kind="intrusion", camera="yard", what=what, **fields)  # type: ignore[arg-type]


def test_a_verdict_and_why_there_is_no_evidence_outlive_that_it_goes_on() -> None:
    """Of each kind of news about an alert the newest is told, in the order in which it came."""
    missed = Missed(Standing([]))
    opened = AlertOpened(door="", alert="a-1", kind="intrusion", camera="yard")
    said = (
        opened, news("no_evidence", why="the disk is full"), news("verdict", verdict="true", by="guard"),
        news("not_deterred", why="horn", reason="unreachable"), news("grew", count=2),
        news("verdict", verdict="false", by="chief"), news("grew", count=3),
    )  # fmt: skip
    for event in said:
        missed.note((), event)
    assert missed.take()[1] == [said[at] for at in (0, 1, 3, 5, 6)]
    assert missed.take() == ([], [])
