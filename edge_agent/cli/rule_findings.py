"""What `check` says of people, rules and schedules: core.findings, each with its file and place."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from edge_agent.cli.access_scene import book_of, faces_of
from edge_agent.core.finding import Finding
from edge_agent.core.findings import findings
from edge_agent.errors import Problem, StoreError
from edge_agent.model.people import Book
from edge_agent.model.site import Config
from edge_agent.site_kind import site_rules


class Advice(Problem):
    """A Problem that nobody has to mend."""

    def text(self, lang: str) -> str:
        from edge_agent.words import say

        return say("find.advice", lang, text=super().text(lang))


def rule_findings(loaded: Config, config: Path) -> tuple[list[Problem], list[Problem]]:
    """What has to be mended, and what is worth a second look. Nobody added yet: the rules of the site kind alone."""
    folder = config.parent / loaded.gateway.state
    people, faces = folder / "people.db", frozenset[str]()
    try:
        if people.exists():
            book = book_of(loaded, folder)
            enrolled = faces_of(config, loaded, folder)
            faces = faces if enrolled is None else frozenset(name for name in book.persons if name in enrolled)
        else:
            rules, schedules = site_rules(loaded.gateway.site)
            book = Book("", rules=rules, schedules=schedules, zone=loaded.gateway.zone)
    except StoreError as error:
        return [Problem(str(people), "", error.code, **error.fields)], []
    today = datetime.now(UTC).astimezone(ZoneInfo(loaded.gateway.zone)).replace(tzinfo=None)
    found = findings(book, loaded, today, faces)
    wrong = [Problem(*_said(one, config, people), **one.fields) for one in found if one.severity == "problem"]
    hints = [Advice(*_said(one, config, people), **one.fields) for one in found if one.severity == "advice"]
    return wrong, list[Problem](hints)


def _said(finding: Finding, config: Path, people: Path) -> tuple[str, str, str]:
    return str(config if finding.source == "config" else people), finding.at, finding.code
