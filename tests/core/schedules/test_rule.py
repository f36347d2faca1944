"""The times at which rules fire: beside a matcher of every minute, APScheduler, and clocks that change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from apscheduler.triggers.cron import CronTrigger
from hypothesis import given, settings
from hypothesis import strategies as st

from reelwork.errors import WorkflowInvalid
from reelwork.schedules.rule import Rule, jitter_of, least_gap, publishing, rule_of

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


def instant(text: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def shown(rule: Rule, after: float, count: int) -> list[str]:
    """The next firings as their zone's clocks show them, with their offset."""
    found = islice(rule.after(after), count)
    return [datetime.fromtimestamp(one.at, rule.zone).isoformat(timespec="minutes") for one in found]


# --- a matcher of the test's own: it looks at every minute -------------------------------------------------


@cache
def values(field: str, low: int, high: int, names: tuple[str, ...] = (), first: int = 0) -> frozenset[int]:
    found: set[int] = set()
    for part in field.lower().split(","):
        span, _, step = part.partition("/")
        begin, _, end = span.partition("-")
        numbers = {name: place + first for place, name in enumerate(names)}
        lowest = low if span == "*" else numbers[begin] if begin in numbers else int(begin)
        if span == "*" or (step and not end):
            highest = high
        else:
            highest = lowest if not end else numbers[end] if end in numbers else int(end)
        found.update(range(lowest, highest + 1, int(step or 1)))
    return frozenset(found)


def matches(cron: str, wall: datetime) -> bool:
    minute, hour, day, month, weekday = cron.split()
    if wall.minute not in values(minute, 0, 59) or wall.hour not in values(hour, 0, 23):
        return False
    if wall.month not in values(month, 1, 12, MONTHS, 1):
        return False
    on_day = wall.day in values(day, 1, 31)
    weekdays = {number % 7 for number in values(weekday, 0, 7, DAYS)}
    on_weekday = (wall.weekday() + 1) % 7 in weekdays
    both = not day.startswith("*") and not weekday.startswith("*")
    return on_day or on_weekday if both else on_day and on_weekday


def by_the_minute(cron: str, zone: ZoneInfo, after: datetime, minutes: int) -> list[datetime]:
    """Every firing in so many minutes, by the rules of the design, one minute after the other."""
    starred = cron.split()[0].startswith("*") or cron.split()[1].startswith("*")
    found, before, shown_before = [], None, set()
    start = after.replace(second=0, microsecond=0) - timedelta(hours=4)
    for number in range(1, minutes + 240 + 1):
        at = start + timedelta(minutes=number)
        wall = at.astimezone(zone).replace(tzinfo=None, fold=0)
        fires = matches(cron, wall)
        if not starred:
            # At its first occurrence; what the clocks leave out comes at the end of the gap.
            fires = fires and wall not in shown_before
            if before is not None:
                left_out = int((wall - before).total_seconds() // 60) - 1
                fires |= any(matches(cron, before + timedelta(minutes=one)) for one in range(1, left_out + 1))
        shown_before.add(wall)
        before = wall
        if fires and at > after:
            found.append(at)
    return found


def numbers(low: int, high: int) -> st.SearchStrategy[str]:
    one = st.integers(low, high).map(str)
    span = st.tuples(st.integers(low, high), st.integers(low, high)).map(lambda two: f"{min(two)}-{max(two)}")
    step = st.tuples(st.one_of(st.just("*"), span), st.integers(1, 20)).map(lambda two: f"{two[0]}/{two[1]}")
    some = st.lists(st.one_of(one, span), min_size=1, max_size=3).map(",".join)
    return st.one_of(st.just("*"), one, some, step)


crons = st.tuples(
    numbers(0, 59),
    numbers(0, 23),
    st.one_of(st.just("*"), numbers(1, 28)),
    st.one_of(st.just("*"), st.just("*"), numbers(1, 12), st.sampled_from(MONTHS)),
    st.one_of(st.just("*"), numbers(0, 7), st.sampled_from([*DAYS, "mon-fri", "sat,sun"])),
).map(" ".join)
# The days on which the three zones change their clocks, each way, and one on which none does.
STARTS = (
    "2026-03-07T20:00", "2026-03-28T12:00", "2026-04-04T06:00", "2026-10-03T06:00", "2026-10-24T12:00",
    "2026-10-31T20:00", "2026-06-14T12:00",
)  # fmt: skip


def agrees(cron: str, zone: str, start: str) -> None:
    after = datetime.fromisoformat(start).replace(tzinfo=UTC)
    minutes = 36 * 60
    end = after.timestamp() + minutes * 60
    found = []
    for one in rule_of(cron=cron, tz=zone).after(after.timestamp()):
        if one.at > end:
            break
        found.append(datetime.fromtimestamp(one.at, UTC))
    assert found == by_the_minute(cron, ZoneInfo(zone), after, minutes), (cron, zone, start)


# The same expressions each time: new ones are tried by the slow form.
@settings(max_examples=60, deadline=None, derandomize=True)
@given(crons, st.sampled_from(ZONES), st.sampled_from(STARTS))
def test_a_rule_fires_as_a_matcher_says_that_looks_at_every_minute(cron: str, zone: str, start: str) -> None:
    agrees(cron, zone, start)


@pytest.mark.slow
@settings(max_examples=2000, deadline=None)
@given(crons, st.sampled_from(ZONES), st.sampled_from(STARTS))
def test_two_thousand_rules_fire_as_a_matcher_says_that_looks_at_every_minute(
    cron: str, zone: str, start: str
) -> None:
    agrees(cron, zone, start)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    st.integers(0, 59),
    st.sampled_from(["*", "*/6", "9", "8-17"]),
    st.sampled_from(["*", "mon", "tue-thu", "sat,sun"]),
)
def test_away_from_clock_changes_apscheduler_fires_at_the_same_times(minute: int, hour: str, weekday: str) -> None:
    cron = f"{minute} {hour} * * {weekday}"
    start = datetime(2026, 6, 14, 12, 0, tzinfo=UTC)
    trigger = CronTrigger.from_crontab(cron, timezone=ZoneInfo("Europe/Berlin"))
    found, at = [], start
    for _ in range(20):
        fired: Any = trigger.get_next_fire_time(None, at + timedelta(seconds=1))
        at = fired.astimezone(UTC)
        found.append(at.timestamp())
    ours = islice(rule_of(cron=cron, tz="Europe/Berlin").after(start.timestamp()), 20)
    assert [one.at for one in ours] == found


# --- days on which the clocks change -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "cron", "before", "fired"),
    [
        ("Europe/Berlin", "30 2 * * *", "2026-10-24T12:00", ["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"]),
        ("Europe/Berlin", "30 2 * * *", "2027-03-27T12:00", ["2027-03-28T03:00+02:00", "2027-03-29T02:30+02:00"]),
        (
            "America/New_York",
            "30 1 * * *",
            "2026-10-31T12:00",
            ["2026-11-01T01:30-04:00", "2026-11-02T01:30-05:00"],
        ),
        (
            "America/New_York",
            "15 2 * * *",
            "2027-03-13T12:00",
            ["2027-03-14T03:00-04:00", "2027-03-15T02:15-04:00"],
        ),
        (
            "Australia/Lord_Howe",
            "45 1 * * *",
            "2027-04-03T12:00",
            ["2027-04-04T01:45+11:00", "2027-04-05T01:45+10:30"],
        ),
        (
            "Australia/Lord_Howe",
            "15 2 * * *",
            "2026-10-03T12:00",
            ["2026-10-04T02:30+11:00", "2026-10-05T02:15+11:00"],
        ),
    ],
)
def test_a_fixed_time_fires_once_at_its_first_occurrence_or_at_the_end_of_the_gap(
    zone: str, cron: str, before: str, fired: list[str]
) -> None:
    rule = rule_of(cron=cron, tz=zone)
    assert shown(rule, instant(before, zone), 2) == fired
    keys = [one.key for one in islice(rule.after(instant(before, zone)), 2)]
    assert keys == [one[:16] for one in fired], "the key is what the clock shows, without its zone"


def test_a_rule_that_begins_with_a_star_runs_through_both_hours_and_is_known_by_utc() -> None:
    rule = rule_of(cron="*/30 * * * *", tz="Europe/Berlin")
    keys = [one.key for one in islice(rule.after(instant("2026-10-25T01:59", "Europe/Berlin")), 5)]
    assert keys == [f"2026-10-25T{time}Z" for time in ("00:00", "00:30", "01:00", "01:30", "02:00")]


@pytest.mark.parametrize("minute", ["7-7/3", "7", "7-7", "7-7/60,7"])
def test_a_span_of_one_is_that_one_also_with_a_step(minute: str) -> None:
    rule = rule_of(cron=f"{minute} 9 * * *")
    assert [one.key for one in islice(rule.after(instant("2026-06-14T12:00")), 2)] == [
        "2026-06-15T09:07", "2026-06-16T09:07",
    ]  # fmt: skip


def test_several_times_in_one_gap_fire_once() -> None:
    rule = rule_of(cron="0,15,30 2,3 * * *", tz="Europe/Berlin")
    assert shown(rule, instant("2027-03-28T01:00", "Europe/Berlin"), 3) == [
        "2027-03-28T03:00+02:00", "2027-03-28T03:15+02:00", "2027-03-28T03:30+02:00",
    ]  # fmt: skip


def test_every_counts_elapsed_time_and_at_fires_once() -> None:
    begun = instant("2026-10-24T21:00", "Europe/Berlin")
    rule = rule_of(every="6h", anchor=begun)
    assert [one.at - begun for one in islice(rule.after(begun), 3)] == [21_600, 43_200, 64_800]
    assert next(rule.after(begun + 21_600)).at == begun + 43_200
    only = rule_of(at="2027-03-28T02:30", tz="Europe/Berlin")
    assert [one.key for one in only.after(begun)] == ["2027-03-28T03:00"]
    assert list(only.after(instant("2027-03-28T03:00", "Europe/Berlin"))) == []


# --- what is refused ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"cron": "0 9 * *"}, "4 fields"),
        ({"cron": "0 0 9 * * 1"}, "6 fields"),
        ({"cron": "@daily"}, "1 field;"),
        ({"cron": "60 9 * * 1"}, "minute"),
        ({"cron": "0 9 31 2 *"}, "day of month"),
        ({"cron": "0 9 * * 8"}, "day of week"),
        ({"cron": "0 9 * * 1", "tz": "Mars/One"}, "no time zone 'Mars/One'"),
        ({"cron": "0 9 * * 1", "tz": "../etc"}, "no time zone"),
        ({"every": "6"}, "not a length"),
        ({"every": "30s"}, "too often"),
        ({"at": "0001-01-01", "tz": "UTC"}, "no time that will come"),
        ({"at": "9999-12-31T23:59", "tz": "America/New_York"}, "no time that will come"),
        ({"at": "tomorrow"}, "not a date"),
        ({"at": "2027-01-05T18:00+01:00"}, "offset"),
        ({}, "Nothing says"),
        ({"every": "6h", "cron": "0 9 * * 1"}, "cron and every"),
    ],
)
def test_a_rule_that_means_nothing_is_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(WorkflowInvalid, match=says.replace("(", r"\(")):
        rule_of(**given)


# --- jitter ------------------------------------------------------------------------------------------------


def test_jitter_is_stable_forward_and_within_its_bound() -> None:
    keys = [f"2026-11-{day:02d}T09:00" for day in range(1, 29)]
    found = [jitter_of("weekly", key, 600) for key in keys]
    assert found == [jitter_of("weekly", key, 600) for key in keys]
    assert all(0 <= one < 600 for one in found)
    assert len(set(found)) > 20
    assert found != [jitter_of("other", key, 600) for key in keys]
    assert jitter_of("weekly", keys[0], 0) == 0


def test_the_least_gap_is_that_of_the_shortest_pause_between_firings() -> None:
    now = instant("2026-06-14T12:00")
    assert least_gap(rule_of(cron="0 9,10 * * *"), now) == 3600
    assert least_gap(rule_of(at="2027-01-05T18:00"), now) is None


# --- slots for posts -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "cron"),
    [
        ("fri 18:00", "0 18 * * fri"),
        ("Mon,Thu 9:05", "5 9 * * mon,thu"),
        ("mon-fri 23:59", "59 23 * * mon-fri"),
        ("daily 00:00", "0 0 * * *"),
        ("30 17 1 * *", "30 17 1 * *"),
    ],
)
def test_slots_mean_a_rule_and_fire_before_it(text: str, cron: str) -> None:
    rule, slots = publishing(text, "90m", "Europe/Berlin"), rule_of(cron=cron, tz="Europe/Berlin")
    after = instant("2026-11-29T12:00")
    found = list(islice(rule.after(after), 5))
    expected = [one for one in islice(slots.after(after), 6) if one.at - 5400 > after][:5]
    assert [(one.key, one.at + 5400) for one in found] == [(one.key, one.at) for one in expected]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("after", ["2026-02-25T00:00", "2026-09-25T00:00"])
def test_a_slot_is_at_its_local_time_when_clocks_change_between(zone: str, after: str) -> None:
    rule = publishing("daily 18:00", "1 day", zone)
    for firing in islice(rule.after(instant(after)), 45):
        slot = datetime.fromtimestamp(firing.at + rule.lead, rule.zone)
        assert (slot.hour, slot.minute, f"{slot:%Y-%m-%dT%H:%M}") == (18, 0, firing.key)


@pytest.mark.parametrize(
    "text", ["friday evening", "fri 24:00", "fry 18:00", "18:00", "fri 18", "", "fri 18:00 utc"]
)
def test_what_is_no_slot_is_refused(text: str) -> None:
    with pytest.raises(WorkflowInvalid, match="is not a slot for posts"):
        publishing(text, "1d", "UTC")
