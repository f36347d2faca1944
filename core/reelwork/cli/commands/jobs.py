"""`reelwork jobs`: the group. Each of its commands has a file of its own."""

from __future__ import annotations

import click

from reelwork.cli.lazy import LazyGroup

COMMANDS = {
    "list": ("reelwork.cli.commands.jobs_list:list_jobs", "List jobs, newest first."),
    "show": ("reelwork.cli.commands.jobs_show:show_job", "Show everything about one job."),
    "open": ("reelwork.cli.commands.jobs_open:open_job", "Open a job's video, or its post."),
    "history": (
        "reelwork.cli.commands.jobs_history:job_history",
        "Show everything that happened to a job, in order.",
    ),
    "watch": ("reelwork.cli.commands.jobs_watch:watch_jobs", "Watch jobs that other processes work on."),
    "resolve": ("reelwork.cli.commands.jobs_resolve:resolve_job", "Decide about a job that is held."),
    "cancel": ("reelwork.cli.commands.jobs_cancel:cancel_jobs", "End jobs for good."),
    "retry": (
        "reelwork.cli.commands.jobs_retry:retry_jobs",
        "Retry jobs, even where that means paying again.",
    ),
}


@click.group(cls=LazyGroup, table=COMMANDS)
def jobs() -> None:
    """List, show, watch and decide about jobs."""
