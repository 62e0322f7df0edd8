"""The satellite receiver of a moving gateway: where it is, once a second, and that it no longer knows.

One physical fact to know: a receiver without sky goes on talking, and one whose cable is off says nothing; both end in
a position that is stale.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec

from edge_agent.drivers.line import Line
from edge_agent.drivers.trouble import Trouble
from edge_agent.errors import DeviceUnavailable, EdgeAgentError
from edge_agent.model.doors import DeviceReport
from edge_agent.model.position import Position
from edge_agent.model.profile import Nmea, Profile
from edge_agent.ports import Beat, Clock
from edge_agent.protocols.codec import Decoder, Message

STALE_S = 5.0


class PositionReader:
    """Delivers a Position for each RMC sentence with a fix, and the last one again, `stale`, when none came for
    `stale_s`. Raises EdgeAgentError when the profile is for something else.
    """

    def __init__(
        self,
        name: str,
        profile: Profile,
        link_url: str,
        clock: Clock,
        deliver: Callable[[Position], None],
        report: Callable[[DeviceReport], None],
        sim_dir: Path,
        stale_s: float = STALE_S,
    ) -> None:
        if not isinstance(profile.framing, Nmea):
            raise EdgeAgentError("devices.wrong_profile", device=name, profile=profile.id, wanted="NMEA")
        self._name, self._profile, self._clock, self._stale_s = name, profile, clock, stale_s
        self._deliver, self._report = deliver, report
        self._line = Line(link_url, profile.link, sim_dir, self._opened, self._received, self._lost)
        self._decoder = Decoder(profile)
        self._quality = (1, 0)  # fix quality and satellites of the last GGA
        self._last: Position | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._trouble = Trouble()
        self._away = False

    async def run(self, beat: Beat) -> None:
        """Serve the receiver until cancelled."""
        try:
            await self._line.run(beat)
        finally:
            self._cancel()

    def _opened(self) -> None:
        self._decoder = Decoder(self._profile)

    def _received(self, data: bytes) -> None:
        for piece in self._decoder.feed(data):
            if not isinstance(piece, Message):
                if sentence := self._trouble.seen(str(piece), self._clock.now().up_ms):
                    self._tell("degraded", sentence)
                continue
            if self._away:
                self._away = False
                self._tell("back", "")
            self._sentence(piece.name, piece.values)

    def _sentence(self, name: str, values: dict[str, str | int]) -> None:
        if name == "gga":
            self._quality = int(values["quality"]), int(values["satellites"])
        elif name == "rmc" and values["valid"]:
            self._last = Position(
                self._name,
                self._clock.now().up_ms,
                int(values["latitude_e7"]) / 1e7,
                int(values["longitude_e7"]) / 1e7,
                str(values["utc"]),
                *self._quality,
            )
            self._cancel()
            self._timer = asyncio.get_running_loop().call_later(self._stale_s, self._stale)
            self._deliver(self._last)

    def _stale(self) -> None:
        self._timer = None
        if self._last is not None:
            last, self._last = self._last, None
            self._deliver(msgspec.structs.replace(last, stale=True))

    def _lost(self, error: DeviceUnavailable) -> None:
        if not self._away:
            self._away = True
            self._tell("lost", error.sentence)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tell(self, state: str, detail: str) -> None:
        self._report(DeviceReport(self._name, "position", state, detail, self._clock.now().up_ms))
