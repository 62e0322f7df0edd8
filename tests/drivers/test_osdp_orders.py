"""What may be on its way to a device, and whose turn it is to be looked for: on a made-up clock."""

from itertools import pairwise

from edge_agent.drivers.osdp_orders import BETWEEN_POLLS, IN_FLIGHT, Order, Orders, pulse_command
from edge_agent.drivers.osdp_turns import EVERY_S, LOOKS, PATIENT_S, Turns
from edge_agent.drivers.osdp_watch import Change, Watch


def order(about: str, ended: list[tuple[str, bool]], until: float = 10.0, command: int = 1) -> Order:
    return Order(about, {"command": command}, until, lambda well: ended.append((about, well)))


def test_two_at_a_time_two_between_polls_and_outputs_first() -> None:
    orders, ended = Orders(), list[tuple[str, bool]]()
    for about in ("led", "beep", "text", "output 0"):
        orders.put(order(about, ended, command=len(about)))
    assert [sent.about for sent in orders.next(0.0)] == ["output 0", "led"]
    assert list(orders.next(0.0)) == []
    assert len(ended) < IN_FLIGHT
    orders.answered(8, True)
    orders.answered(3, True)
    assert ended == [("output 0", True), ("led", True)]
    assert list(orders.next(0.0)) == []  # both came since the last poll
    orders.polled()
    assert len(list(orders.next(0.0))) == BETWEEN_POLLS


def test_the_newer_replaces_the_older_the_late_is_dropped_and_nothing_outlives_a_loss() -> None:
    orders, ended = Orders(), list[tuple[str, bool]]()
    orders.put(order("output 0", ended))
    orders.put(order("output 0", ended))
    assert ended == [("output 0", False)]
    assert list(orders.next(10.1)) == []
    assert ended == [("output 0", False)] * 2
    orders.put(order("output 1", ended))
    orders.put(order("led", ended))
    assert next(orders.next(0.0)).about == "output 1"
    orders.clear()
    assert ended[2:] == [("output 1", False), ("led", False)]
    assert orders.answered(1, True) is None


def test_a_refused_kind_ends_at_once() -> None:
    orders, ended = Orders(), list[tuple[str, bool]]()
    orders.refused.add("led")
    orders.put(order("led", ended))
    assert ended == [("led", False)]


def test_a_pulse_fits_the_byte_and_none_is_off() -> None:
    assert pulse_command(3, 999)["timer_count"] == 255
    assert pulse_command(3, 0)["control_code"] == 1


def looks(turns: Turns, missing: list[int], working: bool, seconds: float) -> list[tuple[float, int]]:
    made = []
    for step in range(round(seconds * 10)):
        now = 100 + step / 10
        made += [(now, index) for index in missing if turns.look(index, missing, working, now)]
    return made


def test_the_missing_take_turns_while_others_work() -> None:
    made = looks(Turns(), [4, 5, 6], True, 6.0)
    assert [index for _, index in made] == [4, 5, 6, 4, 5, 6]
    assert all(later - earlier >= EVERY_S - 0.01 for (earlier, _), (later, _) in pairwise(made))


def test_nobody_waits_when_nobody_works() -> None:
    assert len(looks(Turns(), [4, 5], False, 1.0)) == 20


def test_one_back_is_a_look_for_all() -> None:
    turns = Turns()
    looks(turns, [4, 5, 6], True, 3.0)
    turns.answered(4, [5, 6])
    assert all(turns.look(index, [5, 6], True, 103.0) for index in (5, 6))
    assert not turns.look(5, [5, 6], True, 103.1)


def test_one_long_away_is_looked_for_less_often() -> None:
    made = looks(Turns(), [4], True, EVERY_S * LOOKS + 3 * PATIENT_S)
    assert made[-1][0] - made[-2][0] >= PATIENT_S - 0.01


def test_a_channel_that_comes_and_goes_each_second_is_lost_once() -> None:
    watch, told = Watch(0.0), list[Change]()
    for step in range(1000):
        at = step / 100
        watch.heard(at)
        watch.answered()
        active = at < 1.0 or at % 1.0 < 0.05 or at > 8.0
        if change := watch.tick(at, active):
            told.append(change)
    assert told == [Change.READY, Change.LOST, Change.BACK]
