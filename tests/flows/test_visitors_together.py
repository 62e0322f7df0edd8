"""Visitors who come together, followed in the real journal over the real people.db."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_agent.flows.visitors import Visitors
from edge_agent.model.commands import Operation
from edge_agent.model.events import (
    AccessGranted,
    AccessNotTaken,
    AccessTaken,
    DoorClosed,
    DoorFault,
    DoorOpened,
    Event,
)
from tests.console.rig import DOORS, Rig
from tests.waiting import until

GATE = DOORS[0]


class Gate:
    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        visitors = Visitors(rig.visits, rig.journal, rig.config.doors)

        async def start() -> None:
            self._job = asyncio.create_task(visitors.run(lambda: None))

        rig.do(start)

    def _order(self, verb: str, **args: Any) -> Any:
        return self.rig.do(lambda: self.rig.visits.carry_out(Operation(f"visit.{verb}", "王芳", args=args))).answer

    def expects(self, *names: str) -> list[str]:
        return [self._order("expect", name=name, house="3-1-502")[0].visit.id for name in names]

    def states(self, *visits: str) -> list[str]:
        return [str(self._order("show", visit=visit)[0].visit.state) for visit in visits]

    def grants(self, *visits: str, direction: str = "in") -> None:
        for person in visits:
            self.says(AccessGranted(GATE, direction, person, category="visitor", how=("qr",), rule="visit"))

    def says(self, *events: Event) -> None:
        for event in events:
            self.rig.happen(event)


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    with Rig(tmp_path, doors=DOORS[:2]).running() as rig:
        yield Gate(rig)


def test_each_of_several_who_come_in_together_has_arrived(gate: Gate) -> None:
    """They show their passes one after another before the door opens, and while it stands open."""
    first, second, third, nobody = gate.expects("李雷", "韩梅梅", "王五", "赵六")
    gate.grants(first, second)
    gate.says(AccessTaken(door=GATE), DoorOpened(door=GATE))
    gate.grants(third)
    gate.says(DoorClosed(door=GATE, open_ms=900))
    gate.grants(nobody)
    gate.says(AccessNotTaken(door=GATE, person=nobody))
    gate.grants("p-0001", "p-0002")
    gate.says(AccessTaken(door=GATE))
    until(lambda: gate.states(first, second, third) == ["arrived"] * 3)
    gate.grants(first, third, direction="out")
    gate.says(AccessTaken(door=GATE))
    until(lambda: gate.states(first, second, third, nobody) == ["left", "arrived", "left", "expected"])


def test_behind_a_contact_that_is_cut_whoever_is_let_in_has_arrived(gate: Gate) -> None:
    first, second, third = gate.expects("李雷", "韩梅梅", "王五")
    gate.grants(first)
    gate.says(DoorFault(door=GATE, input="contact", what="cut"))
    gate.grants(second)
    until(lambda: gate.states(first, second) == ["arrived"] * 2)
    gate.says(DoorFault(door=GATE, input="contact", what="normal"))
    gate.grants(third)
    gate.says(AccessTaken(door=GATE, person=third))
    until(lambda: gate.states(third) == ["arrived"])
