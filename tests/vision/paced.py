"""A camera over HTTP that sends what a test says, when it says so."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2

from tests.vision.clips import picture

PATH = "/video"
MJPEG = "multipart/x-mixed-replace; boundary=frame"


def jpeg_part(n: int) -> bytes:
    """Picture `n` of a clip as a part of MJPEG over HTTP."""
    jpeg = cv2.imencode(".jpg", picture(n))[1].tobytes()
    return f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n".encode() + jpeg + b"\r\n"


@contextlib.contextmanager
def paced(kind: str, play: Callable[[], Iterator[tuple[float, bytes]]]) -> Iterator[str]:
    """The URL of a camera that plays to each who asks anew: a pause in s, then bytes. `kind`: its Content-Type."""
    over = threading.Event()

    class Camera(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != PATH:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()
            with contextlib.suppress(OSError):
                for pause_s, data in play():
                    if over.wait(pause_s):
                        return
                    self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            return

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Camera) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}{PATH}"
        finally:
            over.set()
            server.shutdown()
