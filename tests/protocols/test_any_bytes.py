"""Every decoder keeps its promises for any bytes: the small sample of `make fuzz`."""

import os
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.decoders import bound, check, profiles, seed
from tests.fuzz.run import at_random

LONG = int(os.environ.get("LONG", "30000"))  # bytes; 100,000 in `make fuzz`


@pytest.mark.parametrize("id", profiles())
@settings(max_examples=25, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.binary(max_size=300))
def test_any_bytes(id: str, data: bytes) -> None:
    check(profiles()[id], data)


@pytest.mark.parametrize("id", profiles())
def test_frames_with_flipped_bits(id: str) -> None:
    at_random(id, 100, random.Random(20))


@pytest.mark.parametrize("id", {repr(profile.framing): id for id, profile in profiles().items()}.values())
@pytest.mark.parametrize("pattern", ["first", "header", "frame cut", "zeros", "noise"])
def test_tens_of_kilobytes_without_an_end(id: str, pattern: str) -> None:
    """Of every framing there is: what is kept of it depends on nothing else. Several times what any of them keeps."""
    profile = profiles()[id]
    frame = seed(profile)
    unit = {
        "first": frame[:1], "header": frame[:2], "frame cut": frame[:-1], "zeros": b"\x00",
        "noise": random.Random(7).randbytes(977),
    }[pattern]  # fmt: skip
    assert bound(profile) * 4 < LONG
    check(profile, (unit * LONG)[:LONG])
