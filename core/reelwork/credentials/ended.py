"""Accounts whose sign-in has ended, or ends soon: only a person can sign in again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from reelwork.credentials.accounts import Accounts, Entry
from reelwork_hooks.errors import ReelworkError

SOON_SECONDS = 7 * 86_400.0
"""Before the end of a token: from then on it ends soon."""

_ADDED_AGAIN = re.compile(r"(?<=\baccounts add )([\w./:-]+) --replace\b")


@dataclass(frozen=True)
class Ended:
    """An account with a token that has an end, and that nothing renews."""

    name: str
    at: float
    """When it ends or has ended, in seconds since the epoch."""
    command: str
    """The command that signs in again."""


def sign_in_command(kind: str, name: str) -> str:
    """Return the command with which a person signs in again."""
    return f"reelwork accounts add {kind} --name {name} --replace"


def naming_account(text: str, account: str, *, adds: bool = False) -> str:
    """Return a text whose commands sign in to this very account again, or add it.

    A plugin knows its kind, and the account is stored under a name of its own: `accounts add KIND --replace` alone
    would leave it as it is, and add another one.
    """

    def named(found: re.Match[str]) -> str:
        name = "" if found[1] == account else f" --name {account}"
        return f"{found[1]}{name}{'' if adds else ' --replace'}"

    return _ADDED_AGAIN.sub(named, text) if account else text


def renews_itself(accounts: Accounts, name: str, entry: Entry) -> bool:
    """Return whether a token that ends is replaced without a person, at the next use of it."""
    secret: Mapping[str, str] = entry.secret
    if entry.kept_in == "keyring":
        # One that cannot be read now is told of by what needs it.
        with suppress(ReelworkError):
            secret = accounts.values(name)
    # Most tokens live an hour. Whoever has a token for the next one is signed in all the same.
    return "refresh_token" in secret or entry.refresh_from is not None


def end_of_sign_in(accounts: Accounts, name: str, entry: Entry) -> float | None:
    """Return when only a person can sign in again, in seconds since the epoch; None if nothing ends it."""
    return None if entry.expires_at is None or renews_itself(accounts, name, entry) else entry.expires_at


def ended_accounts(accounts: Accounts, by: float) -> Iterator[Ended]:
    """Yield the accounts with which nothing can be posted from `by` on, until a person signs in again.

    `by` is in seconds since the epoch. Raises `InvalidInput`.
    """
    for name, entry in sorted(accounts.entries().items()):
        at = end_of_sign_in(accounts, name, entry)
        if at is not None and at <= by:
            yield Ended(name, at, sign_in_command(entry.kind, name))
