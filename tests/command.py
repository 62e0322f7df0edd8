"""`edge-agent …` in a process of its own, forked from one that has imported it: some 30 ms instead of 180.

What a first start says and does is tested by started programs (test_first_steps.py, test_help.py, system/).
So is what the interpreter or an import looks for in the environment (PYTHON…, LD_PRELOAD, EDGE_AGENT_FAILPOINT): it has
no effect here any more.
"""

import atexit
import gc
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import NoReturn

import msgspec

ROOT = Path(__file__).parent.parent
_one_at_a_time = threading.Lock()


class Asked(msgspec.Struct):
    arguments: list[str]
    folder: str
    environment: dict[str, str]


def run(
    folder: Path, *arguments: object, lang: str = "en", said: str = "", columns: int = 100, together: bool = False,
    timeout: float = 100, environment: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:  # fmt: skip
    """What `edge-agent --lang LANG arguments` says in `folder`, never a traceback; `together`: errors as output.

    `environment`: the whole of it, COLUMNS too; `lang` may be empty: the language is that environment's.
    """
    words = [*(("--lang", lang) if lang else ()), *map(str, arguments)]
    asked = Asked(words, str(folder), environment or {**os.environ, "COLUMNS": str(columns)})
    with tempfile.TemporaryFile() as heard, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as wrong:
        heard.write(said.encode())
        heard.seek(0)
        with _one_at_a_time:
            status = _ask(asked, [heard.fileno(), out.fileno(), (out if together else wrong).fileno()], timeout)
        texts = []
        for file in (out, wrong):
            file.seek(0)
            texts.append(file.read().decode())
    assert not any("Traceback" in text for text in texts), "".join(texts)
    return subprocess.CompletedProcess(words, status, *texts)


def _ask(asked: Asked, files: list[int], timeout: float) -> int:
    server = _server()
    socket.send_fds(server, [msgspec.json.encode(asked)], files)
    child = int(server.recv(32))
    server.settimeout(timeout)
    status = None
    try:
        status = int(server.recv(32))
    except TimeoutError:
        raise subprocess.TimeoutExpired(asked.arguments, timeout) from None
    finally:
        server.settimeout(None)
        if status is None:  # also where the test itself is ended: the next answer must be the next command's
            os.kill(child, signal.SIGKILL)
            server.recv(32)
    return status


@cache
def _server() -> socket.socket:
    """One for each worker of the tests; it ends with it, as its end of the socket is closed then."""
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with far:
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.command", str(far.fileno())], pass_fds=[far.fileno()], cwd=ROOT,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    atexit.register(lambda: (near.close(), server.wait(10)))
    return near


def serve(near: socket.socket) -> None:
    """Forks for each command; returns in the child alone, which has its folder, environment and files then."""
    while True:
        data, files, *_ = socket.recv_fds(near, 1 << 20, 3)
        if not data:
            raise SystemExit
        child = os.fork()
        if not child:
            asked = msgspec.json.decode(data, type=Asked)
            near.close()
            for file, place in zip(files, (0, 1, 2), strict=True):
                os.dup2(file, place)
                os.close(file)
            os.environ.clear()
            os.environ.update(asked.environment)
            os.chdir(asked.folder)
            sys.argv = ["edge-agent", *asked.arguments]
            return
        for file in files:
            os.close(file)
        near.send(b"%d" % child)
        near.send(b"%d" % os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def end(ended: SystemExit) -> NoReturn:
    """As the interpreter ends, without taking all modules to pieces, which copies their memory: 40 ms."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    if not isinstance(status := ended.code or 0, int):
        print(status, file=sys.stderr)
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    from edge_agent.cli import COMMANDS, main

    for name in (*(f"edge_agent.cli.{module}" for module in COMMANDS.values()), "sqlite_utils"):
        import_module(name)
    gc.collect()
    gc.freeze()  # or each command at its end walks all of this, and thereby copies its memory: four fifths of its time
    serve(socket.socket(fileno=int(sys.argv[1])))
    try:
        main()
    except SystemExit as ended:
        end(ended)
