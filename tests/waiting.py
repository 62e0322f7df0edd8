"""Waiting for a condition with a deadline, instead of sleeping for a guess."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_tick = threading.Event()  # never set: waiting on it is the pause between two looks


def until(condition: Callable[[], T], timeout: float = 10.0, what: str = "") -> T:
    """Look at `condition` until it is true; returns its value, fails the test at the deadline."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s: {what or condition}")
        _tick.wait(0.01)
    return value


async def auntil(condition: Callable[[], T], timeout: float = 10.0, what: str = "") -> T:
    """The same, leaving the event loop free between two looks."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s: {what or condition}")
        await asyncio.sleep(0.01)
    return value
