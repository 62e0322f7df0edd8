"""Waiting for a condition with a deadline, instead of sleeping for a guess."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_tick = threading.Event()  # never set: waiting on it is the pause between two looks


What = str | Callable[[], object]


def _missed(timeout: float, condition: object, what: What) -> AssertionError:
    """`what`: words, or a question whose answer at the deadline is worth reading."""
    return AssertionError(f"not within {timeout} s: {what() if callable(what) else what or condition}")


def until(condition: Callable[[], T], timeout: float = 10.0, what: What = "") -> T:
    """Look at `condition` until it is true; returns its value, fails the test at the deadline."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise _missed(timeout, condition, what)
        _tick.wait(0.01)
    return value


async def auntil(condition: Callable[[], T], timeout: float = 10.0, what: What = "") -> T:
    """The same, leaving the event loop free between two looks."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise _missed(timeout, condition, what)
        await asyncio.sleep(0.01)
    return value


def in_time(since: float, limit_s: float) -> None:
    """What began at `since` (time.monotonic()) is over before `limit_s`; missed as a wait is."""
    took_s = time.monotonic() - since
    assert took_s < limit_s, f"not within {limit_s} s: {took_s:.2f} s"
