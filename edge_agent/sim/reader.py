"""A simulated OSDP reader: a libosdp peripheral on a pty, secure channel on.

    python -m edge_agent.sim.reader --pty run/sim/north-reader --key 000102…0F --address 1

Orders on stdin: {"do":"card","bits":26,"raw":123}, {"do":"keys","text":"1234#"}, {"do":"local","tamper":true,
"power":false}, unplug, plug, vanish, appear. What is shown or typed while unplugged waits inside, as in a real reader.
Facts on stdout: ready, sc, card (when shown), keys (how many), sent (when the reply that carries a card or keys was
written to the wire), led, buzzer, text.
"""

import argparse
import time
from pathlib import Path
from typing import Any

from osdp import (
    Capability,
    Channel,
    Command,
    Event,
    LibFlag,
    LogLevel,
    PDCapabilities,
    PDInfo,
    PeripheralDevice,
    StatusReportType,
)

from edge_agent.model.reads import Card
from edge_agent.protocols.wiegand import to_left_justified
from edge_agent.sim.wire import Wire, device, say

_REFRESH_S = 0.005
# libosdp 3.2.9 gives back one reference too many of what the command callback returns beside the code: these are its.
_NOTHING = object()
_LENT = [_NOTHING] * 100_000
# A secure reply that carries nothing has 15 bytes with its mark, one with a card or keys at least 30.
_FULL_REPLY = 24
_KEYS = {"*": 0x7F, "#": 0x0D}  # SIA OSDP 2.2, reply 53; written out apart from protocols/


class ReaderChannel(Channel):  # type: ignore[misc]
    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self._wire = wire
        self.waiting = 0
        self.secure = False

    def read(self, max_bytes: int) -> bytes:
        return self._wire.read(max_bytes)

    def write(self, buf: bytes) -> int:
        self._wire.write(buf)
        if self.secure and self.waiting and len(buf) >= _FULL_REPLY and self._wire.plugged:
            self.waiting -= 1
            say(sent=True, t_ns=time.monotonic_ns())
        return len(buf)

    def flush(self) -> None:
        self._wire.read()


class SimReader:
    def __init__(self, wire: Wire, address: int, key: bytes | None) -> None:
        self._channel = ReaderChannel(wire)
        info = PDInfo(address, self._channel, scbk=key, flags=[LibFlag.EnforceSecure] if key else [])
        able = PDCapabilities(
            [
                (Capability.LEDControl, 1, 1), (Capability.AudibleControl, 1, 1), (Capability.TextOutput, 1, 1),
                (Capability.OutputControl, 1, 1),
            ]
        )  # fmt: skip
        self._context = PeripheralDevice(info, able, log_level=LogLevel.Critical).ctx
        self._context.set_command_callback(self._command)
        self._secure: bool | None = None

    def refresh(self) -> None:
        self._context.refresh()
        if (secure := self._context.is_sc_active()) != self._secure:
            self._secure = self._channel.secure = secure
            say(sc=secure)

    def carry_out(self, order: dict[str, Any]) -> None:
        match order["do"]:
            case "card":
                self._card(order)
            case "keys":
                self._keys(order["text"])
            case "local":
                report = bytes((bool(order.get("tamper")), bool(order.get("power"))))
                self._context.submit_event({"event": Event.Status, "type": StatusReportType.Local, "report": report})

    def _keys(self, text: str) -> None:
        self._channel.waiting += 1
        data = bytes(_KEYS.get(key, ord(key)) for key in text)
        self._context.submit_event({"event": Event.KeyPress, "reader_no": 0, "data": data})
        say(keys=len(text), t_ns=time.monotonic_ns())

    def _card(self, order: dict[str, Any]) -> None:
        card = Card(order["bits"], order["raw"])
        self._channel.waiting += 1
        self._context.submit_event(
            {
                "event": Event.CardRead, "reader_no": 0, "format": 1, "direction": 0,
                "length": card.bits, "data": to_left_justified(card),
            }
        )  # fmt: skip
        say(card={"bits": card.bits, "raw": card.raw}, t_ns=time.monotonic_ns())

    def _command(self, command: dict[str, Any]) -> tuple[int, object]:
        match command["command"]:
            case Command.LED:
                say(led={key: value for key, value in command.items() if key != "command"})
            case Command.Buzzer:
                say(buzzer={key: value for key, value in command.items() if key != "command"})
            case Command.Text:
                say(text={key: value for key, value in command.items() if key != "command"})
            case Command.Output:
                say(output={key: value for key, value in command.items() if key != "command"})
        return 0, _NOTHING


def main() -> None:
    options = argparse.ArgumentParser(description="simulated OSDP reader")
    options.add_argument("--pty", type=Path, required=True)
    options.add_argument("--key", help="secure channel base key, 32 hex digits; without it: clear text")
    options.add_argument("--address", type=int, default=1)
    chosen = options.parse_args()
    with device(chosen.pty) as (wire, orders):
        reader = SimReader(wire, chosen.address, bytes.fromhex(chosen.key) if chosen.key else None)
        say(ready=True)
        while True:
            due = time.monotonic() + _REFRESH_S
            while time.monotonic() < due:
                if not orders.wait(due, reader.carry_out, line=False):
                    return
            reader.refresh()


if __name__ == "__main__":
    main()
