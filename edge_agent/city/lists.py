"""Which list of people each gateway was sent last, so that the next one travels as what changed.

`lists/<gateway>.json` in the city's folder, mode 0600: it holds card numbers. Lost, it costs one whole list.
"""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from edge_agent.city.roll import Content, cut
from edge_agent.contract.signatures import replace_file
from edge_agent.model.encoding import canonical
from edge_agent.model.grants import PersonGrant


class Sent(msgspec.Struct, frozen=True):
    """`left`: pieces (SHA-256) that may still wait at the broker."""

    version: int = 0
    people: tuple[PersonGrant, ...] = ()
    left: tuple[str, ...] = ()


class Lists:
    def __init__(self, folder: Path) -> None:
        self._folder = folder / "lists"

    def last(self, gateway: str) -> Sent:
        """What it was sent last; nothing when that is not known (any more)."""
        try:
            return msgspec.json.decode(self._file(gateway).read_bytes(), type=Sent)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return Sent()

    def keep(self, gateway: str, sent: Sent) -> None:
        """Raises OSError."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(self._file(gateway), canonical(sent), 0o600)

    def _file(self, gateway: str) -> Path:
        return self._folder / f"{gateway}.json"


def ways(before: Sent, people: Iterable[PersonGrant]) -> dict[int, Content]:
    """The whole list, and from the one before what changed: whom it adds, alters and ends.

    Who is named with fewer credentials than before loses those by being named. A card that goes from one person to
    another needs two lists: one without it, and one with it.
    """
    now = {person.id: person for person in people}
    found = {0: cut(now.values())}
    if before.version:
        known = {person.id: person for person in before.people}
        changed = [person for id, person in now.items() if known.get(id) != person]
        found[before.version] = cut(changed, [id for id in known if id not in now])
    return found
