"""Starts the daemon or the city worker with a fault inside: `python -m tests.faults.child run --config …`.

LAB_POINT="<point>:<n>:<act>" acts when the point is passed for the n-th time; act is `kill` (SIGKILL to itself),
`cut` (the disk's power fails too), `sleep=<s>` (blocks the event loop) or `exit`. LAB_ACKS="<seed>:<kinds>" makes the
worker lose, repeat, delay and swap its acknowledgements. LAB_TRIAL_S is the time a new configuration or
certificate has to reach the city; LAB_CLOCK a file that says `synced` while the kernel is to vouch for the clock.
Nothing else differs from the product.
"""

import asyncio
import functools
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.faults.disks import cut

POINTS = ("commit.before", "commit.after", "publish.before", "puback", "ack.before", "ack.after", "cursor.before")
PULSE_POINTS = ("pulse.before", "pulse.after")
WORKER_POINTS = ("store.before", "store.after", "acked")

_passed: dict[str, int] = {}


def passing(point: str) -> None:
    wanted, number, act = (os.environ.get("LAB_POINT", "") + "::").split(":")[:3]
    if not point or point != wanted:
        return
    _passed[point] = _passed.get(point, 0) + 1
    if _passed[point] != int(number):
        return
    if act == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif act.startswith("sleep="):
        time.sleep(float(act[6:]))
    elif act == "cut":  # the power of the disk LAB_DISK fails, and with it this process
        cut(Path(os.environ["LAB_DISK"]))
        os.kill(os.getpid(), signal.SIGKILL)
    elif act == "exit":
        os._exit(3)


def around(owner: Any, name: str, before: str = "", after: str = "") -> None:
    """`owner.name`, plain or async, with points before and after it."""
    function: Callable[..., Any] = getattr(owner, name)

    @functools.wraps(function)
    def plain(*args: Any, **kwargs: Any) -> Any:
        passing(before)
        result = function(*args, **kwargs)
        passing(after)
        return result

    @functools.wraps(function)
    async def waiting(*args: Any, **kwargs: Any) -> Any:
        passing(before)
        result = await function(*args, **kwargs)
        passing(after)
        return result

    setattr(owner, name, waiting if asyncio.iscoroutinefunction(function) else plain)


def _kernel(quality: Path) -> Any:
    """In adjtimex's place: synchronised when the file says so."""
    from edge_agent.drivers.clock import KernelTime

    return KernelTime(quality.read_text("ascii") == "synced", 5_000)


def prepare_agent() -> None:
    from edge_agent import installation
    from edge_agent.drivers import clock
    from edge_agent.drivers.gate import SerialGate
    from edge_agent.store import migrations
    from edge_agent.store.journal import SqliteJournal
    from edge_agent.store.ledger import JournalFile
    from edge_agent.uplink.broker import Connection
    from edge_agent.uplink.city import MqttUplink

    running = migrations._running

    def step_by_step(step: Any) -> Callable[[Any], None]:
        """A migration with the point `migrate` before each of its statements, and one after the last."""
        inner = running(step)

        def run(database: Any) -> None:
            for statement in step.statements:
                passing("migrate")
                database.conn.execute(statement)
            passing("migrate")

        run.__name__ = inner.__name__
        return run

    migrations._running = step_by_step
    if quality := os.environ.get("LAB_CLOCK"):
        clock.SystemClock.__init__.__defaults__ = (lambda: _kernel(Path(quality)), None, None)
    if trial_s := os.environ.get("LAB_TRIAL_S"):
        installation.Installation.__init__.__kwdefaults__["trial_s"] = float(trial_s)  # type: ignore[index]
        installation.CERTIFICATE_TRIAL_S = float(trial_s)
    around(JournalFile, "commit", "commit.before", "commit.after")
    around(SqliteJournal, "tick", "cursor.before")
    around(MqttUplink, "publish", "publish.before")
    around(Connection, "_on_publish", after="puback")
    around(SqliteJournal, "confirm", "ack.before", "ack.after")
    around(SerialGate, "release", "pulse.before", "pulse.after")


def prepare_worker() -> None:
    from edge_agent.city import reception, store

    around(store.CityStore, "store", "store.before", "store.after")
    around(reception.Reception, "_answer", after="acked")
    if acks := os.environ.get("LAB_ACKS"):
        seed, kinds = acks.split(":")
        _unreliable(random.Random(int(seed)), kinds.split(","))


def _unreliable(rng: random.Random, kinds: list[str]) -> None:
    """Acknowledgements meet what a network can do to them; those that follow make good for them."""
    from edge_agent.city.broker import CityConnection

    send = CityConnection.send
    held: list[tuple[Any, ...]] = []

    def unreliable(self: CityConnection, topic: str, payload: bytes, expiry_s: int) -> None:
        kind = rng.choice([*kinds, "plain"])
        match kind:
            case "lost":
                return
            case "twice":
                send(self, topic, payload, expiry_s)
                send(self, topic, payload, expiry_s)
            case "late":
                asyncio.get_running_loop().call_later(rng.uniform(0.1, 2.0), send, self, topic, payload, expiry_s)
            case "swapped":
                held.append((self, topic, payload, expiry_s))
                return
            case _:
                send(self, topic, payload, expiry_s)
        while held:
            send(*held.pop())

    CityConnection.send = unreliable  # type: ignore[method-assign]


def main() -> None:
    from edge_agent.cli.loading import loading

    with loading():  # as the product does: what is prepared has been imported then
        (prepare_worker if "city" in sys.argv[1:2] else prepare_agent)()
    if "city" not in sys.argv[1:2]:
        os.environ.pop(
            "LD_PRELOAD", None
        )  # is this process's alone: under a false clock sleeping fails in its children
    from edge_agent.cli import main as edge_agent

    edge_agent()


if __name__ == "__main__":
    main()
