"""`reelwork reconcile`: looks up every effect in doubt, and sends nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from reelwork.cli.completions import complete_jobs_and_runs
from reelwork.cli.shared import common_options, shared

if TYPE_CHECKING:
    from reelwork.engine.reconcile import Finding, Reconciled
    from reelwork.studio.review import AfterLookup, Question
    from reelwork.studio.studio import Studio

CODES = """\b
Exit codes:
  0    nothing is in doubt now
  2    it cannot be done as written
  3    something is still in doubt: a person must decide, or it is too early"""


@dataclass(frozen=True)
class Line:
    """One effect with its finding, and for a person the evidence and the command that decides it."""

    finding: Finding
    question: Question | None
    command: str


@click.command(epilog=CODES)
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=complete_jobs_and_runs)
@click.option("--dry-run", is_flag=True, help="Look up, but record nothing.")
@common_options(log=True, plugins=True)
def reconcile(names: tuple[str, ...], dry_run: bool) -> None:
    """Look up every request and post whose outcome is in doubt, or those of the jobs and runs NAMEd.

    Use it after a crash or after `reelwork store restore`. It sends nothing and resumes no job: it records what it
    finds, and `reelwork resume` continues from there. It waits for settle times of up to two minutes.
    """
    from reelwork.cli.logs import show_log
    from reelwork.cli.stores import store_if_there
    from reelwork.engine.reconcile import Reconciled
    from reelwork.studio.studio import Studio

    said = shared()
    show_log(verbose=said.verbose)
    with store_if_there() as store:
        there = store is not None
    # Without a store nothing is in doubt. But a job that was named must be reported as not found.
    if there or names:
        with Studio(store=said.store) as studio:
            done = studio.reconcile_sync(*names, dry_run=dry_run)
            lines = [_line(studio, finding, dry_run=dry_run) for finding in done.findings]
    else:
        done, lines = Reconciled((), dry_run=dry_run), []
    if said.json:
        click.echo(json.dumps(_document(done, lines), indent=2, ensure_ascii=False))
    else:
        _print(done, lines)
    click.get_current_context().exit(done.exit_code)


def _line(studio: Studio, finding: Finding, *, dry_run: bool) -> Line:
    from reelwork.studio.review import after_lookup

    after = after_lookup(studio.store, studio.find(finding.job), finding, dry_run=dry_run)
    return Line(finding, after.question, _command(finding, after))


def _command(finding: Finding, after: AfterLookup) -> str:
    from reelwork.ids import short_id
    from reelwork.studio.advice import Action
    from reelwork.studio.next_words import NEXT

    if after.action is Action.RECONCILE:
        return "reelwork reconcile"
    if after.action is Action.RESOLVE:
        which = f" --destination {after.destination}" if after.destination else ""
        return f"reelwork jobs resolve {short_id(finding.job)}{which}"
    return NEXT[after.action].format(job=short_id(finding.job))


def _document(done: Reconciled, lines: list[Line]) -> dict[str, Any]:
    return {
        "dry_run": done.dry_run,
        "settled": sum(finding.settled for finding in done.findings),
        "in_doubt": sum(not finding.settled for finding in done.findings),
        "acts": [_as_json(line) for line in lines],
        "exit_code": done.exit_code,
    }


def _as_json(line: Line) -> dict[str, Any]:
    names = ("job", "kind", "subject", "key", "state", "decided", "found", "remote_id", "until")
    found = {name: getattr(line.finding, name) for name in names}
    evidence = line.question.as_json() if line.question else None
    return {**found, "evidence": evidence, "next": line.command}


def _print(done: Reconciled, lines: list[Line]) -> None:
    from reelwork.cli.views.text import count, tell

    if not lines:
        tell("Nothing is in doubt: the outcome of every request and post is known.")
        return
    for line in lines:
        tell("\n".join(_told(line)) + "\n")
    settled = sum(finding.settled for finding in done.findings)
    left = len(lines) - settled
    would = " would be" if done.dry_run else ""
    told = f"{count(settled, 'effect')}{would} settled, {left} still in doubt. Nothing was sent."
    tell(told + (" Nothing was recorded." if done.dry_run else ""))


def _told(line: Line) -> Iterator[str]:
    from reelwork.cli.views.text import paint, wrapped

    finding = line.finding
    yield f"{paint(f'{finding.kind} at {finding.subject}', bold=True)}  job {finding.job}"
    later = ""
    if finding.until is not None and finding.decided == "waiting":
        later = f" (again after {datetime.fromtimestamp(finding.until, UTC):%H:%M:%S} UTC)"
    yield from wrapped(f"{finding.found}{later}.", "  ")
    for name, text in line.question.facts if line.question else ():
        yield from wrapped(f"{name}: {text}", "    ")
    if line.command:
        yield f"  next  {line.command}"
