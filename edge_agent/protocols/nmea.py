"""NMEA 0183 sentences through pynmea2: position, time and fix quality; every other sentence is only named.

The library checks no more than the checksum when a sentence is made; a field is read, and may be wrong, when it is
asked for. Positions are WGS-84; maps sold in China shift them.
"""

from typing import Any

import pynmea2

from edge_agent.errors import FrameError

_WRONG = (ValueError, TypeError, AttributeError, IndexError, KeyError, OverflowError)
Sentence = tuple[str, dict[str, str | int]]


def parse(text: bytes) -> Sentence | FrameError:
    """`text`: what stands between `$` and the end of the line. Gives message name and values:

    `rmc`: `valid` (0 or 1), and then `utc` (ISO 8601), `latitude_e7`, `longitude_e7`; `gga`: `quality` (0 none, 1 GPS,
    2 differential, 4 and 5 RTK, 6 estimated), `satellites`, and with a fix the same position; else `other`.
    """
    try:
        sentence = pynmea2.parse("$" + text.decode("ascii"), check=True)
    except pynmea2.ChecksumError:
        return FrameError("devices.frame_checksum", count=len(text))
    except pynmea2.SentenceTypeError:
        return "other", {"sentence": text[:5].decode("ascii")}
    except _WRONG:
        return FrameError("devices.frame_unknown", first=text[:1].hex())
    try:
        return _values(sentence)
    except _WRONG:
        return FrameError("devices.frame_field", message=sentence.identifier().lower(), field="-")


def _values(sentence: Any) -> Sentence:
    match getattr(sentence, "sentence_type", ""):
        case "RMC":
            if sentence.status != "A":
                return "rmc", {"valid": 0}
            utc = sentence.datetime.strftime("%Y-%m-%dT%H:%M:%SZ")
            return "rmc", {"valid": 1, "utc": utc, **_place(sentence)}
        case "GGA":
            quality = int(sentence.gps_qual or 0)
            values: dict[str, str | int] = {"quality": quality, "satellites": int(sentence.num_sats or 0)}
            return "gga", {**values, **(_place(sentence) if quality else {})}
    return "other", {"sentence": sentence.identifier().rstrip(",")}


def _place(sentence: Any) -> dict[str, str | int]:
    if not (sentence.lat and sentence.lon and sentence.lat_dir in "NS" and sentence.lon_dir in "EW"):
        raise ValueError("no position")
    latitude, longitude = round(sentence.latitude * 1e7), round(sentence.longitude * 1e7)
    if abs(latitude) > 900_000_000 or abs(longitude) > 1_800_000_000:
        raise ValueError("no position on earth")
    return {"latitude_e7": latitude, "longitude_e7": longitude}
