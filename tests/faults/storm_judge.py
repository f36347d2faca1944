"""What must hold when a round of the storm is over, by the simulator's and the wall's own logs."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from storm_plan import COST, Weather
from storm_sides import Destination

from reelwork.store.records import ACTIVE, DONE, HELD, EffectRow
from reelwork.store.sqlite.effects import EFFECT_COLUMNS
from reelwork.store.sqlite.maintenance.check import check
from reelwork_plugins.simulator import RunningSimulator

MICROS = 1_000_000
MINUTE = 60.0
ENDS = (0, 1, 3)
"""How a command ends by itself."""


@dataclass
class Verdict:
    """What came of a round."""

    accepted: int = 0
    """Requests and posts that the other sides carried out."""
    duplicates: int = 0
    lost: int = 0
    wrong: list[str] = field(default_factory=list)
    """What is broken, a line each; duplicates and lost jobs are among them."""


@dataclass(frozen=True)
class Books:
    """What the store says at the end."""

    jobs: list[dict[str, Any]]
    effects: list[EffectRow]

    @classmethod
    def of(cls, store: Path) -> Books:
        with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True, timeout=60)) as db:
            db.row_factory = sqlite3.Row
            jobs = [dict(row) for row in db.execute("SELECT * FROM jobs ORDER BY seq")]
            effects = [EffectRow(*row) for row in db.execute(f"SELECT {EFFECT_COLUMNS} FROM effects")]
        return cls(jobs, effects)

    def waits_for_a_minute(self, job: Mapping[str, Any]) -> bool:
        return job["status"] == ACTIVE and job["blocked_on"] is not None and "last minute" in job["reason"]


class Judge:
    """Compares the books with the other sides' logs."""

    def __init__(
        self,
        weather: Weather,
        simulator: RunningSimulator,
        there: Destination,
        began: float,
        extra: Sequence[str] = (),
    ) -> None:
        self.weather, self.there, self.began, self.extra = weather, there, began, extra
        self.prompts = (*weather.prompts, *extra)
        self.renders = simulator.jobs()
        self.creates = [one for one in simulator.requests(method="POST") if one["operation"] == "create"]

    def judge(self, store: Path) -> Verdict:
        books = Books.of(store)
        verdict = Verdict(accepted=len(self.renders) + len(self.there.posts()))
        twice = [*self._paid_twice(), *self.there.twice()]
        lost = list(self._lost(books))
        verdict.duplicates, verdict.lost = len(twice), len(lost)
        verdict.wrong = [*twice, *lost, *self._ends(books), *self._belongings(books), *self._money(books)]
        verdict.wrong += [*self._limits(), *_checked(store)]
        return verdict

    def _paid_twice(self) -> Iterator[str]:
        rows = Counter(self.prompts)
        for prompt, times in Counter(render["prompt"] for render in self.renders).items():
            for _ in range(times - rows[prompt]):
                yield f"paid twice: {prompt!r} has {rows[prompt]} rows and {times} renders"

    def _lost(self, books: Books) -> Iterator[str]:
        for _ in range(len(self.prompts) - len(books.jobs)):
            yield "a job is not in the store"
        made = Counter(render["id"] for render in self.renders)
        for job in books.jobs:
            if job["status"] != DONE:
                continue
            acts = [effect for effect in books.effects if effect.job_id == job["id"]]
            if not all(effect.state == "confirmed" for effect in acts) or len(acts) != 2:
                yield f"{job['id']} is done without its render and its post"
            for effect in acts:
                there = made[effect.remote_id or ""] if effect.kind == "submit" else self.there.has(effect)
                if not there:
                    yield f"{job['id']} is done, and nothing is known of it at the {effect.kind}"

    def _ends(self, books: Books) -> Iterator[str]:
        for job in books.jobs:
            if not self._is_explained(books, job):
                yield f"{job['id']} ends {job['status']} at {job['step']}: {job['reason']}"

    def _is_explained(self, books: Books, job: Mapping[str, Any]) -> bool:
        if job["status"] == DONE:
            return True
        if self.weather.per_minute and books.waits_for_a_minute(job):
            return True
        if job["status"] != HELD:
            return False
        open_ = [one for one in books.effects if one.job_id == job["id"] and one.state == "unknown"]
        if open_:
            return not any(self._must_be_told(one) for one in open_)
        return self.weather.budget is not None and "over the budget" in job["reason"]

    def _must_be_told(self, effect: EffectRow) -> bool:
        """Whether what became of it must be told: with its key, or by a look where something is known."""
        if effect.kind == "publish" and self.weather.wall == "KEY":
            return True
        return self.weather.warm and self.weather.can_be_told(effect)

    def _belongings(self, books: Books) -> Iterator[str]:
        """Whatever the other sides did belongs to one act of the ledger, or is in doubt."""
        claimed = Counter((effect.kind, effect.remote_id) for effect in books.effects if effect.remote_id)
        yield from (f"{one} belongs to {times} acts" for one, times in claimed.items() if times > 1)
        yield from self.there.unknown_to([one for one in books.effects if one.kind == "publish"])
        may_be = sum(one.kind == "submit" and one.state in ("sent", "unknown") for one in books.effects)
        orphans = [one["id"] for one in self.renders if ("submit", one["id"]) not in claimed]
        if len(orphans) > may_be:
            yield f"{len(orphans)} renders belong to no act, and {may_be} acts are in doubt: {orphans}"

    def _money(self, books: Books) -> Iterator[str]:
        """What was sent and may have happened counts, and nothing else does but what still waits to be sent."""
        counted = Counter[str]()
        for effect in books.effects:
            if effect.money in ("reserved", "charged"):
                counted[effect.state] += effect.charged if effect.charged is not None else effect.reserved or 0
        dollars = {state: amount / MICROS for state, amount in counted.items()}
        charged, doubted = len(self.renders) * COST, dollars.get("unknown", 0.0) + dollars.get("sent", 0.0)
        confirmed = dollars.get("confirmed", 0.0)
        if not confirmed - 0.001 <= charged <= confirmed + doubted + 0.001:
            yield f"charged {charged:.2f}, but the store counts {confirmed:.2f}, and {doubted:.2f} in doubt"
        if dollars.get("rejected"):
            yield f"{dollars['rejected']:.2f} are kept for what was refused"

    def _limits(self) -> Iterator[str]:
        weather, days = self.weather, 1 + (_day(self.began) != _day(time.time()))
        budget = None if weather.budget is None else weather.budget + len(self.extra)
        if budget is not None and len(self.renders) > budget * days:
            yield f"{len(self.renders)} renders with a budget for {budget}"
        if weather.concurrent is not None and (most := _most_at_once(self.renders)) > weather.concurrent:
            yield f"{most} renders at once, {weather.concurrent} allowed"
        refused = [one["seq"] for one in self.creates if one["status"] == 429 and one["fault"] is None]
        if refused:
            yield f"{len(refused)} requests were over a limit: {refused}"
        if weather.most_per_minute is not None:
            times = [one["time"] for one in self.creates]
            most = max((sum(at <= one < at + MINUTE for one in times) for at in times), default=0)
            if most > weather.most_per_minute:
                yield f"{most} requests in a minute, {weather.most_per_minute} allowed"


def _checked(store: Path) -> Iterator[str]:
    report = check(store, time.time())
    yield from (f"store check: {found.what} {found.names}" for found in report.findings if found.level != "note")


def _most_at_once(renders: list[dict[str, Any]]) -> int:
    changes = [(one["created_at"], 1) for one in renders]
    changes += [(one["ended_at"], -1) for one in renders if one["ended_at"] is not None]
    under_way = most = 0
    for _, change in sorted(changes):
        under_way += change
        most = max(most, under_way)
    return most


def _day(at: float) -> int:
    return int(at // 86_400)
