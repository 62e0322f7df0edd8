"""What the benchmarks compute without a picture: bounds, which clips are next, the file of what was measured."""

import asyncio
import re
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from bench import falling_rows, falling_series, joins
from bench.falling_report import report
from bench.scores import poisson_upper
from edge_agent.model.events import DoorOpened
from edge_agent.model.sightings import Phase, Sighting
from edge_agent.vision.falling_candidates import Candidates
from tests.vision.facade import BLIND


@pytest.mark.parametrize(
    ("count", "most"), [(0, 2.99573), (1, 4.74386), (10, 16.96222), (700, 745.1109), (1_500, 1_565.2896)]
)
def test_an_upper_bound_holds_for_many_as_for_few(count: int, most: float) -> None:
    """Against a sum of the terms themselves in decimal arithmetic of 60 digits."""
    assert poisson_upper(count) == pytest.approx(most, rel=1e-5)


def test_the_mark_is_of_what_judges_not_of_what_is_written_about_it(tmp_path: Path, monkeypatch: Any) -> None:
    """A limit of the judge, a field of the wall, another OpenCV begin anew; a comment, a docstring, a table do not."""
    for part in ("edge_agent/vision", "edge_agent/model", "tests/vision/facade", "bench"):
        shutil.copytree(falling_rows.ROOT / part, tmp_path / part)
    monkeypatch.setattr(falling_rows, "ROOT", tmp_path)
    marks = [falling_rows.code()]
    for file, old, new in (
        ("bench/falling_judge.py", "NEAR_PX, IOU = 10.0", "NEAR_PX, IOU = 11.0"),
        ("bench/falling_peers.py", "DOWN_PX, STEP_PX, MISSES = 8, 60.0", "DOWN_PX, STEP_PX, MISSES = 8, 61.0"),
        ("edge_agent/model/site.py", "floor_m: float = 3.0", "floor_m: float = 3.1"),
    ):
        text = (tmp_path / file).read_text("utf-8")
        assert old in text
        (tmp_path / file).write_text(text.replace(old, new), "utf-8")
        marks.append(falling_rows.code())
    assert len(set(marks)) == 4
    for file, text in (("falling_judge.py", '# a word\n"""Another docstring."""\n'), ("falling_report.py", "X = 1\n")):
        whole = (tmp_path / "bench" / file).read_text("utf-8")
        (tmp_path / "bench" / file).write_text(text + whole.partition('"""\n')[2], "utf-8")
    assert falling_rows.code() == marks[-1]
    monkeypatch.setattr(falling_rows.cv2, "__version__", "0")
    assert falling_rows.code() != marks[-1]


def test_rows_count_once_and_what_was_cut_short_is_measured_again(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    with falling_rows.writer(file) as out:
        for code, seed in (("a", 1), ("a", 2), ("a", 1), ("b", 3)):
            falling_rows.append(out, {"code": code, "seed": seed})
    with file.open("ab") as torn:
        torn.write(b'{"code": "a", "se')
    assert [row["seed"] for row in falling_rows.read(file, "a")] == [1, 2], "readable as it is"
    with falling_rows.writer(file) as out:
        falling_rows.append(out, {"code": "a", "seed": 4})
    assert [row["seed"] for row in falling_rows.read(file, "a")] == [1, 2, 4]
    assert len(file.read_bytes().splitlines()) == 5, "no whole row is lost"
    with file.open("ab") as other:
        other.write(b'no row\n7\n{"code": "a"}\n{"code": "a", "seed": 5}\n')
    assert [row["seed"] for row in falling_rows.read(file, "a")] == [1, 2, 4, 5]


def test_two_runs_do_not_write_one_file(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    with falling_rows.writer(file), pytest.raises(SystemExit, match="Another run"), falling_rows.writer(file):
        pass
    with falling_rows.writer(file) as out:
        falling_rows.append(out, {"code": "a", "seed": 1})
    assert falling_rows.read(file, "a")


def test_series_of_clips_never_meet_and_go_on_where_they_stopped() -> None:
    spans = sorted((span for one in falling_series.SERIES for span in one.spans), key=lambda span: span.start)
    assert all(before.stop <= after.start for before, after in pairwise(spans))
    done = {*falling_series.FALLS.spans[0], *range(58_000, 71_990)}
    todo = falling_series.added(0.5, 12, 100, 3, done | {80_100})
    assert len(todo) == len({*todo} - done), "each once, and none again"
    drawn = [seed for seed in todo if not any(seed in series for series in falling_series.FOOTAGE)]
    dives = [80_101, 80_102]
    assert drawn == [
        2_000_000, 2_000_001, *range(71_990, 72_000), *range(1_000_000, 1_000_020), *dives, 90_000, 90_001, 90_002
    ]  # fmt: skip
    assert falling_series.added(0, 0, 0, 0, done) == []
    assert len(falling_series.added(400, 0, 0, 0, ())) >= 400 * 60
    assert falling_series.added(0, 0, 1, 0, range(80_100, 90_000)) == [3_000_000]


def test_seeds_that_were_measured_mean_the_same_clips(capsys: pytest.CaptureFixture[str]) -> None:
    kinds = {}
    for seed in (46_000, 57_999, 58_000, 71_999, 72_022, 73_001, 74_022, 75_001, 80_100, 90_001):
        (series,) = [one for one in falling_series.SERIES if seed in one]
        kinds[seed] = (
            series.falling,
            series.place.name if series.place else "/".join(series.weathers) if series.crowded else "",
        )
    assert kinds == {
        46_000: (True, ""), 57_999: (True, ""), 58_000: (False, ""), 71_999: (False, ""),
        72_022: (True, "office"), 73_001: (False, "office"), 74_022: (True, "tower"), 75_001: (False, "tower"),
        80_100: (False, "birds"), 90_001: (True, "wind/night"),
    }  # fmt: skip
    with pytest.raises(ValueError, match="76000"):
        falling_series.clip_of(76_000)
    assert len(falling_series.FOOTAGE[0].unseen(set(), 1_001)) == 1_000, "what is left; the other series go on"
    assert "1000 seeds are left, 1001 were asked for" in capsys.readouterr().out


def a_fall(found: bool, seen: int) -> dict[str, Any]:
    """Of 5 px and 60 grey levels; told right after 1.5 s, once."""
    fall: dict[str, Any] = {
        "px": 5.0, "contrast": 60.0, "against": 60.0, "thrown": False, "floor": 9, "seen": seen, "found": found,
    }  # fmt: skip
    return {**fall, "alarms": 1, "late_s": 1.5, "told": 9, "column": 0, "tro": 0.8} if found else {**fall, "alarms": 0}


def a_clip(seed: int, *falls: dict[str, Any], seconds: float = 60.0, **more: Any) -> dict[str, Any]:
    row = {"seed": seed, "weather": "clear", "crowded": False, "seconds": seconds}
    row |= {"falls": list(falls), "false": 0, "suspected": 0}
    return {**row, "came": {}, "ms": [8.0, 9.0, 10.0], "peers": {}, **more}


def test_a_fall_that_was_hardly_in_the_picture_is_missed_all_the_same() -> None:
    """Also of the peers, and in footage."""
    falls = a_fall(True, 30), a_fall(False, 5)
    peers = {kind: {"found": [True, False], "false": 0, "ms": 20.0} for kind in ("mog2", "knn")}
    told = report([a_clip(1, *falls, peers=peers), a_clip(2, *falls, weather="office")], ["office"])
    assert re.search(r"all of the target\n  all +1/2 ", told)
    assert told.count("missed: 1, of them in the picture for fewer than 8 frames: 1") == 2
    assert re.search(r"this +1/2 .*\n  mog2 +1/2 ", told)
    assert re.search(r"in real footage of the office\n  drop +1/2 ", told)


def test_hours_are_those_in_which_something_could_be_told() -> None:
    """Without each clip's beginning, footage's quiet clips apart from those with falls, and no bound rounded up."""
    candidates = Candidates(None)
    looks = [candidates.see(np.full((64, 64), 100, np.uint8)) is not None for _ in range(30)]
    assert looks.index(True) == BLIND
    rows = [a_clip(seed, came={"birds": 10, "dives": 8} if seed == 1 else {}) for seed in range(100)]
    rows += [a_clip(200, a_fall(True, 30), seconds=61.2, weather="office"), a_clip(201, weather="office")]
    told = report(rows, ["office"])
    assert re.search(r"  all +1\.633 h  0 alarms: at most 44\.0 a camera-day", told)
    assert "0 in 1.0 minutes in which nothing falls; 0 beside the falls, in 1.0 minutes" in told
    assert "up to 2 dive a day" in told, "8 / 2.9957 = 2.67"


def test_dives_are_counted_apart_from_hours() -> None:
    quiet = [a_clip(1, came={"birds": 10, "dives": 8}), a_clip(2)]
    peers = {kind: {"found": [], "false": 0, "ms": 20.0} for kind in ("mog2", "knn")}
    crowd = a_clip(
        80_100,
        crowded=True,
        weather="birds",
        came={"birds": 200, "dives": 150},
        false=1,
        ms=[99.0, 99.0, 99.0],
        peers=peers,
    )
    told = report([*quiet, crowd], [])
    assert "  where each that comes dives: 1 alarms of 150 dives: at most 31.63 of 1000 (95 %)" in told, "4.744 / 150"
    without = report(quiet, [])
    assert "each that comes" not in without
    assert [line for line in told.splitlines() if "each that comes" not in line] == without.splitlines()
    assert "birds that dive" not in report([a_clip(2)], [])


def test_crowds_are_counted_apart_and_show_what_they_hide() -> None:
    quiet = [a_clip(1), a_clip(2)]
    falls = a_fall(True, 30), a_fall(True, 30), a_fall(False, 30)
    crowd = [a_clip(90_001 + n, *falls, crowded=True, weather="night", came={"insects": 50}) for n in (0, 2)]
    told = report([*quiet, *crowd], [])
    assert (
        "  night: 0 alarms in 0.033 h, in which came what usually comes in 0.26 h: at most 275.1 a camera-day" in told
    )
    assert "29.96 of 1000 insects (100)" in told, "2.9957 / 100"
    assert re.search(r"recall   falls among night\n  all +4/6 ", told)
    assert (
        report(quiet, []).splitlines()
        == told[: told.index("crowds:")].splitlines() + told[told.index("cost") :].splitlines()
    )


CROSSING = Sighting(
    rule="line", kind="crossing", incident="c", phase=Phase.BEGUN, up_ms=0, size=(0, 0), direction="in"
)  # fmt: skip


def test_an_incident_that_opens_two_alerts_is_counted_with_two() -> None:
    """Two who follow 9.8 s apart are one incident; seen 10.8 s apart, the first alert is over before the second."""

    async def scene(later_s: float) -> joins.Gate:
        gate = joins.Gate("line")
        gate.premises.record(joins.granted("in"))
        gate.premises.record(DoorOpened(door=joins.DOOR))
        for n in range(200):
            gate.clock.up_ms = joins.BEGUN_MS + 100 * n
            if n / 10 in (4.0, 5.0, later_s):
                gate.flow.see(joins.DOOR, msgspec.structs.replace(CROSSING, up_ms=gate.clock.up_ms))
            if n % 5 == 0:
                await gate.look()
        return gate

    due = [("tailgating", 5.4), ("tailgating", 15.2)]
    for later_s, counted in ((14.5, {1: 1}), (15.8, {2: 1})):
        gate = asyncio.run(scene(later_s))
        opened = [(kind, joins.since(at_ms)) for kind, at_ms in gate.opened]
        assert joins.alerts_by_incident(due, opened) == (counted, 0)
        assert len(gate.joins.found) == 2
    assert joins.alerts_by_incident([], opened) == ({}, 2), "of no incident"
