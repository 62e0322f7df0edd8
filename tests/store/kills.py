"""A process that is killed at a step on the disk: no clean-up, no last word.

`python -m tests.store.kills` forks such a child for each line on stdin: a process with threads, as a test's is, should
not fork. On stdout whether the child came to its step.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_agent.store.evidence import EvidenceStore

STEPS = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "shutil.rmtree")
KILLED, FAILED = 86, 87
KEY = bytes(range(32))

KilledAt = Callable[[int, Path, str], bool]


@contextmanager
def killing() -> Iterator[KilledAt]:
    """`killed(step, folder, work)`: the store in `folder` does `work` in a child that ends before step number `step` on
    the disk. False: `work` has fewer steps.
    """
    command = [sys.executable, "-m", "tests.store.kills"]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        stdin, stdout = child.stdin, child.stdout

        def killed(step: int, folder: Path, work: str) -> bool:
            stdin.write(json.dumps([step, str(folder), work]) + "\n")
            stdin.flush()
            status = int(stdout.readline())
            assert status in (0, KILLED), status
            return status == KILLED

        yield killed
        stdin.close()


def main() -> None:
    for line in sys.stdin:
        step, folder, work = json.loads(line)
        child = os.fork()
        if not child:
            _die_at(step, EvidenceStore(Path(folder), KEY), work)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _die_at(left: int, store: EvidenceStore, work: str) -> None:
    def look(event: str, _: tuple[object, ...]) -> None:
        nonlocal left
        if event in STEPS:
            left -= 1
            if left < 0:
                os._exit(KILLED)

    status = FAILED
    sys.addaudithook(look)
    try:
        _ = store.salvage("ev-1") if work == "salvage" else store.finish("ev-1", b"{}")
        status = 0
    finally:
        os._exit(status)


if __name__ == "__main__":
    main()
