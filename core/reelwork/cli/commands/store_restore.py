"""`reelwork store restore`: says what it means, asks, and puts a backup in use."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reelwork.cli.shared import common_options, shared

if TYPE_CHECKING:
    from reelwork.store.sqlite.maintenance.restore import Restored


@click.command("restore")
@click.argument("backup", metavar="BACKUP", type=click.Path(path_type=Path))
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@common_options()
def restore_store(backup: Path, yes: bool) -> None:
    """Put BACKUP in the place of the store, in doubt about all that may have happened since.

    The store that is there, if any, is set aside under another name. If it is whole, it knows more than any
    backup: keep it.

    What the backup holds as still to be sent may have been sent after it was taken. So such requests and posts
    are looked up before anything is sent, as after a lost answer, and renders of which nothing is known are held:
    look for them at the provider, then reelwork jobs retry makes those that are missing. Of jobs that were first
    run after the backup nothing is known at all: compare with the provider before running their batch again.
    """
    from reelwork.errors import WorkflowInvalid
    from reelwork.plugins.pipeline import destinations_in
    from reelwork.settings.paths import here, store_path
    from reelwork.store.sqlite.maintenance.restore import restore

    store = store_path(shared().store)
    if not (here() / backup).exists():
        raise WorkflowInvalid(f"There is no backup {backup}.", money="Nothing was changed.")
    if store.exists() and not yes:
        _ask(store, backup)
    done = restore(store, here() / backup, time.time(), destinations_in)
    if shared().json:
        click.echo(json.dumps(_as_json(done), indent=2, ensure_ascii=False))
    else:
        _print(done, store)


def _ask(store: Path, backup: Path) -> None:
    from reelwork.cli.views.text import tell
    from reelwork.errors import Declined

    nothing = "Nothing was changed."
    if not sys.stdin.isatty():
        raise Declined(
            f"Whether to put {backup} in the place of {store} was not confirmed: there is nobody to ask here.",
            money=nothing,
            hint="If the store is whole, keep it: it knows more. Otherwise add --yes.",
        )
    tell(f"There is a store {store}. If it is whole, it knows more of what was paid than any backup.", err=True)
    if not click.confirm("Set it aside and put the backup in its place?", err=True):
        raise Declined("Stopped, as you said.", money=nothing)


def _as_json(done: Restored) -> dict[str, object]:
    return {
        "taken": done.taken,
        "set_aside": None if done.set_aside is None else str(done.set_aside),
        "held": done.held,
        "doubted": done.doubted,
        "files": done.files,
    }


def _print(done: Restored, store: Path) -> None:
    from reelwork.cli.views.text import count, tell

    tell(
        f"{store} is now what it was on {done.taken}."
        + (f" {count(done.files, 'file')} put back." * bool(done.files))
    )
    if done.set_aside:
        tell(f"The store that was there is kept as {done.set_aside}.")
    if done.doubted:
        tell(
            f"{count(done.doubted, 'request or post')} may have been sent since: looked up before anything is sent."
        )
    if done.held:
        tell(
            f"{count(done.held, 'job')} held, whose render may have been paid since. "
            "To see them: reelwork jobs list --status held"
        )
    tell(
        "Not known to it: what was first run after that. Compare with the provider's own list before you run a "
        "batch file again, and lower this month's budget by what was spent since."
    )
