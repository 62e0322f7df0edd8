"""The same code again and again: somebody still holds it before the scanner, which reads it twice a second."""

import hashlib

_KEPT = 16


class Repeats:
    """Remembers digests, no codes, of the last few."""

    def __init__(self, within_s: float) -> None:
        self._within_s = within_s
        self._seen: dict[bytes, float] = {}

    def again(self, code: bytes, stale: bool, now: float) -> bool:
        """Whether `code` was seen less than `within_s` ago; seeing it counts anew. One that was refused as stale makes
        no later one a repeat: who still holds it there when reads count again would wait for nothing.
        """
        digest = hashlib.sha256(bytes((stale,)) + code).digest()
        last = self._seen.pop(digest, None)
        self._seen[digest] = now
        if len(self._seen) > _KEPT:
            del self._seen[next(iter(self._seen))]
        return last is not None and now - last < self._within_s
