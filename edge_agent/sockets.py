"""Unix sockets that only their owner opens. Whoever serves one starts it with asyncio.start_unix_server(sock=…)."""

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_agent.errors import StoreError

_UCRED = struct.Struct("3i")  # linux/socket.h: pid, uid, gid


def private_socket(path: Path) -> socket.socket:
    """A socket that was never open to others: bound in a directory of mode 0700, closed to all but the owner, and only
    then listening (asyncio does that). Raises StoreError when it cannot be made.
    """
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)  # left behind by a run that was killed; only one agent has this state directory
        with short_name(path) as name:
            server.bind(name)
        os.chmod(path, 0o600)
    except OSError as error:
        server.close()
        raise StoreError("store.socket", socket=str(path), why=str(error)) from error
    return server


@contextmanager
def short_name(path: Path) -> Iterator[str]:
    """A name for `path` that fits: the kernel takes 107 bytes, a state directory may lie deeper. Raises OSError."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def answers(path: Path) -> bool:
    """Does somebody serve it now? A socket outlives who was killed."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection, short_name(path) as name:
            connection.connect(name)
    except PermissionError:
        return True  # whoever it is
    except OSError:
        return False
    return True


def peer_uid(connection: socket.socket) -> int:
    """The user at the other end, as the kernel knows it from the moment of connecting (SO_PEERCRED)."""
    _, uid, _ = _UCRED.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    return int(uid)
