"""The visitor's pass as something to hold: a QR picture, and a badge to print. Nothing is loaded from outside."""

import io
from html import escape

import msgspec

from edge_agent.errors import VisitError
from edge_agent.words import say

BADGE_CSS = """\
@page { size: 86mm 124mm; margin: 4mm }
body { font: 15px/1.35 "Noto Sans CJK SC", "Source Han Sans SC", "Microsoft YaHei", sans-serif; margin: 0; color: #000;
  background: #fff }
main { width: 78mm; margin: 0 auto; text-align: center; overflow-wrap: anywhere }
h1 { font-size: 17px; margin: 0; padding: 2mm; background: #000; color: #fff; print-color-adjust: exact;
  -webkit-print-color-adjust: exact }
.name { font-size: 26px; font-weight: 700; margin: 2mm 0 0 }
.code { font-size: 26px; font-weight: 700; letter-spacing: .12em; font-variant-numeric: tabular-nums; margin: 0 }
svg { width: 52mm; height: 52mm; margin: 1mm auto; display: block }
p { margin: 1mm 0 }
small { font-size: 11px }
"""


class Badge(msgspec.Struct, frozen=True):
    """What a badge says. Times are texts in the site's zone; `text` is the QR code's, `code` its eight digits."""

    site: str
    name: str
    company: str
    house: str
    kind: str
    people: int
    plate: str
    start: str
    until: str
    doors: tuple[str, ...]
    text: str
    code: str


def spaced(code: str) -> str:
    """Four and four, as it is read aloud."""
    return f"{code[:4]} {code[4:]}".strip()


def qr_picture(text: str, kind: str) -> bytes:
    """`svg` or `png`. Raises VisitError for another kind."""
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


def badge_html(badge: Badge, lang: str) -> str:
    """A page of its own; every text is escaped."""

    def words(code: str, **fields: object) -> str:
        return escape(say(code, lang, **fields))

    lines = [escape(line) for line in (badge.company, badge.plate) if line]
    if badge.people > 1:
        lines.append(words("visit.badge.people", count=badge.people))
    if badge.house:
        lines.append(f"{words('visit.badge.to')} <b>{escape(badge.house)}</b>")
    if badge.doors:
        lines.append(
            f"{words('visit.badge.doors')} {escape('、'.join(badge.doors) if lang == 'zh' else ', '.join(badge.doors))}"
        )
    title = f"{words('visit.badge.title')} · {words(f'visit.kind.{badge.kind}')}"
    return (
        f'<!doctype html><html lang="{"zh-CN" if lang == "zh" else "en"}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>'
        f"<style>{BADGE_CSS}</style></head><body><main><h1>{title} · {escape(badge.site)}</h1>"
        f'<p class="name">{escape(badge.name)}</p>{"".join(f"<p>{line}</p>" for line in lines)}'
        f"<p>{words('visit.badge.until')} <b>{escape(badge.until)}</b></p>{qr_picture(badge.text, 'svg').decode()}"
        f'<p class="code">{escape(spaced(badge.code))}</p><p><small>{words("visit.badge.hint")}</small></p>'
        "</main></body></html>\n"
    )
