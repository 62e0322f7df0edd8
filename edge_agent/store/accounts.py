"""Who may use the console: users, sessions and integrations' tokens, in console.db.

Blocking; the console calls it in a thread. A session's or token's secret is never stored, only its SHA-256; a password
is an Argon2id hash. Every guess costs one verification, also for a name that nobody has.
"""

import hashlib
import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from edge_agent.errors import StoreError
from edge_agent.model.accounts import (
    NAME,
    OF_ROLE,
    PASSWORD_AT_LEAST,
    PASSWORD_AT_MOST,
    RIGHTS,
    ROLES,
    WHEN_LOCKED,
    Refusal,
    Right,
    Session,
    Token,
    User,
    Who,
)
from edge_agent.store import database
from edge_agent.store.entries import hash_pin, pin_fits
from edge_agent.store.schema import CONSOLE

SEEN_EVERY_MS = 30_000  # how old "seen" may be on the disk: a click is not worth a write
TOTP_STEP_S = 30
TOTP_DRIFT = 1  # steps the guard's telephone may be off
DUMMY = hash_pin(secrets.token_hex(16))


class AccountStore:
    """One connection to console.db. `lock_after_ms`, `session_ms`: how long a session is open. Raises StoreError."""

    def __init__(self, path: Path, lock_after_ms: int = 600_000, session_ms: int = 46_800_000) -> None:
        self.path, self.lock_after_ms, self.session_ms = path, lock_after_ms, session_ms
        self._alone = threading.RLock()  # several threads ask, one connection answers
        with database.alone(path):
            self._connection = database.open_file(path, CONSOLE).connection

    def close(self) -> None:
        self._connection.close()

    # ---- users -------------------------------------------------------------------------------------------------------

    def add_user(self, name: str, role: str, password: str, now_ms: int) -> None:
        if not re.fullmatch(NAME, name):
            raise StoreError("console.bad_name", name=name)
        if role not in ROLES:
            raise StoreError("console.bad_role", role=role, known=", ".join(ROLES))
        if self._one("SELECT 1 FROM users WHERE name = ?", name):
            raise StoreError("console.user_exists", name=name)
        check_password(name, password)
        self._do(
            "INSERT INTO users (name, role, password, enabled, created_ms) VALUES (?, ?, ?, 1, ?)",
            name, role, hash_pin(password), now_ms,
        )  # fmt: skip

    def set_password(self, name: str, password: str) -> None:
        """Also ends every session of theirs."""
        self._known(name)
        check_password(name, password)
        with self._transaction():
            self._do("UPDATE users SET password = ? WHERE name = ?", hash_pin(password), name)
            self._do("DELETE FROM sessions WHERE user = ?", name)

    def set_totp(self, name: str, secret: bytes | None) -> None:
        self._known(name)
        self._do("UPDATE users SET totp = ?, totp_step = 0 WHERE name = ?", secret, name)

    def enable(self, name: str, enabled: bool) -> None:
        self._known(name)
        with self._transaction():
            self._do("UPDATE users SET enabled = ? WHERE name = ?", enabled, name)
            self._do("DELETE FROM sessions WHERE user = ?", name)

    def remove_user(self, name: str) -> None:
        self._known(name)
        self._do("DELETE FROM users WHERE name = ?", name)

    def users(self) -> list[User]:
        return [
            User(name=name, role=role, totp=bool(totp), enabled=bool(enabled), created_ms=created)
            for name, role, totp, enabled, created in self._rows(
                "SELECT name, role, totp IS NOT NULL, enabled, created_ms FROM users ORDER BY name"
            )
        ]

    # ---- sessions ----------------------------------------------------------------------------------------------------

    def sign_in(self, name: str, password: str, code: str, address: str, now_ms: int) -> Session | Refusal:
        """A session, or why not: `console.wrong` says neither whether the name nor which part was wrong."""
        row = self._one("SELECT role, password, totp, totp_step, enabled FROM users WHERE name = ?", name)
        fits = pin_fits(row[1] if row else DUMMY, password[:PASSWORD_AT_MOST])
        if row is None or not fits or not row[4]:
            return Refusal("console.wrong")
        if row[2] is not None and not self._spend_code(name, row[2], row[3], code, now_ms):
            return Refusal("console.wrong_code" if code else "console.code_wanted")
        secret = secrets.token_urlsafe(32)
        with self._transaction():
            self._do("DELETE FROM sessions WHERE began_ms < ?", now_ms - self.session_ms)
            self._do(
                "INSERT INTO sessions VALUES (?, ?, ?, ?, 0, ?)", digest(secret), name, now_ms, now_ms, address[:45]
            )
        return Session(secret, self._who(name, row[0], secret, locked=False))

    def session(self, secret: str, now_ms: int, active: bool) -> Who | None:
        """Who has this session; None when there is none or it is over. `active`: somebody pressed a key for this."""
        row = self._one(
            "SELECT user, role, began_ms, seen_ms, locked FROM sessions JOIN users ON name = user"
            " WHERE digest = ? AND enabled = 1",
            digest(secret),
        )
        if row is None or not 0 <= now_ms - row[2] + 60_000 < self.session_ms + 60_000:
            return None
        user, role, _, seen_ms, locked = row
        if not locked and now_ms - seen_ms > self.lock_after_ms:
            locked = True
            self._do("UPDATE sessions SET locked = 1 WHERE digest = ?", digest(secret))
        elif active and not locked and abs(now_ms - seen_ms) > SEEN_EVERY_MS:
            self._do("UPDATE sessions SET seen_ms = ? WHERE digest = ?", now_ms, digest(secret))
        return self._who(user, role, secret, locked=bool(locked))

    def lock(self, secret: str) -> None:
        self._do("UPDATE sessions SET locked = 1 WHERE digest = ?", digest(secret))

    def unlock(self, secret: str, password: str, now_ms: int) -> bool:
        row = self._one("SELECT password FROM sessions JOIN users ON name = user WHERE digest = ?", digest(secret))
        fits = pin_fits(row[0] if row else DUMMY, password[:PASSWORD_AT_MOST])
        if row is None or not fits:
            return False
        self._do("UPDATE sessions SET locked = 0, seen_ms = ? WHERE digest = ?", now_ms, digest(secret))
        return True

    def sign_out(self, secret: str) -> None:
        self._do("DELETE FROM sessions WHERE digest = ?", digest(secret))

    # ---- tokens of integrations --------------------------------------------------------------------------------------

    def add_token(self, name: str, scopes: tuple[str, ...], now_ms: int, expires_ms: int | None = None) -> str:
        """The secret, shown once."""
        if not re.fullmatch(NAME, name):
            raise StoreError("console.bad_name", name=name)
        if wrong := [scope for scope in scopes if scope not in RIGHTS]:
            raise StoreError("console.bad_scope", scope=", ".join(wrong), known=", ".join(RIGHTS))
        if self._one("SELECT 1 FROM tokens WHERE name = ?", name):
            raise StoreError("console.token_exists", name=name)
        secret = "ea_" + secrets.token_urlsafe(32)
        self._do(
            "INSERT INTO tokens VALUES (?, ?, ?, ?, ?, 1)",
            name, digest(secret), " ".join(dict.fromkeys(scopes)), now_ms, expires_ms,
        )  # fmt: skip
        return secret

    def remove_token(self, name: str) -> None:
        if not self._do("DELETE FROM tokens WHERE name = ?", name):
            raise StoreError("console.no_token", name=name)

    def tokens(self) -> list[Token]:
        return [
            Token(name=name, scopes=tuple(scopes.split()), created_ms=made, expires_ms=until, enabled=bool(enabled))
            for name, scopes, made, until, enabled in self._rows(
                "SELECT name, scopes, created_ms, expires_ms, enabled FROM tokens ORDER BY name"
            )
        ]

    def bearer(self, secret: str, now_ms: int) -> Who | None:
        row = self._one("SELECT name, scopes, expires_ms, enabled FROM tokens WHERE digest = ?", digest(secret))
        if row is None or not row[3] or (row[2] is not None and now_ms >= row[2]):
            return None
        scopes = frozenset(cast("list[Right]", row[1].split()))
        return Who(name=f"api/{row[0]}", role="token", rights=scopes, session=digest(secret), token=True)

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _who(self, user: str, role: str, secret: str, *, locked: bool) -> Who:
        rights = OF_ROLE[role] & WHEN_LOCKED if locked else OF_ROLE[role]
        return Who(
            name=user, role=role, rights=rights, session=digest(secret), locked=locked,
            csrf=digest("csrf " + secret),
        )  # fmt: skip

    def _spend_code(self, name: str, secret: bytes, last: int, code: str, now_ms: int) -> bool:
        """A code counts once (RFC 6238, 5.2)."""
        if not re.fullmatch(r"[0-9]{6}", code):
            return False
        now = now_ms // 1000 // TOTP_STEP_S
        for step in range(now - TOTP_DRIFT, now + TOTP_DRIFT + 1):
            if step > last and secrets.compare_digest(totp(secret, step), code):
                self._do("UPDATE users SET totp_step = ? WHERE name = ?", step, name)
                return True
        return False

    def _known(self, name: str) -> None:
        if not self._one("SELECT 1 FROM users WHERE name = ?", name):
            raise StoreError("console.no_user", name=name)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._translated():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def _do(self, query: str, *values: object) -> int:
        with self._translated():
            return self._connection.execute(query, values).rowcount

    def _rows(self, query: str, *values: object) -> list[Any]:
        with self._translated():
            return self._connection.execute(query, values).fetchall()

    def _one(self, query: str, *values: object) -> Any:
        rows = self._rows(query, *values)
        return rows[0] if rows else None

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            with self._alone:
                yield
        except database.FAILURES as error:
            raise database.translated(error, self.path) from error


def check_password(name: str, password: str) -> None:
    """Length counts, not kinds of characters (NIST SP 800-63B 5.1.1.2). Raises StoreError."""
    if not PASSWORD_AT_LEAST <= len(password) <= PASSWORD_AT_MOST:
        raise StoreError("console.password_length", least=PASSWORD_AT_LEAST, most=PASSWORD_AT_MOST)
    if len(set(password)) < 5 or name.lower() in password.lower():
        raise StoreError("console.password_easy")


def totp(secret: bytes, step: int) -> str:
    """Six digits for one 30-second step (RFC 6238 with SHA-1, what authenticator apps speak)."""
    from cryptography.hazmat.primitives.hashes import SHA1
    from cryptography.hazmat.primitives.twofactor.hotp import HOTP

    return HOTP(secret, 6, SHA1(), enforce_key_length=False).generate(step).decode("ascii")


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
