"""A recorded device on a pty: plays a capture to whoever opens it, at its own pace or at once."""

import os
import select
import time
import tty
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_agent.protocols.capture import Chunk

LOOK_S = 0.02


@contextmanager
def recorded_device(path: Path) -> Iterator[int]:
    """The near end of a pty linked at `path`. Raises FileExistsError when something is there."""
    near, far = os.openpty()
    try:
        tty.setraw(far)
        path.symlink_to(os.ttyname(far))
        os.close(far)  # from now on the near end shows whether anybody has it open
        far = -1
        yield near
    finally:
        if far >= 0:
            os.close(far)
        path.unlink(missing_ok=True)
        os.close(near)


def opened(near: int) -> bool:
    poll = select.poll()
    poll.register(near, 0)
    return not any(event & select.POLLHUP for _, event in poll.poll(0))


def wait_opened(near: int) -> None:
    while not opened(near):
        time.sleep(LOOK_S)


def play(
    near: int, chunks: Iterable[Chunk], fast: bool, sent: Callable[[Chunk], None], heard: Callable[[bytes], None]
) -> bool:
    """Send what the device said; False when whoever listened went away before the end."""
    begun: float | None = None
    for chunk in (chunk for chunk in chunks if not chunk.out):
        begun = time.monotonic() - chunk.at_s if begun is None else begun
        while True:
            if not opened(near):
                return False
            pause = LOOK_S if fast else max(0.0, min(LOOK_S, begun + chunk.at_s - time.monotonic()))
            if select.select([near], [], [], 0 if fast else pause)[0]:
                try:
                    heard(os.read(near, 4096))
                except OSError:
                    return False
            if fast or time.monotonic() >= begun + chunk.at_s:
                break
        if not _written(near, chunk.data):
            return False
        sent(chunk)
    return True


def _written(near: int, data: bytes) -> bool:
    """All of it, at the speed of whoever reads; Linux does not always wake who waits for room in a pty."""
    os.set_blocking(near, False)
    while data:
        try:
            data = data[os.write(near, data) :]
        except BlockingIOError:
            if not opened(near):
                return False
            time.sleep(0.001)
    return True
