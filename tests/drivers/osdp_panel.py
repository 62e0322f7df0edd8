"""An OSDP panel that shares no code with ours: the pure-Python package `osdp` 1.6, run by a Python of its own.

    python osdp_panel.py PORT ADDRESS MASTER_KEY

Brings the device from the default key to its own, if it has none, and into the secure channel; then says what it
reports, and on lines of stdin moves its outputs and asks for its state. JSON lines on stdout.
"""

import json
import sys
import threading
import time

from osdp import (  # the package `osdp`, not libosdp
    ControlPanel,
    OutputControl,
    OutputControlCode,
    OutputControls,
    SerialPortOsdpConnection,
)


def say(**fact: object) -> None:
    print(json.dumps(fact), flush=True)


class Panel(ControlPanel):
    def on_raw_card_data_reply_received(self, address, card) -> None:  # type: ignore[no-untyped-def]
        say(card={"bits": card.bit_count, "data": bytes(card.data).hex()})

    def on_keypad_data_reply_received(self, address, keypad) -> None:  # type: ignore[no-untyped-def]
        say(keys=bytes(keypad.data).hex())

    def on_local_status_report_reply_received(self, address, status) -> None:  # type: ignore[no-untyped-def]
        say(tamper=status.tamper, power=status.power_failure)


def main() -> None:
    port, address, master = sys.argv[1], int(sys.argv[2]), bytes.fromhex(sys.argv[3])
    panel = Panel(master_key=master)
    bus = panel.start_connection(SerialPortOsdpConnection(port, 9600))
    panel.add_device(bus, address, True, True)
    device = panel._buses[bus]._configured_devices[address]
    while not (device.is_security_established and not device.is_scbkd):
        time.sleep(0.01)
    say(secure=True)
    for line in sys.stdin:
        order = json.loads(line)
        if "output" in order:
            control = OutputControl(order["output"], OutputControlCode(order["code"]), order["tenths"])
            say(taken=panel.output_control(bus, address, OutputControls([control])))
        states = panel.output_status(bus, address), panel.input_status(bus, address)
        say(outputs=list(states[0].statuses), inputs=list(states[1].statuses))
    threading.Thread(target=panel.shutdown).start()


main()
