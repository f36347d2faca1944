"""Accounts at other services, stored in a private file or in the system's keyring.

A token is changed under a lock of its account, which all processes share, and is kept before the lock is let
go. Reading needs no lock: the file is always replaced whole.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from dataclasses import replace as replaced
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from reelwork.credentials import in_keyring
from reelwork.credentials.in_keyring import NOTHING_KEPT
from reelwork.errors import NotFound
from reelwork.files import held, locked, read_private, write_private
from reelwork.redaction.redactor import Redactor
from reelwork.user_folders import config_folder
from reelwork_hooks.accounts import Credentials
from reelwork_hooks.errors import InvalidInput, ReelworkError

# A name becomes part of a lock's file name, so it has no separator. `\Z`: `$` would let a line break pass.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")

_ALWAYS = ("kind", "kept_in", "shown", "secret")
# What a refresh needs beside the tokens (RFC 6749, 2.2): words such as "post" and "none", and what every browser is
# shown. Masked, they would be missing from all output, and an id that holds one could not be kept.
_NO_SECRETS = frozenset({"token_url", "client_id", "client_id_name", "client_auth"})

Values = Mapping[str, str]
Home = Literal["file", "keyring"]


def _seconds(time: datetime | None) -> float | None:
    return None if time is None else time.timestamp()


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def accounts_path(environ: Mapping[str, str] | None = None) -> Path:
    """Return the path of the accounts file.

    It is `REELWORK_ACCOUNTS`, or `reelwork/accounts.json` in the user's configuration folder.
    """
    environ = os.environ if environ is None else environ
    chosen = environ.get("REELWORK_ACCOUNTS")
    if chosen:
        return Path(chosen).expanduser().absolute()
    return config_folder(environ) / "accounts.json"


@dataclass(frozen=True, slots=True)
class Entry:
    """An account as the file has it."""

    kind: str
    kept_in: Home
    shown: Values
    secret: Values = field(repr=False)
    """Empty when the keyring has it."""
    identity: str = ""
    """Who it is at the network; empty for accounts of plugins that do not say."""
    expires_at: float | None = None
    """When its token ends, in seconds since the epoch."""
    refresh_from: float | None = None
    scopes: Sequence[str] = ()
    refreshing_since: float | None = None
    """When a refresh was sent whose answer is not stored yet."""

    @classmethod
    def of(cls, kind: str, home: Home, credentials: Credentials) -> Entry:
        """Return the entry for what a sign-in or a refresh brought."""
        return cls(
            kind,
            home,
            dict(credentials.shown),
            {} if home == "keyring" else dict(credentials.secret),
            credentials.identity,
            _seconds(credentials.expires_at),
            _seconds(credentials.refresh_from),
            tuple(credentials.scopes),
        )

    def as_stored(self) -> dict[str, Any]:
        """Return what the file has of it. What is not known has no key, so that an older version reads it too."""
        stored = asdict(self)
        return {key: value for key, value in stored.items() if key in _ALWAYS or value not in ("", None, ())}

    def as_json(self, name: str) -> dict[str, Any]:
        """Return it as programs get it, without its secrets."""
        told = {"name": name, "kind": self.kind, "kept_in": self.kept_in, "shown": dict(self.shown)}
        ends = _time(self.expires_at)
        known = {"identity": self.identity, "scopes": list(self.scopes), "expires_at": ends and ends.isoformat()}
        # Only where the plugin says them.
        return {**told, **{key: value for key, value in known.items() if value}}


class Accounts:
    """Every account stored on this machine. Each secret is masked in all output once it is read."""

    def __init__(self, path: Path | None = None, redactor: Redactor | None = None) -> None:
        self.path = path or accounts_path()
        self._redactor = redactor or Redactor()

    def get(self, name: str, renew: Renew | None = None, kind: str = "KIND") -> StoredAccount:
        """Return an account by its name. Raises `NotFound`, or `InvalidInput` when the file cannot be used.

        `kind` is the plugin that is to sign in with it.
        """
        return StoredAccount(self, name, self.entry(name, kind).kind, renew)

    def entries(self) -> dict[str, Entry]:
        """Return all accounts by name, without the secrets in the keyring. Raises `InvalidInput`."""
        text = read_private(self.path)
        if text is None:
            return {}
        try:
            found = {name: Entry(**fields) for name, fields in json.loads(text)["accounts"].items()}
            for name, entry in found.items():
                self._mask(name, entry.secret)
        except (ValueError, TypeError, KeyError, AttributeError):
            # Not chained: the error may carry the file's text.
            raise InvalidInput(
                f"{self.path} is not a file of accounts that this version can read.",
                hint="Correct it, or move it away and add the accounts again: reelwork accounts add",
            ) from None
        return found

    def entry(self, name: str, kind: str = "KIND") -> Entry:
        """Return what the file has of an account. Raises `NotFound` or `InvalidInput`."""
        entries = self.entries()
        if name not in entries:
            hint = f"Add it: reelwork accounts add {kind} --name {name}"
            known = f" Known: {', '.join(sorted(entries))}." if entries else ""
            raise NotFound("account", name, entries, hint=f"{hint}.{known}")
        return entries[name]

    def add(
        self,
        name: str,
        kind: str,
        credentials: Credentials,
        *,
        home: Home = "file",
        replace: bool = False,
        another: bool = False,
    ) -> None:
        """Store an account. Raises `InvalidInput` when the name is taken (unless `replace`) or cannot be one.

        Raises `AnotherIdentity` when it would become somebody else's at the network, unless `another`.
        """
        check_name(name)
        self._mask(name, credentials.secret)
        # The account's own lock too: a refresh that is under way would put the old password back. It comes first,
        # as in a refresh: in another order, two processes could wait for each other.
        with locked(self.lock_of(name)), locked(self._lock()):
            entries = self.entries()
            old = entries.get(name)
            if old is not None and not replace:
                raise taken(name, kind, old.kind)
            if old is not None and not another:
                check_identity(name, old, credentials.identity)
            # The secret first: a crash in between may leave one that nothing names, but no account without one.
            if home == "keyring":
                in_keyring.put(name, credentials.secret)
            self._write({**entries, name: Entry.of(kind, home, credentials)})
            if old is not None and old.kept_in == "keyring" and home == "file":
                in_keyring.delete(name)

    def remove(self, name: str) -> Entry:
        """Remove an account, and return its entry. Raises `NotFound` or `InvalidInput`."""
        self.entry(name)
        with locked(self.lock_of(name)), locked(self._lock()):
            entry = self.entry(name)
            # The file first, for the same reason: what is left of a crash is a secret that nothing names.
            self._write({other: kept for other, kept in self.entries().items() if other != name})
            if entry.kept_in == "keyring":
                in_keyring.delete(name)
        return entry

    def values(self, name: str) -> dict[str, str]:
        """Return everything stored of an account. Raises `NotFound` or `InvalidInput`."""
        entry = self.entry(name)
        secret = in_keyring.read(name) if entry.kept_in == "keyring" else entry.secret
        self._mask(name, secret)
        return {**entry.shown, **secret}

    def put(self, name: str, values: Values) -> None:
        """Replace an account's values. Raises `NotFound` when it was removed meanwhile, or `InvalidInput`."""
        with locked(self._lock()):
            entries = self.entries()
            entry = self.entry(name)
            shown = {key: value for key, value in values.items() if key in entry.shown}
            secret = {key: value for key, value in values.items() if key not in entry.shown}
            self._mask(name, secret)
            if entry.kept_in == "keyring":
                in_keyring.put(name, secret)
                secret = {}
            self._write({**entries, name: replaced(entry, shown=shown, secret=secret)})

    def credentials(self, name: str) -> Credentials:
        """Return an account as a sign-in or a refresh left it. Raises `NotFound` or `InvalidInput`."""
        entry = self.entry(name)
        secret = in_keyring.read(name) if entry.kept_in == "keyring" else entry.secret
        self._mask(name, secret)
        return Credentials(
            dict(entry.shown),
            dict(secret),
            entry.identity,
            _time(entry.expires_at),
            _time(entry.refresh_from),
            tuple(entry.scopes),
        )

    def mark_refreshing(self, name: str, since: float) -> None:
        """Note that a refresh is about to be sent. Raises `NotFound` or `InvalidInput`."""
        with locked(self._lock()):
            entries = self.entries()
            self._write({**entries, name: replaced(self.entry(name), refreshing_since=since)})

    def of_one_sign_in(self, name: str) -> list[str]:
        """Return the accounts with the same refresh token, such as a person's channels, ordered by name.

        The account itself is one of them. Raises `NotFound` or `InvalidInput`.
        """
        token, kind = self.credentials(name).secret.get("refresh_token"), self.entry(name).kind
        others = (other for other, entry in self.entries().items() if entry.kind == kind and other != name)
        return sorted([name, *(other for other in others if token and self._has(other, token))])

    def _has(self, name: str, token: str) -> bool:
        try:
            return self.credentials(name).secret.get("refresh_token") == token
        except ReelworkError:
            # Removed, or its keyring is locked: that is told to whoever uses it.
            return False

    def put_credentials(self, name: str, credentials: Credentials) -> None:
        """Store what a refresh brought. Raises `NotFound` when the account was removed meanwhile."""
        self._mask(name, credentials.secret)
        with locked(self._lock()):
            entries = self.entries()
            entry = self.entry(name)
            if entry.kept_in == "keyring":
                in_keyring.put(name, credentials.secret)
            self._write({**entries, name: Entry.of(entry.kind, entry.kept_in, credentials)})

    def lock_of(self, name: str) -> Path:
        """Return the path of the lock under which an account's tokens change."""
        return self.path.with_name(f"{self.path.name}.{name}.lock")

    def _lock(self) -> Path:
        return self.path.with_name(f"{self.path.name}.lock")

    def _write(self, entries: Mapping[str, Entry]) -> None:
        kept = {name: entry.as_stored() for name, entry in sorted(entries.items())}
        write_private(self.path, json.dumps({"accounts": kept}, indent=2, ensure_ascii=False) + "\n")

    def _mask(self, account: str, secret: Values) -> None:
        for name, value in secret.items():
            if name not in _NO_SECRETS:
                # A worker that runs for months refreshes tokens each hour: it must not compare all output with all
                # of them.
                self._redactor.add(value, f"{self.path}#{account}.{name}")


Renew = Callable[["StoredAccount", str], Awaitable[None]]
"""Refreshes an account's token if need be; also when it is this one, which was refused."""


class StoredAccount:
    """The contract's `StoredAccount`."""

    def __init__(self, accounts: Accounts, name: str, kind: str, renew: Renew | None = None) -> None:
        self._accounts = accounts
        self.name = name
        self.kind = kind
        self._renew = renew

    @property
    def accounts(self) -> Accounts:
        """Where it is stored."""
        return self._accounts

    @property
    def identity(self) -> str:
        """Who it is at its service. By default made of what may be shown: tokens change, this does not."""
        entry = self._accounts.entry(self.name)
        return entry.identity or json.dumps([self.kind, entry.shown], sort_keys=True)

    def read(self) -> Values:
        """Return everything stored, shown and secret, read anew each time. Raises `InvalidInput`."""
        return self._accounts.values(self.name)

    async def fresh(self, *, refused: str = "") -> Values:
        """Return everything stored, its token valid for a while. Raises `Unavailable` or `InvalidInput`."""
        if self._renew is not None:
            await self._renew(self, refused)
        return self.read()

    async def refresh(self, change: Callable[[Values], Awaitable[Values]]) -> Values:
        """Change the values under the account's lock, and return them. Raises `Unavailable` or `InvalidInput`."""
        async with held(self._accounts.lock_of(self.name)):
            # Read under the lock: a refresh token is good once, and another process may have used it meanwhile.
            before = self.read()
            after = dict(await change(before))
            # Nothing may come between: what the service has given out now is known here only.
            if after != before:
                self._accounts.put(self.name, after)
        return after


class AnotherIdentity(InvalidInput):
    """The sign-in is of somebody else than the account of that name."""


def check_identity(name: str, old: Entry, identity: str) -> None:
    """Raise `AnotherIdentity` when an account would become somebody else's."""
    # Approvals, and posts whose outcome is unknown, belong to the one who signed in first.
    if old.identity and identity and old.identity != identity:
        raise AnotherIdentity(
            f"The account {name!r} belongs to {old.identity}, and this sign-in is of {identity}.",
            money=NOTHING_KEPT,
            hint=f"Sign in as {old.identity}, choose another --name, or remove the old one first: "
            f"reelwork accounts remove {name}",
        )


def check_name(name: str) -> None:
    """Raises `InvalidInput` when this cannot be an account's name."""
    if not NAME.match(name):
        raise InvalidInput(
            f"{name!r} cannot be the name of an account.",
            money=NOTHING_KEPT,
            hint="Use letters, digits, dots, dashes and underscores.",
        )


def taken(name: str, kind: str, by: str) -> InvalidInput:
    """Return the error for a name that an account has already. `by` is the kind of that account."""
    if kind != by:
        # The workflows that name it would lose it, and post with an account of another network.
        return InvalidInput(
            f"{name!r} is already the name of an account of {by}.",
            money=NOTHING_KEPT,
            hint=f"Choose another, such as: --name {plain_name(kind)}-{name}",
        )
    return InvalidInput(
        f"An account named {name!r} already exists.",
        money=NOTHING_KEPT,
        hint=f"Choose another --name, or replace it: --name {name} --replace",
    )


def plain_name(kind: str) -> str:
    """Return a kind of account as part of a name: a file by its stem."""
    return Path(kind).stem if kind.endswith(".py") else kind.rpartition(":")[2]
