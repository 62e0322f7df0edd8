"""Roll: the city says who may pass here, as a whole list or as what changed since the last one.

The announcement is retained, signed and versioned; its pieces are fetched by their hash. A version never goes
backwards. All pieces are here before the first comes into force, and whom the list ends is ended before anybody is
admitted. A list that was cut short is taken again from its beginning: every part of it may be repeated.
"""

import asyncio

from edge_agent import log
from edge_agent.errors import StoreError
from edge_agent.flows.errands import fetched
from edge_agent.flows.refusals import Refusals
from edge_agent.model.commands import Listed, borrowed
from edge_agent.model.events import CommandCompleted, CommandRefused
from edge_agent.model.grants import Delta
from edge_agent.ports import Beat, Journal, Register, Uplink

logger = log.get("flows.roll")
TRIES = 3
LOOK_S = 5.0
AGAIN_S = 60.0  # a list whose pieces are not all there yet


class Roll:
    def __init__(self, uplink: Uplink, register: Register, journal: Journal, refusals: Refusals) -> None:
        self.uplink, self.register, self.journal, self.refusals = uplink, register, journal, refusals
        self._again = asyncio.Event()

    def look(self) -> None:
        self._again.set()

    async def run(self, beat: Beat) -> None:
        last: Listed | None = None
        listening = asyncio.ensure_future(self.uplink.listed())
        asking = asyncio.ensure_future(self._again.wait())
        try:
            while True:
                beat()
                await asyncio.wait({listening, asking}, timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED)
                if asking.done():
                    self._again.clear()
                    asking = asyncio.ensure_future(self._again.wait())
                elif not listening.done():
                    continue
                if listening.done():
                    last = listening.result()
                    listening = asyncio.ensure_future(self.uplink.listed())
                if last is not None:
                    await self.take(last)
        finally:
            listening.cancel()
            asking.cancel()

    async def take(self, listed: Listed) -> None:
        """One announcement, from its doubts to its result."""
        if reason := listed.problem or self._may_not(listed):
            self.refusals.refuse(f"list_{reason}")
            return
        try:
            have = await self.register.list_version()
            if listed.version == have:
                return  # it is retained: it comes again with every connection
            if listed.version < have:
                self.refusals.refuse("list_rolled_back")
                return
            await self._follow(listed, have)
        except StoreError as error:
            logger.error("the list of people is not in force: %s", error)
            self._say(listed, "store_failing", str(error))

    def _may_not(self, listed: Listed) -> str:
        if listed.signer is None or "registrar" not in listed.signer.roles:
            return "role_missing"
        return "bad_issuer" if borrowed(listed.issuer) else ""

    async def _follow(self, listed: Listed, have: int) -> None:
        delta = self._way(listed, have)
        if delta is None:
            self._say(listed, "base_missing", f"this gateway has list {have}")
            return
        pieces: list[bytes] = []
        for chunk in delta.chunks:
            for attempt in range(TRIES):
                content = await fetched(self.uplink, chunk.sha256, chunk.size)
                if content is not None:
                    pieces.append(content)
                    break
                if attempt == TRIES - 1:
                    asyncio.get_running_loop().call_later(AGAIN_S, self.look)
                    self._say(listed, "content_missing", chunk.sha256)
                    return
        try:
            admitted, ended, left_out = await self.register.take_list(listed.version, delta.base == 0, pieces)
        except ValueError as error:
            self._say(listed, "bad_content", str(error))
            return
        logger.info(
            "list %d is in force: %d admitted, %d ended, %d left out", listed.version, admitted, ended, left_out
        )
        self.journal.record(
            CommandCompleted(
                command=_id(listed), verb="sync", issuer=listed.issuer,
                answer={"base": delta.base, "admitted": admitted, "ended": ended, "left_out": left_out},
            )
        )  # fmt: skip

    def _way(self, listed: Listed, have: int) -> Delta | None:
        """From what is here, or the whole list."""
        ways = {delta.base: delta for delta in listed.deltas}
        return ways.get(have) or ways.get(0)

    def _say(self, listed: Listed, reason: str, detail: str) -> None:
        logger.warning("list %d of people refused: %s %s", listed.version, reason, detail)
        self.refusals.count(reason)
        self.journal.record(
            CommandRefused(reason=reason, command=_id(listed), verb="sync", issuer=listed.issuer, detail=detail[:200])
        )


def _id(listed: Listed) -> str:
    return f"people-{listed.version}"
