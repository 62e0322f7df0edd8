"""What people agreed to, and whose face the terminals that match by themselves have still to delete.

A consent outlives its person: it is the proof that there was one. An order to delete is open at every face terminal
until that terminal, or somebody who stood before it, has confirmed it, or the person has agreed anew.
"""

from collections.abc import Iterable

from edge_agent.errors import StoreError
from edge_agent.model.events import ConsentGiven, ConsentWithdrawn, PersonErased
from edge_agent.store.people_file import PeopleFile
from edge_agent.store.records import Consent, FaceOrder

COLUMNS = "person, purpose, text_version, given_ms, channel, guardian, until_ms"
ORDERS = "SELECT id, person, why, asked_ms FROM face_orders"
NEWEST = "WHERE purpose = ?1 AND id IN (SELECT max(id) FROM consents WHERE purpose = ?1 GROUP BY person)"
# Who agreed anew afterwards may be in a terminal again: told by numbers, as a clock may have been wrong.
OUTRUN = "SELECT 1 FROM consents WHERE person = face_orders.person AND purpose = 'match' AND id > after_consent"
# Given by a clock that was behind: as old as the consent that was there before it.
BEHIND = "SELECT 1 FROM consents WHERE person = face_orders.person AND id <= after_consent AND given_ms > asked_ms"


class Consents(PeopleFile):
    """Raises StoreError throughout."""

    def give_consent(self, consent: Consent) -> None:
        """Record a consent; a later one of the same purpose replaces it in effect, the earlier one is kept."""
        with self._transaction():
            self._known(consent.person)
            row = self._one("SELECT category FROM persons WHERE id = ?", consent.person)
            if row is not None and row[0] == "child" and not consent.guardian:
                raise StoreError("store.guardian_missing", person=consent.person)
            self._connection.execute(
                f"INSERT INTO consents ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    consent.person, consent.purpose, consent.text_version, consent.given_ms, consent.channel,
                    consent.guardian, consent.until_ms,
                ),
            )  # fmt: skip
            event = ConsentGiven(
                person=consent.person, purpose=consent.purpose, text_version=consent.text_version,
                channel=consent.channel,
            )  # fmt: skip
            self._note(event, "person", [consent.person])

    def withdraw_consent(self, person: str, purpose: str, now_ms: int, channel: str = "") -> bool:
        """It is in force no more; the record of it stays. False when there was none. What hung on it is next."""
        with self._transaction():
            self._known(person)
            count = self._end(person, now_ms, purpose)
            if count:
                self._note(ConsentWithdrawn(person=person, purpose=purpose, channel=channel), "person", [person])
                if purpose == "match":
                    self.order_erasure(person, "withdrawn", now_ms)
        return bool(count)

    def end_consents(self, person: str, now_ms: int) -> int:
        """Of somebody who is removed: how many were in force."""
        return self._end(person, now_ms, "%")

    def consent(self, person: str, purpose: str, now_ms: int) -> Consent | None:
        """The consent in force now for this purpose, or None: then nothing may be done for it."""
        found = [given for given in self.consents(person) if given.purpose == purpose]
        if not found or (found[-1].until_ms is not None and now_ms >= found[-1].until_ms):
            return None
        return found[-1]

    def consents(self, person: str) -> list[Consent]:
        """All of this person's, in force or not, oldest first; also of somebody who was removed."""
        rows = self._rows(f"SELECT {COLUMNS} FROM consents WHERE person = ? ORDER BY id", person)
        return [
            Consent(
                person=row[0], purpose=row[1], text_version=row[2], given_ms=row[3], channel=row[4], guardian=row[5],
                until_ms=row[6],
            )
            for row in rows
        ]  # fmt: skip

    def note_erased(self, event: PersonErased) -> None:
        """The journal gets the proof of a deletion."""
        with self._transaction():
            self._note(event)

    def agreed(self, purpose: str, now_ms: int) -> set[str]:
        """Everybody whose consent for this purpose is in force."""
        return {
            person
            for person, until_ms in self._rows(f"SELECT person, until_ms FROM consents {NEWEST}", purpose)
            if until_ms is None or until_ms > now_ms
        }

    def knows_consents(self) -> bool:
        """Of anybody, in force or ended: whoever is enrolled has left one."""
        return self._one("SELECT 1 FROM consents LIMIT 1") is not None

    def newest_end(self, now_ms: int) -> int | None:
        """When a consent has ended last, of whatever purpose and whoever; None: none has."""
        ended = self._one("SELECT max(until_ms) FROM consents WHERE until_ms <= ?", now_ms)
        return None if ended is None else ended[0]

    # ---- faces in terminals ------------------------------------------------------------------------------------------

    def order_erasure(self, person: str, why: str, now_ms: int) -> None:
        """Every terminal that matches by itself has to delete this person's face."""
        with self._transaction():
            self._connection.execute(
                "INSERT INTO face_orders (person, why, asked_ms, after_consent)"
                " VALUES (?, ?, ?, (SELECT coalesce(max(id), 0) FROM consents))",
                (person, why, now_ms),
            )

    def order_lapsed(self, now_ms: int) -> list[str]:
        """Order it for those whose consent to be matched has run out; who they are."""
        with self._transaction():
            ended = self._rows(
                f"SELECT person FROM consents {NEWEST} AND until_ms <= ?2 AND NOT EXISTS (SELECT 1 FROM face_orders"
                " WHERE person = consents.person AND asked_ms >= consents.until_ms) ORDER BY person",
                "match",
                now_ms,
            )
            for (person,) in ended:
                self.order_erasure(person, "lapsed", now_ms)
        return [person for (person,) in ended]

    def end_visits(self, now_ms: int) -> list[str]:
        """A visitor's face dies with the visit: end the consents of those whose time is over; who they are."""
        with self._transaction():
            rows = self._rows(
                "SELECT DISTINCT person FROM consents JOIN persons ON persons.id = person WHERE category = 'visitor'"
                " AND valid_until_ms <= ?1 AND (until_ms IS NULL OR until_ms > ?1) ORDER BY person",
                now_ms,
            )
            for (person,) in rows:
                if self._end(person, now_ms, "match"):
                    self.order_erasure(person, "visit_over", now_ms)
                self._end(person, now_ms, "%")
        return [person for (person,) in rows]

    def face_orders(self, person: str | None = None) -> list[FaceOrder]:
        """All that are kept, oldest first, of one person or of everybody."""
        where, values = ("", ()) if person is None else (" WHERE person = ?", (person,))
        confirmed: dict[int, dict[str, tuple[int, str]]] = {}
        for order, terminal, at_ms, by in self._rows("SELECT * FROM face_confirmed"):
            confirmed.setdefault(order, {})[terminal] = (at_ms, by)
        rows = self._rows(f"{ORDERS}{where} ORDER BY id", *values)
        return [FaceOrder(id_, who, why, asked_ms, confirmed.get(id_, {})) for id_, who, why, asked_ms in rows]

    def open_orders(self, terminals: Iterable[str]) -> dict[str, list[FaceOrder]]:
        """Terminal → what it has still to delete, oldest first; terminals that have nothing left are not named."""
        orders = [FaceOrder(*row) for row in self._rows(f"{ORDERS} WHERE NOT EXISTS ({OUTRUN}) ORDER BY id")]
        done = set(self._rows("SELECT terminal, face_order FROM face_confirmed"))
        left = {name: [order for order in orders if (name, order.id) not in done] for name in terminals}
        return {name: waiting for name, waiting in left.items() if waiting}

    def confirm_erasure(self, order: FaceOrder, terminal: str, by: str, now_ms: int) -> None:
        """`terminal` has deleted it, as `by` says; the proof goes to the journal. A second word changes nothing."""
        with self._transaction():
            added = self._connection.execute(
                "INSERT INTO face_confirmed VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (order.id, terminal, now_ms, by),
            ).rowcount
            if added:
                event = PersonErased(
                    person=order.person, why=order.why, templates=0, pictures=0, digest="", terminal=terminal
                )
                self._note(event)

    # ---- what is too old ---------------------------------------------------------------------------------------------

    def forget_records(self, before_ms: int) -> int:
        """Consents that ended, and orders that were given, before then; how many. Nothing in force goes."""
        with self._transaction():
            ended = "DELETE FROM consents WHERE max(until_ms, given_ms) < ?"
            asked = f"DELETE FROM face_orders WHERE asked_ms < ? AND NOT EXISTS ({BEHIND})"
            return sum(self._connection.execute(query, (before_ms,)).rowcount for query in (ended, asked))

    def _end(self, person: str, now_ms: int, purpose: str) -> int:
        return self._connection.execute(
            "UPDATE consents SET until_ms = ?1 WHERE person = ?2 AND purpose LIKE ?3"
            " AND (until_ms IS NULL OR until_ms > ?1)",
            (now_ms, person, purpose),
        ).rowcount

    def _known(self, person: str) -> None:
        if self._one("SELECT 1 FROM persons WHERE id = ?", person) is None:
            raise StoreError("store.no_person", person=person)
