"""`reelwork plugins uninstall`."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from reelwork.cli.shared import common_options, shared

if TYPE_CHECKING:
    from reelwork.plugins.packages.environment import Command


@click.command(
    "uninstall",
    help="""Uninstall packages with plugins from the environment that runs Reelwork.

    Reelwork itself, and packages that it or another package needs, are refused. If jobs in the store still use a
    plugin of a PACKAGE, the command says so first.""",
    epilog="\b\nExit codes:\n  0  uninstalled\n  1  the installer failed\n  2  refused, and nothing was changed",
)
@click.argument("packages", metavar="PACKAGE...", nargs=-1, required=True)
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@common_options(plugins=True)
def uninstall_plugins(packages: Sequence[str], yes: bool) -> None:
    """Uninstall packages with plugins."""
    from reelwork.plugins.packages.environment import Environment
    from reelwork.plugins.packages.inventory import look
    from reelwork.plugins.packages.requests import names_from
    from reelwork.plugins.packages.running import InstallerFailed, look_again, run
    from reelwork_hooks.errors import ReelworkError

    environment, before = Environment.running(), look()
    names = names_from(packages, before)
    environment.check(["uninstall", *names])
    commands = environment.uninstall(names)
    in_use = _jobs_using(names)
    agree(commands, f"Uninstall {', '.join(names)}?", yes=yes, first=_told(in_use))
    reason = ""
    try:
        run(commands)
    except InstallerFailed as error:
        reason = error.message
    left = [name for name in names if name in look_again().packages]
    if left:
        message = f"Still installed: {', '.join(left)}. {reason}"
        raise ReelworkError(message.rstrip(), money="" if len(left) < len(names) else "Nothing was changed.")
    if shared().json:
        click.echo(json.dumps({"uninstalled": names, "jobs_that_use_it": in_use}, indent=2, ensure_ascii=False))
    else:
        click.echo(f"Uninstalled: {', '.join(names)}")


def _jobs_using(names: Sequence[str]) -> dict[str, int]:
    from reelwork.cli.stores import store_if_there
    from reelwork.studio.plugin_use import jobs_using

    with store_if_there() as store:
        return jobs_using(store, names) if store is not None else {}


def _told(in_use: Mapping[str, int]) -> str:
    from reelwork.cli.views.text import count

    if not in_use:
        return ""
    users = ", ".join(f"{name} ({count(number, 'job')})" for name, number in in_use.items())
    return f"Jobs in the store still use: {users}. They cannot continue without it."


def agree(commands: Sequence[Command], question: str, *, yes: bool, first: str = "") -> None:
    """Show what will be run, and ask at a terminal. Raises `Declined`."""
    from reelwork.cli.views.text import tell
    from reelwork.errors import Declined

    nothing = "Nothing was changed."
    if first:
        tell(first, err=True)
    show(commands)
    if yes:
        return
    if not sys.stdin.isatty():
        raise Declined(
            "This was not confirmed: there is nobody to ask here.",
            money=nothing,
            hint="To run it unasked, add --yes.",
        )
    if not click.confirm(question, err=True):
        raise Declined("Stopped.", money=nothing)


def show(commands: Sequence[Command]) -> None:
    """Name the commands that are run, on standard error."""
    # Not broken into lines: it is to be read as it would be typed.
    for command in commands:
        click.echo(f"$ {command}", err=True)
