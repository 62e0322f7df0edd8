"""Visitors who let themselves in and out, followed in the real journal over the real people.db."""

import asyncio
from pathlib import Path
from typing import Any

from edge_agent.flows.visitors import Visitors
from edge_agent.model.commands import Operation
from edge_agent.model.events import AccessGranted, AccessTaken
from tests.console.rig import DOORS, Rig
from tests.waiting import until


class Follower:
    """The visitors' side of a gateway; `again`: as after a restart."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self._job: asyncio.Task[None] | None = None
        self.again()

    def again(self) -> None:
        async def change() -> None:
            if self._job is not None:
                self._job.cancel()
            self._visitors = Visitors(self.rig.visits, self.rig.journal, self.rig.config.doors)
            self._job = asyncio.create_task(self._visitors.run(lambda: None))

        self.rig.do(change)

    def order(self, verb: str, **args: Any) -> Any:
        return self.rig.do(lambda: self.rig.visits.carry_out(Operation(f"visit.{verb}", "王芳", args=args))).answer

    def state(self, visit: str) -> str:
        return str(self.order("show", visit=visit)[0].visit.state)

    def granted(self, visit: str, door: str, direction: str = "in") -> None:
        how: dict[str, Any] = {"category": "visitor", "how": ("qr",), "rule": "visit"}
        self.rig.happen(AccessGranted(door=door, direction=direction, person=visit, **how))

    def passes(self, visit: str) -> None:
        self.granted(visit, DOORS[0])
        self.rig.happen(AccessTaken(door=DOORS[0], person=visit))

    def has_followed(self) -> None:
        """Everything until now: somebody at another door, who does not go in, is seen as the last."""
        self._visitors._granted.pop(DOORS[1], None)
        self.granted("p-0001", DOORS[1])
        until(lambda: DOORS[1] in self._visitors._granted)


def test_who_was_checked_in_and_out_at_the_desk_is_not_inside_after_a_restart(tmp_path: Path) -> None:
    """In between they went through the door: that was nothing new then, and is nothing hours later."""
    with Rig(tmp_path, doors=DOORS[:2]).running() as rig:
        gate = Follower(rig)
        other, often = (
            gate.order("expect", name=name, house="3-1-502", uses=5)[0].visit.id for name in ("李雷", "韩梅")
        )
        gate.passes(other)
        until(lambda: gate.state(other) == "arrived")
        gate.order("arrive", visit=often)
        gate.passes(often)
        gate.has_followed()
        gate.order("leave", visit=often)
        gate.again()
        gate.has_followed()
        assert gate.state(often) == "expected"
