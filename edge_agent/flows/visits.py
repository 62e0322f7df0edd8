"""Visits: somebody comes to see somebody. What the guard at the desk does about it, what a card on the desk's reader
begins, and what time does by itself.

Every step has a name and is an event, stored in one transaction with what it changes; a guard who has the answer has it
for good. What a step may be is core/visits.py; what visitors do at doors is flows/visitors.py.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from edge_agent import log
from edge_agent.core import visits as core
from edge_agent.core.schedule import begins, local_time
from edge_agent.errors import StoreError, VisitError
from edge_agent.model import visit_orders
from edge_agent.model import visits as v
from edge_agent.model.commands import Done, Operation
from edge_agent.model.events import VisitRefused
from edge_agent.model.identity import masked, mistyped
from edge_agent.model.people import Recurrence
from edge_agent.model.reads import DocumentPresented, IdDocument, Pass
from edge_agent.model.site import Door, VisitPolicy
from edge_agent.ports import Beat, Clock, Journal, VisitBook

LOOK_S = 2.0
TIDY_EVERY_MS = 600_000
DAY_MS = 86_400_000
STREET = ("pedestrian", "vehicle", "turnstile", "barrier")

logger = log.get("flows.visits")


class Signing(NamedTuple):
    """How a pass becomes the text of a QR code, and back."""

    write: Callable[[Pass], str]
    read: Callable[[bytes], Pass | None]


class Place(NamedTuple):
    """The site as visits see it: its zone and doors."""

    zone: str
    doors: Sequence[Door]

    def usual(self, policy: VisitPolicy) -> tuple[str, ...]:
        """What a pass opens when nothing else is said."""
        return policy.doors or tuple(
            door.name
            for door in self.doors
            if street(door) and any("qr" in way for way in (*door.ways, *(w for at in door.ways_at for w in at.ways)))
        )


def street(door: Door) -> bool:
    """Who goes out through it has left the site."""
    return door.kind in STREET and not door.from_area


class Visits:
    """`new_id` gives an id nobody has. `on_change`: called after whatever changes what a guard sees."""

    def __init__(
        self, book: VisitBook, journal: Journal, clock: Clock, place: Place, policy: VisitPolicy, signing: Signing,
        new_id: Callable[[], str],
    ) -> None:  # fmt: skip
        self.book, self.journal, self.clock, self.place, self.policy = book, journal, clock, place, policy
        self.signing, self._new_id = signing, new_id
        self.on_change: list[Callable[[], None]] = []
        self._drafts: dict[str, v.Draft] = {}
        self._tidied_ms: int | None = None

    async def carry_out(self, operation: Operation) -> Done:
        """An order of model.visit_orders.ORDERS; raises EdgeAgentError with the reason when it cannot be done."""
        try:
            order = visit_orders.order_of(operation.verb, operation.args)
        except ValueError as error:
            raise VisitError("visit.bad_order", why=str(error)) from None
        return Done(True, answer=await self.do(operation.verb, order, f"local/{operation.by}"))

    async def do(self, verb: str, order: Any, by: str) -> Any:
        """What came of `order`: cards of the visits it was about, or what was asked for."""
        match verb:
            case "visit.expect" | "visit.walk_in":
                return await self._enter(order, by, walk_in=verb == "visit.walk_in")
            case "visit.find":
                return await self._cards(await self.book.find(order))
            case "visit.show":
                return await self._cards([await self.book.get(id_) for id_ in await self._which(order)], ticket=True)
            case "visit.hosts":
                return await self.book.hosts(order.text)
            case "visit.draft":
                return await self._on_desk(order.desk)
            case "visit.bar":
                return await self._bar(order, by)
            case "visit.unbar":
                await self.book.take_bar(order.bar, by)
                return None
            case "visit.bars":
                return await self.book.bars()
            case _:
                return await self._step(verb, order, by)

    async def _step(self, verb: str, order: Any, by: str) -> list[v.Card]:
        now_ms = self.clock.now().wall_ms
        step: Callable[[v.Visit], v.Step]
        match verb:
            case "visit.arrive":
                return await self._arrive(order, by)
            case "visit.confirm":
                who = order.who or by
                step = lambda visit: core.answer(visit, order.answer, now_ms, who)  # noqa: E731
            case "visit.leave":
                step = lambda visit: core.leave(visit, now_ms, by)  # noqa: E731
            case "visit.cancel":
                step = lambda visit: core.cancel(visit, now_ms, by)  # noqa: E731
            case "visit.refuse":
                step = lambda visit: core.refuse(visit, now_ms, by)  # noqa: E731
            case "visit.extend":
                step = lambda visit: core.extend(visit, order.until_ms, now_ms)  # noqa: E731
            case _:
                step = core.renew
        ids = await self._which(order, inside={"visit.leave": True, "visit.cancel": False}.get(verb))
        changed = await self.book.change(ids, step)
        return await self._answer(verb, by, changed)

    async def host_says(self, visit: str, said: v.Answer, who: str) -> None:
        """The host's answer, from the city: only to a question, and only once."""
        now_ms = self.clock.now().wall_ms

        def step(known: v.Visit) -> v.Step:
            if known.confirm not in ("asked", "timeout"):
                raise VisitError("visit.not_asked", visit=visit)
            return core.answer(known, said, now_ms, who)

        await self._answer("visit.confirm", who, await self.book.change([visit], step))

    # ---- entering ----------------------------------------------------------------------------------------------------

    async def _enter(self, form: visit_orders.Form, by: str, walk_in: bool) -> list[v.Card]:
        draft = self._draft(form.desk, form.card_ms)
        first = await self._visit(form, draft.document if draft else None, by, walk_in)
        await self._check_bars(first, by)
        others = [first.of_another(self._new_id(), name) for name in form.members]
        now_ms, visits = self.clock.now().wall_ms, [first, *others]
        if walk_in and first.confirm != "asked":
            steps = [core.arrive(each, now_ms, self.place.zone, by, self.policy) for each in visits]
        else:
            steps = [core.expect(each) for each in visits]
        made = await self.book.add(steps)
        self._take(draft)
        return await self._answer("visit.walk_in" if walk_in else "visit.expect", by, made)

    async def _visit(self, form: visit_orders.Form, document: IdDocument | None, by: str, walk_in: bool) -> v.Visit:
        name = form.name.strip() or (document.name if document else "")
        if not name:
            raise VisitError("visit.no_name")
        host = await self.book.host(form.host) if form.host else None
        if form.host and host is None:
            raise VisitError("visit.no_host", host=form.host)
        house = form.house.strip() or (host.house if host else "")
        if form.kind == "visitor" and not host and not house:
            raise VisitError("visit.to_whom")
        if strange := [door for door in form.doors if door not in {known.name for known in self.place.doors}]:
            known = ", ".join(door.name for door in self.place.doors)
            raise VisitError("visit.no_door", door=", ".join(strange), known=known)
        number = "".join(form.number.split()).upper()
        if mistyped(number):
            raise VisitError("visit.bad_number")
        digests = self.book.digests(number, form.phone, form.plate)
        from_ms, until_ms, times = self._times(form, walk_in)
        asked = form.ask if form.ask is not None else self.policy.confirm == "host"
        confirm: v.Answer = "confirmed" if form.confirmed_by else "asked" if asked else ""
        group = form.group.strip() or ("g" + self._new_id()[1:] if form.members else "")
        early_ms = 0 if walk_in else self.policy.early_min * 60_000
        return v.Visit(
            id=self._new_id(), kind=form.kind, state="expected", from_ms=from_ms, until_ms=until_ms,
            opens_ms=from_ms - early_ms, by=by, doors=form.doors or self.place.usual(self.policy),
            host=host.id if host else "", house=house, group=group,
            people=form.people, uses=form.uses, times=times, confirm=confirm, confirmed_by=form.confirmed_by,
            asked_ms=self.clock.now().wall_ms if confirm == "asked" else None,
            document=document.digest if document else digests["document"], phone=digests["phone"],
            plate=digests["plate"],
            details=v.Details(
                name=name, phone=form.phone.strip(), company=form.company.strip(), purpose=form.purpose.strip(),
                plate=form.plate.strip(), document=document.masked if document else masked(number),
                note=form.note.strip(),
            ),
        )  # fmt: skip

    def _times(self, form: visit_orders.Form, walk_in: bool) -> tuple[int, int, Recurrence | None]:
        now_ms = self.clock.now().wall_ms
        from_ms = now_ms if walk_in or form.from_ms is None else form.from_ms
        stay_min = self.policy.delivery_min if form.kind == "delivery" else self.policy.stay_min
        until_ms = from_ms + stay_min * 60_000 if form.until_ms is None else form.until_ms
        if until_ms <= max(from_ms, now_ms):
            raise VisitError("visit.until_past", visit="")
        if not form.rule:
            return from_ms, until_ms, None
        if form.start_min is None or form.minutes is None or form.until_ms is None:
            raise VisitError("visit.rule_needs")
        day = local_time(from_ms, self.place.zone).date()
        try:
            start = datetime.combine(day, datetime.min.time()) + timedelta(minutes=form.start_min)
            times = Recurrence(start, form.minutes, form.rule)
            if begins(times) is None:
                raise ValueError("it never comes true")
        except ValueError as error:
            raise VisitError("visit.bad_rule", rule=form.rule, why=str(error)) from None
        return from_ms, until_ms, times

    async def _check_bars(self, visit: v.Visit, by: str) -> None:
        """Who is not to be let in is turned away, and nothing of them is stored."""
        if reason := await self._barred(core.digests_of(visit), visit.details.plate):
            event = VisitRefused(
                visit=visit.id, kind=visit.kind, reason="blacklisted", host=visit.host, house=visit.house, by=by
            )
            await self.journal.record(event).committed()
            raise VisitError("visit.barred", why=reason)

    async def _barred(self, digests: dict[str, str], plate: str) -> str:
        bar = core.barred(await self.book.bars(), digests, self.clock.now().wall_ms)
        if bar is not None:
            return bar.reason
        return (await self.book.barred_plate(plate) if plate else None) or ""

    # ---- arriving ----------------------------------------------------------------------------------------------------

    async def _arrive(self, order: visit_orders.Arrive, by: str) -> list[v.Card]:
        ids = await self._which(order, inside=False)
        draft = self._draft(order.desk, order.card_ms)
        now_ms = self.clock.now().wall_ms
        for id_ in ids:
            expected = await self.book.get(id_)
            digests = core.digests_of(expected) | ({"document": draft.document.digest} if draft else {})
            if reason := await self._barred(digests, expected.details.plate):
                await self.book.change([id_], lambda visit: core.refuse(visit, now_ms, by, "blacklisted"))
                raise VisitError("visit.barred", why=reason)

        def step(visit: v.Visit) -> v.Step:
            if draft is not None:
                visit = visit.with_document(draft.document)
            return core.arrive(visit, now_ms, self.place.zone, by, self.policy, order.confirmed_by)

        made = await self.book.change(ids, step)
        self._take(draft)
        return await self._answer("visit.arrive", by, made)

    async def _which(self, order: Any, inside: bool | None = None) -> list[str]:
        """The visits an order speaks of: by id, pass, short code or group. Raises VisitError when there is none."""
        if order.group:
            if not (ids := await self.book.of_group(order.group, inside)):
                raise VisitError("visit.no_group", group=order.group)
            return ids
        text = order.visit.strip()
        if (ticket := self.signing.read(text.encode())) is not None:
            visit = await self.book.get(ticket.person)
            if ticket.id != visit.pass_id:
                raise VisitError("visit.old_pass", visit=visit.id)
            return [visit.id]
        if text.startswith("v-"):
            return [text]
        if (found := await self.book.of_code(text)) is None:
            raise VisitError("visit.unknown", visit=text[:40])
        return [found]

    # ---- the desk ----------------------------------------------------------------------------------------------------

    def presented(self, shown: DocumentPresented) -> None:
        """A document was put on a desk's reader: it waits there for the guard, in memory alone."""
        logger.debug("%s: an identity document was read", shown.reader)
        self._drafts[shown.reader] = v.Draft(shown.reader, shown.up_ms, shown.document)
        self.changed()

    def _draft(self, desk: str, card_ms: int | None) -> v.Draft | None:
        """The document on `desk`, None where none is named; no other than was read at `card_ms`, where that is said."""
        draft = self._drafts.get(desk) if desk else None
        if desk and draft is None:
            raise VisitError("visit.no_draft", desk=desk)
        if draft is not None and card_ms not in (None, draft.up_ms):
            raise VisitError("visit.other_draft", desk=desk)
        return draft

    def _take(self, draft: v.Draft | None) -> None:
        """It is used; one that was put there meanwhile is somebody else's."""
        if draft is not None and self._drafts.get(draft.desk) is draft:
            del self._drafts[draft.desk]

    async def _on_desk(self, desk: str) -> dict[str, Any] | None:
        """What lies on the reader: whose, whether they are barred, and which expected visits may be theirs."""
        draft = self._drafts.get(desk)
        if draft is None:
            return None
        shown = draft.document
        expected = await self.book.find(visit_orders.Find(show="expected", limit=1000))
        theirs = [each for each in expected if each.document == shown.digest or each.details.name == shown.name]
        return {
            "desk": desk, "up_ms": draft.up_ms, "name": shown.name, "document": shown.masked, "doubts": shown.doubts,
            "valid_until": shown.valid_until,
            "barred": await self._barred({"document": shown.digest}, ""),
            "expected": await self._cards(theirs),
        }  # fmt: skip

    async def _bar(self, order: visit_orders.PutBar, by: str) -> v.Bar:
        number, phone, plate, document = "".join(order.number.split()).upper(), order.phone, order.plate, ""
        label = masked(number) or _tail(phone) or plate
        if order.visit:
            visit = await self.book.get((await self._which(visit_orders.Which(visit=order.visit)))[0])
            digests = core.digests_of(visit)
            document = visit.details.document
            label = f"{visit.details.name} {document or _tail(visit.details.phone) or visit.details.plate}"
        else:
            digests = self.book.digests(number, phone, plate)
        kinds: tuple[v.BarKind, ...] = ("document", "phone", "plate")
        kind = next((kind for kind in kinds if digests[kind]), None)
        if kind is None:
            raise VisitError("visit.nothing_to_bar")
        now_ms = self.clock.now().wall_ms
        if order.until_ms is not None and order.until_ms <= now_ms:
            raise VisitError("visit.until_past", visit="")
        bar = v.Bar(
            id="b" + self._new_id()[1:], kind=kind, digest=digests[kind], label=label, reason=order.reason, by=by,
            at_ms=now_ms, until_ms=order.until_ms,
        )  # fmt: skip
        await self.book.put_bar(bar)
        return bar

    async def _cards(self, visits: Sequence[v.Visit], ticket: bool = False) -> list[v.Card]:
        """As the desk sees them; whether one is barred matters before it comes in. Hosts and bars are asked once."""
        bars, now_ms, cards = await self.book.bars(), self.clock.now().wall_ms, list[v.Card]()
        hosts = {host: await self.book.host(host) for host in {visit.host for visit in visits} - {""}}
        for visit in visits:
            host, barred = hosts.get(visit.host), ""
            if visit.state == "expected":
                bar = core.barred(bars, core.digests_of(visit), now_ms)
                city = None if bar else await self.book.barred_plate(visit.details.plate)
                barred = bar.reason if bar else city or ""
            handed = None
            if ticket and visit.open:
                handed = v.Ticket(self.signing.write(visit.ticket), self.book.code_of(visit))
            cards.append(v.Card(visit, host.name if host else "", host.phone if host else "", handed, barred))
        return cards

    async def _answer(self, verb: str, by: str, made: list[v.Visit]) -> list[v.Card]:
        logger.info("%s by %s: %s", verb, by, ", ".join(visit.id for visit in made))
        self.changed()
        return await self._cards(made, ticket=len(made) <= 20)

    def changed(self) -> None:
        for tell in tuple(self.on_change):
            tell()

    # ---- time --------------------------------------------------------------------------------------------------------

    async def run(self, beat: Beat) -> None:
        """Overstays, no-shows, hosts that do not answer; drafts and old visits are forgotten."""
        while True:
            beat()
            now = self.clock.now()
            for desk, draft in [*self._drafts.items()]:
                if now.up_ms - draft.up_ms > self.policy.draft_s * 1000:
                    del self._drafts[desk]
                    self.changed()
            try:
                await self.look()
                if self._tidied_ms is None or now.up_ms - self._tidied_ms > TIDY_EVERY_MS:
                    await self.book.tidy(now.wall_ms, self.policy.retain_days * DAY_MS)
                    self._tidied_ms = now.up_ms
            except VisitError as error:
                logger.error("no visitors: %s", error)  # no key: nothing to do before the next start
                return
            except StoreError as error:
                logger.warning("visits were not looked at: %s", error)
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        now_ms = self.clock.now().wall_ms
        due = [visit.id for visit in await self.book.open() if core.elapse(visit, now_ms, self.policy) is not None]
        for id_ in due:
            try:
                await self.book.change([id_], lambda visit: _elapsed(visit, now_ms, self.policy))
            except VisitError as error:
                logger.debug("somebody was quicker: %s", error)
        if due:
            self.changed()


def _elapsed(visit: v.Visit, now_ms: int, policy: VisitPolicy) -> v.Step:
    step = core.elapse(visit, now_ms, policy)
    if step is None:
        raise VisitError("visit.over", visit=visit.id)
    return step


def _tail(phone: str) -> str:
    return f"***{phone.strip()[-4:]}" if phone.strip() else ""
