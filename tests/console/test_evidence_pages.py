"""Evidence at the console: a real sealed, signed clip is checked, played in part, and never found by another name."""

import io
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import av
import numpy as np
import pytest
from msgspec import structs

from edge_agent.config import EVIDENCE_KEY
from edge_agent.contract.signatures import new_key, save_public, sign
from edge_agent.model.encoding import canonical
from edge_agent.model.events import AlertOpened, AlertUpdated, EvidenceErased, EvidenceKept
from edge_agent.model.evidence import Exhibit, Manifest, Time, track_file
from edge_agent.model.sightings import Fall, Measure, Phase, Sighting
from edge_agent.store.evidence import EvidenceStore
from edge_agent.store.retrievals import Retrievals
from tests.console.rig import Client, Rig
from tests.waiting import until

KEY = bytes(range(32))
SHANGHAI = ZoneInfo("Asia/Shanghai")
PATH = ((1000, 160.0, 20.0, 40.0), (1500, 162.0, 60.0, 38.0), (2500, 168.0, 220.0, 12.0))
FALLEN = Sighting(
    rule="block-3", kind="falling_object", incident="f-1", phase=Phase.BEGUN, up_ms=2500, size=(320, 240),
    why=(Measure("pull", 9.41234, 6.5, "m/s²"),),
    fall=Fall(
        floors=((12, 0.9), (13, 0.1)), columns=((3, 0.8), (4, 0.2)), released_ms=1000, impact_ms=4000, speed_mps=24.6,
        path=PATH, residual_px=0.8, calibration="c-1",
    ),
)  # fmt: skip


def clip() -> bytes:
    made = io.BytesIO()
    with av.open(made, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        random = np.random.default_rng(2)
        for _ in range(30):
            picture = random.integers(0, 255, (240, 320), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="gray").reformat(format="yuv420p")))
        container.mux(stream.encode(None))
    return made.getvalue()


def keep(
    rig: Rig, content: bytes, evidence: str = "ev-1", said: tuple[Sighting, ...] = (), camera: str = "yard-cam"
) -> Exhibit:
    """As the daemon keeps it: sealed files, a signed manifest, the journal's word. `said`: what the analysis saw."""
    signing = new_key()
    keys = rig.folder / "keys"
    (keys / "gateway.pub").unlink(missing_ok=True)
    save_public(keys / "gateway.pub", signing.public_key())
    (rig.folder / EVIDENCE_KEY).write_bytes(KEY)
    (rig.folder / EVIDENCE_KEY).chmod(0o600)
    store = EvidenceStore(rig.state / "evidence", KEY)
    store.make()
    writer = store.begin(evidence, b"{}")
    for at in range(0, len(content), 50_000):
        writer.write(content[at : at + 50_000])
    files = (writer.close_clip(), writer.add("track.json", track_file(said)))
    now = rig.clock.now()
    manifest = Manifest(
        evidence=evidence, gateway="G0417", agent="0", config="0" * 16, camera=camera, source="rtsp://camera/main",
        alert="a-1", kind="intrusion", rule="roof", asked_from_ms=0, asked_to_ms=3000,
        time=Time(now.wall_ms, now.up_ms, now.boot_id, "synced", 5), files=files, stream=None,
    )  # fmt: skip
    signed = canonical(sign(manifest.fields(), signing))
    size = writer.finish(signed)
    import hashlib

    digest = hashlib.sha256(signed).hexdigest()
    exhibit = Exhibit(evidence, camera, "a-1", digest, "", 1, now.wall_ms, size, now.wall_ms - 3000, now.wall_ms)
    event = EvidenceKept(
        evidence=evidence, camera=camera, alert="a-1", manifest=digest, previous="", from_ms=exhibit.from_ms,
        to_ms=exhibit.to_ms, size=size,
    )  # fmt: skip
    done = threading.Event()
    rig.loop.call_soon_threadsafe(lambda: (rig.premises.record(event, exhibit), done.set()))
    assert done.wait(10)
    return exhibit


@pytest.fixture(scope="module")
def content() -> bytes:
    return clip()


@pytest.fixture
def rig(tmp_path: Path, content: bytes) -> Iterator[Rig]:
    with Rig(tmp_path).running() as rig:
        keep(rig, content)
        yield rig


def test_it_is_checked_shown_and_played_in_part(rig: Rig, content: bytes) -> None:
    who = rig.signed_in("supervisor")
    assert "/evidence/ev-1" in who.get("/evidence").text
    page = who.get("/evidence/ev-1").text
    assert "与签名一致" in page
    assert '<video controls preload="metadata"' in page
    assert rig.newest("audit.viewed").what == "evidence/ev-1"  # type: ignore[union-attr]
    whole = who.get("/evidence/ev-1/clip")
    assert (whole.status, whole.body, whole.headers["content-type"]) == (200, content, "video/mp4")
    for begin, end in ((0, 99), (49_990, 50_010), (len(content) - 7, len(content) - 1)):
        some = who.get("/evidence/ev-1/clip", range=f"bytes={begin}-{end}")
        assert (some.status, some.body) == (206, content[begin : end + 1])
        assert some.headers["content-range"] == f"bytes {begin}-{end}/{len(content)}"
    assert who.get("/evidence/ev-1/clip", range=f"bytes={len(content) - 5}-").body == content[-5:]
    assert who.get("/evidence/ev-1/clip", range=f"bytes={len(content)}-").status == 416
    *_, line = Retrievals(rig.state).lines()
    assert (line.number, line.entry.kind, line.entry.what) == (1, "viewed", "evidence/ev-1"), "once, in many parts"
    assert (line.entry.by, line.entry.reason) == ("supervisor", "a-1")
    api = Client(rig, rig.token("history"))
    assert [one["evidence"] for one in api.get("/api/v1/evidence").json()] == ["ev-1"]
    assert api.get("/api/v1/evidence/ev-1").json()["good"] is True


def test_a_fall_shows_its_floor_times_speed_and_path(rig: Rig, content: bytes) -> None:
    """The last the analysis said counts, and what it compared is in the reader's language."""
    over = Sighting(rule="block-3", kind="falling_object", incident="f-1", phase=Phase.OVER, up_ms=9, size=(320, 240))
    now = rig.clock.now()
    keep(rig, content, "ev-2", (FALLEN, over))
    who = rig.signed_in("guard")
    page = who.get("/evidence/ev-2").text
    assert "12 (90%), 13 (10%)" in page
    assert "3 (80%), 4 (20%)" in page
    assert "25 m/s" in page
    assert "下坠加速度 9.41 m/s²（限值 6.5 m/s²）" in page
    for at_ms in (1000, 4000):
        assert f"{datetime.fromtimestamp((now.wall_ms - now.up_ms + at_ms) / 1000, SHANGHAI):%F %H:%M:%S}" in page
    assert 'viewBox="0 0 320 240"' in page
    assert "160.0,20.0 162.0,60.0 168.0,220.0" in page
    assert "polyline" not in who.get("/evidence/ev-1").text
    told = Client(rig, rig.token("history")).get("/api/v1/evidence/ev-2").json()["seen"]
    assert told["fall"]["floors"][0] == [12, 0.9]


def test_who_looked_says_what_it_shows(rig: Rig) -> None:
    """As `alarm review` records it, with name and note; only of a known alert, and by who may answer alarms."""
    guard, part = rig.signed_in("guard"), {"hx-request": "true"}
    form = {"verdict": "false", "why": "塑料袋"}
    assert 'action="/evidence/ev-1/review"' in guard.get("/evidence/ev-1").text
    unknown = guard.post("/evidence/ev-1/review", form, **part)
    assert (unknown.status, "没有该警报" in unknown.text) == (409, True), "nobody has raised it"
    rig.happen(AlertOpened(door="", alert="a-1", kind="intrusion", camera="yard", rule="roof"))
    assert "✓" in guard.post("/evidence/ev-1/review", form, **part).text
    said = rig.newest("alert.updated")
    assert isinstance(said, AlertUpdated)
    assert (said.alert, said.what, said.verdict, said.by, said.why) == ("a-1", "verdict", "false", "guard", "塑料袋")
    page = rig.signed_in("supervisor").get("/evidence/ev-1").text
    assert [part for part in ("已复核", "误报", "guard", "塑料袋") if part not in page] == [], (
        "whoever comes next sees it"
    )
    assert guard.post("/evidence/ev-1/review", {"verdict": "true"}).status == 303
    for wrong in ({"verdict": "maybe"}, {}):
        assert guard.post("/evidence/ev-1/review", wrong, **part).status == 409
    assert guard.post("/evidence/ev-7/review", form, **part).status == 409
    auditor = rig.signed_in("auditor")
    assert "/review" not in auditor.get("/evidence/ev-1").text
    assert auditor.post("/evidence/ev-1/review", form).status == 403
    api = Client(rig, rig.token("alarms"))
    body = b'{"verdict":"unsure","why":"dark"}'
    answer = api.ask("POST", "/api/v1/evidence/ev-1/review", body, {"content-type": "application/json"})
    assert answer.status == 200, answer.text
    assert [getattr(one, "verdict", "") for one in rig.events("alert.updated")] == ["false", "true", "unsure"]


def test_r08_no_part_of_a_clip_is_shown_that_could_not_be_registered(rig: Rig) -> None:
    """Also not to who begins in its middle."""
    who = rig.signed_in("auditor")
    (rig.state / "audit.lock").mkdir()
    refused = who.get("/evidence/ev-1/clip", range="bytes=1-")
    assert (refused.status, "未能登记" in refused.text) == (503, True)
    (rig.state / "audit.lock").rmdir()
    assert who.get("/evidence/ev-1/clip", range="bytes=1-").status == 206
    (line,) = Retrievals(rig.state).lines()
    assert line.entry.by == "auditor"
    assert rig.newest("audit.viewed").what == "evidence/ev-1/clip"  # type: ignore[union-attr]


def test_r13_a_clip_whose_masks_nobody_knows_is_for_who_may_take_it_away(rig: Rig, content: bytes) -> None:
    """Its camera was renamed or removed: as with a copy for publication, nobody can say which windows to cover."""
    keep(rig, content, "ev-2", (FALLEN,), camera="yard")
    guard = rig.signed_in("guard")
    page = guard.get("/evidence/ev-2")
    assert (page.status, "yard 已不在 agent.toml 中" in page.text, "<video" in page.text) == (200, True, False)
    assert "12 (90%), 13 (10%)" in page.text, "what is known of it is told nevertheless"
    for asked in ({}, {"range": "bytes=1-"}):
        refused = guard.get("/evidence/ev-2/clip", **asked)
        assert (refused.status, "yard 已不在 agent.toml 中" in refused.text) == (403, True)
    said = rig.newest("audit.refused")
    assert (said.by, said.what) == ("guard", "/evidence/ev-2/clip")  # type: ignore[union-attr]
    assert list(Retrievals(rig.state).lines()) == [], "nobody has seen it"
    assert "<video" in guard.get("/evidence/ev-1").text
    assert guard.get("/evidence/ev-1/clip").status == 200
    auditor = rig.signed_in("auditor")
    page = auditor.get("/evidence/ev-2")
    assert ("<video" in page.text, "其遮挡范围不明" in page.text) == (True, True)
    assert auditor.get("/evidence/ev-2/clip").body == content
    assert Client(rig, rig.token("history")).get("/evidence/ev-2/clip").status == 403
    assert Client(rig, rig.token("history", "export")).get("/evidence/ev-2/clip").status == 200
    api = Client(rig, rig.token("history"))
    assert [api.get(f"/api/v1/evidence/{one}").json()["masks"] for one in ("ev-1", "ev-2")] == [[], None]


def test_what_was_altered_on_the_disk_is_said(rig: Rig) -> None:
    path = rig.state / "evidence/ev-1/track.json"
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    answer = rig.signed_in("auditor").get("/evidence/ev-1")
    assert answer.status == 200
    assert "与签名不符" in answer.text
    assert Client(rig, rig.token("history")).get("/api/v1/evidence/ev-1").json()["good"] is False


def test_no_name_becomes_a_path_and_no_role_too_many(rig: Rig) -> None:
    (rig.state / "evidence/secret").mkdir()
    (rig.state / "evidence/secret/clip.mp4").write_bytes(b"nobody's")
    who = rig.signed_in("supervisor")
    for name in ("secret", "..%2f..%2fkeys", "../console.db", "ev-1%00", "ev-1.part", "ev-2"):
        for place in (f"/evidence/{name}", f"/evidence/{name}/clip", f"/api/v1/evidence/{name}"):
            assert who.get(place).status in {404, 422}, place
    assert rig.signed_in("installer").get("/evidence/ev-1/clip").status == 403
    assert Client(rig).get("/evidence/ev-1/clip").status == 303
    assert Client(rig, rig.token("wall")).get("/api/v1/evidence/ev-1").status == 403


def test_a_missing_key_is_said_and_the_rest_goes_on(rig: Rig) -> None:
    (rig.folder / EVIDENCE_KEY).unlink()
    who = rig.signed_in("supervisor")
    answer = who.get("/evidence/ev-1")
    assert answer.status == 409
    assert "evidence.key" in answer.text
    assert who.get("/evidence/ev-1/clip").status == 404
    assert who.get("/history").status == 200


def test_a_missing_public_key_is_not_shown_as_a_forgery(rig: Rig) -> None:
    (rig.folder / "keys/gateway.pub").unlink()
    answer = rig.signed_in("supervisor").get("/evidence/ev-1")
    assert (answer.status, "gateway.pub" in answer.text, "与签名不符" in answer.text) == (409, True, False)


def test_a_gap_in_the_chain_is_called_erased_where_that_is_on_record(rig: Rig) -> None:
    before = "ab" * 32
    (exhibit,) = rig.premises.standing.exhibits.values()
    second = structs.replace(exhibit, previous=before, number=2)
    rig.loop.call_soon_threadsafe(rig.premises.remember, second)
    until(lambda: second in rig.premises.standing.exhibits.values())
    who = rig.signed_in("supervisor")
    assert "没有（或已不再有）其清除记录" in who.get("/evidence/ev-1").text
    erased = EvidenceErased(evidence="ev-0", why="age", manifest=before)
    rig.loop.call_soon_threadsafe(rig.premises.record, erased)
    until(lambda: "上一份证据已清除" in who.get("/evidence/ev-1").text)
