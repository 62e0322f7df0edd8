"""Lists of people that somebody has looked at and may now take in: in memory only, and not for long."""

import secrets
import time
from collections import OrderedDict

import msgspec

from edge_agent.model.accounts import Who

PREVIEW_S, PREVIEWS_AT_MOST = 600.0, 8


class Preview(msgspec.Struct, frozen=True):
    session: str
    name: str
    data: bytes
    at: float


class Previews:
    def __init__(self) -> None:
        self._kept: OrderedDict[str, Preview] = OrderedDict()

    def keep(self, who: Who, name: str, data: bytes) -> str:
        word = secrets.token_urlsafe(12)
        self._kept[word] = Preview(who.session, name, data, time.monotonic())
        while len(self._kept) > PREVIEWS_AT_MOST:
            self._kept.popitem(last=False)
        return word

    def take(self, who: Who, word: str) -> Preview | None:
        kept = self._kept.pop(word, None)
        return kept if kept and kept.session == who.session and time.monotonic() - kept.at < PREVIEW_S else None
