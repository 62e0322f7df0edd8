"""The tables of bench/falling.py out of its rows, with intervals that say how little few clips prove."""

from collections import Counter
from collections.abc import Callable, Iterable

import numpy as np

from bench.scores import poisson_upper, wilson
from tests.vision.facade import BLIND, FPS
from tests.vision.facade.clip import CROWD
from tests.vision.facade.weather import DIVE_FRAMES

LIKELY_PX, LIKELY_CONTRAST = 2.0, 30.0  # what the target speaks of
BRIEF = 8  # frames in the picture


def report(rows: list[dict], places: Iterable[str]) -> str:
    """`rows`: of bench/falling.py, a row without falls is a clip in which nothing does; `places`: what stands for the
    weather of clips in real footage."""
    footage = {place: [row for row in rows if row["weather"] == place] for place in places}
    rows = [row for row in rows if row["weather"] not in footage]
    crowded, rows = [row for row in rows if row["crowded"]], [row for row in rows if not row["crowded"]]
    dives, crowds = [row for row in crowded if not row["falls"]], [row for row in crowded if row["falls"]]
    clips = [row for row in rows if row["falls"]]
    falls = [{**fall, "weather": row["weather"]} for row in clips for fall in row["falls"]]
    large = [fall for fall in falls if fall["px"] >= LIKELY_PX]
    likely = [fall for fall in large if fall["against"] >= LIKELY_CONTRAST]
    drawn = [fall for fall in large if fall["contrast"] >= LIKELY_CONTRAST]
    lines = [
        f"{len(falls)} falls in {len(clips)} clips; never in the picture: {sum(not fall['seen'] for fall in falls)}; "
        f"target: at least 2 px, and 30 grey levels from what it passes in the median of its frames ({len(likely)}); "
        f"drawn 30 levels from the median of its way ({len(drawn)})", "",
    ]  # fmt: skip
    lines += _recall("all of the target", likely, lambda fall: "")
    lines += [_brief(likely), ""]
    lines += _recall("drawn so, also those in the colour of what they pass", drawn, lambda fall: "")
    lines += _recall("by weather", likely, lambda fall: fall["weather"])
    lines += _recall("by size, px", falls, lambda fall: _band(fall["px"], (1, 2, 4, 8)))
    lines += _recall("by contrast, grey levels", falls, lambda fall: _band(fall["against"], (8, 15, 30, 60)))
    lines += _recall("by frames seen", likely, lambda fall: _band(fall["seen"], (BRIEF, 16, 25)))
    lines += _recall("by floor", likely, lambda fall: _band(fall["floor"], (4, 7)))
    lines += _recall("drop or throw", likely, lambda fall: "throw" if fall["thrown"] else "drop")
    lines += (
        _floors(falls)
        + _fade(clips)
        + _false(rows)
        + _dives(rows, dives)
        + _crowds(crowds)
        + _cost(rows)
        + _peers(rows)
    )
    lines += [line for place, there in footage.items() for line in _footage(place, there)]
    return "\n".join(lines)


def _footage(place: str, rows: list[dict]) -> list[str]:
    """In real footage of a façade: bench/falling_footage.py."""
    if not rows:
        return []
    falls = [fall for row in rows for fall in row["falls"]]
    likely = _likely(row["falls"] for row in rows)
    found = [fall for fall in falls if fall["found"]]
    exact = sum(fall["told"] == fall["floor"] for fall in found)
    near = sum(abs(fall["told"] - fall["floor"]) <= 1 for fall in found)
    quiet, beside = ([row for row in rows if bool(row["falls"]) is falling] for falling in (False, True))
    return [
        "", *_recall(f"in real footage of the {place}", likely, lambda fall: "throw" if fall["thrown"] else "drop"),
        _brief(likely),
        f"  floor exact {exact}/{len(found)}, within one {near}/{len(found)}; ms a frame "
        f"{np.median([row['ms'][0] for row in rows]):.1f}",
        f"  alarms without a cause: {sum(row['false'] for row in quiet)} in {_hours(quiet) * 60:.1f} minutes in which "
        f"nothing falls; {sum(row['false'] for row in beside)} beside the falls, in {_hours(beside) * 60:.1f} minutes",
    ]  # fmt: skip


def _hours(rows: list[dict]) -> float:
    """In which something could have been told."""
    return sum(row["seconds"] - BLIND / FPS for row in rows) / 3600


def _brief(falls: list[dict]) -> str:
    """How many of the missed could hardly be seen: they count as missed."""
    missed = [fall for fall in falls if not fall["found"]]
    brief = sum(fall["seen"] < BRIEF for fall in missed)
    return f"  missed: {len(missed)}, of them in the picture for fewer than {BRIEF} frames: {brief}"


def _band(value: float, edges: tuple[int, ...]) -> str:
    below = [edge for edge in edges if value >= edge]
    return f"from {below[-1]:2}" if below else f"under {edges[0]}"


def _recall(title: str, falls: list[dict], key: Callable[[dict], str]) -> list[str]:
    lines = [f"recall {title}"]
    for name in sorted({key(fall) for fall in falls}):
        some = [fall for fall in falls if key(fall) == name]
        hits = sum(fall["found"] for fall in some)
        low, high = wilson(hits, len(some))
        share = f"{100 * hits / len(some):5.1f} %  [{100 * low:.1f}, {100 * high:.1f}]"
        lines.append(f"  {name or 'all':10} {hits:4}/{len(some):<4} {share}")
    return [*lines, ""]


def _floors(falls: list[dict]) -> list[str]:
    found = [fall for fall in falls if fall["found"]]
    if not found:
        return []
    lines = ["floor"]
    for name, some in (
        ("all", found),
        ("drop", [f for f in found if not f["thrown"]]),
        ("throw", [f for f in found if f["thrown"]]),
    ):
        off = [abs(fall["told"] - fall["floor"]) for fall in some]
        if some:
            exact, near = sum(one == 0 for one in off), sum(one <= 1 for one in off)
            low, high = wilson(exact, len(some))
            lines.append(
                f"  {name:6} exact {exact}/{len(some)} {100 * exact / len(some):.1f} % "
                f"[{100 * low:.1f}, {100 * high:.1f}]  within one {100 * near / len(some):.1f} %  worst {max(off)}"
            )
    known = [fall for fall in found if fall["column"]]
    if known:
        right = sum(fall["column"] == fall["true_column"] for fall in known)
        lines.append(f"  column exact {right}/{len(known)} {100 * right / len(known):.1f} %")
    late = [fall["late_s"] for fall in found]
    lines += [
        f"time to alert: p50 {np.percentile(late, 50):.2f} s, p95 {np.percentile(late, 95):.2f} s, "
        f"most {max(late):.2f} s",
        f"alarms per fall that was found: {sum(fall['alarms'] for fall in found) / len(found):.3f}",
        "",
    ]  # fmt: skip
    return lines


def _fade(rows: list[dict]) -> list[str]:
    """What FADE measures, of the clips with falls whose rows have every told box, of false alarms too. What was told
    lasts until the impact that was computed, though the object leaves the picture before; what was missed has no part
    of its time."""
    some = [row for row in rows if row["falls"] and "boxes" in row]
    falls = [fall for row in some for fall in row["falls"]]
    if not falls:
        return []
    hit, told, true = (sum(row["boxes"][n] for row in some) for n in (0, 1, 2))
    tro = sum(fall.get("tro", 0.0) for fall in falls) / len(falls)
    return [
        f"FADE's measures, of {len(falls)} falls: F at IoU 0.3 {200 * hit / (told + true):.1f} % (published 72.1; "
        f"{hit} of {true} boxes hit, {told} told), TRO {100 * tro:.1f} % (published 51.8); their clips are others", "",
    ]  # fmt: skip


def _false(rows: list[dict]) -> list[str]:
    lines = [
        "false alarms (birds counted), clips in which nothing falls, without the first "
        f"{BLIND / FPS:.1f} s of each, in which nothing can be told"
    ]
    weathers = sorted({row["weather"] for row in rows})
    for name in (*weathers, "all"):
        some = [row for row in rows if not row["falls"] and name in (row["weather"], "all")]
        hours = _hours(some)
        if not hours:
            continue
        count, suspected = sum(row["false"] for row in some), sum(row["suspected"] for row in some)
        lines.append(
            f"  {name:7} {hours:6.3f} h  {count} alarms: at most {24 * poisson_upper(count) / hours:.1f} a camera-day "
            f"(95 %); suspected, no siren: {suspected}"
        )
    beside = [row for row in rows if row["falls"]]
    lines.append(
        f"  beside the falls, in {_hours(beside) * 60:.1f} minutes of their clips: "
        f"{sum(row['false'] for row in beside)}; suspected, no siren: {sum(row['suspected'] for row in beside)}"
    )
    return [*lines, ""]


def _dives(rows: list[dict], dives: list[dict]) -> list[str]:
    """What a dive costs of those that the generator draws, whatever their number in a day."""
    lines = []
    for name, some in (("in all weathers with birds", rows), ("where each that comes dives", dives)):
        dived = sum(row["came"].get("dives", 0) for row in some)
        count = sum(row["false"] for row in some if "birds" in row["came"])
        if dived:
            most = poisson_upper(count)
            lines.append(
                f"  {name}: {count} alarms of {dived} dives: at most {1000 * most / dived:.2f} of 1000 (95 %), "
                f"1 a camera-day where up to {int(dived / most)} dive a day"
            )
    title = f"birds that dive (as drawn) and are in the picture meanwhile for {DIVE_FRAMES} frames"
    return [title, *lines, ""] if lines else []


def _crowds(rows: list[dict]) -> list[str]:
    """What comes by, CROWD times as often as usual: what one of them costs, and whether their number hides the falls
    among them, as it would hide what is taken for one."""
    lines = []
    for weather in sorted({row["weather"] for row in rows}):
        some = [row for row in rows if row["weather"] == weather]
        count, hours = sum(row["false"] for row in some), _hours(some)
        most = poisson_upper(count)
        came: Counter[str] = sum((Counter(row["came"]) for row in some), Counter())
        each = ", ".join(f"{1000 * most / number:.2f} of 1000 {kind} ({number})" for kind, number in came.items())
        lines += [
            f"  {weather}: {count} alarms in {hours:.3f} h, in which came what usually comes in {CROWD * hours:.2f} h: "
            f"at most {24 * most / CROWD / hours:.1f} a camera-day (95 %) from what comes by; at most {each}",
            *_recall(f"  falls among {weather}", _likely(row["falls"] for row in some), lambda fall: ""),
        ]  # fmt: skip
    return [f"crowds: {CROWD} times what usually comes by", *lines] if lines else []


def _likely(clips: Iterable[list[dict]]) -> list[dict]:
    """The falls that the target speaks of."""
    large = (fall for falls in clips for fall in falls if fall["px"] >= LIKELY_PX)
    return [fall for fall in large if fall["against"] >= LIKELY_CONTRAST]


def _cost(rows: list[dict]) -> list[str]:
    lines = ["cost of a frame, 1080 × 1920, one thread: median / p95 / most, ms of CPU"]
    for name in sorted({row["weather"] for row in rows}):
        some = np.array([row["ms"] for row in rows if row["weather"] == name])
        lines.append(
            f"  {name:7} {np.median(some[:, 0]):5.1f} / {np.median(some[:, 1]):5.1f} / {some[:, 2].max():5.1f}"
        )
    middle = float(np.median([row["ms"][0] for row in rows])) if rows else 0.0
    return [*lines, f"  frames a second of one core, without decoding: {1000 / middle:.0f}" if middle else "", ""]


def _peers(rows: list[dict]) -> list[str]:
    some = [row for row in rows if row["peers"]]
    if not some:
        return []
    lines = [f"the same {len(some)} clips: recall, false alarms, ms a frame"]
    pairs = [(fall, row, n) for row in some for n, fall in enumerate(row["falls"])]
    ours = sum(fall["found"] for fall, _, _ in pairs)
    lines.append(_line("this", ours, len(pairs), sum(row["false"] for row in some), (row["ms"][0] for row in some)))
    for kind in ("mog2", "knn"):
        hits = sum(row["peers"][kind]["found"][n] for _, row, n in pairs)
        false = sum(row["peers"][kind]["false"] for row in some)
        lines.append(_line(kind, hits, len(pairs), false, (row["peers"][kind]["ms"] for row in some)))
    return lines


def _line(name: str, hits: int, count: int, false: int, ms: Iterable[float]) -> str:
    share = 100 * hits / count if count else 0.0
    return f"  {name:5} {hits}/{count} {share:5.1f} %   {false:5} false   {float(np.median(list(ms))):6.1f} ms"
