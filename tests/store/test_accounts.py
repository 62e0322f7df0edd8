"""console.db: users, sessions, one-time codes, tokens."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.errors import StoreError
from edge_agent.model.accounts import OF_ROLE, Refusal, Session
from edge_agent.store.accounts import AccountStore, totp

PASSWORD = "correct horse battery"
NOW = 1_777_878_000_000


@pytest.fixture
def accounts(tmp_path: Path) -> Iterator[AccountStore]:
    store = AccountStore(tmp_path / "console.db", lock_after_ms=60_000, session_ms=3_600_000)
    store.add_user("wang", "guard", PASSWORD, NOW)
    yield store
    store.close()


def enter(accounts: AccountStore, now_ms: int = NOW, code: str = "") -> Session:
    made = accounts.sign_in("wang", PASSWORD, code, "192.0.2.7", now_ms)
    assert isinstance(made, Session), made
    return made


def test_no_secret_is_stored(accounts: AccountStore, tmp_path: Path) -> None:
    session, token = enter(accounts), accounts.add_token("pms", ("history",), NOW)
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for secret in (session.secret, token, PASSWORD):
        assert secret.encode() not in stored
    assert (tmp_path / "console.db").stat().st_mode & 0o077 == 0


def test_a_session_locks_when_nobody_is_there_and_ends(accounts: AccountStore) -> None:
    secret = enter(accounts).secret
    who = accounts.session(secret, NOW + 50_000, active=True)
    assert who is not None
    assert who.rights == OF_ROLE["guard"]
    looking = accounts.session(secret, NOW + 100_000, active=False)
    assert looking is not None
    assert not looking.locked
    locked = accounts.session(secret, NOW + 200_000, active=True)
    assert locked is not None
    assert (locked.locked, locked.rights) == (True, frozenset({"wall"}))
    assert not accounts.unlock(secret, "wrong", NOW + 200_000)
    assert accounts.unlock(secret, PASSWORD, NOW + 200_000)
    again = accounts.session(secret, NOW + 210_000, active=True)
    assert again is not None
    assert not again.locked
    assert accounts.session(secret, NOW + 3_700_000, active=True) is None


def test_a_code_counts_once_and_not_an_old_one(accounts: AccountStore) -> None:
    secret = b"12345678901234567890"
    accounts.set_totp("wang", secret)
    step = NOW // 30_000
    assert accounts.sign_in("wang", PASSWORD, "", "", NOW) == Refusal("console.code_wanted")
    assert accounts.sign_in("wang", "wrong", totp(secret, step), "", NOW) == Refusal("console.wrong")
    enter(accounts, code=totp(secret, step))
    assert accounts.sign_in("wang", PASSWORD, totp(secret, step), "", NOW) == Refusal("console.wrong_code")
    assert accounts.sign_in("wang", PASSWORD, totp(secret, step - 3), "", NOW) == Refusal("console.wrong_code")
    enter(accounts, NOW + 30_000, totp(secret, step + 1))


def test_codes_are_those_of_rfc_6238() -> None:
    """Appendix B, SHA-1, the last six of eight digits."""
    secret = b"12345678901234567890"
    assert [totp(secret, seconds // 30) for seconds in (59, 1111111109, 20000000000)] == ["287082", "081804", "353130"]


def test_who_is_disabled_or_has_a_new_password_is_out(accounts: AccountStore) -> None:
    first = enter(accounts).secret
    accounts.set_password("wang", "another long phrase")
    assert accounts.session(first, NOW, active=True) is None
    made = accounts.sign_in("wang", "another long phrase", "", "", NOW)
    assert isinstance(made, Session)
    accounts.enable("wang", False)
    assert accounts.session(made.secret, NOW, active=True) is None
    assert accounts.sign_in("wang", "another long phrase", "", "", NOW) == Refusal("console.wrong")


def test_a_token_opens_its_scopes_until_it_ends(accounts: AccountStore) -> None:
    secret = accounts.add_token("pms", ("history", "people"), NOW, NOW + 1000)
    who = accounts.bearer(secret, NOW)
    assert who is not None
    assert (who.name, who.rights, who.token) == ("api/pms", frozenset({"history", "people"}), True)
    assert accounts.bearer(secret, NOW + 1000) is None
    assert accounts.bearer(secret + "x", NOW) is None
    accounts.remove_token("pms")
    assert accounts.bearer(secret, NOW) is None


@pytest.mark.parametrize(
    ("name", "role", "password", "code"),
    [
        ("li", "guard", "short", "console.password_length"),
        ("li", "guard", "aaaaaaaaaaaaaaa", "console.password_easy"),
        ("wangfang", "guard", "my-wangfang-2026", "console.password_easy"),
        ("../etc", "guard", PASSWORD, "console.bad_name"),
        ("li", "king", PASSWORD, "console.bad_role"),
        ("wang", "guard", PASSWORD, "console.user_exists"),
    ],
)
def test_what_cannot_be_a_user_is_refused_with_its_reason(
    accounts: AccountStore, name: str, role: str, password: str, code: str
) -> None:
    with pytest.raises(StoreError) as refused:
        accounts.add_user(name, role, password, NOW)
    assert refused.value.code == code
