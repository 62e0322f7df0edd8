"""Orders in two steps: lockdown and evacuation are asked for first and given second."""

import asyncio
import secrets

from edge_agent.model.accounts import Who

CONFIRM_WITHIN_S = 30.0


class Confirmations:
    """The second step has to come from the same session, for the same order, within half a minute."""

    def __init__(self) -> None:
        self._asked: dict[str, tuple[str, str, float]] = {}

    def ask(self, who: Who, verb: str) -> str:
        now = asyncio.get_running_loop().time()
        self._asked = {key: asked for key, asked in self._asked.items() if now - asked[2] < CONFIRM_WITHIN_S}
        word = secrets.token_urlsafe(12)
        self._asked[word] = (who.session, verb, now)
        return word

    def given(self, who: Who, verb: str, word: str) -> bool:
        session, asked, at = self._asked.pop(word, ("", "", 0.0))
        fresh = asyncio.get_running_loop().time() - at < CONFIRM_WITHIN_S
        return fresh and (session, asked) == (who.session, verb)
