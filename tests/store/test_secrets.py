"""store.secrets: whose PIN, whose duress PIN, which code — and how much work each question is."""

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from edge_agent.model.people import Book, PinOwner
from edge_agent.model.reads import Pass, Pin, Token, Unreadable
from edge_agent.store import secrets as module
from edge_agent.store.entries import hash_pin
from edge_agent.store.pin_index import PinIndex, duress_of
from edge_agent.store.secrets import Secrets

INDEX = PinIndex(bytes(range(32)))
TICKET = Pass("j", "p-1", 0, 1)
PINS = {"p-1": "1234", "p-2": "1235", "p-3": "7777", "p-4": "7777", "p-5": "9909"}
HASHES = {person: hash_pin(pin) for person, pin in PINS.items()}


class Shelf:
    """ports.Books with one Book."""

    def __init__(self, pins: dict[str, str]) -> None:
        index: dict[str, tuple[PinOwner, ...]] = {}
        for person, pin in pins.items():
            for digits, owner in ((pin, PinOwner(person)), (duress_of(pin), PinOwner(person, duress=True))):
                index[INDEX.pin(digits)] = (*index.get(INDEX.pin(digits), ()), owner)
        self.current = Book("1", pins={person: HASHES[person] for person in pins}, pin_index=index)


@pytest.fixture
def ask() -> Iterator[Callable[[str, str | None], Pin]]:
    with closing(Secrets(Shelf(PINS), INDEX, lambda _text: None)) as known:
        yield lambda digits, claimed: asyncio.run(known.pin(digits, claimed))


@pytest.mark.parametrize(
    ("digits", "claimed", "found"),
    [
        ("9909", None, Pin("p-5")),
        ("9900", None, Pin("p-5", duress=True)),
        ("1234", None, Pin("p-1")),
        ("1235", None, Pin("p-2")),  # the duress PIN of p-1 too: the normal one wins
        ("1236", None, Pin("p-2", duress=True)),
        ("7777", None, Pin()),  # two people have it
        ("7778", None, Pin()),  # and it tells no more under duress
        ("0001", None, Pin()),
        ("1235", "p-1", Pin("p-1", True, "p-1")),
        ("1234", "p-1", Pin("p-1", False, "p-1")),
        ("1235", "p-2", Pin("p-2", False, "p-2")),
        ("7777", "p-4", Pin("p-4", False, "p-4")),
        ("7778", "p-3", Pin("p-3", True, "p-3")),
        ("1234", "p-2", Pin(claimed="p-2")),  # somebody else's
        ("1234", "p-404", Pin(claimed="p-404")),
        ("12", None, Pin()),
        ("", "p-1", Pin(claimed="p-1")),
        ("12٣4", None, Pin()),  # a digit of another script
        ("1" * 500, "p-1", Pin(claimed="p-1")),
    ],
)
def test_whose_it_is(ask: Callable[[str, str | None], Pin], digits: str, claimed: str | None, found: Pin) -> None:
    assert ask(digits, claimed) == found


@pytest.mark.parametrize(
    ("digits", "claimed"),
    [("9909", None), ("7777", None), ("0001", None), ("1235", None), ("1234", "p-1"), ("1235", "p-1"), ("1", "p-404")],
)
def test_every_question_is_the_same_work(digits: str, claimed: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two Argon2 verifications, whoever asks for whom: the time tells nothing."""
    compared: list[str] = []

    def counting(hashed: str, pin: str) -> bool:
        compared.append(hashed)
        return False

    monkeypatch.setattr(module, "pin_fits", counting)
    with closing(Secrets(Shelf(PINS), INDEX, lambda _text: None)) as known:
        asyncio.run(known.pin(digits, claimed))
    assert len(compared) == 2
    assert all(hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$") for hashed in compared)


def test_without_the_key_a_pin_is_good_beside_a_card_only() -> None:
    with closing(Secrets(Shelf(PINS), None, lambda _text: None)) as known:
        assert asyncio.run(known.pin("1234", None)) == Pin()
        assert asyncio.run(known.pin("1234", "p-1")) == Pin("p-1", claimed="p-1")
        assert known.phone("13800001111") is None


def test_another_key_finds_nobody() -> None:
    with closing(Secrets(Shelf(PINS), PinIndex(bytes(32)), lambda _text: None)) as known:
        assert asyncio.run(known.pin("1234", None)) == Pin()


def test_the_loop_goes_on_meanwhile() -> None:
    """Other tasks run while digits are compared."""

    async def story() -> int:
        turns = 0
        asking = asyncio.gather(*(known.pin("1234", "p-1") for _ in range(4)))
        while not asking.done():
            turns += 1
            await asyncio.sleep(0)
        assert await asking == [Pin("p-1", claimed="p-1")] * 4
        return turns

    with closing(Secrets(Shelf(PINS), INDEX, lambda _text: None)) as known:
        assert asyncio.run(story()) > 10


def test_codes() -> None:
    """A pass when the gateway says so, else a token by its hash; nothing and too much are unreadable."""
    with closing(Secrets(Shelf({}), INDEX, lambda text: TICKET if text == b"SCP1.good" else None)) as known:
        assert known.code(b"SCP1.good") == TICKET
        for text in (b"SCP1.forged", b"https://example.test/?a=1", b"\xff\x00", b"x" * 2953):
            assert known.code(text) == Token("qr", hashlib.sha256(text).hexdigest())
        for text in (b"", b"x" * 2954):
            assert isinstance(known.code(text), Unreadable)


def test_phone_numbers_are_the_same_however_they_are_written() -> None:
    with closing(Secrets(Shelf({}), INDEX, lambda _text: None)) as known:
        wanted = known.phone("13800001111")
        assert wanted is not None
        assert wanted.kind == "phone"
        for written in ("+86 138 0000 1111", "138-0000-1111", "１３８００００１１１１", "008613800001111"):
            assert known.phone(written) == wanted
        for other in ("", "12", "call me", "1380000111x"):
            assert known.phone(other) is None
        assert wanted.digest != INDEX.pin("13800001111")
