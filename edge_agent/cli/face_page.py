"""An evaluation as one HTML page with its pictures drawn in it: DET curve, score histograms, degradation curves."""

from collections.abc import Callable, Sequence
from html import escape
from math import log10

from edge_agent.cli.face_trial import Evaluation
from edge_agent.cli.speech import words

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 440, 300, 56, 40, 16
MARKED_AT_MOST = 12  # points of a curve that are few enough to be shown each
LEAST = 1e-4  # of a logarithmic axis
STYLE = (
    "body{font:15px/1.5 sans-serif;max-width:64em;margin:2em auto;padding:0 1em;color:#222}"
    "table{border-collapse:collapse}td,th{padding:.2em .8em;border-bottom:1px solid #ccc;text-align:right}"
    "td:first-child,th:first-child{text-align:left}svg{background:#fafafa;margin:.5em 1em .5em 0}"
    "text{font:11px sans-serif;fill:#444}.curves{display:flex;flex-wrap:wrap}figure{margin:0}"
    "@media print{svg{break-inside:avoid}}"
)
Scale = Callable[[float], float]


def page(found: Evaluation, lines: Sequence[tuple[str, str]]) -> str:
    """`lines`: label and value of each number, as the text report has them."""
    rows = "".join(f"<tr><td>{escape(label)}</td><td>{escape(value)}</td></tr>" for label, value in lines)
    curves = "".join(
        f"<figure><figcaption>{escape(words(f'faces.how.{one.how}'))}{escape(_counts(one.photos))}</figcaption>"
        + _lines([sorted(one.points)], words(f"faces.how.{one.how}"), words("faces.axis_pass"))
        + "</figure>"
        for one in found.degraded
    )
    title = words("faces.page_title", engine=found.engine)
    return (
        f"<!doctype html><html><head><meta charset='utf-8'><title>{escape(title)}</title><style>{STYLE}</style></head>"
        f"<body><h1>{escape(title)}</h1><table>{rows}</table>"
        f"<h2>{escape(words('faces.page_det'))}</h2>{_det(found)}"
        f"<h2>{escape(words('faces.page_scores'))}</h2>{_histogram(found)}"
        + (f"<h2>{escape(words('faces.page_degraded'))}</h2><div class='curves'>{curves}</div>" if curves else "")
        + f"<p>{escape(words('faces.page_note'))}</p></body></html>\n"
    )


def _counts(photos: tuple[int, ...]) -> str:
    return " " + words("faces.photos_each", counts=", ".join(map(str, photos))) if photos else ""


def _det(found: Evaluation) -> str:
    points = [(max(LEAST, one), max(LEAST, other)) for one, other in found.curve]
    ticks = [(10.0**power, f"{10.0**power:g}") for power in range(-4, 1)]
    return _figure(_log, _log, ticks, ticks, [sorted(points)], "FMR", "FNMR")


def _histogram(found: Evaluation) -> str:
    low, high = found.bins[0], found.bins[-1]
    most = max(max(counts) / max(1, sum(counts)) for counts in (found.genuine_bins, found.impostor_bins))

    def stairs(counts: Sequence[int]) -> list[tuple[float, float]]:
        total = max(1, sum(counts))
        return [
            (edge, count / total)
            for count, one, other in zip(counts, found.bins, found.bins[1:], strict=False)
            for edge in (one, other)
        ]

    ticks = [(low + part * (high - low), f"{low + part * (high - low):.2f}") for part in (0, 0.25, 0.5, 0.75, 1)]
    return _figure(
        lambda x: (x - low) / (high - low or 1), lambda y: y / most, ticks,
        [(part * most, f"{100 * part * most:.0f} %") for part in (0, 0.5, 1)],
        [stairs(found.genuine_bins), stairs(found.impostor_bins)],
        words("faces.axis_score"), words("faces.axis_share"),
    )  # fmt: skip


def _lines(series: list[list[tuple[float, float]]], across: str, up: str) -> str:
    xs = [x for points in series for x, _ in points]
    low, high = min(xs), max(xs)
    return _figure(
        lambda x: (x - low) / (high - low or 1), lambda y: y, [(x, f"{x:g}") for x in xs],
        [(part, f"{100 * part:.0f} %") for part in (0, 0.25, 0.5, 0.75, 1)], series, across, up,
    )  # fmt: skip


def _log(value: float) -> float:
    return 1 + log10(max(LEAST, value)) / -log10(LEAST)


def _figure(
    across: Scale, up: Scale, x_ticks: Sequence[tuple[float, str]], y_ticks: Sequence[tuple[float, str]],
    series: Sequence[Sequence[tuple[float, float]]], x_label: str, y_label: str,
) -> str:  # fmt: skip
    wide, high = WIDTH - LEFT - 16, HEIGHT - TOP - BOTTOM

    def at(x: float, y: float) -> tuple[float, float]:
        return LEFT + wide * across(x), TOP + high * (1 - min(1.0, max(0.0, up(y))))

    parts = [f"<svg role='img' width='{WIDTH}' height='{HEIGHT}' xmlns='http://www.w3.org/2000/svg'>"]
    base = TOP + high
    for value, label in x_ticks:
        x = at(value, 0)[0]
        parts.append(f"<path d='M{x:.1f} {TOP}V{base}' stroke='#ddd'/>")
        parts.append(f"<text x='{x:.1f}' y='{base + 14}' text-anchor='middle'>{label}</text>")
    for value, label in y_ticks:
        y = at(x_ticks[0][0], value)[1]
        parts.append(f"<path d='M{LEFT} {y:.1f}H{LEFT + wide}' stroke='#ddd'/>")
        parts.append(f"<text x='{LEFT - 6}' y='{y + 4:.1f}' text-anchor='end'>{label}</text>")
    for points, colour in zip(series, ("#06c", "#c30"), strict=False):
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(*point) for point in points))
        parts.append(f"<polyline points='{line}' fill='none' stroke='{colour}' stroke-width='2'/>")
        for x, y in points if len(points) <= MARKED_AT_MOST else ():
            left, top = at(x, y)
            parts.append(f"<circle cx='{left:.1f}' cy='{top:.1f}' r='3' fill='{colour}'>")
            parts.append(f"<title>{x:g}: {100 * y:.1f} %</title></circle>")
    parts.append(f"<text x='{LEFT + wide / 2}' y='{HEIGHT - 6}' text-anchor='middle'>{escape(x_label)}</text>")
    parts.append(
        f"<text x='12' y='{TOP + high / 2}' text-anchor='middle' transform='rotate(-90 12 {TOP + high / 2})'>"
        f"{escape(y_label)}</text></svg>"
    )
    return "".join(parts)
