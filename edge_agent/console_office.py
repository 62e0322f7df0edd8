"""The people's office for the console: people.db over a connection of its own; what takes memory, in a child process.

Lists and photographs go through the command line's own commands: what reads a hundred thousand rows or a face is not
loaded into the daemon that opens doors.
"""

import asyncio
import re
import shutil
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from msgspec import structs

from edge_agent import console
from edge_agent.config import FACE_KEY
from edge_agent.console.needs import Agreed, Held, PersonFile, PersonRow, Said
from edge_agent.console_rooms import Room, T
from edge_agent.errors import EdgeAgentError, StoreError
from edge_agent.model.reads import Card, Token
from edge_agent.protocols.wiegand import parse_entry
from edge_agent.store.entries import hash_pin, keyed, read_entry
from edge_agent.store.people import PeopleStore
from edge_agent.store.pin_index import KEY_FILE, load_index
from edge_agent.store.records import KnownCredential, Listed

if TYPE_CHECKING:
    from edge_agent.app import App

IDS_AT_MOST = 500  # people one word of a search may mean
CHILD_WITHIN_S = 600.0
LINES_AT_MOST = 400
LIST = "import-"  # begins the name of the folder of a list that is being read


class Office(Room):
    """Fulfils console.needs.Office."""

    def __init__(self, app: "App") -> None:
        super().__init__("office")
        self._app = app
        self._people: PeopleStore | None = None
        self._one_child = asyncio.Lock()
        for left in app.state.glob(f"{LIST}*"):  # by a kill or a power cut, in the clear
            shutil.rmtree(left, ignore_errors=True)

    def people(self) -> PeopleStore:
        if self._people is None:
            self._people = PeopleStore(self._app.state / "people.db")
        return self._people

    async def close(self) -> None:
        if self._people is not None:
            await self.ask(self._people.close)
        self._thread.shutdown(wait=False)

    # ---- reading -----------------------------------------------------------------------------------------------------

    async def find(self, text: str, category: str = "", after: str = "", limit: int = 50) -> list[PersonRow]:
        found = await self.ask(lambda: self.people().find(text, limit, after, category))
        return [_row(one) for one in found]

    async def ids(self, text: str) -> tuple[str, ...]:
        """Whom a text means; an id that nobody has now may still stand in old events."""
        found = await self.ask(lambda: self.people().find(text, IDS_AT_MOST))
        return tuple(dict.fromkeys([*(one.id for one in found), text]))

    async def file(self, person: str) -> PersonFile | None:
        return await self.ask(lambda: self._file(person))

    def _file(self, person: str) -> PersonFile | None:
        known = self.people().person(person)
        if known is None:
            return None
        row = PersonRow(
            known.id, known.name, known.category, known.house, known.valid_from_ms, known.valid_until_ms,
            known.enabled, sum(card.state == "enabled" for card in known.cards),
        )  # fmt: skip
        consents = [
            Agreed(one.purpose, one.text_version, one.channel, one.guardian, one.given_ms, one.until_ms)
            for one in self.people().consents(person)
        ]
        return PersonFile(
            row=row, phone=known.phone, host=known.host or "", needs_longer=known.needs_longer,
            escort_exempt=known.escort_exempt, pin=known.pin, held=tuple(_held(one) for one in known.credentials),
            consents=tuple(consents), faces=self._faces(person),
        )  # fmt: skip

    def _faces(self, person: str) -> int:
        """How many templates; none where there is no face store or no key to it."""
        from edge_agent.store.faces import FaceStore, load_key

        path, key = self._app.state / "faces.db", self._app.folder / FACE_KEY
        if not path.exists() or not key.exists():
            return 0
        with closing(FaceStore(path, load_key(key), self._app.config.gateway.id)) as faces:
            return sum(enrolled.templates for enrolled in faces.enrolled() if enrolled.person == person)

    # ---- writing -----------------------------------------------------------------------------------------------------

    async def put(self, given: dict[str, str], by: str) -> str:
        index = load_index(self._app.folder / KEY_FILE)
        entry, pin = read_entry(given, ZoneInfo(self._app.config.gateway.zone), parse_entry)

        def write() -> str:
            hashed = structs.replace(entry, pin_hash=hash_pin(pin)) if pin else entry
            return self.people().put(keyed(hashed, pin, index), source=f"console/{by}")

        return await self._in_force(write)

    async def enable(self, person: str, enabled: bool, by: str) -> None:
        def write() -> None:
            change = self.people().unblock if enabled else self.people().block
            change(person, source=f"console/{by}")

        await self._in_force(write)

    async def revoke(self, person: str, ref: str, by: str) -> None:
        await self._in_force(lambda: self.people().revoke(person, _key(ref), source=f"console/{by}"))

    async def _in_force(self, write: Callable[[], T]) -> T:
        """What a guard is told to be done, the doors know."""
        done = await self.ask(write)
        await self._app.books.catch_up()
        return done

    # ---- in a child --------------------------------------------------------------------------------------------------

    async def remove(self, person: str, lang: str) -> Said:
        removed = await self._run(lang, "people", "remove", "--", person)
        if not removed.good:
            return removed
        proof = await self._run(lang, "face", "proof", "--", person)
        return Said(True, (*removed.lines, *proof.lines))

    async def enrol(self, person: str, photo: bytes, consent: str, guardian: str, by: str, lang: str) -> Said:
        agreed = [f"--{key}={text}" for key, text in (("consent", consent), ("guardian", guardian)) if text]
        command = ("face", "enroll", f"--channel=console/{by}", *agreed, "--", person, "-")
        return await self._run(lang, *command, data=photo)

    async def withdraw(self, person: str, purpose: str, lang: str) -> Said:
        return await self._run(lang, "face", "withdraw", "--purpose", purpose, "--", person)

    async def take_list(self, name: str, data: bytes, dry_run: bool, lang: str) -> Said:
        """Written where only the daemon reads, for as long as it takes: names are in it."""
        with TemporaryDirectory(prefix=LIST, dir=self._app.state) as folder:
            path = Path(folder) / _own_name(name)
            path.touch(mode=0o600)
            path.write_bytes(data)
            return await self._run(lang, "access", "import", *(["--dry-run"] if dry_run else []), str(path))

    async def _run(self, lang: str, *command: str, data: bytes = b"") -> Said:
        """One of edge-agent's own commands; one at a time, it costs memory."""
        group, verb, *rest = command
        where = ("--config", str(self._app.file), "--state", str(self._app.state))
        async with self._one_child:
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-m", console.__name__.partition(".")[0], "--lang", lang, group, verb, *where, *rest,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            )  # fmt: skip
            try:
                async with asyncio.timeout(CHILD_WITHIN_S):
                    output, _ = await child.communicate(data)
            except TimeoutError:
                raise EdgeAgentError("console.took_too_long", s=CHILD_WITHIN_S) from None
            finally:
                if child.returncode is None:
                    child.kill()
                    await child.wait()
        await self._app.books.catch_up()
        lines = output.decode("utf-8", "replace").strip().splitlines()
        return Said(child.returncode == 0, tuple(lines[:LINES_AT_MOST]))


def _own_name(name: str) -> str:
    """The name of a list as its sender knows it, with nothing in it that a folder could take for anything else."""
    return re.sub(r"[^\w.() -]", "_", re.split(r"[/\\]", name)[-1])[-60:].lstrip(". ") or "list.csv"


def _row(one: Listed) -> PersonRow:
    return PersonRow(
        one.id, one.name, one.category, one.house, one.valid_from_ms, one.valid_until_ms, one.enabled, one.cards
    )


def _held(one: KnownCredential) -> Held:
    """A telephone is known by a digest only; a card by what a reader delivers."""
    match one.key:
        case Card(bits=bits, raw=raw):
            return Held("card", f"card/{bits}/{raw:x}", f"{one.format or bits} {raw:x}", one.state, one.duress)
        case Token(kind=kind, digest=digest):
            return Held(
                kind, f"{kind}/{digest}", digest if kind == "plate" else digest[:8] + "…", one.state, one.duress
            )


def _key(ref: str) -> Card | Token:
    kind, _, rest = ref.partition("/")
    bits, _, raw = rest.partition("/")
    match kind:
        case "qr" | "plate" | "phone":
            return Token(kind, rest)
        case "card" if bits.isdecimal() and raw and all(digit in "0123456789abcdef" for digit in raw):
            return Card(int(bits), int(raw, 16))
        case _:
            raise StoreError("store.no_card", person="-")
