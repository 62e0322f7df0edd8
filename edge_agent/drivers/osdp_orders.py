"""What is sent to one OSDP device: the commands themselves, and how many at a time. Knows no library call, no thread.

One physical fact to know: libosdp sends commands before polls, and only polls bring cards. So at most two commands are
on their way and at most two go out between two polls; of two about the same thing (an output, the LED) the newer one
replaces the older. Only what moves a door overtakes.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from osdp import Command, CommandLEDColor, StatusReportType

from edge_agent.model.profile import Beep, Feedback, Led, Text

IN_FLIGHT = 2
BETWEEN_POLLS = 2
FEEDBACK_S = 2.0  # feedback later than this says something about somebody else
LATE_S = 1.5  # an output command first heard by the device later than this moves a door nobody stands at
TENTHS_AT_MOST = 255  # the binding keeps an output's time in one byte of 100 ms: 256 would become 0
OUTPUT, OUTPUTS, INPUTS, LOCAL = "output", "outputs", "inputs", "local"
SHOWN = ("led", "beep", "text")

_COLORS = {
    "red": CommandLEDColor.Red, "green": CommandLEDColor.Green, "amber": CommandLEDColor.Amber,
    "blue": CommandLEDColor.Blue, "magenta": CommandLEDColor.Magenta, "cyan": CommandLEDColor.Cyan,
    "white": CommandLEDColor.White,
}  # fmt: skip
_OFF, _FOR_A_TIME = 1, 5  # osdp_OUT: permanently off, its timer aborted; on until the timer ends


class Order(NamedTuple):
    """`about` what, and for outputs which; not sent after `until` (monotonic s). `done` is called once, in the thread
    that sends, with whether the device did it.
    """

    about: str
    command: dict[str, Any]
    until: float
    done: Callable[[bool], None] | None = None

    @property
    def kind(self) -> str:
        return self.about.partition(" ")[0]

    def end(self, well: bool) -> None:
        if self.done is not None:
            self.done(well)


class Orders:
    def __init__(self) -> None:
        self._waiting: dict[str, Order] = {}
        self._away: deque[Order] = deque()  # libosdp has them and has not answered for them
        self._since_poll = 0
        self.refused: set[str] = set()  # kinds this device said NAK to: each more would take it off line again

    @property
    def moving(self) -> bool:
        """Whether an output command is on its way."""
        return any(order.kind == OUTPUT for order in self._away)

    def put(self, order: Order) -> None:
        self.drop((order.about,))
        if order.kind in self.refused:
            order.end(False)
        else:
            self._waiting[order.about] = order

    def drop(self, abouts: Iterable[str]) -> None:
        """What waits about these is not sent any more."""
        for about in abouts:
            if (old := self._waiting.pop(about, None)) is not None:
                old.end(False)

    def next(self, now: float) -> Iterator[Order]:
        """What may be handed to the library now; it counts as on its way."""
        self.drop([about for about, order in self._waiting.items() if now > order.until])
        for order in sorted(self._waiting.values(), key=lambda order: order.kind != OUTPUT):
            if len(self._away) >= IN_FLIGHT or (self._since_poll >= BETWEEN_POLLS and order.kind != OUTPUT):
                return
            del self._waiting[order.about]
            self._away.append(order)
            self._since_poll += 1
            yield order

    def taken_back(self, order: Order) -> None:
        """The library did not take it."""
        self._away.remove(order)
        order.end(False)

    def polled(self) -> None:
        """A poll went out."""
        self._since_poll = len(self._away)

    def answered(self, command: int, well: bool) -> Order | None:
        """libosdp's word on the oldest command of this kind; None when it was none of ours."""
        order = next((order for order in self._away if order.command["command"] == command), None)
        if order is not None:
            self._away.remove(order)
            order.end(well)
        return order

    def clear(self) -> None:
        """The device is away: nothing of this is done later."""
        away, waiting = list(self._away), list(self._waiting.values())
        self._away.clear()
        self._waiting.clear()
        for order in away + waiting:
            order.end(False)


def feedback_orders(feedback: Feedback, until: float) -> Iterator[Order]:
    if feedback.led is not None:
        yield Order("led", led_command(feedback.led), until)
    if feedback.beep is not None:
        yield Order("beep", beep_command(feedback.beep), until)
    if feedback.text is not None:
        yield Order("text", text_command(feedback.text), until)


def led_command(led: Led) -> dict[str, int | bool]:
    """Temporary LED setting (osdp_LED, 2 = set and start timer). The profile's form keeps each time in one byte."""
    return {
        "command": Command.LED, "reader": 0, "led_number": 0, "temporary": True, "control_code": 2,
        "on_count": led.on_ms // 100, "off_count": led.off_ms // 100, "timer_count": led.for_ms // 100,
        "on_color": _COLORS[led.color], "off_color": CommandLEDColor.Black,
    }  # fmt: skip


def beep_command(beep: Beep) -> dict[str, int]:
    """Default tone (osdp_BUZ, tone code 2)."""
    return {
        "command": Command.Buzzer, "reader": 0, "control_code": 2,
        "on_count": beep.on_ms // 100, "off_count": beep.off_ms // 100, "rep_count": beep.times,
    }  # fmt: skip


def text_command(text: Text) -> dict[str, int | str]:
    """Temporary text without wrapping (osdp_TEXT, 3) from the first place of the display."""
    return {
        "command": Command.Text, "reader": 0, "control_code": 3, "temp_time": text.for_s,
        "offset_row": 1, "offset_col": 1, "data": text.say,
    }  # fmt: skip


def pulse_command(output: int, tenths: int) -> dict[str, int]:
    """On for so long, kept by the device's own timer; 0: off now."""
    code = _FOR_A_TIME if tenths else _OFF
    return {
        "command": Command.Output, "output_no": output, "control_code": code,
        "timer_count": min(tenths, TENTHS_AT_MOST),
    }  # fmt: skip


def status_order(what: str, until: float) -> Order:
    """Ask for `outputs`, `inputs` or the `local` status."""
    kinds = {OUTPUTS: StatusReportType.Output, INPUTS: StatusReportType.Input, LOCAL: StatusReportType.Local}
    return Order(what, {"command": Command.Status, "type": kinds[what]}, until)
