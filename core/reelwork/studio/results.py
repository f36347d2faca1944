"""The results of jobs, for the people and programs that asked for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from reelwork.money import to_dollars
from reelwork.store.holds import HoldReason
from reelwork.store.protocol import Store
from reelwork.store.records import DONE, JobHead, JobRow, Sendings
from reelwork.store.statuses import exit_code
from reelwork.studio.job_names import JobRows
from reelwork.studio.job_view import JobView, Money, doubt_of, view_of
from reelwork_hooks.models import Frozen, PluginVersion, Receipt, Target

NOTHING = Decimal(0)


class FinishedShape(Frozen):
    """A video of a job that was finished for a target."""

    target: Target
    video: Path | None = None
    stored_at: tuple[str, ...] = ()
    thumbnail: Path | None = None
    destinations: tuple[str, ...] = ()
    """The destinations whose post it is, once they were tried."""


class JobResult(Frozen):
    """One job as it stands."""

    id: str
    run: str
    status: str
    """`active`, `done`, `failed`, `held`, `rejected` or `cancelled`."""
    step: str
    reason: str = ""
    prompt: str
    platform: str | None = None
    take: int = 1
    takes: int = 1
    row: str | None = None
    brand: str = ""
    """The brand it is for; empty if it is for none."""
    provider: str
    remote_id: str | None = None
    cost: Decimal | None = None
    """US dollars: reported, else estimated."""
    spent: Decimal = Decimal(0)
    """US dollars charged, or reserved until it is known whether they are."""
    spent_before: Decimal = Decimal(0)
    """What of `spent` earlier runs spent."""
    in_doubt: Decimal = Decimal(0)
    """The part of `spent` whose request may have arrived or not."""
    rendered_before: bool = False
    """Whether its render was asked for by an earlier run."""
    video: Path | None = None
    stored_at: tuple[str, ...] = ()
    thumbnail: Path | None = None
    shapes: tuple[FinishedShape, ...] = ()
    """The videos that were finished for targets; empty where the render is posted as it is."""
    hold: HoldReason | None = None
    """Why it is held."""
    held_posts: Mapping[str, str] = {}
    """The destinations whose post is held, each with the reason, also while the job goes on at others."""
    failed_posts: Mapping[str, str] = {}
    """The destinations whose post failed or was rejected, each with the reason."""
    refused_there: bool = False
    """Whether a destination refused it, not moderation: it can be posted once what it named is put right."""
    in_review: bool = False
    """Whether a person is asked about one of its posts, or about an appeal."""
    appealable: bool = False
    """Whether moderation refused it, or one of its posts, and a person may overrule that."""
    unapproved: bool = False
    """Whether a person rejected one of its posts, or nobody reviewed it in time."""
    post_wait: str = ""
    """The event that its posts wait for: `time`, or `start` when a person has stopped them."""
    skipped: bool = False
    """Whether all that kept it from being posted is that it was late, as the workflow asks (`late = "skip"`)."""
    doubt: str = ""
    """Of a job that was rejected or cancelled: `unknown` or `sent` when the outcome of an effect is not known."""
    receipts: Mapping[str, Receipt] = {}
    plugins: Mapping[str, PluginVersion] = {}
    """The package and version of each plugin that took part, and of the provider."""
    created_at: datetime


class RunResult(Frozen):
    """The result of a run, or of several jobs."""

    run: str | None = None
    jobs: tuple[JobResult, ...] = ()
    notes: tuple[str, ...] = ()
    """Notes for the person, such as batch rows that were changed since they ran."""

    @property
    def spent(self) -> Decimal:
        """US dollars this run spent, as far as known, without what is in doubt."""
        return sum((max(job.spent - job.spent_before - job.in_doubt, Decimal(0)) for job in self.jobs), Decimal(0))

    @property
    def spent_before(self) -> Decimal:
        """US dollars earlier runs spent on the same jobs, as far as known."""
        return sum((job.spent_before for job in self.jobs), Decimal(0))

    @property
    def in_doubt(self) -> Decimal:
        """US dollars that requests of unknown outcome may have cost. Budgets count them."""
        return sum((job.in_doubt for job in self.jobs), Decimal(0))

    @property
    def ok(self) -> bool:
        """True if every job is done."""
        return all(job.status == DONE for job in self.jobs)

    @property
    def exit_code(self) -> int:
        """0 all done, 1 some failed, 3 something is held, was rejected or is still open."""
        return exit_code(job.status for job in self.jobs)

    def counts(self) -> dict[str, int]:
        """Return the number of jobs of each status."""
        found: dict[str, int] = {}
        for job in self.jobs:
            found[job.status] = found.get(job.status, 0) + 1
        return found


@dataclass(frozen=True)
class Before:
    """The money, renders and requests of jobs before a command."""

    sent: Mapping[str, Sendings]
    """By job, the requests sent for its renders, and its money."""
    renders: Mapping[str, str | None]
    """By job, the render it had."""

    @classmethod
    def of(cls, store: Store, heads: Iterable[JobHead]) -> Before:
        """Return them as the store has them now."""
        renders = {head.id: head.render_id for head in heads}
        return cls(store.sendings(list(renders)), renders)

    def spent(self, job_id: str, now: Sendings) -> Decimal:
        """Return the dollars spent before. Money is spent by the sender of the request, whoever reserved it."""
        then = self.sent.get(job_id, Sendings())
        renders = now.counted - now.posts
        # A reservation may be older than its request. This run spent what it sent, whoever had reserved the
        # money.
        before = renders - now.newest if now.sent > then.sent else min(then.counted - then.posts, renders)
        return to_dollars(before + min(then.posts, now.posts))

    def had_rendered(self, row: JobRow) -> bool:
        """Return whether the render of a job was asked for before."""
        return row.render_id is not None and self.renders.get(row.id) == row.render_id


def result_of(view: JobView, *, spent_before: Decimal = NOTHING, rendered_before: bool = False) -> JobResult:
    """Return a job as Python programs get it, and what of it was there before this run."""
    money = view.money or Money.of(None)
    return JobResult(
        **{name: getattr(view, name) for name in SAME},
        spent=money.spent,
        in_doubt=money.in_doubt,
        spent_before=spent_before,
        rendered_before=rendered_before,
    )


SAME = tuple(one.name for one in fields(JobView) if one.name in JobResult.model_fields)
"""The fields that are the same in Python and everywhere else."""


def results_of(
    store: Store, rows: JobRows, before: Before, run: str | None = None, notes: Iterable[str] = ()
) -> RunResult:
    """Return these jobs as they stand now, as one result."""
    return RunResult(run=run, jobs=tuple(_results(store, rows, rows.ids, before)), notes=tuple(notes))


def _results(store: Store, rows: Iterable[JobRow], ids: Sequence[str], before: Before) -> Iterator[JobResult]:
    sent = store.sendings(ids)
    for row in rows:
        now = sent.get(row.id, Sendings())
        yield result_of(
            view_of(row, Money.of(now), doubt_of(store, row) if row.id in sent else ""),
            spent_before=before.spent(row.id, now),
            rendered_before=before.had_rendered(row),
        )


def with_removed(store: Store, result: RunResult, gone: Sequence[JobRow]) -> RunResult:
    """Return the result with the remains of jobs that were made earlier and removed from the store."""
    ids = [row.id for row in gone]
    before = Before(store.sendings(ids), {})
    return result.replace(jobs=(*result.jobs, *_results(store, gone, ids, before)))
