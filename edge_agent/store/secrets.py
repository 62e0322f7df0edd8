"""Fulfils ports.Secrets: whose digits are typed, and what a QR code is.

How long it takes says nothing: every question about digits costs exactly two Argon2 verifications, against dummies
where there is nobody to compare with. They run in threads of their own; argon2 lets go of the interpreter meanwhile,
so no door waits for it (two threads, 19 MiB each).
"""

import asyncio
import hashlib
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from edge_agent.model.people import Book, PinOwner
from edge_agent.model.reads import Pass, Pin, Presented, Token, Unreadable
from edge_agent.ports import Books
from edge_agent.store.entries import PIN, hash_pin, pin_fits
from edge_agent.store.pin_index import PinIndex, pin_under_duress

CODE_MAX_BYTES = 2953  # a QR code of version 40, level L, in byte mode
THREADS = 2
NOBODY = PinOwner("")

ReadPass = Callable[[bytes], Pass | None]


class Secrets:
    """`index`: from store.pin_index.load_index; without it digits alone are nobody's, and beside a card still theirs.
    `read_pass`: gives the pass in a text whose signature is this gateway's, else None (contract.passes.read_pass).
    """

    def __init__(self, books: Books, index: PinIndex | None, read_pass: ReadPass) -> None:
        self._books, self._index, self._read_pass = books, index, read_pass
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="pin")
        self._dummy = self._threads.submit(lambda: hash_pin(secrets.token_hex(16)))

    def close(self) -> None:
        self._threads.shutdown()

    async def pin(self, digits: str, claimed: str | None) -> Pin:
        """Whose PIN or duress PIN it is; with `claimed` given, only whether it is theirs.

        Without `claimed` a PIN that two people have is nobody's; the PIN of one that is the duress PIN of another is
        the one's. The Book of the moment of asking counts.
        """
        book = self._books.current
        if not PIN.fullmatch(digits):
            digits, owners = "0000", (NOBODY, NOBODY)
        elif claimed is not None:
            owners = (PinOwner(claimed), PinOwner(claimed, duress=True))
        else:
            owners = self._candidates(digits, book)
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, self._verified, digits, owners, book)
        if found is None:
            return Pin(claimed=claimed)
        return Pin(found.person, found.duress, claimed)

    def code(self, text: bytes) -> Presented:
        """A QR code as a Pass (its signature checked), a Token, or Unreadable."""
        if not text:
            return Unreadable("an empty code")
        if len(text) > CODE_MAX_BYTES:
            return Unreadable(f"a code of {len(text)} bytes")
        return self._read_pass(text) or Token("qr", hashlib.sha256(text).hexdigest())

    def phone(self, digits: str) -> Token | None:
        """A typed phone number as the credential it may be; None when it is no number, or there is no key."""
        return self._index.phone(digits) if self._index is not None else None

    def short_code(self, digits: str) -> Pass | None:
        """The pass that typed digits stand for, when they are a visitor's short code."""
        codes = self._books.current.codes
        return codes.get(self._index.text("code", digits)) if self._index is not None and codes else None

    def _candidates(self, digits: str, book: Book) -> tuple[PinOwner, PinOwner]:
        """The two that are compared. Several people of the same kind can only mean that it is nobody's."""
        owners = book.pin_index.get(self._index.pin(digits), ()) if self._index is not None else ()
        for duress in (False, True):
            alike = [owner for owner in owners if owner.duress is duress]
            if len(alike) == 1:
                return alike[0], NOBODY
            if alike:
                break
        return NOBODY, NOBODY

    def _verified(self, digits: str, owners: tuple[PinOwner, PinOwner], book: Book) -> PinOwner | None:
        """The first of them that it fits; both are compared always."""
        dummy = self._dummy.result()
        fits = [
            pin_fits(book.pins.get(owner.person, dummy), pin_under_duress(digits) if owner.duress else digits)
            and owner.person in book.pins
            for owner in owners
        ]
        return next((owner for owner, fit in zip(owners, fits, strict=True) if fit), None)
