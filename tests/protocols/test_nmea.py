"""NMEA sentences: recorded ones, empty ones, broken ones."""

import pytest

from edge_agent.drivers.profiles import load_profile
from edge_agent.errors import FrameError
from edge_agent.protocols.codec import Decoder, Message
from edge_agent.protocols.nmea import parse

GPS = load_profile("sensors/gps-nmea")
# A receiver's first minute: no sky, time only, fix; as the standard's descriptions and receivers' manuals print them.
LOG = b"""\
$GPRMC,,V,,,,,,,,,,N*53\r
$GPGGA,,,,,,0,00,99.99,,,,,,*48\r
$GPGSV,1,1,00*79\r
$GPTXT,01,01,02,u-blox ag - www.u-blox.com*50\r
$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A\r
$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47\r
"""


def sentence(body: str) -> bytes:
    total = 0
    for letter in body:
        total ^= ord(letter)
    return f"${body}*{total:02X}\r\n".encode("ascii")


def read(data: bytes) -> list[Message | FrameError]:
    return Decoder(GPS).feed(data)


def test_a_recorded_start() -> None:
    names = [out.name if isinstance(out, Message) else out.code for out in read(LOG)]
    assert names == ["rmc", "gga", "other", "other", "rmc", "gga"]
    cold, *_, fixed, quality = [out for out in read(LOG) if isinstance(out, Message)]
    assert cold.values == {"valid": 0}
    assert fixed.values == {
        "valid": 1, "utc": "1994-03-23T12:35:19Z", "latitude_e7": 481173000, "longitude_e7": 115166667,
    }  # fmt: skip
    assert (quality.values["quality"], quality.values["satellites"]) == (1, 8)


@pytest.mark.parametrize("talker", ["GP", "GN", "BD", "GB", "GL"])
def test_every_constellation_is_understood(talker: str) -> None:
    (out,) = read(sentence(f"{talker}RMC,070501.00,A,3152.10000,N,11717.50000,E,0.0,,251126,,,A"))
    assert isinstance(out, Message)
    assert out.values == {
        "valid": 1, "utc": "2026-11-25T07:05:01Z", "latitude_e7": 318683333, "longitude_e7": 1172916667,
    }  # fmt: skip


def test_south_and_west_are_negative() -> None:
    (out,) = read(sentence("GPGGA,000000,3352.000,S,07040.000,W,2,12,0.8,500,M,,M,,"))
    assert isinstance(out, Message)
    assert (out.values["latitude_e7"], out.values["longitude_e7"]) == (-338666667, -706666667)


@pytest.mark.parametrize(
    "broken",
    [
        "GPRMC,123519,A,,,,,022.4,084.4,230394,003.1,W",
        "GPRMC,999999,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W",
        "GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,,003.1,W",
        "GPRMC,123519,A,9907.038,N,01131.000,E,022.4,084.4,230394,003.1,W",
        "GPRMC,123519,A,4807.038,X,01131.000,E,022.4,084.4,230394,003.1,W",
        "GPRMC,123519,A",
        "GPGGA,123519,4807.038,N,01131.000,E,one,08",
        "GPGGA",
        "",
    ],
)
def test_a_sentence_with_nonsense_in_it_is_an_error(broken: str) -> None:
    outs = read(sentence(broken))
    assert all(isinstance(out, FrameError) for out in outs), outs


def test_a_wrong_or_missing_checksum_is_an_error() -> None:
    for text in (b"GPGSV,1,1,00*78", b"GPGSV,1,1,00", b"\xff\xfe*00"):
        assert isinstance(parse(text), FrameError)


def test_the_next_sentence_is_read_after_garbage_in_any_pieces() -> None:
    good = sentence("GPGSV,1,1,00")
    for garbage in (b"\x00\xff", b"$GPRMC,12", b"$" * 500, b"GPGSV*79\r\n", b"A" * 100_000):
        decoder = Decoder(GPS)
        for start in range(0, len(garbage), 50):
            decoder.feed(garbage[start : start + 50])
            assert decoder.held <= 162
        got = [out for byte in good + good for out in decoder.feed(bytes((byte,)))]
        assert isinstance(got[-1], Message)
