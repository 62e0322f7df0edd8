"""A face terminal that calls the running daemon: the door opens, and no picture is anywhere afterwards."""

import asyncio
import base64
import hashlib
import hmac
import http.client
import json
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from edge_agent.sim.broker import free_port
from edge_agent.sim.estate import DOOR, Estate
from tests.system.site import estate, journal, log_of, ready, tags
from tests.waiting import auntil, until

SECRET = "0123456789abcdef"
PICTURE = base64.b64encode(b"a face that nobody keeps" * 50).decode()

# The daemon on a machine whose clock NTP keeps; this one may be kept by nobody.
TRUSTING = """
from edge_agent.drivers.clock import KernelTime, SystemClock
SystemClock.__init__.__defaults__ = (lambda: KernelTime(True, 1000), None, None)
from edge_agent.cli import main
main()
"""


def call(port: int, number: int, person: str, ago_s: float = 0.0) -> int:
    seen = {
        "recordId": number, "personId": person, "time": round((time.time() - ago_s) * 1000), "type": "face_0",
        "score": 91, "alive": 1, "imgBase64": PICTURE,
    }  # fmt: skip
    return report(port, seen)[0]


def report(port: int, what: dict[str, object]) -> tuple[int, dict[str, Any]]:
    body = json.dumps(what).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("POST", "/north-face", body, {"X-Signature": signature})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"{}")
    finally:
        connection.close()


async def withdrawn(site: Estate, port: int) -> None:
    """R3: the terminal is told to delete the face, in the answer to its heartbeat, and its word is the proof."""
    await site.command("face", "withdraw", "p-0001")
    told = partial(until, lambda: report(port, {"type": "heartbeat"})[1].get("task"))
    task = await asyncio.to_thread(told)
    assert (task["name"], task["personId"]) == ("deletePerson", "p-0001")
    await asyncio.to_thread(report, port, {"type": "task", "taskId": task["taskId"], "taskResult": "ok"})
    (erased,) = await auntil(lambda: [row for row in journal(site) if row.tag == "person.erased"])
    assert b'"terminal":"north-face"' in erased.body
    await site.command("face", "pending")
    assert "task" not in (await asyncio.to_thread(report, port, {"type": "heartbeat"}))[1]


def test_a_terminal_that_matched_opens_and_what_it_kept_does_not(tmp_path: Path) -> None:
    async def story() -> None:
        async with estate(tmp_path / "e") as site:
            port = free_port()
            (site.gateway / "keys/north-face.secret").write_text(SECRET)
            text = site.config.read_text("utf-8").replace('ways = [["card"]]', 'ways = [["card"], ["face"]]')
            text = text.replace("[gateway]", '[faces]\nengine = "terminal"\n[gateway]')
            text += (
                f'\n[[link]]\nname = "lan"\nurl = "push://127.0.0.1:{port}"\n'
                f'[[terminal]]\nname = "north-face"\nprofile = "terminals/face-push-orders"\nlink = "lan"\n'
                f'door = "{DOOR}"\nsecret_file = "keys/north-face.secret"\n'
            )
            site.config.write_text(text, "utf-8")
            site.agent.arguments = [sys.executable, "-c", TRUSTING, "run", "--config", str(site.config)]
            await site.agent.start()
            await ready(site)
            mark = len(site.gate.lines)
            assert await asyncio.to_thread(call, port, 1, "p-0001", 300) == 200
            assert await asyncio.to_thread(call, port, 2, "somebody") == 200
            await auntil(lambda: len([row for row in journal(site) if row.tag == "access.denied"]) == 2)
            assert not [line for line in site.gate.lines[mark:] if "relay" in line]
            assert await asyncio.to_thread(call, port, 9, "p-0001") == 200  # who has not agreed to it
            await auntil(lambda: len([row for row in journal(site) if row.tag == "access.denied"]) == 3)
            await site.command("face", "agree", "p-0001", "--consent", "v1")
            await auntil(lambda: "consent.given" in tags(site))
            assert await asyncio.to_thread(call, port, 3, "p-0001") == 200
            await site.gate.line(lambda line: line.get("relay") == "on", mark)
            granted = await auntil(lambda: [row for row in journal(site) if row.tag == "access.granted"])
            assert b'"p-0001"' in granted[0].body
            assert b'"face"' in granted[0].body
            denied = [row.body for row in journal(site) if row.tag == "access.denied"]
            assert b"stale_read" in denied[0]
            assert b"credential_not_enabled" in denied[2]
            assert b'"by":"terminal","liveness":"live","score":0.91' in granted[0].body
            await withdrawn(site, port)
            await site.agent.stop()
            kept = log_of(site).encode() + b"".join(
                path.read_bytes() for path in site.gateway.rglob("*") if path.is_file()
            )
            for piece in (PICTURE[:24].encode(), b"nobody keeps"):
                assert piece not in kept

    asyncio.run(story())
