"""The ID-card reader's order of commands and what is on a card; numbers against python-stdnum."""

import random

import pytest
from stdnum import exceptions
from stdnum.cn import ric

from edge_agent.drivers.profiles import load_profile
from edge_agent.errors import FrameError
from edge_agent.model.reads import IdDocument
from edge_agent.protocols.codec import Decoder, Message
from edge_agent.protocols.sdt import Cycle, Step, check_digit, document, masked
from edge_agent.sim.sdt_reader import answer, text_of

SDT = load_profile("id-readers/sdt")
NONE, FOUND = bytes.fromhex("AAAAAA9669 00 04 00 00 80 84"), bytes.fromhex("AAAAAA9669 00 08 00 00 9F 00 00 00 00 97")
CARD = {"name": "张三", "birth": "19491231", "number": "11010519491231002X", "from": "20200101", "until": "20400101"}


def person(photo: bytes = bytes(1024), **changes: str) -> bytes:
    block = text_of({**CARD, **changes})
    return answer(0x90, len(block).to_bytes(2, "big") + len(photo).to_bytes(2, "big") + block + photo)


def messages(*pieces: bytes) -> list[str]:
    decoder = Decoder(SDT)
    return [out.name for piece in pieces for out in decoder.feed(piece) if isinstance(out, Message)]


def read(**changes: str) -> IdDocument:
    (message,) = Decoder(SDT).feed(person(**changes))
    assert isinstance(message, Message)
    return document(message.values, lambda number: f"keyed {number}")


def test_a_full_answer_has_1295_bytes_and_any_other_length_is_taken_from_the_frame() -> None:
    assert len(person()) == 1295
    assert messages(person()) == messages(person(photo=b"")) == messages(person(photo=bytes(1500))) == ["person"]


def test_an_answer_is_whole_at_any_split_and_two_come_in_one_go() -> None:
    whole = person()
    assert all(messages(whole[:at], whole[at:]) == ["person"] for at in range(1, len(whole)))
    assert messages(FOUND + NONE) == ["found", "none"]


@pytest.mark.parametrize(
    "garbage",
    ["00 FF 96 69", "AA", "AA AA", "AA AA AA AA AA", "AA 00 AA AA 96 69", "AA AA AA 96 69", "AA AA AA 96 69 05 08 00"],
)
def test_garbage_before_the_header_costs_at_most_one_answer(garbage: str) -> None:
    decoder = Decoder(SDT)
    got = [out for piece in (bytes.fromhex(garbage), FOUND, NONE) for out in decoder.feed(piece)]
    names = [out.name for out in got if isinstance(out, Message)]
    assert names[-1:] == ["none"]
    assert all("frame" in out.code for out in got if isinstance(out, FrameError))


def test_a_wrong_xor_is_no_answer() -> None:
    for wrong in ("AAAAAA9669 00 04 00 00 80 85", "AAAAAA9669 00 08 00 00 9F 00 00 00 00 90"):
        (piece,) = Decoder(SDT).feed(bytes.fromhex(wrong))
        assert isinstance(piece, FrameError)
        assert piece.code == "devices.frame_checksum"


def test_check_digits_are_those_of_an_independent_library() -> None:
    assert check_digit("11010519491231002") == "X"
    chance = random.Random(4)
    for _ in range(2000):
        first_17 = f"{chance.randrange(10**17):017d}"
        assert check_digit(first_17) == ric.calc_check_digit(first_17 + "0")
    assert check_digit("1101051949123100X") is None
    assert check_digit("１１０１０５１９４９１２３１００２") is None


@pytest.mark.parametrize("number", ["11010519491231002X", "110105194912310021", "11010519491231002x"])
def test_a_bad_check_digit_is_a_doubt_exactly_when_the_library_says_so(number: str) -> None:
    try:
        ric.validate(number)
        due: tuple[str, ...] = ()
    except exceptions.ValidationError:
        due = ("check_digit",)
    assert read(number=number).doubts == due


def test_what_does_not_fit_is_said() -> None:
    assert read(birth="19500101").doubts == ("birth",)
    assert read(until="20201332").doubts == ("dates",)
    assert read(**{"from": "        "}).doubts == ("dates",)
    assert read(number="12").doubts == ("check_digit", "birth")


def test_a_document_without_end_and_one_with() -> None:
    assert (read(until="长期").valid_until, read(until="长期").doubts) == (None, ())
    assert (read().valid_from, read().valid_until) == ("2020-01-01", "2040-01-01")


def test_a_document_holds_no_number_and_prints_nothing() -> None:
    found = read()
    assert (found.name, found.masked, found.digest) == ("张三", "110105**********2X", "keyed 11010519491231002X")
    assert repr(found) == "IdDocument(…)"
    assert masked("1234") == "****"
    (message,) = Decoder(SDT).feed(person())
    assert "张三" not in f"{message!r}{message}"
    assert "110105" not in f"{message!r}{message}"


@pytest.mark.parametrize(
    ("answers", "step"),
    [
        (["none"], Step.FIND),
        (["found"], Step.SELECT),
        (["found", "selected"], Step.READ),
        (["found", "selected", "person"], Step.TAKE_AWAY),
        (["found", "select_failed"], Step.TAKE_AWAY),
        (["found", "selected", "read_failed", "found"], Step.TAKE_AWAY),
        (["found", "selected", "read_failed", "none"], Step.FIND),
        (["found", "none"], Step.TAKE_AWAY),
        (["self_test_failed"], Step.FIND),
    ],
)
def test_the_order_of_commands(answers: list[str], step: Step) -> None:
    cycle = Cycle()
    read_now = [cycle.answered(answer) for answer in answers]
    assert cycle.step is step
    assert read_now[-1] == (answers[-1] == "person")


def test_no_answer_means_the_card_must_be_taken_away() -> None:
    cycle = Cycle()
    cycle.failed()
    assert cycle.step is Step.FIND
    cycle.answered("found")
    cycle.failed()
    assert (cycle.step, cycle.command, cycle.at_once) == (Step.TAKE_AWAY, "find", False)
