"""Keys to entries, on a made-up clock."""

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.protocols.keypad import DIGITS_AT_MOST, Entry, Typed, from_osdp


def typed(*presses: tuple[str, float]) -> list[Typed]:
    entry = Entry()
    return [done for keys, at in presses for done in entry.press(keys, at, stale=False)]


def test_what_a_pause_left_behind_is_not_continued() -> None:
    assert typed(("12", 0.0), ("34#", 4.9)) == [Typed("1234", False)]
    assert typed(("12", 0.0), ("34#", 5.0)) == [Typed("34", False)]
    assert typed(("12", 0.0), ("#", 5.0)) == []


def test_digits_do_not_stay_in_memory_when_nobody_goes_on() -> None:
    entry = Entry()
    entry.press("1234", 0.0, stale=False)
    entry.tick(4.0)
    assert entry._digits == "1234"
    entry.tick(5.0)
    assert entry._digits == ""


def test_an_entry_is_stale_when_one_of_its_keys_is() -> None:
    entry = Entry()
    entry.press("1", 0.0, stale=True)
    assert entry.press("2#3#", 1.0, stale=False) == [Typed("12", True), Typed("3", False)]
    entry.press("1", 2.0, stale=True)
    assert entry.press("*2#", 3.0, stale=False) == [Typed("2", False)]


def test_twelve_digits_are_taken_and_thirteen_are_none() -> None:
    assert typed(("123456789012#", 0.0)) == [Typed("123456789012", False)]
    assert typed(("1234567890123#", 0.0), ("1#", 0.1)) == [Typed(None, False), Typed("1", False)]


def test_digits_are_not_in_the_words_of_an_entry() -> None:
    assert "4711" not in repr(typed(("4711#", 0.0)))


def test_keys_that_are_neither_digits_nor_signs_are_left_out() -> None:
    assert from_osdp(b"1\x7f2\x0dA*#\xff\x00") == "1*2#*#"


@given(st.lists(st.text("0123456789*#", max_size=20), max_size=20))
def test_nothing_longer_than_a_pin_is_kept_or_handed_on(presses: list[str]) -> None:
    entry = Entry()
    for at, keys in enumerate(presses):
        for done in entry.press(keys, float(at), stale=False):
            assert done.digits is None or 0 < len(done.digits) <= DIGITS_AT_MOST
        assert len(entry._digits) <= DIGITS_AT_MOST + 1
