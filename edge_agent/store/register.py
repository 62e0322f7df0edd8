"""The city's word about people, in people.db: grants, revocations, the blacklist and whole lists.

Every statement has a version and is kept with it, also about somebody who is not here: a grant that was overtaken by a
later revocation comes to nothing whenever it arrives. At the same version the revocation counts. What the city revoked
or blacklisted stays barred whoever enters it here, until the city says otherwise with a higher version.
"""

from collections.abc import Iterable

from msgspec import UNSET

from edge_agent.errors import StoreError
from edge_agent.model.events import PersonChanged
from edge_agent.model.grants import CredentialGrant, CredentialName, PersonGrant, Subject
from edge_agent.model.reads import Token
from edge_agent.store.entries import CredentialEntry, PersonEntry
from edge_agent.store.people import PeopleStore

SAY = """INSERT INTO city_words VALUES (?, ?, ?)
    ON CONFLICT (subject) DO UPDATE SET version = excluded.version, word = excluded.word
    WHERE excluded.version >= city_words.version"""
ALREADY, STALE, TAKEN = "already_done", "stale_version", "credential_taken"
SOURCE = "city"
PEOPLE_AT_ONCE = 500  # people in one transaction: doors and command line get the file in between


class Register(PeopleStore):
    """Methods answer with the reason why nothing was changed, empty when it was. Raises StoreError."""

    def grant(self, person: PersonGrant, version: int) -> str:
        with self._transaction():
            if reason := self._stale(Subject(person.id), version):
                return reason
            if not self._admit(person, version):
                return TAKEN
            self._note(PersonChanged(what="granted", person=person.id, source=SOURCE), "person", [person.id])
        return ""

    def bar(self, subject: Subject, version: int) -> str:
        with self._transaction():
            known = self._word(subject)
            if known is not None and (known[0] > version or known == (version, "revoked")):
                return STALE if known[0] > version else ALREADY
            self._revoke(subject, version)
            self._say("revoked", subject)
        return ""

    def blacklist(self, subject: Subject, version: int, reason: str, until_ms: int | None, listed: bool) -> str:
        with self._transaction():
            row = self._one("SELECT version FROM blacklist WHERE subject = ?", subject.text)
            if row is not None and row[0] >= version:
                return ALREADY if row[0] == version else STALE
            self._connection.execute(
                "INSERT OR REPLACE INTO blacklist VALUES (?, ?, ?, ?, ?)",
                (subject.text, version, listed, reason, until_ms),
            )
            self._say("blacklisted" if listed else "unlisted", subject)
        return ""

    def unlist(self, now_ms: int) -> int:
        """Take off the blacklist what has run out by a trusted clock; how many."""
        with self._transaction():
            over = self._rows("SELECT subject FROM blacklist WHERE listed = 1 AND until_ms <= ?", now_ms)
            for (text,) in over:
                self._connection.execute("UPDATE blacklist SET listed = 0 WHERE subject = ?", (text,))
                self._say("unlisted", subject_of(text))
        return len(over)

    # ---- whole lists -------------------------------------------------------------------------------------------------

    def list_version(self) -> int:
        """Of the last list from the city that is here completely; 0 for none."""
        row = self._one("SELECT version FROM city_list")
        return int(row[0]) if row else 0

    def take_away(self, removed: Iterable[str], revoked: Iterable[CredentialName], version: int) -> int:
        """The first half of a list: whom it ends. How many of them it changed."""
        subjects = [*(Subject(person) for person in removed), *(Subject(credential=name.key) for name in revoked)]
        return sum(self._bar_all(part, version) for part in _parts(subjects))

    def admit_all(self, people: Iterable[PersonGrant], version: int) -> tuple[int, int]:
        """The second half: who may pass. (admitted, left out because a credential is somebody else's). First everybody
        lets go of what they are not to hold any more: it may be another's by the same list.
        """
        admitted, left_out, everybody = 0, 0, list(people)
        for part in _parts(everybody):
            self._let_go(part, version)
        for part in _parts(everybody):
            good: list[str] = []
            with self._transaction():
                for person in part:
                    if self._stale(Subject(person.id), version, again=True):
                        continue
                    if self._admit(person, version):
                        good.append(person.id)
                    else:
                        left_out += 1
                if good:
                    event = PersonChanged(what="imported", count=len(good), source=SOURCE)
                    self._note(event, "person", good)
            admitted += len(good)
        return admitted, left_out

    def end_others(self, kept: set[str], version: int) -> int:
        """After a whole list: whom the city had granted before and does not name any more. How many."""
        rows = self._rows(
            "SELECT substr(subject, 8) FROM city_words WHERE word = 'granted' AND version < ?"
            " AND subject GLOB 'person/*'",
            version,
        )
        gone = [Subject(person) for (person,) in rows if person not in kept]
        return sum(self._bar_all(part, version) for part in _parts(gone))

    def list_done(self, version: int) -> None:
        with self._transaction():
            self._connection.execute("DELETE FROM city_list")
            self._connection.execute("INSERT INTO city_list VALUES (?)", (version,))

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _bar_all(self, subjects: list[Subject], version: int) -> int:
        ended, touched = 0, list[str]()
        with self._transaction():
            for subject in subjects:
                known = self._word(subject)
                if known is None or known[0] < version or known == (version, "granted"):
                    self._revoke(subject, version)
                    ended += 1
                    touched += self._touched(subject)
            if ended:
                event = PersonChanged(what="revoked", count=ended, source=SOURCE)
                self._note(event, "person", touched)
        return ended

    def _let_go(self, people: list[PersonGrant], version: int) -> None:
        """What the city had granted them before this list, which does not name it any more."""
        touched: list[str] = []
        with self._transaction():
            for person in people:
                if self._stale(Subject(person.id), version, again=True):
                    continue
                named = {name.key for name in person.credentials}
                for held in self._held(person.id):
                    word = self._word(held)
                    if held.credential not in named and word and word[0] < version and word[1] == "granted":
                        self._revoke(held, version - 1)  # this very list may grant it to somebody else
                        touched.append(person.id)
            if touched:
                event = PersonChanged(what="revoked", count=len(touched), source=SOURCE)
                self._note(event, "person", touched)

    def _revoke(self, subject: Subject, version: int) -> None:
        """A person goes with all they hold, so that a later grant brings back what it names and nothing else; it may be
        somebody else's by the same list. What was granted them at this very version goes, too.
        """
        self._connection.execute(SAY, (subject.text, version, "revoked"))
        for held in () if subject.person is None else self._held(subject.person):
            same = self._word(held) == (version, "granted")
            self._connection.execute(SAY, (held.text, version if same else version - 1, "revoked"))

    def _held(self, person: str) -> list[Subject]:
        known = self.person(person)
        return [] if known is None else [Subject(credential=held.key) for held in known.credentials]

    def _admit(self, person: PersonGrant, version: int) -> bool:
        """Write one person; a credential of theirs that was revoked later stays revoked. False: it is another's. What
        the city had taken from another before, or somebody here, is handed on.
        """
        credentials = [name for name in person.credentials if not self._stale(_subject(name), version, again=True)]
        others = [_subject(name) for name in credentials if self.taken(name.key, person.id) is not None]
        if any((word := self._word(subject)) is None or word[1] != "revoked" for subject in others):
            return False
        for subject in others:
            assert subject.credential is not None
            self.give_up(subject.credential)
        known = self._one("SELECT name FROM persons WHERE id = ?", person.id)
        self.upsert(
            PersonEntry(
                id=person.id, name=UNSET if known else person.id, category=person.category, house=person.house,
                valid_from_ms=person.valid_from_ms, valid_until_ms=person.valid_until_ms, host=person.host,
                needs_longer=person.needs_longer, escort_exempt=person.escort_exempt,
                credentials=tuple(_entry(name) for name in credentials),
            )
        )  # fmt: skip
        said = [Subject(person.id), *(_subject(name) for name in credentials)]
        self._connection.executemany(SAY, [(subject.text, version, "granted") for subject in said])
        return True

    def _stale(self, subject: Subject, version: int, again: bool = False) -> str:
        """Why a grant of this version comes to nothing; `again`: the same one may be written once more."""
        known = self._word(subject)
        if known is None or known[0] < version:
            return ""
        if known == (version, "granted"):
            return "" if again else ALREADY
        return STALE

    def _word(self, subject: Subject) -> tuple[int, str] | None:
        row = self._one("SELECT version, word FROM city_words WHERE subject = ?", subject.text)
        return None if row is None else (int(row[0]), str(row[1]))

    def _say(self, what: str, subject: Subject) -> None:
        event = PersonChanged(what=what, person=self._owner_of(subject), source=SOURCE)
        self._note(event, "person", self._touched(subject))

    def _touched(self, subject: Subject) -> list[str]:
        """Whom it concerns at the doors: whose it is, and who visits with that plate."""
        found = [self._owner_of(subject) or ""]
        if isinstance(subject.credential, Token) and subject.credential.kind == "plate":
            plate = subject.credential.digest
            found += [id_ for (id_,) in self._rows("SELECT id FROM visits WHERE in_book = 1 AND plate = ?", plate)]
        return found

    def _owner_of(self, subject: Subject) -> str | None:
        return subject.person if subject.credential is None else self.owner(subject.credential)


def subject_of(text: str) -> Subject:
    """Of what Subject.text wrote."""
    kind, _, rest = text.partition("/")
    if kind == "person":
        return Subject(rest)
    if kind == "card":
        bits, _, raw = rest.partition("/")
        return _subject(CredentialName("card", int(bits), raw))
    if kind in ("qr", "plate"):
        return _subject(CredentialName(kind, value=rest))  # type: ignore[arg-type]
    raise StoreError("store.damaged", file="people.db", why=f"{text!r} names nobody")


def _subject(name: CredentialName) -> Subject:
    return Subject(credential=name.key)


def _entry(name: CredentialGrant) -> CredentialEntry:
    return CredentialEntry(
        name.key, duress=name.duress, max_uses=name.max_uses, valid_from_ms=name.valid_from_ms,
        valid_until_ms=name.valid_until_ms,
    )  # fmt: skip


def _parts(items: list) -> Iterable[list]:  # type: ignore[type-arg]
    return (items[at : at + PEOPLE_AT_ONCE] for at in range(0, len(items), PEOPLE_AT_ONCE))
