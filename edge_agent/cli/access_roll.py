"""Who could pass, as lines that fit the terminal, or as JSON. A hundred thousand people are listed in seconds."""

from collections.abc import Iterator

from edge_agent.cli.access_say import MOST_COLUMNS, instant_words
from edge_agent.cli.describe import category_words, how_words
from edge_agent.cli.speech import words
from edge_agent.core.explain import Passer
from edge_agent.core.trial import Scene


def roll(passers: list[Passer], names: dict[str, str], scene: Scene) -> Iterator[str]:
    """One line each in columns; where the terminal is narrow, ways and rule go onto a second line."""
    from rich.cells import cell_len
    from rich.console import Console

    yield words(
        "explain.who",
        count=len(passers),
        door=scene.place.door.name,
        direction=words(f"explain.direction.{scene.direction}"),
        when=instant_words(scene.now.wall_ms, scene.book.zone),
    )
    rows = [_row(passer, names.get(passer.person.id, "")) for passer in passers]
    wide = [max((cell_len(row[n]) for row in rows), default=0) for n in range(4)]
    last = max((cell_len(row[4]) for row in rows), default=0)
    folded = sum(wide) + 2 * len(wide) + last > min(MOST_COLUMNS, Console().width)
    for row in rows:
        line = "  ".join(cell + " " * (wide[n] - cell_len(cell)) for n, cell in enumerate(row[:4]))
        yield f"{line.rstrip()}\n    {row[4]}" if folded else f"{line}  {row[4]}"


def _row(passer: Passer, name: str) -> tuple[str, str, str, str, str]:
    person = passer.person
    ways = " / ".join(how_words(way) for way in passer.ways)
    needs = "" if passer.needs is None else " · " + words(f"explain.who_needs.{passer.needs}")
    cells = (person.id, name, category_words(person.category), person.house, f"{ways} · {passer.rule}{needs}")
    first, second, third, fourth, fifth = ("".join(c if c.isprintable() else "?" for c in cell) for cell in cells)
    return first, second, third, fourth, fifth


def as_json(passers: list[Passer], names: dict[str, str]) -> list[dict[str, object]]:
    return [
        {
            "id": passer.person.id,
            "name": names.get(passer.person.id, ""),
            "category": passer.person.category,
            "house": passer.person.house,
            "ways": [list(way) for way in passer.ways],
            "rule": passer.rule,
            "needs": passer.needs,
        }
        for passer in passers
    ]
