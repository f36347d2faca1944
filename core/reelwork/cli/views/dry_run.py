"""Shows a dry run."""

from __future__ import annotations

import json
import tempfile
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Self

import click

from reelwork.cli.views.prompt_diff import Change, prompt_lines
from reelwork.cli.views.statuses import COLOURS, NEEDED_FIRST
from reelwork.cli.views.text import columns, count, line_width, padded, paint, tell, wrapped
from reelwork.ids import short_id
from reelwork.money import dollars
from reelwork.planning.plan import Fate
from reelwork.store.statuses import Status
from reelwork.studio.dry_run import KnownJob, PlannedPost, Rehearsal, RehearsedJob
from reelwork.studio.wording import label, label_of, step_words, target_words
from reelwork_hooks.models import Disclosure

MOST_JOBS = 10
# Beyond this the document goes to a temporary file: one of fifty thousand rows would fill the memory.
MOST_HELD = 1_000_000
"""Characters of a document that are held in memory."""


class Shown:
    """Takes a rehearsal's jobs one by one, and stores of each only what is printed."""

    def __init__(self, *, as_json: bool) -> None:
        self._written = tempfile.SpooledTemporaryFile(MOST_HELD, "w+", encoding="utf-8") if as_json else None  # noqa: SIM115
        self._count = 0
        self._stopped: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._written is not None:
            self._written.close()

    def keep(self, job: RehearsedJob) -> bool:
        """Take a job; return True to keep it whole, as only the first are."""
        self._count += 1
        if self._written is not None:
            document = {**job.model_dump(mode="json"), "outcome": job.outcome}
            text = textwrap.indent(json.dumps(document, indent=2, ensure_ascii=False), "    ")
            self._written.write(f"{',' if self._count > 1 else ''}\n{text}")
            return False
        if self._count <= MOST_JOBS:
            return True
        self._stopped += [f"  {_name(job, 0)}: {line}" for line in _stopped(job)]
        return False

    def show(self, rehearsal: Rehearsal) -> None:
        """Print it."""
        if self._written is None:
            tell("\n".join(_lines(rehearsal, self._stopped)))
            return
        head, tail = _around_jobs(rehearsal)
        click.echo(head, nl=False)
        self._written.seek(0)
        while piece := self._written.read(MOST_HELD):
            click.echo(piece, nl=False)
        click.echo(f"\n  {tail}" if self._count else tail)


def _around_jobs(rehearsal: Rehearsal) -> tuple[str, str]:
    """Return the text before and after the jobs in the document that programs get."""
    cost = None if rehearsal.cost is None else str(rehearsal.cost)
    unspent = None if rehearsal.unspent is None else str(rehearsal.unspent)
    saved = str(rehearsal.saved)
    start = {"dry_run": True, "exit_code": rehearsal.exit_code, "cost": cost, "saved": saved, "unspent": unspent}
    document = {**start, **rehearsal.model_dump(mode="json"), "jobs": []}
    # The jobs were written while they came. The document around them is known only at the end.
    head, empty, tail = json.dumps(document, indent=2, ensure_ascii=False).partition('\n  "jobs": []')
    return f"{head}{empty[:-1]}", f"]{tail}"


def _lines(rehearsal: Rehearsal, stopped: Sequence[str]) -> Iterator[str]:
    total = _cost(rehearsal.cost, rehearsal.tally.expected) if rehearsal.cost != 0 else "nothing"
    jobs = count(rehearsal.tally.jobs, "new job" if rehearsal.known else "job")
    yield f"{jobs} at {rehearsal.provider}. Cost: {total}{_dates(rehearsal)}."
    if rehearsal.plugin_calls:
        yield f"Plugin calls: at most {dollars(rehearsal.plugin_calls)} more ({', '.join(rehearsal.paying)})."
    if rehearsal.saved > 0:
        yield f"One render for several shapes saves {dollars(rehearsal.saved)}."
    yield from _known(rehearsal)
    for number, job in enumerate(rehearsal.jobs, 1):
        yield ""
        yield from _job(job, number)
    rest = rehearsal.tally.jobs - len(rehearsal.jobs)
    if rest:
        yield ""
        yield f"… and {rest} more; --json shows them all."
        yield from stopped
    yield ""
    for note in rehearsal.notes:
        yield f"Note: {note}"
    for name in rehearsal.skipped:
        yield f"Not asked, since asking costs money: {name}."
    for look in rehearsal.looks:
        shown = f" ({count(look.frames, 'frame')})" if look.frames else ""
        price = ", which costs money" if look.costs else ""
        seen = f"{look.plugin} will be shown each finished video{shown}"
        yield f"{seen} before it is signed, stored or posted{price}."
    yield "A dry run: nothing was sent, nothing was spent."


def _known(rehearsal: Rehearsal) -> Iterator[str]:
    """Yield the jobs that a run of the batch would not make, since they exist."""
    known = rehearsal.known
    if not known:
        return
    counts = Counter(job.status for job in known)
    told = ", ".join(f"{counts[status]} {status}" for status in NEEDED_FIRST if counts[status])
    yield f"{count(len(known), 'job')} of an earlier run: {told}. Not counted above, and not made again."
    if rehearsal.unspent is None or rehearsal.unspent:
        yield f"  still to be asked for, as agreed to then: {dollars(rehearsal.unspent)}"
    ordered = sorted(known, key=lambda job: NEEDED_FIRST.index(job.status))
    rows = [[label_of(job), job.status, _fate_of(job)] for job in ordered[:MOST_JOBS]]
    yield from (f"  {line}" for line in columns(rows, flexible=-1, width=line_width() - 2))
    if len(known) > MOST_JOBS:
        yield f"  … and {len(known) - MOST_JOBS} more; --json shows them all."


def _fate_of(job: KnownJob) -> str:
    if job.goes_on:
        return f"continues: {step_words(job.step)}"
    return f"job {short_id(job.id)}" if job.status == Status.DONE else f"stays as it is: job {short_id(job.id)}"


def _dates(rehearsal: Rehearsal) -> str:
    prices = {(price.as_of, price.source) for price in rehearsal.tally.prices}
    if not prices:
        return ""
    as_of, source = min(prices)
    return f" (prices as of {as_of}{', ' + source if source else ''})"


def _name(job: RehearsedJob, number: int) -> str:
    return label(f"job {number}", row=job.row, platform=job.platform, take=job.take, takes=job.takes)


def _cost(most: Decimal | None, expected: Decimal | None) -> str:
    return dollars(most) if expected is None else f"about {dollars(expected)}, at most {dollars(most)}"


def _job(job: RehearsedJob, number: int) -> Iterator[str]:
    spec = job.spec
    facts = [spec.size, f"{spec.duration:g} s", f"{spec.fps} fps" if spec.fps else ""]
    facts += [f"seed {spec.seed}" if spec.seed is not None else "", job.model or "", _cost(job.cost, job.expected)]
    yield f"{paint(_name(job, number), bold=True)}  {'  '.join(fact for fact in facts if fact)}"
    rows = [_fate(fate) for fate in job.fates]
    yield from (f"  {line}" for line in columns(rows, flexible=2, width=line_width() - 2))
    if len(job.shapes) > 1:
        saves = "" if not job.saved else f": a render for each would cost {dollars(job.saved)} more"
        *first, last = job.shapes
        yield f"  one render for {', '.join(first)} and {last}{saves}"
    yield from (f"  note: {note}" for note in job.notes)
    yield from _prompt(job)
    yield from (f"  {line}" for line in _stopped(job))
    for post in job.posts:
        yield from _post(post)
    if job.outcome == "ready" and not job.posts:
        yield "  would be published nowhere"


def _fate(fate: Fate) -> list[str]:
    told = fate.asked
    if fate.becomes and fate.becomes != fate.asked:
        told += f" → {fate.becomes}"
    if fate.note:
        told += f"  ({fate.note})"
    return [fate.parameter, fate.outcome, told]


def _prompt(job: RehearsedJob) -> Iterator[str]:
    if job.prompt is not None:
        yield "  prompt"
        changes = [Change(**dict(edit)) for edit in job.prompt.edits]
        yield from prompt_lines(job.prompt.text, job.prompt.negative_text, changes, indent="    ")


def _stopped(job: RehearsedJob) -> Iterator[str]:
    colour = COLOURS.get(job.outcome, "green")
    if job.verdict is not None:
        reason = job.verdict.reason or "no reason given"
        yield f"{paint('would be ' + job.outcome, fg=colour)} by {job.verdict.plugin!r}: {reason}"
    elif job.problem:
        yield f"{paint('would fail', fg=colour)}: {job.problem}"


def _post(post: PlannedPost) -> Iterator[str]:
    where = f", {post.privacy}" if post.public else ", on this machine only"
    basis = f" ({post.basis})" if post.basis else ""
    costs = "" if post.cost is None else f", for {dollars(post.cost)}{basis}"
    costs = ", price unknown" if post.unknown_price else costs
    shape = "" if post.target is None else f", as {target_words(post.target.model_dump())}"
    yield f"  would be published to {post.destination}{where}{shape}{costs}"
    if post.note:
        yield f"    {post.note}"
    if post.held_in_doubt:
        yield f"    if its answer is lost, it is held: {post.destination} cannot be asked what was posted"
    if post.review:
        yield f"    after a person's review: {post.review}"
    copy = (("title", post.title), ("caption", post.caption))
    tags = " ".join(f"#{tag}" for tag in post.hashtags)
    for name, text in (*copy, ("hashtags", tags), *_own(post)):
        if text:
            first, *rest = wrapped(text, " " * 14)
            yield f"    {padded(name, 9)} {first.strip()}"
            yield from rest


def _own(post: PlannedPost) -> Iterator[tuple[str, str]]:
    """Yield what few posts have, each with its name."""
    yield "alt text", post.alt_text
    yield "shown at", "" if post.publish_at is None else post.publish_at.isoformat(sep=" ", timespec="minutes")
    if post.disclosure != Disclosure():
        yield "made by", f"AI: {post.disclosure.ai}; said by: {post.disclosure.label}"
    for name, value in post.options.items():
        yield name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
