"""The results of jobs, for the people and programs that asked for them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from reelwork.money import to_dollars
from reelwork.planning.job_state import JobData
from reelwork.store.holds import HoldReason, hold_of
from reelwork.store.protocol import Store
from reelwork.store.records import (
    DONE,
    HELD,
    JobHead,
    JobRow,
    Sendings,
    doubt_among,
)
from reelwork.store.statuses import CLOSED, exit_code
from reelwork.studio.find_jobs import JobRows
from reelwork_hooks.models import Frozen, Receipt


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
    hold: HoldReason | None = None
    """Why it is held."""
    refused_there: bool = False
    """Whether a destination refused it, not moderation: it can be posted once what it named is put right."""
    doubt: str = ""
    """Of a job that was rejected or cancelled: `unknown` or `sent` when the outcome of an effect is not known."""
    receipts: Mapping[str, Receipt] = {}
    created_at: datetime


class RunResult(Frozen):
    """The result of a run, or of several jobs."""

    run: str | None = None
    jobs: tuple[JobResult, ...] = ()
    notes: tuple[str, ...] = ()
    """What the person should know beside the jobs, such as batch rows that were changed since they ran."""

    @property
    def spent(self) -> Decimal:
        """US dollars this run spent, as far as they are known. What is in doubt is not among them."""
        return sum((max(job.spent - job.spent_before - job.in_doubt, Decimal(0)) for job in self.jobs), Decimal(0))

    @property
    def spent_before(self) -> Decimal:
        """US dollars earlier runs spent on the same jobs, as far as they are known."""
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
    """The money, renders and requests of jobs before something was done with them."""

    spent: Mapping[str, int]
    """By job, in millionths of a US dollar."""
    renders: Mapping[str, str | None]
    """By job, the render it had."""
    sent: Mapping[str, int] = field(default_factory=dict)
    """By job, how often a request for a render had been sent."""

    @classmethod
    def of(cls, store: Store, heads: Iterable[JobHead]) -> Before:
        """As the store has it now."""
        renders = {head.id: head.render_id for head in heads}
        ids = list(renders)
        return cls(store.spent(ids), renders, {id_: one.sent for id_, one in store.sendings(ids).items()})


def result_of(
    row: JobRow, spent: int = 0, before: Before | None = None, sendings: Sendings | None = None, doubt: str = ""
) -> JobResult:
    """A job's row as a result. `spent` is in millionths of a US dollar."""
    data = JobData.model_validate_json(row.data)
    clip = data.clip
    receipts = {name: post.receipt for name, post in data.posts.items() if post.receipt is not None}
    earlier = _earlier(row.id, spent, before, sendings or Sendings()) if before else 0
    return JobResult(
        id=row.id,
        run=row.run_id,
        status=row.status,
        step=row.step,
        reason=row.reason,
        prompt=data.prompt.text if data.prompt else data.brief.prompt,
        platform=data.platform.name if data.platform else None,
        take=data.take,
        takes=data.takes,
        row=data.row,
        provider=data.provider,
        remote_id=data.render.remote_id if data.render else None,
        cost=data.render.cost if data.render else to_dollars(data.cost),
        spent=to_dollars(spent),
        spent_before=to_dollars(earlier),
        in_doubt=to_dollars((sendings or Sendings()).in_doubt),
        rendered_before=before is not None
        and row.render_id is not None
        and before.renders[row.id] == row.render_id,
        video=clip.video.path if clip else None,
        stored_at=clip.video.stored_at if clip else (),
        thumbnail=clip.thumbnail.path if clip and clip.thumbnail else None,
        receipts=receipts,
        hold=hold_of(row, json.loads(row.data)) if row.status == HELD else None,
        refused_there=any(post.refused_there for post in data.posts.values()),
        doubt=doubt,
        created_at=datetime.fromtimestamp(row.created_at, UTC),
    )


def _earlier(job_id: str, spent: int, before: Before, now: Sendings) -> int:
    """Return the money spent before. Money is spent by the sender of the request, whoever reserved it."""
    sent_since = now.sent > before.sent.get(job_id, 0)
    return spent - now.newest if sent_since else min(before.spent.get(job_id, 0), spent)


def results_of(
    store: Store, rows: JobRows, before: Before, run: str | None = None, notes: Iterable[str] = ()
) -> RunResult:
    """These jobs as they stand now, as one result."""
    spent, sent = store.spent(rows.ids), store.sendings(rows.ids)
    jobs = tuple(
        result_of(row, spent.get(row.id, 0), before, sent.get(row.id), doubt_of(row, store)) for row in rows
    )
    return RunResult(run=run, jobs=jobs, notes=tuple(notes))


def doubt_of(row: JobRow, store: Store) -> str:
    """The state of an act of a job that was ended for good, when what became of the act is not known."""
    if row.status not in CLOSED:
        return ""
    return doubt_among(store.effects_of(row.id))


def with_removed(store: Store, result: RunResult, gone: Sequence[JobRow]) -> RunResult:
    """The same with what is left of jobs that were made earlier and removed from the store."""
    spent = store.spent([row.id for row in gone])
    before = Before(spent, {})
    jobs = (result_of(row, spent.get(row.id, 0), before) for row in gone)
    return result.replace(jobs=(*result.jobs, *jobs))
