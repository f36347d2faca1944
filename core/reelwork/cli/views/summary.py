"""The summary of a run, in a few lines or as JSON."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from rich.cells import cell_len

from reelwork.cli.views.statuses import NEEDED_FIRST, counted_by_status, status_word
from reelwork.cli.views.text import (
    LONGEST_LINE,
    columns,
    count,
    line_width,
    paint,
    squeezed,
    whole,
    wrapped,
)
from reelwork.ids import short_id
from reelwork.money import dollars
from reelwork.store.records import ACTIVE, DONE
from reelwork.store.rules import setting_of
from reelwork.store.statuses import CLOSED
from reelwork.studio.advice import BY_ITSELF, Action, next_step
from reelwork.studio.next_words import HERE, RAISED, Vantage, next_words
from reelwork.studio.results import FinishedShape, JobResult, RunResult
from reelwork.studio.wording import label_of, step_words, target_words
from reelwork.text import one_line

# About a screen.
MOST_BLOCKS = 8
"""Jobs that are shown with everything; more of them go into a table."""
MOST_ROWS = 30
MOST_NAMED = 10
MOST_RUNS = 3


def summary(result: RunResult, sheets: Sequence[Path] = (), at: Vantage = HERE) -> str:
    """Return the summary: the jobs with videos and posts, the money spent, and the next commands there."""
    if not result.jobs:
        return "There is nothing to resume."
    if len(result.jobs) <= MOST_BLOCKS:
        lines = [line for job in result.jobs for line in _block(job, at, alone=len(result.jobs) == 1)]
    else:
        lines = list(_table(result.jobs, at))
    return "\n".join([*lines, *_ending(result, sheets)])


def _block(job: JobResult, at: Vantage, *, alone: bool) -> Iterator[str]:
    name = label_of(job)
    short = short_id(job.id)
    named = "" if alone and name == short else f"{name}  "
    yield f"{status_word(job.status)}  {named}{paint(f'job {short}', dim=True)}"
    video = video_path(job)
    if video:
        yield f"  video      {whole(video)}"
    for shape in job.shapes[1:]:
        yield f"  video      {whole(video_path(shape))}  ({target_words(shape.target.model_dump())})"
    for destination, receipt in job.receipts.items():
        # A page on this machine is named once, at the end.
        where = "" if receipt.url.startswith("file:") else f": {receipt.url or receipt.id}"
        state = f" ({receipt.state})" if receipt.state else ""
        yield f"  published  {destination}{state}{where}"
    yield from _trouble(job, at)


def _trouble(job: JobResult, at: Vantage) -> Iterator[str]:
    if job.status == DONE:
        return
    posts = {**dict.fromkeys(job.failed_posts, "failed"), **dict.fromkeys(job.held_posts, "held")}
    if len(posts) > 1:
        # The job's own reason is that of one of them.
        for destination, word in posts.items():
            why = at.typed(job.failed_posts.get(destination) or job.held_posts.get(destination, ""))
            yield from _labelled(word, f"{destination}: {why.removeprefix(f'{destination}: ')}")
    elif job.reason:
        yield from _labelled("reason", at.typed(job.reason))
    elif job.status == ACTIVE:
        yield f"  reason     not finished; it is at: {step_words(job.step)}"
    if job.doubt:
        counted = f"{dollars(job.spent)} stays counted as in doubt" if job.spent else "in doubt"
        yield f"  money      {counted}: what was sent may have happened, and be charged"
    elif job.spent and job.status in CLOSED:
        yield f"  money      {dollars(job.spent)} stays counted: what was sent may be charged"
    following = next_words(job, at=at)
    if following:
        yield f"  next       {following}"


def _labelled(label: str, text: str) -> Iterator[str]:
    first, *rest = wrapped(text, " " * 13)
    yield f"  {label:<11}{first.strip()}"
    yield from rest


def _table(jobs: Sequence[JobResult], at: Vantage) -> Iterator[str]:
    ordered = sorted(jobs, key=lambda job: NEEDED_FIRST.index(job.status))
    shown = ordered[:MOST_ROWS]
    rows = [["JOB", "STATUS", "FOR", "VIDEO OR REASON"]]
    for job in shown:
        told = video_path(job) if job.status == DONE else job.reason or step_words(job.step)
        rows.append([short_id(job.id), job.status, label_of(job), one_line(told)])
    yield from _fitted(rows)
    if len(ordered) > len(shown):
        runs = {job.run for job in jobs}
        run = f" --run {runs.pop()}" if len(runs) == 1 else ""
        yield f"… and {len(ordered) - len(shown)} more: " + at.typed(f"reelwork jobs list{run} --limit {len(jobs)}")
    for line in _next_steps(jobs, at):
        yield f"next  {at.typed(line)}"


def _fitted(rows: list[list[str]]) -> Iterator[str]:
    """Yield the rows in columns if they fit, else with the last cell of each below it."""
    # Never cut: paths and commands are copied from here.
    width = line_width()
    plain = columns(rows, flexible=-1, width=LONGEST_LINE)
    if all(cell_len(line) <= width for line in plain):
        yield from plain
        return
    heads = columns(
        [[one, status, squeezed(name, width - 22)] for one, status, name, _ in rows], flexible=-1, width=width
    )
    for head, row in zip(heads[1:], rows[1:], strict=True):
        yield head
        yield from [f"  {whole(row[-1])}"] if row[1] == DONE else wrapped(row[-1], "  ")


def _next_steps(jobs: Sequence[JobResult], at: Vantage) -> Iterator[str]:
    """Yield the next commands: one for jobs that just continue, one for those that are paid again."""
    by_action: dict[Action, list[JobResult]] = {}
    for job in jobs:
        by_action.setdefault(next_step(job, driven=at.driven).action, []).append(job)

    def of(*actions: Action) -> list[JobResult]:
        wanted = {job.id for action in actions for job in by_action.get(action, ())}
        return [job for job in jobs if job.id in wanted]

    if going_on := of(*BY_ITSELF):
        yield f"reelwork resume  (continues {count(len(going_on), 'job')})"
    if waiting := of(Action.WAIT):
        yield f"reelwork serve  (posts {count(len(waiting), 'job')} at their times)"
    if stopped := of(Action.START_POSTS):
        yield f"reelwork posts start  (lets the posts of {count(len(stopped), 'job')} leave)"
    if looked_up := of(Action.RECONCILE):
        yield f"reelwork reconcile  (looks up the outcome of {count(len(looked_up), 'request')})"
    yield from _next_by_budget(of(Action.RAISE_BUDGET))
    if shown := of(Action.REVIEW):
        yield f"reelwork review list  (you decide about {count(len(shown), 'job')})"
    if decided := of(Action.RESOLVE, Action.SETTLE):
        named, more = _named(decided)
        yield f"reelwork jobs resolve ID  (you decide, one by one: {named}{more})"
    refused = "fix what they name, then: "
    for first, again, told in (
        ("", of(Action.RETRY, Action.LOOK_THEN_RETRY), "pays for {renders}"),
        (refused, of(Action.CORRECT_THEN_RETRY), "pays for {renders}"),
        (refused, of(Action.CORRECT_THEN_POST), "pays for no render"),
        ("", of(Action.ASK_AGAIN), "asks for reviews again; pays nothing"),
    ):
        if again:
            named, more = _named(again)
            told = told.format(renders=count(len(again), "new render"))
            yield f"{first}reelwork jobs retry {named}{more}  ({told})"
    if appealable := of(Action.APPEAL):
        named, more = _named(appealable)
        yield f'reelwork review appeal ID --because "TEXT"  (a person decides, one by one: {named}{more})'
    if changed := of(Action.CHANGE):
        named, more = _named(changed)
        yield f"change what they name and run again: {named}{more}"


def _next_by_budget(held: Sequence[JobResult]) -> Iterator[str]:
    """Yield the commands that resume jobs held by a budget. Only a higher budget lets them continue."""
    by_budget: dict[str, list[JobResult]] = {}
    for job in held:
        by_budget.setdefault(setting_of(next_step(job).budget, job.brand), []).append(job)
    for budget, jobs in by_budget.items():
        runs = dict.fromkeys(job.run for job in jobs)
        names = "".join(f" {run}" for run in runs) if len(runs) <= MOST_RUNS else ""
        over = f"{count(len(jobs), 'job')} over the budget"
        yield f"reelwork resume{names} {RAISED.format(budget=budget)}: {over}"


def _named(jobs: Sequence[JobResult]) -> tuple[str, str]:
    named = " ".join(short_id(job.id) for job in jobs[:MOST_NAMED])
    return named, "" if len(jobs) <= MOST_NAMED else f"  (and {len(jobs) - MOST_NAMED} more)"


def _ending(result: RunResult, sheets: Sequence[Path]) -> Iterator[str]:
    yield ""
    yield f"{count(len(result.jobs), 'job')}: {counted_by_status(result.counts())}. Spent: {_spent(result)}."
    for page in _pages(result.jobs):
        yield f"Look at {'it' if len(result.jobs) == 1 else 'them'} in: {whole(page)}"
    for sheet in sheets:
        yield f"Contact sheet: {whole(shown_path(sheet))}"
    for note in result.notes:
        yield from wrapped(f"Note: {note}", "")


def _spent(result: RunResult) -> str:
    unknown = [job for job in result.jobs if job.remote_id is not None and job.cost is None]
    # A price that is not known belongs to the run that sent the request, as known money does.
    before = sum(job.rendered_before for job in unknown)
    told = _amount(result.spent, len(unknown) - before)
    if result.spent_before or before:
        told += f" (by earlier runs of the same jobs: {_amount(result.spent_before, before)})"
    return f"{told}, and {dollars(result.in_doubt)} in doubt" if result.in_doubt else told


def _amount(known: Decimal, unknown: int) -> str:
    if not unknown:
        return dollars(known) if known else "nothing"
    renders = f"{count(unknown, 'render')} whose price is not known"
    return f"{dollars(known)} and {renders}" if known else renders


def _pages(jobs: Sequence[JobResult]) -> list[str]:
    urls = [receipt.url for job in jobs for receipt in job.receipts.values()]
    pages = [_address(url.partition("#")[0]) for url in urls if url.startswith("file:")]
    return list(dict.fromkeys(pages))


def _address(url: str) -> str:
    """Return a web address as it is, and a file's as a path, which terminals and people can open."""
    if not url.startswith("file:"):
        return url
    path = Path(unquote(urlsplit(url).path))
    return shown_path(path)


def shown_path(path: Path) -> str:
    """Return a path, relative to the working folder if it is below that."""
    try:
        return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
    except FileNotFoundError:  # The folder the command was started in is gone.
        return str(path)


def video_path(video: JobResult | FinishedShape) -> str:
    """Return a video's place for a person: where a plugin stored it, or else the file it was made in."""
    if video.stored_at:
        return _address(video.stored_at[-1])
    return shown_path(video.video) if video.video else ""


def result_as_json(result: RunResult, code: int, at: Vantage = HERE) -> dict[str, Any]:
    """Return the result as programs get it."""
    jobs = [{**job.model_dump(mode="json"), "next": next_words(job, at=at)} for job in result.jobs]
    document = {"run": result.run, "exit_code": code, "counts": result.counts(), "jobs": jobs}
    money = {
        "spent": _plain(result.spent),
        "spent_before": _plain(result.spent_before),
        "in_doubt": _plain(result.in_doubt),
    }
    return {**document, **money, "notes": list(result.notes)}


def _plain(amount: Decimal) -> str:
    """Without zeros that say nothing."""
    return f"{amount.normalize():f}"
