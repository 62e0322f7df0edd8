"""A simulated network camera: H.264 from a file over RTSP, as real ones send it. `python -m edge_agent.sim.rtsp FILE`

RTP interleaved in the RTSP connection (RFC 2326 10.12), NAL units packed by RFC 6184 (single and FU-A), in a loop at
the file's own rate. With `--login user:password` it asks for Basic authorisation. `{"do":"mute"}` on stdin: nothing is
sent any more; `{"do":"speak"}`: again; `{"do":"cut"}`: connections are closed. On stdout: `{"port": N}`. Ends with
stdin.
"""

import argparse
import base64
import json
import socket
import socketserver
import sys
import threading
import time
from pathlib import Path

import av

PAYLOAD_BYTES = 1400
CLOCK_HZ = 90_000
PAYLOAD_TYPE = 96


class Track:
    """The file's frames: (time in s, NAL units), its parameter sets first."""

    def __init__(self, path: Path) -> None:
        self.frames: list[tuple[float, list[bytes]]] = []
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            extradata = stream.codec_context.extradata or b""
            self.sets = _parameter_sets(extradata)
            for packet in container.demux(stream):
                if packet.size and packet.dts is not None:
                    self.frames.append((float(packet.dts * packet.time_base), _units(bytes(packet))))
            stamps = [float(p) for p, _ in self.frames]
        self.lasts_s = stamps[-1] - stamps[0] + (stamps[-1] - stamps[-2])

    @property
    def sdp(self) -> str:
        sprop = ",".join(base64.b64encode(unit).decode() for unit in self.sets)
        profile = self.sets[0][1:4].hex()
        return (
            "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\na=control:*\r\n"
            f"m=video 0 RTP/AVP {PAYLOAD_TYPE}\r\na=rtpmap:{PAYLOAD_TYPE} H264/{CLOCK_HZ}\r\n"
            f"a=fmtp:{PAYLOAD_TYPE} packetization-mode=1;profile-level-id={profile};sprop-parameter-sets={sprop}\r\n"
            "a=control:track0\r\n"
        )


def _parameter_sets(avcc: bytes) -> list[bytes]:
    """SPS and PPS of an avcC box (ISO/IEC 14496-15, 5.2.4.1)."""
    found, at = [], 5
    for mask in (0x1F, 0xFF):
        count, at = avcc[at] & mask, at + 1
        for _ in range(count):
            size = int.from_bytes(avcc[at : at + 2], "big")
            found.append(avcc[at + 2 : at + 2 + size])
            at += 2 + size
    return found


def _units(packet: bytes) -> list[bytes]:
    found, at = [], 0
    while at + 4 <= len(packet):
        size = int.from_bytes(packet[at : at + 4], "big")
        found.append(packet[at + 4 : at + 4 + size])
        at += 4 + size
    return found


def rtp(units: list[bytes], sequence: int, stamp: int) -> tuple[list[bytes], int]:
    """The packets of one frame, the marker on the last; the next sequence number."""
    payloads: list[bytes] = []
    for unit in units:
        if len(unit) <= PAYLOAD_BYTES:
            payloads.append(unit)
            continue
        indicator, kind, body = unit[0] & 0xE0 | 28, unit[0] & 0x1F, unit[1:]
        pieces = [body[at : at + PAYLOAD_BYTES] for at in range(0, len(body), PAYLOAD_BYTES)]
        for number, piece in enumerate(pieces):
            flags = (0x80 if number == 0 else 0) | (0x40 if number == len(pieces) - 1 else 0)
            payloads.append(bytes((indicator, flags | kind)) + piece)
    packets = []
    for number, payload in enumerate(payloads):
        marker = 0x80 if number == len(payloads) - 1 else 0
        head = bytes((0x80, marker | PAYLOAD_TYPE)) + (sequence & 0xFFFF).to_bytes(2, "big")
        packets.append(head + (stamp & 0xFFFFFFFF).to_bytes(4, "big") + b"\x00\x00\x04\x17" + payload)
        sequence += 1
    return packets, sequence


class Camera:
    """What all connections share."""

    def __init__(self, track: Track, login: str) -> None:
        self.track, self.login = track, login
        self.speaking = threading.Event()
        self.speaking.set()
        self.connections: set[socket.socket] = set()

    def cut(self) -> None:
        for connection in list(self.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


class Connection(socketserver.StreamRequestHandler):
    camera: Camera

    def handle(self) -> None:
        self.camera.connections.add(self.connection)
        try:
            while request := self._request():
                self._answer(*request)
        except OSError:
            return
        finally:
            self.camera.connections.discard(self.connection)

    def _request(self) -> tuple[str, dict[str, str]] | None:
        """Method and headers; RTCP from the viewer is skipped."""
        while (first := self.rfile.read(1)) == b"$":
            self.rfile.read(int.from_bytes(self.rfile.read(3)[1:], "big"))
        line = (first + self.rfile.readline()).decode("latin-1")
        headers: dict[str, str] = {}
        while (header := self.rfile.readline().decode("latin-1").strip()) != "":
            name, _, value = header.partition(":")
            headers[name.lower()] = value.strip()
        return (line.split(" ")[0], headers) if line.strip() else None

    def _answer(self, method: str, headers: dict[str, str]) -> None:
        login = self.camera.login
        wanted = "Basic " + base64.b64encode(login.encode()).decode()
        if login and method != "OPTIONS" and headers.get("authorization") != wanted:
            self._say(headers, "401 Unauthorized", 'WWW-Authenticate: Basic realm="camera"')
            return
        match method:
            case "OPTIONS":
                self._say(headers, "200 OK", "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER")
            case "DESCRIBE":
                self._say(headers, "200 OK", "Content-Type: application/sdp", body=self.camera.track.sdp)
            case "SETUP" if "TCP" in headers.get("transport", ""):
                self._say(
                    headers, "200 OK", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1", "Session: 417;timeout=60"
                )
            case "SETUP":
                self._say(headers, "461 Unsupported Transport")
            case "PLAY":
                self._say(headers, "200 OK", "Session: 417", "Range: npt=0-")
                threading.Thread(target=self._play, daemon=True).start()
            case _:
                self._say(headers, "200 OK", "Session: 417")

    def _say(self, headers: dict[str, str], status: str, *lines: str, body: str = "") -> None:
        size = [f"Content-Length: {len(body)}"] if body else []
        head = [f"RTSP/1.0 {status}", f"CSeq: {headers.get('cseq', '0')}", *lines, *size]
        self.wfile.write(("\r\n".join(head) + "\r\n\r\n" + body).encode())

    def _play(self) -> None:
        track, began, sequence, turn = self.camera.track, time.monotonic(), 1, 0
        try:
            while True:
                for at_s, units in track.frames:
                    due_s = turn * track.lasts_s + at_s - track.frames[0][0]
                    time.sleep(max(0.0, began + due_s - time.monotonic()))
                    key = any(unit[0] & 0x1F == 5 for unit in units)
                    packets, sequence = rtp([*track.sets, *units] if key else units, sequence, round(due_s * CLOCK_HZ))
                    self.camera.speaking.wait()
                    for packet in packets:
                        self.connection.sendall(b"$\x00" + len(packet).to_bytes(2, "big") + packet)
                turn += 1
        except OSError:
            return


def server(track: Track, login: str, port: int) -> tuple[socketserver.ThreadingTCPServer, Camera]:
    camera = Camera(track, login)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    return Server(("127.0.0.1", port), type("Viewer", (Connection,), {"camera": camera})), camera


def main() -> None:
    options = argparse.ArgumentParser(prog="edge_agent.sim.rtsp")
    options.add_argument("file", type=Path)
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--login", default="")
    given = options.parse_args()
    viewers, camera = server(Track(given.file), given.login, given.port)
    threading.Thread(target=viewers.serve_forever, daemon=True).start()
    sys.stdout.write(json.dumps({"port": viewers.server_address[1]}) + "\n")
    sys.stdout.flush()
    for line in sys.stdin:
        match json.loads(line).get("do"):
            case "mute":
                camera.speaking.clear()
            case "speak":
                camera.speaking.set()
            case "cut":
                camera.cut()


if __name__ == "__main__":
    main()
