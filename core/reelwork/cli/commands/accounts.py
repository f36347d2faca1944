"""`reelwork accounts`: check, list, remove. No secret is ever shown."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from reelwork.cli.lazy import LazyGroup
from reelwork.cli.shared import common_options, shared
from reelwork.credentials.accounts import Accounts
from reelwork.credentials.in_keyring import NOTHING_KEPT

if TYPE_CHECKING:
    from reelwork.credentials.accounts import Entry

NOBODY_TO_ASK = "and there is no terminal to ask on."
COMMANDS = {
    "add": (
        "reelwork.cli.commands.accounts_add:add_account",
        "Sign in to a service, and store the account if that works.",
    ),
    "check": (
        "reelwork.cli.commands.accounts:check_accounts",
        "Ask a service whether posts with an account would work.",
    ),
    "list": (
        "reelwork.cli.commands.accounts:list_accounts",
        "List the accounts on this machine, without secrets.",
    ),
    "remove": ("reelwork.cli.commands.accounts:remove_account", "Remove an account."),
}


@click.group(cls=LazyGroup, table=COMMANDS)
def accounts() -> None:
    """Store the accounts that publishers post with: in a file only you can read, or in the system's keyring."""


@click.command("list")
@common_options()
def list_accounts() -> None:
    """List the accounts stored on this machine. Passwords and tokens are not shown."""
    found = Accounts().entries()
    if shared().json:
        click.echo(json.dumps([entry.as_json(name) for name, entry in found.items()], indent=2))
    elif found:
        _print_list(found)
    else:
        click.echo("No accounts yet. Add one: reelwork accounts add bluesky")


def _print_list(found: Mapping[str, Entry]) -> None:
    from reelwork.cli.views.text import columns, line_width

    rows = [["ACCOUNT", "KIND", "STORED IN", "WHO"]]
    rows += [[name, entry.kind, entry.kept_in, who(entry.shown)] for name, entry in found.items()]
    for line in columns(rows, flexible=-1, width=line_width()):
        click.echo(line)


def who(shown: Mapping[str, str]) -> str:
    """Return an account's name and service, as far as they are known."""
    name, where = shown.get("identifier", ""), shown.get("service", "")
    return f"{name} at {where}" if name and where else name or where or "unknown"


@click.command("check", epilog="\b\nExit codes:\n  0  no problem was found\n  1  a problem was found")
@click.argument("name", metavar="NAME")
@common_options(plugins=True)
def check_accounts(name: str) -> None:
    """Ask a service whether posts with an account would work: its token, its rights, its limits. Nothing is posted.

    A token that ends soon is refreshed.
    """
    from reelwork.settings.paths import store_path
    from reelwork.store.sqlite.paths import files_of
    from reelwork.studio.accounts_check import problems_with
    from reelwork.studio.sync import run_to_end

    entry = Accounts().entry(name)
    work_dir = files_of(store_path(shared().store)) / "work" / entry.kind.replace("/", "-")
    found = run_to_end(problems_with(name, entry.kind, work_dir))
    if shared().json:
        click.echo(json.dumps([one.model_dump(mode="json") for one in found], indent=2, ensure_ascii=False))
    else:
        click.echo(f"{name} ({who(entry.shown)}): {'posts would work.' if not found else 'posts would fail.'}")
        for one in found:
            click.echo(f"  {one.message}")
            if one.hint:
                click.echo(f"    {one.hint}")
    click.get_current_context().exit(1 if found else 0)


@click.command("remove")
@click.argument("name", metavar="NAME")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@common_options(json=False)
def remove_account(name: str, yes: bool) -> None:
    """Forget an account: its password and tokens are deleted from this machine."""
    from reelwork.errors import Declined, NotFound

    kept = Accounts()
    if name not in kept.entries():
        raise NotFound("account", name, kept.entries(), hint="List them with: reelwork accounts list")
    entry = kept.entry(name)
    if not yes and not sys.stdin.isatty():
        raise Declined(
            f"Removing the account {name!r} was not confirmed, {NOBODY_TO_ASK}",
            money=NOTHING_KEPT,
            hint=f"reelwork accounts remove {name} --yes",
        )
    if not yes and not click.confirm(f"Remove the account {name!r} ({who(entry.shown)})?", err=True):
        raise Declined(f"The account {name!r} is still there.", money=NOTHING_KEPT)
    kept.remove(name)
    where = entry.shown.get("service", "the service")
    click.echo(f"Removed: {name}. Its password is still valid at {where} until you revoke it there.")
