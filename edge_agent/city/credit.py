"""How much a gateway may send before it hears from us again, and what one acknowledgement tells it. Pure arithmetic."""

from collections.abc import Iterable

MOST = 200
LEAST = 4  # a gateway must be able to ask whether things are better
ISLANDS = 512  # in one acknowledgement: more than one batch can add, and 64 kB hold them

Span = tuple[int, int]


def credit(waiting: int, room: int, gateways: int) -> int:
    """Each of `gateways` that are sending gets its share of the places that are free in a queue of `room`."""
    return max(LEAST, min(MOST, (room - waiting) // max(1, gateways)))


def worth_telling(have: tuple[Span, ...], arrived: Iterable[int]) -> tuple[Span, ...]:
    """The islands to tell when there are more than fit: those that just grew, then the lowest.

    A gateway frees what it hears is stored. With the lowest ones alone, whoever has more urgent rows in its backlog
    than fit would hear nothing about the rows it has just sent, and wait for ever.
    """
    if len(have) <= ISLANDS:
        return have
    numbers, grown, at = sorted(arrived), list[Span](), 0
    for first, last in have:
        while at < len(numbers) and numbers[at] < first:
            at += 1
        if at < len(numbers) and numbers[at] <= last:
            grown.append((first, last))
    told = set(grown[:ISLANDS])
    for span in have:
        if len(told) >= ISLANDS:
            break
        told.add(span)
    return tuple(sorted(told))
