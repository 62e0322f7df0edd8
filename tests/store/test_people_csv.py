"""store.people_csv: lists as installers have them; the good rows go in, the bad ones are named."""

import random
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from edge_agent.errors import Problem
from edge_agent.model.reads import Card
from edge_agent.store.people import PeopleStore
from edge_agent.store.people_csv import ImportReport, import_people

ZONE = "Asia/Shanghai"
HEADER = "person_id,name,category,house,valid_from,valid_until,card,card_format,pin,phone\n"


def parse_card(text: str, format_: str) -> Card:
    """Stands for protocols.wiegand.parse_entry: FC:CN of 26 bits."""
    if format_ != "w26":
        raise ValueError(f"unknown format {format_}")
    facility, number = map(int, text.split(":"))
    return Card(26, (facility << 17) | (number << 1))


@pytest.fixture
def people(tmp_path: Path) -> Iterator[PeopleStore]:
    with closing(PeopleStore(tmp_path / "people.db")) as store:
        yield store


def load(people: PeopleStore, data: str | bytes) -> ImportReport:
    file = people.path.with_name("people.csv")
    file.write_bytes(data.encode() if isinstance(data, str) else data)
    return import_people(file, people, ZONE, parse_card)


def said(report: ImportReport) -> list[tuple[str, str]]:
    return [(problem.at, problem.code) for problem in report.problems]


def local_ms(*when: int) -> int:
    return round(datetime(*when, tzinfo=ZoneInfo(ZONE)).timestamp() * 1000)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("codec", "said_as"), [("utf-8", "utf-8"), ("utf-8-sig", "utf-8 with BOM"), ("gb18030", "gb18030")]
)
def test_encodings_are_detected_and_said(people: PeopleStore, codec: str, said_as: str) -> None:
    """Whatever the spreadsheet wrote, the name is the same afterwards (䶮 and 𠮷 need GB18030's four bytes)."""
    report = load(people, (HEADER + "p-1,张䶮𠮷,resident,3栋1单元502,,,12:345,w26,,\n").encode(codec))
    assert (report.encoding, report.rows, report.added, report.problems) == (said_as, 1, 1, ())
    stored = people.person("p-1")
    assert stored is not None
    assert (stored.name, stored.house) == ("张䶮𠮷", "3栋1单元502")
    assert stored.cards[0].key == Card(26, (12 << 17) | (345 << 1))


def test_no_encoding_fits(people: PeopleStore) -> None:
    """Bytes that are text in no expected encoding: nothing is guessed."""
    with pytest.raises(Problem) as refused:
        load(people, HEADER.encode() + b"p-1,\xff\xff\xff,resident,,,,,,,\n")
    assert refused.value.code == "store.csv_encoding"


def test_dates_are_local_and_an_end_day_counts_whole(people: PeopleStore) -> None:
    """From the first instant of a day until the day after begins; times are taken as they are."""
    load(
        people,
        HEADER + "p-1,A,resident,,2026-05-04,2026-05-31,,,,\np-2,B,tenant,,2026-05-04T08:30,2026-05-31T18:00,,,,\n",
    )
    first, second = people.person("p-1"), people.person("p-2")
    assert first is not None
    assert second is not None
    assert (first.valid_from_ms, first.valid_until_ms) == (local_ms(2026, 5, 4), local_ms(2026, 6, 1))
    assert (second.valid_from_ms, second.valid_until_ms) == (local_ms(2026, 5, 4, 8, 30), local_ms(2026, 5, 31, 18))


def test_each_bad_row_is_named_with_its_line(people: PeopleStore) -> None:
    """Every kind of mistake, between good rows that all go in."""
    bad = [
        (",no id,resident,,,,,,,", "store.entry_person_id"),
        ("p 2,space in id,resident,,,,,,,", "store.entry_person_id"),
        ("p-3,,resident,,,,,,,", "store.entry_no_name"),
        ("p-4,x,emperor,,,,,,,", "store.entry_category"),
        ("p-5,x,resident,,04.05.2026,,,,,", "store.entry_date"),
        ("p-6,x,resident,,2026-05-04,2026-05-03,,,,", "store.entry_validity"),
        ("p-7,x,resident,,,,1:2,w99,,", "store.entry_card"),
        ("p-8,x,resident,,,,1.2E+09,w26,,", "store.entry_card"),
        ("p-9,x,resident,,,,,,12a4,", "store.entry_pin"),
        ("p-10,x,resident,,,,,", "store.csv_cells"),
        ("good-0,again,resident,,,,,,,", "store.csv_twice"),
        ("p-12,x,resident,,,,0:0,w26,,", "store.card_taken"),
    ]
    rows = ["good-0,x,resident,,,,0:0,w26,,"]
    for number, (row, _) in enumerate(bad, 1):
        rows += [row, f"good-{number},x,resident,,,,0:{number},w26,,"]
    report = load(people, HEADER + "\n".join(rows) + "\n")
    assert said(report) == [(f"line {3 + 2 * index}", code) for index, (_, code) in enumerate(bad)]
    assert (report.rows, report.added) == (2 * len(bad) + 1, len(bad) + 1)
    for problem in report.problems:
        for lang in ("en", "zh"):
            assert problem.text(lang).startswith(f"people.csv: {problem.at}: ")
    assert "第 2 行" in report.problems[10].text("zh")


def test_lines_count_what_an_editor_shows(people: PeopleStore) -> None:
    """Quoted line breaks and empty lines are counted as lines, not as rows."""
    report = load(people, HEADER + 'p-1,"two\nlines",resident,,,,,,,\n\n,x,resident,,,,,,,\n')
    assert said(report) == [("line 5", "store.entry_person_id")]
    assert report.rows == 2


def test_missing_and_unknown_columns_stop_the_import(people: PeopleStore) -> None:
    """A misspelt valid_until would let people in for ever: nothing is imported before the header is right."""
    for header, code in (
        ("person_id,category\n", "store.csv_columns"),
        ("person_id,name,category,vaild_until\n", "store.csv_strange"),
        ("person_id,name,category,name\n", "store.csv_strange"),
        ("", "store.csv_columns"),
    ):
        with pytest.raises(Problem) as refused:
            load(people, header + "p-1,x,resident,2026-01-01\n")
        assert refused.value.code == code
        assert "people.csv: line 1" in refused.value.text("zh")
    assert people.people() == []


def test_columns_may_come_in_any_order_and_be_left_out(people: PeopleStore) -> None:
    """Three columns are enough."""
    assert load(people, "Category, NAME ,person_id\nstaff,Li,p-1\n").added == 1
    assert [(who.id, who.name, who.category, who.house) for who in people.people()] == [("p-1", "Li", "staff", "")]


def test_formulas_are_data(people: PeopleStore) -> None:
    """Stored as they stand: not run, not altered."""
    names = ["=cmd|'/C calc'!A0", "+1+1", "@SUM(A1)", "-2"]
    load(people, HEADER + "".join(f"p-{n},{name},resident,,,,,,,\n" for n, name in enumerate(names)))
    assert [who.name for who in people.people()] == names


def test_a_broken_quotation_is_a_bad_row(people: PeopleStore) -> None:
    """A stray quotation mark costs its row, not the program."""
    report = load(people, HEADER + 'p-1,"a"b,resident,,,,,,,\np-2,x,resident,,,,,,,\n')
    assert said(report) == [("line 2", "store.csv_broken")]
    assert report.added == 1


def test_the_file_is_not_there(tmp_path: Path, people: PeopleStore) -> None:
    """Said with the reason."""
    with pytest.raises(Problem, match="No such file"):
        import_people(tmp_path / "none.csv", people, ZONE, parse_card)


def test_ten_thousand_rows_with_three_bad_ones(people: PeopleStore) -> None:
    """The good ones go in, the bad ones are listed; again, everybody is updated."""
    rng = random.Random(7)
    bad = sorted(rng.sample(range(10_000), 3))
    rows = [
        f"p-{n},住户{n},{'nobody' if n in bad else 'resident'},{n},,2030-12-31,{n >> 16}:{n & 0xFFFF},w26,,"
        for n in range(10_000)
    ]
    text = (HEADER + "\n".join(rows)).encode("gb18030")
    report = load(people, text)
    assert (report.rows, report.added) == (10_000, 9_997)
    assert said(report) == [(f"line {n + 2}", "store.entry_category") for n in bad]
    assert load(people, text).updated == 9_997
    assert len(people.book(ZONE, (), {}).credentials) == 9_997


def test_a_column_that_is_not_there_leaves_what_is_stored_and_an_empty_cell_clears_it(people: PeopleStore) -> None:
    """A list without dates must not give an expired tenant new life."""
    load(people, "person_id,name,category,valid_until\np-1,Li,tenant,2020-01-01\n")
    until = people.people()[0].valid_until_ms
    assert until is not None
    load(people, "person_id,name,category,house\np-1,Li,tenant,2-2-101\n")
    assert (people.people()[0].valid_until_ms, people.people()[0].house) == (until, "2-2-101")
    load(people, "person_id,name,category,valid_until\np-1,Li,tenant,\n")
    assert people.people()[0].valid_until_ms is None


def test_a_list_lifts_no_block(people: PeopleStore) -> None:
    """Neither a blocked person nor a revoked card comes back with the next import."""
    text = "person_id,name,category,card,card_format\np-1,Li,tenant,1:2,w26\n"
    load(people, text)
    person = people.person("p-1")
    assert person is not None
    card = person.cards[0].key
    people.block("p-1")
    people.revoke("p-1", card)
    load(people, text)
    person = people.person("p-1")
    assert person is not None
    assert (person.enabled, person.cards[0].state) == (False, "revoked")
    people.unblock("p-1")
    assert people.people()[0].enabled


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("2026/1/5", (2026, 1, 5)),
        ("2026/01/05", (2026, 1, 5)),
        ("2026-1-5", (2026, 1, 5)),
        ("2026/1/5 8:30", (2026, 1, 5, 8, 30)),
        ("2026/12/31 18:00:00", (2026, 12, 31, 18)),
        ("2026-01-05T08:30", (2026, 1, 5, 8, 30)),
    ],
)
def test_dates_as_a_chinese_spreadsheet_saves_them(people: PeopleStore, written: str, means: tuple[int, ...]) -> None:
    """Excel makes 2026/1/5 of 2026-01-05 when it saves; each such row was refused."""
    report = load(people, HEADER + f"p-1,Li,resident,,{written},2027/2/28,,,,\n")
    assert report.problems == ()
    stored = people.person("p-1")
    assert stored is not None
    assert (stored.valid_from_ms, stored.valid_until_ms) == (local_ms(*means), local_ms(2027, 3, 1))


@pytest.mark.parametrize("written", ["9999-12-31", "9999/12/31", "9999/12/31 23:59:59"])
def test_what_other_systems_write_for_no_end_is_none(people: PeopleStore, written: str) -> None:
    """It was called no date at all."""
    load(people, HEADER + "p-1,Li,resident,,,2027/2/28,,,,\n")
    assert load(people, HEADER + f"p-1,Li,resident,,,{written},,,,\n").problems == ()
    stored = people.person("p-1")
    assert stored is not None
    assert stored.valid_until_ms is None


@pytest.mark.parametrize("written", ["5/1/2026", "1-5-2026", "26/1/5", "2026/1-5", "2026/13/1", "2026/2/30"])
def test_a_date_that_could_be_another_is_refused_with_the_order(people: PeopleStore, written: str) -> None:
    report = load(people, HEADER + f"p-1,Li,resident,,{written},,,,,\n")
    assert said(report) == [("line 2", "store.entry_date")]
    assert "the year first" in report.problems[0].text("en")
    assert "年份在前" in report.problems[0].text("zh")


@pytest.mark.parametrize("mark", [";", "\t", "，", "|"])
def test_columns_parted_by_something_else_are_said_to_be_that(people: PeopleStore, mark: str) -> None:
    """It said that all columns were missing."""
    with pytest.raises(Problem) as caught:
        load(people, HEADER.replace(",", mark) + mark.join(["p-1", "Li", "resident"]))
    assert caught.value.code == "store.csv_separator"
    assert "CSV UTF-8" in caught.value.text("zh")


@pytest.mark.parametrize("start", [b"PK\x03\x04\x14\x00", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00"])
def test_a_workbook_is_told_how_to_become_a_list(people: PeopleStore, start: bytes) -> None:
    with pytest.raises(Problem) as caught:
        load(people, start + b"xl/workbook.xml" * 9)
    assert caught.value.code == "store.csv_workbook"
    assert "另存为" in caught.value.text("zh")
