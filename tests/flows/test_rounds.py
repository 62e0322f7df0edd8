"""Rounds over the real people.db: points done and missed, hazards with photos, told once and kept over a restart."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge_agent.core import rounds as core
from edge_agent.errors import RoundError
from edge_agent.flows.rounds import Rounds
from edge_agent.model.clock import ClockState
from edge_agent.model.commands import Operation
from edge_agent.model.events import AccessDenied, AccessGranted, ExitRequested
from edge_agent.model.people import Book, Person
from edge_agent.model.rounds import Hazard, RunNow
from edge_agent.model.site import PatrolPoint, PatrolRoute
from edge_agent.store.people import PeopleStore
from edge_agent.store.round_book import RoundBook
from edge_agent.store.rounds import HAZARDS_AT_MOST, RoundStore
from tests.flows.world import MemoryBooks, MemoryClock, MemoryJournal

HOUR, DAY = 3_600_000, 86_400_000
START = 1_777_903_200_000  # 2026-05-04T22:00+08:00
POINTS = (
    PatrolPoint(name="gate", terminal="north-in"), PatrolPoint(name="roof", tag="P-7"),
    PatrolPoint(name="back", button="back-door"),
)  # fmt: skip
ROUTES = (PatrolRoute(name="night", points=("gate", "roof", "back"), times=("22:00",)),)
BOOK = Book("1", persons={"p-1": Person("p-1", "guard"), "p-2": Person("p-2", "resident")})
JPEG = b"\xff\xd8\xff\xe0" + bytes(100)


class Post:
    """A gateway's rounds; `again` is a new process over the same files."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.journal, self.clock = folder, MemoryJournal(), MemoryClock()
        self.journal.clock = self.clock
        self.ids = count(1)
        self._jobs: list[asyncio.Task[None]] = []
        self.at(START - DAY + 1)  # the run of that night had begun
        self.begin()

    def begin(self) -> None:
        self.book = RoundBook(self.folder / "people.db", self.folder / "hazards")
        self.rounds = Rounds(
            self.book, self.journal, MemoryBooks(BOOK), self.clock, "Asia/Shanghai", POINTS, ROUTES,
            lambda: f"{next(self.ids):012x}",
        )  # fmt: skip

    def at(self, wall_ms: int) -> None:
        self.clock.jump_ms = 0
        self.clock.jump_ms = wall_ms - self.clock.now().wall_ms

    async def follow(self) -> None:
        self._jobs.append(asyncio.create_task(self.rounds.follow(lambda: None)))
        for _ in range(2):  # the follower's question is between them in the same thread
            await self.do("duty.show")

    async def do(self, verb: str, by: str = "王芳", **args: Any) -> Any:
        return (await self.rounds.carry_out(Operation(verb, by, args=args))).answer

    async def states(self) -> dict[str, tuple[str, str]]:
        runs: list[RunNow] = await self.do("patrol.show")
        return {point.point: (point.state, point.by) for point in runs[0].points} if runs else {}

    async def reaches(self, point: str) -> None:
        async with asyncio.timeout(10):
            while (await self.states())[point][0] != "done":
                pass

    def told(self) -> list[tuple[str, dict[str, Any]]]:
        people = PeopleStore(self.folder / "people.db")
        with contextlib.closing(people):
            return [(change.event.tag, msgspec.to_builtins(change.event)) for change in people.pending()]

    async def again(self) -> None:
        await self.close()
        self.begin()

    async def close(self) -> None:
        for job in self._jobs:
            job.cancel()
        await asyncio.gather(*self._jobs, return_exceptions=True)
        self._jobs.clear()
        await self.book.close()


def play(folder: Path, story: Callable[[Post], Awaitable[None]]) -> None:
    async def run() -> None:
        post = Post(folder)
        try:
            await story(post)
        finally:
            await post.close()

    asyncio.run(run())


def test_points_are_done_at_a_terminal_by_a_button_and_by_a_tag_and_the_rest_is_missed(tmp_path: Path) -> None:
    async def story(post: Post) -> None:
        await post.rounds.look()  # from now on patrols are watched
        post.at(START + 1)
        await post.follow()
        resident = {"door": "d", "direction": "in", "category": "resident", "how": ("card",), "rule": "r"}
        post.journal.record(AccessGranted(person="p-2", terminal="north-in", **resident))  # type: ignore[arg-type]
        post.journal.record(
            AccessDenied(
                door="d", direction="in", reason="unauthorized", how=("card",), person="p-1", terminal="north-in"
            )
        )
        await post.reaches("gate")
        assert (await post.states())["gate"] == ("done", "p-1")
        assert (await post.do("patrol.scan", code="P-7")).point == "roof"
        assert (await post.states())["roof"] == ("done", "local/王芳")
        with pytest.raises(RoundError, match="is not due now"):
            await post.do("patrol.scan", code="P-7")
        with pytest.raises(RoundError, match="has this tag"):
            await post.do("patrol.scan", code="P-8")
        post.at(START + HOUR)
        await post.rounds.look()
        await post.rounds.look()
        assert await post.states() == {
            "gate": ("done", "p-1"), "roof": ("done", "local/王芳"), "back": ("missed", ""),
        }  # fmt: skip
        assert [tag for tag, _ in post.told()] == ["patrol.done", "patrol.done", "patrol.missed"]

    play(tmp_path, story)


def test_what_happened_while_the_daemon_was_away_counts_and_nothing_counts_twice(tmp_path: Path) -> None:
    async def story(post: Post) -> None:
        await post.rounds.look()
        post.at(START + 1)
        assert (await post.do("patrol.scan", code="P-7")).point == "roof"
        await post.follow()
        post.journal.record(ExitRequested(door="back-door"))
        await post.reaches("back")
        await post.again()
        post.journal.record(ExitRequested(door="back-door"))  # nobody looks
        post.journal.record(
            AccessDenied(
                door="d", direction="in", reason="unauthorized", how=("card",), person="p-1", terminal="north-in"
            )
        )
        await post.follow()
        await post.reaches("gate")
        done = [body["point"] for tag, body in post.told() if tag == "patrol.done"]
        assert done == ["roof", "back", "gate"]

    play(tmp_path, story)


def test_who_passed_hours_before_a_run_has_not_walked_it_after_a_restart(tmp_path: Path) -> None:
    async def story(post: Post) -> None:
        await post.rounds.look()
        post.at(START + 1)
        await post.follow()
        post.journal.record(ExitRequested(door="back-door"))
        await post.reaches("back")
        post.at(START + DAY - 4 * HOUR)
        going_home = {"door": "d", "direction": "out", "category": "guard", "how": ("card",), "rule": "r"}
        post.journal.record(AccessGranted(person="p-1", terminal="north-in", **going_home))  # type: ignore[arg-type]
        post.at(START + DAY + 60_000)
        await post.again()
        await post.follow()
        post.journal.record(ExitRequested(door="back-door"))
        await post.reaches("back")
        assert (await post.states())["gate"] == ("open", ""), "followed before the button"

    play(tmp_path, story)


def test_what_was_missed_over_days_without_power_is_told(tmp_path: Path) -> None:
    async def story(post: Post) -> None:
        await post.rounds.look()
        await post.again()
        post.at(START + 2 * DAY + 14 * HOUR)
        await post.rounds.look()
        missed = [(body["run_ms"], body["point"]) for tag, body in post.told() if tag == "patrol.missed"]
        nights = (START, START + DAY, START + 2 * DAY)
        assert sorted(missed) == sorted((night, point) for night in nights for point in ROUTES[0].points)

    play(tmp_path, story)


def test_nobody_missed_a_run_of_a_route_that_was_not_there_yet(tmp_path: Path) -> None:
    """A route entered at noon, or changed: last night's run is not of it."""

    async def story(post: Post) -> None:
        await post.rounds.look()
        post.at(START + 14 * HOUR)
        await post.again()
        post.rounds.routes = (PatrolRoute(name="evening", points=("roof",), times=("21:00",)),)
        await post.rounds.look()
        post.rounds.routes = (PatrolRoute(name="evening", points=("roof", "back"), times=("20:00",)),)
        await post.rounds.look()
        assert post.told() == []
        post.at(START + DAY + HOUR)
        await post.rounds.look()
        assert [body["point"] for _, body in post.told()] == ["roof", "back"]

    play(tmp_path, story)


@pytest.mark.parametrize("after_min", [0, 11, 300])
def test_a_clock_that_is_set_after_the_first_start_makes_nobody_miss_anything(tmp_path: Path, after_min: int) -> None:
    async def story(post: Post) -> None:
        post.clock.state = ClockState.UNSET
        post.at(START - 60 * DAY + 2 * HOUR)
        await post.rounds.look()
        post.clock.up_ms += after_min * 60_000
        await post.rounds.look()
        post.clock.state = ClockState.SYNCED
        post.at(START + 14 * HOUR)
        await post.rounds.look()
        assert post.told() == []

    play(tmp_path, story)


@pytest.mark.parametrize("last", [ClockState.UNSET, ClockState.SYNCED])
def test_a_run_is_missed_also_by_a_clock_that_is_never_vouched_for_or_late(tmp_path: Path, last: ClockState) -> None:
    """What began after this start was watched, whatever the clock said then."""

    async def story(post: Post) -> None:
        await post.close()
        post.clock.state = ClockState.UNSET
        post.at(START - HOUR)
        post.begin()
        for pass_min, state in ((0, ClockState.UNSET), (90, ClockState.UNSET), (60, last)):
            post.clock.up_ms += pass_min * 60_000
            post.clock.state = state
            assert post.told() == []
            await post.rounds.look()
        missed = [body["point"] for tag, body in post.told() if tag == "patrol.missed"]
        assert sorted(missed) == sorted(ROUTES[0].points)

    play(tmp_path, story)


def test_a_hazard_has_its_photo_and_date_is_overdue_once_and_closed(tmp_path: Path) -> None:
    async def story(post: Post) -> None:
        found = await post.rounds.do("hazard.report", post_order(photo=JPEG), "王芳")
        assert (found.due_ms, found.by) == (post.clock.now().wall_ms + DAY, "local/王芳")
        assert await post.book.photo(found.id) == (JPEG, "jpg")
        assert (post.folder / "hazards" / f"{found.id}.jpg").stat().st_mode & 0o077 == 0
        orphan = post.folder / "hazards/h-00000000ffff.jpg"  # what a power cut between photo and row leaves
        orphan.write_bytes(JPEG)
        post.at(found.due_ms)
        await post.rounds.look()
        await post.again()
        await post.rounds.look()
        assert not orphan.exists()
        assert await post.book.photo(found.id) == (JPEG, "jpg")
        assert (await post.do("hazard.find"))[0].state == "overdue"
        await post.do("hazard.close", hazard=found.id, outcome="fixed")
        with pytest.raises(RoundError, match="is closed already"):
            await post.do("hazard.close", hazard=found.id)
        assert await post.do("hazard.find") == []
        assert [tag for tag, _ in post.told()] == ["hazard.reported", "hazard.overdue", "hazard.closed"]
        assert "秘密" not in str(post.told())
        await post.book.tidy(found.due_ms + 1)
        assert not list((post.folder / "hazards").iterdir())

    play(tmp_path, story)


def test_an_old_hazard_is_erased_also_where_more_are_closed_than_a_page_shows(tmp_path: Path) -> None:
    with contextlib.closing(RoundStore(tmp_path / "people.db", tmp_path / "hazards")) as store:

        def close(number: int, at_ms: int) -> None:
            hazard = Hazard(
                id=f"h-{number:012x}",
                category="fire",
                place="3-1",
                text="",
                by="local/x",
                at_ms=START,
                due_ms=START + DAY,
            )
            store.add_hazard(core.closed(hazard, "fixed", at_ms, "local/x"), JPEG if not number else None)

        close(0, START)
        with store._transaction():
            for number in range(1, HAZARDS_AT_MOST + 2):
                close(number, START + 400 * DAY)
        assert store.tidy(START + DAY) == 1
        assert not list((tmp_path / "hazards").iterdir())


def post_order(**more: Any) -> Any:
    from edge_agent.model.rounds import Report

    return Report(category="fire", place="3-1", text="秘密", **more)


@pytest.mark.parametrize(
    ("verb", "args", "code"),
    [
        ("hazard.report", {"category": "ghosts", "place": "x"}, "rounds.bad_order"),
        ("hazard.report", {"category": "fire"}, "rounds.bad_order"),
        ("hazard.report", {"category": "fire", "place": "x", "due_ms": 1}, "hazard.due_past"),
        ("hazard.report", {"category": "fire", "place": "x", "photo": "PHNjcmlwdD4="}, "hazard.photo_kind"),
        ("hazard.report", {"category": "fire", "place": "x", "color": "red"}, "rounds.bad_order"),
        ("hazard.close", {"hazard": "../../etc/passwd"}, "rounds.bad_order"),
        ("hazard.close", {"hazard": "h-000000000000"}, "hazard.unknown"),
        ("patrol.scan", {"code": ""}, "rounds.bad_order"),
        ("duty.end", {}, "duty.not_begun"),
    ],
)
def test_bad_input_is_told_with_its_reason(verb: str, args: dict[str, Any], code: str, tmp_path: Path) -> None:
    async def story(post: Post) -> None:
        with pytest.raises(RoundError) as caught:
            await post.do(verb, **args)
        assert caught.value.code == code
        assert caught.value.text("zh")
        assert post.told() == []

    play(tmp_path, story)


def test_duty_is_begun_and_ended_by_name(tmp_path: Path) -> None:
    async def story(post: Post) -> None:
        await post.do("duty.begin", post="north")
        with pytest.raises(RoundError, match="on duty already"):
            await post.do("duty.begin")
        await post.do("duty.begin", by="李雷")
        assert [duty.who for duty in await post.do("duty.show")] == ["王芳", "李雷"]
        await post.do("duty.end")
        assert [duty.who for duty in await post.do("duty.show")] == ["李雷"]
        assert [tag for tag, _ in post.told()] == ["duty.begun", "duty.begun", "duty.ended"]

    play(tmp_path, story)
