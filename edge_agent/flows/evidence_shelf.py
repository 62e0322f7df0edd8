"""What evidence is kept: sealed, chained to the one before, said (evidence.kept), held, and in its time erased.

Each piece has a signed manifest that names the one before it. What the last run left is finished, recorded, or told.
Erasing is an event like keeping.
"""

import asyncio
import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeVar

from msgspec import structs

from edge_agent import log
from edge_agent.core import retention
from edge_agent.errors import StoreError
from edge_agent.flows.premises import Premises
from edge_agent.model.commands import Answer, Done
from edge_agent.model.events import AlertUpdated, EvidenceErased, EvidenceExported, EvidenceKept
from edge_agent.model.evidence import UNNAMED, About, Exhibit, File, Manifest, Time, read_about
from edge_agent.model.recording import Stream
from edge_agent.model.site import EvidencePolicy
from edge_agent.model.standing import Case, OpenAlert
from edge_agent.words import parts, told, whole

MISSED_AT_MOST = 1000
HANDS = 3  # threads that write, seal and erase
ANSWER_AT_MOST = 10  # pieces of evidence in one answer to the city, the newest first

logger = log.get("flows.evidence")
Result = TypeVar("Result")


class Writer(Protocol):
    evidence: str

    def write(self, data: bytes) -> None: ...

    def close_clip(self) -> File: ...

    def add(self, name: str, content: bytes) -> File: ...

    def finish(self, manifest: bytes) -> int: ...

    def leave(self) -> None: ...

    def abort(self) -> None: ...


class Store(Protocol):
    def begin(self, evidence: str, request: bytes) -> Writer: ...

    def disks(self) -> list[str]: ...

    def erase(self, evidence: str, disk: str) -> None: ...

    def throw_away(self, evidence: str) -> None: ...

    def there(self) -> set[str]: ...

    def cut_off(self) -> list[tuple[str, bytes]]: ...

    def salvage(self, evidence: str) -> tuple[File, ...]: ...

    def finish(self, evidence: str, manifest: bytes) -> int: ...

    def manifest(self, evidence: str) -> bytes: ...

    def size(self, evidence: str, names: Iterable[str]) -> int: ...


class Sealing(NamedTuple):
    """Who vouches: `sign` gives the manifest's signed bytes, `own` reads them (None: not this gateway's)."""

    gateway: str
    agent: str
    config: str
    sign: Callable[[Manifest], bytes]
    own: Callable[[bytes], Manifest | None] = lambda _signed: None


class EvidenceShelf:
    """Whoever takes clips in (evidence.py) puts them here."""

    def __init__(self, premises: Premises, policy: EvidencePolicy, store: Store, sealing: Sealing) -> None:
        self.premises, self.policy, self.store, self.sealing = premises, policy, store, sealing
        self._turn = asyncio.Lock()  # the chain has one end
        self._hands = ThreadPoolExecutor(HANDS, "evidence")
        self._underway: set[str] = set()  # of this run, and not there yet
        self._going: set[str] = set()  # what is being erased: nobody is promised it any more
        self._promised: list[OpenAlert] = []  # by the last run
        self._missed: deque[str] = deque(maxlen=MISSED_AT_MOST)  # alerts that were told to have no evidence
        self._away: set[str] = set()  # disks that are not mounted and have something that has to go: told
        self._held_over = False  # what is held passes the room of all the rest, and that was told

    async def _aside(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """What waits for the disk, in threads of its own: clips on a disk that hangs keep nobody else waiting."""
        call = partial(copy_context().run, work, *arguments)
        return await asyncio.get_running_loop().run_in_executor(self._hands, call)

    # ---- sealing -----------------------------------------------------------------------------------------------------

    async def _seal(
        self,
        evidence: str,
        about: About,
        files: tuple[File, ...],
        stream: Stream | None,
        why: str,
        finish: Callable[[bytes], int],
    ) -> None:
        """Sign, finish, and say it: one after another, each knows the one before. What another boot asked for is dated
        by the clock of then, whose uptimes it has.
        """
        why, code, given = parts(why)
        async with self._turn:
            time, last = Time.of(self.premises.now()), self._last()
            if about.asked is not None and about.asked.boot_id != time.boot_id:
                time = about.asked
            manifest = Manifest(
                evidence=evidence, gateway=self.sealing.gateway, agent=self.sealing.agent, config=self.sealing.config,
                camera=about.camera, source=about.source, alert=about.alert, kind=about.kind, rule=about.rule,
                asked_from_ms=about.from_ms, asked_to_ms=about.to_ms,
                time=time,
                files=files, stream=stream, complete=not why, why=why, code=code, given=given,
                previous=last.manifest if last else "",
            )  # fmt: skip
            signed = self.sealing.sign(manifest)
            disk = await self._disk()
            self._record(signed, manifest, await self._aside(finish, signed), disk, about)

    async def _disk(self) -> str:
        """Its name at the next start, when it cannot be read now: to keep the clip matters more."""
        try:
            return next(iter(await self._aside(self.store.disks)), UNNAMED)
        except StoreError as error:
            logger.error("%s", error)
            return UNNAMED

    def _record(self, signed: bytes, manifest: Manifest, size: int, disk: str, about: About) -> None:
        """It is on the disk: on record from now on, and said."""
        last = self._last()
        exhibit = manifest.exhibit(hashlib.sha256(signed).hexdigest(), last.number + 1 if last else 1, size, disk)
        event = EvidenceKept(
            evidence=exhibit.evidence, camera=exhibit.camera, alert=exhibit.alert, manifest=exhibit.manifest,
            previous=exhibit.previous, from_ms=exhibit.from_ms, to_ms=exhibit.to_ms, size=size,
            complete=manifest.complete, why=manifest.why, code=manifest.code, given=manifest.given,
        )  # fmt: skip
        forced = self.premises.standing.cases.get(f"forced/{about.door}")
        of_door = about.alert.startswith("door/")
        if of_door and about.kind == "forced" and forced is not None and not forced.evidence:
            self.premises.record(event, exhibit, structs.replace(forced, evidence=exhibit.evidence))
        else:
            self.premises.record(event, exhibit)
        if not of_door:
            self._tell(about, "evidence", exhibit.evidence, whole(manifest.why, manifest.code, manifest.given))
        why = f", {manifest.why}" if manifest.why else ""
        logger.info("evidence %s of %s: %d kB%s", exhibit.evidence, exhibit.alert, size >> 10, why)

    def _last(self) -> Exhibit | None:
        """The end of the chain; retention never takes it."""
        return max(self.premises.standing.exhibits.values(), key=lambda exhibit: exhibit.number, default=None)

    def _missing(self, about: About, why: str) -> None:
        """Nothing, said once; or (of an alert that went on after its clip broke off) nothing more."""
        if some := self._newest_of(about.alert):
            self._link(about.alert, some)
        elif about.alert not in self._missed and not about.alert.startswith("door/"):
            self._missed.append(about.alert)
            self._tell(about, "no_evidence", "", why)

    def _newest_of(self, alert: str) -> str:
        exhibits = [one for one in self.premises.standing.exhibits.values() if one.alert == alert]
        return max(exhibits, key=lambda exhibit: exhibit.number).evidence if exhibits else ""

    def _link(self, alert: str, evidence: str) -> None:
        """The case of `alert` has this evidence, when what it had is gone."""
        case = self.premises.standing.cases.get(alert)
        if case is not None and case.evidence not in self.premises.standing.exhibits:
            self.premises.remember(structs.replace(case, evidence=evidence))

    def _tell(self, about: About, what: str, evidence: str, why: str = "") -> None:
        why, code, given = parts(why)
        news = AlertUpdated(
            door=about.door, alert=about.alert, kind=about.kind, level=about.level, camera=about.camera,
            rule=about.rule, what=what, evidence=evidence, why=why, code=code, given=given,
        )  # fmt: skip
        promised = self.premises.standing.alerts.get(about.alert)
        self.premises.record(news, *(() if promised is None else (structs.replace(promised, evidence=""),)))

    # ---- after a start -----------------------------------------------------------------------------------------------

    async def _settle(self) -> None:
        """What the last run left: whole evidence is recorded, half-written evidence is finished as it is; what cannot
        be, and what is not there any more, is told.
        """
        await self._date()
        known = self.premises.standing.exhibits
        left = [
            (one, request)
            for one, request in await self._aside(self.store.cut_off)
            if one not in known and one not in self._underway
        ]
        strangers = await self._adopt()
        hopeless = set()
        for evidence, request in left:
            try:
                if not await self._resume(evidence, read_about(request)):
                    strangers.append(f"{evidence}.part")
            except StoreError as error:
                hopeless.add(evidence)  # the next start tries again
                logger.error("evidence %s, cut off by the last stop, cannot be finished: %s", evidence, error)
        there = await self._aside(self.store.there)
        await self._tell_absent({one for one in known if one not in there})
        if strangers:
            detail = told("degraded_why.evidence_unknown", count=len(strangers), first=min(strangers))
            self.premises.alarms.degraded("evidence_unknown", detail)
        self._tell_lost({*known, *there, *(evidence for evidence, _ in left)} - hopeless)

    async def _tell_absent(self, absent: set[str]) -> None:
        """What is on record and not on the disk that is there; what is on it, is of it from now on."""
        disks, exhibits = await self._aside(self.store.disks), self.premises.standing.exhibits
        found = [one for one in exhibits.values() if one.disk not in disks and one.evidence not in absent]
        self.premises.remember(*(structs.replace(one, disk=disks[0]) for one in found if disks))
        elsewhere = {one for one in absent if exhibits[one].disk not in disks}
        if missing := absent - elsewhere:
            detail = told("degraded_why.evidence_missing", count=len(missing), first=min(missing))
            self.premises.alarms.degraded("evidence_missing", detail)
        if elsewhere:
            first = min(elsewhere)
            detail = told(
                "degraded_why.evidence_elsewhere", count=len(elsewhere), first=first, disk=exhibits[first].disk
            )  # fmt: skip
            self.premises.alarms.degraded("evidence_elsewhere", detail)

    async def _adopt(self) -> list[str]:
        """Whole evidence that the last run could not record any more is recorded, when it is this gateway's own and
        goes on the chain where that ends. Gives the names of all else that nobody knows.
        """
        exhibits = self.premises.standing.exhibits
        unknown = await self._aside(self.store.there) - exhibits.keys()
        manifests = await self._aside(self._manifests, unknown)
        async with self._turn:
            while (evidence := _next(manifests, self._last())) is not None:
                signed, manifest = manifests.pop(evidence)
                names = [file.name for file in manifest.files]
                try:
                    size = await self._aside(self.store.size, evidence, names)
                    self._record(signed, manifest, size, await self._disk(), self._about(manifest))
                except StoreError as error:
                    logger.error("evidence %s, which nobody recorded, is not whole: %s", evidence, error)
        return sorted(one for one in unknown - exhibits.keys() if one not in self._underway)

    def _about(self, manifest: Manifest) -> About:
        standing = self.premises.standing
        opened = standing.alerts.get(manifest.alert)
        alert = opened or standing.cases.get(manifest.alert)
        door = manifest.alert.split("/")[1] if manifest.alert.startswith("door/") else alert.door if alert else ""
        return About(
            camera=manifest.camera, source=manifest.source, alert=manifest.alert, kind=manifest.kind,
            rule=manifest.rule, door=door, level=opened.level if opened else "alarm", from_ms=manifest.asked_from_ms,
            to_ms=manifest.asked_to_ms,
        )  # fmt: skip

    async def _resume(self, evidence: str, about: About | None) -> bool:
        """Finish what was cut off, or say that there is nothing of it. False: nobody knows what it is of."""
        files = await self._aside(self.store.salvage, evidence)
        if files and about is not None:
            await self._seal(
                evidence, about, files, None, told("clip.agent_stopped"), _finisher(self.store, evidence)
            )  # fmt: skip
        elif not files:
            if about is not None:
                self._missing(about, told("clip.agent_stopped"))
            await self._aside(self.store.throw_away, evidence)
        return about is not None or not files

    def promised(self, alert: OpenAlert) -> None:
        """The last run was to keep something of it; to be called before the first look."""
        self._promised.append(alert)

    def _tell_lost(self, there: set[str]) -> None:
        """Alarms, and alerts that nobody had to answer, that wait for evidence of which not even a request reached the
        disk, or nothing that can be read.
        """
        waiting: dict[str, Case | OpenAlert] = {one.alert: one for one in self._promised}
        waiting |= self.premises.standing.cases
        self._promised.clear()
        for alert, one in waiting.items():
            if one.evidence and one.evidence not in there and one.evidence not in self._underway:
                about = About(
                    camera=one.camera, source="", alert=alert, kind=one.kind, rule=one.rule, door=one.door,
                    level=one.level if isinstance(one, OpenAlert) else "alarm", from_ms=0, to_ms=0,
                )  # fmt: skip
                self._missing(about, told("clip.agent_stopped"))

    async def _date(self) -> None:
        """What an earlier version kept is as old as its manifest says, where that is to be had."""
        exhibits = self.premises.standing.exhibits
        undated = [exhibit.evidence for exhibit in exhibits.values() if exhibit.kept is None]
        for evidence, (_, manifest) in (await self._aside(self._manifests, undated)).items():
            if (exhibit := exhibits.get(evidence)) is not None:
                self.premises.remember(exhibit.dated(manifest.time))

    def _manifests(self, names: Iterable[str]) -> dict[str, tuple[bytes, Manifest]]:
        """By id, of those whose manifest is to be had and this gateway's own. Blocks."""
        found = {}
        for evidence in names:
            try:
                signed = self.store.manifest(evidence)
            except StoreError:
                continue
            manifest = self.sealing.own(signed)
            if manifest is not None and manifest.evidence == evidence:
                found[evidence] = signed, manifest
        return found

    # ---- keeping and erasing -----------------------------------------------------------------------------------------

    async def _tidy(self) -> None:
        now = self.premises.now()
        room = self.premises.journal.room
        exhibits = self.premises.standing.exhibits
        self.premises.remember(*retention.dated(exhibits.values(), now))
        try:
            there = await self._aside(self.store.there)
        except StoreError as error:
            self.premises.alarms.degraded("evidence_not_erased", error.sentence)
            return
        for due, why in retention.due(exhibits.values(), self.policy, now, there, "B" in room.sheds):
            exhibit = exhibits.get(due.evidence)  # as it is now: somebody may hold it since
            if exhibit is not None and not exhibit.held:
                try:
                    await self._erase(exhibit, why)
                except StoreError as error:  # it is tried again
                    if error.code == "store.evidence_elsewhere":  # all of it is there still; told once a run
                        self._going.discard(exhibit.evidence)
                        if exhibit.disk in self._away:
                            continue
                        self._away.add(exhibit.disk)
                    self.premises.alarms.degraded("evidence_not_erased", error.sentence)
        held = retention.held(exhibits.values())
        before, self._held_over = self._held_over, held > self.policy.max_mb << 20
        if self._held_over and not before:
            detail = told("degraded_why.evidence_held", held=held >> 20, max_mb=self.policy.max_mb)
            self.premises.alarms.degraded("evidence_held", detail)

    async def _erase(self, exhibit: Exhibit, why: str) -> None:
        """If that fails it stays promised to nobody: a part of it may be gone."""
        self._going.add(exhibit.evidence)
        await self._aside(self.store.erase, exhibit.evidence, exhibit.disk)
        event = EvidenceErased(evidence=exhibit.evidence, why=why, manifest=exhibit.manifest)
        self.premises.record(event, exhibit.gone())
        if some := self._newest_of(exhibit.alert):
            self._link(exhibit.alert, some)
        self._going.discard(exhibit.evidence)

    def between(self, from_ms: int, to_ms: int, camera: str | None) -> Answer:
        """What there is of that time (Unix ms), as the answer to a command of the city: what it is, never the media."""
        found = [
            exhibit
            for exhibit in self.premises.standing.exhibits.values()
            if exhibit.from_ms <= to_ms and exhibit.to_ms >= from_ms and camera in (None, exhibit.camera)
        ]
        found.sort(key=lambda exhibit: -exhibit.number)
        answer: dict[str, str | int | float | bool] = {
            "count": len(found), "shown": min(len(found), ANSWER_AT_MOST),
            "bytes": sum(exhibit.size for exhibit in found),
        }  # fmt: skip
        for number, exhibit in enumerate(found[:ANSWER_AT_MOST], 1):
            answer[f"evidence_{number}"] = exhibit.evidence
            answer[f"alert_{number}"] = exhibit.alert
            answer[f"manifest_{number}"] = exhibit.manifest
            answer[f"held_{number}"] = bool(exhibit.held)
        return answer

    def exported(self, evidence: str, by: str, purpose: str, why: str) -> str:
        """Somebody takes a copy: on record before it is made. A code of `words` when it cannot be had."""
        exhibit = self.premises.standing.exhibits.get(evidence)
        if exhibit is None or evidence in self._going:
            return "operate.no_evidence" if exhibit is None else "operate.evidence_going"
        event = EvidenceExported(evidence=evidence, by=by, purpose=purpose, why=why, sha256=exhibit.manifest)
        self.premises.record(event)
        return ""

    def hold(self, evidence: str, by: str) -> str:
        """Nobody erases it until all who hold it have released it; a code of `words` when that cannot be promised."""
        exhibit = self.premises.standing.exhibits.get(evidence)
        if exhibit is None or evidence in self._going:
            return "operate.no_evidence" if exhibit is None else "operate.evidence_going"
        if by not in exhibit.holders:
            self.premises.remember(exhibit.hold(*exhibit.holders, by))
        return ""

    def release(self, evidence: str, by: str) -> Done:
        """`by` holds it no longer; it is kept for the others who do."""
        exhibit = self.premises.standing.exhibits.get(evidence)
        if exhibit is None:
            return Done(False, "operate.no_evidence")
        if by not in exhibit.holders:
            code = "operate.held_by_others" if exhibit.held else "operate.not_held"
            return Done(False, code, fields={"evidence": evidence, "who": by, "held": ", ".join(exhibit.holders)})
        self.premises.remember(exhibit.hold(*(name for name in exhibit.holders if name != by)))
        return Done(True)


def _finisher(store: Store, evidence: str) -> Callable[[bytes], int]:
    return lambda manifest: store.finish(evidence, manifest)


def _next(manifests: Mapping[str, tuple[bytes, Manifest]], last: Exhibit | None) -> str | None:
    """Which of them the chain goes on with."""
    end = last.manifest if last else ""
    return next((one for one, (_, manifest) in manifests.items() if manifest.previous == end), None)
