"""The operator's way in on the gateway: one JSON line with an Operation, one with what came of it, then the end.

Over a Unix socket whose file mode is its access rule; the kernel also says who is at the other end, and it is the
agent's own user or root, or nobody. What may be done and is done is the flow's business; here a line becomes an
Operation that at least makes sense. docs/decisions/0012 has the form and the reasons.
"""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import msgspec

from edge_agent import log
from edge_agent.errors import EdgeAgentError, RoundError, StoreError, VisitError
from edge_agent.model.commands import MUTE_AT_MOST_S, OPERATIONS, Done, Operation
from edge_agent.ports import Beat
from edge_agent.sockets import peer_uid, private_socket, short_name

LINE_AT_MOST = 32_768  # bytes of a question: a group of a hundred visitors
NAME_AT_MOST, ID_AT_MOST, REASON_AT_MOST = 64, 128, 200  # characters: they go into the journal
LONGEST_S = 7 * 86_400  # of an order with an end: a slip of the finger is not kept for years
SPEAK_WITHIN_S = 5.0  # a client that says nothing does not stay
BEAT_EVERY_S = 2.0
CLIENTS_AT_MOST = 16

logger = log.get("console.control")
_decoder = msgspec.json.Decoder(Operation)


class ControlServer:
    """`carry_out` does an Operation and says what came of it; EdgeAgentError from it means that it was not done."""

    def __init__(self, path: Path, carry_out: Callable[[Operation], Awaitable[Done]]) -> None:
        self.path, self._carry_out = path, carry_out
        self._clients: set[asyncio.StreamWriter] = set()

    async def run(self, beat: Beat) -> None:
        """Serve until cancelled. Raises StoreError when the socket cannot be made."""
        server = await asyncio.start_unix_server(self._serve, sock=private_socket(self.path), limit=LINE_AT_MOST)
        try:
            while True:
                beat()
                await asyncio.sleep(BEAT_EVERY_S)
        finally:
            server.close()
            for client in tuple(self._clients):
                client.transport.abort()
            self.path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        try:
            done = await self._answer(reader, writer.get_extra_info("socket"))
            writer.write(msgspec.json.encode(done) + b"\n")
            await writer.drain()
        except ConnectionError:
            logger.debug("an operator went away")
        finally:
            self._clients.discard(writer)
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, connection: socket.socket) -> Done:
        if (uid := peer_uid(connection)) not in (os.geteuid(), 0):
            logger.warning("user %d may not operate this gateway: refused", uid)
            return Done(False, "control.forbidden")
        if len(self._clients) > CLIENTS_AT_MOST:
            return Done(False, "control.busy")
        try:
            async with asyncio.timeout(SPEAK_WITHIN_S):
                line = await reader.readuntil(b"\n")
        except TimeoutError:
            return Done(False, "control.silent_client")
        except asyncio.LimitOverrunError:
            return Done(False, "control.too_long")
        except asyncio.IncompleteReadError:
            return Done(False, "control.malformed")
        try:
            operation = _decoder.decode(line)
        except msgspec.DecodeError:
            return Done(False, "control.malformed")
        if code := nonsense(operation):
            return Done(False, code)
        try:
            return await self._carry_out(operation)
        except EdgeAgentError as error:
            if isinstance(error, VisitError | RoundError):  # for the guard's eyes: it may say why somebody is barred
                logger.info("%s by %s was not done: %s", operation.verb, operation.by, error.code)
                return Done(False, error.code, fields={name: str(value) for name, value in error.fields.items()})
            logger.warning("%s by %s was not done: %s", operation.verb, operation.by, error)
            return Done(False, "control.failed")


def nonsense(operation: Operation) -> str:
    """Why no gateway could do this, as a code of `words`; empty when it makes sense."""
    if operation.verb not in OPERATIONS:
        return "control.unknown_verb"
    if not operation.by.strip():
        return "control.nobody"
    names, ids = (operation.by, operation.who, operation.outcome), (operation.alarm, operation.target)
    if max(map(len, names)) > NAME_AT_MOST or max(map(len, ids)) > ID_AT_MOST or len(operation.why) > REASON_AT_MOST:
        return "control.too_long"
    if not "".join((*names, *ids, operation.why)).isprintable():
        return "control.malformed"
    if operation.verb == "mute" and (operation.for_s or 0) > MUTE_AT_MOST_S:
        return "control.mute_too_long"
    if operation.for_s is not None and not 0 < operation.for_s <= LONGEST_S:  # also when it is no number
        return "control.bad_time"
    return ""


def operate(path: Path, operation: Operation, timeout_s: float = 10.0) -> Done:
    """Have the running agent do `operation`. Blocks.

    Raises EdgeAgentError, with the remedy: no agent answers, this user may not, or the answer did not come.
    """
    with _line(path, timeout_s) as line:
        try:
            with suppress(BrokenPipeError):  # refused before it was heard: the answer says why
                line.sendall(msgspec.json.encode(operation) + b"\n")
            return _heard(line)
        except TimeoutError as error:
            raise EdgeAgentError("control.no_answer", s=timeout_s) from error
        except (ConnectionError, msgspec.DecodeError) as error:
            raise EdgeAgentError("control.cut_off") from error


def reach(path: Path, timeout_s: float = 10.0) -> None:
    """Does an agent listen? Raises EdgeAgentError as `operate` does, for what must not begin without one. Blocks."""
    with _line(path, timeout_s):
        pass


@contextmanager
def _line(path: Path, timeout_s: float) -> Iterator[socket.socket]:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as line:
        line.settimeout(timeout_s)
        try:
            with short_name(path) as name:
                line.connect(name)
        except PermissionError as error:
            raise EdgeAgentError("control.forbidden") from error
        except OSError as error:
            raise StoreError("store.no_agent", socket=str(path)) from error
        yield line


def _heard(line: socket.socket) -> Done:
    answer = b""
    while not answer.endswith(b"\n"):
        if not (piece := line.recv(LINE_AT_MOST)):
            break
        answer += piece
    return msgspec.json.decode(answer, type=Done)
