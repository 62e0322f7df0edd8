"""What keeps visitors' data from whoever reads people.db alone: digests to find by, sealed details, and short codes.

All of it hangs on the key file of the PIN index. A short code is made from the pass and the key, so that it can be
shown again and is nowhere stored: people.db has its digest.
"""

import os
import re
import unicodedata
from collections.abc import Iterator

import msgspec

from edge_agent.errors import StoreError
from edge_agent.model.visits import Details
from edge_agent.store.entries import read_plate
from edge_agent.store.pin_index import PinIndex, plain_number

NONCE_BYTES = 12
CODE_DIGITS = 8  # two hundred visits a day and a locked-out keypad: one guess in 500,000
CODE_TRIES = 64
CODE = re.compile(r"[0-9]{8}")


class Label(msgspec.Struct, frozen=True):
    """What a bar says to a guard."""

    label: str
    reason: str


class VisitKeys:
    def __init__(self, index: PinIndex) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._index = index
        self._cipher = AESGCM(index.derived("visits"))

    # ---- digests -----------------------------------------------------------------------------------------------------

    def document(self, number: str) -> str:
        return self._index.document(plain_document(number)) if number.strip() else ""

    def phone(self, number: str) -> str:
        return self._index.text("visit-phone", plain_number(number)) if number.strip() else ""

    def plate(self, text: str) -> str:
        """Raises StoreError when it is no plate."""
        return self._index.text("plate", read_plate(text).digest) if text.strip() else ""

    def pin(self, digits: str) -> str:
        """As credentials are indexed: no code may be somebody's PIN."""
        return self._index.pin(digits)

    # ---- short codes -------------------------------------------------------------------------------------------------

    def codes(self, pass_id: str) -> Iterator[str]:
        """Candidates, the best first: the first one that is free is the pass's."""
        for n in range(CODE_TRIES):
            yield f"{int(self._index.text('visit-code', f'{pass_id}:{n}'), 16) % 10**CODE_DIGITS:0{CODE_DIGITS}d}"

    def code(self, digits: str) -> str:
        """The digest of typed digits; empty when they cannot be a code."""
        plain = re.sub(r"\s", "", unicodedata.normalize("NFKC", digits))
        return self._index.text("code", plain) if CODE.fullmatch(plain) else ""

    def code_of(self, pass_id: str, digest: str) -> str:
        """The code a stored digest belongs to."""
        return next((digits for digits in self.codes(pass_id) if self.code(digits) == digest), "")

    # ---- sealing -----------------------------------------------------------------------------------------------------

    def seal(self, what: Details | Label, id_: str) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, msgspec.json.encode(what), id_.encode())

    def details(self, sealed: bytes, id_: str) -> Details:
        return msgspec.json.decode(self._opened(sealed, id_), type=Details)

    def label(self, sealed: bytes, id_: str) -> Label:
        return msgspec.json.decode(self._opened(sealed, id_), type=Label)

    def _opened(self, sealed: bytes, id_: str) -> bytes:
        """Raises StoreError under another key, or when it was moved or altered."""
        from cryptography.exceptions import InvalidTag

        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], id_.encode())
        except InvalidTag as error:
            raise StoreError("visit.sealed", visit=id_) from error


def plain_document(number: str) -> str:
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", number)).upper()
