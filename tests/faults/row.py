"""A row of the fault matrix: what it injects how often, what must hold, and whether this machine can run it."""

from collections.abc import Awaitable, Callable

import msgspec

from tests.faults.lab import Lab

Story = Callable[[Lab, int], Awaitable[None]]


def anywhere() -> str:
    return ""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """`quick`, `sample`, `full`: how many injections; `batch`: how many in one laboratory before it is judged.

    `why_not`: the reason this machine cannot run it, or nothing. `destroys`: what the row breaks may be lost if that is
    announced. `judged` is False for rows that judge themselves because no city is part of them.
    """

    number: int
    title: str
    story: Story
    sample: int
    full: int
    quick: int = 0
    batch: int = 25
    why_not: Callable[[], str] = anywhere
    destroys: bool = False
    judged: bool = True
    part: str = ""  # a row may be run in several parts

    @property
    def name(self) -> str:
        return f"{self.number}{self.part}"


ROWS: list[Row] = []


def row(number: int, title: str, **options: object) -> Callable[[Story], Story]:
    """Enter the function below into the matrix."""

    def enter(story: Story) -> Story:
        ROWS.append(Row(number=number, title=title, story=story, **options))  # type: ignore[arg-type]
        return story

    return enter
