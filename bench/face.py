"""Faces: from a frame to a decision, and what a minute of gate video costs. `python bench/face.py` (about 4 minutes)

One minute of gate video is drawn from photographs of real people (two visits of three by a resident, half of the time
nobody), served as MJPEG at 15 fps, and given to (1) the product: vision child, pipe, judge; (2) the bare engine: detect
and embed on the frames that completed a decision; (3) the plain face_recognition loop over every frame. Prints tables.
"""

import asyncio
import os
import platform
import statistics
import sys
import tempfile
import threading
import time
import warnings
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"
ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import cv2  # noqa: E402
import msgspec  # noqa: E402
import numpy as np  # noqa: E402

from edge_agent.core.faces import Judge  # noqa: E402
from edge_agent.core.gallery import Gallery  # noqa: E402
from edge_agent.drivers.camera import CameraWorker  # noqa: E402
from edge_agent.model.clock import ClockState, Moment  # noqa: E402
from edge_agent.model.detections import Detection  # noqa: E402
from edge_agent.model.face_models import DLIB, EngineSpec  # noqa: E402
from edge_agent.model.reads import Face  # noqa: E402
from edge_agent.model.site import Camera, FacePolicy  # noqa: E402
from edge_agent.sim.camera import Scene, Visit, head_and_shoulders  # noqa: E402
from edge_agent.sim.photos import obtain  # noqa: E402
from edge_agent.vision.enrol import embed_photos  # noqa: E402

FPS, SECONDS, VISITS, VISIT_S = 15, 60, 12, 2.6
PLAIN_EVERY = 6  # the plain loop is measured on every 6th frame and scaled
TICK = os.sysconf("SC_CLK_TCK")
RESIDENTS = {"p-1": ["obama.jpg"]}  # the probes are other photographs
PROBES = [("obama2.jpg", "p-1"), ("biden.jpg", None), ("obama3.jpg", "p-1")]
HEIGHTS_PX = (190, 220, 280)


@dataclass
class Shown:
    began: int  # frame
    ended: int
    person: str | None


@dataclass
class Video:
    jpegs: list[bytes] = field(default_factory=list)
    visits: list[Shown] = field(default_factory=list)
    sent_ms: dict[int, float] = field(default_factory=dict)  # frame → uptime when it went out


class Uptime:
    def now(self) -> Moment:
        return Moment(0, round(up_ms()), "0" * 32, ClockState.UNSET, 0)


def up_ms() -> float:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) / 1e6


def draw(photos: dict[str, Path]) -> Video:
    scene, video = Scene(640, 480), Video()
    visits = []
    for number in range(VISITS):
        photo, person = PROBES[number % len(PROBES)]
        height = HEIGHTS_PX[(number // len(PROBES)) % len(HEIGHTS_PX)]
        visits.append(Visit(str(photos[photo]), head_and_shoulders(str(photos[photo]), height), VISIT_S))
        began = round((number + 0.4) * SECONDS / VISITS * FPS)
        video.visits.append(Shown(began, began + round(VISIT_S * FPS), person))
    for count in range(SECONDS * FPS):
        at = next((n for n, shown in enumerate(video.visits) if shown.began <= count < shown.ended), None)
        seconds = (count - video.visits[at].began) / FPS if at is not None else 0.0
        video.jpegs.append(scene.frame(visits[at] if at is not None else None, seconds))
    return video


def serve(video: Video, go: threading.Event) -> ThreadingHTTPServer:
    """The first frame again and again until `go`, then the minute, once."""

    class Viewer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            try:
                while not go.wait(1 / FPS):
                    self.send(video.jpegs[0])
                began = time.monotonic()
                for count, jpeg in enumerate(video.jpegs):
                    time.sleep(max(0.0, began + count / FPS - time.monotonic()))
                    video.sent_ms[count] = up_ms()
                    self.send(jpeg)
            except OSError:
                return

        def send(self, jpeg: bytes) -> None:
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            self.wfile.write(head.encode() + jpeg + b"\r\n")

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Viewer)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@dataclass
class Run:
    answers: list[tuple[float, int, Face]] = field(default_factory=list)  # uptime when known, of the frame, what
    samples: int = 0
    cpu_s: float = 0.0
    rss_mb: float = 0.0


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


async def ours(video: Video, gallery: Gallery, engine: EngineSpec = DLIB) -> Run:
    run, judge, go = Run(), Judge(FacePolicy(), gallery, engine), threading.Event()
    server, ready = serve(video, go), asyncio.Event()

    def deliver(source: str, detection: Detection) -> None:
        run.samples += type(detection).__name__ == "FaceSample"
        if answer := judge.see(source, detection):
            run.answers.append((up_ms(), answer[1], answer[0]))

    camera = Camera(name="gate", url=f"http://127.0.0.1:{server.server_address[1]}/", door="gate")
    worker = CameraWorker(camera, FacePolicy(), Uptime(), deliver, lambda report: ready.set(), engine)
    task = asyncio.create_task(worker.run(lambda: None))
    await ready.wait()
    await asyncio.sleep(2)
    assert worker.pid is not None
    before = cpu_s(worker.pid)
    go.set()
    await asyncio.sleep(SECONDS + 0.5)
    run.cpu_s = cpu_s(worker.pid) - before
    status = Path(f"/proc/{worker.pid}/status").read_text()
    run.rss_mb = int(status.split("VmHWM:")[1].split()[0]) / 1024
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    server.shutdown()
    server.server_close()
    return run


def frame_at(video: Video, ms: float) -> int:
    """The frame that arrived at that uptime (whole ms): the last one sent by then."""
    return max(count for count, sent in video.sent_ms.items() if sent < ms + 1)


def visit_of(video: Video, count: int) -> int | None:
    return next((n for n, shown in enumerate(video.visits) if shown.began <= count < shown.ended), None)


def rgb_of(jpeg: bytes) -> Any:
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def bare_ms(video: Video, frames: list[int]) -> list[float]:
    """Detect and embed on those frames with the library alone, the best of three each."""
    import dlib

    from edge_agent.vision.faces import model_file

    detector = dlib.get_frontal_face_detector()
    aligner = dlib.shape_predictor(model_file("shape_predictor_5_face_landmarks.dat"))
    embedder = dlib.face_recognition_model_v1(model_file("dlib_face_recognition_resnet_model_v1.dat"))
    times = []
    for count in frames:
        rgb, tries = rgb_of(video.jpegs[count]), []
        for _ in range(3):
            began = time.perf_counter()
            for box in detector(rgb, 0):
                embedder.compute_face_descriptor(rgb, aligner(rgb, box))
            tries.append((time.perf_counter() - began) * 1000)
        times.append(statistics.median(tries))
    return times


def plain(video: Video, gallery: Gallery) -> tuple[float, dict[int, set[str | None]]]:
    """The loop of face_recognition's examples; CPU seconds a minute, and per visit whom it saw."""
    warnings.simplefilter("ignore")
    import face_recognition

    seen: dict[int, set[str | None]] = {}
    frames = range(0, len(video.jpegs), PLAIN_EVERY)
    began = time.process_time()
    for count in frames:
        rgb = rgb_of(video.jpegs[count])
        places = face_recognition.face_locations(rgb)
        for vector in face_recognition.face_encodings(rgb, places):
            distances = gallery.distances(np.asarray(vector, dtype="<f4").tobytes())
            nearest = int(distances.argmin())
            person = gallery.persons[0] if distances[nearest] <= DLIB.distance else None
            if (visit := visit_of(video, count)) is not None:
                seen.setdefault(visit, set()).add(person)
    return (time.process_time() - began) * PLAIN_EVERY, seen


def enrolled(photos: dict[str, Path], engine: EngineSpec = DLIB) -> Gallery:
    persons = [person for person, names in RESIDENTS.items() for _ in names]
    results = embed_photos([photos[name] for names in RESIDENTS.values() for name in names], engine=engine)
    vectors = [np.frombuffer(result.embedding or b"", "<f4") for result in results]
    return Gallery(results[0].model, persons, np.stack(vectors))


def whom(video: Video, run: Run) -> dict[int, set[str | None]]:
    """Visit → who was recognised during it."""
    said: dict[int, set[str | None]] = {}
    for _, frame_ms, face in run.answers:
        if (visit := visit_of(video, frame_at(video, frame_ms))) is not None:
            said.setdefault(visit, set()).add(face.person)
    return said


def onnx_run(photos: dict[str, Path], video: Video) -> Run | None:
    """The same minute with the development models, where this machine has them."""
    data = Path(os.environ.get("EDGE_AGENT_DATA", ROOT.parent / "shared" / "data"))
    if not (data / "models").is_dir():
        return None
    from tests.vision.bench_models import install

    with tempfile.TemporaryDirectory() as folder:
        engine = msgspec.structs.replace(install(Path(folder)), liveness=None)
        video.sent_ms.clear()
        return asyncio.run(ours(video, enrolled(photos, engine), engine))


def main() -> None:
    photos = obtain(ROOT / ".cache" / "photos")
    gallery, video = enrolled(photos), draw(photos)
    run = asyncio.run(ours(video, gallery))
    frames = [frame_at(video, frame_ms) for _, frame_ms, _ in run.answers]
    took = [known - video.sent_ms[count] for (known, _, _), count in zip(run.answers, frames, strict=True)]
    bare = bare_ms(video, frames)
    plain_s, seen = plain(video, gallery)

    said = whom(video, run)
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, shared machine")
    print(f"{SECONDS} s of 640x480 at {FPS} fps, {VISITS} visits of {VISIT_S} s, {run.samples} samples embedded\n")
    print("frame → decision (ms)           n   median    worst")
    for label, times in (("this product, child and pipe", took), ("bare dlib detect + embed", bare)):
        print(f"  {label:<28} {len(times):>3} {statistics.median(times):>8.1f} {max(times):>8.1f}")
    ratios = [one / other for one, other in zip(took, bare, strict=True)]
    print(f"  ratio on the same frames: median {statistics.median(ratios):.2f} (aim 1.15)\n")
    print("a minute of gate video       CPU s   residents passed   strangers passed")
    rows = [("vision child, dlib", run.cpu_s, said), ("plain loop, every frame", plain_s, seen)]
    other = onnx_run(photos, video)
    if other is not None:
        rows.insert(1, ("vision child, onnx", other.cpu_s, whom(video, other)))
    for label, seconds, who in rows:
        right = sum(shown.person is not None and shown.person in who.get(n, ()) for n, shown in enumerate(video.visits))
        wrong = sum(shown.person is None and bool(who.get(n, set()) - {None}) for n, shown in enumerate(video.visits))
        of = sum(shown.person is not None for shown in video.visits)
        print(f"  {label:<25} {seconds:>7.1f} {right:>10} of {of:<4} {wrong:>13} of {VISITS - of}")
    print(f"  ratio 1/{plain_s / run.cpu_s:.1f} (aim 1/10); plain loop measured on every {PLAIN_EVERY}th frame, scaled")
    print(f"  vision child, peak RSS: dlib {run.rss_mb:.0f} MB (aim 350)", end="")
    print(f", onnx {other.rss_mb:.0f} MB (aim 200)" if other is not None else "; onnx not measured: EDGE_AGENT_DATA")


if __name__ == "__main__":
    main()
