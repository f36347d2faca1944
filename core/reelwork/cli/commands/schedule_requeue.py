"""`reelwork schedule requeue`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from reelwork.cli.shared import common_options, shared

if TYPE_CHECKING:
    from reelwork.studio.firing.requeue import UsedRow


@click.command("requeue")
@click.argument("name", metavar="NAME")
@click.argument("rows", metavar="[ROW]...", nargs=-1)
@common_options(plugins=True)
def requeue_rows(name: str, rows: tuple[str, ...]) -> None:
    """Give back rows of a batch file that failed jobs have used; without ROW, all that can be given back.

    The next firings make them again, as new jobs. The failed jobs are ended for good, so nothing is made or posted
    twice. A row stays used as long as its job may still pay or post, and if something was paid or posted for it:
    `reelwork jobs retry` continues that job.
    """
    if shared().server:
        from reelwork.cli.schedules_afar import requeue_afar

        _tell(name, requeue_afar(name, rows))
        return
    from reelwork.cli.schedules import opened_store
    from reelwork.studio.sync import run_to_end

    async def given_back() -> list[UsedRow]:
        from reelwork.studio.firing.requeue import requeue, used_rows

        async with opened_store() as (store, _):
            found = used_rows(store, name, rows)
            # Of rows that are named, each must be free to go back; of all others, those that are.
            await requeue(store, name, found if rows else [one for one in found if not one.keeps])
            return found

    _tell(name, [one.as_json() for one in run_to_end(given_back())])


def _tell(name: str, found: Sequence[Mapping[str, Any]]) -> None:
    from reelwork.cli.views.text import tell

    if shared().json:
        document = {"schedule": name, "rows": list(found)}
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    for one in found:
        tell(f"{one['row']} ({one['prompt']}): {'given back' if one['given_back'] else 'stays used'}")
        if one["reason"]:
            tell(f"  {one['reason']}\n  {one['hint']}")
    if not found:
        tell(f"No row of {name} was used by a job that failed.")
