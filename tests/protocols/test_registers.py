"""Times into words, words into masks, counts into levels."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.model.registers import Band, RegisterWrite, SensorTraits, Threshold, Word
from edge_agent.model.sensors import Level
from edge_agent.protocols.registers import Levels, longest_s, mask_of, timed_s, words_of

TENTHS = RegisterWrite(name="pulse_on", function=5, address=0x200, words=(Word(plus="tenths", most=0x7FFF),))
SECONDS = RegisterWrite(name="pulse_on", function=6, address=1, words=(Word(value=0x600, plus="seconds", most=255),))
TWO = RegisterWrite(name="pulse_on", function=16, address=3, step=5, words=(Word(value=2), Word(plus="tenths")))


@pytest.mark.parametrize(
    ("form", "seconds", "words", "really"),
    [
        (TENTHS, 0.7, (7,), 0.7),
        (TENTHS, 0.71, (8,), 0.8),
        (TENTHS, 0.01, (1,), 0.1),
        (TENTHS, 1e6, (0x7FFF,), 3276.7),
        (SECONDS, 4.1, (0x605,), 5.0),
        (SECONDS, 1e6, (0x6FF,), 255.0),
        (TWO, 5.0, (2, 50), 5.0),
    ],
)
def test_a_pulse_is_rounded_up_and_cut(
    form: RegisterWrite, seconds: float, words: tuple[int, ...], really: float
) -> None:
    assert words_of(form, seconds) == words
    assert timed_s(form, seconds) == pytest.approx(really)


@given(st.floats(0.1, 255))
def test_no_pulse_is_shorter_than_asked_or_fills_another_byte(seconds: float) -> None:
    for form in (TENTHS, SECONDS, TWO):
        assert timed_s(form, seconds) >= seconds - 1e-5
        assert timed_s(form, seconds) <= longest_s(form)
    assert words_of(SECONDS, seconds)[0] >> 8 == 6


def test_masks() -> None:
    assert mask_of((1, 0, 0, 5)) == 0b1001
    assert mask_of(()) == 0


VAPOUR = SensorTraits(
    measures="vapour", unit="%LEL", scale=0.1, warning=Threshold(at=10, clear=8), alarm=Threshold(at=25, clear=20),
    broken=(0xFFFF,), settle=1,
)  # fmt: skip


def levels(traits: SensorTraits, *counts: int) -> list[Level | None]:
    seen = Levels(traits)
    return [None if reading is None else reading.level for reading in map(seen.see, counts)]


def test_a_level_holds_until_it_is_well_below() -> None:
    assert levels(VAPOUR, 0, 99, 100, 81, 100, 79, 100) == [
        Level.NORMAL, None, Level.WARNING, None, None, Level.NORMAL, Level.WARNING,
    ]  # fmt: skip
    assert levels(VAPOUR, 0, 260, 210, 199, 240, 250, 70) == [
        Level.NORMAL, Level.ALARM, None, Level.WARNING, None, Level.ALARM, Level.NORMAL,
    ]  # fmt: skip


def test_a_single_reading_out_of_line_is_none() -> None:
    twice = SensorTraits(measures="gas", alarm=Threshold(at=50, clear=40), settle=2)
    assert levels(twice, 0, 0, 60, 0, 60, 60, 0, 0) == [
        None,
        Level.NORMAL,
        None,
        None,
        None,
        Level.ALARM,
        None,
        Level.NORMAL,
    ]


def test_a_broken_sensor_is_neither_high_nor_low() -> None:
    assert levels(VAPOUR, 0, 0xFFFF, 0) == [Level.NORMAL, Level.FAULT, Level.NORMAL]


def test_values_below_zero() -> None:
    cold = SensorTraits(measures="temperature", signed=True, scale=0.1, alarm=Threshold(at=60, clear=50), settle=1)
    reading = Levels(cold).see(0xFF9C)
    assert reading is not None
    assert (reading.level, reading.value) == (Level.NORMAL, -10.0)


@given(st.integers(0, 0xFFFF))
def test_every_count_of_a_loop_means_something(raw: int) -> None:
    bands = (
        Band(state="shorted", low=0, high=900), Band(state="closed", low=1700, high=2350),
        Band(state="open", low=2400, high=3200), Band(state="cut", low=3700, high=4095),
    )  # fmt: skip
    reading = Levels(SensorTraits(measures="loop", band=bands, settle=1)).see(raw)
    assert reading is not None
    inside = any(band.low <= raw <= band.high for band in bands)
    assert inside or reading.kind == "sensor_broken"
