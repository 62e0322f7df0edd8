"""The console as a program sees it: pages, orders, alarms, looking back; every order with a name."""

import hashlib
import html
from datetime import datetime
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import msgspec
import pytest

from edge_agent.model.commands import Operation
from edge_agent.model.detections import Glimpse, Unwatched
from edge_agent.model.events import (
    AlertOpened,
    AlertUpdated,
    CommandCompleted,
    DeviceBack,
    DeviceLost,
    EvidenceKept,
    LineCounted,
)
from edge_agent.model.evidence import Exhibit
from edge_agent.model.sightings import Fall, Measure
from edge_agent.model.standing import At, OpenAlert, Tally
from edge_agent.store.retrievals import Retrievals
from edge_agent.words import parts, say, told
from tests.console.rig import DOORS, STRANGER, Client, Rig
from tests.waiting import until

HOUR_MS = 3_600_000


def test_whoever_is_not_signed_in_is_sent_to_sign_in(rig: Rig) -> None:
    for page in ("/", "/alarms", "/history", "/charts"):
        answer = Client(rig).get(page)
        assert (answer.status, answer.headers["location"]) == (303, "/sign-in")


def test_the_wall_shows_a_verdict_with_its_reason_and_what_may_be_done(rig: Rig) -> None:
    guard = rig.signed_in("guard")
    rig.card(STRANGER)
    page = until(lambda: shown if "未登记" in (shown := guard.get("/").text) else "")
    assert "按访客登记" in page
    assert "audit.viewed" not in page
    assert any(getattr(event, "what", "") == "wall" for event in rig.events("audit.viewed"))


def test_a_camera_is_shown_where_it_may_be_and_never_an_old_picture(rig: Rig) -> None:
    guard = rig.signed_in("guard")
    wall = guard.get("/").text
    assert 'data-camera="gate-cam"' in wall
    assert 'data-camera="yard-cam"' in wall
    assert "hidden-cam" not in wall
    assert guard.get("/cameras/gate-cam/now.jpg").status == 204, "nothing was seen lately"
    rig.glimpses |= {name: Glimpse(b"\xff\xd8" + name.encode(), 1) for name in ("gate-cam", "hidden-cam")}
    shown = guard.get("/cameras/gate-cam/now.jpg")
    assert (shown.status, shown.headers["content-type"], shown.body) == (200, "image/jpeg", b"\xff\xd8gate-cam")
    assert shown.headers["cache-control"] == "no-store"
    for nobody_may in ("hidden-cam", "unknown"):
        assert guard.get(f"/cameras/{nobody_may}/now.jpg").status == 404
    assert Client(rig).get("/cameras/gate-cam/now.jpg").status == 303
    assert Client(rig, rig.token("wall")).get("/cameras/gate-cam/now.jpg").status == 200
    rig.glimpses.clear()


def test_an_order_carries_the_name_of_who_is_signed_in(rig: Rig) -> None:
    guard = rig.signed_in("guard")
    assert guard.post("/orders", {"verb": "open", "door": DOORS[1], "why": "parcel"}).status == 303
    done = rig.newest("command.completed")
    assert isinstance(done, CommandCompleted)
    assert (done.issuer, done.door, done.why) == ("local/guard", DOORS[1], "parcel")
    assert rig.trace


def test_a_lockdown_is_asked_for_first_and_given_second(rig: Rig) -> None:
    guard = rig.signed_in("guard")
    asked = guard.post("/orders", {"verb": "lockdown"})
    assert asked.status == 200
    assert not rig.premises.standing.orders
    word = asked.text.split('name="confirm" value="')[1].split('"')[0]
    other = rig.signed_in("guard")
    assert other.post("/orders", {"verb": "lockdown", "confirm": word}).status == 200, "another session's word"
    word = guard.post("/orders", {"verb": "lockdown"}).text.split('name="confirm" value="')[1].split('"')[0]
    assert guard.post("/orders", {"verb": "lockdown", "confirm": word}).status == 303
    assert len(rig.premises.standing.orders) == len(DOORS)
    assert guard.post("/orders", {"verb": "end_lockdown"}).status == 303
    assert not rig.premises.standing.orders


def test_an_alarm_is_answered_step_by_step(rig: Rig) -> None:
    guard = rig.signed_in("guard")
    rig.panic()
    until(lambda: "紧急报警" in guard.get("/alarms").text)
    name = f"panic/{DOORS[0]}"
    part = {"hx-request": "true"}
    assert '<strong class="chip">演练' not in guard.get("/").text
    for verb in ("acknowledge", "dispatch", "arrive"):
        form = {"alarm": name, "verb": verb, "who": "li", "outcome": "real", "drill": "yes"}
        assert guard.post("/alarms", form, **part).status == 200, verb
    assert '<strong class="chip">演练' in guard.get("/").text, "long before it is over"
    assert getattr(rig.newest("alarm.acknowledged"), "drill", False)
    assert "演练" in guard.get("/history?tag=alarm.acknowledged").text
    strange = guard.post("/alarms", {"alarm": name, "verb": "explode"}, **part)
    assert (strange.status, "explode" in strange.text) == (409, True)
    assert guard.post("/alarms", {"alarm": name, "verb": "close", "outcome": "drill"}, **part).status == 200
    again = guard.post("/alarms", {"alarm": name, "verb": "close", "outcome": "real"}, **{"hx-request": "true"})
    assert again.status == 409
    rig.panic(False)
    assert guard.post("/alarms", {"alarm": name, "verb": "clear"}).status == 303
    closed = rig.newest("alarm.closed")
    assert (getattr(closed, "by", ""), getattr(closed, "outcome", "")) == ("guard", "drill")


def test_an_alarm_of_a_camera_says_where_when_by_which_rule_and_why(rig: Rig) -> None:
    """Two zones of one camera are told apart; of a fall the page shows what is known by now, and its evidence once it
    is kept.
    """
    guard, now = rig.signed_in("guard"), rig.clock.now()
    fall = Fall(
        floors=((12, 0.6), (13, 0.4)), columns=((3, 0.8),), released_ms=now.up_ms - 2000, impact_ms=now.up_ms,
        speed_mps=20.0, path=(), residual_px=0.8, calibration="c-1",
    )  # fmt: skip
    about = {"door": "", "alert": "yard-cam-fall-9", "kind": "falling_object", "camera": "yard-cam"}
    why = (Measure("pull", 9.4123, 6.5, "m/s²"),)
    rig.happen(AlertOpened(**about, rule="block-3", place="3 号楼", fall=fall, why=why, review=True, evidence="ev-9"))
    for zone in ("lawn", "pond"):
        rig.happen(AlertOpened(door="", alert=f"a-{zone}", kind="intrusion", camera="yard-cam", rule=zone))
    page = guard.get("/alarms").text
    released = datetime.fromtimestamp((now.wall_ms - 2000) / 1000, ZoneInfo("Asia/Shanghai"))
    wanted = (
        "yard-cam · block-3", "yard-cam · lawn", "yard-cam · pond", "3 号楼", "需人工复核", "12 (60%), 13 (40%) 层",
        "3 (80%) 列", f"{released:%H:%M:%S} 抛出", "下坠加速度 9.41 m/s²（限值 6.5 m/s²）",
    )  # fmt: skip
    assert [part for part in wanted if part not in page] == []
    assert "/evidence/ev-9" not in page, "it is not kept yet"
    rig.happen(AlertUpdated(**about, what="grew", fall=msgspec.structs.replace(fall, floors=((12, 0.97),))))
    assert "12 (97%) 层" in guard.get("/alarms").text
    told = Client(rig, rig.token("alarms")).get("/api/v1/alarms").json()
    (one,) = [view for view in told if view["alarm"] == "yard-cam-fall-9"]
    assert (one["rule"], one["floors"], one["review"]) == ("block-3", [[12, 0.97]], True)
    exhibit = Exhibit("ev-9", "yard-cam", "yard-cam-fall-9", "0" * 64, "", 1, now.wall_ms, 1)
    kept = EvidenceKept(evidence="ev-9", camera="yard-cam", alert="yard-cam-fall-9", manifest="0" * 64)
    rig.loop.call_soon_threadsafe(rig.premises.record, kept, exhibit)
    until(lambda: "/evidence/ev-9" in guard.get("/alarms").text)
    for alarm in ("yard-cam-fall-9", "a-lawn", "a-pond"):
        assert guard.post("/alarms", {"alarm": alarm, "verb": "close", "outcome": "test"}).status == 303


def test_a_camera_that_does_not_see_what_it_should_is_not_told_to_be_well(rig: Rig) -> None:
    guard, now = rig.signed_in("guard"), rig.clock.now()
    assert "画面全黑" not in guard.get("/devices").text
    dark = OpenAlert("a-dark", "yard-cam", "yard-cam", "black", "", "fault", At.of(now))
    rig.loop.call_soon_threadsafe(rig.premises.remember, dark)
    until(lambda: "▲ " in guard.get("/devices").text)
    rig.loop.call_soon_threadsafe(rig.premises.remember, dark.closed())
    until(lambda: "▲ " not in guard.get("/devices").text)


def test_what_a_camera_cannot_be_watched_for_is_told_until_it_can(rig: Rig) -> None:
    guard = rig.signed_in("guard")
    fields = {"name": "block-3", "wide": 1080, "high": 1920, "width": 1280, "height": 720}
    rig.unwatched["yard-cam"] = (
        Unwatched("facade.other_frame", dict(fields)), Unwatched("zone.needs_detector"),
    )  # fmt: skip
    page = html.unescape(guard.get("/devices").text)
    assert page.count("▲ ") == 2
    assert say("facade.other_frame", "zh", **fields) in page
    rig.unwatched["yard-cam"] = ()
    assert "▲ " not in guard.get("/devices").text


def test_a_smoke_detectors_alarm_is_not_told_as_a_cameras(rig: Rig) -> None:
    guard = rig.signed_in("guard")
    rig.happen(AlertOpened(door="", alert="cellar-1", kind="smoke", sensor="cellar", place="地下室"))
    page = guard.get("/alarms").text
    assert ("<strong>烟雾</strong> 地下室" in page, "疑似烟火" in page) == (True, False)
    assert guard.post("/alarms", {"alarm": "cellar-1", "verb": "close", "outcome": "test"}).status == 303


def test_what_is_muted_is_shown_until_when_and_ended_early(rig: Rig) -> None:
    guard, part = rig.signed_in("guard"), {"hx-request": "true"}
    assert "静默中" not in guard.get("/alarms").text
    now = rig.clock.now()
    mute = Operation("mute", "王芳", "园丁作业", target="camera/yard-cam", for_s=7200.0)
    assert rig.do(lambda: rig.operations.carry_out(mute)).good
    page = guard.get("/alarms").text
    until_ = datetime.fromtimestamp(now.wall_ms / 1000 + 7200, ZoneInfo("Asia/Shanghai"))
    assert f"camera/yard-cam 至 {until_:%m-%d %H:%M}，操作人 王芳 · 园丁作业" in page
    assert rig.signed_in("auditor").post("/unmute", {"target": "camera/yard-cam"}).status == 403
    other = guard.post("/unmute", {"target": "all"}, **part)
    assert (other.status, "当前静默：camera/yard-cam" in other.text) == (409, True), "another mute is what silences it"
    assert guard.post("/unmute", {"target": "camera/yard-cam"}, **part).status == 200
    assert "静默中" not in guard.get("/alarms").text
    ended = rig.newest("command.completed")
    assert isinstance(ended, CommandCompleted)
    assert (ended.verb, ended.issuer, ended.answer) == ("unmute", "local/guard", {"target": "camera/yard-cam"})
    for how in ({}, part):
        refused = guard.post("/unmute", {"target": "camera/<b>"}, **how)
        assert (refused.status, "camera/hidden-cam" in refused.text, "<b>" in refused.text) == (409, True, False)


def test_duress_is_on_no_wall_and_in_no_guards_search(rig: Rig) -> None:
    rig.happen(AlertOpened(door=DOORS[2], alert="a-9", kind="duress", silent=True, person="p-0001"))
    guard, supervisor = rig.signed_in("guard"), rig.signed_in("supervisor")
    for page in ("/", "/alarms", "/history", "/history?tag=alert", f"/history?door={DOORS[2]}"):
        assert "胁迫" not in guard.get(page).text, page
    assert "胁迫" not in supervisor.get("/").text, "the wall is seen by who stands beside"
    assert "胁迫" in supervisor.get("/alarms").text
    assert "胁迫" in supervisor.get("/history?tag=alert").text
    refused = guard.post("/alarms", {"alarm": "a-9", "verb": "acknowledge"}, **{"hx-request": "true"})
    assert refused.status == 409
    assert supervisor.post("/alarms", {"alarm": "a-9", "verb": "close", "outcome": "test"}).status == 303
    assert "胁迫" not in guard.get("/history?tag=alarm").text


def test_looking_back_by_name_door_and_verdict(rig: Rig) -> None:
    rig.card(at=DOORS[1])
    supervisor = rig.signed_in("supervisor")
    asked = "/history?" + urlencode({"person": "张伟", "door": DOORS[1], "verdict": "granted"})
    until(lambda: "p-0001" in supervisor.get(asked).text)
    assert "p-0001" in supervisor.get("/history?person=3-1-502").text
    assert "没有符合条件" in supervisor.get("/history?person=nobody-at-all").text
    assert "日期时间格式不正确" in supervisor.get("/history?from=tomorrow").text


def test_a_device_that_went_away_is_named(rig: Rig) -> None:
    """On the page of devices, in a search, and in a file."""
    lost = told("cameras.refused", url="rtsp://yard")
    rig.happen(DeviceLost("yard-cam", "camera", *parts(lost)))
    rig.happen(DeviceBack(device="yard-cam", kind="camera", after_ms=90_000))
    supervisor = rig.signed_in("supervisor")
    page = until(lambda: shown if "设备恢复" in (shown := supervisor.get("/devices").text) else "")
    lines = [line for line in page.split("<li") if "设备断开" in line or "设备恢复" in line]
    assert len(lines) == 2
    assert all('<span class="where">yard-cam</span>' in line for line in lines)
    assert "rtsp://yard 没有图像：连接被拒绝" in page
    assert supervisor.get("/history?tag=device").text.count("<td>yard-cam</td>") == 2
    taken = supervisor.post("/history.csv", {"tag": "device", "why": "维修"}).text.splitlines()
    assert (taken[0].split(",")[-1], taken[1].split(",")[-1]) == ("device", "yard-cam")


def test_a_file_of_events_runs_no_formula_and_is_on_record(rig: Rig) -> None:
    supervisor = rig.signed_in("supervisor")
    supervisor.post("/orders", {"verb": "open", "door": DOORS[0], "why": "=HYPERLINK(1)"})
    taken = {"tag": "command", "why": "警方调取", "unit": "派出所", "document": "2026-17"}
    answer = supervisor.post("/history.csv", taken)
    assert answer.status == 200
    assert ",=" not in answer.text
    exported = rig.newest("audit.exported")
    assert getattr(exported, "digest", "") == hashlib.sha256(answer.body).hexdigest()
    assert rig.signed_in("guard").post("/history.csv", taken).status == 403


def test_r08_what_is_taken_from_the_console_is_in_the_register_first(rig: Rig) -> None:
    """With who, unit, reason, document and the file's hash; nothing is given out that could not be registered."""
    rig.card(at=DOORS[1])
    supervisor = rig.signed_in("supervisor")
    until(lambda: "p-0001" in supervisor.get("/history?person=p-0001").text)
    register = Retrievals(rig.state)
    before = len(list(register.lines()))
    search = {"person": "张伟", "door": DOORS[1]}
    assert supervisor.post("/history.csv", {**search, "why": " "}).status == 422
    assert len(list(register.lines())) == before
    taken = search | {"why": "失窃", "unit": "派出所", "document": "2026-17"}
    answer = supervisor.post("/history.csv", taken)
    *_, line = register.lines()
    entry = line.entry
    assert (entry.kind, entry.what, entry.by, entry.unit) == ("exported", "history", "supervisor", "派出所")
    assert (entry.reason, entry.document, entry.person) == ("失窃", "2026-17", "p-0001")
    assert entry.digest == hashlib.sha256(answer.body).hexdigest()
    assert entry.count == len(answer.text.splitlines()) - 1 > 0
    assert DOORS[1] in entry.note
    assert "张伟" not in msgspec.json.encode(line).decode()
    assert not register.verify().faults
    lock = rig.state / "audit.lock"
    lock.unlink()
    lock.mkdir()
    until(lambda: any(getattr(one, "digest", "") == entry.digest for one in rig.events("audit.exported")))
    exported = len(rig.events("audit.exported"))
    try:
        refused = supervisor.post("/history.csv", taken)
    finally:
        lock.rmdir()
    assert (refused.status, "未能登记" in refused.text, "p-0001" in refused.text) == (503, True, False)
    assert len(rig.events("audit.exported")) == exported


def test_the_flow_of_a_day_is_drawn(rig: Rig) -> None:
    page = rig.signed_in("auditor").get("/charts").text
    assert "<polyline" in page
    assert rig.signed_in("auditor").get("/charts?day=99999-99").status == 200


def test_who_crossed_a_line_is_shown_for_the_day_with_what_is_being_counted(rig: Rig) -> None:
    who = rig.signed_in("auditor")
    assert "进 0 人，出 0 人" in who.get("/charts").text, "a line that nobody has crossed yet"
    now = rig.clock.now()
    hour = now.wall_ms // HOUR_MS * HOUR_MS
    rig.happen(LineCounted(camera="yard-cam", line="gate-line", entered=41, left=17, from_ms=hour, to_ms=hour + 1))
    tally = Tally("gate-line", "yard-cam", At.of(now), hour + 1, hour + HOUR_MS, 2, 1)
    rig.loop.call_soon_threadsafe(rig.premises.standing.apply, tally)
    page = until(lambda: "进 43 人，出 18 人" in (text := who.get("/charts").text) and text)
    assert "yard-cam · gate-line" in page
    assert "进 0 人，出 0 人" in who.get("/charts?day=2020-01-01").text
    assert "gate-line · 进 41 人，出 17 人" in who.get("/history?tag=line").text


def test_a_door_with_a_title_is_called_so_wherever_a_guard_reads_it(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Its name stays what is sent, searched and published."""
    name, title = "east-gate", "东门（地铁口）"
    with Rig(tmp_path_factory.mktemp("titled"), doors=(name,)).running() as rig:
        guard = rig.signed_in("guard")
        rig.card(STRANGER, at=name)
        until(lambda: rig.events("access.denied"))
        rig.panic(at=name)
        until(lambda: title in guard.get("/alarms").text)
        wall = guard.get("/").text
        assert f"</kbd> {title}</h2>" in wall
        assert f'<span class="where">{title}</span>' in wall
        assert f'value="{name}"' in wall
        assert f'<option value="{name}">{title}</option>' in guard.get("/history").text
        assert f'<option value="{name}">{title}</option>' in guard.get("/visits").text
        assert f"<td>{title}</td>" in guard.get(f"/history?door={name}").text
        done = guard.post("/orders", {"verb": "open", "door": name}, **{"hx-request": "true"})
        assert (done.status, title in done.text) == (200, True)
