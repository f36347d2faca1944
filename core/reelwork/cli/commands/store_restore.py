"""`reelwork store restore`: explains, asks, and puts a backup in use."""

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
    """Replace the store with BACKUP, and doubt everything that may have happened since.

    An existing store is set aside under another name. If it is intact, keep it: it knows more than any backup.

    What was still to be sent in the backup may have been sent since. So such requests and posts are looked up
    before anything is sent, as after a lost answer. Renders that cannot be looked up are held: check at the
    provider, and make missing ones with reelwork jobs retry. The backup does not know jobs that were first run
    after it: compare with the provider before running their batch again.
    """
    from reelwork.errors import WorkflowInvalid
    from reelwork.plugins.freezing import destinations_in
    from reelwork.settings.paths import here, store_path
    from reelwork.store.sqlite.maintenance.restore import restore

    store = store_path(shared().store)
    if not (here() / backup).exists():
        raise WorkflowInvalid(f"There is no backup {backup}.", money="Nothing was changed.")
    # Without a store nothing can be lost, so nothing is asked.
    if store.exists() and not yes:
        _ask(store, backup)
    # Plugins are named by the frozen workflows, and the store's room knows none. So the function comes from here.
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
            f"Replacing {store} with {backup} was not confirmed: there is nobody to ask here.",
            money=nothing,
            hint="If the store is whole, keep it: it knows more. Otherwise add --yes.",
        )
    tell(f"There is a store {store}. If it is whole, it knows more of what was paid than any backup.", err=True)
    if not click.confirm("Set it aside and put the backup in its place?", err=True):
        raise Declined("Stopped.", money=nothing)


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
        "It does not know jobs that were first run after that. Compare with the provider's own list before you run "
        "a batch file again, and lower this month's budget by what was spent since. The same holds for requests to "
        "the API: one that came after that acts again if it is sent again with its Idempotency-Key."
    )
