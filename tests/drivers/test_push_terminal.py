"""Terminals that call over HTTP, with a sender that is not ours: http.client, and bytes on a plain socket."""

import asyncio
import base64
import hashlib
import hmac
import http.client
import json
import logging
import socket
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from edge_agent.drivers import push_http
from edge_agent.drivers.profiles import load_profile
from edge_agent.drivers.push_terminal import PushTerminals, push_secret
from edge_agent.errors import EdgeAgentError
from edge_agent.model.clock import ClockState, Moment
from edge_agent.model.doors import DeviceReport
from edge_agent.model.reads import Card, Face, Liveness, Read, Unreadable
from edge_agent.model.site import Terminal
from tests.drivers.rig import states, with_job
from tests.waiting import auntil

SECRET = "correct horse battery"
PICTURE = base64.b64encode(b"a face that nobody keeps" * 50).decode()
ZONE = ZoneInfo("Asia/Shanghai")


class Hours:
    """Real time from a moment of our own; the test may move it, or take the trust away."""

    def __init__(self) -> None:
        self.ahead_ms = 0
        self.state = ClockState.SYNCED

    def now(self) -> Moment:
        up_ms = time.monotonic_ns() // 1_000_000 + self.ahead_ms
        return Moment(1_777_849_272_345 + up_ms, up_ms, "0" * 32, self.state, 1)


class Orders:
    """Deletions that a test gives to terminals."""

    def __init__(self) -> None:
        self.open: dict[str, list[tuple[int, str]]] = {}
        self.confirmations: list[tuple[str, int]] = []

    def next(self, terminal: str) -> tuple[int, str] | None:
        return next(iter(self.open.get(terminal, ())), None)

    def confirmed(self, terminal: str, order: int) -> None:
        self.confirmations.append((terminal, order))
        self.open[terminal] = [one for one in self.open.get(terminal, ()) if one[0] != order]


class Bench:
    def __init__(
        self, *profiles: str, url: str = "push://127.0.0.1:0", silent_s: float | None = None, secret: str = SECRET
    ) -> None:
        self.clock = Hours()
        self.reads: list[Read] = []
        self.reports: list[DeviceReport] = []
        callers = []
        for number, name in enumerate(profiles):
            profile = load_profile(f"terminals/{name}")
            if silent_s is not None:
                framing = msgspec.structs.replace(profile.framing, silent_s=silent_s)
                profile = msgspec.structs.replace(profile, framing=framing)
            terminal = Terminal(name=f"north-{number}", profile=profile.id, link="l", door="north")
            callers.append((terminal, profile, secret))
        self.orders = Orders()
        self.terminals = PushTerminals(
            url, callers, self.clock, ZONE, self.reads.append, self.reports.append, self.orders
        )

    def ms(self, ago_s: float = 0.0) -> int:
        return self.clock.now().wall_ms - round(ago_s * 1000)

    async def listening(self) -> int:
        await auntil(lambda: self.terminals.port)
        return self.terminals.port

    async def call(
        self, body: bytes, path: str = "/north-0", method: str = "POST", **headers: str
    ) -> tuple[int, bytes, dict[str, str]]:
        port = await self.listening()

        def send() -> tuple[int, bytes, dict[str, str]]:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            try:
                connection.request(method, path, body, {key.replace("_", "-"): text for key, text in headers.items()})
                answer = connection.getresponse()
                return answer.status, answer.read(), dict(answer.getheaders())
            finally:
                connection.close()

        return await asyncio.to_thread(send)

    async def flat(self, secret: str = SECRET, **fields: Any) -> int:
        """One call of a terminal of the flat kind."""
        report = {
            "recordId": 1, "personId": "p-1", "time": self.ms(), "type": "face_0", "score": 90, "alive": 1,
            "imgBase64": PICTURE,
        } | fields  # fmt: skip
        body = json.dumps(report).encode()
        return (await self.call(body, X_Signature=signed(body, secret)))[0]

    async def raw(self, data: bytes) -> bytes:
        """Bytes as they are; everything that comes back until the other side closes."""
        port = await self.listening()

        def send() -> bytes:
            with socket.create_connection(("127.0.0.1", port), timeout=20) as wire:
                wire.sendall(data)
                got = b""
                try:
                    while piece := wire.recv(65536):
                        got += piece
                except ConnectionResetError:
                    pass
                return got

        return await asyncio.to_thread(send)


def signed(body: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def basic(name: str, secret: str = SECRET) -> str:
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


def on_bench(bench: Bench, story: Callable[[Bench], Awaitable[None]]) -> Bench:
    with_job(bench.terminals.run, lambda: story(bench))
    return bench


def test_a_match_is_a_read_with_the_terminals_own_score_and_liveness() -> None:
    async def story(bench: Bench) -> None:
        assert await bench.flat() == 200
        read = bench.reads[0]
        assert read.credential == Face("match", "p-1", 0.9, Liveness.LIVE, by_terminal=True)
        assert (read.terminal, read.door, read.direction, read.stale) == ("north-0", "north", "in", False)
        assert await bench.flat(recordId=2, personId="STRANGERBABY", alive=0) == 200
        assert await bench.flat(recordId=3, alive=2) == 200
        assert await bench.flat(recordId=4, type="card_0", idcardNum="12345") == 200
        assert await bench.flat(recordId=5, type="card_0", idcardNum="1234567890123") == 200
        assert await bench.flat(type="heartbeat") == 200
        assert [read.credential for read in bench.reads[1:4]] == [
            Face("unknown", by_terminal=True),
            Face("match", "p-1", 0.9, Liveness.SPOOF, by_terminal=True),
            Card(32, 12345),
        ]
        assert isinstance(bench.reads[4].credential, Unreadable)
        assert len(bench.reads) == 5

    on_bench(Bench("face-push-flat"), story)


def test_each_kind_of_terminal_gets_the_answer_it_waits_for() -> None:
    bench = Bench("face-push-flat", "face-push-event", "face-push-list", "face-push-form")

    async def story(bench: Bench) -> None:
        now = datetime.fromtimestamp(bench.ms() / 1000, UTC)
        body = json.dumps({"personId": "p-0", "time": bench.ms(), "type": "face_0"}).encode()
        status, text, _ = await bench.call(body, X_Signature=signed(body))
        assert (status, json.loads(text)) == (200, {"result": 1, "success": True})

        event = {"employeeNoString": "p-1", "subEventType": 75, "serialNo": 7}
        part = json.dumps({"dateTime": now.astimezone(ZONE).isoformat(), "AccessControllerEvent": event}).encode()
        body = (
            b'--bbb\r\nContent-Disposition: form-data; name="event_log"\r\n\r\n' + part
            + b'\r\n--bbb\r\nContent-Disposition: form-data; name="Picture"; filename="p.jpg"\r\n'
            + b"Content-Type: image/jpeg\r\n\r\n" + bytes(range(256)) * 200 + b"\r\n--bbb--\r\n"
        )  # fmt: skip
        kind = "multipart/form-data; boundary=bbb"
        status, text, _ = await bench.call(
            body, "/north-1/events", "PUT", Authorization=basic("north-1"), Content_Type=kind
        )
        assert (status, text) == (200, b"")

        report = {
            "Seq": 1,
            "FaceInfoList": [{"Timestamp": now.timestamp()}],
            "LibMatInfoList": [{"MatchPersonInfo": {"PersonCode": "p-2"}}],
        }
        status, text, _ = await bench.call(json.dumps(report).encode(), "/north-2", X_Token=SECRET)
        assert (status, json.loads(text)["Response"]["StatusString"]) == (200, "Succeed")

        local = now.astimezone(ZONE).strftime("%Y-%m-%d+%H:%M:%S")
        body = f"user_id=p-3&confidence=0.8&living=true&capture_time={local}&photo={'A' * 1000}".encode()
        status, text, headers = await bench.call(body, "/north-3", Authorization=basic("north-3"))
        assert (status, text, headers["Content-Type"]) == (200, b"ok", "text/plain")

        assert [(read.terminal, read.credential.person, read.stale) for read in bench.reads] == [
            (f"north-{number}", f"p-{number}", False) for number in range(4)
        ]

    on_bench(bench, story)


def test_what_a_terminal_kept_while_it_was_offline_opens_nothing() -> None:
    """Its own clock says when; the future is as wrong as the past. Told once a minute."""

    async def story(bench: Bench) -> None:
        for number, ago_s in enumerate((300, 5, 2, -2, -5)):
            assert await bench.flat(recordId=number, time=bench.ms(ago_s)) == 200
        assert [read.stale for read in bench.reads] == [True, True, False, False, True]
        assert [report.state for report in bench.reports] == ["degraded"]
        assert "300 s old" in bench.reports[0].detail

    on_bench(Bench("face-push-flat"), story)


def test_while_the_gateways_clock_is_not_set_no_report_is_new() -> None:
    async def story(bench: Bench) -> None:
        bench.clock.state = ClockState.UNSET
        assert await bench.flat() == 200
        assert [read.stale for read in bench.reads] == [True]
        assert "clock" in bench.reports[0].detail

    on_bench(Bench("face-push-flat"), story)


def test_the_same_report_again_is_answered_and_is_no_read() -> None:
    """By its own number, or by its bytes when it has none; a number used again at another time is another report."""

    async def story(bench: Bench) -> None:
        at = bench.ms()
        for _ in range(3):
            assert await bench.flat(time=at) == 200
        assert len(bench.reads) == 1
        assert await bench.flat(time=at + 1) == 200
        assert len(bench.reads) == 2
        for _ in range(2):
            assert await bench.flat(time=at, recordId="") == 200
        assert len(bench.reads) == 3

    on_bench(Bench("face-push-flat"), story)


def test_without_the_secret_nothing_is_read() -> None:
    bench = Bench("face-push-flat", "face-push-event", "face-push-list")

    async def story(bench: Bench) -> None:
        body = json.dumps({"personId": "p-0", "time": bench.ms(), "type": "face_0"}).encode()
        for signature in (signed(body, "another secret"), signed(body + b" "), "", "é"):
            assert (await bench.call(body, X_Signature=signature))[0] == 401
        assert (await bench.call(body))[0] == 401
        for authorization in (basic("north-0"), basic("north-1", "wrong"), "Basic !!", "Bearer x", ""):
            status, _, headers = await bench.call(b"", "/north-1", Authorization=authorization)
            assert (status, headers["WWW-Authenticate"][:5]) == (401, "Basic")
        assert (await bench.call(b"", "/north-2", X_Token=SECRET[:-1]))[0] == 401
        assert bench.reads == []
        assert [(report.device, report.state) for report in bench.reports] == [
            ("north-0", "degraded"),
            ("north-1", "degraded"),
            ("north-2", "degraded"),
        ]

    on_bench(bench, story)


def test_a_call_to_nobody_is_refused_where_there_are_several() -> None:
    async def story(bench: Bench) -> None:
        assert (await bench.call(b"", "/south"))[0] == 404
        assert (await bench.call(b"", "/"))[0] == 404

    on_bench(Bench("face-push-flat", "face-push-list"), story)


def test_a_single_terminal_may_call_any_path() -> None:
    async def story(bench: Bench) -> None:
        body = json.dumps({"personId": "p-0", "time": bench.ms(), "type": "face_0"}).encode()
        assert (await bench.call(body, "/cgi-bin/whatever?x=1", X_Signature=signed(body)))[0] == 200
        assert len(bench.reads) == 1

    on_bench(Bench("face-push-flat"), story)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"null", b"[" * 100_000, b"\xff\xfe", b'{"type":"face_0"}', b'{"type":"face_0","time":"soon"}',
        b'{"type":"face_0","time":1e400}', b'{"type":"face_0","time":' + b"9" * 6000 + b"}",
    ],
)  # fmt: skip
def test_a_report_of_another_form_is_refused_and_told_without_repeating_it(body: bytes) -> None:
    async def story(bench: Bench) -> None:
        status, _, _ = await bench.call(body, X_Signature=signed(body))
        assert status == (200 if body == b"null" else 400)  # null is no identification
        assert bench.reads == []
        assert all(b'"' + report.detail.encode() not in body for report in bench.reports)
        assert await bench.flat() == 200  # it goes on

    on_bench(Bench("face-push-flat"), story)


def test_pictures_are_nowhere_but_in_the_call(caplog: pytest.LogCaptureFixture) -> None:
    """Not in a read, a report, a log line at any level, nor in an error of a body that is cut in the middle of one."""

    async def story(bench: Bench) -> None:
        await bench.flat()
        await bench.flat(recordId=2, time=bench.ms(900))
        await bench.flat(secret="wrong")
        body = json.dumps({"imgBase64": PICTURE}).encode()[:-3]
        await bench.call(body, X_Signature=signed(body))
        body = json.dumps({"type": "face_0", "time": PICTURE}).encode()
        await bench.call(body, X_Signature=signed(body))

    with caplog.at_level(logging.DEBUG):
        bench = on_bench(Bench("face-push-flat"), story)
    said = caplog.text + repr(bench.reads) + repr(bench.reports) + repr(vars(bench.terminals))
    said += repr([vars(terminal) for terminal in bench.terminals._terminals.values()]).replace(SECRET, "")
    assert len(bench.reports) == 3
    for piece in (PICTURE[:24], PICTURE[400:424], "nobody keeps"):
        assert piece not in said


def test_a_terminal_that_falls_silent_is_lost_and_back_with_its_next_call() -> None:
    async def story(bench: Bench) -> None:
        assert await bench.flat() == 200
        bench.clock.ahead_ms += 61_000
        await auntil(lambda: states(bench.reports) == ["lost"])
        assert not bench.terminals.usable("north-0")
        assert await bench.flat(type="heartbeat") == 200
        assert states(bench.reports) == ["lost", "back"]
        assert bench.terminals.usable("north-0")

    on_bench(Bench("face-push-flat", silent_s=60), story)


def test_an_address_that_is_taken_is_told_and_taken_when_it_is_free() -> None:
    async def story(bench: Bench) -> None:
        await auntil(lambda: states(bench.reports) == ["lost"])
        squatter.close()
        await bench.listening()
        assert states(bench.reports) == ["lost", "back"]
        assert await bench.flat() == 200

    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        on_bench(Bench("face-push-flat", url=f"push://127.0.0.1:{squatter.getsockname()[1]}"), story)


# ---- HTTP ------------------------------------------------------------------------------------------------------------


def head(*lines: str) -> bytes:
    return ("\r\n".join(("POST /north-0 HTTP/1.1", *lines)) + "\r\n\r\n").encode()


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (head("Content-Length: 1048577"), 413),
        (head("Content-Length: 99999999999999"), 413),
        (head("Content-Length: -1"), 400),
        (head("Content-Length: 1", "Content-Length: 2"), 400),
        (head("Transfer-Encoding: chunked", "Content-Length: 2"), 400),
        (head("Transfer-Encoding: gzip"), 400),
        (head("Transfer-Encoding: chunked") + b"200000\r\n", 413),
        (head("Transfer-Encoding: chunked") + b"xyz\r\n", 400),
        (head("Transfer-Encoding: chunked") + b"2\r\nabc\r\n", 400),
        (head("no colon here"), 400),
        (head("X: " + "y" * 40_000), 431),
        (b"GET /north-0 HTTP/1.1\r\n\r\n", 405),
        (b"POST north-0 HTTP/1.1\r\n\r\n", 400),
        (b"POST / HTTP/3\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),  # TLS knocks
    ],
)
def test_a_request_that_is_none_or_too_much_is_refused(request_bytes: bytes, status: int) -> None:
    async def story(bench: Bench) -> None:
        answer = await bench.raw(request_bytes)
        assert answer.startswith(f"HTTP/1.1 {status} ".encode())
        assert b"Connection: close" in answer
        assert await bench.flat() == 200

    on_bench(Bench("face-push-flat"), story)


def test_a_body_in_chunks_and_one_that_asks_first_are_read() -> None:
    """As C libraries in terminals send them; two requests on one connection."""

    async def story(bench: Bench) -> None:
        body = json.dumps({"personId": "p-0", "time": bench.ms(), "type": "face_0"}).encode()
        signature = f"X-Signature: {signed(body)}"
        chunked = head("Transfer-Encoding: chunked", signature)
        for piece in (body[:7], body[7:]):
            chunked += b"%X;ext=1\r\n%s\r\n" % (len(piece), piece)
        chunked += b"0\r\nTrailer: x\r\n\r\n"
        asking = head(f"Content-Length: {len(body)}", "Expect: 100-continue", signature, "Connection: close") + body
        answer = await bench.raw(chunked + asking)
        assert answer.count(b"HTTP/1.1 200 OK") == 2
        assert answer.count(b"HTTP/1.1 100 Continue") == 1
        assert len(bench.reads) == 1  # the second is the same report

    on_bench(Bench("face-push-flat"), story)


def test_a_sender_that_never_ends_is_cut_off_and_others_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push_http, "_REQUEST_S", 0.3)

    async def story(bench: Bench) -> None:
        slow = asyncio.ensure_future(bench.raw(head("Content-Length: 100") + b"{"))
        assert (await slow).startswith(b"HTTP/1.1 408 ")

    on_bench(Bench("face-push-flat"), story)


def test_one_address_holds_no_more_than_its_connections() -> None:
    async def story(bench: Bench) -> None:
        port = await bench.listening()
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(push_http._OF_ONE)]
        try:
            await auntil(lambda: bench.terminals._server._open["127.0.0.1"] == push_http._OF_ONE)
            assert await bench.raw(b"") == b""  # closed without a word
        finally:
            for _, writer in held:
                writer.close()
        await auntil(lambda: bench.terminals._server._open["127.0.0.1"] == 0)
        assert await bench.flat() == 200

    on_bench(Bench("face-push-flat"), story)


def test_a_secret_is_one_line_of_sixteen_characters_or_more(tmp_path: Any) -> None:
    path = tmp_path / "secret"
    for text in (None, "short", "two lines\nof more than sixteen"):
        if text is not None:
            path.write_text(text)
        with pytest.raises(EdgeAgentError) as refused:
            push_secret(path)
        assert text is None or text not in str(refused.value)
    path.write_text(SECRET + "\n")
    assert push_secret(path) == SECRET


def test_a_terminal_is_told_to_delete_a_face_until_it_confirms() -> None:
    """In the answer to any call of its own; with a person whose id would break out of the answer, it does not."""

    async def story(bench: Bench) -> None:
        bench.orders.open["north-0"] = [(7, 'p-"1'), (8, "p-2")]

        async def call(**report: Any) -> Any:
            body = json.dumps({"type": "heartbeat"} | report).encode()
            status, answer, _ = await bench.call(body, X_Signature=signed(body))
            assert status == 200
            return json.loads(answer)

        assert (await call())["task"] == {"taskId": 7, "name": "deletePerson", "personId": 'p-"1'}
        assert (await call(type="task", taskId=7, taskResult="busy"))["task"]["taskId"] == 7
        assert (await call(type="task", taskId=7, taskResult="ok"))["task"]["taskId"] == 8
        assert "task" not in await call(type="task", taskId="8", taskResult="not_found")
        assert bench.orders.confirmations == [("north-0", 7), ("north-0", 8)]
        for strange in ("-1", "x", "9" * 30, {}, [7], 7.5, None):
            await call(type="task", taskId=strange, taskResult="ok")
        assert len(bench.orders.confirmations) == 2
        assert bench.reads == []

    on_bench(Bench("face-push-orders"), story)


def test_a_terminal_that_takes_no_orders_gets_its_plain_answer() -> None:
    async def story(bench: Bench) -> None:
        bench.orders.open["north-0"] = [(7, "p-1")]
        body = json.dumps({"type": "heartbeat"}).encode()
        assert (await bench.call(body, X_Signature=signed(body)))[1] == b'{"result":1,"success":true}'

    on_bench(Bench("face-push-flat"), story)


def test_a_secret_in_chinese_is_one_as_a_token_too(tmp_path: Any) -> None:
    """A terminal sends its bytes, which HTTP calls no text."""
    secret = "北门人脸终端的口令一二三四五六"

    async def story(bench: Bench) -> None:
        status, _, _ = await bench.call(b"{}", x_token=secret.encode().decode("latin-1"))
        assert status != 401
        assert (await bench.call(b"{}", x_token=secret[:-1].encode().decode("latin-1")))[0] == 401

    on_bench(Bench("face-push-list", secret=secret), story)
