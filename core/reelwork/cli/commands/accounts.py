"""`reelwork accounts`: add, list, remove. What is added is tried out first, and no secret is ever shown."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reelwork.cli.lazy import LazyGroup
from reelwork.cli.shared import common_options, shared
from reelwork.credentials.accounts import NOTHING_KEPT, Accounts, check_name, taken
from reelwork.studio.sync import run_to_end
from reelwork_hooks.errors import InvalidInput

if TYPE_CHECKING:
    from reelwork.credentials.accounts import Entry

NOBODY_TO_ASK = "and there is no terminal to ask on."
COMMANDS = {
    "add": (
        "reelwork.cli.commands.accounts:add_account",
        "Sign in to a service, and store the account if that works.",
    ),
    "list": (
        "reelwork.cli.commands.accounts:list_accounts",
        "List the accounts on this machine, without secrets.",
    ),
    "remove": ("reelwork.cli.commands.accounts:remove_account", "Remove an account."),
}


@click.group(cls=LazyGroup, table=COMMANDS)
def accounts() -> None:
    """Keep the accounts that publishers post with: in a file only you can read, or in the system's keyring."""


@click.command("add")
@click.argument("kind", metavar="KIND")
@click.option("--name", metavar="NAME", help="Its name in workflows; KIND by default.")
@click.option("--service", metavar="URL", help="The server to sign in to; by default the plugin's own.")
@click.option("--identifier", metavar="HANDLE", help="Your name there; asked for by default.")
@click.option(
    "--password-file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Read the (app) password from a file; asked for by default.",
)
@click.option("--password-env", metavar="VAR", help="Read it from an environment variable.")
@click.option("--keyring", is_flag=True, help="Store the secrets in the system's keyring, not in a file.")
@click.option("--replace", is_flag=True, help="Replace the account of that name.")
@common_options(json=False, plugins=True)
def add_account(
    kind: str,
    name: str | None,
    service: str | None,
    identifier: str | None,
    password_file: Path | None,
    password_env: str | None,
    keyring: bool,
    replace: bool,
) -> None:
    """Sign in to a service, and store the account if that works. KIND is a plugin, such as bluesky."""
    from reelwork.settings.paths import store_path
    from reelwork.store.sqlite.paths import files_of
    from reelwork.studio.sign_in import sign_in_of, signed_in

    name = name or kind
    kept = Accounts()
    # Before the person types a password.
    check_name(name)
    # Before anything is asked or sent, so that nobody types a password in vain.
    if not replace and name in kept.entries():
        raise taken(name)
    sign_in = sign_in_of(kind)
    given = {"identifier": identifier or _asked("Identifier", "--identifier")}
    given["password"] = _password(password_file, password_env)
    if service:
        given["service"] = service
    work_dir = files_of(store_path(shared().store)) / "work" / kind
    # Tried before it is stored: a mistyped password would else be found when the first paid video is posted.
    credentials = run_to_end(signed_in(kind, sign_in, given, work_dir))
    home: Any = "keyring" if keyring else "file"
    kept.add(name, kind, credentials, home=home, replace=replace)
    place = "the system's keyring" if keyring else f"{kept.path}, which only you can read"
    click.echo(f"Signed in as {_who(credentials.shown)}. Stored as the account {name!r} in {place}.")
    use = f'publish = ["{kind}"]' if name == kind else f'[plugin.{kind}] with account = "{name}"'
    click.echo(f"Use it in a workflow: {use}")


def _password(file: Path | None, variable: str | None) -> str:
    if file is not None and variable is not None:
        raise InvalidInput("Give --password-file or --password-env, not both.", money=NOTHING_KEPT)
    if variable is not None:
        value = os.environ.get(variable, "")
        where = f"The environment variable {variable}"
    elif file is not None:
        value, where = _text_of(file), str(file)
    else:
        return _asked("Password (not shown)", "--password-file or --password-env", hidden=True)
    if not value.strip():
        raise InvalidInput(f"{where} holds no password.", money=NOTHING_KEPT)
    # Only line ends: a password may begin or end with a space.
    return value.strip("\r\n")


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not a text file"
        raise InvalidInput(f"{file} cannot be read: {why}.", money=NOTHING_KEPT) from None


def _asked(question: str, option: str, *, hidden: bool = False) -> str:
    if not sys.stdin.isatty():
        raise InvalidInput(
            f"No {question.split(' ')[0].lower()} was given, {NOBODY_TO_ASK}",
            money=NOTHING_KEPT,
            hint=f"Give {option}.",
        )
    answer: str = click.prompt(question, hide_input=hidden, err=True)
    return answer


@click.command("list")
@common_options()
def list_accounts() -> None:
    """List the accounts kept on this machine. Passwords and tokens are not shown."""
    found = Accounts().entries()
    if shared().json:
        click.echo(json.dumps([_as_json(name, entry) for name, entry in found.items()], indent=2))
    elif found:
        _print_list(found)
    else:
        click.echo("No accounts yet. Add one: reelwork accounts add bluesky")


def _print_list(found: Mapping[str, Entry]) -> None:
    from reelwork.cli.views.text import columns, line_width

    rows = [["ACCOUNT", "KIND", "KEPT IN", "WHO"]]
    rows += [[name, entry.kind, entry.kept_in, _who(entry.shown)] for name, entry in found.items()]
    for line in columns(rows, flexible=-1, width=line_width()):
        click.echo(line)


def _who(shown: Mapping[str, str]) -> str:
    who, where = shown.get("identifier", ""), shown.get("service", "")
    return f"{who} at {where}" if who and where else who or where or "unknown"


def _as_json(name: str, entry: Entry) -> dict[str, Any]:
    return {"name": name, "kind": entry.kind, "kept_in": entry.kept_in, "shown": dict(entry.shown)}


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
    if not yes and not click.confirm(f"Remove the account {name!r} ({_who(entry.shown)})?", err=True):
        raise Declined(f"The account {name!r} is still there.", money=NOTHING_KEPT)
    kept.remove(name)
    where = entry.shown.get("service", "the service")
    click.echo(f"Removed: {name}. Its password is still valid at {where} until you revoke it there.")
