"""A broker on loopback for the demo and the tests: Mosquitto when it is on the machine, else amqtt in pure Python.

`python -m edge_agent.sim.broker --port N` runs the embedded one; it speaks MQTT 3.1.1 only and lives in a process of
its own, as Mosquitto does. Neither keeps anything: a broker that comes back with an empty memory is the normal case.
"""

import argparse
import asyncio
import contextlib
import logging
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Literal

from edge_agent.errors import UplinkError

Kind = Literal["auto", "mosquitto", "embedded"]
READY_S = 10.0
STOP_S = 3.0
HOST = "127.0.0.1"

# What a city's broker should allow: a gateway only itself, the ingest worker and the command desk their directions.
ACL = """\
user city
topic read sc/1/up/#
topic write sc/1/dn/#
topic readwrite sc/1/host/#
pattern read sc/1/host/#
pattern write sc/1/up/%u/#
pattern read sc/1/dn/%u/#
"""


class RunningBroker:
    """`mqtt`: the version to connect with, as uplink.mqtt takes it."""

    def __init__(self, process: "subprocess.Popen[bytes]", kind: str, port: int) -> None:
        self.process, self.kind, self.port = process, kind, port
        self.mqtt: Literal[5, "3.1.1"] = 5 if kind == "mosquitto" else "3.1.1"

    @property
    def url(self) -> str:
        return f"mqtt://{HOST}:{self.port}"

    def kill(self) -> None:
        """As a power cut does."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()


def find_mosquitto() -> str | None:
    """Debian puts it where only root's PATH looks."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def free_port() -> int:
    """A port that is free now. Somebody may take it before it is used: whoever starts a server tries again.

    Below those that outgoing connections are given: whoever dials a server that is away may otherwise get its port,
    meet himself and keep it from coming back.
    """
    while True:
        port = 20_000 + secrets.randbelow(12_768)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((HOST, port))
            return port


def start_broker(
    folder: Path,
    port: int,
    kind: Kind = "auto",
    passwords: dict[str, str] | None = None,
    acl: str | None = None,
) -> RunningBroker:
    """Start a broker on loopback and wait until it answers. Its files and its log go to `folder`.

    `passwords`: user to password (none: everybody may connect); `acl`: Mosquitto's access list. Raises UplinkError.
    """
    if kind == "auto":
        kind = "mosquitto" if find_mosquitto() else "embedded"
    folder.mkdir(parents=True, exist_ok=True)
    command = (_mosquitto if kind == "mosquitto" else _embedded)(folder, port, passwords, acl)
    with (folder / "broker.log").open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
    try:
        _await_ready(process, port, folder)
    except UplinkError:
        process.kill()
        process.wait()
        raise
    return RunningBroker(process, kind, port)


def _mosquitto(folder: Path, port: int, passwords: dict[str, str] | None, acl: str | None) -> list[str]:
    program = find_mosquitto()
    if program is None:
        raise UplinkError("uplink.broker_missing", kind="mosquitto")
    lines = [
        f"listener {port} {HOST}",
        "persistence false",
        f"allow_anonymous {str(passwords is None).lower()}",
        "max_queued_messages 10000",
        "max_inflight_messages 1000",
        "set_tcp_nodelay true",  # else every acknowledgement waits 40 ms for the other side's delayed ACK
        "log_dest stderr",
        "log_type error",
        "log_type warning",
    ]
    if os.geteuid() == 0:
        lines.append("user root")  # otherwise it becomes `mosquitto`, who may not read these files
    if passwords is not None:
        file = folder / "passwords"
        _write_private(file, _password_lines(passwords))
        subprocess.run([_mosquitto_passwd(), "-U", str(file)], check=True, capture_output=True)
        lines.append(f"password_file {file}")
    if acl is not None:
        _write_private(folder / "acl", acl)
        lines.append(f"acl_file {folder / 'acl'}")
    config = folder / "mosquitto.conf"
    config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return [program, "-c", str(config)]


def _mosquitto_passwd() -> str:
    program = shutil.which("mosquitto_passwd", path=os.environ.get("PATH", "") + ":/usr/bin:/usr/sbin:/usr/local/bin")
    if program is None:
        raise UplinkError("uplink.broker_missing", kind="mosquitto")
    return program


def _embedded(folder: Path, port: int, passwords: dict[str, str] | None, acl: str | None) -> list[str]:
    if acl is not None:
        raise UplinkError("uplink.broker_missing", kind="mosquitto")
    command = [sys.executable, "-m", "edge_agent.sim.broker", "--port", str(port)]
    if passwords is not None:
        file = folder / "passwords"
        _write_private(file, _password_lines(passwords))
        command += ["--passwords", str(file)]
    return command


def _password_lines(passwords: dict[str, str]) -> str:
    return "".join(f"{user}:{password}\n" for user, password in passwords.items())


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def _await_ready(process: "subprocess.Popen[bytes]", port: int, folder: Path) -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1.0):
            return
        time.sleep(0.02)
    tail = (folder / "broker.log").read_text(encoding="utf-8", errors="replace")[-500:].strip()
    raise UplinkError("uplink.broker_failed", why=tail or "no answer on its port")


async def _serve(port: int, passwords: Path | None) -> None:
    from amqtt.broker import Broker

    plugins: dict[str, Any] = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    if passwords is not None:
        plugins = {"amqtt.plugins.authentication.FileAuthPlugin": {"password_file": str(_hashed(passwords))}}
    broker = Broker({"listeners": {"default": {"type": "tcp", "bind": f"{HOST}:{port}"}}, "plugins": plugins})
    await broker.start()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    await broker.shutdown()


def _hashed(passwords: Path) -> Path:
    """amqtt wants Argon2 hashes; cheap ones do, their file lies beside the passwords."""
    from amqtt.plugins.authentication import Argon2Hasher

    hasher = Argon2Hasher(time_cost=1, memory_cost=1024)
    pairs = (line.split(":", 1) for line in passwords.read_text(encoding="utf-8").splitlines())
    path = passwords.with_suffix(".hashed")
    _write_private(path, "".join(f"{user}:{hasher.hash(password)}\n" for user, password in pairs))
    return path


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m edge_agent.sim.broker", description="an MQTT 3.1.1 broker")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--passwords", type=Path, help="file of user:password lines; without it anybody may connect")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.ERROR)
    asyncio.run(_serve(given.port, given.passwords))


if __name__ == "__main__":
    main()
