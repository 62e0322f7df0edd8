"""Waiting for other processes: their files and lines have no event to await, so they are looked at."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

from edge_agent.errors import StoreError

LOOK_S = 0.01

T = TypeVar("T")


class Failed(Exception):
    """What was waited for did not come; the text says what."""


async def until(condition: Callable[[], bool], what: str, timeout: float = 10.0) -> None:
    """Look until `condition` holds. Raises Failed at the deadline."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise Failed(f"waited {timeout:.0f} s in vain for {what}")
        await asyncio.sleep(LOOK_S)


async def when_open(opening: Callable[[], T], what: str, timeout: float = 20.0) -> T:
    """What `opening` gives once its file is there and has its tables. Raises Failed at the deadline."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            return opening()
        except StoreError as error:
            if time.monotonic() > deadline:
                raise Failed(f"{what}: {error}") from error
        await asyncio.sleep(LOOK_S)
