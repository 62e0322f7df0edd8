"""flows/evidence.py over real sealed files and keys: nothing is promised and lost, nothing is lost without a word."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
from msgspec import structs

from edge_agent.config import load_config
from edge_agent.contract.evidence import file_findings, read_manifest, signature_findings
from edge_agent.contract.signatures import new_key, sign
from edge_agent.errors import StoreError
from edge_agent.flows.alarm import Alarms
from edge_agent.flows.alerting import CameraAlerts
from edge_agent.flows.evidence import EvidenceDesk
from edge_agent.flows.evidence_shelf import Sealing
from edge_agent.flows.premises import Premises
from edge_agent.model.clock import ClockState
from edge_agent.model.encoding import canonical
from edge_agent.model.events import (
    AgentDegraded,
    AlertOpened,
    AlertUpdated,
    DoorForced,
    Event,
    EvidenceErased,
    EvidenceExported,
    EvidenceKept,
)
from edge_agent.model.evidence import Exhibit, Manifest, Time
from edge_agent.model.recording import ClipDone, Keep, Piece, Stream
from edge_agent.model.sightings import Phase, Sighting
from edge_agent.model.site import EvidencePolicy, Policy
from edge_agent.model.standing import At, OpenAlert
from edge_agent.store.evidence import FOLDER, EvidenceStore, EvidenceWriter
from edge_agent.watching import Watching
from tests.flows.world import MemoryBooks, MemoryClock, MemoryJournal
from tests.waiting import auntil

KEY = bytes(range(32))
SIGNING = new_key()
DAY_MS = 86_400_000
Kind = TypeVar("Kind", bound=Event)


def signed(manifest: Manifest) -> bytes:
    return canonical(sign(manifest.fields(), SIGNING))


def own(raw: bytes) -> Manifest | None:
    return None if signature_findings(raw, [SIGNING.public_key()]) else read_manifest(raw)


class Camera:
    """A recorder that takes every order; what it sends is the test's."""

    def keep(self, order: Keep) -> bool:
        return True

    async def look(self) -> None:
        return


class SlowStore(EvidenceStore):
    """A disk on which erasing takes until somebody lets it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, KEY)
        self.erasing, self.go_on = threading.Event(), threading.Event()

    def erase(self, evidence: str, disk: str) -> None:
        self.erasing.set()
        assert self.go_on.wait(10)
        super().erase(evidence, disk)


class StuckStore(EvidenceStore):
    """A disk that has become read-only, until somebody mends it."""

    stuck = True

    def erase(self, evidence: str, disk: str) -> None:
        if self.stuck:
            raise StoreError("store.evidence_file", file=evidence, why="Read-only file system")
        super().erase(evidence, disk)


class HangingStore(EvidenceStore):
    """A disk that takes nothing for minutes, and then what it was given."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, KEY)
        self.hangs, self.go_on = threading.Event(), threading.Event()

    def begin(self, evidence: str, request: bytes) -> EvidenceWriter:
        writer = super().begin(evidence, request)
        write = writer._clip.write

        def hang(data: bytes) -> None:
            self.hangs.set()
            assert self.go_on.wait(10)
            write(data)

        writer._clip.write = hang  # type: ignore[method-assign]
        return writer


class Run:
    """One run of the agent over the evidence in `folder`. `before`: the run whose journal this one reads, but what was
    `unrecorded` when it was killed.
    """

    def __init__(
        self,
        folder: Path,
        before: "Run | None" = None,
        store: EvidenceStore | None = None,
        unrecorded: tuple[str, ...] = (),
    ) -> None:
        self.clock, self.journal = MemoryClock(), MemoryJournal()
        self.clock.up_ms += 0 if before is None else before.clock.up_ms
        self.premises = Premises(
            self.journal, MemoryBooks(), self.clock, Alarms(self.journal, self.clock), Policy()
        )  # fmt: skip
        if before is not None:
            changes = [one for one in before.journal.changes if getattr(one, "evidence", "") not in unrecorded]
            self.premises.standing.apply(*changes)  # type: ignore[arg-type]
            self.journal.changes = changes
        self.store = store or EvidenceStore(folder, KEY)
        self.store.make()
        sealing = Sealing("G1", "0", "", signed, own)
        self.desk = EvidenceDesk(self.premises, EvidencePolicy(), self.store, sealing)
        self.desk.recorders["yard"] = Camera()

    async def keep(self, alert: str = "a-1") -> str:
        evidence, why = self.desk.keep("yard", alert, "intrusion", self.clock.up_ms)
        assert not why
        await self.desk.take(Piece(evidence, b"clip" * 1000))
        await self.desk.take(ClipDone(evidence, None, ""))
        return evidence

    def alarm(self, alert: str) -> str:
        """An alarm that names its evidence, which is on its way."""
        evidence, _ = self.desk.keep("yard", alert, "falling_object", self.clock.up_ms)
        event = AlertOpened(
            door="", alert=alert, kind="falling_object", level="alarm", camera="yard", evidence=evidence
        )
        self.premises.record(event)
        return evidence

    @property
    def missing(self) -> list[tuple[str, str]]:
        """(alert, why) of what was said to be without evidence."""
        return [(event.alert, event.code) for event in self.events(AlertUpdated) if event.what == "no_evidence"]

    @property
    def exhibits(self) -> dict[str, Exhibit]:
        return self.premises.standing.exhibits

    def events(self, kind: type[Kind]) -> list[Kind]:
        return [row.event for row in self.journal.all if isinstance(row.event, kind)]

    def older(self, days: float) -> None:
        """Everything is that much older."""
        self.clock.up_ms += round(days * DAY_MS)


def play(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 30))


def test_what_is_held_while_others_are_erased_stays(tmp_path: Path) -> None:
    """And what is being erased at this moment is promised to nobody."""

    async def story() -> None:
        store = SlowStore(tmp_path / "evidence")
        run = Run(tmp_path / "evidence", store=store)
        first, second, third, _ = [await run.keep(f"a-{number}") for number in range(4)]
        run.older(40)
        tidying = asyncio.create_task(run.desk._tidy())
        await auntil(store.erasing.is_set)
        assert run.desk.hold(second, "王芳") == ""
        assert run.desk.hold(first, "王芳") == "operate.evidence_going"
        assert run.desk.exported(first, "王芳", "investigation", "case 7") == "operate.evidence_going"
        store.go_on.set()
        await tidying
        assert [event.evidence for event in run.events(EvidenceErased)] == [first, third]
        assert second in run.store.there()
        assert run.exhibits[second].held == "王芳"
        assert run.events(EvidenceExported) == []
        assert run.desk.hold(first, "王芳") == "operate.no_evidence"

    play(story)


def test_each_who_holds_it_ends_a_hold_of_their_own(tmp_path: Path) -> None:
    """A case of the police and one of the insurance: the end of one is not the end of the other."""

    async def story() -> None:
        run = Run(tmp_path / "evidence")
        first, _ = await run.keep("a-1"), await run.keep("a-2")
        for name in ("李四", "王五", "李四"):
            assert run.desk.hold(first, name) == ""
        assert run.exhibits[first].holders == ("李四", "王五")
        stranger = run.desk.release(first, "赵六")
        assert (stranger.good, stranger.code, stranger.fields["held"]) == (
            False,
            "operate.held_by_others",
            "李四, 王五",
        )
        assert run.desk.release(first, "王五").good
        run.older(40)
        await run.desk._tidy()
        assert first in run.store.there(), "held by one is held"
        assert run.desk.release(first, "李四").good
        again = run.desk.release(first, "李四")
        assert (again.good, again.code) == (False, "operate.not_held")
        await run.desk._tidy()
        assert first not in run.store.there()

    play(story)


def test_what_was_kept_before_the_clock_was_set_is_not_too_old_when_it_is(tmp_path: Path) -> None:
    """A gateway put up without network: two clips in 1970, the third when NTP has come."""

    async def story() -> None:
        run = Run(tmp_path / "evidence")
        offset_ms = run.premises.now().wall_ms
        run.clock.state, run.clock.jump_ms = ClockState.UNSET, -offset_ms
        early = [await run.keep("a-1"), await run.keep("a-2")]
        assert run.exhibits[early[0]].kept_ms == 0
        run.clock.up_ms += 60_000
        run.clock.state, run.clock.jump_ms = ClockState.SYNCED, 0
        early.append(await run.keep("a-3"))
        await run.desk._tidy()
        assert run.events(EvidenceErased) == []
        assert [run.exhibits[evidence].kept_ms - offset_ms for evidence in early] == [0, 0, 60_000]
        assert list(Run(tmp_path / "evidence", run).exhibits.values()) == list(run.exhibits.values())
        run.older(31)
        await run.desk._tidy()
        assert [event.evidence for event in run.events(EvidenceErased)] == early[:2]

    play(story)


def test_what_an_earlier_version_kept_has_its_clock_from_its_manifest(tmp_path: Path) -> None:
    """Where that cannot be had it is judged as before."""

    async def story() -> None:
        run = Run(tmp_path / "evidence")
        kept = [await run.keep("a-1")]
        run.clock.state = ClockState.UNSET
        kept += [await run.keep("a-2"), await run.keep("a-3"), await run.keep("a-4")]
        (tmp_path / "evidence" / kept[2] / "manifest.json").unlink()
        run.premises.remember(*(structs.replace(exhibit, kept=None) for exhibit in run.exhibits.values()))
        again = Run(tmp_path / "evidence", run)
        again.clock.jump_ms = 40 * DAY_MS  # set right by NTP, in the same boot
        await again.desk._settle()
        again.premises.remember(structs.replace(again.exhibits[kept[0]], kept=Time(0, 0, "another boot", "synced", 9)))
        await again.desk._tidy()
        assert [event.evidence for event in again.events(EvidenceErased)] == [kept[0], kept[2]]
        assert again.exhibits[kept[1]].kept_ms > run.exhibits[kept[1]].kept_ms

    play(story)


def test_evidence_of_which_nothing_is_left_is_told(tmp_path: Path) -> None:
    """Killed before the first piece was asked for, before it was on the disk, and in the middle; told once."""

    async def story() -> None:
        run = Run(tmp_path / "evidence")
        _, empty, half = [run.alarm(alert) for alert in ("never", "empty", "half")]
        for evidence in (empty, half):
            await run.desk.take(Piece(evidence, b"clip" * 1000))
            run.desk._coming[evidence].writer._clip.abort()  # type: ignore[union-attr]
        (tmp_path / "evidence" / f"{empty}.part" / "clip.mp4").write_bytes(b"")
        again = Run(tmp_path / "evidence", run)
        await again.desk._settle()
        assert again.missing == [("empty", "clip.agent_stopped"), ("never", "clip.agent_stopped")]
        assert again.store.there() == set(again.exhibits) == {half}
        cases = again.premises.standing.cases
        assert {alert: case.evidence for alert, case in cases.items()} == {"never": "", "empty": "", "half": half}
        third = Run(tmp_path / "evidence", again)
        coming = third.alarm("coming")
        await third.desk._settle()
        assert third.missing == []
        assert third.events(AgentDegraded) == []
        assert third.premises.standing.cases["coming"].evidence == coming

    play(story)


def test_an_alert_that_nobody_had_to_answer_is_told_to_have_no_evidence(tmp_path: Path) -> None:
    """Quiet ones and warnings are no cases: killed before a byte of it was on the disk; what is here is not told."""

    async def story() -> None:
        run = Run(tmp_path / "evidence")
        for alert in ("never", "here"):
            evidence, _ = run.desk.keep("yard", alert, "falling_object", run.clock.up_ms)
            about = {"door": "", "alert": alert, "kind": "falling_object", "level": "warning", "camera": "yard"}
            standing = OpenAlert(
                alert, "yard", "", "falling_object", "", "warning", At.of(run.premises.now()), evidence=evidence
            )
            run.premises.record(AlertOpened(**about, evidence=evidence), standing)
        await run.desk.take(Piece(evidence, b"clip" * 1000))
        await run.desk.take(ClipDone(evidence, None, ""))
        await run.desk._erase(run.exhibits[evidence], "room")
        again = Run(tmp_path / "evidence", run)
        CameraAlerts(again.premises, (), desk=again.desk).restore()
        await again.desk._settle()
        assert again.missing == [("never", "clip.agent_stopped")]
        assert again.premises.standing.alerts == {}
        third = Run(tmp_path / "evidence", again)
        CameraAlerts(third.premises, (), desk=third.desk).restore()
        await third.desk._settle()
        assert third.missing == []

    play(story)


def test_a_clip_that_a_power_cut_ended_is_dated_by_the_clock_it_was_asked_by(tmp_path: Path) -> None:
    """The next boot's uptime begins anew: what the last one had asked for did not happen a month later."""

    async def story() -> None:
        run = Run(tmp_path / "evidence")
        run.clock.up_ms = 30 * DAY_MS
        happened, asked = run.premises.now(), run.clock.up_ms
        evidence, _ = run.desk.keep("yard", "a-1", "falling_object", asked)
        await run.desk.take(Piece(evidence, b"clip" * 1000))
        run.desk._coming[evidence].writer._clip.abort()  # type: ignore[union-attr]
        again = Run(tmp_path / "evidence", run)
        again.clock.up_ms, again.clock.boot_id = 20_000, "another boot"
        again.clock.jump_ms = asked + 60_000 - 20_000
        await again.desk._settle()
        (kept,) = again.events(EvidenceKept)
        assert kept.from_ms == happened.wall_ms - 10_000
        assert kept.to_ms == happened.wall_ms + 10_000
        manifest = own(again.store.manifest(evidence))
        assert manifest is not None
        assert manifest.time.boot_id == happened.boot_id, "its uptimes are of that boot"
        assert again.desk.between(happened.wall_ms, happened.wall_ms, None)["count"] == 1

    play(story)


def test_what_is_kept_stays_the_gateways_when_no_camera_keeps_evidence_any_more(tmp_path: Path) -> None:
    """Else nobody could hold it, the city would hear that there is none, and nothing would erase it in its time."""

    async def story() -> None:
        (tmp_path / "agent.toml").write_text('[gateway]\nid = "G1"\n[uplink]\nurl = "mqtt://127.0.0.1:1"\n')
        (tmp_path / "keys").mkdir()
        (tmp_path / "keys/evidence.key").write_bytes(KEY)
        (tmp_path / "keys/evidence.key").chmod(0o600)
        config = load_config(tmp_path / "agent.toml")
        run = Run(tmp_path / FOLDER)

        def desk() -> EvidenceDesk | None:
            return Watching(config, tmp_path, tmp_path, run.premises, {}, signed, own).desk

        assert desk() is None, "a gateway without evidence has none of it"
        kept = await run.keep()
        again = desk()
        assert again is not None
        assert again.hold(kept, "wang") == ""
        assert again.between(0, 2**53, None)["count"] == 1

    play(story)


def test_what_cannot_be_erased_stays_on_record_and_is_tried_again(tmp_path: Path) -> None:
    async def story() -> None:
        store = StuckStore(tmp_path / "evidence", KEY)
        run = Run(tmp_path / "evidence", store=store)
        kept = [await run.keep(alert) for alert in ("a-1", "a-2", "a-3")]
        run.older(100)
        await run.desk._tidy()
        assert run.events(EvidenceErased) == []
        assert [event.what for event in run.events(AgentDegraded)] == ["evidence_not_erased"]
        assert set(run.exhibits) == set(kept)
        store.stuck = False
        await run.desk._tidy()
        assert [event.evidence for event in run.events(EvidenceErased)] == kept[:2]

    play(story)


def test_what_lies_on_a_disk_that_is_not_mounted_is_not_said_to_be_erased(tmp_path: Path) -> None:
    """Its time comes while the folder is the empty mount point. It goes when the disk is back, and what was kept
    meanwhile when the mount point is seen again.
    """

    async def story() -> None:
        folder, disk, under = tmp_path / "evidence", tmp_path / "disk", tmp_path / "under"
        run = Run(folder)
        old = [await run.keep(alert) for alert in ("a-1", "a-2", "a-3")]
        folder.rename(disk)
        away = Run(folder, run)
        await away.desk._settle()
        (told,) = away.events(AgentDegraded)
        name = (disk / "disk.id").read_text().strip()
        assert (told.what, told.given) == ("evidence_elsewhere", {"count": 3, "first": min(old), "disk": name})
        new = await away.keep("a-4")
        away.older(100)
        await away.desk._tidy()
        assert away.events(EvidenceErased) == []
        assert (event := away.events(AgentDegraded)[-1]).what == "evidence_not_erased"
        assert event.given == {"evidence": old[0], "disk": name, "folder": str(folder)}
        for _ in range(3):
            away.clock.up_ms += 120_000
            await away.desk._tidy()
        assert len(away.events(AgentDegraded)) == 2, "said once, not each minute for as long as it is away"
        assert away.desk.hold(old[1], "王芳") == "", "nothing of it is gone"
        assert away.desk.release(old[1], "王芳").good
        folder.rename(under)
        disk.rename(folder)
        back = Run(folder, away)
        await back.desk._settle()
        assert [event.what for event in back.events(AgentDegraded)] == ["evidence_elsewhere"], "of the mount point"
        await back.desk._tidy()
        assert [event.evidence for event in back.events(EvidenceErased)] == old
        assert back.store.there() == set()
        assert set(back.exhibits) == {new}

    play(story)


def test_a_disk_that_is_gone_for_good_is_named_on_the_one_that_takes_its_place(tmp_path: Path) -> None:
    async def story() -> None:
        folder = tmp_path / "evidence"
        run = Run(folder)
        old = [await run.keep(alert) for alert in ("a-1", "a-2")]
        folder.rename(tmp_path / "broken")
        again = Run(folder, run)
        with (folder / "disk.id").open("a") as file:
            file.write(f"{run.exhibits[old[0]].disk}\n")
        await again.desk._settle()
        assert [event.what for event in again.events(AgentDegraded)] == ["evidence_missing"]
        await again.keep("a-3")
        again.older(100)
        await again.desk._tidy()
        assert [event.evidence for event in again.events(EvidenceErased)] == old

    play(story)


def test_what_an_earlier_version_kept_is_of_the_disk_on_which_it_is_found(tmp_path: Path) -> None:
    """What is not found is not on record as erased either: nobody knows where it lies."""

    async def story() -> None:
        run = Run(tmp_path / "evidence")
        kept = [await run.keep(alert) for alert in ("a-1", "a-2", "a-3")]
        for one in run.exhibits.values():
            run.premises.remember(structs.replace(one, disk=Exhibit.__struct_defaults__[-1]))
        run.store.erase(kept[0], run.exhibits[kept[0]].disk)
        again = Run(tmp_path / "evidence", run)
        await again.desk._settle()
        assert [event.what for event in again.events(AgentDegraded)] == ["evidence_elsewhere"]
        run.store.erase(kept[1], "")
        again.older(100)
        await again.desk._tidy()
        assert [event.evidence for event in again.events(EvidenceErased)] == [kept[1]], "as after a stop in between"

    play(story)


def test_what_was_copied_to_a_new_disk_is_of_that_one(tmp_path: Path) -> None:
    """Without disk.id. What a stop in the middle of its erasing has left of it counted as being elsewhere for ever."""

    async def story() -> None:
        folder = tmp_path / "evidence"
        run = Run(folder)
        old = [await run.keep(alert) for alert in ("a-1", "a-2")]
        (folder / "disk.id").unlink()
        again = Run(folder, run)
        await again.desk._settle()
        assert again.events(AgentDegraded) == []
        again.store.erase(old[0], "")
        again.older(100)
        await again.desk._tidy()
        assert [event.evidence for event in again.events(EvidenceErased)] == old[:1]

    play(story)


def test_a_disk_whose_name_cannot_be_read_keeps_evidence(tmp_path: Path) -> None:
    """Somebody has edited disk.id as root. It has its name again at the next start."""

    async def story() -> None:
        run = Run(tmp_path / "evidence")
        name = tmp_path / "evidence/disk.id"
        own_name = name.read_text()
        name.unlink()
        name.mkdir()
        kept = await run.keep()
        assert run.missing == []
        name.rmdir()
        name.write_text(own_name)
        again = Run(tmp_path / "evidence", run)
        await again.desk._settle()
        assert again.exhibits[kept].disk == own_name.strip()

    play(story)


def test_a_disk_that_cannot_be_looked_at_is_told_and_looked_at_again(tmp_path: Path) -> None:
    async def story() -> None:
        run = Run(tmp_path / "evidence")
        old = [await run.keep(alert) for alert in ("a-1", "a-2")]
        run.older(100)
        there = run.store.there

        def failing() -> set[str]:
            raise StoreError("store.evidence_file", file="evidence", why="Input/output error")

        run.store.there = failing  # type: ignore[method-assign]
        await run.desk._tidy()
        assert [event.what for event in run.events(AgentDegraded)] == ["evidence_not_erased"]
        run.store.there = there  # type: ignore[method-assign]
        await run.desk._tidy()
        assert [event.evidence for event in run.events(EvidenceErased)] == old[:1]

    play(story)


def test_an_alarm_whose_clip_cannot_be_read_any_more_is_told(tmp_path: Path) -> None:
    async def story() -> None:
        run = Run(tmp_path / "evidence")
        evidence = run.alarm("a-1")
        await run.desk.take(Piece(evidence, b"clip" * 1000))
        run.desk._coming[evidence].writer._clip.abort()  # type: ignore[union-attr]
        clip = tmp_path / "evidence" / f"{evidence}.part" / "clip.mp4"
        clip.write_bytes(clip.read_bytes()[:100] + b"other" + clip.read_bytes()[105:])
        again = Run(tmp_path / "evidence", run)
        await again.desk._settle()
        assert again.missing == [("a-1", "clip.agent_stopped")]
        assert again.premises.standing.cases["a-1"].evidence == ""
        assert clip.exists(), "somebody may still make something of it"
        third = Run(tmp_path / "evidence", again)
        await third.desk._settle()
        assert third.missing == [], "told once"

    play(story)


def test_evidence_that_was_erased_or_is_missing_was_not_lost_by_a_stop(tmp_path: Path) -> None:
    async def story() -> None:
        run = Run(tmp_path / "evidence")
        for alert in ("erased", "missing", "newest"):
            evidence = run.alarm(alert)
            await run.desk.take(Piece(evidence, b"clip" * 1000))
            await run.desk.take(ClipDone(evidence, None, ""))
        erased, missing, _ = run.exhibits.values()
        await run.desk._erase(erased, "age")
        run.store.erase(missing.evidence, missing.disk)
        again = Run(tmp_path / "evidence", run)
        await again.desk._settle()
        assert again.missing == []
        assert [event.what for event in again.events(AgentDegraded)] == ["evidence_missing"]

    play(story)


def test_a_clip_that_nobody_can_say_what_it_is_of_is_told_and_kept(tmp_path: Path) -> None:
    async def story() -> None:
        run = Run(tmp_path / "evidence")
        evidence = run.alarm("a-1")
        await run.desk.take(Piece(evidence, b"clip" * 1000))
        run.desk._coming[evidence].writer._clip.abort()  # type: ignore[union-attr]
        (tmp_path / "evidence" / f"{evidence}.part" / "request.json").write_bytes(b"")
        for _ in range(2):
            again = Run(tmp_path / "evidence", run)
            await again.desk._settle()
            (told,) = again.events(AgentDegraded)
            assert (told.what, told.given["first"]) == ("evidence_unknown", f"{evidence}.part")

    play(story)


def test_a_job_that_is_started_again_leaves_what_is_coming_in_alone(tmp_path: Path) -> None:
    async def story() -> None:
        run = Run(tmp_path / "evidence")
        evidence = run.alarm("a-1")
        await run.desk.take(Piece(evidence, b"clip" * 1000))
        await run.desk._settle()
        await run.desk.take(Piece(evidence, b"clip" * 1000))
        await run.desk.take(ClipDone(evidence, None, ""))
        assert run.missing == []
        assert b"".join(run.store.read(evidence, "clip.mp4")) == b"clip" * 2000

    play(story)


@pytest.mark.parametrize(("ended_ms", "goes_on", "until_ms"), [(8_000, False, 8_000), (60_000, True, 20_000)])
def test_a_clip_that_had_ended_before_more_was_ordered_of_it_promises_no_more(
    tmp_path: Path, ended_ms: int, goes_on: bool, until_ms: int
) -> None:
    """While the disk stalled its recorder had been done already: another clip has to follow."""

    async def story() -> None:
        run = Run(tmp_path / "evidence")
        evidence, began_ms = run.alarm("a-1"), run.clock.up_ms
        await run.desk.take(Piece(evidence, b"clip" * 1000))
        seen = Sighting(
            rule="lawn", kind="intrusion", incident="i", phase=Phase.GOING, up_ms=began_ms + 10_000, size=(1, 1)
        )
        assert run.desk.goes_on(evidence, seen)
        stream = Stream(codec="h264", width=1, height=1, packets=9, lost=0, from_ms=0, to_ms=1, sha256="0" * 64)
        await run.desk.take(ClipDone(evidence, stream, "", to_ms=began_ms + ended_ms))
        assert run.desk.goes_on(evidence, seen) is goes_on
        manifest = read_manifest(run.store.manifest(evidence))
        assert manifest.asked_to_ms - began_ms == until_ms

    play(story)


def test_whole_evidence_that_a_stop_kept_from_the_record_is_recorded(tmp_path: Path) -> None:
    """Two of them, kept last; as they would have been, and what was cut off after them goes on the chain."""

    async def story() -> None:
        run = Run(tmp_path / "evidence")
        kept = [await run.keep(alert) for alert in ("a-1", "a-2", "a-3")]
        half, _ = run.desk.keep("yard", "a-4", "intrusion", run.clock.up_ms)
        await run.desk.take(Piece(half, b"clip" * 1000))
        run.desk._coming[half].writer._clip.abort()  # type: ignore[union-attr]
        again = Run(tmp_path / "evidence", run, unrecorded=tuple(kept[1:]))
        await again.desk._settle()
        assert [again.exhibits[evidence] for evidence in kept] == [run.exhibits[evidence] for evidence in kept]
        assert again.events(EvidenceKept)[:2] == run.events(EvidenceKept)[1:]
        assert [exhibit.number for exhibit in again.exhibits.values()] == [1, 2, 3, 4]
        assert again.exhibits[half].previous == again.exhibits[kept[2]].manifest
        assert [event.alert for event in again.events(AlertUpdated) if event.what == "evidence"] == [
            "a-2",
            "a-3",
            "a-4",
        ]
        assert again.events(AgentDegraded) == []

    play(story)


@pytest.mark.parametrize("harm", ["name", "key", "file", "manifest", "chain"])
def test_a_stranger_among_the_evidence_is_told_and_not_recorded(tmp_path: Path, harm: str) -> None:
    async def story() -> None:
        run = Run(tmp_path / "evidence")
        first, second, third = [await run.keep(alert) for alert in ("a-1", "a-2", "a-3")]
        folder = tmp_path / "evidence" / third
        manifest = folder / "manifest.json"
        unrecorded = (third,)
        match harm:
            case "name":
                folder.rename(folder.with_name("ev-other"))
            case "key":
                fields = read_manifest(manifest.read_bytes())
                assert fields is not None
                manifest.unlink()
                manifest.write_bytes(canonical(sign(fields.fields(), new_key())))
            case "file":
                (folder / "clip.mp4").unlink()
            case "manifest":
                manifest.unlink()
            case "chain":
                unrecorded = (second,)
        again = Run(tmp_path / "evidence", run, unrecorded=unrecorded)
        await again.desk._settle()
        assert set(again.exhibits) == {first, second, third} - set(unrecorded)
        assert again.events(EvidenceKept) == []
        (told,) = again.events(AgentDegraded)
        assert (told.what, told.given["count"]) == ("evidence_unknown", 1)
        assert len(again.store.there()) == 3, "nothing is thrown away"

    play(story)


class FullDisk(EvidenceStore):
    """The manifest, the last file, does not fit."""

    def begin(self, evidence: str, request: bytes) -> EvidenceWriter:
        writer = super().begin(evidence, request)

        def finish(manifest: bytes) -> int:
            raise StoreError("store.evidence_file", file="manifest.json", why="No space left on device")

        writer.finish = finish  # type: ignore[method-assign]
        return writer


def test_a_clip_whose_manifest_does_not_fit_is_sealed_by_the_next_start(tmp_path: Path) -> None:
    async def story() -> None:
        first = Run(tmp_path, store=FullDisk(tmp_path, KEY))
        evidence = await first.keep()
        assert [alert for alert, _ in first.missing] == ["a-1"], "there is none yet"
        assert not first.exhibits
        again = Run(tmp_path, first)
        await again.desk._settle()
        assert list(again.exhibits) == [evidence]
        assert again.store.there() == {evidence}

    asyncio.run(story())


def test_what_is_settled_while_a_clip_ends_takes_nothing_of_it(tmp_path: Path) -> None:
    """The job starts anew, finds a clip half written, and by the time it looks again that is whole."""

    class Late(EvidenceStore):
        def cut_off(self) -> list[tuple[str, bytes]]:
            found = super().cut_off()
            listed.set()
            assert sealed.wait(10)
            return found

    listed, sealed = threading.Event(), threading.Event()

    async def story() -> None:
        run = Run(tmp_path, store=Late(tmp_path, KEY))
        evidence, _ = run.desk.keep("yard", "a-1", "intrusion", run.clock.up_ms)
        await run.desk.take(Piece(evidence, b"clip" * 1000))
        settling = asyncio.create_task(run.desk._settle())
        assert await asyncio.to_thread(listed.wait, 10)
        await run.desk.take(ClipDone(evidence, None, ""))
        sealed.set()
        await settling
        assert run.store.there() == {evidence}
        assert run.exhibits[evidence].evidence == evidence
        assert run.missing == []

    asyncio.run(story())


def test_a_forced_doors_clip_that_is_recorded_after_a_stop_is_its_cases(tmp_path: Path) -> None:
    async def story() -> None:
        first = Run(tmp_path)
        first.premises.record(DoorForced(door="gate"))
        evidence, _ = first.desk.keep("yard", "door/gate/forced", "forced", first.clock.up_ms, door="gate")
        await first.desk.take(Piece(evidence, b"clip" * 1000))
        await first.desk.take(ClipDone(evidence, None, ""))
        case = first.premises.standing.cases["forced/gate"]
        assert case.evidence == evidence
        again = Run(tmp_path, first, unrecorded=(evidence,))
        again.premises.standing.apply(structs.replace(case, evidence=""))
        await again.desk._settle()
        assert again.premises.standing.cases["forced/gate"].evidence == evidence

    asyncio.run(story())


def test_a_case_names_the_evidence_that_is_there(tmp_path: Path) -> None:
    """Not the clip that a stop took, nor one that was erased, when there is another of the same alert."""

    async def story() -> None:
        run = Run(tmp_path)
        lost = run.alarm("a-1")
        second = await run.keep("a-1")
        run.desk._underway.clear()
        await run.desk._settle()
        assert run.premises.standing.cases["a-1"].evidence == second != lost
        assert run.missing == []
        third = await run.keep("a-1")
        await run.desk._erase(run.exhibits[second], "room")
        assert run.premises.standing.cases["a-1"].evidence == third

    asyncio.run(story())


def test_a_clip_on_a_disk_that_hangs_for_minutes_is_as_it_is_signed(tmp_path: Path) -> None:
    """It was given up as if the recorder had forgotten it, and sealed while its last piece was still on its way."""

    async def story() -> None:
        store = HangingStore(tmp_path)
        run = Run(tmp_path, store=store)
        evidence, _ = run.desk.keep("yard", "a-1", "intrusion", run.clock.up_ms)
        piece = asyncio.ensure_future(run.desk.take(Piece(evidence, b"clip" * 1000)))
        await auntil(store.hangs.is_set)
        run.clock.up_ms += 600_000
        looks: list[int] = []
        watching = asyncio.ensure_future(run.desk.run(lambda: looks.append(1)))
        await auntil(lambda: len(looks) == 2)
        store.go_on.set()
        await piece
        seen = len(looks)
        await auntil(lambda: len(looks) > seen + 1)
        await run.desk.take(ClipDone(evidence, None, ""))
        await auntil(lambda: evidence in run.exhibits)
        watching.cancel()
        manifest = own(store.manifest(evidence))
        assert manifest is not None
        (clip,) = [file for file in manifest.files if file.name == "clip.mp4"]
        assert file_findings(manifest, clip.name, store.read(evidence, clip.name)) == []
        assert (clip.size, manifest.code) == (4000, "")

    asyncio.run(story())
