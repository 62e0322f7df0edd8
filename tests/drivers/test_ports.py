"""What is plugged in, read off a made-up /dev, /sys and /proc, and off the kernel's own where a lock is real."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge_agent.drivers.ports import Places, cameras, gpio_chips, holders, natural, serial_devices, stable_name


class Machine:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.places = Places(folder / "dev", folder / "sys", folder / "proc")
        for place in (self.places.dev / "serial/by-id", self.places.dev / "serial/by-path", self.places.proc):
            place.mkdir(parents=True)

    def adapter(self, tty: str, socket: str, by_id: str | None, **usb: str) -> None:
        device = self.folder / f"sys/devices/usb/{socket}"
        port = device / f"{socket}:1.0/{tty}"
        port.mkdir(parents=True)
        for name, value in {"idVendor": "1a86", "idProduct": "7523", "product": "USB Serial", **usb}.items():
            (device / name).write_text(value + "\n")
        driver = self.folder / "sys/bus/usb-serial/drivers/ch341"
        driver.mkdir(parents=True, exist_ok=True)
        (port / "driver").symlink_to(driver)
        entry = self.places.sys / f"class/tty/{tty}"
        entry.mkdir(parents=True)
        (entry / "device").symlink_to(port)
        node = self.places.dev / tty
        node.touch()
        (self.places.dev / f"serial/by-path/pci-usb-{socket}").symlink_to(node)
        if by_id:
            (self.places.dev / f"serial/by-id/{by_id}").unlink(missing_ok=True)
            (self.places.dev / f"serial/by-id/{by_id}").symlink_to(node)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_an_adapter_goes_by_its_serial_number(machine: Machine) -> None:
    machine.adapter("ttyUSB0", "1-1", "usb-FTDI_A50285BI-if00-port0", serial="A50285BI", manufacturer="FTDI")
    port = serial_devices(machine.places)[0]
    assert port.path.endswith("by-id/usb-FTDI_A50285BI-if00-port0")
    assert (port.adapter, port.driver, port.twin) == ("1a86:7523 FTDI USB Serial", "ch341", False)
    assert stable_name(machine.places.dev / "ttyUSB0", machine.places) == port.path
    assert stable_name(Path("/dev/nothing"), machine.places) == "/dev/nothing"


def test_two_that_look_alike_go_by_their_sockets(machine: Machine) -> None:
    """The last one plugged in owns the name below by-id; the other would be lost, or worse, swapped."""
    machine.adapter("ttyUSB10", "1-2", "usb-1a86_USB_Serial-if00-port0")
    machine.adapter("ttyUSB2", "1-1", "usb-1a86_USB_Serial-if00-port0")
    found = serial_devices(machine.places)
    assert [Path(port.path).name for port in found] == ["pci-usb-1-1", "pci-usb-1-2"]
    assert all(port.twin for port in found)


def test_uarts_that_are_not_there_and_screens_are_left_out(machine: Machine) -> None:
    for tty, kind in (("ttyS0", "4"), ("ttyS1", "0"), ("tty1", "")):
        entry = machine.places.sys / f"class/tty/{tty}"
        entry.mkdir(parents=True)
        (machine.places.dev / tty).touch()
        (entry / "type").write_text(kind)
        if kind:
            (entry / "device").mkdir()
    assert [port.path for port in serial_devices(machine.places)] == [str(machine.places.dev / "ttyS0")]


def test_chips_and_cameras_are_named(machine: Machine) -> None:
    (machine.places.dev / "gpiochip0").touch()
    for node, index in (("video0", "0"), ("video1", "1")):
        (machine.places.dev / node).touch()
        entry = machine.places.sys / f"class/video4linux/{node}"
        entry.mkdir(parents=True)
        (entry / "index").write_text(index)
        (entry / "name").write_text("USB Camera\n")
    assert [Path(chip.path).name for chip in gpio_chips(machine.places)] == ["gpiochip0"]
    assert [(Path(camera.path).name, camera.what) for camera in cameras(machine.places)] == [("video0", "USB Camera")]
    (machine.places.dev / "v4l/by-id").mkdir(parents=True)
    (machine.places.dev / "v4l/by-id/usb-046d_C920-video-index0").symlink_to("../../video0")
    assert [Path(camera.path).name for camera in cameras(machine.places)] == ["usb-046d_C920-video-index0"]
    (machine.places.dev / "v4l/by-path").mkdir()
    for number in (0, 2):  # another of the same make
        (machine.places.dev / f"v4l/by-path/usb-0:{number}").symlink_to(f"../../video{number}")
    (machine.places.dev / "video2").touch()
    entry = machine.places.sys / "class/video4linux/video2"
    entry.mkdir()
    (entry / "index").write_text("0")
    (entry / "name").write_text("USB Camera\n")
    assert [Path(camera.path).name for camera in cameras(machine.places)] == ["usb-0:0", "usb-0:2"]


def test_who_holds_a_port_is_named_by_the_kernel() -> None:
    near, far = os.openpty()
    script = f"import fcntl; f = open({os.ttyname(far)!r}); fcntl.flock(f, fcntl.LOCK_EX); print(); input()"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        other.stdout.readline()
        found = holders(Path(os.ttyname(far)))
        other.stdin.write(b"\n")
        other.stdin.close()
    assert [holder.pid for holder in found] == [other.pid]
    assert found[0].program.startswith("python")
    fcntl.flock(far, fcntl.LOCK_EX)
    assert holders(Path(os.ttyname(far))) == ()  # ourselves
    os.close(near)
    os.close(far)


def test_numbers_count_as_numbers() -> None:
    assert sorted(["ttyUSB10", "ttyUSB2", "ttyS0", "x"], key=natural) == ["ttyS0", "ttyUSB2", "ttyUSB10", "x"]
