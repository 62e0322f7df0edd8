"""A simulated serial device on a pty that says what its profile knows.

    python -m edge_agent.sim.serialdevice --pty run/sim/gate-scanner --profile device_profiles/scanners/gm65.toml

Orders on stdin: {"do":"message","name":"code","values":{"text":"313233"}}, {"do":"bytes","hex":"02 30"} (whatever a
line brings; "size" sends it in pieces of so many bytes), unplug, plug, vanish, appear. Facts on stdout: ready, sent,
received. What it says comes from the agent's own encoder: it proves the wiring, golden bytes prove the profile.
"""

import argparse
import time
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from edge_agent.model.profile import Profile
from edge_agent.protocols.codec import encode_message
from edge_agent.sim.wire import Wire, device, say

_PATIENCE_S = 1.0


class SerialDevice:
    def __init__(self, wire: Wire, profile: Profile | None) -> None:
        self._wire, self._profile = wire, profile

    def carry_out(self, order: dict[str, Any]) -> None:
        match order["do"]:
            case "message" if self._profile is not None:
                data = encode_message(self._profile, order["name"], **order["values"])
            case "bytes":
                data = bytes.fromhex(order["hex"])
            case _:
                return
        size = int(order.get("size", 0)) or len(data)
        for start in range(0, len(data), size):
            self._wire.write(data[start : start + size], patience_s=_PATIENCE_S)
        say(sent=order["do"], t_ns=time.monotonic_ns())


def main() -> None:
    options = argparse.ArgumentParser(description="simulated serial device")
    options.add_argument("--pty", type=Path, required=True)
    options.add_argument("--profile", type=Path)
    chosen = options.parse_args()
    profile = None
    if chosen.profile is not None:
        profile = msgspec.convert(tomllib.loads(chosen.profile.read_text("utf-8")), Profile)
    with device(chosen.pty) as (wire, orders):
        playing = SerialDevice(wire, profile)
        say(ready=True)
        while orders.wait(time.monotonic() + 3600, playing.carry_out):
            if data := wire.read():
                say(received=data.hex())


if __name__ == "__main__":
    main()
