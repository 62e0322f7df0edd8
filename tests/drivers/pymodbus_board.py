"""A board made of pymodbus' own server and data model, as a process on a pty: the driver's counterpart.

    python pymodbus_board.py PTY

Unit 1: 16 coils, 8 inputs (0 and 7 set), holding registers 0-49, input registers 0-9 (value n is 100 + n). Writing
with function 6 to holding registers 1-8 does what R4xx boards do: the register then reads 1, and 0 after its time; to
4000h it gives the unit another address, as with Waveshare's boards.
Prints one line when it serves; ends with its standard input.
"""

import asyncio
import os
import sys
import threading
import time
import tty
from pathlib import Path

from pymodbus import FramerType
from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusSerialServer
from pymodbus.simulator import DataType, SimData, SimDevice

SERVERS: list[ModbusSerialServer] = []
OFF_AT: dict[int, float] = {}


async def r4(
    function: int, start: int, address: int, count: int, registers: list[int], values: list[int] | list[bool] | None
) -> ExcCodes | None:
    now = time.monotonic()
    if function == 6 and values is not None and address == 0x4000:  # another address, once this has been answered
        asyncio.get_running_loop().call_later(0.05, move_to, int(values[0]))
    if function == 6 and values is not None and 1 <= address <= 8:
        command, seconds = divmod(int(values[0]), 256)
        OFF_AT[address] = {1: float("inf"), 6: now + seconds}.get(command, 0.0)
    if function == 3:  # only now: the answer to function 6 is the command as it came
        for relay, off in OFF_AT.items():
            registers[relay - start] = int(now < off)
    return None


def move_to(unit: int) -> None:
    devices = SERVERS[0].context.devices
    devices[unit] = devices.pop(next(iter(devices)))


def pump(one: int, other: int) -> None:
    while data := os.read(one, 4096):
        os.write(other, data)


async def serve(path: Path) -> None:
    near = [os.openpty() for _ in range(2)]
    for _, far in near:
        tty.setraw(far)
    for a, b in ((0, 1), (1, 0)):
        threading.Thread(target=pump, args=(near[a][0], near[b][0]), daemon=True).start()
    device = SimDevice(
        id=1,
        simdata=(
            [SimData(0, values=[False] * 16, datatype=DataType.BITS)],
            [SimData(0, values=[True] + [False] * 6 + [True] + [False] * 8, datatype=DataType.BITS)],
            [
                SimData(0, count=50, values=0, datatype=DataType.REGISTERS),
                SimData(0x4000, values=1, datatype=DataType.REGISTERS),
            ],
            [SimData(0, values=list(range(100, 110)), datatype=DataType.REGISTERS)],
        ),
        action=r4,
    )
    server = ModbusSerialServer(
        device, framer=FramerType.RTU, port=os.ttyname(near[1][1]), baudrate=9600, ignore_missing_devices=True
    )
    SERVERS.append(server)
    await server.serve_forever(background=True)
    path.symlink_to(os.ttyname(near[0][1]))
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.shutdown()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
    os._exit(0)  # the pumps sit in their reads
