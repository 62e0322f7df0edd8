"""What a gate reports about its door. Reported means measured at an input, never what was commanded."""

from enum import StrEnum

import msgspec


class Report(StrEnum):
    CONTACT_OPEN = "contact_open"
    CONTACT_CLOSED = "contact_closed"
    EXIT_PRESSED = "exit_pressed"
    RELAY_ON = "relay_on"
    RELAY_OFF = "relay_off"
    FIRE_ON = "fire_on"  # the fire panel's input
    FIRE_OFF = "fire_off"
    PANIC_ON = "panic_on"
    PANIC_OFF = "panic_off"
    TAMPER_ON = "tamper_on"  # the housing is open
    TAMPER_OFF = "tamper_off"
    INPUT_CUT = "input_cut"  # a supervised input's wire is cut, `detail` says which
    INPUT_SHORTED = "input_shorted"
    INPUT_NORMAL = "input_normal"


class GateReport(msgspec.Struct, frozen=True):
    door: str
    report: Report
    up_ms: int
    first: bool = False  # the state found at start or after a lost link, not a change that was seen
    detail: str = ""  # which input, for INPUT_*; whose housing, for TAMPER_* (empty: at the input)


class DeviceReport(msgspec.Struct, frozen=True):
    """What a driver says about its device. `state`: lost | back | degraded. `kind`: reader | gate | camera | …"""

    device: str
    kind: str
    state: str
    detail: str
    up_ms: int
