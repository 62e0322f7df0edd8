"""Serves the console over HTTPS inside the daemon's loop, and ends when the job is cancelled.

uvicorn would leave the process when its port is taken and would take the daemon's signals: the socket is made here,
and signals stay where they are.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from edge_agent import log
from edge_agent.errors import EdgeAgentError
from edge_agent.model.site import Console
from edge_agent.ports import Beat

BEAT_EVERY_S = 2.0
CONNECTIONS_AT_MOST = 200
HEADERS_AT_MOST = 16 << 10
IDLE_S = 65

logger = log.get("console.server")


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(app: ASGIApp, settings: Console, folder: Path, beat: Beat) -> None:
    """Until cancelled. Raises EdgeAgentError when the port or the certificate cannot be had."""
    config = uvicorn.Config(
        app, log_config=None, log_level="critical", access_log=False, server_header=False, date_header=False,
        lifespan="off", ws="none", http="h11", loop="none", timeout_keep_alive=IDLE_S,
        limit_concurrency=CONNECTIONS_AT_MOST, h11_max_incomplete_event_size=HEADERS_AT_MOST,
        timeout_graceful_shutdown=0, proxy_headers=False,
    )  # fmt: skip
    config.load()
    config.ssl = tls(folder / settings.cert, folder / settings.key)
    server = _Server(config)
    listening = listen(settings.listen)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    logger.info("the console is at https://%s", settings.listen)
    try:
        while not serving.done():
            beat()
            await asyncio.wait([serving], timeout=BEAT_EVERY_S)
        serving.result()
    finally:
        server.should_exit = True  # open streams are cut, not waited for
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([serving], timeout=BEAT_EVERY_S)
        for connection in tuple(server.server_state.connections):  # a browser may take its time to say goodbye
            connection.transport.abort()
        listening.close()


def listen(address: str) -> socket.socket:
    """Raises EdgeAgentError when the port is taken or not this machine's."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, int(port)))
    except OSError as error:
        made.close()
        raise EdgeAgentError("console.port", listen=address, why=error.strerror) from error
    return made


def tls(cert: Path, key: Path) -> ssl.SSLContext:
    """TLS 1.2 and up. Raises EdgeAgentError when the files are none or do not belong together."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        raise EdgeAgentError("console.certificate", file=cert, why=error) from error
    return context
