"""drivers/camera.py with the real child, the real engine and a camera that plays photographs of real people."""

import asyncio
import contextlib
import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from edge_agent.core.faces import Gallery, Judge
from edge_agent.drivers import camera as driver
from edge_agent.drivers.camera import CameraWorker
from edge_agent.model.clock import ClockState, Moment
from edge_agent.model.detections import CameraState, Detection, FaceRefused, FaceSample
from edge_agent.model.doors import DeviceReport
from edge_agent.model.reads import Face
from edge_agent.model.site import Camera, FacePolicy
from edge_agent.vision.enrol import embed_photos
from edge_agent.words import Sentence, say
from tests.vision.pictures import ROOT, photos, sim_camera
from tests.waiting import auntil, until

ENROLLED, PROBE, STRANGER = "obama.jpg", "obama2.jpg", "biden.jpg"


class Uptime:
    def now(self) -> Moment:
        return Moment(0, time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000, "0" * 32, ClockState.UNSET, 0)


class Gateway:
    """The rest of the daemon, as far as a camera knows it."""

    def __init__(self, url: str, judge: Judge | None = None) -> None:
        self.judge = judge
        self.detections: list[Detection] = []
        self.answers: list[Face] = []
        self.reports: list[DeviceReport] = []
        self.beats = 0
        camera = Camera(name="north-face", url=url, door="north-gate")
        self.worker = CameraWorker(camera, FacePolicy(), Uptime(), self.deliver, self.reports.append)

    def deliver(self, source: str, detection: Detection) -> None:
        assert source == "north-face"
        self.detections.append(detection)
        if self.judge and (answer := self.judge.see(source, detection)):
            self.answers.append(answer[0])

    def states(self) -> list[str]:
        return [report.state for report in self.reports]

    def beat(self) -> None:
        self.beats += 1

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.worker.run(self.beat))
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


@pytest.fixture(scope="module")
def gallery() -> Gallery:
    result = embed_photos([photos()[ENROLLED]])[0]
    assert result.embedding is not None
    return Gallery(result.model, ("p-1",), np.frombuffer(result.embedding, "<f4")[None])


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "BACKOFF_S", 0.05)


def alive(pid: int) -> bool:
    """Running, not merely waiting to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_why_a_camera_is_lost_is_told_in_both_languages() -> None:
    """What the child says comes through the pipe with its code and what belongs to it."""

    async def scenario() -> Gateway:
        gateway = Gateway("file:///nowhere/gate.mp4")
        async with gateway.running():
            await auntil(lambda: gateway.reports, 30)
        return gateway

    detail = asyncio.run(scenario()).reports[0].detail
    assert isinstance(detail, Sentence)
    assert "no pictures from file:///nowhere/gate.mp4: there is no such file; check" in detail
    assert "没有图像：没有该文件；请检查" in say(detail.code, "zh", **detail.fields)


def test_a_resident_is_matched_and_a_stranger_is_unknown(gallery: Gallery) -> None:
    """Another photograph of a resident passes as that person; a stranger is nobody, and nothing of him stays."""

    async def scenario() -> tuple[Gateway, int]:
        gateway = Gateway(camera.url, Judge(FacePolicy(), gallery))
        async with gateway.running():
            await auntil(lambda: gateway.states() == ["back"], 30)
            camera.show(photos()[PROBE], seconds=30)
            await auntil(lambda: gateway.answers, 30, "an answer for the resident")
            camera.say('{"do": "leave"}')
            camera.heard("gone")
            camera.show(photos()[STRANGER], seconds=30)
            await auntil(lambda: len(gateway.answers) > 1, 30, "an answer for the stranger")
            assert gateway.worker.pid is not None
            pid = gateway.worker.pid
            check_confinement(pid)
        return gateway, pid

    with sim_camera() as camera:
        gateway, pid = asyncio.run(scenario())
    assert [(face.outcome, face.person) for face in gateway.answers[:2]] == [("match", "p-1"), ("unknown", None)]
    assert gateway.answers[0].score > 0.5
    assert gateway.beats > 2
    assert not alive(pid)
    samples = [detection for detection in gateway.detections if isinstance(detection, FaceSample)]
    assert samples
    for face in gateway.answers:
        said = msgspec.msgpack.encode(face)
        assert not any(sample.embedding[:8] in said for sample in samples)


def limit(pid: int, name: str) -> str:
    """The hard limit of a process, as the kernel prints it."""
    limits = Path(f"/proc/{pid}/limits").read_text()
    return next(line for line in limits.splitlines() if line.startswith(name)).removeprefix(name).split()[1]


def check_confinement(pid: int) -> None:
    """No core dump, bounded memory, and no file of its own open for writing."""
    assert limit(pid, "Max core file size") == "0"
    assert int(limit(pid, "Max data size")) <= 1 << 30
    for handle in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # one that was just closed
            flags = int(Path(f"/proc/{pid}/fdinfo/{handle.name}").read_text().split("flags:")[1].split()[0], 8)
            target = os.readlink(handle)
            writable = flags & (os.O_WRONLY | os.O_RDWR)
            inherited = int(handle.name) == 2  # stderr is the daemon's, wherever that leads
            assert not (writable and Path(target).is_file() and not inherited), target


@pytest.mark.usefixtures("quick")
def test_a_child_that_hangs_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real child, stopped in the middle of its work as a driver that never returns stops it: killed, lost, back."""
    monkeypatch.setattr(driver, "SILENT_AT_MOST_S", 3.0)

    async def scenario() -> tuple[Gateway, int]:
        gateway = Gateway(camera.url)
        async with gateway.running():
            await auntil(lambda: gateway.states() == ["back"], 30)
            stopped = gateway.worker.pid
            assert stopped is not None
            os.kill(stopped, signal.SIGSTOP)
            await auntil(lambda: gateway.states() == ["back", "lost", "back"], 30)
            assert gateway.worker.pid != stopped
        return gateway, stopped

    with sim_camera() as camera:
        gateway, stopped = asyncio.run(scenario())
    assert "no sign of life for 3 s" in gateway.reports[1].detail
    assert not alive(stopped)


@pytest.mark.usefixtures("quick")
def test_an_aborted_child_is_started_again() -> None:
    """What a broken picture does to a decoder (abort): lost is reported, back is reported, the loop went on."""

    async def scenario() -> tuple[Gateway, float]:
        gateway = Gateway(camera.url)
        gaps: list[float] = []
        async with gateway.running():
            await auntil(lambda: gateway.states() == ["back"], 30)
            first = gateway.worker.pid
            assert first is not None
            os.kill(first, signal.SIGABRT)
            last = time.monotonic()
            while len(gateway.reports) < 3 and time.monotonic() - last < 30:
                at = time.monotonic()
                await asyncio.sleep(0)
                gaps.append(time.monotonic() - at)
                await asyncio.sleep(0.002)
            assert gateway.worker.pid != first
        return gateway, max(gaps)

    with sim_camera() as camera:
        gateway, worst_s = asyncio.run(scenario())
    assert gateway.states() == ["back", "lost", "back"]
    assert "-6" in gateway.reports[1].detail
    assert worst_s < 0.5
    assert [d.state for d in gateway.detections if isinstance(d, CameraState)] == ["ready", "lost", "ready"]
    assert not list(ROOT.glob("core*"))


@pytest.mark.usefixtures("quick")
def test_a_broken_video_costs_only_its_camera(tmp_path: Path) -> None:
    """Garbage where a recording should be: the camera is lost, in words; put right, it comes back by itself."""
    recording = tmp_path / "gate.mp4"
    recording.write_bytes(b"\x00\x00\x00\x18ftypisom" + np.random.default_rng(2).bytes(50_000))

    async def scenario() -> Gateway:
        gateway = Gateway(f"file://{recording}")
        async with gateway.running():
            await auntil(lambda: gateway.states() == ["lost"], 30)
            good = tmp_path / "good.mp4"
            make_video(good)
            good.replace(recording)
            await auntil(lambda: gateway.states() == ["lost", "back"], 30)
        return gateway

    gateway = asyncio.run(scenario())
    assert "gate.mp4" in gateway.reports[0].detail
    assert "agent.toml" in gateway.reports[0].detail


def make_video(path: Path) -> None:
    import cv2

    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 15, (320, 240))
    for _ in range(30):
        writer.write(np.full((240, 320, 3), 90, np.uint8))
    writer.release()


NONSENSE = {
    "ends at once": "",
    "half a message": "os.write(1, b'\\x00\\x00\\x00\\x40abc')",
    "a message too long": "os.write(1, b'\\xff\\xff\\xff\\xff' + b'x' * 100); time.sleep(60)",
    "an empty message": "os.write(1, b'\\x00\\x00\\x00\\x00'); time.sleep(60)",
    "not a detection": "os.write(1, b'\\x00\\x00\\x00\\x05hello'); time.sleep(60)",
    "says nothing": "time.sleep(60)",
}


REFUSED = FaceRefused(1, 1000, "dark")
SAID_WHILE_LOST = """
import os, time
from edge_agent.model.detections import CameraState, FaceRefused
from edge_agent.vision.worker import Pipe
pipe = Pipe(open(1, "wb", buffering=0))
pipe.send(CameraState("ready"))
pipe.send(CameraState("lost"))
pipe.send({refused})
os.abort()
"""
FLOOD = """
from edge_agent.model.detections import CameraState
from edge_agent.vision.worker import Pipe
pipe = Pipe(open(1, "wb", buffering=0))
while True:
    pipe.send(CameraState("ready"))
"""


def scripted(folder: Path, monkeypatch: pytest.MonkeyPatch, child: str) -> None:
    (folder / "scripted_child.py").write_text(child)
    monkeypatch.setenv("PYTHONPATH", f"{folder}:{ROOT}")
    monkeypatch.setattr(driver, "CHILD", "scripted_child")


@pytest.mark.usefixtures("quick")
def test_what_a_child_told_while_it_was_lost_ends_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else an alert that began there would stay open, and take in every later one."""
    scripted(tmp_path, monkeypatch, SAID_WHILE_LOST.format(refused=repr(REFUSED)))

    async def scenario() -> Gateway:
        gateway = Gateway("file:///nowhere")
        async with gateway.running():
            await auntil(lambda: gateway.detections.count(REFUSED) >= 2, 30, lambda: gateway.detections)
        return gateway

    seen = asyncio.run(scenario()).detections
    after = seen[seen.index(REFUSED) + 1]
    assert isinstance(after, CameraState)
    assert after.state == "lost"


@pytest.mark.usefixtures("quick")
def test_a_child_that_floods_holds_nobody_up_and_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(tmp_path, monkeypatch, FLOOD)
    turns: list[float] = []

    async def scenario() -> Gateway:
        gateway = Gateway("file:///nowhere")
        async with gateway.running():
            while gateway.states()[-1:] != ["lost"]:
                before = time.thread_time()
                await asyncio.sleep(0.002)
                turns.append(time.thread_time() - before)
        return gateway

    gateway = asyncio.run(asyncio.wait_for(scenario(), 60))
    assert gateway.states() == ["back", "lost"]
    assert "1001 messages in 5 s" in gateway.reports[-1].detail
    assert sorted(turns)[len(turns) // 2] < 0.02, "what waits in the pipe is no reason that a door waits"


@pytest.mark.usefixtures("quick")
def test_a_child_that_cannot_be_started_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(asyncio, "create_subprocess_exec", refuse)

    async def scenario() -> Gateway:
        gateway = Gateway("file:///nowhere")
        async with gateway.running():
            await auntil(gateway.states, 10)
        return gateway

    gateway = asyncio.run(scenario())
    assert gateway.states() == ["lost"]
    assert "Too many open files" in gateway.reports[0].detail


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("child", NONSENSE)
def test_a_child_that_talks_nonsense_is_replaced(child: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each life is a new process, lost is said once, nothing is delivered, nobody is left behind."""
    lives = tmp_path / "lives"
    (tmp_path / "nonsense_child.py").write_text(
        f"import os, time\nopen({str(lives)!r}, 'a').write(f'{{os.getpid()}}\\n')\n{NONSENSE[child]}\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(driver, "CHILD", "nonsense_child")
    monkeypatch.setattr(driver, "START_WITHIN_S", 0.5)

    async def scenario() -> Gateway:
        gateway = Gateway("file:///nowhere")
        async with gateway.running():
            await auntil(lambda: lives.exists() and len(lives.read_text().split()) >= 3, 20)
        return gateway

    gateway = asyncio.run(scenario())
    pids = [int(pid) for pid in lives.read_text().split()]
    assert len(set(pids)) == len(pids)
    assert gateway.states() == ["lost"]
    why = gateway.reports[0].detail
    assert isinstance(why, Sentence)
    assert why.code.startswith("cameras.child_")
    assert gateway.detections == [CameraState("lost", str(why), why.code, why.fields)]
    until(lambda: not any(alive(pid) for pid in pids))


@pytest.mark.usefixtures("quick")
def test_a_child_that_had_worked_is_started_soon_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says that its camera is lost and ends, as the one of a USB camera does: the pauses do not grow for ever."""
    lives, words = tmp_path / "lives", [CameraState("ready"), CameraState("lost", "it sends nothing")]
    said = b"".join(len(one).to_bytes(4, "big") + one for one in map(msgspec.msgpack.encode, words))
    script = f"import os\nopen({str(lives)!r}, 'a').write('x')\nos.write(1, {said!r})\n"
    (tmp_path / "tired_child.py").write_text(script)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(driver, "CHILD", "tired_child")

    async def scenario() -> None:
        async with Gateway("file:///nowhere").running():
            await auntil(lambda: lives.exists() and len(lives.read_text()) >= 11, 12)

    asyncio.run(scenario())


@pytest.mark.usefixtures("quick")
def test_a_child_that_waits_for_its_first_picture_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A camera of one frame a minute: longer than a child may be silent. Then its picture, and that it is unsteady."""
    lives = tmp_path / "lives"
    said = [
        len(one).to_bytes(4, "big") + one
        for one in (msgspec.msgpack.encode(CameraState(state)) for state in ("waiting", "ready", "degraded"))
    ]
    (tmp_path / "patient_child.py").write_text(
        f"import os, time\nopen({str(lives)!r}, 'a').write('x')\n"
        f"for _ in range(20):\n    os.write(1, {said[0]!r})\n    time.sleep(0.2)\n"
        f"os.write(1, {said[1]!r} + {said[2]!r})\nwhile True:\n    os.write(1, {said[1]!r})\n    time.sleep(0.2)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(driver, "CHILD", "patient_child")
    monkeypatch.setattr(driver, "START_WITHIN_S", 2.0)
    monkeypatch.setattr(driver, "SILENT_AT_MOST_S", 2.0)

    async def scenario() -> Gateway:
        gateway = Gateway("file:///nowhere")
        async with gateway.running():
            await auntil(lambda: gateway.states() == ["back", "degraded"], 20, gateway.states)
        return gateway

    gateway = asyncio.run(scenario())
    assert lives.read_text() == "x"
    assert gateway.detections == [CameraState("ready")]


def test_the_child_does_not_outlive_the_daemon() -> None:
    """The daemon is killed with SIGKILL: the kernel takes the child along."""
    code = (
        "import asyncio, sys\n"
        "from tests.drivers.test_camera import Gateway\n"
        "async def main():\n"
        "    gateway = Gateway('file:///nowhere')\n"
        "    async with gateway.running():\n"
        "        while gateway.worker.pid is None:\n"
        "            await asyncio.sleep(0.01)\n"
        "        print(gateway.worker.pid, flush=True)\n"
        "        await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as daemon:
        assert daemon.stdout is not None
        child = int(daemon.stdout.readline())
        until(lambda: limit(child, "Max data size") != "unlimited")  # the child has taken its precautions
        daemon.kill()
    until(lambda: not alive(child), 10)


def test_the_simulated_camera_refuses_nonsense() -> None:
    """A bad order is answered with the reason, the next good one still works."""
    with sim_camera() as camera:
        camera.say("not json")
        assert camera.heard("refused")["why"]
        camera.say(json.dumps({"do": "show", "photo": "/nowhere.jpg"}))
        assert "nowhere" in camera.heard("refused")["why"]
        camera.show(photos()[PROBE], seconds=0.3)
        shown, gone = camera.heard("shown"), camera.heard("gone")
        assert 0.2e9 < gone["t_ns"] - shown["t_ns"] < 2e9


LEAK = """
import os, sys, threading, time

def leak():
    while not os.path.exists({order!r}):
        time.sleep(0.02)
    os.rename({order!r}, {order!r} + ".taken")
    sys.kept = bytearray(b"x") * (150 << 20)

if "edge_agent.vision.worker" in sys.orig_argv:
    threading.Thread(target=leak, daemon=True).start()
"""


@pytest.mark.usefixtures("quick")
def test_a_child_that_grows_is_replaced_and_nobody_at_the_gate_notices(
    gallery: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real child takes 150 MB more than it needs: another process, no loss reported, the loop never held up, and
    the resident who comes next is recognised.
    """
    order = tmp_path / "grow"
    (tmp_path / "sitecustomize.py").write_text(LEAK.format(order=str(order)))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(driver, "LIVES_AT_LEAST_MS", 0)
    gaps: list[float] = []

    async def feel() -> None:
        while True:
            at = time.monotonic()
            await asyncio.sleep(0.002)
            gaps.append(time.monotonic() - at)

    async def scenario() -> tuple[Gateway, int]:
        gateway = Gateway(camera.url, Judge(FacePolicy(), gallery))
        async with gateway.running():
            await auntil(lambda: gateway.states() == ["back"], 30)
            first = gateway.worker.pid
            assert first is not None
            gateway.worker.memory_mb = round(driver.resident_mb(first)) + 80
            feeling = asyncio.create_task(feel())
            order.touch()
            await auntil(lambda: gateway.worker.pid not in (None, first), 30, "another child")
            camera.show(photos()[PROBE], seconds=30)
            await auntil(lambda: gateway.answers, 30, "an answer by the new child")
            feeling.cancel()
        return gateway, first

    with sim_camera() as camera:
        gateway, first = asyncio.run(scenario())
    assert not alive(first)
    assert gateway.states() == ["back"], "no loss is reported"
    assert (gateway.answers[0].outcome, gateway.answers[0].person) == ("match", "p-1")
    assert any(isinstance(seen, CameraState) and seen.state == "lost" for seen in gateway.detections), (
        "the judge forgets the old child's tracks"
    )
    assert max(gaps) < 1.0


def test_a_child_that_is_too_large_from_the_start_does_not_spin(quick: None) -> None:
    """A limit below what the engine needs is a trouble that is told, not a restart every second."""

    async def scenario() -> Gateway:
        gateway = Gateway(camera.url)
        gateway.worker.memory_mb = 1
        async with gateway.running():
            await auntil(lambda: "lost" in gateway.states(), 30, "a report")
        return gateway

    with sim_camera() as camera:
        gateway = asyncio.run(scenario())
    assert "MB" in gateway.reports[0].detail
