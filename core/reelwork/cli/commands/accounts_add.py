"""`reelwork accounts add`: asks for what a plugin needs, signs in, and stores only an account that works."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reelwork.cli.account_fields import Given, asked_for
from reelwork.cli.commands.accounts import who
from reelwork.cli.shared import common_options, shared
from reelwork.credentials.accounts import Accounts, AnotherIdentity, check_name, taken

if TYPE_CHECKING:
    from reelwork.plugins.account_kinds import Kind
    from reelwork_hooks.accounts import Credentials


@click.command("add")
@click.argument("kind", metavar="KIND")
@click.option("--name", metavar="NAME", help="Its name in workflows; KIND by default.")
@click.option(
    "--field",
    "fields",
    metavar="NAME=VALUE",
    multiple=True,
    help="A value the plugin asks for; a secret one as env:NAME, file:PATH or aws-sm:NAME#KEY.",
)
@click.option("--no-browser", is_flag=True, help="Show the address, and paste the answer here.")
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
    fields: tuple[str, ...],
    no_browser: bool,
    service: str | None,
    identifier: str | None,
    password_file: Path | None,
    password_env: str | None,
    keyring: bool,
    replace: bool,
) -> None:
    """Sign in to a service, and store the account if that works. KIND is a plugin, such as bluesky, or a FILE.py.

    Without a terminal, a value comes from --field, or from the environment: REELWORK_ACCOUNT_CLIENT_ID for the
    field client_id.
    """
    from reelwork.cli.sign_in_page import AtTerminal
    from reelwork.plugins.ordering import instance_name
    from reelwork.settings.paths import store_path
    from reelwork.store.sqlite.paths import files_of
    from reelwork.studio.sign_in import adding, fields_of, kind_of_account, signed_in
    from reelwork.studio.sync import run_to_end

    made_by = kind if not kind.endswith(".py") else str(Path(kind).resolve())
    instance = instance_name(kind)
    name = name or instance
    kept = Accounts()
    # Before the person types a password.
    check_name(name)
    # Before anything is asked or sent, so that nobody types a password in vain.
    if not replace and (there := kept.entries().get(name)) is not None:
        raise taken(name, made_by, there.kind)
    plugin = kind_of_account(made_by)
    options = {"service": service, "identifier": identifier}
    given = asked_for(fields_of(plugin), Given(fields, options, password_file, password_env))
    work_dir = files_of(store_path(shared().store)) / "work" / Path(kind).stem
    # Tried before it is stored: a mistyped password would else be found when the first paid video is posted.
    found = run_to_end(adding(name, signed_in(plugin, given, AtTerminal(no_browser), work_dir)))
    home: Any = "keyring" if keyring else "file"
    place = "the system's keyring" if keyring else f"{kept.path}, which only you can read"
    for name_there, credentials in _named(name, found).items():
        _store(kept, name_there, made_by, credentials, home=home, replace=replace)
        click.echo(f"Signed in as {who(credentials.shown)}. Stored as the account {name_there!r} in {place}.")
    click.echo(f"Use it in a workflow: {_use(kind, instance, plugin, next(iter(_named(name, found))))}")


def _use(kind: str, instance: str, plugin: Kind, account: str) -> str:
    """Return the lines of a workflow in which the plugin uses the account."""
    if not plugin.definition.hooks:
        provider = next(iter(plugin.definition.providers), instance)
        return f'[provider] with use = "{provider}" and account = "{account}"'
    # Of a file, no setting is known to have this account by default.
    if account != kind:
        return f'[plugin.{instance}] with account = "{account}"'
    # `add` suits a plugin of any kind.
    return f'{"publish" if "publish" in plugin.definition.hooks else "add"} = ["{kind}"]'


def _store(kept: Accounts, name: str, kind: str, credentials: Credentials, *, home: Any, replace: bool) -> None:
    try:
        kept.add(name, kind, credentials, home=home, replace=replace)
    except AnotherIdentity as error:
        if not sys.stdin.isatty():
            raise
        click.echo(error.message, err=True)
        question = f"Replace {name!r}? Posts in doubt there can then no longer be looked up."
        if not click.confirm(question, err=True):
            raise
        kept.add(name, kind, credentials, home=home, replace=replace, another=True)


def _named(name: str, found: tuple[Credentials, ...]) -> Mapping[str, Credentials]:
    """Return the accounts by name. Several, such as channels, have their own names behind the one asked for."""
    if len(found) == 1:
        return {name: found[0]}
    named: dict[str, Credentials] = {}
    for number, one in enumerate(found, 1):
        own = re.sub(r"[^A-Za-z0-9]+", "-", one.shown.get("identifier") or one.identity).strip("-").lower()
        short = f"{name}-{own or number}"[:60]
        named[short if short not in named else f"{short}-{number}"] = one
    for one_name in named:
        check_name(one_name)
    return named
