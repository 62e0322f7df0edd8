"""`edge-agent camera report`: what a journal says of the rules that raised alerts, by weather too."""

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result

from edge_agent.cli import group
from edge_agent.core.weather import Weather
from edge_agent.errors import EdgeAgentError
from edge_agent.model.clock import ClockState, Moment
from edge_agent.model.events import AlarmClosed, AlertOpened, AlertUpdated, DoorOpened
from edge_agent.store.journal import SqliteJournal
from edge_agent.store.writer import Writer

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOON_MS = round(datetime(2026, 5, 4, 12, tzinfo=SHANGHAI).timestamp() * 1000)
TOML = """\
[gateway]
id = "G0417"

[uplink]
url = "mqtt://127.0.0.1:1883"
"""
VERDICTS = ("true", "false", "false", "unsure", "", "false", "false", "false", "false", "true", "false", "false")


class Noon:
    """An hour goes by with each alert."""

    hours = 0.0

    def now(self) -> Moment:
        return Moment(
            NOON_MS + round(self.hours * 3_600_000), round(self.hours * 3_600_000), "ab" * 16, ClockState.SYNCED, 10
        )

    def at_least(self, wall_ms: int, boot_id: str = "", up_ms: int = 0) -> None:
        return


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twelve alerts of one rule, one an hour from noon on, most of them false; one of another without a verdict."""
    monkeypatch.setattr("time.time_ns", lambda: (NOON_MS + 86_400_000) * 1_000_000)

    async def record() -> None:
        writer, clock = Writer(), Noon()
        journal = SqliteJournal(tmp_path / "state/journal.db", clock, writer)
        await journal.record(DoorOpened(door="d")).committed()
        for n, verdict in enumerate(VERDICTS):
            clock.hours = n
            alert = {"door": "", "alert": f"a-{n}", "kind": "intrusion", "camera": "lawn"}
            await journal.record(AlertOpened(**alert, rule="grass")).committed()
            if verdict:
                await journal.record(AlertUpdated(**alert, what="verdict", verdict=verdict)).committed()
        other = AlertOpened(door="", alert="b-1", kind="loitering", camera="lawn", rule="bench")
        await journal.record(other).committed()
        await journal.close()
        writer.close()

    asyncio.run(record())
    (tmp_path / "agent.toml").write_text(TOML)
    return tmp_path


def add(site: Path, record: Callable[[SqliteJournal], object], hours: float = 23) -> None:
    """More in the journal of `site`, so many hours after noon."""

    async def run() -> None:
        writer, clock = Writer(), Noon()
        clock.hours = hours
        journal = SqliteJournal(site / "state/journal.db", clock, writer)
        record(journal)
        await journal.apply()
        await journal.close()
        writer.close()

    asyncio.run(run())


def report(site: Path, *more: str, lang: str = "en") -> Result:
    paths = ["--config", str(site / "agent.toml"), "--state", str(site / "state")]
    return CliRunner().invoke(group, ["--lang", lang, "camera", "report", *paths, *more])


def written(site: Path, text: str) -> str:
    (site / "weather.csv").write_text(text, "utf-8")
    return str(site / "weather.csv")


def test_what_was_said_of_a_rule_and_what_to_change(site: Path) -> None:
    told = report(site)
    assert told.exit_code == 0, told.output
    assert "lawn grass: intrusion" in told.output
    assert "12 alerts" in told.output
    assert "2 real, 8 false, 1 unsure; false share 80% (≤ 94%)" in told.output
    assert "more than half are false" in told.output
    assert "lawn bench: " in told.output
    assert "no alert" in report(site, "--days", "0.04").output


def test_how_an_alarm_was_closed_is_a_verdict_until_somebody_looks(site: Path) -> None:
    """A drill and a test say nothing of the rule."""
    closed = {"alarm": "x", "kind": "intrusion", "door": "", "by": "li", "camera": "pond"}
    ends = (("real", ""), ("false", ""), ("false", "true"), ("drill", ""), ("test", ""))

    def record(journal: SqliteJournal) -> None:
        for n, (outcome, verdict) in enumerate(ends):
            alert = {"door": "", "alert": f"p-{n}", "kind": "intrusion", "camera": "pond"}
            journal.record(AlertOpened(**alert, rule="water"))
            journal.record(AlarmClosed(**closed | {"alarm": f"p-{n}"}, outcome=outcome))
            if verdict:
                journal.record(AlertUpdated(**alert, what="verdict", verdict=verdict))
                journal.record(
                    AlarmClosed(**closed | {"alarm": f"p-{n}"}, outcome=outcome)
                )  # whoever looked knows better

    add(site, record)
    assert "pond water: intrusion – 5 alerts" in report(site).output
    (line,) = [line for line in report(site).output.splitlines() if line.startswith("pond water")]
    assert "reviewed: 2 real, 1 false, 0 unsure" in line


def test_rates_are_of_what_was_observed_and_the_span_is_said(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal began a day ago, however far back is asked; of less than an hour the rate is as of an hour."""
    for days in ("7", "365"):
        told = report(site, "--days", days).output
        assert "records since 2026-05-04 12:00: 24 h" in told
        assert "12 alerts, 12.0 a day" in told
    assert json.loads(report(site, "--json").output.splitlines()[0])["observed_days"] == 1.0
    assert "记录自 2026-05-04 12:00 起，共 24 小时" in report(site, lang="zh").output
    assert "records since 2026-05-05 00:00: 12 h" in report(site, "--days", "0.5").output
    monkeypatch.setattr("time.time_ns", lambda: (NOON_MS + 30 * 86_400_000) * 1_000_000)
    assert "records since 2026-05-27 12:00: 7.0 days" in report(site).output
    assert "12 alerts, 0.4 a day" in report(site, "--days", "365").output


def test_so_many_in_a_few_minutes_are_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eighteen alerts in three and a half minutes, seven days asked for: not 2.6 a day."""
    monkeypatch.setattr("time.time_ns", lambda: (NOON_MS + 210_000) * 1_000_000)
    (tmp_path / "agent.toml").write_text(TOML)
    alerts = [AlertOpened(door="", alert=f"a-{n}", kind="intrusion", camera="lawn", rule="grass") for n in range(18)]
    add(tmp_path, lambda journal: [journal.record(alert) for alert in alerts], 0)
    told = report(tmp_path).output
    assert "records since 2026-05-04 12:00: 1 h" in told
    assert "18 alerts, 432.0 a day" in told
    assert "too many for anybody to look at" in told


def test_of_one_alert_in_a_few_minutes_nothing_is_concluded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was `1 alerts, 24.0 a day`, and too many for anybody to look at."""
    monkeypatch.setattr("time.time_ns", lambda: (NOON_MS + 300_000) * 1_000_000)
    (tmp_path / "agent.toml").write_text(TOML)
    alert = AlertOpened(door="", alert="a-1", kind="intrusion", camera="lawn", rule="grass")
    missing = AlertUpdated(door="", alert="a-1", kind="intrusion", camera="lawn", what="no_evidence")
    add(tmp_path, lambda journal: (journal.record(alert), journal.record(missing)), 0)
    told = report(tmp_path).output
    assert "records since 2026-05-04 12:00: 1 h or less" in told
    assert "– 1 alert, too little for a rate; reviewed: 0 real" in told
    assert "a day" not in told
    assert "→" not in told
    assert "1 次，不足以折算每日次数" in report(tmp_path, lang="zh").output
    found = json.loads(report(tmp_path, "--json").output)
    assert (found["alerts"], found["a_day"], found["suggestion"]) == (1, None, "")
    monkeypatch.setattr("time.time_ns", lambda: (NOON_MS + 86_400_000) * 1_000_000)
    assert "1 alert, 1.0 a day" in report(tmp_path).output


def test_a_journal_that_gave_up_its_oldest_events_counts_from_those_it_has(site: Path) -> None:
    with closing(sqlite3.connect(site / "state/journal.db")) as connection, connection:
        (upto,) = connection.execute(
            "SELECT max(seq) FROM events WHERE wall_ms < ?", (NOON_MS + 6 * 3_600_000,)
        ).fetchone()
        connection.execute("DELETE FROM events WHERE seq <= ?", (upto,))
    told = report(site).output
    assert "records since 2026-05-04 18:00: 18 h" in told
    assert "6 alerts, 8.0 a day" in told


def test_a_gateway_that_never_knew_the_time_counts_from_its_first_event(site: Path) -> None:
    with closing(sqlite3.connect(site / "state/journal.db")) as connection, connection:
        connection.execute("UPDATE events SET clock = 'unset'")
    for days in ("7", "365"):
        told = report(site, "--days", days).output
        assert "records since 2026-05-04 12:00: 24 h" in told
        assert "12 alerts, 12.0 a day" in told


def test_the_false_share_by_weather(site: Path) -> None:
    """Rain from two to six o'clock; before, somebody wrote down sun; six hours after the last word nobody knows."""
    file = written(site, "time,weather\n2026-05-04 14:00,rain\n2026-05-04T11:00,sun\n\n2026-05-04T18:00:00+08:00,晴\n")
    told = report(site, "--weather", file)
    assert told.exit_code == 0, told.output
    assert "  rain: 4 alerts; 0 real, 2 false; false share 100%" in told.output
    assert "  sun: 2 alerts; 1 real, 1 false; false share 50%" in told.output
    assert "  晴: 6 alerts; 1 real, 5 false; false share 83%" in told.output
    lines = [json.loads(line) for line in report(site, "--weather", file, "--json").output.splitlines()]
    assert [one["word"] for one in lines[0]["weather"]] == ["晴", "rain", "sun"]
    early = written(site, "2026-05-04T11:00,雾\n")
    chinese = report(site, "--weather", early, lang="zh").output
    assert "雾：5 次" in chinese
    assert "无天气记录：7 次" in chinese


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-05-04T11:00,sun\nyesterday,rain\n", "line 2: `yesterday,rain`"),
        ("04.05.2026 11:00,sun\n2026-05-04T12:00,rain\n", "line 1: `04.05.2026 11:00,sun`"),
        ("x" * 200_000, "cannot be read"),
        ("2026-05-04T11:00,sun\n2026-05-04T12:00\n", "line 2: `2026-05-04T12:00`"),
        ("2026-05-04T11:00,sun\n2026-05-04T12:00, \n", "line 2"),
        ("time,weather\n", "no line with a time"),
        ("", "no line with a time"),
    ],
)
def test_a_file_that_is_no_weather_says_where(site: Path, text: str, said: str) -> None:
    told = report(site, "--weather", written(site, text))
    assert isinstance(told.exception, EdgeAgentError)
    assert said in told.exception.text("en")


def test_a_file_in_another_encoding_is_refused(site: Path) -> None:
    (site / "gbk.csv").write_bytes("2026-05-04T11:00,雨\n".encode("gbk"))
    told = report(site, "--weather", str(site / "gbk.csv"))
    assert isinstance(told.exception, EdgeAgentError)
    assert "UTF-8" in told.exception.text("en")


def test_a_word_holds_until_the_next_and_no_longer_than_six_hours() -> None:
    said = Weather(["\ufeff2026-05-04T06:00,rain", "2026-05-04T09:00,sun"], SHANGHAI, "w.csv")
    hours = {hour: said.at(NOON_MS + (hour - 12) * 3_600_000) for hour in (5, 6, 8, 9, 14, 15)}
    assert hours == {5: "", 6: "rain", 8: "rain", 9: "sun", 14: "sun", 15: ""}


def test_what_nobody_heard_is_no_reason_to_change_a_rule(site: Path) -> None:
    """Forty of a muted rule within the day: said to be only recorded, and neither too many nor unanswered."""

    def more(journal: SqliteJournal) -> None:
        for n in range(40):
            alert = AlertOpened(
                door="", alert=f"c-{n}", kind="crossing", camera="lawn", rule="muted", quiet=n > 0
            )  # fmt: skip
            journal.record(alert)

    add(site, more)
    assert "40 alerts (39 only recorded), 1.0 a day" in report(site).output
    (made,) = [one for one in map(json.loads, report(site, "--json").output.splitlines()) if one["rule"] == "muted"]
    assert (made["alerts"], made["quiet"], made["a_day"], made["suggestion"]) == (40, 39, 1.0, "")
    assert "40 次（其中仅记录 39 次）" in report(site, lang="zh").output
