"""A simulated Chinese ID-card reader module on a pty. Knows nothing of the agent's decoder: written from the published
frames, byte by byte.

    python -m edge_agent.sim.sdt_reader --pty run/sim/desk

Orders on stdin: {"do":"put","name":"张三","number":"11010519491231002X","birth":"19491231","from":"20200101",
"until":"长期"}, {"do":"take"}, {"do":"trouble","with":"select|read|xor|header|mute|pull","times":1}: the next time so
often, select or read fails, an answer has a wrong sum, a zero within its header, none comes at all, or the card is
pulled after it was found. {"do":"pieces","size":7}: answers come in pieces. Facts on stdout: ready, asked (with t_ns).
"""

import argparse
import struct
import time
from pathlib import Path
from typing import Any

from edge_agent.sim.wire import Wire, device, say

PREAMBLE = bytearray((170, 170, 170, 150, 105))
ASKED = {(0x20, 0x01): "find", (0x20, 0x02): "select", (0x30, 0x01): "read", (0x11, 0xFF): "status"}
WIDTHS = {"name": 15, "sex": 1, "nation": 2, "birth": 8, "address": 35, "number": 18, "issuer": 15,
          "from": 8, "until": 8, "reserve": 18}  # fmt: skip
PHOTO = bytes((position * 7 + 3) & 0xFF for position in range(1024))


def folded(data: bytes) -> int:
    total = 0
    for byte in data:
        total = (total | byte) - (total & byte)
    return total


def answer(status: int, rest: bytes = b"") -> bytes:
    body = struct.pack(">H3B", len(rest) + 4, 0, 0, status) + rest
    return bytes(PREAMBLE) + body + bytes((folded(body),))


def text_of(card: dict[str, str]) -> bytes:
    block = bytearray()
    for key, width in WIDTHS.items():
        for place in range(width):
            value = card.get(key, "")
            block += struct.pack("<H", ord(value[place]) if place < len(value) else 0x20)
    return bytes(block)


class Module:
    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._heard = b""
        self._card: dict[str, str] | None = None
        self._state = "idle"  # found, selected, spent: nothing more until the card was away
        self._trouble: dict[str, int] = {}
        self._size = 0

    def carry_out(self, order: dict[str, Any]) -> None:
        match order["do"]:
            case "put":
                self._card, self._state = {"sex": "1", "nation": "01", "issuer": "公安局", **order}, "idle"
            case "take":
                self._card = None
            case "trouble":
                self._trouble[order["with"]] = order.get("times", 1)
            case "pieces":
                self._size = order["size"]
            case "bytes":
                self._wire.write(bytes.fromhex(order["hex"]), patience_s=1.0)

    def hear(self, data: bytes) -> None:
        self._heard += data
        while (start := self._heard.find(PREAMBLE)) >= 0 and len(self._heard) >= start + 10:
            request, self._heard = self._heard[start : start + 10], self._heard[start + 10 :]
            if request[5:7] == b"\x00\x03" and request[9] == folded(request[5:9]):
                self._obey(ASKED.get((request[7], request[8]), "unknown"))

    def _obey(self, asked: str) -> None:
        say(asked=asked, t_ns=time.monotonic_ns())
        if self._happens("mute"):
            return
        reply = bytearray(self._reply(asked))
        if self._happens("xor"):
            reply[-1] ^= 0x11
        if self._happens("header"):
            reply.insert(1, 0)
        size = self._size or len(reply)
        for start in range(0, len(reply), size):
            self._wire.write(bytes(reply[start : start + size]), patience_s=1.0)

    def _happens(self, trouble: str) -> bool:
        left = self._trouble.get(trouble, 0)
        self._trouble[trouble] = max(0, left - 1)
        return left > 0

    def _reply(self, asked: str) -> bytes:
        if asked == "status":
            return answer(0x90)
        if asked == "find":
            if self._card is None or self._state == "spent":
                return answer(0x80)
            self._state = "found"
            found = answer(0x9F, bytes(4))
            if self._happens("pull"):
                self._card = None
            return found
        if asked == "select":
            if self._card is None or self._state != "found" or self._happens("select"):
                return answer(0x81)
            self._state = "selected"
            return answer(0x90, bytes(8))
        if self._card is None or self._state != "selected" or self._happens("read"):
            self._state = "spent"
            return answer(0x41)
        self._state = "spent"
        return answer(0x90, struct.pack(">HH", 256, len(PHOTO)) + text_of(self._card) + PHOTO)


def main() -> None:
    options = argparse.ArgumentParser(description="simulated ID-card reader module")
    options.add_argument("--pty", type=Path, required=True)
    chosen = options.parse_args()
    with device(chosen.pty) as (wire, orders):
        module = Module(wire)
        say(ready=True)
        while orders.wait(time.monotonic() + 3600, module.carry_out):
            if data := wire.read():
                module.hear(data)


if __name__ == "__main__":
    main()
