"""A live camera with what is seen in it, as a page on this machine: `python -m edge_agent.vision.show`.

For tuning by the installer; one line of JSON (ShowJob) on stdin, then `{"port": N, "path": "/…/"}` on stdout, or
`{"refused": why}` when that port cannot be had. Serves MJPEG on loopback alone, under a path that only its parent is
told, to whoever sits at this machine, and ends with its parent. Nothing is stored.
"""

import json
import sys
import threading
import time
from http.server import ThreadingHTTPServer
from typing import Any

import msgspec

from edge_agent.model.detections import SentryJob
from edge_agent.vision.confine import confine
from edge_agent.vision.loopback import LocalHandler, secret_path

MEMORY_MB = 1536
SHOWN_AT_MOST_FPS = 10.0
PAGE = """<!doctype html><meta charset="utf-8"><title>{camera}</title>
<style>body{{margin:0;background:#111;color:#eee;font:16px sans-serif}}p{{margin:.5em}}
img{{width:100%;height:calc(100vh - 3em);object-fit:contain;display:block}}</style>
<img src="stream" alt="{camera}"><p>{camera} · crossed out: no picture comes · 画面打叉：没有收到图像</p>"""


class ShowJob(msgspec.Struct, frozen=True):
    sentry: SentryJob
    port: int = 0


class Newest:
    """The picture drawn last; who watches waits for the next."""

    def __init__(self) -> None:
        self._jpeg, self._count, self._news = b"", 0, threading.Condition()

    def put(self, jpeg: bytes) -> None:
        with self._news:
            self._jpeg, self._count = jpeg, self._count + 1
            self._news.notify_all()

    def after(self, count: int, within_s: float = 10.0) -> tuple[bytes, int]:
        with self._news:
            self._news.wait_for(lambda: self._count > count, within_s)
            return self._jpeg, self._count


def crossed_out(picture: Any) -> Any:
    """The last picture of a camera that gives none any more; None: it has not given one yet."""
    import cv2
    import numpy as np

    dim = np.full((360, 640, 3), 40, np.uint8) if picture is None else picture // 3
    height, width = dim.shape[:2]
    for one, other in (((0, 0), (width, height)), ((width, 0), (0, height))):
        cv2.line(dim, one, other, (40, 40, 230), max(2, height // 90), cv2.LINE_AA)
    return dim


def server(newest: Newest, camera: str, port: int, path: str) -> ThreadingHTTPServer:
    class Viewer(LocalHandler):
        def do_GET(self) -> None:
            if self.path == f"{path}stream":
                self._stream()
            elif self.path == path:
                self._page()
            else:
                self.send_error(404)

        def _page(self) -> None:
            page = PAGE.format(camera=camera).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Referrer-Policy", "no-referrer")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def _stream(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            count = 0
            try:
                while True:
                    jpeg, count = newest.after(count)
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                    self.wfile.write(head.encode() + jpeg + b"\r\n")
            except (BrokenPipeError, ConnectionResetError):
                return

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    return Server(("127.0.0.1", port), Viewer)


def main() -> None:
    pipe = confine(MEMORY_MB)
    job = msgspec.json.decode(sys.stdin.buffer.readline(), type=ShowJob)
    import cv2

    from edge_agent.vision.canvas import Canvas
    from edge_agent.vision.decode import FrameSource
    from edge_agent.vision.sentry import QUEUE, Analysis
    from edge_agent.vision.worker import LOST_AFTER_S, die, state

    threading.excepthook = die
    newest = Newest()
    camera = job.sentry.camera
    path = secret_path() + "/"
    try:
        page = server(newest, camera.name, job.port, path)
    except OSError as error:
        pipe.write(json.dumps({"refused": error.strerror}).encode() + b"\n")
        return
    threading.Thread(target=page.serve_forever, daemon=True).start()
    pipe.write(json.dumps({"port": page.server_address[1], "path": path}).encode() + b"\n")
    analysis, canvas = Analysis(job.sentry), Canvas(job.sentry)
    source = FrameSource(camera.url, camera.fps, QUEUE)
    source.start()
    said, shown = "", 0.0
    picture, came, silent_s = None, time.monotonic(), max(LOST_AFTER_S, 3 / camera.fps)
    while True:
        frame = source.next(1.0)
        sightings = [] if frame is None else analysis.see(frame)
        if frame is None or analysis.blind:
            if time.monotonic() - came >= silent_s:
                came = float("inf")  # once
                newest.put(cv2.imencode(".jpg", crossed_out(picture))[1].tobytes())
            if source.trouble and source.trouble != said:
                said = source.trouble
                pipe.write(json.dumps({"trouble": msgspec.to_builtins(state("lost", said))}).encode() + b"\n")
            continue
        said, came = "", time.monotonic()
        for refused in analysis.unwatched() or ():
            pipe.write(json.dumps({"unwatched": msgspec.to_builtins(refused)}).encode() + b"\n")
        for sighting in sightings:
            pipe.write(json.dumps({"seen": msgspec.to_builtins(sighting)}).encode() + b"\n")
        if sightings or time.monotonic() - shown >= 1 / SHOWN_AT_MOST_FPS:
            shown = time.monotonic()
            picture = canvas.draw(frame, sightings, frame.up_ms)
            newest.put(cv2.imencode(".jpg", picture)[1].tobytes())


if __name__ == "__main__":
    main()
