"""A sensor on a Modbus line: one register that is read again and again, and what its value means."""

from collections.abc import Callable

from edge_agent.drivers.modbus_unit import Ask, Presence
from edge_agent.drivers.modbus_wire import read
from edge_agent.errors import DeviceUnavailable, EdgeAgentError
from edge_agent.model.doors import DeviceReport
from edge_agent.model.profile import Modbus, Profile
from edge_agent.model.sensors import SensorReport
from edge_agent.model.site import Sensor
from edge_agent.ports import Clock
from edge_agent.protocols.registers import Levels, read_form


class ModbusSensor:
    """`deliver` gets a report when the level changes, and the one found at start or after silence."""

    def __init__(
        self,
        sensor: Sensor,
        profile: Profile,
        clock: Clock,
        report: Callable[[DeviceReport], None],
        deliver: Callable[[SensorReport], None],
        baud: int,
    ) -> None:
        check_modbus_sensor(sensor, profile)
        assert isinstance(profile.framing, Modbus)
        assert profile.sensor is not None
        form = read_form(profile, "value")
        assert form is not None
        self._framing, self._sensor, self._clock, self._deliver = profile.framing, sensor, clock, deliver
        address = profile.framing.address if sensor.address is None else sensor.address
        self._request = read(address, form)
        self._presence = Presence(address, profile, "sensor", lambda: [sensor.name], clock, report, baud)
        self._levels = Levels(profile.sensor)
        self._first = True

    def due_s(self) -> float:
        return self._presence.due_s()

    def opened(self) -> None:
        self._presence.opened()

    def lost(self, why: str) -> None:
        self._presence.gone(why)
        self._forget()

    @property
    def away(self) -> bool:
        return self._presence.away is True

    @property
    def silent(self) -> bool:
        return self._presence.silent

    def close(self) -> None:
        """Nothing is under way."""

    async def step(self, ask: Ask) -> None:
        try:
            got = self._presence.judge(await ask(self._request, self._framing), "value")
        except DeviceUnavailable as error:
            self.lost(error.sentence)
            return
        if self._presence.away:
            self._forget()
        if got is None:
            return
        self._presence.later(self._framing.poll_ms)
        if (reading := self._levels.see(got.values[0])) is not None:
            first, self._first = self._first, False
            self._deliver(SensorReport(self._sensor.name, reading, self._clock.now().up_ms, first))

    def _forget(self) -> None:
        self._levels.forget()
        self._first = True


def check_modbus_sensor(sensor: Sensor, profile: Profile) -> None:
    """Raises EdgeAgentError when the profile is no Modbus sensor's, or the address none of the device's."""
    framing = profile.framing
    if profile.kind != "sensor" or not isinstance(framing, Modbus) or profile.sensor is None:
        raise EdgeAgentError("devices.wrong_profile", device=sensor.name, profile=profile.id, wanted="a sensor")
    if sensor.address is not None and not 1 <= sensor.address <= framing.highest:
        raise EdgeAgentError(
            "devices.modbus_address", device=sensor.name, address=sensor.address, highest=framing.highest
        )
