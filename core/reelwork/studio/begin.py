"""Puts a launch into the store: checks it, asks for consent, and writes its jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reelwork.errors import Declined
from reelwork.ids import new_id
from reelwork.plugins.catalog import Catalog
from reelwork.plugins.freezing import freeze, thaw
from reelwork.plugins.repair import repaired
from reelwork.settings.workflow import relaid
from reelwork.store.protocol import Store
from reelwork.store.records import DONE, FAILED, HELD, PAID_AGAIN, REMOVED, JobHead, JobRow, RunRow
from reelwork.studio.batch_decisions import correct
from reelwork.studio.batch_wording import corrected_note
from reelwork.studio.job_names import head_of
from reelwork.studio.launch import Launch, left_unfinished
from reelwork.studio.output_folder import check_output_folder
from reelwork.studio.session import Session

Confirm = Callable[[Launch], bool]


@dataclass(frozen=True)
class Begun:
    """A run whose jobs are in the store."""

    run_id: str
    heads: Sequence[JobHead]
    """The jobs to drive."""
    gone: Sequence[JobRow]
    """The remains of jobs that were made earlier and removed from the store."""
    notes: Sequence[str]


async def begin(
    store: Store, launch: Launch, run_id: str, *, confirm: Confirm | None, clock: Callable[[], float]
) -> Begun:
    """Write the jobs of a launch into the store, once `confirm` agrees to those that are new.

    Raises `InvalidInput` or `Declined` before anything is written.
    """
    _check(launch, confirm)
    notes = tuple(_notes(store, launch))
    heads, gone = await _write(store, launch, run_id, clock)
    return Begun(run_id, heads, gone, notes)


def _check(launch: Launch, confirm: Confirm | None) -> None:
    # First what can refuse the launch, then the question: a yes must not be followed by an error.
    check_output_folder(launch.pipeline.loaded.out)
    # A secret that only a publisher needs would else be missed after the render has been paid for.
    launch.pipeline.check_secrets()
    known = launch.known
    if confirm is not None and len(known) < len(launch.jobs) and not confirm(launch.without(known)):
        raise Declined("Stopped.")


def _notes(store: Store, launch: Launch) -> Iterator[str]:
    known = launch.known
    yield from left_unfinished(store, launch.pipeline.loaded, known)
    yield from launch.changed_since(known)
    yield from launch.removed_among(known)
    yield from launch.pipeline.name_notes()
    yield from launch.notes
    yield from corrected_note(launch)


async def _write(
    store: Store, launch: Launch, run_id: str, clock: Callable[[], float]
) -> tuple[list[JobHead], list[JobRow]]:
    """Add what is new; returns the jobs to drive, and what is left of those that were removed."""
    # Before anything is written to a store from which nothing may be sent.
    store.check_whole()
    known, pipeline = launch.known, launch.pipeline
    # A batch with nothing left to do needs no run.
    if len(known) < len(launch.jobs) or any(row.status != DONE for row in known.values()):
        await store.add_run(RunRow(run_id, None, pipeline.workflow.name, freeze(pipeline), clock()))
    # After the run: a kill between the two leaves a run without jobs, which does no harm.
    rows = await store.add_jobs(run_id, launch.jobs)
    await correct(store.batches, launch)
    # After the corrections, so that a woken job starts with its new contents.
    await store.wake([row.id for row in rows if row.step != PAID_AGAIN], (FAILED, HELD))
    return [head_of(row) for row in rows if row.step != REMOVED], [row for row in rows if row.step == REMOVED]


async def resettled(
    session: Session,
    catalog: Catalog,
    heads: Sequence[JobHead],
    settings: Mapping[str, Any],
    clock: Callable[[], float],
) -> list[JobHead]:
    """Move the jobs of each run to a new one, with these settings merged over its workflow."""
    store = session.store
    settled: list[JobHead] = []
    for run_id in dict.fromkeys(head.run_id for head in heads):
        run = store.run(run_id)
        assert run is not None
        # Built before anything is written: settings that do not fit must leave the jobs as they were.
        pipeline = session.build(repaired(relaid(thaw(run.frozen), settings), catalog))
        # A new run, since effects in doubt are settled with the workflow that the old one keeps.
        fresh = RunRow(new_id(), None, run.workflow, freeze(pipeline), clock())
        session.adopt(fresh.id, pipeline)
        await store.add_run(fresh)
        own = [head for head in heads if head.run_id == run_id]
        await store.adopt(fresh.id, [head.id for head in own])
        settled += [head._replace(run_id=fresh.id) for head in own]
    return settled
