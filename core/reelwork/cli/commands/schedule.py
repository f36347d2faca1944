"""`reelwork schedule`: the group. Its commands have files of their own."""

from __future__ import annotations

import click

from reelwork.cli.lazy import LazyGroup

COMMANDS = {
    "add": ("reelwork.cli.commands.schedule_add:add_schedule", "Add a schedule, or change one."),
    "list": ("reelwork.cli.commands.schedule_list:list_schedules", "List the schedules with their next times."),
    "show": ("reelwork.cli.commands.schedule_list:show_schedule", "Show a schedule and the outcome of its times."),
    "next": ("reelwork.cli.commands.schedule_list:next_firings", "Show the next five firings of a schedule."),
    "pause": ("reelwork.cli.commands.schedule_pause:pause_schedule", "Pause a schedule."),
    "resume": ("reelwork.cli.commands.schedule_pause:resume_schedule", "End the pause of a schedule."),
    "run-now": ("reelwork.cli.commands.schedule_run:run_now", "Fire a schedule now, and wait for its videos."),
    "requeue": (
        "reelwork.cli.commands.schedule_requeue:requeue_rows",
        "Give back rows of a batch file whose jobs failed.",
    ),
    "remove": ("reelwork.cli.commands.schedule_remove:remove_schedule", "Remove a schedule."),
    "run": ("reelwork.cli.commands.schedule_run:run_schedules", "Fire schedules at their times, until Ctrl-C."),
}


@click.group(cls=LazyGroup, table=COMMANDS)
def schedule() -> None:
    """Run workflows automatically, at the times you set.

    A schedule fires while `reelwork serve` or `reelwork schedule run` is running, in any number of processes: each
    time is fired once.
    """
