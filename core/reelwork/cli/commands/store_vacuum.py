"""`reelwork store vacuum`: shows what would be removed, asks, and removes it."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from reelwork.cli.commands.store import size
from reelwork.cli.shared import common_options, shared

if TYPE_CHECKING:
    from reelwork.store.sqlite.maintenance.vacuum import Done, Plan

SECONDS = {"d": 86_400.0, "w": 7 * 86_400.0}
WHY = {
    "held": "held for a person",
    "open effect": "with an effect that is not settled",
    "open render": "with a render that has not ended",
    "shared render": "with a render that another job has, too",
    "money of this month": "with money that counts in this month's budget",
    "at work": "in the hands of a process",
}


class Age(click.ParamType):  # type: ignore[type-arg]
    """An age in days or weeks, at least a day: `90d`, `12w`."""

    name = "age"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds."""
        if isinstance(value, float):
            return value
        number, unit = value[:-1], value[-1:]
        if unit not in SECONDS or not number.isdecimal() or not 1 <= int(number) <= 100_000:
            self.fail(f"{value!r} is not an age; write 90d or 12w, at least 1d.", param, ctx)
        return int(number) * SECONDS[unit]


@click.command("vacuum")
@click.option("--older-than", type=Age(), metavar="AGE", help="Remove jobs that ended that long ago: 90d or 12w.")
@click.option("--dry-run", is_flag=True, help="Show what would be removed, and remove nothing.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@common_options()
def vacuum_store(older_than: float | None, dry_run: bool, yes: bool) -> None:
    """Remove old jobs and unneeded files, and free the disk space.

    With --older-than, or keep_days in reelwork.toml, jobs that were done, failed, rejected or cancelled that long
    ago are removed, with their history and the videos no other job needs. A removed job can no longer be shown or
    resumed. Its spending stays counted, and running its batch again does not make its rows again.

    Never removed: jobs that are active or held, jobs with an effect of unknown outcome or still to be sent, and
    jobs whose money counts in this month's budget. Always removed: files that no job needs.
    """
    from reelwork.settings.paths import keep_days, store_path
    from reelwork.store.sqlite.maintenance.vacuum import plan, vacuum

    store, now = store_path(shared().store), time.time()
    if older_than is None:
        days = keep_days()
        older_than = None if days is None else days * SECONDS["d"]
    before = None if older_than is None else now - older_than
    # With one `now` for the plan and the removal: what was shown is what goes.
    planned = plan(store, before, now)
    if dry_run:
        _show_plan(planned, before)
        return
    # Files that no job needs go without a question: nobody can miss them.
    if planned.jobs.count and not yes:
        _ask(planned, before)
    _show_done(vacuum(store, before, now))


def _show_plan(planned: Plan, before: float | None) -> None:
    from reelwork.cli.views.text import count, tell

    if shared().json:
        click.echo(json.dumps({"dry_run": True, **_plan_as_json(planned, before)}, indent=2, ensure_ascii=False))
        return
    tell("\n".join(_plan_lines(planned, before)))
    if planned.files:
        tell(f"Would remove {count(planned.files, 'file')} that no job needs ({size(planned.file_bytes)}).")
    if planned.processes:
        tell(f"{count(planned.processes, 'process')} at work: the file would not be made smaller now.")
    tell("A dry run: nothing was removed.")


def _plan_lines(planned: Plan, before: float | None) -> list[str]:
    from reelwork.cli.views.text import count

    if before is None:
        return ["No jobs are removed: say --older-than 90d, or keep_days = 90 in reelwork.toml."]
    told = ", ".join(f"{number} {status}" for status, number in sorted(planned.jobs.jobs.items()))
    of_them = f" ({told}), with {count(planned.jobs.events, 'line')} of their stories" if told else ""
    day = time.strftime("%Y-%m-%d", time.gmtime(before))
    lines = [f"To remove: {count(planned.jobs.count, 'job')} that ended before {day}{of_them}."]
    for why, number in planned.jobs.kept.items():
        lines.append(f"Stays: {count(number, 'job')} of that age {WHY[why]}.")
    return lines


def _plan_as_json(planned: Plan, before: float | None) -> dict[str, object]:
    return {
        "before": before,
        "jobs": dict(planned.jobs.jobs),
        "events": planned.jobs.events,
        "renders": planned.jobs.renders,
        "kept": dict(planned.jobs.kept),
        "files": planned.files,
        "file_bytes": planned.file_bytes,
        "free_bytes": planned.free_bytes,
        "processes": planned.processes,
    }


def _ask(planned: Plan, before: float | None) -> None:
    from reelwork.cli.views.text import count, tell
    from reelwork.errors import Declined

    nothing = "Nothing was removed."
    if not sys.stdin.isatty():
        raise Declined(
            f"Removing {count(planned.jobs.count, 'job')} was not confirmed: there is nobody to ask here.",
            money=nothing,
            hint="Look first with --dry-run, then add --yes.",
        )
    tell("\n".join(_plan_lines(planned, before)), err=True)
    tell("They can no longer be shown or resumed. Spending and batch rows stay known.", err=True)
    if not click.confirm("Remove them?", err=True):
        raise Declined("Stopped.", money=nothing)


def _show_done(done: Done) -> None:
    from reelwork.cli.views.text import count, tell

    if shared().json:
        click.echo(
            json.dumps(
                {
                    "dry_run": False,
                    "jobs": done.jobs,
                    "files": done.files,
                    "file_bytes": done.file_bytes,
                    "shrunk_by": done.shrunk_by,
                    "processes": done.processes,
                },
                indent=2,
            )
        )
        return
    tell(f"Removed {count(done.jobs, 'job')} and {count(done.files, 'file')} ({size(done.file_bytes)}).")
    if done.processes:
        tell(
            f"The store's file was not made smaller, since {count(done.processes, 'process')} at work would have "
            f"to wait. The room in it is used again; to make it smaller, run this once they have ended."
        )
    else:
        tell(f"The store's file is {size(done.shrunk_by)} smaller.")
