"""Imports without the garbage collector. What they make stays, and looking through it again and again, once more at the
end, is a tenth of a command.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """The block imports; what there is after it is never looked through again."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collects:
            gc.enable()
