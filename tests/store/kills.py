"""A process that is killed at a step on the disk: no clean-up, no last word."""

import os
import sys
from collections.abc import Callable

STEPS = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "shutil.rmtree")
KILLED, FAILED = 86, 87


def killed_at(step: int, work: Callable[[], object]) -> bool:
    """Does `work` in a child that ends before step number `step` on the disk. False: `work` has fewer steps."""
    child = os.fork()
    if not child:
        left = step

        def look(event: str, _: tuple[object, ...]) -> None:
            nonlocal left
            if event in STEPS:
                left -= 1
                if left < 0:
                    os._exit(KILLED)

        sys.addaudithook(look)
        status = FAILED
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, KILLED), status
    return status == KILLED
