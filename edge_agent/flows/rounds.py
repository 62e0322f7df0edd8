"""Rounds: guards walk their routes, report hazards, and check in for duty.

A point is done by what happens at a terminal or a door anyway (followed in the journal, over restarts too), or by a
tag read at the desk. What is not done in its time is missed, and that is an event like any other.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from edge_agent import log
from edge_agent.core import rounds as core
from edge_agent.errors import RoundError, StoreError
from edge_agent.model import rounds as r
from edge_agent.model.commands import Done, Operation
from edge_agent.model.events import AccessDenied, AccessGranted, ExitRequested, PatrolDone, PatrolMissed, Row
from edge_agent.model.site import PatrolPoint, PatrolRoute
from edge_agent.model.visits import Followed
from edge_agent.ports import Beat, Books, Clock, Journal, RoundBook

LOOK_S = 5.0
FOLLOW_BEAT_S = 2.0
ROWS = 500
TIDY_EVERY_MS = 3_600_000
DAY_MS = 86_400_000
KEPT_DAYS = 365
AWAY_DAYS, GAP_MS = 7, 3_600_000  # so far is looked back after a start, or when the clock has gone on by so much

T = TypeVar("T")

logger = log.get("flows.rounds")


class Rounds:
    """`new_id` gives twelve hexadecimal digits nobody has."""

    def __init__(
        self, book: RoundBook, journal: Journal, books: Books, clock: Clock, zone: str,
        points: Sequence[PatrolPoint], routes: Sequence[PatrolRoute], new_id: Callable[[], str],
    ) -> None:  # fmt: skip
        self.book, self.journal, self.books, self.clock, self.zone = book, journal, books, clock, zone
        self.points, self.routes = points, routes
        self._new_id = new_id
        self._tidied_ms: int | None = None
        self._begun_ms: int | None = None  # uptime of the first look of this process
        self._looked_ms: int | None = None  # wall time of the last one
        self.on_change: list[Callable[[], None]] = []

    async def carry_out(self, operation: Operation) -> Done:
        """An order of model.rounds.ORDERS; raises EdgeAgentError with the reason when it cannot be done."""
        try:
            order = r.order_of(operation.verb, operation.args)
        except ValueError as error:
            raise RoundError("rounds.bad_order", why=str(error)) from None
        return Done(True, answer=await self.do(operation.verb, order, operation.by))

    async def do(self, verb: str, order: Any, who: str) -> Any:
        """`who`: the guard's name."""
        now_ms, by = self.clock.now().wall_ms, f"local/{who}"
        match verb:
            case "patrol.show":
                return await self.show()
            case "patrol.scan":
                point = core.point_of_tag(self.points, order.code)
                done = await self._done(point.name, "tag", by, now_ms)
                if done is None:
                    raise RoundError("patrol.not_due", point=point.name)
                return done
            case "hazard.report":
                return await self._report(order, by)
            case "hazard.close":
                return self._told(
                    await self.book.change_hazard(
                        order.hazard, lambda hazard: core.closed(hazard, order.outcome, now_ms, by)
                    )
                )
            case "hazard.find":
                return await self.book.hazards(order.show)
            case "hazard.photo":
                return await self.book.photo(order.hazard)
            case "duty.begin":
                duty = r.Duty(id=f"d-{self._new_id()}", who=who, post=order.post.strip(), begun_ms=now_ms)
                return self._told(await self.book.put_duty(lambda others: (duty, core.begun(duty, others))))
            case "duty.end":
                return self._told(await self.book.put_duty(lambda others: core.ended(who, others, now_ms)))
            case _:
                return await self.book.on_duty()

    async def show(self) -> list[r.RunNow]:
        """The runs of the last day and those that run now, the newest first."""
        now_ms = self.clock.now().wall_ms
        passed = {(one.route, one.run_ms, one.point): one for one in await self._passed(now_ms)}
        places = {point.name: point.place for point in self.points}
        shown = []
        for route in self.routes:
            for run in core.runs(route, now_ms, self.zone):
                points = []
                for name in route.points:
                    one = passed.get((run.route, run.start_ms, name))
                    state, by, at_ms = ("open", "", None) if one is None else (one.state, one.by, one.at_ms)
                    points.append(r.PointNow(name, places.get(name, ""), state, by, at_ms))
                if run.end_ms > now_ms or any(
                    point.state != "open" for point in points
                ):  # not from before it was watched
                    shown.append(r.RunNow(run.route, run.start_ms, run.end_ms, tuple(points)))
        return sorted(shown, key=lambda run: -run.start_ms)

    async def _report(self, order: r.Report, by: str) -> r.Hazard:
        now_ms = self.clock.now().wall_ms
        due_ms = order.due_ms if order.due_ms is not None else core.due_ms(order.category, now_ms)
        if due_ms <= now_ms:
            raise RoundError("hazard.due_past")
        hazard = r.Hazard(
            id=f"h-{self._new_id()}", category=order.category, place=order.place.strip(), text=order.text.strip(),
            by=by, at_ms=now_ms, due_ms=due_ms, owner=order.owner.strip(),
            photo=self.book.sum_of(order.photo) if order.photo is not None else "",
        )  # fmt: skip
        return self._told(await self.book.add_hazard(core.reported(hazard), order.photo))

    # ---- points ------------------------------------------------------------------------------------------------------

    async def _done(
        self, point: str, how: str, by: str, when_ms: int, at: Followed | None = None,
        routes: Sequence[PatrolRoute] | None = None,
    ) -> r.Passed | None:  # fmt: skip
        """The point of the run that waited for it at `when_ms`; None when none did."""
        routes = self.routes if routes is None else routes
        run = core.due(routes, await self._passed(when_ms), point, when_ms, self.zone)
        if run is None:
            return None
        one = r.Passed(run.route, run.start_ms, point, "done", when_ms, by, how)
        event = PatrolDone(route=run.route, run_ms=run.start_ms, point=point, how=how, by=by)
        if await self.book.pass_(one, event, at):
            logger.info("patrol %s: %s done (%s)", run.route, point, how)
            self._tell()
        return one

    async def _passed(self, now_ms: int, back_days: int = 1) -> list[r.Passed]:
        return await self.book.passed(now_ms - (back_days + 3) * DAY_MS)

    async def follow(self, beat: Beat) -> None:
        """What happens at terminals and doors that are patrol points."""
        if not any(point.terminal or point.button for point in self.points):
            while True:
                beat()
                await asyncio.sleep(FOLLOW_BEAT_S)
        at = await self.book.followed()
        journal = self.journal
        begin = at is not None and at.epoch == journal.epoch and at.seq <= journal.last
        seen = max(at.seq, journal.first - 1) if at is not None and begin else journal.last
        while True:
            beat()
            try:
                async with asyncio.timeout(FOLLOW_BEAT_S):
                    await journal.changed(seen)
            except TimeoutError:
                continue
            while rows := await journal.rows(seen, ROWS):
                for row in rows:
                    await self._followed(row)
                    seen = row.seq

    async def _followed(self, row: Row) -> None:
        """What counts is when it happened: after a restart all since the last point that was done comes again."""
        if row.tag not in (AccessGranted.tag, AccessDenied.tag, ExitRequested.tag):
            return
        event, at = row.event, Followed(row.epoch, row.seq)
        if isinstance(event, ExitRequested):
            for point in core.points_at(self.points, button=event.door):
                await self._done(point, "button", "", row.wall_ms, at)
        elif isinstance(event, AccessGranted | AccessDenied) and event.person and event.terminal:
            person = self.books.current.persons.get(event.person)
            if person is None or not person.enabled:
                return
            routes = [route for route in self.routes if person.category in route.by]
            for point in core.points_at(self.points, terminal=event.terminal):
                await self._done(point, "terminal", person.id, row.wall_ms, at, routes)

    # ---- time --------------------------------------------------------------------------------------------------------

    async def run(self, beat: Beat) -> None:
        """What was not done in its time."""
        while True:
            beat()
            try:
                await self.look()
            except StoreError as error:
                logger.warning("rounds were not looked at: %s", error)
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        now = self.clock.now()
        self._begun_ms = now.up_ms if self._begun_ms is None else self._begun_ms
        here_ms = now.wall_ms - (now.up_ms - self._begun_ms)  # since when, by the clock as it is set now
        gap = self._looked_ms is None or abs(now.wall_ms - self._looked_ms) > GAP_MS
        back, self._looked_ms = AWAY_DAYS if gap else 1, now.wall_ms
        passed = await self._passed(now.wall_ms, back)
        for route in self.routes:
            watched_ms = await self.book.since(core.named(route), here_ms if now.trusted else None)
            since_ms = here_ms if watched_ms is None else watched_ms
            for run, point in core.missed(route, passed, since_ms, now.wall_ms, self.zone, back):
                one = r.Passed(run.route, run.start_ms, point, "missed", now.wall_ms)
                if await self.book.pass_(one, PatrolMissed(route=run.route, run_ms=run.start_ms, point=point)):
                    logger.warning("patrol %s: %s missed", run.route, point)
                    self._tell()
        for hazard in await self.book.hazards("open"):
            if core.overdue(hazard, now.wall_ms) is not None:
                try:
                    await self.book.change_hazard(hazard.id, lambda found: _overdue(found, now.wall_ms))
                except RoundError as error:
                    logger.debug("somebody was quicker: %s", error)
                self._tell()
        if self._tidied_ms is None or now.up_ms - self._tidied_ms > TIDY_EVERY_MS:
            await self.book.tidy(now.wall_ms - KEPT_DAYS * DAY_MS)
            self._tidied_ms = now.up_ms

    def _told(self, made: T) -> T:
        self._tell()
        return made

    def _tell(self) -> None:
        for tell in tuple(self.on_change):
            tell()


def _overdue(hazard: r.Hazard, now_ms: int) -> r.HazardStep:
    step = core.overdue(hazard, now_ms)
    if step is None:
        raise RoundError("hazard.closed_already", hazard=hazard.id)
    return step
