"""The judge of the month: each time of each schedule by the rules, counted anew, and the other sides' own records.

The rules are written out here a second time, minute by minute, from the events of the story and from what the
reader left in the folder. Nothing of the product computes them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from month_story import BEGUN, DAY, EVENTS, START, TOKEN_ENDS, WEEK
from month_world import STORE, WEEKS, Left, Month

from reelwork.store.sqlite.store import SqliteStore

BERLIN, YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
UNTRUSTED = 600.0
"""Seconds for which a clock that was set forward is not believed."""
HOUR = 3600.0


def _weekdays(local: datetime) -> bool:
    return local.weekday() < 5


def _mondays(local: datetime) -> bool:
    return local.weekday() == 0


def _two_days(local: datetime) -> bool:
    return local.weekday() in (1, 3)


def _every_day(local: datetime) -> bool:
    return True


@dataclass(frozen=True)
class Rule:
    """A schedule's times, and what is done about those that were missed."""

    name: str
    price: float
    zone: ZoneInfo | None = None
    """None: the times go by what passes, and their keys are in UTC."""
    hour: tuple[int, int] = (0, 0)
    day: Callable[[datetime], bool] = _every_day
    every: float = 0.0
    lead: float = 0.0
    grace: float = 6 * HOUR
    catches_up: bool = False

    def times(self) -> Iterator[tuple[str, float]]:
        """Yield each time of the month, with its key."""
        end = START + WEEKS * WEEK
        if self.every:
            for number in range(1, int((end - BEGUN) / self.every) + 1):
                moment = BEGUN + number * self.every
                yield f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}", moment
            return
        assert self.zone is not None
        # Minute by minute, as a clock on the wall there shows it; a slot may lie beyond the end of the month.
        for minute in range(int((WEEKS * WEEK + self.lead) / 60)):
            moment = START + minute * 60
            local = datetime.fromtimestamp(moment, self.zone)
            due = moment - self.lead
            if (local.hour, local.minute) == self.hour and self.day(local) and BEGUN < due < end:
                yield f"{local:%Y-%m-%dT%H:%M}", due


RULES = (
    Rule("acme-teasers", 0.40, BERLIN, (9, 0), _weekdays),
    Rule("acme-mondays", 0.40, BERLIN, (18, 0), _mondays, lead=2 * DAY),
    Rule("acme-loops", 0.10, every=6 * HOUR),
    Rule("acme-launch", 0.40, BERLIN, (12, 0), lambda local: local.day == 10),
    Rule("bolt-daily", 0.40, YORK, (8, 30)),
    Rule("bolt-slots", 0.40, YORK, (12, 0), _two_days, lead=6 * HOUR),
    Rule("bolt-nights", 0.10, every=12 * HOUR, grace=2 * DAY, catches_up=True),
)
BOLT = "bicycle"
"""In each prompt of the brand bolt, and in no other."""
AT_CHANNEL = ("bolt-daily", "bolt-slots")


@dataclass(frozen=True)
class Gap:
    """Times that nobody could decide about when they came."""

    begins: float
    ends: float
    """The clock of the machine when it looked again."""
    again: bool = False
    """True for the clock that was ahead: what it did not fire comes again."""


@dataclass
class Model:
    """The month as the rules say it."""

    month: Month
    gaps: tuple[Gap, ...] = field(default_factory=lambda: gaps())
    used: int = 0

    def fates(self) -> dict[str, dict[str, str]]:
        """Return what became of each time, by schedule and key."""
        decided = sorted(
            (self._decided(due), due, rule.name, key, rule) for rule in RULES for key, due in rule.times()
        )
        found: dict[str, dict[str, str]] = {rule.name: {} for rule in RULES}
        for moment, due, name, key, rule in decided:
            found[name][key] = self._fate(rule, due, moment)
        return found

    def _gap(self, due: float) -> Gap | None:
        return next((gap for gap in self.gaps if gap.begins < due <= gap.ends), None)

    def _decided(self, due: float) -> float:
        gap = self._gap(due)
        return due if gap is None else gap.ends

    def _fate(self, rule: Rule, due: float, moment: float) -> str:
        left = self._left(due)
        if rule.name in left.paused:
            return "paused"
        if rule.name in AT_CHANNEL and due > TOKEN_ENDS and not left.signed_in:
            return "missed"
        gap = self._gap(due)
        if gap is not None and not gap.again and not self._is_caught_up(rule, due, moment):
            return "missed"
        if rule.name == "acme-teasers":
            # A row is used when it is fired, whatever becomes of its job.
            if self.used >= left.rows:
                return "refused"
            self.used += 1
        if rule.name.startswith("bolt") and self._spent(due) + rule.price > left.ceiling + 1e-6:
            return "refused"
        return "fired"

    def _is_caught_up(self, rule: Rule, due: float, moment: float) -> bool:
        if moment - due > rule.grace:
            return False
        return rule.catches_up or due == max(one for _, one in rule.times() if one <= moment)

    def _left(self, moment: float) -> Left:
        return self.month.left[min(int((moment - 1 - START) // WEEK), WEEKS - 1)]

    def _spent(self, moment: float) -> float:
        """Return what the provider itself has accepted for bolt in the month."""
        # Not what the ledger reserved: were that wrong, both would agree about a wrong sum.
        made = self.month.sides.provider.renders
        return sum(one.seconds * 0.1 for one in made if BOLT in one.prompt and one.at < moment)


def gaps() -> tuple[Gap, ...]:
    """Return the gaps of the story."""
    when = {(one.name, one.value > 0): one.at for one in EVENTS}
    ahead = when["the clock is set", True]
    return (
        Gap(when["the machine dies", False], when["the machine is back", False]),
        Gap(ahead, ahead + 2 * DAY + UNTRUSTED, again=True),
        Gap(when["the disk is full", False], when["the disk has room", False] + 60),
    )


def judge(month: Month) -> list[str]:
    """Return what happened in lines. Raises `AssertionError` for what the rules or the promise do not allow."""
    store = SqliteStore(month.folder / STORE, clock=month.clock)
    try:
        return [*_firings(month, store), *_sides(month, store)]
    finally:
        store.close()


def _firings(month: Month, store: SqliteStore) -> Iterator[str]:
    expected, wrong = Model(month).fates(), []
    for name, keys in expected.items():
        slots = [slot for slot in store.slots(name) if not slot.key.startswith("now:")]
        told = {slot.key: str(slot.state) for slot in slots if slot.state != "foreseen"}
        wrong += [
            f"{name} {key}: {told.get(key)}, and by the rules {keys.get(key)}"
            for key in sorted(keys.keys() | told.keys())
            if told.get(key) != keys.get(key)
        ]
        counted = ", ".join(f"{count} {state}" for state, count in sorted(Counter(told.values()).items()))
        yield f"{name:13} {counted}"
    assert not wrong, "\n".join(wrong)


def _sides(month: Month, store: SqliteStore) -> Iterator[str]:
    rows = store.jobs()
    effects = {row.id: store.effects_of(row.id) for row in rows}
    owner = {one.key: (job, one.kind) for job, found in effects.items() for one in found}
    made = month.sides.made()
    for name, renders in made.items():
        # By the mark of the judge, and by the job: neither an effect nor a job was carried out twice.
        tags = Counter(one.tag for one in renders)
        jobs = Counter(owner[one.tag] for one in renders)
        twice = [str(one) for one, count in (*tags.items(), *jobs.items()) if count > 1]
        assert not twice, f"{name} carried out twice: {twice}"
    paid = round(sum(one.seconds * 0.1 for one in made["provider"]), 2)
    sums = store.spending("month")
    counted = round(float(sum(one.charged + one.reserved for one in sums)), 2)
    assert paid == counted, f"the provider charges ${paid}, and the ledger has ${counted}"
    # The other way round as well: the ledger does not count as posted what its network never got.
    posts = {one.tag for name in ("mastodon", "youtube") for one in made[name]}
    for row in rows:
        kept = [one for one in effects[row.id] if one.kind == "publish" and one.state == "confirmed"]
        assert all(one.key in posts for one in kept), f"{row.id} counts as posted, and its network has no post"
    status = ", ".join(f"{count} {word}" for word, count in sorted(Counter(row.status for row in rows).items()))
    counts = ", ".join(f"{len(renders)} at {name}" for name, renders in made.items())
    yield f"jobs          {status}"
    yield f"carried out   {counts}; none of them twice; ${paid:.2f} paid, and the ledger has the same"


def whole(month: Month) -> list[str]:
    """Return the jobs that are not done; all of them have a reason."""
    store = SqliteStore(month.folder / STORE, clock=month.clock)
    try:
        rows = [row for row in store.jobs() if row.status != "done"]
        return [f"{row.status} at {row.step}: {row.reason}" for row in rows]
    finally:
        store.close()
