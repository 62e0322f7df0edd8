"""Simulated OSDP devices written by hand: readers and boards with relays and inputs, one or many on one wire.

    python -m edge_agent.sim.osdp_board --pty run/sim/bus --address 1 --count 2 --outputs 2 --inputs 8 --key 0001…0F

Where sim/reader.py is a libosdp peripheral, this one owes libosdp nothing, times its relays itself, and can misbehave.
Orders on stdin (each with "address", else the first device): {"do":"card","bits":26,"raw":123}, {"do":"keys",
"text":"12#"}, {"do":"input","number":0,"on":true} (or a "value"), tamper, power (on: it failed), stuck (relays stay),
{"do":"hold", "number":0} (that relay stays on after its pulse), silent (answers nothing),
{"do":"nak","code":96,"on":true} (refuses that command), {"do":"odd","code":87,"times":1} (answers polls with that
reply), {"do":"lose","code":104,"times":1} (does as told, and its answer is lost), {"do":"deaf","code":104,"times":1}
(that command never arrives), {"do":"busy", "code":96,"times":1} (has no time for that command, 0: for any),
{"do":"flood","every_ms":100} (a card each time, 0 ends it); for all of them echo (the adapter gives back what it
sends), unplug, plug, vanish, appear.
Facts on stdout carry the address: ready, sc, card, sent, led, buzzer, text, output, keyset, unheard.
"""

import argparse
import time
from collections import Counter, deque
from pathlib import Path
from typing import Any

from edge_agent.model.reads import Card
from edge_agent.protocols.wiegand import to_left_justified
from edge_agent.sim.osdp_session import NAK_COMMAND, NAK_RECORD, NAK_SECURITY, Refused, Session, checked, crc16, plain
from edge_agent.sim.wire import Wire, device, say

ACK, NAK, PDID, PDCAP, LSTATR, ISTATR, OSTATR, RAW, KEYPAD, CCRYPT, RMAC_I, BUSY = (
    0x40, 0x41, 0x45, 0x46, 0x48, 0x49, 0x4A, 0x50, 0x53, 0x76, 0x78, 0x79,
)  # fmt: skip
ID, CAP, KEYSET, CHLNG, SCRYPT = 0x61, 0x62, 0x75, 0x76, 0x77
_SESSION_S = 8.0
_KEYS = {"*": 0x7F, "#": 0x0D}
_OPEN = {ID, CAP, CHLNG, SCRYPT}  # all it takes before the channel stands
_ABLE = bytes((4, 1, 1, 5, 1, 1, 6, 1, 1, 8, 1, 0, 9, 1, 1))  # LED, buzzer, text, CRC, secure channel


class Relay:
    """One output: what it is when no timer runs, and for how long it is otherwise."""

    def __init__(self) -> None:
        self.rest = self.on = False
        self.until: float | None = None

    def obey(self, code: int, tenths: int, now: float) -> None:
        match code:
            case 1 | 2:
                self.rest = self.on = code == 2
                self.until = None
            case 5 | 6:
                self.on, self.until = code == 5, now + tenths / 10

    def tick(self, now: float) -> bool:
        if self.until is None or now < self.until:
            return False
        self.until = None
        self.on, was = self.rest, self.on
        return self.on != was


class Station:
    """One address."""

    def __init__(self, address: int, key: bytes | None, clear: bool, outputs: int, inputs: int) -> None:
        self.address, self._clear = address, clear
        self.cuid = bytes((0xCA, 0xFE, 0x00, 1, 1)) + address.to_bytes(3, "big")
        self.session = Session(key, self.cuid)
        self.relays = [Relay() for _ in range(outputs)]
        self.inputs = bytearray(inputs)
        self.local = bytearray(2)
        self.events: deque[tuple[int, bytes, bool]] = deque()  # reply, data, to be told when it is on the wire
        self.stuck = self.silent = False
        self.refuses: set[int] = set()
        self.loses: Counter[int] = Counter()
        self.misses: Counter[int] = Counter()
        self.odd: deque[int] = deque()
        self.busy: Counter[int] = Counter()
        self.flood_s = self._flood_at = 0.0
        self._asked = self._answer = b""
        self._heard = 0.0
        self.told: list[dict[str, Any]] = []  # to be said once the answer is on the wire

    def answer(self, frame: bytes, body: bytes, now: float) -> bytes | None:
        """The reply to a good frame of this address, with its CRC."""
        code = body[5 + (body[5] if body[4] & 0x08 else 0)]
        if self.silent or self._count(self.misses, code):
            say(address=self.address, unheard=code)
            return None
        if self._count(self.busy, code) or self._count(self.busy, 0):
            return self._sealed(plain(self.address, 0x04, bytes((BUSY,))))
        control = body[4] & 0x03
        if frame == self._asked and control:
            # asked again, as its answer was lost or late: done once, said twice
            say(address=self.address, again=code)
            return None if self._count(self.loses, code) else self._answer
        if now - self._heard > _SESSION_S or not control:
            self._end_session()
        self._heard, self._asked = now, frame
        self._answer = self._sealed(self._reply(body, control | 0x04, now))
        return None if self._count(self.loses, code) else self._answer

    def _count(self, counted: Counter[int], code: int) -> bool:
        if counted[code] <= 0:
            return False
        counted[code] -= 1
        return True

    def _sealed(self, body: bytes) -> bytes:
        return b"\xff" + body + crc16(body)

    def _end_session(self) -> None:
        if self.session.active:
            self.session.active = False
            say(address=self.address, sc=False)

    def _reply(self, body: bytes, control: int, now: float) -> bytes:
        secured = bool(body[4] & 0x08) and body[6] >= 0x15
        try:
            if secured and not self.session.active:
                raise Refused(NAK_SECURITY)
            content = self.session.unwrap(body) if secured else body[5 + (body[5] if body[4] & 0x08 else 0) :]
            if content[0] in (CHLNG, SCRYPT):
                return self._shake(content, body[5:8], control)
            if not secured and not self._clear and content[0] not in _OPEN:
                raise Refused(NAK_SECURITY)
            reply = self._obey(content[0], content[1:], now)
        except Refused as refused:
            if not self.session.active:
                return plain(self.address, control, bytes((NAK, refused.reason)))
            reply = bytes((NAK, refused.reason))
        if not secured:
            return plain(self.address, control, reply)
        answer = self.session.wrap(self.address, control, reply)
        if content[0] == KEYSET and reply[0] == ACK:
            self.session.key = content[3:19]
            self._end_session()
        return answer

    def _shake(self, content: bytes, block: bytes, control: int) -> bytes:
        if content[0] == CHLNG:
            self._end_session()
            block, data = self.session.challenge(content[1:9], block)
            return plain(self.address, control, bytes((CCRYPT,)) + data, block)
        block, data = self.session.prove(content[1:17], block)
        say(address=self.address, sc=True, default=self.session.default)
        return plain(self.address, control, bytes((RMAC_I,)) + data, block)

    def _obey(self, code: int, data: bytes, now: float) -> bytes:
        if code in self.refuses:
            raise Refused(NAK_COMMAND)
        match code:
            case 0x60:
                return self._poll()
            case 0x61:
                return bytes((PDID, 0xCA, 0xFE, 0, 1, 1)) + self.address.to_bytes(4, "big") + bytes((1, 0, 0))
            case 0x62:
                return bytes((PDCAP, 1, 1, len(self.inputs), 2, 4, len(self.relays))) + _ABLE
            case 0x64:
                return bytes((LSTATR,)) + self.local
            case 0x65:
                return bytes((ISTATR,)) + self.inputs
            case 0x66:
                return self._outputs()
            case 0x68:
                return self._out(data, now)
            case 0x75:
                if data[:2] != b"\x01\x10" or len(data) != 18 or not self.session.active:
                    raise Refused(NAK_RECORD)
                self._say(keyset=True)
            case _:
                self._show(code, data)
        return bytes((ACK,))

    def _show(self, code: int, data: bytes) -> None:
        match code:
            case 0x69:
                timer = data[7] | data[8] << 8
                self._say(led={"code": data[2], "on": data[3], "off": data[4], "on_color": data[5], "timer": timer})
            case 0x6A:
                self._say(buzzer={"code": data[1], "on": data[2], "off": data[3], "times": data[4]})
            case 0x6B:
                place = {"row": data[3], "column": data[4]}
                self._say(text={"code": data[1], "seconds": data[2], **place, "text": data[6:].decode("ascii")})
            case _:
                raise Refused(NAK_COMMAND)

    def _say(self, **fact: Any) -> None:
        say(address=self.address, **fact, t_ns=time.monotonic_ns())

    def _poll(self) -> bytes:
        if self.odd:
            return bytes((self.odd.popleft(), 0))
        if not self.events:
            return bytes((ACK,))
        code, data, tell = self.events.popleft()
        if tell:
            self.told.append({"address": self.address, "sent": True})
        return bytes((code,)) + data

    def _outputs(self) -> bytes:
        return bytes((OSTATR,)) + bytes(relay.on for relay in self.relays)

    def _out(self, data: bytes, now: float) -> bytes:
        for at in range(0, len(data) - 3, 4):
            number, code, tenths = data[at], data[at + 1], int.from_bytes(data[at + 2 : at + 4], "little")
            if number >= len(self.relays):
                raise Refused(NAK_RECORD)
            if not self.stuck:
                self.relays[number].obey(code, tenths, now)
            self._say(output={"number": number, "code": code, "tenths": tenths, "on": self.relays[number].on})
        return self._outputs()

    def tick(self, now: float) -> None:
        if self.flood_s and now >= self._flood_at and len(self.events) < 10:
            self._flood_at = now + self.flood_s
            self.events.append((RAW, bytes((0, 1, 26, 0, 0x7F, 0xFF, 0xFF, 0xC0)), False))
        for number, relay in enumerate(self.relays):
            if relay.tick(now):
                self._say(output={"number": number, "code": 0, "tenths": 0, "on": relay.on})
                self.events.append((OSTATR, self._outputs()[1:], False))

    def carry_out(self, order: dict[str, Any]) -> None:
        on, code, times = bool(order.get("on", True)), order.get("code", 0), order.get("times", 1)
        match order["do"]:
            case "card":
                card = Card(order["bits"], order["raw"])
                data = bytes((0, 1)) + card.bits.to_bytes(2, "little") + to_left_justified(card)
                self.events.append((RAW, data, True))
                self._say(card={"bits": card.bits, "raw": card.raw})
            case "keys":
                keys = bytes(_KEYS.get(key, ord(key)) for key in order["text"])
                self.events.append((KEYPAD, bytes((0, len(keys))) + keys, True))
            case "input":
                self.inputs[order["number"]] = order.get("value", int(on))
                self.events.append((ISTATR, bytes(self.inputs), False))
            case "tamper" | "power" as what:
                self.local[what == "power"] = on
                self.events.append((LSTATR, bytes(self.local), False))
            case "hold":
                self.relays[order["number"]].rest = True
            case "stuck":
                self.stuck = on
            case "silent":
                self.silent = on
            case "nak":
                (self.refuses.add if on else self.refuses.discard)(code)
            case "odd":
                self.odd.extend([code] * times)
            case "lose":
                self.loses[code] += times
            case "deaf":
                self.misses[code] += times
            case "busy":
                self.busy[code] += times
            case "flood":
                self.flood_s = order["every_ms"] / 1000


class Devices:
    """All that hang on one wire."""

    def __init__(self, wire: Wire, stations: list[Station]) -> None:
        self._wire = wire
        self._stations = {station.address: station for station in stations}
        self._first = stations[0]
        self._held = b""
        self._echo = False

    def carry_out(self, order: dict[str, Any]) -> None:
        if order["do"] == "echo":
            self._echo = bool(order.get("on", True))
            return
        self._stations[order.get("address", self._first.address)].carry_out(order)

    def turn(self) -> None:
        now = time.monotonic()
        for station in self._stations.values():
            station.tick(now)
        heard = self._wire.read()
        if self._echo and heard:
            self._wire.write(heard)
        self._held += heard
        while (at := self._held.find(b"\x53")) >= 0:
            self._held = self._held[at:]
            length = int.from_bytes(self._held[2:4], "little") if len(self._held) >= 5 else 0
            if len(self._held) < 5 or (8 <= length <= 256 and len(self._held) < length):
                return
            frame = self._held[:length]
            body = checked(frame) if 7 <= length <= 256 else None
            self._held = self._held[1 if body is None else length :]
            if body is not None and frame[1] in self._stations:
                station = self._stations[frame[1]]
                self._say(station, station.answer(frame, body, now))
        self._held = b""

    def _say(self, station: Station, answer: bytes | None) -> None:
        if answer is not None:
            self._wire.write(answer)
        told, station.told = station.told, []
        for fact in told:
            if answer is not None and self._wire.plugged:
                say(**fact, t_ns=time.monotonic_ns())


def main() -> None:
    options = argparse.ArgumentParser(description="simulated OSDP devices, written by hand")
    options.add_argument("--pty", type=Path, required=True)
    options.add_argument("--key", help="secure channel base key of all, 32 hex digits; none: the default key, once")
    options.add_argument("--clear", action="store_true", help="take commands outside the secure channel")
    options.add_argument("--address", type=int, default=1, help="of the first device")
    options.add_argument("--count", type=int, default=1, help="so many devices, addresses in a row")
    options.add_argument("--outputs", type=int, default=0)
    options.add_argument("--inputs", type=int, default=0)
    chosen = options.parse_args()
    key = bytes.fromhex(chosen.key) if chosen.key else None
    addresses = range(chosen.address, chosen.address + chosen.count)
    with device(chosen.pty) as (wire, orders):
        devices = Devices(wire, [Station(n, key, chosen.clear, chosen.outputs, chosen.inputs) for n in addresses])
        say(ready=True)
        while orders.wait(time.monotonic() + 0.02, devices.carry_out):
            devices.turn()


if __name__ == "__main__":
    main()
