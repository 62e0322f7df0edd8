"""What a message of a serial terminal presents: a card, typed digits, a code, a face the terminal matched itself."""

from edge_agent.model.profile import Profile
from edge_agent.model.reads import Card, Code, Face, Keys, Liveness, Presented, Unreadable
from edge_agent.protocols.codec import Message
from edge_agent.protocols.keypad import from_card
from edge_agent.protocols.wiegand import FORMATS, decode, fits, format_of, put_right
from edge_agent.words import say

_LIVENESS = {1: Liveness.LIVE, 2: Liveness.SPOOF}
_HEX_TEXT = ("ascii-hex", "bytes")


class Credentials:
    """For the messages of one profile."""

    def __init__(self, profile: Profile) -> None:
        self._known_bits = profile.card_bits
        self._kinds = {
            form.name: field.kind for form in profile.message for field in form.fields if field.name == "number"
        }
        self._formats = [form for table in profile.wiegand if (form := format_of(table))]
        self._buffered = profile.buffered_keys

    def of(self, message: Message) -> Presented | None:
        """None for a message that presents nothing by itself: single keys, a heartbeat."""
        match message.name:
            case "card":
                return self._card(self._kinds.get("card", ""), message.values["number"])
            case "code":
                return Code(bytes.fromhex(str(message.values["text"])))
            case "face":
                return _face(message)
        return None

    def _card(self, kind: str, number: str | int) -> Presented:
        if kind in _HEX_TEXT:
            bits, base = 4 * len(str(number)), 16
        elif kind == "wiegand":
            bits, base = len(str(number)), 2
        else:  # a number says nothing of its length: the profile has exactly one
            bits, base = self._known_bits[0], 10
        if self._buffered and bits == FORMATS["H10301"].bits:
            return self._typed(Card(bits, int(str(number), base)))
        formats = [form for form in self._formats if form.bits == bits]
        if bits not in self._known_bits and not formats:
            return Unreadable(say("devices.card_bits", "en", bits=bits))
        raw = int(str(number), base)
        if raw.bit_length() > bits:
            return Unreadable(say("devices.card_bits", "en", bits=raw.bit_length()))
        card = Card(bits, raw)
        fitting = [form for form in formats if fits(form, card)]
        if formats and not fitting:
            return Unreadable(say("devices.card_parity", "en", bits=bits))
        return put_right(fitting[0], card) if fitting else card

    def _typed(self, card: Card) -> Presented:
        found = decode("H10301", card)
        assert self._buffered is not None
        keys = None if found is None else from_card(*found, self._buffered)
        return Unreadable(say("devices.card_parity", "en", bits=card.bits)) if keys is None else Keys(keys)


def _face(message: Message) -> Face:
    """The terminal's own verdict. `score` is in thousandths; comparable with nothing but this terminal."""
    person = str(message.values["person"])
    return Face(
        outcome="match" if person else "unknown",
        person=person or None,
        score=int(message.values.get("score", 0)) / 1000,
        liveness=_LIVENESS.get(int(message.values.get("liveness", 0)), Liveness.NOT_CHECKED),
        by_terminal=True,
    )
