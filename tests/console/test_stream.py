"""The wall's stream: what happens comes with its number, a browser that was away gets the rest, a stranger nothing."""

import http.client
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from edge_agent.console.feed import AT_ONCE, KEPT
from edge_agent.model.events import AlertOpened, AlertUpdated, DoorOpened
from tests.console.rig import DOORS, STRANGER, Client, Rig
from tests.waiting import until


class Listener:
    """Server-sent events as they come off the wire."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self._response = response

    def next(self) -> tuple[str, str, str]:
        """(event, id, data) of the next message that is one."""
        event = id_ = data = ""
        while line := self._response.readline().decode():
            key, _, value = line.rstrip("\n").partition(": ")
            match key:
                case "event":
                    event = value
                case "id":
                    id_ = value
                case "data":
                    data = value
                case "" if event:
                    return event, id_, data
        raise EOFError

    def row(self, seq: int) -> dict[str, object]:
        """The message of row `seq`; every row before it has to come first, each once."""
        while True:
            event, id_, data = self.next()
            if event == "row":
                message: dict[str, object] = msgspec.json.decode(data)
                assert id_.endswith(f"-{message['seq']}")
                if message["seq"] == seq:
                    return message
                assert int(str(message["seq"])) < seq


@contextmanager
def listening(client: Client, last: str = "", after: str = "") -> Iterator[Listener]:
    context = ssl.create_default_context(cafile=str(client.rig.cert))
    line = http.client.HTTPSConnection("127.0.0.1", client.rig.port, timeout=20, context=context)
    headers = {"cookie": f"__Host-session={client.cookies['__Host-session']}", "accept": "text/event-stream"}
    if last:
        headers["last-event-id"] = last
    try:
        line.request("GET", f"/stream?after={after}", headers=headers)
        response = line.getresponse()
        assert response.status == 200
        yield Listener(response)
    finally:
        line.close()


def test_what_happens_comes_with_its_number_and_its_words(rig: Rig) -> None:
    with listening(rig.signed_in("guard")) as wall:
        assert wall.next()[0] == "door", "the doors as they are"
        rig.card(STRANGER)
        until(lambda: rig.events("access.denied"))
        seq = rig.journal.last
        message = wall.row(seq)
        assert message["kind"] == "denied"
        assert "未登记" in str(message["line"])
        assert "按访客登记" in str(message["tile"])


def test_a_browser_that_was_away_loses_nothing(rig: Rig) -> None:
    guard = rig.signed_in("guard")
    with listening(guard) as wall:
        seq = rig.happen(DoorOpened(door=DOORS[0]))
        wall.row(seq)
    missed = [rig.happen(DoorOpened(door=DOORS[n % 3])) for n in range(5)]
    with listening(guard, last=f"{rig.journal.epoch}-{seq}") as wall:
        for wanted in missed:
            assert wall.row(wanted)["line"]


def test_a_browser_that_slept_long_is_shown_doors_as_they_are_now(tmp_path: Path) -> None:
    """A row brings its door as it was when another wall was told of it: open, where no contact says that it closed."""
    rig = Rig(tmp_path, doors=DOORS[:2])
    gate, car = (replace(one, gate=replace(one.gate, contact=None)) for one in rig.config.doors)
    rig.config = replace(rig.config, doors=(gate, car))
    with rig.running():
        guard = rig.signed_in("guard")
        asleep = rig.journal.last
        with listening(guard) as awake:
            for _ in range(AT_ONCE):
                rig.happen(DoorOpened(door=car.name))
            rig.card()
            awake.row(until(lambda: rig.journal.last if rig.events("access.granted") else 0))
        until(lambda: [one["state"] for one in guard.get("/api/v1/doors").json()] == ["locked", "locked"])
        last = 0
        for _ in range(KEPT - AT_ONCE):
            last = rig.happen(DoorOpened(door=car.name))
        shown, upto = "", 0
        with listening(guard, last=f"{rig.journal.epoch}-{asleep}") as wall:
            while True:
                event, _, data = wall.next()
                if event in ("row", "door"):
                    message = msgspec.json.decode(data)
                    upto = max(upto, message["seq"])
                    shown = message.get("tile", shown) if message.get("door") == gate.name else shown
                if event == "beat" and upto >= last:
                    break
        assert 'class="locked"' in shown
        assert "released" not in shown


def test_what_is_silent_has_a_number_and_no_words(rig: Rig) -> None:
    with listening(rig.signed_in("supervisor")) as wall:
        seq = rig.happen(AlertOpened(door=DOORS[0], alert="a-1", kind="duress", silent=True, person="p-0001"))
        message = wall.row(seq)
        assert message["kind"] == "quiet"
        assert "line" not in message
        assert "胁迫" not in msgspec.json.encode(message).decode()


@pytest.mark.parametrize(
    ("level", "quiet", "kind"),
    [("alarm", False, "alarm"), ("warning", False, "warning"), ("alarm", True, "info"), ("warning", True, "info")],
)
def test_what_is_only_recorded_is_no_alarm_on_the_wall(rig: Rig, level: str, quiet: bool, kind: str) -> None:
    """Muted, or in quiet hours: a small line that says so, and no sound."""
    with listening(rig.signed_in("guard")) as wall:
        about = {"door": "", "alert": "a-2", "kind": "intrusion", "camera": "yard-cam", "rule": "lawn"}
        message = wall.row(rig.happen(AlertOpened(**about, level=level, quiet=quiet)))
        assert (message["kind"], "仅记录" in str(message["line"])) == (kind, quiet)


@pytest.mark.parametrize(("what", "kind"), [("evidence", "info"), ("verdict", "info"), ("no_evidence", "warning")])
def test_only_news_that_asks_for_something_is_a_warning_on_the_wall(rig: Rig, what: str, kind: str) -> None:
    with listening(rig.signed_in("guard")) as wall:
        about = {"door": "", "alert": "a-2", "kind": "intrusion", "camera": "yard-cam", "rule": "lawn"}
        assert wall.row(rig.happen(AlertUpdated(**about, what=what)))["kind"] == kind


def test_a_number_of_another_journal_means_starting_anew(rig: Rig) -> None:
    with listening(rig.signed_in("guard"), last="0" * 32 + "-5") as wall:
        assert wall.next()[0] == "anew"


def test_nothing_for_two_seconds_is_said(rig: Rig) -> None:
    with listening(rig.signed_in("guard")) as wall:
        assert until(lambda: wall.next()[0] == "beat")


def test_nobody_listens_without_a_session(rig: Rig) -> None:
    assert Client(rig).get("/stream", accept="text/event-stream").status == 401


def test_an_alarm_comes_at_once(rig: Rig) -> None:
    with listening(rig.signed_in("guard")) as wall:
        rig.panic(at=DOORS[1])
        html = ""
        while "紧急报警" not in html:
            event, _, data = wall.next()
            html = str(msgspec.json.decode(data)) if event == "alarms" else ""
        assert 'data-rings="yes"' in html
    rig.panic(False, at=DOORS[1])
