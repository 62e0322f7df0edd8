"""A gateway behind the real console: real journal, people, accounts, doors' flows and HTTPS; gates in memory.

It lives in a thread of its own, so that tests ask it as a browser does.
"""

import asyncio
import http.client
import re
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar
from urllib.parse import urlencode

import msgspec

from edge_agent.cli.console_certificate import make
from edge_agent.contract.passes import read_pass, write_pass
from edge_agent.contract.signatures import new_key
from edge_agent.drivers.clock import SystemClock
from edge_agent.flows.alarm import Alarms
from edge_agent.flows.alerting import CameraAlerts
from edge_agent.flows.doorway import Doorway
from edge_agent.flows.entry import DoorActor
from edge_agent.flows.operate import Operations
from edge_agent.flows.premises import Premises
from edge_agent.flows.rounds import Rounds
from edge_agent.flows.visits import Place, Signing, Visits
from edge_agent.guardroom import Guardroom
from edge_agent.model.accounts import ROLES
from edge_agent.model.detections import Glimpse, Unwatched
from edge_agent.model.events import Event, UnknownEvent
from edge_agent.model.people import Rule
from edge_agent.model.reads import Card, Direction, Read
from edge_agent.model.site import (
    Camera,
    Config,
    Console,
    Door,
    GateBinding,
    Gateway,
    Line,
    PatrolPoint,
    PatrolRoute,
    Policy,
    Uplink,
)
from edge_agent.model.site import Desk as VisitorDesk
from edge_agent.protocols.wiegand import parse_entry
from edge_agent.sim.broker import free_port
from edge_agent.store.accounts import AccountStore
from edge_agent.store.books import BookWatch
from edge_agent.store.entries import CredentialEntry, PersonEntry
from edge_agent.store.journal import SqliteJournal
from edge_agent.store.people import PeopleStore
from edge_agent.store.pin_index import PinIndex
from edge_agent.store.round_book import RoundBook
from edge_agent.store.visit_book import VisitBook
from edge_agent.store.writer import Writer
from tests.flows.world import MemoryGate, MemorySecrets, MemoryTerminals, no_beat
from tests.waiting import until

T = TypeVar("T")
PASSWORD = "correct horse battery"
RESIDENT, STRANGER = parse_entry("100:1001", "H10301"), Card(26, 0x1234567)
DOORS = ("north-gate", "south-gate", "car-gate")
TITLES = {"east-gate": "东门（地铁口）"}


def door(name: str) -> Door:
    return Door(
        name=name,
        title=TITLES.get(name, ""),
        gate=GateBinding(link="l", profile="gates/sim", contact=0),
        release_s=0.5,
        open_s=5.0,
        ways=(("card",), ("qr",)),
    )


class Rig:
    """One gateway; `url` is its console. Users are called as their role is, all with PASSWORD."""

    def __init__(self, folder: Path, doors: tuple[str, ...] = DOORS, port: int | None = None, **settings: Any) -> None:
        self.folder, self.state = folder, folder / "state"
        self.port = port or free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.cert = folder / "keys/console.pem"
        console = Console(listen=f"127.0.0.1:{self.port}", **settings)
        self.config = Config(
            gateway=Gateway(id="G0417"), uplink=Uplink(url="mqtt://unknown"), console=console,
            doors=tuple(door(name) for name in doors),
            cameras=(
                Camera(name="gate-cam", url="rtsp://127.0.0.1:1/x", door=DOORS[0], use=("alerts", "wall")),
                Camera(name="yard-cam", url="rtsp://127.0.0.1:1/y", use=("alerts", "wall")),
                Camera(name="hidden-cam", url="rtsp://127.0.0.1:1/z", door=DOORS[1], use=("alerts",)),
            ),
            lines=(Line(name="gate-line", camera="yard-cam", points=((0.1, 0.5), (0.9, 0.5))),),
            desks=(VisitorDesk(name="reception", profile="id-readers/sdt", link="l"),),
            patrol_points=(
                PatrolPoint(name="roof", place="<b>3-1</b>", tag="P-7"), PatrolPoint(name="gate", tag="P-8"),
            ),
            patrol_routes=(PatrolRoute(name="all-day", points=("roof", "gate"), times=("00:00",), within_min=1440),),
        )  # fmt: skip
        self.file = folder / "agent.toml"  # for the commands the console runs; they want people, not doors
        self.loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event
        self._reads = 0
        self.trace: list[str] = []
        self.glimpses: dict[str, Glimpse] = {}  # what each camera sees now
        self.unwatched: dict[str, tuple[Unwatched, ...]] = {}
        if not self.cert.exists():
            make(self.cert, folder / "keys/console.key", ["localhost", "127.0.0.1"])
            self._configuration()
            self._people()
            self._users()

    def _configuration(self) -> None:
        """What `edge-agent people …` reads beside the running gateway."""
        self.file.write_text('[gateway]\nid = "G0417"\n\n[uplink]\nurl = "mqtt://127.0.0.1:1"\n', "utf-8")

    def _users(self) -> None:
        accounts = AccountStore(self.state / "console.db")
        for role in ROLES:
            accounts.add_user(role, role, PASSWORD, 1)
        accounts.close()

    def _people(self) -> None:
        self.state.mkdir(parents=True, exist_ok=True)
        people = PeopleStore(self.state / "people.db")
        people.put(
            PersonEntry(
                id="p-0001", name="张伟", category="resident", house="3-1-502", credentials=(CredentialEntry(RESIDENT),)
            )
        )
        people.close()

    # ---- life --------------------------------------------------------------------------------------------------------

    @contextmanager
    def running(self) -> Iterator["Rig"]:
        started, failed = threading.Event(), list[BaseException]()

        def live() -> None:
            try:
                asyncio.run(self._live(started))
            except BaseException as error:
                failed.append(error)
                started.set()
                raise

        thread = threading.Thread(target=live, daemon=True)
        thread.start()
        assert started.wait(20)
        assert not failed, failed
        self.answers()
        try:
            yield self
        finally:
            self.loop.call_soon_threadsafe(self._stop.set)
            thread.join(20)
            assert not thread.is_alive()

    async def _live(self, started: threading.Event) -> None:
        self.loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        clock, writer = SystemClock(), Writer()
        self.journal = SqliteJournal(self.state / "journal.db", clock, writer)
        self.alarms = Alarms(self.journal, clock)
        rules = (Rule("residents", ("*",), ("resident",)),)
        self.books = BookWatch(self.state / "people.db", self.journal, writer, "Asia/Shanghai", rules)
        self.premises = Premises(self.journal, self.books, clock, self.alarms, Policy())
        self.gates, self.actors = dict[str, MemoryGate](), dict[str, DoorActor]()
        self.terminals = MemoryTerminals()
        for one in self.config.doors:
            gate = self.gates[one.name] = MemoryGate(self.trace)
            doorway = Doorway(one, gate, self.terminals, (f"{one.name}-in",), self.premises)
            self.actors[one.name] = DoorActor(doorway, self.terminals, MemorySecrets(), self.premises)
        self.clock = clock
        self.operations = self._operations()
        app = SimpleNamespace(
            config=self.config, file=self.file, folder=self.folder, state=self.state, clock=clock, journal=self.journal,
            alarms=self.alarms, books=self.books, premises=self.premises, doors=self.actors,
            operations=self.operations, watching=SimpleNamespace(glimpse=self.glimpses.get, unwatched=self.unwatched),
        )  # fmt: skip
        await self.premises.restore()
        assert self.config.console is not None
        guardroom = Guardroom(app, self.config.console)  # type: ignore[arg-type]
        jobs = [asyncio.create_task(actor.run(no_beat)) for actor in self.actors.values()]
        also = (self.premises.run, self.books.run, guardroom.run, self.visits.run, self.rounds.run)
        jobs += [asyncio.create_task(job(no_beat)) for job in also]
        started.set()
        stop = asyncio.create_task(self._stop.wait())
        await asyncio.wait([stop, *jobs], return_when=asyncio.FIRST_COMPLETED)
        for job in (stop, *jobs):
            job.cancel()
        ended = await asyncio.gather(*jobs, return_exceptions=True)
        await asyncio.gather(self.visits.book.close(), self.rounds.book.close())  # type: ignore[attr-defined]
        await self.books.close()
        await self.journal.close()
        writer.close()
        for error in ended:
            if isinstance(error, Exception):
                raise error

    def _operations(self) -> Operations:
        """What a guard may order, with visitors and rounds over the real people.db."""
        key, ids = new_key(), count(1)
        people = self.state / "people.db"
        self.visits = Visits(
            VisitBook(people, self.books, PinIndex(bytes(32))), self.journal, self.clock,
            Place("Asia/Shanghai", self.config.doors), self.config.visits,
            Signing(lambda ticket: write_pass(ticket, key), lambda text: read_pass(text, key.public_key())),
            lambda: f"v-{next(ids):012x}",
        )  # fmt: skip
        self.rounds = Rounds(
            RoundBook(people, self.state / "hazards"), self.journal, self.books, self.clock, "Asia/Shanghai",
            self.config.patrol_points, self.config.patrol_routes, lambda: f"{next(ids):012x}",
        )  # fmt: skip
        rounds = dict.fromkeys(("patrol", "hazard", "duty"), self.rounds)
        alerts = CameraAlerts(self.premises, self.config.cameras)
        return Operations(self.premises, self.actors, {**rounds, "visit": self.visits}, alerts)

    # ---- what happens at the doors -----------------------------------------------------------------------------------

    def do(self, what: Callable[[], Awaitable[T]]) -> T:
        """Run something in the gateway's loop."""

        async def run() -> T:
            return await what()

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(20)

    def happen(self, event: Event) -> int:
        """Record `event` as the flows would; its number."""

        async def recorded() -> int:
            row = await self.premises.record(event).committed()
            assert row is not None
            return row.seq

        return self.do(recorded)

    def card(self, card: Card = RESIDENT, at: str = DOORS[0]) -> None:
        self._reads += 1
        read = Read(f"r-{self._reads}", f"{at}-in", at, Direction.IN, self.clock.now().up_ms, card)
        self.loop.call_soon_threadsafe(self.actors[at].read, read)

    def panic(self, on: bool = True, at: str = DOORS[0]) -> None:
        self.loop.call_soon_threadsafe(self.premises.panic, at, on)

    def newest(self, tag: str, after: int = 0) -> Event | UnknownEvent:
        """The last event with this tag; waits until there are more than `after`."""
        return until(lambda: self.events(tag)[after:] or None, what=tag)[-1]

    def events(self, tag: str) -> list[Event | UnknownEvent]:
        """All with this tag that were recorded before this call: an answer comes before the disk has them."""

        async def read() -> list[Event | UnknownEvent]:
            await self.journal.apply()
            return [row.event for row in await self.journal.rows(0, 10_000) if row.tag == tag]

        return self.do(read)

    # ---- what a program asks -----------------------------------------------------------------------------------------

    def answers(self) -> None:
        def asked() -> bool:
            try:
                return Client(self).get("/sign-in").status == 200
            except OSError:
                return False

        until(asked, 20, "the console answers")

    def signed_in(self, role: str) -> "Client":
        client = Client(self)
        answer = client.post("/sign-in", {"name": role, "password": PASSWORD}, csrf=False)
        assert answer.status == 303, (answer.status, answer.text)
        return client

    def token(self, *scopes: str, name: str = "") -> str:
        accounts = AccountStore(self.state / "console.db")
        try:
            name = name or f"t-{'-'.join(scopes).replace('_', '-')}"[:32]
            known = {token.name for token in accounts.tokens()}
            if name in known:
                accounts.remove_token(name)
            return accounts.add_token(name, scopes, 1)
        finally:
            accounts.close()


class Answer(msgspec.Struct):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class Client:
    """A browser without a face: cookies, the CSRF secret out of the page, one connection a request."""

    def __init__(self, rig: Rig, token: str = "") -> None:
        self.rig, self.token = rig, token
        self.cookies: dict[str, str] = {}
        self._csrf = ""

    @property
    def csrf(self) -> str:
        if not self._csrf:
            for page in ("/", "/history", "/devices", "/unlock"):
                if match := re.search(r'name="csrf" value="(\w+)"', self.get(page).text):
                    self._csrf = match[1]
                    break
        return self._csrf

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, headers=headers)

    def post(self, path: str, form: dict[str, str], csrf: bool = True, **headers: str) -> Answer:
        body = urlencode(form | ({"csrf": self.csrf} if csrf else {})).encode()
        return self.ask("POST", path, body, {"content-type": "application/x-www-form-urlencoded", **headers})

    def ask(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Answer:
        context = ssl.create_default_context(cafile=str(self.rig.cert))
        line = http.client.HTTPSConnection("127.0.0.1", self.rig.port, timeout=20, context=context)
        sent = {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
        if self.token:
            sent["authorization"] = f"Bearer {self.token}"
        try:
            line.request(method, path, body, {**sent, **(headers or {})})
            answer = line.getresponse()
            for header in answer.headers.get_all("set-cookie") or []:
                name, _, value = header.split(";")[0].partition("=")
                self.cookies[name] = value
            return Answer(answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read())
        finally:
            line.close()
