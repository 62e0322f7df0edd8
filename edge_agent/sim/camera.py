"""A simulated gate camera: MJPEG over HTTP on loopback. `python -m edge_agent.sim.camera --port 0 --fps 15`

Nobody is there: a still wall with sensor noise. `{"do":"show","photo":"path.jpg","seconds":3,"height_px":220}` on stdin
lets the person of that photograph come in from the side, stand a moment with the small movements people make, and
leave (`{"do":"leave"}`: at once); `height_px` is the height of head and shoulders in the picture, the face is a little
less than half of it.
On stdout: `{"port":N}`, then per visit `{"shown":path,"t_ns":…}` (monotonic, the first frame sent with it) and
`{"gone":path,"t_ns":…}`. Ends when stdin closes.
"""

import argparse
import json
import math
import queue
import sys
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import cv2
import cv2.data
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]

NOISE_LEVELS = 5.0  # standard deviation of the sensor noise, grey levels
JPEG_QUALITY = 85
WALK_S = 0.8  # from the side to the middle, slower towards it
STEP_S = 0.2 * WALK_S  # taken out of the picture: the first frame shows part of the person
GROWN = 0.6  # head and shoulders: the face's box and this much of it on every side
SEED = 417


@dataclass
class Visit:
    photo: str
    person: Image
    seconds: float
    began_s: float = -1.0


def head_and_shoulders(photo: str, height_px: int) -> Image:
    """The photograph cut around its largest face (all of it, if none is found), scaled. Raises OSError."""
    picture: Image | None = cv2.imread(photo)
    if picture is None:
        raise OSError(f"{photo} is not a picture")
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")
    least = min(picture.shape[:2]) // 6
    faces = cascade.detectMultiScale(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), 1.1, 8, minSize=(least, least))
    if len(faces):
        x, y, width, height = max(faces, key=lambda face: int(face[2] * face[3]))
        left, top = max(0, int(x - GROWN * width)), max(0, int(y - GROWN * height))
        picture = picture[top : int(y + (1 + GROWN) * height), left : int(x + (1 + GROWN) * width)]
    scale = height_px / picture.shape[0]
    person: Image = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return person


class Scene:
    """What the camera sees at a moment, as JPEG."""

    def __init__(self, width: int, height: int) -> None:
        random = np.random.default_rng(SEED)
        rows = np.linspace(150, 90, height, dtype=np.float32)[:, None, None]
        wall = np.broadcast_to(rows, (height, width, 3)).copy()
        wall[:, :: max(1, width // 9)] -= 25  # joints
        wall[int(height * 0.85) :] -= 40  # ground
        self._wall = wall.clip(0, 255).astype(np.uint8)
        self._noise = [random.normal(0, NOISE_LEVELS, wall.shape).astype(np.int16) for _ in range(6)]
        self._empty: dict[int, bytes] = {}  # while nobody is there nothing but the noise changes
        self._count = 0

    def frame(self, visit: Visit | None, at_s: float) -> bytes:
        """`at_s`: since the visit began."""
        self._count += 1
        noise = self._count * 7 % len(self._noise)
        if not visit and noise in self._empty:
            return self._empty[noise]
        picture = self._wall.copy()
        if visit:
            self._place(picture, visit, at_s)
        noisy = picture.astype(np.int16) + self._noise[noise]
        seen = _jpeg(noisy.clip(0, 255).astype(np.uint8))
        if not visit:
            self._empty[noise] = seen
        return seen

    def _place(self, picture: Image, visit: Visit, at_s: float) -> None:
        height, width = picture.shape[:2]
        breath = 1 + 0.02 * math.sin(at_s * 3.1)
        person: Image = cv2.resize(visit.person, None, fx=breath, fy=breath)
        person_h, person_w = person.shape[:2]
        away = max(0.0, 1 - at_s / WALK_S, 1 - (visit.seconds - at_s) / WALK_S) ** 2  # 1 = out of the picture
        side = -1 if at_s < visit.seconds / 2 else 1
        middle = width / 2 + side * away * (width + person_w) / 2 + 4 * math.sin(at_s * 4.3)
        left, top = round(middle - person_w / 2), round(max(0, (height - person_h) * 0.45) + 3 * math.sin(at_s * 5.7))
        x0, y0, x1, y1 = max(0, left), max(0, top), min(width, left + person_w), min(height, top + person_h)
        if x0 < x1 and y0 < y1:
            picture[y0:y1, x0:x1] = person[y0 - top : y1 - top, x0 - left : x1 - left]


class Show:
    """Draws frame after frame; those who watch wait for the next."""

    def __init__(self, width: int, height: int, fps: float) -> None:
        self.scene, self.fps = Scene(width, height), fps
        self.visits: queue.Queue[Visit | None] = queue.Queue()
        self.leave = threading.Event()
        self._drawn = threading.Condition()
        self._jpeg, self._count = b"", 0

    def after(self, count: int) -> tuple[bytes, int]:
        """The newest frame, once there is one beyond `count`."""
        with self._drawn:
            self._drawn.wait_for(lambda: self._count > count)
            return self._jpeg, self._count

    def run(self) -> None:
        """Until a None is among the visits."""
        visit: Visit | None = None
        began, count = time.monotonic(), 0
        while True:
            count += 1
            time.sleep(max(0.0, began + count / self.fps - time.monotonic()))
            if visit is None and not self.visits.empty() and (visit := self.visits.get()) is None:
                return
            now_s = time.monotonic()
            said = ""
            if visit and visit.began_s < 0:
                visit.began_s, said = now_s - STEP_S, "shown"
                self.leave.clear()
            if visit and (now_s - visit.began_s > visit.seconds or self.leave.is_set()):
                tell(gone=visit.photo, t_ns=time.monotonic_ns())
                visit = None
            self._send(self.scene.frame(visit, now_s - visit.began_s if visit else 0.0))
            if visit and said:
                tell(shown=visit.photo, t_ns=time.monotonic_ns())

    def _send(self, jpeg: bytes) -> None:
        with self._drawn:
            self._jpeg, self._count = jpeg, self._count + 1
            self._drawn.notify_all()


def _jpeg(picture: Image) -> bytes:
    return bytes(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1])


def tell(**words: Any) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def server(port: int, show: Show) -> ThreadingHTTPServer:
    class Viewer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            count = 0
            try:
                while True:
                    jpeg, count = show.after(count)
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                    self.wfile.write(head.encode() + jpeg + b"\r\n")
            except (BrokenPipeError, ConnectionResetError):
                return

        def log_message(self, format: str, *args: Any) -> None:
            return

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        allow_reuse_address = True

    return Server(("127.0.0.1", port), Viewer)


def listen(show: Show) -> None:
    """Take orders from stdin until it closes."""
    for line in sys.stdin:
        try:
            order = json.loads(line)
            if order["do"] == "leave":
                show.leave.set()
                continue
            if order["do"] != "show":
                raise ValueError(f"unknown order {order['do']}")
            person = head_and_shoulders(order["photo"], int(order.get("height_px", 220)))
            show.visits.put(Visit(order["photo"], person, float(order.get("seconds", 3.0)) + STEP_S))
        except (ValueError, KeyError, OSError) as error:
            tell(refused=line.strip(), why=str(error))
    show.visits.put(None)


def main() -> None:
    options = argparse.ArgumentParser(prog="edge_agent.sim.camera")
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--fps", type=float, default=15.0)
    options.add_argument("--size", default="640x480")
    given = options.parse_args()
    cv2.setNumThreads(1)
    width, height = (int(part) for part in given.size.split("x"))
    show = Show(width, height, given.fps)
    viewers = server(given.port, show)
    threading.Thread(target=viewers.serve_forever, daemon=True).start()
    threading.Thread(target=listen, args=(show,), daemon=True).start()
    tell(port=viewers.server_address[1])
    show.run()


if __name__ == "__main__":
    main()
