"""Rows that look like rows made before: edited, renamed, or in another file. To make them may be to pay twice."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Protocol

from reelwork.planning.batch.cells import PlatformName, same_meaning
from reelwork.planning.batch.keys import base_in, kin_of, origin_in
from reelwork.planning.job_state import JobData
from reelwork.store.records import ACTIVE, DONE, HELD, BatchJob, JobRow, RunRow
from reelwork_hooks.models import Brief

# In a file whose other rows are known, a prompt that is much alike is an edited one. In any other file it may be
# one of a series, and only nearly the same prompt is asked about.
ALIKE, NEARLY_THE_SAME = 0.9, 0.97
"""The likeness from which on a prompt counts as edited: in a file that is known, and in any."""
# `SequenceMatcher` takes quadratic time: a batch of fifty thousand rows must not compare for minutes. What is not
# compared is made as new.
MOST_COMPARED = 20_000
# Each job's data may be large: not all of them lie in memory at once.
AT_ONCE = 500


class Jobs(Protocol):
    """The part of a store that is asked about the jobs of all batches."""

    def with_prompts(self, prompts: Sequence[str]) -> list[BatchJob]:
        """Return the jobs that have one of these prompts."""
        ...

    def of(self, bases: Sequence[str], file: str) -> list[BatchJob]:
        """Return the newest jobs of these batches, and of this file."""
        ...

    def removed(self) -> list[tuple[str, str]]:
        """Return the ids and keys of the jobs that were removed."""
        ...


class Made(Protocol):
    """The part of a store that is asked for rows that were made before."""

    @property
    def batches(self) -> Jobs:
        """The jobs of all batches."""
        ...

    def some(self, ids: Sequence[str]) -> Sequence[JobRow]:
        """Return the jobs with these ids."""
        ...

    def run(self, run_id: str) -> RunRow | None:
        """Return a run; None when it is unknown."""
        ...


@dataclass(frozen=True, slots=True)
class New:
    """A job that a launch would add."""

    key: str
    row: str
    where: str
    brief: Brief
    platform: str | None
    take: int
    contents: str
    """A hash of what the cells mean, for a row without an `id`."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A job that a launch would add, and the one it looks like."""

    key: str
    row: str
    where: str
    prompt: str
    edited: bool
    """True if something was changed; else it is the same under another name."""
    other_id: str
    other_key: str
    other_prompt: str = ""
    other_row: str | None = None
    other_file: str = ""
    status: str = "removed"


@dataclass(frozen=True)
class Search:
    """Finds the jobs of earlier runs that the new ones of a batch resemble."""

    made: Made
    file: str
    bases: Sequence[str]
    """The beginnings of this batch's keys, of this version and of earlier ones."""
    origin: str
    kin: tuple[str, ...]
    """The provider and model whose videos count as made, from `kin_of`."""
    mine: frozenset[str]
    """The keys of all jobs of the launch: those are no copies of anything."""
    platform: PlatformName
    known: bool
    """True if rows of the file are known: then it is a file that is worked on."""
    kins: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The kin of each run that was asked for, by the run's id."""

    def copies(self, new: Iterable[New]) -> list[Copy]:
        """Return a copy for each new job that resembles one made before; each of those counts once."""
        found: dict[str, Copy] = {}
        taken: set[str] = set()
        waiting = {one.key: one for one in new}
        exact, edited = self._same_prompts(list(waiting.values()))
        # The same before the edited: each earlier job counts once, and belongs to its own copy first.
        for pairs, changed in ((exact, False), (edited, True)):
            for one, other in pairs:
                if one.key not in found and other.id not in taken:
                    found[one.key] = _copy(one, other, edited=changed)
                    taken.add(other.id)
        # Of a job that was removed only its key is left, so only rows without an `id` can be found again.
        for copy in self._removed(one for key, one in waiting.items() if key not in found):
            found[copy.key] = copy
        rest = [one for key, one in waiting.items() if key not in found]
        for one, other in self._edited(rest, [base_in(copy.other_key) for copy in found.values()], taken):
            found[one.key] = _copy(one, other, edited=True)
        return [found[key] for key in waiting if key in found]

    def _same_prompts(self, new: Sequence[New]) -> tuple[list[tuple[New, BatchJob]], list[tuple[New, BatchJob]]]:
        by_prompt: dict[tuple[str, str | None, int], list[New]] = defaultdict(list)
        for one in new:
            by_prompt[_plain(one.brief.prompt), one.platform, one.take].append(one)
        # The store compares bytes, so it is asked for each spelling. What it finds is compared again by meaning.
        prompts = {spelling for one in new for spelling in _spellings(one.brief.prompt)}
        asked = (job for job in self.made.batches.with_prompts(sorted(prompts)) if self._counts(job))
        jobs = [job for job in asked if (_plain(job.prompt), job.platform, job.take) in by_prompt]
        briefs = self._briefs(jobs)
        exact, edited = [], []
        for job in jobs:
            for one in by_prompt[_plain(job.prompt), job.platform, job.take]:
                if same_meaning(one.brief, briefs[job.id], self.platform):
                    exact.append((one, job))
                # The same prompt with other parameters: an edited row in this file, elsewhere another film.
                elif self._is_of_file(job):
                    edited.append((one, job))
        return exact, edited

    def _counts(self, job: BatchJob) -> bool:
        """Return whether making the job again could mean paying again.

        A job that ended before anything was sent cost nothing. Jobs of this launch do not count, nor do those of
        another provider, model or place.
        """
        # What was sent counts whatever became of it: it may have been charged.
        if job.key in self.mine or not (job.sent or job.status in (ACTIVE, HELD, DONE)):
            return False
        return self._kin_of_run(job.run_id) == self.kin

    def _kin_of_run(self, run_id: str) -> tuple[str, ...]:
        if run_id not in self.kins:
            run = self.made.run(run_id)
            self.kins[run_id] = () if run is None else kin_of(json.loads(run.frozen)["workflow"]["provider"])
        return self.kins[run_id]

    def _briefs(self, jobs: Sequence[BatchJob]) -> dict[str, Brief]:
        found = {}
        for first in range(0, len(jobs), AT_ONCE):
            for row in self.made.some([job.id for job in jobs[first : first + AT_ONCE]]):
                found[row.id] = JobData.model_validate_json(row.data).brief
        return found

    def _is_of_file(self, job: BatchJob) -> bool:
        return job.file == self.file or base_in(job.key) in self.bases

    def _removed(self, new: Iterable[New]) -> Iterator[Copy]:
        there = {}
        for job_id, key in self.made.batches.removed():
            _, base, kind, contents, *rest = (*key.split(":"), "")
            if kind == "row" and origin_in(key) == self.origin and key not in self.mine:
                there[contents, ":".join(rest[1:3])] = (job_id, key, base)
        for one in new:
            found = there.pop((one.contents, f"{one.platform or '-'}:{one.take}"), None)
            if found is not None:
                yield Copy(one.key, one.row, one.where, one.brief.prompt, False, found[0], found[1])

    def _edited(self, new: Sequence[New], more: Sequence[str], taken: set[str]) -> Iterator[tuple[New, BatchJob]]:
        """Yield new rows whose prompt is nearly that of a row which is no longer in the file."""
        if not new:
            return
        bases = list(dict.fromkeys((*self.bases, *more)))
        left = [job for job in self.made.batches.of(bases, self.file) if job.id not in taken and self._counts(job)]
        least = ALIKE if self.known or more else NEARLY_THE_SAME
        index = _Index(left)
        compared = 0
        for one in new:
            for job in index.near(one):
                compared += 1
                if compared > MOST_COMPARED:
                    return
                if job.id not in taken and likeness(one.brief.prompt, job.prompt) >= least:
                    taken.add(job.id)
                    yield one, job
                    break


class _Index:
    """Jobs by the pairs of words of their prompts, and by the name of their row."""

    def __init__(self, jobs: Sequence[BatchJob]) -> None:
        self._by: dict[tuple[object, ...], list[BatchJob]] = defaultdict(list)
        for job in jobs:
            for name in {("row", job.row), *_pairs(job.prompt)}:
                self._by[name, job.platform, job.take].append(job)

    def near(self, one: New) -> list[BatchJob]:
        """Return at most a few that may be alike, the likeliest first."""
        votes: dict[str, tuple[int, BatchJob]] = {}
        for name in [("row", one.row), *_pairs(one.brief.prompt)]:
            # Words that all prompts of a batch begin with would make each row a neighbour of every other.
            for job in self._by.get((name, one.platform, one.take), ())[:20]:
                votes[job.id] = (votes.get(job.id, (0, job))[0] + 1, job)
        return [job for _, job in sorted(votes.values(), key=lambda vote: -vote[0])[:4]]


def _pairs(prompt: str) -> Iterator[tuple[str, str]]:
    words = re.findall(r"\w+", prompt.casefold())[:60]
    yield from pairwise(words)


def likeness(one: str, other: str) -> float:
    """Return how alike two prompts are, from 0 to 1.

    Only their first 2000 characters count. A share that is surely below `ALIKE` is given as 0.
    """
    matcher = SequenceMatcher(None, _plain(one)[:2000], _plain(other)[:2000], autojunk=False)
    # `quick_ratio` is an upper bound that takes linear time; `autojunk` would drop frequent letters.
    return matcher.ratio() if matcher.quick_ratio() >= ALIKE else 0.0


def _plain(prompt: str) -> str:
    return " ".join(unicodedata.normalize("NFC", prompt).split())


def _spellings(prompt: str) -> Iterator[str]:
    """Yield the forms that the prompt may have in a store, whichever version wrote it."""
    for text in (prompt, unicodedata.normalize("NFD", prompt)):
        yield text
        yield text.replace("\n", "\r\n")


def _copy(one: New, other: BatchJob, *, edited: bool) -> Copy:
    return Copy(
        one.key,
        one.row,
        one.where,
        one.brief.prompt,
        edited,
        other.id,
        other.key,
        other.prompt,
        other.row,
        other.file,
        other.status,
    )
