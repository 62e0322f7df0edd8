"""What a vision child does to itself before it loads a library: little memory, no core dump, no life after its parent.

A core dump or a stray print would carry faces to the disk or into the pipe: the one is switched off, the other sent to
stderr.
"""

import ctypes
import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

MEMORY_MB = 640  # private memory; the dlib engine on 640x480 pictures uses about 200, libraries' idle stacks included
PR_SET_PDEATHSIG = 1  # prctl(2)


def confine(memory_mb: int = MEMORY_MB, niceness: int = 0) -> BinaryIO:
    """Take the limits, at most `memory_mb` of private memory. `niceness`: of who watches, so that who opens goes first.

    Returns the pipe to the parent, which nothing else in this process can write to any more.
    """
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the kernel knew whom to watch
        os._exit(0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C at the terminal is the parent's business
    os.nice(niceness)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500", "ascii")  # before the daemon, which opens doors
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (memory_mb << 20, memory_mb << 20))
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):  # two threads are slower than one, and heat the box
        os.environ[name] = "1"
    pipe = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return pipe
