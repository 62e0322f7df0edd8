"""Sensors: what was measured becomes an alert, one at a time for each sensor, and its end.

A warning is said on the spot, by the terminals of the sensor's door, as long as it lasts; so is an alarm, which like a
fault is urgent for the city. An alert that got worse or better is another alert: the new one is opened before the old
one is closed, so that there is none without one. What is open is remembered over a restart: what ended meanwhile is
closed by the first reading.
"""

import asyncio
from collections.abc import Callable, Iterable

from edge_agent import log
from edge_agent.core import latch
from edge_agent.flows.premises import Premises
from edge_agent.model.events import AlertClosed, AlertOpened
from edge_agent.model.sensors import Level, SensorReport
from edge_agent.model.site import Sensor
from edge_agent.model.standing import Latch
from edge_agent.ports import Beat

AGAIN_S = 10.0  # between two times it is said on the spot; readers show something for seconds only
logger = log.get("flows.sensors")


class SensorAlerts:
    def __init__(
        self, premises: Premises, sensors: Iterable[Sensor], warn: Callable[[str, str], None] = lambda door, level: None
    ) -> None:
        """`warn` (door, level): say it at this door's terminals."""
        self.premises, self._warn = premises, warn
        self._sensors = {sensor.name: sensor for sensor in sensors}
        self._open: dict[str, Latch] = {}

    def restore(self) -> None:
        """What was open before the restart; to be called when the premises have remembered. Of a sensor that is not
        configured any more nobody would ever say that it is over.
        """
        for name, seen in list(self.premises.standing.latches.items()):
            if name.startswith(latch.SENSOR) and seen.raised:
                sensor = name.split("/")[1]
                if sensor in self._sensors:
                    self._open[sensor] = seen
                else:
                    self._closed(seen, sensor, why="restarted")

    async def run(self, beat: Beat) -> None:
        """Say what is open on the spot, again and again."""
        while True:
            beat()
            for name in self._open:
                self._on_the_spot(name)
            await asyncio.sleep(AGAIN_S)

    def _on_the_spot(self, name: str) -> None:
        sensor, level = self._sensors.get(name), self._open[name].name.split("/")[2]
        if sensor is not None and sensor.door is not None and level in (Level.WARNING, Level.ALARM):
            self._warn(sensor.door, level)

    def report(self, report: SensorReport) -> None:
        """A driver says what its sensor has reached."""
        sensor, reading = self._sensors[report.sensor], report.reading
        before = self._open.get(sensor.name)
        now = latch.sensor(sensor.name, reading.level, reading.kind, self.premises.now())
        if before is not None and before.name == now.name:
            return  # said before the restart, and still so
        if reading.level is not Level.NORMAL:
            self._open[sensor.name] = now
            self._say(sensor, report)
            self._on_the_spot(sensor.name)
            event = AlertOpened(
                door=sensor.door or "",
                alert=_id(now),
                kind=reading.kind,
                level=reading.level,
                sensor=sensor.name,
                place=sensor.place,
                value=reading.value,
                unit=reading.unit,
            )
            self.premises.record(event, now)
        if before is not None:
            self._close(sensor, before, changed=reading.level is not Level.NORMAL)

    def _say(self, sensor: Sensor, report: SensorReport) -> None:
        reading = report.reading
        value = "" if reading.value is None else f" {reading.value:g} {reading.unit}"
        say = logger.critical if reading.level is Level.ALARM else logger.warning
        say("%s: %s %s%s (%s)", sensor.name, reading.kind, reading.level, value, sensor.place or sensor.door or "–")

    def _close(self, sensor: Sensor, before: Latch, changed: bool) -> None:
        if not changed:
            del self._open[sensor.name]
            logger.info("%s: normal again", sensor.name)
        self._closed(before, sensor.name, "changed" if changed else "over", sensor.door or "", sensor.place)

    def _closed(self, before: Latch, sensor: str, why: str, door: str = "", place: str = "") -> None:
        _, _, level, kind = before.name.split("/")
        event = AlertClosed(
            door=door, alert=_id(before), kind=kind, level=level, why=why, sensor=sensor, place=place
        )  # fmt: skip
        self.premises.record(event, Latch(before.name, raised=False, count=before.count))


def _id(seen: Latch) -> str:
    assert seen.since is not None
    return f"{seen.name.removeprefix(latch.SENSOR).replace('/', '-')}-{seen.since.boot_id[:8]}-{seen.since.up_ms}"
