"""The figures that a monitoring system reads, in Prometheus' text format.

Counters and times are of this process since it started; what the store knows is read anew for each scrape.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from reelwork.credentials.accounts import Accounts
from reelwork.engine.events import WAITS, Happening, RenderSeen
from reelwork.engine.stages.step import Next, Working
from reelwork.engine.worker import Runner
from reelwork.money import to_dollars
from reelwork.schedules.as_json import foreseen
from reelwork.store.ceilings import Budget
from reelwork.store.frozen import brand_in
from reelwork.store.reader import SyncReader
from reelwork.store.records import RunRow
from reelwork.store.spending import total
from reelwork.store.statuses import Status
from reelwork.version import __version__
from reelwork_hooks.errors import InvalidInput

# A step may be a hook of milliseconds, or a download or upload of minutes.
BUCKETS = (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 1800)
"""Seconds."""
RECENT = 62 * 86_400.0
"""Seconds for which a workflow that does not run any more is still shown with its budgets."""


class Meters:
    """Counts what happens in this process, as a watcher of the engine and of the answers to plugins."""

    def __init__(self, reader: SyncReader, accounts: Accounts) -> None:
        # The time at which each counter was made would be a series of its own beside each.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = registry = CollectorRegistry()
        self._steps = Histogram(
            "reelwork_step_seconds",
            "Seconds that a step of a job took.",
            ["step"],
            buckets=BUCKETS,
            registry=registry,
        )
        self._broken = Counter(
            "reelwork_step_errors", "Steps of jobs that ended with an error.", ["step"], registry=registry
        )
        self._events = Counter("reelwork_job_events", "Events of jobs.", ["event"], registry=registry)
        self._polls = Counter("reelwork_poll_errors", "Polls of renders that brought no status.", registry=registry)
        self._answers = Counter(
            "reelwork_http_answers",
            "Answers to plugins' requests, by their status: 2xx to 5xx, 429 apart, none where none came.",
            ["plugin", "status"],
            registry=registry,
        )
        self._webhooks = Counter(
            "reelwork_webhooks",
            "Incoming webhooks, by outcome.",
            ["account", "outcome"],
            registry=registry,
        )
        self._deliveries = Counter(
            "reelwork_webhook_deliveries",
            "Tries to deliver an event: delivered, failed, given-up, or off when the webhook was turned off.",
            ["webhook", "outcome"],
            registry=registry,
        )
        self._notices = Counter(
            "reelwork_notices", "Notices to people: sent, or failed.", ["outcome"], registry=registry
        )
        ProcessCollector(registry=registry)
        registry.register(StoreCollector(reader, accounts))

    def happened(self, happening: Happening) -> None:
        """Count an event of a job."""
        if happening.name != WAITS:
            self._events.labels(happening.name).inc()

    def seen(self, render: RenderSeen) -> None:
        """Count a poll that brought no status."""
        if render.problem:
            self._polls.inc()

    def answered(self, plugin: str, status: int) -> None:
        """Count an answer to a plugin's request."""
        # Few values: a server must not be able to fill the memory with statuses of its own.
        kind = "429" if status == 429 else f"{status // 100}xx" if 100 <= status < 600 else "none"
        self._answers.labels(plugin, kind).inc()

    def webhook(self, account: str, outcome: str) -> None:
        """Count a webhook that came in."""
        self._webhooks.labels(account, outcome).inc()

    def delivery(self, name: str, outcome: str) -> None:
        """Count a try to deliver an event to a webhook."""
        self._deliveries.labels(name, outcome).inc()

    def notice(self, outcome: str) -> None:
        """Count a notice to people."""
        self._notices.labels(outcome).inc()

    def timed(self, steps: Runner) -> Runner:
        """Return the same steps, each timed."""
        return _TimedSteps(steps, self._steps, self._broken)

    def text(self) -> bytes:
        """Return all figures. Raises `StoreUnwritable` when the store cannot be read."""
        return generate_latest(self._registry)


class _TimedSteps:
    """Steps of jobs, timed."""

    def __init__(self, steps: Runner, seconds: Histogram, errors: Counter) -> None:
        self._steps, self._seconds, self._errors = steps, seconds, errors

    async def run(self, work: Working) -> Next:
        """Do the job's next step."""
        begun = time.monotonic()
        try:
            return await self._steps.run(work)
        except Exception:
            self._errors.labels(work.row.step).inc()
            raise
        finally:
            self._seconds.labels(work.row.step).observe(time.monotonic() - begun)


class StoreCollector(Collector):
    """Reads from the store, and from the accounts, what a scrape asks for."""

    def __init__(self, reader: SyncReader, accounts: Accounts, clock: Callable[[], float] = time.time) -> None:
        self._reader, self._accounts, self._clock = reader, accounts, clock
        self._ceilings: dict[str, Mapping[str, Any]] = {}
        """By run, the ceilings of its workflow, which is frozen."""

    def describe(self) -> Iterable[Metric]:
        """Name nothing beforehand: the library would read the store for it."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield the figures."""
        yield InfoMetricFamily("reelwork_build", "The version that runs.", {"version": __version__})
        yield from self._work()
        yield from self._money()
        yield from self._budgets()
        yield from self._schedules()
        yield from self._tokens()
        stops = len(self._reader.post_stops())
        yield GaugeMetricFamily("reelwork_posts_stopped", "Stops that keep posts from leaving.", stops)

    def _work(self) -> Iterator[Metric]:
        now, stand = self._clock(), self._reader.figures()
        jobs = GaugeMetricFamily("reelwork_jobs", "Jobs in the store, by status.", labels=["status"])
        for status in Status:
            # Also those of which there are none: an alert on a figure that is not there never fires.
            jobs.add_metric([status], stand.jobs.get(status, 0))
        yield jobs
        renders = GaugeMetricFamily("reelwork_renders_open", "Renders that are waited for.", labels=["provider"])
        for provider, count in stand.renders.items():
            renders.add_metric([provider], count)
        yield renders
        yield GaugeMetricFamily("reelwork_jobs_due", "Jobs that are due and not in work.", stand.due)
        yield _age("reelwork_queue_age_seconds", "How long the oldest of these is due.", stand.due_since, now)
        yield GaugeMetricFamily(
            "reelwork_reviews_pending",
            "Held jobs with a post or an appeal that waits for a person.",
            stand.in_review,
        )
        yield GaugeMetricFamily(
            "reelwork_unknown_outcomes",
            "Effects whose outcome is unknown; a person may have to decide.",
            stand.unknown,
        )
        yield _age(
            "reelwork_oldest_unknown_age_seconds",
            "How long ago the oldest of these was sent.",
            stand.unknown_since,
            now,
        )

    def _money(self) -> Iterator[Metric]:
        found = self._reader.spending("provider")
        spent = CounterMetricFamily(
            "reelwork_spend_usd", "US dollars charged, as reported by those who are paid.", labels=["provider"]
        )
        reserved = GaugeMetricFamily(
            "reelwork_reserved_usd", "US dollars that count until it is known whether they are charged.",
            labels=["provider"],
        )  # fmt: skip
        for one in found:
            spent.add_metric([one.name], float(one.charged))
            reserved.add_metric([one.name], float(one.reserved))
        yield spent
        yield reserved
        in_doubt = float(total(found).in_doubt)
        yield GaugeMetricFamily("reelwork_in_doubt_usd", "The part of it whose outcome is not known.", in_doubt)

    def _budgets(self) -> Iterator[Metric]:
        left = GaugeMetricFamily(
            "reelwork_budget_remaining_usd", "US dollars that still fit into a budget of this day or month (UTC).",
            labels=["workflow", "brand", "budget"],
        )  # fmt: skip
        held: dict[str, Mapping[str, int]] = {}
        for run in self._reader.newest_runs(self._clock() - RECENT):
            brand = brand_in(run.frozen)
            if brand not in held:
                asked = Budget(per_day=0, per_month=0, brand=brand, brand_per_day=0, brand_per_month=0)
                held[brand] = self._reader.counted(asked)
            for name, ceiling in self._ceilings_of(run).items():
                there = float(to_dollars(held[brand][name]))
                left.add_metric([run.workflow, brand, name], max(float(ceiling) - there, 0.0))
        yield left

    def _ceilings_of(self, run: RunRow) -> Mapping[str, Any]:
        if run.id not in self._ceilings:
            self._ceilings = {run.id: {}, **self._ceilings} if len(self._ceilings) < 1000 else {}
            self._ceilings[run.id] = ceilings_of(run)
        return self._ceilings[run.id]

    def _schedules(self) -> Iterator[Metric]:
        done = GaugeMetricFamily(
            "reelwork_schedule_last_success_timestamp_seconds",
            "The time of a schedule's last firing whose jobs are all done; 0 if there is none.",
            labels=["schedule"],
        )
        trouble = GaugeMetricFamily(
            "reelwork_schedule_trouble", "1 if a schedule cannot fire as it stands.", labels=["schedule"]
        )
        short = GaugeMetricFamily(
            "reelwork_schedule_shortage", "1 if a budget or limit will have no room for a firing of the next day.",
            labels=["schedule"],
        )  # fmt: skip
        successes = self._reader.last_successes()
        for row in self._reader.schedules():
            if row.removed_at is None:
                done.add_metric([row.name], successes.get(row.name, 0.0))
                trouble.add_metric([row.name], float(bool(row.trouble)))
                short.add_metric([row.name], float(bool(foreseen(self._reader, row.name))))
        yield done
        yield trouble
        yield short

    def _tokens(self) -> Iterator[Metric]:
        ends = GaugeMetricFamily(
            "reelwork_token_expiry_timestamp_seconds", "When the token of an account ends.", labels=["account"]
        )
        for name, at in self._expiries():
            ends.add_metric([name], at)
        yield ends

    def _expiries(self) -> list[tuple[str, float]]:
        try:
            entries = self._accounts.entries()
        except InvalidInput:
            # A file of accounts that cannot be read keeps posts back, and says so there.
            return []
        return [(name, entry.expires_at) for name, entry in entries.items() if entry.expires_at is not None]


def _age(name: str, text: str, since: float | None, now: float) -> Metric:
    return GaugeMetricFamily(name, text, 0.0 if since is None else max(now - since, 0.0))


def ceilings_of(run: RunRow) -> Mapping[str, Any]:
    """Return the ceilings of a day and a month of a run's workflow, and of its brand: those that are set."""
    # Without the models: a workflow of another version must not keep the others from being told.
    workflow = json.loads(run.frozen or "{}").get("workflow", {})
    budget = workflow.get("budget") or {}
    brand = (workflow.get("brands") or {}).get(workflow.get("brand")) or {}
    found = {name: budget.get(name) for name in ("per_day", "per_month")}
    found |= {f"brand_{name}": brand.get(name) for name in ("per_day", "per_month")}
    return {name: ceiling for name, ceiling in found.items() if ceiling is not None}
