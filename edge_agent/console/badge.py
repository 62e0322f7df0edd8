"""The visitor's pass as something to hold: a QR picture, and a badge to print. Nothing is loaded from outside."""

import io
from functools import lru_cache
from html import escape
from pathlib import Path

import msgspec

from edge_agent.errors import VisitError
from edge_agent.words import say

CSS = Path(__file__).parent / "static/badge.css"


class Badge(msgspec.Struct, frozen=True):
    """What a badge says. Times are texts in the site's zone; `text` is the QR code's, `code` its eight digits."""

    site: str
    name: str
    company: str
    house: str
    kind: str
    people: int
    plate: str
    until: str
    doors: tuple[str, ...]
    text: str
    code: str


def spaced(code: str) -> str:
    """Four and four, as it is read aloud."""
    return f"{code[:4]} {code[4:]}".strip()


@lru_cache(maxsize=32)
def qr_picture(text: str, kind: str) -> bytes:
    """`svg` or `png`. Raises VisitError for another kind. Takes some 50 ms: not in the event loop."""
    import segno  # where a pass is shown, not at the start of the daemon

    if kind not in ("svg", "png"):
        raise VisitError("visit.bad_picture", suffix=kind)
    out = io.BytesIO()
    code = segno.make(text, error="m", micro=False)
    if kind == "svg":
        code.save(out, kind="svg", border=4, xmldecl=False, svgns=True, omitsize=True, title="QR")
    else:
        code.save(out, kind="png", border=4, scale=8)
    return out.getvalue()


def badge_html(badge: Badge, lang: str, style: str = "", tools: str = "") -> str:
    """A page of its own; every text is escaped. `style`: a link to its style sheet, none: written into it; `tools`:
    what stands above it on a screen, as HTML.
    """

    def words(code: str, **fields: object) -> str:
        return escape(say(code, lang, **fields))

    lines = [escape(line) for line in (badge.company, badge.plate) if line]
    if badge.people > 1:
        lines.append(words("visit.badge.people", count=badge.people))
    if badge.house:
        lines.append(f"{words('visit.badge.to')} <b>{escape(badge.house)}</b>")
    if badge.doors:
        doors = ("、" if lang == "zh" else ", ").join(badge.doors)
        lines.append(f"{words('visit.badge.doors')} {escape(doors)}")
    title = words("visit.badge.title")
    if badge.kind != "visitor":
        title += f" · {words(f'visit.kind.{badge.kind}')}"
    look = style or f"<style>{CSS.read_text('utf-8')}</style>"
    return (
        f'<!doctype html><html lang="{"zh-CN" if lang == "zh" else "en"}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>'
        f"{look}</head><body>{tools}<main><h1>{title} · {escape(badge.site)}</h1>"
        f'<p class="name">{escape(badge.name)}</p>{"".join(f"<p>{line}</p>" for line in lines)}'
        f"<p>{words('visit.badge.until')} <b>{escape(badge.until)}</b></p>{qr_picture(badge.text, 'svg').decode()}"
        f'<p class="code">{escape(spaced(badge.code))}</p><p><small>{words("visit.badge.hint")}</small></p>'
        "</main></body></html>\n"
    )
