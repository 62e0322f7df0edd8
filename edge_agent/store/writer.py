"""The one thread that writes. It commits at once when idle and groups only what queued up meanwhile.

A commit waits for the disk (milliseconds on an SD card), so it must not happen in the event loop; and SQLite has one
writer per file, so more threads would only wait for each other.
"""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any, Protocol, TypeVar

from edge_agent.errors import StoreError

GROUP = 50  # rows in one transaction at most: what a power cut can take back together

T = TypeVar("T")


class Sink(Protocol):
    """A file's side of the writer thread. None of these may raise: what fails is told to who asked."""

    def write(self, batch: list[Any]) -> None:
        """Commit these in one transaction."""

    def due(self) -> float | None:
        """time.monotonic() at which `tick` wants to be called, None when never."""

    def tick(self) -> None: ...


class _Call:
    """One function to run on the writer thread."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self.function = function
        self.future: Future[Any] = Future()

    def run(self) -> None:
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            self.future.set_result(self.function())
        except (StoreError, sqlite3.Error, OSError) as error:
            self.future.set_exception(error)


class Writer:
    """Start it before the first sink, close it last: `close` lets everything queued be written."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[tuple[Sink | None, Any]] = SimpleQueue()
        self._sinks: list[Sink] = []
        self._held: tuple[Sink | None, Any] | None = None  # taken from the queue, belongs to the next group
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def add(self, sink: Sink) -> None:
        self._sinks = [*self._sinks, sink]

    def remove(self, sink: Sink) -> None:
        self._sinks = [other for other in self._sinks if other is not sink]

    def put(self, sink: Sink, item: Any) -> None:
        """Queue one item; the sink's `write` gets it with its neighbours. From any thread."""
        self._queue.put((sink, item))

    def nudge(self) -> None:
        """Some sink's `due` has changed."""
        self._queue.put((None, None))

    async def call(self, function: Callable[[], T]) -> T:
        """Run `function` on the writer thread, in its turn. Raises what it raised (StoreError, sqlite3.Error)."""
        call = _Call(function)
        self._queue.put((None, call))
        result: T = await asyncio.wrap_future(call.future)
        return result

    def close(self) -> None:
        """Returns when everything queued before was written and the thread has ended."""
        self._closing = True
        self.nudge()
        self._thread.join()

    def _run(self) -> None:
        while True:
            wait_s = self._tick()
            first, self._held = self._held, None
            if first is None:
                if self._closing and self._queue.empty():
                    return
                try:
                    first = self._queue.get(timeout=wait_s)
                except Empty:
                    continue
            sink, item = first
            if sink is not None:
                sink.write(self._group(sink, item))
            elif item is not None:
                item.run()

    def _group(self, sink: Sink, first: Any) -> list[Any]:
        batch = [first]
        while len(batch) < GROUP:
            try:
                other, item = self._queue.get_nowait()
            except Empty:
                break
            if other is not sink:
                self._held = (other, item)
                break
            batch.append(item)
        return batch

    def _tick(self) -> float | None:
        """Call who is due; how long until the next is, None when nobody waits."""
        wait_s: float | None = None
        for sink in self._sinks:
            at = sink.due()
            if at is not None and (left_s := at - time.monotonic()) <= 0:
                sink.tick()
                at = sink.due()
            if at is not None:
                left_s = max(0.0, at - time.monotonic())
                wait_s = left_s if wait_s is None else min(wait_s, left_s)
        return wait_s
