"""A simulated text-framed reader on a pty (device_profiles/readers/text-stx.toml, written out here by hand).

    python -m edge_agent.sim.textreader --pty run/sim/side-reader

Orders on stdin: {"do":"card","number":"0000ABCDEF"}, {"do":"bytes","hex":"02 30"} (whatever a bad line brings),
unplug, plug, vanish, appear. Facts on stdout: ready, sent, received (feedback bytes in hexadecimal).
"""

import argparse
import time
from pathlib import Path
from typing import Any

from edge_agent.sim.wire import Wire, device, say


class TextReader:
    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def carry_out(self, order: dict[str, Any]) -> None:
        match order["do"]:
            case "card":
                text = "0" + order["number"]
                folded = 0
                for letter in text:
                    folded ^= ord(letter)
                self._wire.write(b"\x02" + text.encode("ascii") + bytes((folded, 3)))
                say(sent=order["number"], t_ns=time.monotonic_ns())
            case "bytes":
                self._wire.write(bytes.fromhex(order["hex"]), patience_s=1.0)


def main() -> None:
    options = argparse.ArgumentParser(description="simulated text-framed reader")
    options.add_argument("--pty", type=Path, required=True)
    chosen = options.parse_args()
    with device(chosen.pty) as (wire, orders):
        reader = TextReader(wire)
        say(ready=True)
        while orders.wait(time.monotonic() + 3600, reader.carry_out):
            if data := wire.read():
                say(received=data.hex())


if __name__ == "__main__":
    main()
