"""`reelwork store recover`: explains, asks, and puts a store in use that has forgotten something."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

import click

from reelwork.cli.shared import common_options, shared


@click.command("recover")
@click.option(
    "--moved", is_flag=True, help="The store was moved, and the original not used since: nothing is in doubt."
)
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@common_options()
def recover_store(moved: bool, yes: bool) -> None:
    """Use a store that lost its journal, or a copy, and doubt everything that may have happened since.

    What was still to be sent in it may have been sent. So such requests and posts are looked up before anything is
    sent. Renders that cannot be looked up are held: check at the provider, and make missing ones with reelwork jobs
    retry. The store does not know jobs that were first run elsewhere: compare with the provider before running
    their batch again.
    """
    from reelwork.cli.views.text import count, tell
    from reelwork.plugins.freezing import destinations_in
    from reelwork.settings.paths import store_path
    from reelwork.store.sqlite.maintenance.recover import recover

    store = store_path(shared().store)
    # Only the person knows whether a newer file exists. Used beside it, both stores would send.
    if not yes:
        _ask(store, moved)
    done = recover(store, time.time(), destinations_in, moved=moved)
    if shared().json:
        click.echo(json.dumps(asdict(done), indent=2))
        return
    tell(f"{store} is in use again. It knows nothing after {done.known_until}.")
    if done.doubted:
        tell(
            f"{count(done.doubted, 'request or post')} may have been sent since: looked up before anything is sent."
        )
    if done.held:
        jobs = count(done.held, "job")
        tell(f"{jobs} held: the render may have been paid since. To see them: reelwork jobs list --status held")


def _ask(store: Path, moved: bool) -> None:
    from reelwork.cli.views.text import tell
    from reelwork.errors import Declined

    nothing = "Nothing was changed."
    meaning = "nothing in it is in doubt" if moved else "whatever it may have sent since is looked up or held"
    if not sys.stdin.isatty():
        raise Declined(
            f"Using {store} as it is was not confirmed: there is nobody to ask here.",
            money=nothing,
            hint=f"Add --yes if you want that; then {meaning}.",
        )
    tell(
        f"A newer file or its journal, if you have one, knows more than {store}. Used as it is, {meaning}.",
        err=True,
    )
    if not click.confirm("Use it as it is?", err=True):
        raise Declined("Stopped.", money=nothing)
