"""`edge-agent access import`: people, credentials, schedules and rules from TOML and CSV, with a diff."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from edge_agent.cli.options import CONFIG, STATE, configured, state_directory
from edge_agent.cli.progress import bar
from edge_agent.cli.speech import language, tell, words
from edge_agent.core.schedule import parse
from edge_agent.protocols.wiegand import parse_entry
from edge_agent.site_kind import site_rules
from edge_agent.store.access_diff import Difference
from edge_agent.store.access_import import Report, Site, import_access
from edge_agent.store.access_list import Form
from edge_agent.store.people import PeopleStore
from edge_agent.store.pin_index import KEY_FILE, load_index

LINES_AT_ONCE = 1000


@click.command("import")
@CONFIG
@STATE
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
def import_(config: Path, state: Path | None, dry_run: bool, files: tuple[Path, ...]) -> None:
    """Import FILES together: TOML (schedule, special_days, rule, person, credential) or CSV, told by its header.

    Shows every difference: `+` added, `~` changed, `=` how many unchanged, `!` refused with its place. What is good
    goes in, in one transaction; with something refused the exit status is 1.
    """
    loaded = configured(config)
    _, schedules = site_rules(loaded.gateway.site)
    site = Site(tuple(door.name for door in loaded.doors), schedules)
    form = Form(ZoneInfo(loaded.gateway.zone), parse_entry, parse)
    index = load_index(config.parent / KEY_FILE)
    with closing(PeopleStore(state_directory(config, state) / "people.db")) as people, ExitStack() as shown:
        report = import_access(files, people, form, site, index, dry_run, bar(shown, words("cli.hashing")))
    _show(report, dry_run)
    if report.problems:
        raise SystemExit(1)


def _show(report: Report, dry_run: bool) -> None:
    lines = list[str]()
    for line in _lines(report):
        lines.append(line)
        if len(lines) == LINES_AT_ONCE:
            click.echo("\n".join(lines))
            lines.clear()
    if lines:
        click.echo("\n".join(lines))
    signs = [difference.sign for difference in report.differences]
    files = ", ".join(f"{name} ({encoding})" for name, encoding in report.encodings)
    tell(
        "store.import_dry" if dry_run else "store.import_done",
        added=signs.count("+"),
        changed=signs.count("~"),
        unchanged=report.unchanged,
        refused=len(report.problems),
        files=files or "-",
    )


def _lines(report: Report) -> Iterator[str]:
    for difference in report.differences:
        yield _line(difference)
    if report.unchanged:
        yield "= " + words("store.import_unchanged", count=report.unchanged)
    for problem in report.problems:
        yield "! " + problem.text(language())


def _line(difference: Difference) -> str:
    kind = words(f"store.kind.{difference.kind}")
    if difference.sign == "+":
        return f"+ {kind} {difference.id}: {difference.field}".rstrip(": ")
    return f"~ {kind} {difference.id}: {difference.field} {difference.old or '-'} → {difference.new or '-'}"
