"""Links: URLs that are right, URLs that are wrong, and ports over real ptys and sockets."""

import os
import random
import socket
import tty
from contextlib import suppress
from pathlib import Path

import pytest

from edge_agent.drivers.link import Backoff, LinkUrl, open_link, parse_link_url
from edge_agent.errors import DeviceUnavailable, EdgeAgentError
from tests.waiting import until


@pytest.mark.parametrize(
    ("url", "link"),
    [
        ("serial:///dev/ttyUSB0", LinkUrl("serial", path="/dev/ttyUSB0")),
        (
            "serial:///dev/serial/by-id/usb-1a86:x?baud=19200&parity=even",
            LinkUrl("serial", path="/dev/serial/by-id/usb-1a86:x", baud=19200, parity="even"),
        ),
        ("tcp://192.0.2.10:4001", LinkUrl("tcp", host="192.0.2.10", port=4001)),
        ("sim://north-reader", LinkUrl("sim", path="north-reader")),
    ],
)
def test_a_url_is_read(url: str, link: LinkUrl) -> None:
    assert parse_link_url(url) == link


@pytest.mark.parametrize(
    ("url", "remedy"),
    [
        ("", "sim://name"),
        ("/dev/ttyUSB0", "serial:///dev"),
        ("usb://x", "serial:///dev"),
        ("serial://dev/ttyUSB0", "three slashes"),
        ("serial:///dev/ttyS0?speed=9600", "baud and parity"),
        ("serial:///dev/ttyS0?baud=fast", "whole number"),
        ("serial:///dev/ttyS0?baud=", "whole number"),
        ("serial:///dev/ttyS0?baud=12", "300 to 4000000"),
        ("serial:///dev/ttyS0?parity=mark", "none, even or odd"),
        ("tcp://host", "a host and a port"),
        ("tcp://host:99999", "a host and a port"),
        ("tcp://host:1/x", "a host and a port"),
        ("sim://", "one name"),
        ("sim://../etc", "one name"),
        ("sim://a/b", "one name"),
    ],
)
def test_a_wrong_url_says_what_to_write(url: str, remedy: str) -> None:
    with pytest.raises(EdgeAgentError, match=remedy) as caught:
        parse_link_url(url)
    assert caught.value.text("zh") != caught.value.text("en")


def test_a_simulated_port_carries_bytes_both_ways_and_never_waits(tmp_path: Path) -> None:
    near, far = os.openpty()
    tty.setraw(far)
    (tmp_path / "reader").symlink_to(os.ttyname(far))
    port = open_link("sim://reader", tmp_path)
    assert port.read() == b""
    os.write(near, b"\x00\x11\x13\xff\r\n")
    assert until(port.read) == b"\x00\x11\x13\xff\r\n"
    assert port.write(b"\x03\x04\x1a") == 3
    assert os.read(near, 10) == b"\x03\x04\x1a"
    while port.write(bytes(4096)):  # nobody reads: the buffer fills, and the caller is not held up
        pass
    port.close()
    os.close(near)
    os.close(far)


def test_what_lay_in_the_line_before_it_was_opened_is_gone(tmp_path: Path) -> None:
    near, far = os.openpty()
    tty.setraw(far)
    (tmp_path / "x").symlink_to(os.ttyname(far))
    os.write(near, b"old")
    port = open_link("sim://x", tmp_path)
    os.write(near, b"new")
    assert until(port.read) == b"new"
    port.close()
    os.close(near)
    os.close(far)


def test_a_second_opener_is_refused(tmp_path: Path) -> None:
    near, far = os.openpty()
    (tmp_path / "x").symlink_to(os.ttyname(far))
    port = open_link("sim://x", tmp_path)
    with pytest.raises(DeviceUnavailable, match="in use"):
        open_link("sim://x", tmp_path)
    port.close()
    os.close(near)
    os.close(far)


def test_a_port_whose_other_end_goes_away_says_so(tmp_path: Path) -> None:
    near, far = os.openpty()
    tty.setraw(far)
    (tmp_path / "x").symlink_to(os.ttyname(far))
    port = open_link("sim://x", tmp_path)
    os.close(near)
    os.close(far)
    with pytest.raises(DeviceUnavailable, match="cable"):
        port.read()
    with pytest.raises(DeviceUnavailable, match="cable"):
        port.write(b"x")
    port.close()


def test_what_is_not_there_or_no_port_is_named(tmp_path: Path) -> None:
    with pytest.raises(DeviceUnavailable, match="not there"):
        open_link("sim://nothing", tmp_path)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DeviceUnavailable, match="no serial device"):
        open_link("sim://file", tmp_path)
    with pytest.raises(DeviceUnavailable, match="/dev/null"):
        open_link("serial:///dev/null", tmp_path)


def test_tcp_carries_bytes_and_notices_the_other_side_closing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = open_link(f"tcp://127.0.0.1:{server.getsockname()[1]}", tmp_path)
        peer, _ = server.accept()
        assert port.read() == b""
        assert port.write(b"abc") == 3
        assert peer.recv(10) == b"abc"
        peer.sendall(b"xyz")
        assert until(port.read) == b"xyz"
        peer.close()

        def closed() -> bool:
            try:
                return bool(port.read())
            except DeviceUnavailable:
                return True

        until(closed)
        port.close()
        number = server.getsockname()[1]
    with pytest.raises(DeviceUnavailable, match="does not answer"):
        open_link(f"tcp://127.0.0.1:{number}", tmp_path)


@pytest.mark.parametrize(("how", "arrives"), [("close", True), ("abort", False)])
def test_an_aborted_tcp_port_takes_back_what_was_not_sent_yet(how: str, arrives: bool, tmp_path: Path) -> None:
    """The converter takes nothing for a while, so bytes wait in the kernel here; the last of them are the pulse."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = open_link(f"tcp://127.0.0.1:{server.getsockname()[1]}", tmp_path)
        converter, _ = server.accept()
        written = 0
        while count := port.write(bytes(65536)):
            written += count
        getattr(port, how)()
        received = 0
        with converter, suppress(ConnectionResetError):
            converter.settimeout(5)
            while data := converter.recv(65536):
                received += len(data)
    assert (received == written) is arrives


def test_an_aborted_serial_port_takes_back_what_was_not_sent_yet(tmp_path: Path) -> None:
    near, far = os.openpty()
    tty.setraw(far)
    (tmp_path / "x").symlink_to(os.ttyname(far))
    port = open_link("sim://x", tmp_path)
    while port.write(bytes(4096)):
        pass
    port.write(b"pulse")
    port.abort()
    os.set_blocking(near, False)
    received = 0
    with suppress(BlockingIOError):
        while data := os.read(near, 65536):
            received += len(data)
    assert received < 4096  # what had left the driver already
    os.close(near)
    os.close(far)


def test_a_converter_that_falls_silent_is_given_up_within_ten_seconds(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = open_link(f"tcp://127.0.0.1:{server.getsockname()[1]}", tmp_path)
        with socket.socket(fileno=os.dup(port.fileno())) as wire:

            def tcp(option: int) -> int:
                return wire.getsockopt(socket.IPPROTO_TCP, option)

            assert wire.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            probing = tcp(socket.TCP_KEEPINTVL) * tcp(socket.TCP_KEEPCNT)
            assert tcp(socket.TCP_KEEPIDLE) + probing <= 10  # when the gateway says nothing
            assert 1000 <= tcp(socket.TCP_USER_TIMEOUT) <= 5000  # when it does
        port.close()


def test_pauses_grow_to_less_than_a_second_and_start_small_again() -> None:
    backoff = Backoff(random.Random(1))
    pauses = [backoff.pause_s() for _ in range(20)]
    assert pauses[0] <= 0.05
    assert min(pauses[5:]) >= 0.6
    assert max(pauses) <= 0.8
    assert len(set(pauses)) == 20
    backoff.reset()
    assert backoff.pause_s() <= 0.05
