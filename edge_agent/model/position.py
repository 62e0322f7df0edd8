"""Where a moving gateway is, as its satellite receiver says."""

import msgspec


class Position(msgspec.Struct, frozen=True, gc=False):
    """Degrees in WGS-84, north and east positive. `utc`: the receiver's clock, ISO 8601. `quality`: as in NMEA's GGA, 1
    GPS, 2 differential, 4 and 5 RTK, 6 estimated. `stale`: the last that was known, there is no fix any more.
    """

    device: str
    up_ms: int  # when it was received
    latitude: float
    longitude: float
    utc: str
    quality: int
    satellites: int
    stale: bool = False
