"""The kinds of accounts: the plugins that sign in, and their checks of an account."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reelwork.credentials.accounts import StoredAccount
from reelwork.credentials.ended import naming_account, sign_in_command
from reelwork.plugins.answers import problems
from reelwork.plugins.catalog import Catalog
from reelwork.plugins.definition import Definition
from reelwork.plugins.guard import Callee, called
from reelwork_hooks.errors import InvalidInput
from reelwork_hooks.models import Problem
from reelwork_hooks.plugin import Context

CHECK_SECONDS = 60.0

KindOf = Callable[[str], Definition]
"""Returns the plugin that made accounts of a kind."""


@dataclass(frozen=True)
class Kind:
    """A plugin that signs in."""

    definition: Definition

    @property
    def callee(self) -> Callee:
        """The plugin, as messages name it."""
        return Callee("plugin", self.definition.name, self.definition.origin)

    def callee_of(self, account: str) -> Callee:
        """The plugin as it signs in with an account."""
        return replace(self.callee, account=account)

    def method(self, name: str) -> Any:
        """Return what the plugin's class has under that name; None if nothing."""
        return getattr(self.definition.target, name, None)

    @property
    def refreshes(self) -> bool:
        """True if its tokens end and can be refreshed."""
        return self.method("oauth") is not None or self.method("refreshed") is not None


def kind_named(name: str, catalog: Catalog | None = None) -> Definition:
    """Return the plugin of a kind of account: installed, or a FILE.py. Raises `NotFound` or `PluginInvalid`."""
    catalog = catalog or Catalog()
    return catalog.get_file(Path(name)) if name.endswith(".py") else catalog.get(name)


def sign_in_again(account: StoredAccount) -> str:
    """Return the advice to sign in once more."""
    return f"Sign in again: {sign_in_command(account.kind, account.name)}"


async def problems_of(account: StoredAccount, kind: Kind, context: Context) -> tuple[Problem, ...]:
    """Return why a first post would fail, as far as the plugin can say.

    Raises `Unavailable`, `InvalidInput` when a person has to sign in again, and `HookFailed`.
    """
    await account.fresh()
    check = kind.method("check_account")
    if check is None:
        return ()
    is_async, callee = inspect.iscoroutinefunction(check), kind.callee_of(account.name)
    answer = await called(callee, "check_account", check, [account, context], CHECK_SECONDS, is_async=is_async)
    found = problems(callee, "check_account", answer)
    return tuple(one.replace(hint=naming_account(one.hint, account.name)) for one in found)


def check_account(account: StoredAccount, definition: Definition, now: float) -> None:
    """Check, without a network, that a plugin can sign in with an account.

    Raises `InvalidInput` for one of another plugin, and for a token that has ended and cannot be refreshed.
    """
    kind = Kind(definition)
    account.read()
    if not kind.refreshes:
        return
    # Its token would be sent to another network.
    if not _made_by(account.kind, definition):
        raise InvalidInput(
            f"The account {account.name!r} is one of {account.kind}, not of {definition.name}.",
            hint=f"Name another `account`, or add one: reelwork accounts add {definition.name} --name NAME",
        )
    entry = account.accounts.entry(account.name)
    ended = entry.expires_at is not None and entry.expires_at <= now
    renewable = kind.method("refreshed") is not None or "refresh_token" in account.read()
    if ended and not renewable:
        raise InvalidInput(f"The sign-in of the account {account.name!r} has ended.", hint=sign_in_again(account))


def added_as(definition: Definition) -> str:
    """Return what `reelwork accounts add` calls a plugin: a file by its path."""
    return shlex.quote(definition.origin) if definition.origin.endswith(".py") else definition.name


def _made_by(kind: str, definition: Definition) -> bool:
    if not kind.endswith(".py"):
        return kind == definition.name
    return definition.origin.endswith(".py") and Path(kind).resolve() == Path(definition.origin).resolve()
