"""The Chinese ID-card reader module (SDT, GA 450): the order of its commands, and what is on a card.

Frames and fields are a profile's; here is what the profile cannot say. After an error the module answers nothing
useful until the card was taken away and put back. The photo needs a licensed decoder and is skipped unread.
"""

from collections.abc import Callable
from datetime import datetime
from enum import Enum

from edge_agent.model.identity import check_digit, masked
from edge_agent.model.reads import IdDocument

FIND_EVERY_S = 0.3  # at least, from the last answer on
ANSWER_S = {"find": 1.0, "select": 1.0, "read": 3.0}  # 1295 bytes take 0.12 s on the line, the module some 1 s
FOREVER = "长期"


class Step(Enum):
    FIND = "find"
    SELECT = "select"
    READ = "read"
    TAKE_AWAY = "take_away"  # asked with find until there is no card


class Cycle:
    """Which command comes next. Told of every answer, of an answer that makes no sense, and of none."""

    def __init__(self) -> None:
        self.step = Step.FIND

    @property
    def command(self) -> str:
        return "find" if self.step is Step.TAKE_AWAY else self.step.value

    @property
    def at_once(self) -> bool:
        """Whether the command follows the last answer without a pause."""
        return self.step in (Step.SELECT, Step.READ)

    def answered(self, name: str) -> bool:
        """Take the answer `name`; whether it is the card's content."""
        match self.step, name:
            case Step.FIND, "found":
                self.step = Step.SELECT
            case Step.SELECT, "selected":
                self.step = Step.READ
            case Step.READ, "person":
                self.step = Step.TAKE_AWAY
                return True
            case Step.TAKE_AWAY, "found":
                pass
            case ((Step.FIND | Step.TAKE_AWAY), _):
                self.step = Step.FIND
            case _:
                self.step = Step.TAKE_AWAY
        return False

    def failed(self) -> None:
        """No answer, or noise instead."""
        if self.step is not Step.FIND:
            self.step = Step.TAKE_AWAY


def document(values: dict[str, str | int], keyed: Callable[[str], str]) -> IdDocument:
    """The document of a `person` message. `keyed`: the number's keyed digest."""
    number = str(values["number"]).strip().upper()
    doubts = [] if check_digit(number[:17]) == number[17:] else ["check_digit"]
    if number[6:14] != str(values["birth"]).strip():
        doubts.append("birth")
    until_text = str(values["valid_until"]).strip()
    valid_from = _date(str(values["valid_from"]))
    valid_until = None if until_text == FOREVER else _date(until_text)
    if valid_from is None or (valid_until is None and until_text != FOREVER):
        doubts.append("dates")
    name = str(values["name"]).strip()
    return IdDocument("cn-resident", name, masked(number), keyed(number), valid_from, valid_until, tuple(doubts))


def _date(text: str) -> str | None:
    try:
        return datetime.strptime(text.strip(), "%Y%m%d").date().isoformat()  # noqa: DTZ007 (a day, no moment)
    except ValueError:
        return None
