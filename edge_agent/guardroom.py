"""Wires the guard's console to the gateway. Loaded only where [console] is configured: it costs memory and a second.

What the console needs (console/needs.py) is taken here from the stores, the doors and the books.
"""

import asyncio
from typing import TYPE_CHECKING

from edge_agent.cli.describe import describe
from edge_agent.cli.reasons import reasons
from edge_agent.console.desk import Desk
from edge_agent.console.needs import AlarmView, DoorView, MuteView, Needs
from edge_agent.console.server import serve
from edge_agent.console.site import site
from edge_agent.console_exhibits import Exhibits
from edge_agent.console_office import Office
from edge_agent.console_rooms import Lookback
from edge_agent.core import latch, response
from edge_agent.core.door import name_of
from edge_agent.model.detections import Unwatched
from edge_agent.model.people import Person
from edge_agent.model.retrieval import Retrieval
from edge_agent.model.site import Console
from edge_agent.ports import Beat
from edge_agent.store.accounts import AccountStore
from edge_agent.store.retrievals import Retrievals
from edge_agent.words import alert_code

if TYPE_CHECKING:
    from edge_agent.app import App

ACCOUNTS = "console.db"


class Guardroom:
    def __init__(self, app: "App", settings: Console) -> None:
        self.app, self.settings = app, settings

    async def run(self, beat: Beat) -> None:
        """Serve until cancelled. Raises EdgeAgentError when port, certificate or console.db cannot be had."""
        app, settings = self.app, self.settings
        accounts = await asyncio.to_thread(
            AccountStore,
            app.state / ACCOUNTS,
            round(settings.lock_after_s * 1000),
            round(settings.session_h * 3_600_000),
        )
        look = Lookback(app.state / "journal.db", app.state / "look.db")
        office, exhibits = Office(app), Exhibits(app)
        needs = Needs(
            config=app.config, journal=app.journal, clock=app.clock, accounts=accounts,
            carry_out=app.operations.carry_out, doors=self.doors, alarms=self.alarms, mutes=self.mutes,
            lost=lambda: app.alarms.lost, faults=self.faults, glimpse=self.glimpse,
            tallies=lambda: list(app.premises.standing.tallies.values()),
            describe=describe, reasons=reasons, person=self.person, look=look, office=office, exhibits=exhibits,
            register=self.register,
        )  # fmt: skip
        desk = Desk(needs)
        try:
            async with asyncio.TaskGroup() as jobs:
                beside = [jobs.create_task(desk.feed.run(beat)), jobs.create_task(look.keep_up())]
                await serve(site(desk), settings, app.folder, beat)
                for task in beside:
                    task.cancel()
        finally:
            accounts.close()
            await asyncio.gather(look.close(), office.close(), exhibits.close())

    def doors(self) -> list[DoorView]:
        """How every door stands now."""
        now, lost = self.app.clock.now(), self.app.alarms.lost
        return [
            DoorView(
                name=name,
                kind=actor.door.kind,
                state="lost" if name in lost else name_of(actor.doorway.state),
                mode=actor.doorway.mode.name,
                source=actor.doorway.mode.source,
                by=actor.doorway.mode.by,
                why=actor.doorway.mode.why,
                until_s=None if (until := actor.doorway.mode.until_ms) is None else max(0, until - now.up_ms) // 1000,
            )
            for name, actor in self.app.doors.items()
        ]

    def alarms(self) -> list[AlarmView]:
        """What is being answered, oldest first, and what is closed but still latched."""
        premises, now = self.app.premises, self.app.clock.now()
        latched = {name for name, seen in premises.standing.latches.items() if seen.raised}
        views = list[AlarmView]()
        for case in premises.standing.cases.values():
            due = response.due(case, now, premises.targets)
            views.append(
                AlarmView(
                    alarm=case.alarm, kind=case.kind, door=case.door, camera=case.camera, step=case.step,
                    since_ms=case.raised.since_ms(now), due=due.step if due else "",
                    left_ms=due.left_ms if due else None, silent=case.silent, latched=case.alarm in latched,
                    drill=case.drill, raised_ms=case.raised.wall_ms, rule=case.rule, place=case.place,
                    floors=case.fall.floors if case.fall else (), columns=case.fall.columns if case.fall else (),
                    released_ms=case.released_ms, review=case.review, why=case.why,
                    evidence=case.evidence if case.evidence in premises.standing.exhibits else "",
                )
            )  # fmt: skip
        for name in sorted(latched - premises.standing.cases.keys()):
            if name == latch.FIRE or name.startswith("panic/"):
                door = name.removeprefix("panic/") if name != latch.FIRE else ""
                since = premises.standing.latches[name].since
                ago_ms = since.since_ms(now) if since else None
                views.append(AlarmView(name, name.split("/")[0], door, "", "closed", ago_ms, latched=True))
        return sorted(views, key=lambda view: -(view.since_ms or 0))

    def faults(self) -> dict[str, list[Unwatched]]:
        told: dict[str, list[Unwatched]] = {}
        for alert in self.app.premises.standing.alerts.values():
            if alert.level == "fault":
                one = Unwatched(alert_code(alert.kind, alert.camera))
                told[alert.camera] = [*(known for known in told.get(alert.camera, []) if known != one), one]
        for camera, unwatched in self.app.watching.unwatched.items():
            told.setdefault(camera, []).extend(unwatched)
        return {camera: reasons for camera, reasons in told.items() if reasons}

    def mutes(self) -> list[MuteView]:
        """Those in force, by what they mute."""
        now, mutes = self.app.clock.now(), self.app.premises.standing.mutes
        return [
            MuteView(name, mute.by, mute.why, mute.ends_ms(now))
            for name, mute in sorted(mutes.items())
            if mute.active(now)
        ]

    def glimpse(self, camera: str) -> bytes | None:
        seen = self.app.watching.glimpse(camera)
        return None if seen is None else seen.jpeg

    async def register(self, entry: Retrieval) -> None:
        """Who takes what away. Raises StoreError."""
        await asyncio.to_thread(Retrievals(self.app.state).append, entry, self.app.clock.now().wall_ms)

    def person(self, person: str) -> Person | None:
        return self.app.books.current.persons.get(person)
