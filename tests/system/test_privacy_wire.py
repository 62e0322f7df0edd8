"""R4 and R5 on the running thing: daemon, broker, city, camera and visitor desk in processes of their own.

Afterwards every byte that crossed the MQTT connection, every log, database, temporary file, core dump and a copy of
the state directory is searched for pictures, templates, names and ID numbers.
"""

import asyncio
import base64
import contextlib
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge_agent.model.face_models import DLIB
from edge_agent.sim.estate import GATEWAY, Estate
from edge_agent.sim.process import Process, module
from edge_agent.sim.proxy import FaultProxy, Way
from edge_agent.store.faces import FaceStore, load_key
from tests.system.site import journal, log_of, ready, show_card, tags
from tests.vision.pictures import photos
from tests.waiting import auntil

DESK = """
[[link]]
name = "desk-line"
url = "sim://desk"

[[desk]]
name = "reception"
profile = "id-readers/sdt"
link = "desk-line"
"""
GUEST = {"name": "欧阳娜娜", "number": "11010519491231002X", "birth": "19491231", "from": "20200101", "until": "长期"}
PATIENCE_S = 60  # beside a full suite that has just begun
RESIDENT_NAME = "张伟"  # of the simulated estate
# The agent as somebody would start it who wants core dumps, in a folder where they would lie.
DUMPING = """
import os, resource, sys
os.chdir(sys.argv[1])
resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2)
os.execv(sys.argv[2], sys.argv[2:])
"""


class Wire(FaultProxy):
    """Keeps every byte of both directions."""

    def __init__(self, target: int) -> None:
        super().__init__("127.0.0.1", target)
        self.bytes = bytearray()

    async def _pipe(self, way: Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                self.bytes += data
                writer.write(data)
                await writer.drain()


def forms(secret: bytes) -> Iterator[bytes]:
    """As it is, in hexadecimal, and in base64 wherever it begins."""
    yield secret
    yield secret.hex().encode()
    yield secret.hex().upper().encode()
    for shift in range(3):
        cut = secret[shift : shift + (len(secret) - shift) // 3 * 3]
        yield base64.b64encode(cut)
        yield base64.urlsafe_b64encode(cut)


def pieces(secret: bytes) -> set[bytes]:
    """Of a template or a picture: some stretches of it, in every form."""
    at = (0, len(secret) // 3, len(secret) // 2, len(secret) - 24)
    return {form for start in at for form in forms(secret[start : start + 24])}


def found_in(needles: set[bytes], data: bytes) -> bool:
    return any(needle in data for needle in needles)


def child_of(pid: int) -> int:
    """The vision child of the agent."""
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            stat = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            if int(stat[1]) == pid and b"vision.worker" in (entry / "cmdline").read_bytes():
                return int(entry.name)
    return 0


@pytest.mark.long
@pytest.mark.timeout(300)
def test_r04_no_face_no_template_no_id_number_leaves_its_place(tmp_path: Path) -> None:
    pictures = photos()

    async def story() -> None:
        site = Estate(tmp_path / "e", pictures)
        cores = tmp_path / "cores"
        cores.mkdir()
        desk = Process("desk", module("edge_agent.sim.sdt_reader", "--pty", site.state / "sim/desk"), tmp_path / "desk")
        try:
            await site.build()
            await site.command("face", "enroll", "p-0001", pictures["obama2.jpg"], "--keep-image", "k1")
            secrets = needles(site)
            async with Wire(site.port) as wire:
                text = site.config.read_text("utf-8").replace(f"127.0.0.1:{site.port}", f"127.0.0.1:{wire.port}")
                site.config.write_text(text + DESK, "utf-8")
                daemon = module("edge_agent", "run", "--config", site.config, "--log-level", "DEBUG")
                site.agent.arguments = [sys.executable, "-c", DUMPING, str(cores), *daemon]
                await desk.start()
                await site.open()
                await a_day(site, desk)
                await a_crash(site)
                await auntil(lambda: b"access.granted" in wire.bytes, what="the wire to have the passage")
                await auntil(site.city_db.exists)
            shutil.copytree(site.state, tmp_path / "backup", ignore=shutil.ignore_patterns("sim", "run"))
            for folder in (site.gateway, site.city_folder, site.logs, site.tmp, cores, tmp_path / "backup"):
                searched(folder, secrets, site)
            everything = bytes(wire.bytes)
            assert not found_in(secrets | names(), everything)
            assert b"\xff\xd8\xff" not in everything
            assert list(cores.iterdir()) == []
            assert list(site.tmp.iterdir()) == []
        finally:
            await desk.stop()
            await site.close()

    asyncio.run(story())


def needles(site: Estate) -> set[bytes]:
    """Pieces of the templates, of the kept picture and of the photographs; and that they would be found."""
    with contextlib.closing(
        FaceStore(site.state / "faces.db", load_key(site.gateway / "keys/face-store.key"), GATEWAY)
    ) as store:
        made = [template for _, template in store.templates(DLIB.model)] + store.crops("p-0001")
    assert len(made) == 3
    made += [site.photos[name].read_bytes() for name in ("obama.jpg", "obama2.jpg", "biden.jpg")]
    found = {piece for secret in made for piece in pieces(secret)}
    for secret in made:
        assert found_in(found, b"{" + base64.b64encode(b"x" + secret) + b"}")
        assert found_in(found, secret.hex().encode())
    return found | set(forms(GUEST["number"].encode())) | {GUEST["name"].encode(), GUEST["name"].encode("gb18030")}


def names() -> set[bytes]:
    return {RESIDENT_NAME.encode(), RESIDENT_NAME.encode("gb18030")}


async def a_day(site: Estate, desk: Process) -> None:
    """A resident's face, a stranger's, a card, a visitor's ID card; and what the city hears of it."""
    await ready(site)
    for said in ("gallery:", "camera north-face ready"):
        await auntil(lambda said=said: said in log_of(site), timeout=PATIENCE_S, what=lambda: log_of(site)[-3000:])
    desk.tell(do="put", **GUEST)
    await stands(site, "obama2.jpg", lambda: granted_by(site, b'"face"'))
    await stands(site, "biden.jpg", lambda: "access.denied" in tags(site))
    show_card(site)
    await auntil(lambda: granted_by(site, b'"card"'), timeout=20, what="the card's passage")
    await auntil(lambda: "an identity document was read" in log_of(site), timeout=20)


async def stands(site: Estate, photo: str, decided: Callable[[], bool]) -> None:
    """Somebody waits before the camera until it is decided, as people do, and goes."""
    site.camera.tell(do="show", photo=str(site.photos[photo]), seconds=PATIENCE_S)
    await auntil(decided, timeout=PATIENCE_S, what=lambda: f"{photo} to be decided on: {log_of(site)[-3000:]}")
    site.camera.tell(do="leave")


def granted_by(site: Estate, credential: bytes) -> bool:
    return any(credential in row.body for row in journal(site) if row.tag == "access.granted")


async def a_crash(site: Estate) -> None:
    """Vision child and daemon die by a signal that leaves a core where one is allowed."""
    first = await auntil(lambda: child_of(site.agent.pid), timeout=20)
    os.kill(first, signal.SIGABRT)
    await auntil(lambda: child_of(site.agent.pid) not in (0, first), timeout=30)
    site.agent.send(signal.SIGABRT)
    assert await site.agent.ended() != 0


def searched(folder: Path, secrets: set[bytes], site: Estate) -> None:
    for path in (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()):
        data = path.read_bytes()
        assert not found_in(secrets, data), path
        if not path.name.startswith("people."):  # people.db and the list it was imported from
            assert not found_in(names(), data), path
        assert b"\xff\xd8\xff\xe0" not in data, path
