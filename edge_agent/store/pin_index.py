"""The keyed index of PINs, phone and document numbers, and the duress PIN.

A PIN that is typed without a card could be anybody's: Argon2 over everybody would take minutes. HMAC-SHA256 under a key
that is not in the database finds the few candidates, who are then verified. Without the key file PINs work beside a
card only, and phone numbers not at all. Whoever has both file and key can try all PINs quickly: it stays 0600.
"""

import hmac
import os
import re
import unicodedata
from pathlib import Path

from edge_agent.errors import StoreError, locked
from edge_agent.model.reads import Token
from edge_agent.store import database

KEY_FILE = "keys/pin-index.key"  # beside agent.toml: 64 hexadecimal digits
KEY_BYTES = 32
PHONE = re.compile(r"[0-9]{5,15}")


class PinIndex:
    """Digests under one key, as hexadecimal text."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def pin(self, digits: str) -> str:
        return self._digest(digits)

    def phone(self, number: str) -> Token | None:
        """The credential a phone number is; None when it is none."""
        digits = plain_number(number)
        return Token("phone", self._digest("phone:" + digits)) if PHONE.fullmatch(digits) else None

    def document(self, number: str) -> str:
        """The same for the number of an identity document."""
        return self._digest("document:" + number)

    def text(self, kind: str, text: str) -> str:
        """The same for anything else that is to be found again and not read: `kind` keeps them apart."""
        return self._digest(f"{kind}:{text}")

    def derived(self, purpose: str) -> bytes:
        """32 bytes for another purpose under the same key file."""
        return hmac.digest(self._key, b"derived:" + purpose.encode("ascii"), "sha256")

    def _digest(self, text: str) -> str:
        return hmac.digest(self._key, text.encode("utf-8"), "sha256").hex()


def plain_number(number: str) -> str:
    """As it is typed at a keypad: digits only, without the country code of China."""
    digits = re.sub(r"[\s().\-]", "", unicodedata.normalize("NFKC", number))
    return digits.removeprefix("+86").removeprefix("0086")


def duress_of(pin: str) -> str:
    """The PIN that opens and calls for help: the last digit plus one, 9 becomes 0."""
    return pin[:-1] + str((int(pin[-1]) + 1) % 10)


def pin_under_duress(digits: str) -> str:
    """Whose duress PIN `digits` would be: the last digit minus one."""
    return digits[:-1] + str((int(digits[-1]) - 1) % 10)


def make_index_key(path: Path) -> bytes:
    """A new random key in a new file only its owner reads. Raises StoreError; never overwrites one."""
    key = os.urandom(KEY_BYTES)
    database.make_directory(path.parent)
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError as error:
        raise StoreError("store.index_key_exists", file=str(path)) from error
    except OSError as error:
        raise StoreError("store.index_key_unreadable", file=str(path), why=error.strerror) from error
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(key.hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    database.sync_directory(path.parent)
    return key


def load_index(path: Path) -> PinIndex | None:
    """The index under the key in `path`; None when there is no such file. Raises StoreError when it cannot be used:
    others can read it, or it is not 64 hexadecimal digits.
    """
    try:
        if path.stat().st_mode & 0o077:
            raise StoreError("store.key_open", file=str(path))
        text = path.read_text("ascii").strip()
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise StoreError("config.file_locked", **locked(path)) from error
    except OSError as error:
        raise StoreError("store.index_key_unreadable", file=str(path), why=error.strerror) from error
    except UnicodeDecodeError as error:
        raise StoreError("store.index_key_form", file=str(path)) from error
    if not re.fullmatch(r"[0-9a-fA-F]{64}", text):
        raise StoreError("store.index_key_form", file=str(path))
    return PinIndex(bytes.fromhex(text))
