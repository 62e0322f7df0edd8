"""A peer's way from an event to the broker: numbers come on stdin, what it has taken goes to stdout. Run by peers.py.

Each is used as its own examples do, with its defaults; `taken` is the moment the program that offers may go on.
"""

import asyncio
import logging
import sys
import threading
import time
from pathlib import Path
from typing import Any

TOPIC = "peer/evt"


def taken(number: str) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def paho_client(port: int, name: str) -> Any:
    from paho.mqtt import client as mqtt
    from paho.mqtt.enums import CallbackAPIVersion

    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name)
    client.reconnect_delay_set(1, 2)
    client.connect_async("127.0.0.1", port)
    client.loop_start()
    return client


def paho_queue(port: int, folder: Path) -> None:
    """publish() queues in memory while there is no connection, and repeats what was not acknowledged."""
    client = paho_client(port, "peer-paho")
    for line in sys.stdin:
        client.publish(TOPIC, line.strip(), qos=1)
        taken(line.strip())


def aiomqtt_queue(port: int, folder: Path) -> None:
    """A queue in front, and the reconnecting loop of its documentation."""
    import aiomqtt

    async def run() -> None:
        waiting: asyncio.Queue[str] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def read() -> None:
            for line in sys.stdin:
                loop.call_soon_threadsafe(waiting.put_nowait, line.strip())
                taken(line.strip())

        threading.Thread(target=read, daemon=True).start()
        while True:
            try:
                async with aiomqtt.Client("127.0.0.1", port, identifier="peer-aiomqtt") as client:
                    while True:
                        await client.publish(TOPIC, await waiting.get(), qos=1)
            except aiomqtt.MqttError:
                await asyncio.sleep(1)

    asyncio.run(run())


def thingsboard(port: int, folder: Path, kind: str) -> None:
    """Its storage module, drained as its gateway service does: a pack, QoS 1, wait for all, done."""
    stop, log = threading.Event(), logging.getLogger("storage")
    config = {"data_folder_path": f"{folder}/", "data_file_path": f"{folder}/", "max_file_count": 10,
              "max_records_per_file": 10_000, "max_read_records_count": 10}  # fmt: skip
    storage: Any
    match kind:
        case "file":
            from thingsboard_gateway.storage.file.file_event_storage import FileEventStorage as Kind
        case "sqlite":
            from thingsboard_gateway.storage.sqlite.sqlite_event_storage import SQLiteEventStorage as Kind
        case _:
            from thingsboard_gateway.storage.memory.memory_event_storage import MemoryEventStorage as Kind
    storage = Kind(config, log, stop)
    client = paho_client(port, "peer-thingsboard")

    def drain() -> None:
        while True:
            pack = storage.get_event_pack()
            if not pack:
                time.sleep(0.05)
                continue
            while not client.is_connected():
                time.sleep(0.05)
            for sent in [client.publish(TOPIC, event, qos=1) for event in pack]:
                while not sent.is_published():
                    time.sleep(0.005)
            storage.event_pack_processing_done()

    threading.Thread(target=drain, daemon=True).start()
    for line in sys.stdin:
        if storage.put(line.strip()) is not False:  # the SQLite one says nothing
            taken(line.strip())


def main() -> None:
    peer, port, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    logging.disable(logging.CRITICAL)
    match peer:
        case "paho":
            paho_queue(port, folder)
        case "aiomqtt":
            aiomqtt_queue(port, folder)
        case _:
            thingsboard(port, folder, peer.partition("-")[2])
    time.sleep(3600)


if __name__ == "__main__":
    main()
