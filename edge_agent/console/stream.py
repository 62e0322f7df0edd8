"""The wall's news as server-sent events. An event's id is `epoch-seq`: the browser says it again when it comes back."""

import time
from collections.abc import AsyncIterator, Iterable
from functools import partial

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from edge_agent.console.desk import Desk
from edge_agent.console.feed import News
from edge_agent.console.needs import AlarmView, DoorView
from edge_agent.console.session import who_of
from edge_agent.console.verdict import view_of
from edge_agent.model.accounts import Who
from edge_agent.model.events import Row

BEAT_S = 2.0  # a browser that hears nothing for 5 s says so
LOOK_AGAIN_BEATS = 5  # is the session still one?
STREAMS_AT_MOST = 40


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """`line`: HTML of the list; `tile`: HTML of the door; `kind` and `door` say what to do with them."""

    seq: int
    kind: str
    door: str = ""
    line: str = ""
    tile: str = ""


async def stream(desk: Desk, request: Request, who: Who) -> Response:
    if desk.feed.browsers >= STREAMS_AT_MOST:
        return Response("too many open walls", 503, {"retry-after": "10"})
    lang, epoch = desk.pages.lang(request), desk.needs.journal.epoch
    alarms_only = request.query_params.get("only") == "alarms"  # of a page that is no wall
    said = request.headers.get("last-event-id") or request.query_params.get("after", "")
    known, _, number = said.rpartition("-")
    fresh = not said or known != epoch or not number.isdecimal()
    after = desk.needs.journal.last if fresh else int(number[:18])

    async def news() -> AsyncIterator[bytes]:
        nonlocal who
        yield b"retry: 1000\n\n"
        if said and fresh:
            yield b"event: anew\ndata: {}\n\n"
            return
        beats, look_s, seen = 0, 0.0, dict[str, bytes | None]()
        async for new in desk.feed.follow(after, BEAT_S):
            beats += 1
            if beats % LOOK_AGAIN_BEATS == 0:
                there = await who_of(desk, request, active=False)
                if there is None:
                    yield b"event: gone\ndata: {}\n\n"
                    return
                who = there
            if new.too_far:
                yield b"event: anew\ndata: {}\n\n"
                return
            yield b"".join(told(desk, new, lang, epoch, who, alarms_only)) + beat(who)
            if time.monotonic() >= look_s and not alarms_only:
                look_s = time.monotonic() + BEAT_S
                yield desk.album.news(seen)

    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(news(), media_type="text/event-stream", headers=headers)


def beat(who: Who) -> bytes:
    """The gateway is there; whether it has locked this session; and what a page says with an order it gives now."""
    return b"event: beat\ndata: %s\n\n" % msgspec.json.encode({"at": now_ms(), "locked": who.locked})


def now_ms() -> int:
    """Of a clock that nobody sets."""
    return int(time.monotonic() * 1000)


def told(desk: Desk, news: News, lang: str, epoch: str, who: Who, alarms_only: bool = False) -> list[bytes]:
    """Each row as a message of its own, then the doors as they are now, then the alarms."""
    feed = desk.feed
    rows, doors = ((), ()) if alarms_only else (news.rows, news.doors)
    made = [feed.once(("row", row.seq, lang), partial(_row, desk, row, lang, epoch)) for row in rows]
    for door in doors:
        last = feed.last[door.name].seq if door.name in feed.last else 0
        made.append(feed.once(("door", feed.doors_count, door.name, last, lang), partial(_door, desk, door, lang)))
    if news.alarms is not None:
        html = desk.pages.text("alarms.html", lang, alarms=open_alarms(news.alarms), who=who)  # with a clock: made anew
        made.append(b"event: alarms\ndata: %s\n\n" % msgspec.json.encode(html))
    return made


def _row(desk: Desk, row: Row, lang: str, epoch: str) -> bytes:
    """What is silent has a number and no words."""
    view = view_of(row, lang, desk.needs)
    line = desk.pages.text("line.html", lang, view=view) if view.on_wall else ""
    shown = tile(desk, view.door, lang) if view.on_wall else ""
    message = Message(row.seq, view.kind if view.on_wall else "quiet", view.door if view.on_wall else "", line, shown)
    return b"id: %s-%d\nevent: row\ndata: %s\n\n" % (epoch.encode(), row.seq, msgspec.json.encode(message))


def _door(desk: Desk, door: DoorView, lang: str) -> bytes:
    message = Message(0, "door", door.name, tile=tile(desk, door.name, lang))
    return b"event: door\ndata: %s\n\n" % msgspec.json.encode(message)


def open_alarms(alarms: Iterable[AlarmView], silent: bool = False) -> list[AlarmView]:
    """What may be shown; a silent one on no screen that others see."""
    return [alarm for alarm in alarms if silent or not alarm.silent]


def tile(desk: Desk, name: str, lang: str) -> str:
    """A door's tile, empty when there is no such door."""
    door = next((door for door in desk.feed.doors if door.name == name), None)
    if door is None:
        return ""
    row = desk.feed.last.get(name)
    return desk.pages.text("tile.html", lang, door=door, last=view_of(row, lang, desk.needs) if row else None)
