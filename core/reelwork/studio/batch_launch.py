"""Turns the rows of a batch into jobs: their keys, and which were made before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from reelwork.errors import NotFound, WorkflowInvalid
from reelwork.ids import new_id
from reelwork.money import to_micros
from reelwork.planning.batch.cells import same_meaning
from reelwork.planning.batch.copies import Copy, Made, New, Search
from reelwork.planning.batch.earlier import earlier_base, earlier_identities, was_read
from reelwork.planning.batch.keys import base_of, kin_of, origin_of
from reelwork.planning.batch.reading import Row, Rows, together
from reelwork.planning.briefs import plan_brief
from reelwork.planning.job_state import JobData
from reelwork.planning.plan import Plan, PlannedJob
from reelwork.planning.post_prices import any_priced
from reelwork.plugins.pipeline import Pipeline
from reelwork.store.reader import SyncBatchReader
from reelwork.store.records import PAYMENT, EffectRow, JobRow
from reelwork.store.statuses import CORRECTABLE
from reelwork.studio.launch import Entry, Launch, checked, job_data, part_of, platform_names
from reelwork_hooks.errors import ReelworkError

# A batch has a handful of shapes. One whose rows all differ must not keep a plan for each of them.
MOST_SHAPES = 4096
"""Plans that are stored at once."""


class Earlier(Made, Protocol):
    """The part of a store that finds what was made before: jobs and their effects."""

    @property
    def batches(self) -> SyncBatchReader:
        """The jobs of all batches."""
        ...

    def jobs_with_keys(self, keys: Sequence[str]) -> Mapping[str, JobRow]:
        """Return the jobs that have these keys."""
        ...

    def effects_of(self, job_id: str) -> Sequence[EffectRow]:
        """Return a job's effects."""
        ...


@dataclass
class _Planned:
    """The plans of a batch, each made when it is taken."""

    pipeline: Pipeline
    rows: Rows
    posts_priced: bool
    """A destination names the price of a post."""
    at: int = -1
    row: Row | None = None
    latest: Plan | None = None
    alike: dict[int, Plan] = field(default_factory=dict)
    """Plans by the shape of their row: a batch of fifty thousand rows has a handful."""
    datas: dict[tuple[int, int], JobData] = field(default_factory=dict)
    """The data of a job of each of these, which that of another row differs from in its brief and name."""
    known_parts: dict[int, list[tuple[str, int | None]]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)

    def taken(self, at: int) -> tuple[Row, Plan]:
        """Return a row, and its plan or that of a row like it. The latest are stored: they are used together."""
        if self.row is None or self.latest is None or at != self.at:
            row = self.rows[at]
            self.latest = self._plan_of(at, row)
            self.at, self.row = at, row
        return self.row, self.latest

    def _plan_of(self, at: int, row: Row) -> Plan:
        shape = self.rows.shapes[at]
        found = self.alike.get(shape)
        if found is not None:
            return found
        plan = plan_brief(self.pipeline, row.brief, row.where)
        if len(self.alike) < MOST_SHAPES and self._can_share(row):
            self.alike[shape] = plan
        return plan

    def _can_share(self, row: Row) -> bool:
        """Return whether rows of one shape may have one plan."""
        # A row's own reference pictures and options are checked with its plan, and its posts priced by their copy.
        return not row.brief.references and not row.brief.options and not self.posts_priced

    def parts(self, at: int) -> list[tuple[str, int | None]]:
        """Return the part (platform and take) of each job of a row, and its cost in millionths of a US dollar."""
        shape = self.rows.shapes[at]
        if shape not in self.known_parts:
            jobs = self.plan(at).jobs
            parts = [(part_of(job), to_micros(job.cost_with_posts)) for job in jobs]
            if not self._can_share(self.rows[at]):
                return parts
            self.known_parts[shape] = parts
        return self.known_parts[shape]

    def plan(self, at: int) -> Plan:
        """Return the plan of a row."""
        row, plan = self.taken(at)
        return plan if plan.brief is row.brief else plan.model_copy(update={"brief": row.brief})

    def job(self, at: int, part: int) -> PlannedJob:
        """Return one of a row's jobs, as it is planned."""
        return self.taken(at)[1].jobs[part]

    def where(self, at: int) -> str:
        """Return the place of a row, for messages."""
        return self.taken(at)[0].where

    def data(self, at: int, part: int) -> JobData:
        """Return the data that one of a row's jobs starts with."""
        row, plan = self.taken(at)
        shape = self.rows.shapes[at]
        like = self.datas.get((shape, part))
        if like is not None:
            # Copied and not built: validating the same plan again for each row of a large batch is slow.
            return like.model_copy(update={"brief": row.brief, "row": row.name})
        data = job_data(self.pipeline, plan, part, row.brief, row.name, str(self.rows.path))
        if self.alike.get(shape) is plan:
            self.datas[shape, part] = data
        return data


def launch_rows(pipeline: Pipeline, rows: Rows, *, salt: str = "", earlier: Earlier | None = None) -> Launch:
    """A batch: each job is known by file, row and provider, so that running it again does what is missing.

    A salt makes all of them new. Raises `InvalidInput` with all that is wrong.
    """
    planned = _Planned(pipeline, rows, any_priced(pipeline))
    parts = _parts(planned)
    # Rows that an earlier version knew by another key keep it: under a new one they would be paid for again.
    claimed = {} if earlier is None or salt else _claimed(pipeline, rows, parts, earlier)
    base = base_of(rows, pipeline, salt)
    identities = rows.known_without(claimed).identities if claimed else rows.identities
    entries = [
        Entry(f"{claimed.get(at) or f'batch:{base}:{identities[at]}'}:{name}", new_id(), at, part, cost)
        for at, row in enumerate(parts)
        for part, (name, cost) in enumerate(row)
    ]
    launch = Launch(pipeline, planned, entries, notes=rows.notes)
    if earlier is None:
        return checked(launch)
    known = dict(earlier.jobs_with_keys([entry.key for entry in entries]))
    # Only jobs of which nothing was ever sent. One that may be paid for keeps what it was made from.
    corrected = _corrected(launch, known, earlier)
    known = {key: row for key, row in known.items() if key not in corrected}
    search = _Search(pipeline, rows, (base, earlier_base(rows, pipeline)), earlier)
    # With `--again` the person has said that all of it is to be made once more.
    copies = [] if salt else search.copies(launch, {*known, *corrected})
    return checked(Launch(pipeline, planned, entries, known, corrected=corrected, copies=copies, notes=rows.notes))


def _parts(planned: _Planned) -> list[list[tuple[str, int | None]]]:
    """Return the part and the cost of each job of every row. Raises `InvalidInput` with all that is wrong."""
    parts: list[list[tuple[str, int | None]]] = []
    problems: list[ReelworkError] = []
    for at in range(len(planned)):
        try:
            parts.append(planned.parts(at))
        except NotFound as problem:
            problems.append(WorkflowInvalid(f"{planned.rows[at].where}: {problem.message}", hint=problem.hint))
        except ReelworkError as problem:
            # All of them before any is raised: a person mends a file once, not once for each row.
            problems.append(problem)
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise together(problems, len(planned))
    return parts


def _claimed(
    pipeline: Pipeline, rows: Rows, parts: Sequence[Sequence[tuple[str, Any]]], earlier: Earlier
) -> dict[int, str]:
    """Rows that a store knows by a key of the earlier kind, with what these keys begin with."""
    if not was_read(rows):
        return {}
    base = earlier_base(rows, pipeline)
    # One query for all rows: most stores know none of them by an earlier key.
    there = earlier.batches.keys(base)
    if not there:
        return {}
    names = (f"batch:{base}:{identity}" for identity in earlier_identities(rows))
    return {
        at: name
        for at, (name, row) in enumerate(zip(names, parts, strict=True))
        if any(f"{name}:{part}" in there for part, _ in row)
    }


def _corrected(launch: Launch, known: Mapping[str, JobRow], earlier: Earlier) -> dict[str, JobRow]:
    """Jobs of rows with other contents than then, of which nothing was ever sent: they may be given these."""
    found = {}
    name = platform_names(launch.pipeline)
    for at, entry in enumerate(launch.entries):
        row = known.get(entry.key)
        if row is None or row.status not in CORRECTABLE or ":id:" not in entry.key or not row.data:
            continue
        same = same_meaning(JobData.model_validate_json(row.data).brief, launch.datas[at].brief, name)
        # Any effect counts, even one that was never sent: it may be on its way in another process. What moderation
        # was paid is none.
        if not same and all(map(_only_paid, earlier.effects_of(row.id))):
            found[entry.key] = row
    return found


def _only_paid(effect: EffectRow) -> bool:
    """Return whether an effect is a plugin's payment, such as for moderation, and nothing that was sent."""
    return effect.kind == PAYMENT and effect.state == "confirmed"


@dataclass
class _Search:
    """Prepares the search for rows that look like rows made before."""

    pipeline: Pipeline
    rows: Rows
    bases: Sequence[str]
    earlier: Earlier

    def copies(self, launch: Launch, known: set[str]) -> list[Copy]:
        """Return a copy for each new job that looks like an old one."""
        if len(known) == len(launch.entries) or not self.earlier.batches.any():
            return []
        provider = self.pipeline.workflow.provider.model_dump()
        search = Search(
            made=self.earlier,
            file=str(self.rows.path),
            bases=self.bases,
            origin=origin_of(provider),
            kin=kin_of(provider),
            mine=frozenset(entry.key for entry in launch.entries),
            platform=platform_names(self.pipeline),
            known=bool(known),
        )
        return search.copies(self._new(launch, known))

    def _new(self, launch: Launch, known: set[str]) -> Iterator[New]:
        for at, entry in enumerate(launch.entries):
            if entry.key in known:
                continue
            data = launch.datas[at]
            kind, contents, *_ = self.rows.identities[entry.plan].split(":")
            yield New(
                entry.key,
                data.row or "",
                self.rows[entry.plan].where,
                data.brief,
                data.platform.name if data.platform else None,
                data.take,
                contents if kind == "row" else "",
            )
