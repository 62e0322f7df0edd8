"""store.access_import: lists of everything, in every form; the good goes in, the bad is named, the diff is true."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from edge_agent.core.schedule import opens_after, parse, permits
from edge_agent.model.people import Recurrence, Rule, Schedule, Span
from edge_agent.model.reads import Card, Token
from edge_agent.protocols.wiegand import parse_entry
from edge_agent.store.access_diff import days_of
from edge_agent.store.access_import import Report, Site, import_access
from edge_agent.store.access_list import Form
from edge_agent.store.people import PeopleStore
from edge_agent.store.pin_index import PinIndex

ZONE = "Asia/Shanghai"
FORM = Form(ZoneInfo(ZONE), parse_entry, parse)
SITE = Site(("north", "south"), {"daytime": Schedule("daytime", (Span((1,), 0, 60),))})
INDEX = PinIndex(bytes(32))
GOOD = """
[[schedule]]
id = "night"
spans = [{ days = [5, 6], start = "22:00", end = "06:00" }, { start = "00:00", end = "24:00", days = [7] }]
special = { holiday = [], fair = [{ start = "08:00", end = "12:00" }] }
recurrence = [{ start = 2026-10-01T08:00:00, minutes = 90, rule = "FREQ=WEEKLY;COUNT=3" }]

[[special_days]]
group = "holiday"
days = ["2026-10-01..2026-10-07", 2026-12-31]

[[rule]]
id = "night-guard"
doors = ["north"]
categories = ["guard"]
persons = ["p-1"]
schedule = "night"
in_lockdown = true

[[rule]]
id = "no-children"
doors = ["*"]
categories = ["child"]
schedule = "daytime"
effect = "deny"

[[person]]
id = "p-1"
name = "张伟"
category = "guard"
valid_until = 2030-12-31
pin = "1239"
phone = "13800001111"
needs_longer = true

[[credential]]
person = "p-1"
number = "1:7"
format = "H10301"
max_uses = 3

[[credential]]
person = "p-1"
kind = "qr"
number = "hello"
duress = true
valid_from = "2026-05-04"
"""


@pytest.fixture
def people(tmp_path: Path) -> Iterator[PeopleStore]:
    with closing(PeopleStore(tmp_path / "people.db")) as store:
        yield store


def load(people: PeopleStore, *, dry_run: bool = False, **files: str | bytes) -> Report:
    paths = []
    for name, data in files.items():
        path = people.path.with_name(name.replace("__", "."))
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        if not name.endswith("ics"):
            paths.append(path)
    return import_access(paths, people, FORM, SITE, INDEX, dry_run)


def said(report: Report) -> list[tuple[str, str]]:
    return [(problem.at, problem.code) for problem in report.problems]


def lines(report: Report) -> list[str]:
    return [
        f"{d.sign} {d.kind} {d.id} {d.field}" + (f" {d.old}→{d.new}" if d.sign == "~" else "")
        for d in report.differences
    ]


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_whole_site_in_one_file(people: PeopleStore, codec: str) -> None:
    """Everything is there afterwards; again, nothing changes and nothing is written."""
    report = load(people, site__toml=GOOD.encode(codec))
    assert report.problems == ()
    book = people.book(ZONE, (), SITE.schedules)
    assert book.rules == (
        Rule("night-guard", ("north",), ("guard",), ("p-1",), "night", in_lockdown=True),
        Rule("no-children", ("*",), ("child",), schedule="daytime", effect="deny"),
    )
    assert book.schedules["night"] == Schedule(
        "night",
        (Span((5, 6), 1320, 1800), Span((7,), 0, 1440)),
        {"holiday": (), "fair": (Span((1, 2, 3, 4, 5, 6, 7), 480, 720),)},
        (Recurrence(datetime(2026, 10, 1, 8), 90, "FREQ=WEEKLY;COUNT=3"),),  # noqa: DTZ001 — local wall time
    )
    assert len(book.calendar) == 8
    phone = INDEX.phone("13800001111")
    assert {type(key) for key in book.credentials} == {Card, Token}
    assert phone in book.credentials
    assert [held.max_uses for held in book.credentials.values() if isinstance(held.key, Card)] == [3]
    assert book.pin_index.keys() == {INDEX.pin("1239"), INDEX.pin("1230")}
    assert book.persons["p-1"].needs_longer
    version = people.version()
    again = load(people, site__toml=GOOD)
    assert (again.differences, again.problems, again.unchanged) == ((), (), 7)
    assert people.version() == version


def test_the_diff_says_old_and_new_and_never_a_pin(people: PeopleStore) -> None:
    first = load(people, site__toml=GOOD)
    assert [line.split()[:3] for line in lines(first)] == [
        ["+", "schedule", "night"],
        ["+", "special_days", "holiday"],
        ["+", "person", "p-1"],
        ["~", "person", "p-1"],
        ["+", "credential", "card"],
        ["+", "credential", "qr"],
        ["+", "rule", "night-guard"],
        ["+", "rule", "no-children"],
    ]
    changed = (
        GOOD.replace("张伟", "=cmd|A0")
        .replace('"22:00"', '"23:00"')
        .replace("2026-10-07", "2026-10-06")
        .replace('doors = ["north"]', 'doors = ["north", "south"]')
        .replace("max_uses = 3", "max_uses = 4")
        .replace("1239", "4567")
    )
    dry = load(people, dry_run=True, site__toml=changed)
    assert lines(dry) == [
        "~ schedule night spans 56 22:00-06:00, 7 00:00-24:00→56 23:00-06:00, 7 00:00-24:00",
        "~ special_days holiday days 2026-10-01..2026-10-07, 2026-12-31→2026-10-01..2026-10-06, 2026-12-31",
        "~ person p-1 name 张伟→=cmd|A0",
        "~ person p-1 pin ••••→••••",
        "~ credential card 26:2020010 max_uses 3→4".replace("2020010", f"{parse_entry('1:7', 'H10301').raw:x}"),
        "~ rule night-guard doors north→north, south",
    ]
    assert "4567" not in repr(dry)
    known = people.person("p-1")
    assert known is not None
    assert known.name == "张伟", "a dry run changes nothing"
    assert lines(load(people, site__toml=changed)) == lines(dry)


def test_every_mistake_is_refused_with_its_place_and_the_rest_goes_in(people: PeopleStore) -> None:
    bad = """
[[schedule]]
id = "good"
spans = [{ start = "08:00", end = "09:00" }]
[[schedule]]
id = "good"
[[schedule]]
id = "twenty-five"
spans = [{ start = "25:00", end = "09:00" }]
[[schedule]]
id = "typo"
spans = [{ start = "08:00", ende = "09:00" }]
[[schedule]]
id = "rrule"
recurrence = [{ start = 2026-10-01T08:00:00, minutes = 5, rule = "FREQ=SOMETIMES" }]
[[schedule]]
id = "often"
recurrence = [{ start = 2026-10-01T08:00:00, minutes = 5, rule = "FREQ=SECONDLY" }]
[[schedule]]
id = "long"
recurrence = [{ start = 2026-10-01T08:00:00, minutes = 99999 }]
[[schedule]]
id = "ics"
ics = "nowhere.ics"
[[special_days]]
group = "a"
days = ["2026-10-01"]
[[special_days]]
group = "b"
days = ["2026-10-01"]
[[special_days]]
group = "c"
days = ["2026-10-07..2026-10-01"]
[[rule]]
id = "nowhere"
doors = ["east"]
categories = ["guard"]
[[rule]]
id = "nobody"
doors = ["*"]
[[rule]]
id = "emperor"
doors = ["*"]
categories = ["emperor"]
[[rule]]
id = "never"
doors = ["*"]
categories = ["guard"]
schedule = "typo"
[[rule]]
id = "who"
doors = ["*"]
persons = ["p-404"]
[[rule]]
id = "perhaps"
doors = ["*"]
categories = ["guard"]
effect = "perhaps"
[[rule]]
id = "北"
doors = ["*"]
categories = ["guard"]
[[rule]]
id = "fine"
doors = ["*"]
categories = ["guard"]
schedule = "good"
[[person]]
id = "p-1"
name = "x"
category = "guard"
card = "1:7"
card_format = "H10301"
[[person]]
id = "p-2"
name = "x"
category = "guard"
card = "1:7"
card_format = "H10301"
[[person]]
id = "p-3"
name = "x"
category = "guard"
pin = 1234
[[person]]
id = "p-4"
name = "x"
category = "guard"
valid_untill = "2030-01-01"
[[credential]]
person = "p-404"
number = "1:8"
format = "H10301"
[[credential]]
person = "p-1"
number = "1:8"
format = "H1"
[[credential]]
person = "p-1"
number = "1234"
kind = "pin"
[[credential]]
person = "p-1"
number = "皖A12345"
kind = "plate"
max_uses = 0
[[credential]]
person = "p-1"
number = "皖A12345"
kind = "plate"
[credentials]
x = 1
"""
    report = load(people, site__toml=bad)
    assert sorted(said(report)) == sorted(
        [
            ("schedule[1]", "store.list_twice"),
            ("schedule[2]", "store.list_time"),
            ("schedule[3].spans[0]", "store.list_form"),
            ("schedule[4]", "store.list_recurrence"),
            ("schedule[5]", "store.list_recurs_often"),
            ("schedule[6]", "store.list_recurrence"),
            ("schedule[7]", "store.ics_broken"),
            ("special_days[1]", "store.day_taken"),
            ("special_days[2]", "store.list_date"),
            ("rule[0]", "store.list_door"),
            ("rule[1]", "store.list_rule_empty"),
            ("rule[2]", "store.entry_category"),
            ("rule[3]", "store.list_schedule"),
            ("rule[4]", "store.list_persons"),
            ("rule[5]", "store.list_effect"),
            ("rule[6]", "store.list_id"),
            ("person[1]", "store.card_taken"),
            ("person[2]", "store.list_text"),
            ("person[3]", "store.csv_strange"),
            ("credential[0]", "store.no_person"),
            ("credential[1]", "devices.card_format"),
            ("credential[2]", "store.list_kind"),
            ("credential[3]", "store.entry_uses"),
            ("credentials", "store.list_table"),
        ]
    )
    for problem in report.problems:
        assert all(problem.text(lang).startswith("site.toml: ") for lang in ("en", "zh"))
    taken = next(problem for problem in report.problems if problem.code == "store.card_taken")
    assert (taken.fields["person"], taken.fields["owner"]) == ("p-2", "p-1")
    assert [rule.id for rule in people.rules()] == ["fine"]
    assert list(people.schedules()) == ["good"]
    assert [who.id for who in people.people()] == ["p-1"]
    assert Token("plate", "皖A12345") in people.book(ZONE).credentials


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("a__toml", "[[rule]\n", "store.list_toml"),
        ("a__toml", b"\xff\xff\xff", "store.csv_encoding"),
        ("a__toml", "rule = 5", "store.list_array"),
        ("a__csv", "rule_id\nx\n", "store.csv_columns"),
        ("a__csv", "rule_id,doors,who\nx\n", "store.csv_strange"),
        ("a__csv", "", "store.csv_columns"),
        ("a__csv", 'schedule_id,"', "store.csv_broken"),
    ],
)
def test_a_file_that_is_none_costs_itself(people: PeopleStore, name: str, data: str | bytes, code: str) -> None:
    """The other file goes in."""
    report = load(people, **{name: data, "good__csv": "person_id,name,category\np-1,x,guard\n"})
    assert [problem.code for problem in report.problems] == [code]
    assert [who.id for who in people.people()] == ["p-1"]


def test_csv_is_told_by_its_header(people: PeopleStore) -> None:
    """People with the new columns, rules, schedules and days in files of their own, in any order, in GB18030."""
    report = load(
        people,
        rules__csv="rule_id,doors,categories,persons,schedule,effect,in_lockdown\n"
        "r-1,north;south,visitor,,week,permit,no\nr-2,*,,p-1;p-2,,deny,是\nr-3,*,,,,,\nr-4,*,guard,,,,maybe\n",
        people__csv="person_id,name,category,card,card_format,duress_card,max_uses,plate,host,needs_longer\n"
        "p-1,=1+1,visitor,1:7,H10301,1:8,5,皖a 12345,p-2,yes\np-2,@SUM(A1),guard,,,,,,,\np-3,x,guard,,,,0,,,\n",
        schedules__csv="schedule_id,days,start,end,special,recurrence,minutes\n"
        "week,1-5,08:00,18:00,,,\nweek,6;7,22:00,02:00,,,\nweek,,,,holiday,,\nweek,,09:00,10:00,fair,,\n"
        "week,,2026-10-01T08:00,,,FREQ=DAILY;COUNT=2,30\nweek,8,08:00,09:00,,,\n",
        days__csv="group,date\nholiday,2026-10-01..2026-10-03\nholiday,2026-10-05\nfair,soon\n".encode("gb18030"),
    )
    assert [(problem.file, problem.at, problem.code) for problem in report.problems] == [
        ("rules.csv", "line 4", "store.list_rule_empty"),
        ("rules.csv", "line 5", "store.entry_flag"),
        ("people.csv", "line 4", "store.entry_uses"),
        ("schedules.csv", "line 7", "store.list_weekday"),
        ("days.csv", "line 4", "store.list_date"),
    ]
    assert people.rules() == (
        Rule("r-1", ("north", "south"), ("visitor",), schedule="week"),
        Rule("r-2", ("*",), (), ("p-1", "p-2"), None, "deny", in_lockdown=True),
    )
    week = people.schedules()["week"]
    assert week.spans == (Span((1, 2, 3, 4, 5), 480, 1080), Span((6, 7), 1320, 1560))
    assert week.special == {"holiday": (), "fair": (Span((1, 2, 3, 4, 5, 6, 7), 540, 600),)}
    assert len(week.recurrences) == 1
    assert days_of(people.special_days()) == "2026-10-01..2026-10-03, 2026-10-05"
    book = people.book(ZONE)
    assert sorted((held.duress, held.max_uses or 0) for held in book.credentials.values()) == [
        (False, 0),
        (False, 5),
        (True, 5),
    ]
    known = people.person("p-1")
    assert known is not None
    assert (known.name, known.host) == ("=1+1", "p-2")


ICS = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:x
BEGIN:VEVENT
UID:1
SUMMARY:morning
DTSTART;TZID=Asia/Shanghai:20261005T080000
DURATION:PT90M
RRULE:FREQ=WEEKLY;BYDAY=MO;UNTIL=20261019T000000Z
EXDATE;TZID=Asia/Shanghai:20261012T080000
END:VEVENT
BEGIN:VEVENT
UID:2
DTSTART:20261001T160000Z
DTEND:20261001T170000Z
END:VEVENT
BEGIN:VEVENT
UID:3
SUMMARY:national day
DTSTART;VALUE=DATE:20261001
DTEND;VALUE=DATE:20261010
END:VEVENT
BEGIN:VEVENT
UID:4
SUMMARY:moved
RECURRENCE-ID:20261019T080000
DTSTART:20261020T080000
DTEND:20261020T090000
END:VEVENT
BEGIN:VEVENT
UID:5
SUMMARY:cancelled
STATUS:CANCELLED
DTSTART:20261020T080000
END:VEVENT
BEGIN:VEVENT
UID:6
SUMMARY:elsewhere
DTSTART;TZID=America/New_York:20261005T200000
DTEND;TZID=America/New_York:20261005T210000
RRULE:FREQ=WEEKLY;BYDAY=MO
END:VEVENT
BEGIN:VEVENT
UID:7
SUMMARY:no end
DTSTART:20261020T080000
END:VEVENT
BEGIN:VEVENT
UID:8
SUMMARY:always
DTSTART:20261020T080000
DTEND:20261020T080500
RRULE:FREQ=MINUTELY
END:VEVENT
BEGIN:VEVENT
UID:9
SUMMARY:birthday
DTSTART;VALUE=DATE:20261105
RRULE:FREQ=YEARLY
END:VEVENT
END:VCALENDAR
""".replace("\n", "\r\n")


def test_a_calendar_becomes_recurrences_in_local_wall_time(people: PeopleStore) -> None:
    """UNTIL in UTC, EXDATE, a UTC event, an all-day event of nine days; what cannot be kept is named."""
    report = load(people, site__toml='[[schedule]]\nid = "s"\nics = "s.ics"\n', s__ics=ICS)
    assert [(problem.code, problem.fields.get("event")) for problem in report.problems] == [
        ("store.ics_moved", "moved"),
        ("store.ics_zone", "elsewhere"),
        ("store.ics_event", "no end"),
        ("store.list_recurs_often", None),
    ]
    schedule = people.schedules()["s"]

    def on(*local: int) -> bool:
        moment = datetime(*local, tzinfo=ZoneInfo(ZONE))  # type: ignore[misc,arg-type]
        return permits(schedule, round(moment.astimezone(UTC).timestamp() * 1000), ZONE)

    assert [on(2026, 10, 19, 8), on(2026, 10, 19, 9, 29), on(2026, 10, 19, 9, 30)] == [True, True, False]
    assert not on(2026, 10, 12, 8), "EXDATE"
    assert not on(2026, 10, 26, 8, 1), "after UNTIL"
    assert [on(2026, 10, 1), on(2026, 10, 9, 23, 59), on(2026, 10, 10)] == [True, True, False]
    assert [on(2027, 11, 5, 12), on(2027, 11, 6)] == [True, False]
    assert opens_after(schedule, datetime(2026, 9, 1)) == datetime(2026, 10, 1)  # noqa: DTZ001 — local wall time


def test_a_calendar_of_holidays_becomes_special_days(people: PeopleStore) -> None:
    """All-day events only; a yearly one is written out for ten years."""
    text = '[[special_days]]\ngroup = "holiday"\ndays = ["2026-12-31"]\nics = "h.ics"\n'
    report = load(people, site__toml=text, h__ics=ICS)
    assert {problem.code for problem in report.problems} == {"store.ics_timed"}
    days = people.special_days()
    wanted = [date(2026, 10, day) for day in range(1, 10)]
    wanted += [date(year, 11, 5) for year in range(2026, 2037)] + [date(2026, 12, 31)]
    assert {date.fromordinal(day) for day in days} == set(wanted)


@pytest.mark.parametrize(
    "noise", ["", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n", "\xff\x00noise", "BEGIN:VEVENT\r\nEND:VEVENT"]
)
def test_a_calendar_that_is_none_is_refused(people: PeopleStore, noise: str) -> None:
    report = load(people, site__toml='[[schedule]]\nid = "s"\nics = "s.ics"\n', s__ics=noise)
    assert [problem.code for problem in report.problems] in (["store.ics_broken"], ["store.ics_event"])


def test_a_list_lifts_no_block(people: PeopleStore) -> None:
    text = "person_id,name,category,card,card_format,plate\np-1,x,guard,1:7,H10301,A12345\n"
    load(people, p__csv=text)
    people.block("p-1")
    people.revoke("p-1", Token("plate", "A12345"))
    again = load(people, p__csv=text)
    assert again.differences == ()
    assert load(people, p__csv=text.replace(",x,", ",y,")).differences
    book = people.book(ZONE)
    assert not book.persons["p-1"].enabled
    assert book.credentials[Token("plate", "A12345")].state == "revoked"


def test_groups_may_exchange_their_days(people: PeopleStore) -> None:
    """What a group gives up in the same list is free for another."""
    load(people, d__csv="group,date\na,2026-10-01\nb,2026-10-02\n")
    report = load(people, d__csv="group,date\na,2026-10-02\nb,2026-10-01\n")
    assert report.problems == ()
    assert people.special_days() == {date(2026, 10, 1).toordinal(): "b", date(2026, 10, 2).toordinal(): "a"}
