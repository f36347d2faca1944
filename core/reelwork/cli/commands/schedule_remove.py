"""`reelwork schedule remove`."""

from __future__ import annotations

import json

import click

from reelwork.cli.shared import common_options, shared


@click.command("remove")
@click.argument("name", metavar="NAME")
@click.option("--cancel", is_flag=True, help="Also end the jobs it has fired that are not done.")
@common_options(plugins=True)
def remove_schedule(name: str, cancel: bool) -> None:
    """Remove a schedule. Jobs it has fired continue, unless --cancel ends them for good.

    What it has fired stays known: added again, it fires none of that a second time.
    """
    if shared().server:
        from reelwork.cli.schedules_afar import remove_afar

        remove_afar(name, cancel=cancel)
        return
    from reelwork.cli.schedules import opened_store
    from reelwork.cli.views.text import count, tell
    from reelwork.store.statuses import GOES_ON, Status
    from reelwork.studio.sync import run_to_end

    async def removed() -> list[str]:
        from reelwork.schedules.keeping import remove

        async with opened_store() as (store, now):
            await remove(store, name, now)
            # A failed one goes on with the next `resume`, unless it is ended with the others.
            return store.fired_jobs(GOES_ON if cancel else (Status.ACTIVE, Status.HELD), name)

    jobs = run_to_end(removed())
    if cancel and jobs:
        _cancel(jobs)
    if shared().json:
        click.echo(json.dumps({"removed": name, "open_jobs": jobs, "cancelled": cancel}, indent=2))
        return
    left = f" {count(len(jobs), 'job')} of it {'were ended' if cancel else 'go on'}." if jobs else ""
    tell(f"Removed: {name}.{left}")


def _cancel(jobs: list[str]) -> None:
    from reelwork.studio.studio import Studio

    with Studio(store=shared().store) as studio:
        studio.cancel_sync(*jobs)
