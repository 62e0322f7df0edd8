"""What was offered and what was promised, kept outside the fault domain: every line is synced before anything else.

An offer is written before its bytes go onto the wire; a promise when the accepted stream has said it.
"""

import json
import os
import time
from pathlib import Path

import msgspec


class Offer(msgspec.Struct, frozen=True):
    """One card held to the reader. `person` is empty for a card that nobody has."""

    number: int
    person: str
    t_ns: int


class Ledger:
    """`accepted`: (epoch, seq) of every event the agent called accepted; `reads`: those that a read caused."""

    def __init__(self, path: Path) -> None:
        self.offers: list[Offer] = []
        self.accepted: set[tuple[str, int]] = set()
        self.reads: dict[tuple[str, int], int] = {}  # -> when it was heard, CLOCK_MONOTONIC ns
        self.commands: dict[str, int] = {}  # id -> when it was sent, only those that may open
        self._file = path.open("ab", buffering=0)

    def offer(self, person: str) -> Offer:
        offer = Offer(len(self.offers), person, time.monotonic_ns())
        self._write({"offer": offer.number, "person": person, "t_ns": offer.t_ns})
        self.offers.append(offer)
        return offer

    def command(self, id: str) -> None:
        self.commands[id] = time.monotonic_ns()
        self._write({"command": id, "t_ns": self.commands[id]})

    def promise(self, epoch: str, seq: int, read_id: str | None, whole: bool = False) -> None:
        """`whole`: the stream's first line, which vouches for everything up to `seq`."""
        self._write({"accepted": seq, "epoch": epoch, "read": read_id, "whole": whole})
        if whole:
            self.accepted.update((epoch, number) for number in range(1, seq + 1))
            return
        if seq:
            self.accepted.add((epoch, seq))
        if read_id is not None:
            self.reads[epoch, seq] = time.monotonic_ns()

    def close(self) -> None:
        self._file.close()

    def _write(self, line: dict[str, object]) -> None:
        self._file.write(json.dumps(line).encode() + b"\n")
        os.fdatasync(self._file.fileno())
