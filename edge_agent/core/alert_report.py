"""What the alerts of some days say about the rules that made them: how many, how many of them false, what to change.

Whoever looks at the evidence gives a verdict, or else whoever closes the alarm as real or false; only alerts with one
count for the rate. Interval: Wilson, 95 %.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable

import msgspec

from edge_agent.model.events import AlarmClosed, AlertOpened, AlertUpdated, Row

DAY_MS = 86_400_000
LEAST_DAYS = 1 / 24  # a rate of what was seen for minutes says nothing
ENOUGH = 8  # reviewed alerts before anything is suggested
BASE_DAYS = 0.5  # of fewer than ENOUGH alerts in less, neither a rate nor advice
BY_OUTCOME = {"real": "true", "false": "false"}  # of an alarm; a drill and a test say nothing of the rule
MANY_FALSE, MANY_A_DAY = 0.5, 20.0


class WeatherShare(msgspec.Struct, frozen=True):
    """A rule's alerts in one weather; `word` is empty where nobody knows it."""

    word: str
    alerts: int
    true: int
    false: int

    @property
    def false_share(self) -> float | None:
        return self.false / (self.true + self.false) if self.true + self.false else None


class RuleReport(msgspec.Struct, frozen=True):
    """One rule of one camera. `quiet`: what of `alerts` was only recorded; `a_day`: what somebody heard, over
    `observed_days`, None where that is too little for a rate; `false_high`: upper end of the interval of the false
    share; `hours`: alerts by the hour; `suggestion`: code of `words`, empty when there is nothing to change.
    """

    camera: str
    rule: str
    kind: str
    alerts: int
    quiet: int
    a_day: float | None
    true: int
    false: int
    unsure: int
    false_share: float | None
    false_high: float | None
    no_evidence: int
    hours: tuple[int, ...]
    weather: tuple[WeatherShare, ...] = ()
    suggestion: str = ""
    observed_days: float = 0.0


def observed(days: float, began_ms: int, now_ms: int) -> float:
    """For how many of the last `days` there are records, which begin at `began_ms` (Unix ms); an hour at least."""
    return max(LEAST_DAYS, min(days, (now_ms - began_ms) / DAY_MS))


def report(
    rows: Iterable[Row], days: float, local_hour: Callable[[int], int], weather: Callable[[int], str] | None = None
) -> list[RuleReport]:
    """`rows` of the journal in order, of `days` that were `observed`; `local_hour`, `weather`: of Unix ms."""
    opened: dict[str, tuple[AlertOpened, int]] = {}
    reviewed: dict[str, str] = {}
    closed: dict[str, str] = {}
    missing: set[str] = set()
    for row in rows:
        match row.event:
            case AlertOpened() as alert if alert.camera:
                opened[alert.alert] = (alert, row.wall_ms)
            case AlertUpdated(what="verdict", alert=name, verdict=verdict):
                reviewed[name] = verdict
            case AlarmClosed(alarm=name, outcome=outcome) if outcome in BY_OUTCOME:
                closed[name] = BY_OUTCOME[outcome]
            case AlertUpdated(what="no_evidence", alert=name):
                missing.add(name)
            case _:
                pass
    verdicts = closed | reviewed  # who looked at the evidence knows better than who ended the alarm
    by_rule: dict[tuple[str, str, str], list[tuple[AlertOpened, int]]] = defaultdict(list)
    for alert, at_ms in opened.values():
        by_rule[alert.camera, alert.rule, alert.kind].append((alert, at_ms))
    found = [_rule(key, alerts, verdicts, missing, days, local_hour, weather) for key, alerts in by_rule.items()]
    return sorted(found, key=lambda one: (-one.alerts, one.camera, one.rule, one.kind))


def _rule(
    key: tuple[str, str, str],
    alerts: list[tuple[AlertOpened, int]],
    verdicts: dict[str, str],
    missing: set[str],
    days: float,
    local_hour: Callable[[int], int],
    weather: Callable[[int], str] | None,
) -> RuleReport:
    said = Counter(verdicts[alert.alert] for alert, _ in alerts if alert.alert in verdicts)
    hours = Counter(local_hour(at_ms) for _, at_ms in alerts)
    sure = said["true"] + said["false"]
    share = said["false"] / sure if sure else None
    heard = sum(not alert.quiet for alert, _ in alerts)
    made = RuleReport(
        *key, alerts=len(alerts), quiet=len(alerts) - heard,
        a_day=heard / days if days >= BASE_DAYS or len(alerts) >= ENOUGH else None, observed_days=round(days, 3),
        true=said["true"], false=said["false"], unsure=said["unsure"], false_share=share,
        false_high=wilson(said["false"], sure)[1] if sure else None,
        no_evidence=sum(alert.alert in missing for alert, _ in alerts),
        hours=tuple(hours[hour] for hour in range(24)), weather=_by_weather(alerts, verdicts, weather),
    )  # fmt: skip
    return msgspec.structs.replace(made, suggestion=_suggestion(made))


def _by_weather(
    alerts: list[tuple[AlertOpened, int]], verdicts: dict[str, str], weather: Callable[[int], str] | None
) -> tuple[WeatherShare, ...]:
    if weather is None:
        return ()
    by_word: dict[str, list[str]] = defaultdict(list)
    for alert, at_ms in alerts:
        by_word[weather(at_ms)].append(verdicts.get(alert.alert, ""))
    shares = [WeatherShare(word, len(said), said.count("true"), said.count("false")) for word, said in by_word.items()]
    return tuple(sorted(shares, key=lambda one: (-one.alerts, one.word)))


def _suggestion(one: RuleReport) -> str:
    if one.a_day is None:
        return ""
    reviewed = one.true + one.false
    night = sum(one.hours[hour] for hour in (20, 21, 22, 23, 0, 1, 2, 3, 4, 5))
    if reviewed >= ENOUGH and one.false_share is not None and one.false_share >= MANY_FALSE:
        return "report.many_false_at_night" if night > 0.8 * one.alerts else "report.many_false"
    if one.a_day > MANY_A_DAY:
        return "report.many"
    if reviewed < ENOUGH <= one.alerts - one.quiet:
        return "report.not_reviewed"
    if one.no_evidence > one.alerts / 2:
        return "report.no_evidence"
    return ""


def wilson(hits: int, of: int) -> tuple[float, float]:
    """95 % interval of a share."""
    z, share = 1.96, hits / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return max(0.0, middle - half), min(1.0, middle + half)
