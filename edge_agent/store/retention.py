"""Retention, beside the running doors: what consent, a visit's end or age says must go, goes within the hour.

The journal's own rows are upkeep.py's. Nothing is deleted by a clock nobody trusts. `hold` stops what goes by age;
it does not stop what a person has withdrawn.
"""

import asyncio
import time
from contextlib import closing
from pathlib import Path

from edge_agent import log
from edge_agent.errors import StoreError
from edge_agent.model.site import Retention
from edge_agent.ports import Beat, Clock
from edge_agent.store import look
from edge_agent.store.erasing import lapsed
from edge_agent.store.faces import FaceStore, load_key
from edge_agent.store.people import PeopleStore
from edge_agent.store.retrievals import Retrievals

LOOK_S = 30.0
SWEEP_S = 3600.0
DAY_MS = 86_400_000

logger = log.get("store.retention")


class Retainer:
    """`key`: the face store's; without it, or without faces.db, there is no template to destroy here. `searched`: there
    is a console, which keeps up what it searches; else nobody does.
    """

    def __init__(
        self, state: Path, key: Path, gateway: str, policy: Retention, clock: Clock, *, searched: bool = True
    ) -> None:
        self._people, self._faces = state / "people.db", state / "faces.db"
        self._unsearched = None if searched else state / look.FILE
        self._key, self._gateway, self._policy, self._clock = key, gateway, policy, clock

    async def run(self, beat: Beat) -> None:
        """Once an hour, for ever; what fails is tried again at the next look."""
        due, said = 0.0, ""
        if self._policy.hold:
            logger.warning("nothing is deleted by age: %s", self._policy.hold)
        while True:
            beat()
            if time.monotonic() >= due and (now := self._clock.now()).trusted:
                try:
                    await asyncio.to_thread(self.sweep, now.wall_ms)
                    due, said = time.monotonic() + SWEEP_S, ""
                except StoreError as error:
                    if str(error) != said:  # once, not at each look
                        logger.warning("what is to be deleted is still there: %s", error)
                    said = str(error)
            await asyncio.sleep(LOOK_S)

    def sweep(self, now_ms: int) -> None:
        """All that is due. Raises StoreError."""
        try:
            if self._unsearched is not None:
                self._unsearched.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError("store.failing", file=look.FILE, why=error.strerror) from error
        with closing(PeopleStore(self._people)) as people:
            people.forget_done()
            if self._faces.exists():
                with closing(FaceStore(self._faces, load_key(self._key), self._gateway)) as faces:
                    over = lapsed(faces, people, now_ms, "retention")
                    self._forget(people, faces, now_ms)
            else:
                over = lapsed(None, people, now_ms, "retention")
                self._forget(people, None, now_ms)
        if over:
            logger.info("faces of %d persons were destroyed: consent or visit is over", len(over))

    def _forget(self, people: PeopleStore, faces: FaceStore | None, now_ms: int) -> None:
        if self._policy.hold:
            return
        before_ms = now_ms - self._policy.record_days * DAY_MS
        gone = people.forget_records(before_ms)
        gone += faces.forget_erasures(before_ms) if faces is not None else 0
        register = Retrievals(self._people.parent)
        register.rename(now_ms)
        gone += register.forget(before_ms)
        if gone:
            logger.info("%d records of consents and deletions were older than %d days", gone, self._policy.record_days)
