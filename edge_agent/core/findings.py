"""What is wrong or doubtful in who may pass where: rules, schedules, PINs, areas, interlocks. For `edge-agent check`.

A problem keeps a door from doing what somebody wrote; an advice is allowed and worth a second look. Nothing here
raises, whatever the book and the configuration hold.
"""

from collections import Counter
from collections.abc import Collection
from datetime import datetime

from edge_agent.core import findings_people, findings_rules, findings_site
from edge_agent.core.finding import Finding, Subject
from edge_agent.model.people import Book
from edge_agent.model.site import Config

MOST = 20  # of one code; the rest is counted
FINDERS = (
    findings_rules.rules, findings_rules.schedules, findings_rules.contradictions, findings_rules.same,
    findings_rules.doors, findings_people.pins, findings_people.credentials, findings_people.persons,
    findings_site.site,
)  # fmt: skip


def findings(book: Book, config: Config, today: datetime, faces: Collection[str] = ()) -> list[Finding]:
    """Problems first. `today`: naive local wall time; `faces`: who has a face enrolled."""
    subject = Subject(book, config, today, faces)
    found = [finding for finder in FINDERS for finding in finder(subject)]
    found.sort(key=lambda finding: finding.severity != "problem")
    counts: Counter[str] = Counter()
    kept: list[Finding] = []
    for finding in found:
        counts[finding.code] += 1
        if counts[finding.code] <= MOST:
            kept.append(finding)
    for code, count in counts.items():
        if count > MOST:
            first = next(finding for finding in kept if finding.code == code)
            kept.append(Finding("find.more", first.at, {"count": count - MOST}, first.severity, first.source))
    return kept
