"""A PostgreSQL server of a test's own: a new cluster in a folder, a Unix socket, nobody else's business."""

import contextlib
import getpass
import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

_numbers = itertools.count(1)


def program(name: str) -> str | None:
    """Debian keeps them beside each other by version, outside PATH."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return shutil.which(name) or shutil.which(name, path=":".join(map(str, folders)))


def missing() -> str:
    """Why there can be no server here; empty when there can."""
    try:
        import psycopg  # noqa: F401
    except ImportError:
        return "psycopg is not installed (the extra `city`)"
    if program("initdb") is None or program("postgres") is None:
        return "PostgreSQL is not installed (Debian: postgresql)"
    if os.geteuid() == 0 and unprivileged() is None:
        return "PostgreSQL does not run as root, and there is no user postgres or nobody"
    return ""


def unprivileged() -> str | None:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    return None


needs_postgres = pytest.mark.skipif(bool(missing()), reason=missing() or "-")


class Server:
    """`stop` and `start` are for tests of a server that goes away."""

    def __init__(self, folder: Path, user: str) -> None:
        self.folder, self.user = folder, user
        self.process: subprocess.Popen[bytes] | None = None

    def database(self) -> str:
        """A new, empty database; its DSN."""
        import psycopg

        name = f"city{next(_numbers)}"
        with psycopg.connect(self._dsn("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self._dsn(name)

    def start(self) -> None:
        command = [
            str(program("postgres")), "-D", str(self.folder / "data"), "-k", str(self.folder),
            "-c", "listen_addresses=", "-c", "shared_buffers=32MB", "-c", "max_connections=30",
        ]  # fmt: skip
        with (self.folder / "server.log").open("ab") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output, **self._as_user())
        deadline = time.monotonic() + 60
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.folder / "server.log").read_text()[-2000:])
            time.sleep(0.05)

    def stop(self) -> None:
        """At once: sessions are cut, what was committed stays."""
        if self.process is not None:
            self.process.send_signal(3)  # SIGQUIT: immediate shutdown
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def _answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self._dsn("postgres"), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _dsn(self, name: str) -> str:
        return f"postgresql://city:secret@/{name}?host={self.folder}"

    def _as_user(self) -> dict[str, object]:
        root = os.geteuid() == 0
        return {"user": self.user, "group": pwd.getpwnam(self.user).pw_gid, "extra_groups": []} if root else {}


@contextlib.contextmanager
def running_server() -> Iterator[Server]:
    # Not below pytest's folder: that one is root's alone, and a socket's path must be short.
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    user = (unprivileged() or "") if os.geteuid() == 0 else getpass.getuser()
    server = Server(folder, user)
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, user)
        command = [str(program("initdb")), "-D", str(folder / "data"), "-U", "city", "-A", "trust", "-N", "-E", "UTF8"]
        environment = {**os.environ, "LC_ALL": "C"}
        done = subprocess.run(command, capture_output=True, check=False, env=environment, **server._as_user())  # type: ignore[call-overload]
        assert done.returncode == 0, done.stderr.decode()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
