"""Accounts at other services, stored in a private file or in the system's keyring.

A token is changed under a lock of its account, which all processes share, and is kept before the lock is let
go. Reading needs no lock: the file is always replaced whole.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from reelwork.errors import NotFound
from reelwork.files import held, locked, read_private, write_private
from reelwork.redaction.redactor import Redactor
from reelwork.user_folders import config_folder
from reelwork_hooks.errors import InvalidInput

if TYPE_CHECKING:
    from reelwork_hooks.plugin import Credentials

KEYRING_SERVICE = "reelwork"
# A name becomes part of a lock's file name, so it has no separator. `\Z`: `$` would let a line break pass.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
NOTHING_KEPT = "Nothing was changed."

Values = Mapping[str, str]
Home = Literal["file", "keyring"]


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
    secret: Values
    """Empty when the keyring has it."""


class Accounts:
    """Every account stored on this machine. Each secret is masked in all output once it is read."""

    def __init__(self, path: Path | None = None, redactor: Redactor | None = None) -> None:
        self.path = path or accounts_path()
        self._redactor = redactor or Redactor()

    def get(self, name: str) -> StoredAccount:
        """Return an account by its name. Raises `NotFound`, or `InvalidInput` when the file cannot be used."""
        return StoredAccount(self, name, self.entry(name).kind)

    def entries(self) -> dict[str, Entry]:
        """Return all accounts by name, without the secrets in the keyring. Raises `InvalidInput`."""
        text = read_private(self.path)
        if text is None:
            return {}
        try:
            found = {name: Entry(**fields) for name, fields in json.loads(text)["accounts"].items()}
            for entry in found.values():
                self._mask(entry.secret)
        except (ValueError, TypeError, KeyError, AttributeError):
            # Not chained: the error may carry the file's text.
            raise InvalidInput(
                f"{self.path} is not a file of accounts that this version can read.",
                hint="Correct it, or move it away and add the accounts again: reelwork accounts add",
            ) from None
        return found

    def entry(self, name: str) -> Entry:
        """Return what the file has of an account. Raises `NotFound` or `InvalidInput`."""
        entries = self.entries()
        if name not in entries:
            hint = f"Add it: reelwork accounts add KIND --name {name}"
            known = f" Known: {', '.join(sorted(entries))}." if entries else ""
            raise NotFound("account", name, entries, hint=f"{hint}.{known}")
        return entries[name]

    def add(
        self, name: str, kind: str, credentials: Credentials, *, home: Home = "file", replace: bool = False
    ) -> None:
        """Store an account. Raises `InvalidInput` when the name is taken (unless `replace`) or cannot be one."""
        check_name(name)
        self._mask(credentials.secret)
        # The account's own lock too: a refresh that is under way would put the old password back. It comes first,
        # as in a refresh: in another order, two processes could wait for each other.
        with locked(self.lock_of(name)), locked(self._lock()):
            entries = self.entries()
            old = entries.get(name)
            if old is not None and not replace:
                raise taken(name)
            # The secret first: a crash in between may leave one that nothing names, but no account without one.
            if home == "keyring":
                keyring_set(name, credentials.secret)
            secret = {} if home == "keyring" else dict(credentials.secret)
            self._write({**entries, name: Entry(kind, home, dict(credentials.shown), secret)})
            if old is not None and old.kept_in == "keyring" and home == "file":
                keyring_delete(name)

    def remove(self, name: str) -> Entry:
        """Remove an account, and return its entry. Raises `NotFound` or `InvalidInput`."""
        self.entry(name)
        with locked(self.lock_of(name)), locked(self._lock()):
            entry = self.entry(name)
            # The file first, for the same reason: what is left of a crash is a secret that nothing names.
            self._write({other: kept for other, kept in self.entries().items() if other != name})
            if entry.kept_in == "keyring":
                keyring_delete(name)
        return entry

    def values(self, name: str) -> dict[str, str]:
        """Return everything stored of an account. Raises `NotFound` or `InvalidInput`."""
        entry = self.entry(name)
        secret = keyring_get(name) if entry.kept_in == "keyring" else entry.secret
        self._mask(secret)
        return {**entry.shown, **secret}

    def put(self, name: str, values: Values) -> None:
        """Replace an account's values. Raises `NotFound` when it was removed meanwhile, or `InvalidInput`."""
        with locked(self._lock()):
            entries = self.entries()
            entry = self.entry(name)
            shown = {key: value for key, value in values.items() if key in entry.shown}
            secret = {key: value for key, value in values.items() if key not in entry.shown}
            self._mask(secret)
            if entry.kept_in == "keyring":
                keyring_set(name, secret)
                secret = {}
            self._write({**entries, name: Entry(entry.kind, entry.kept_in, shown, secret)})

    def lock_of(self, name: str) -> Path:
        """Return the path of the lock under which an account's tokens change."""
        return self.path.with_name(f"{self.path.name}.{name}.lock")

    def _lock(self) -> Path:
        return self.path.with_name(f"{self.path.name}.lock")

    def _write(self, entries: Mapping[str, Entry]) -> None:
        kept = {name: asdict(entry) for name, entry in sorted(entries.items())}
        write_private(self.path, json.dumps({"accounts": kept}, indent=2, ensure_ascii=False) + "\n")

    def _mask(self, secret: Values) -> None:
        for value in secret.values():
            self._redactor.add(value)


class StoredAccount:
    """The contract's `Account`."""

    def __init__(self, accounts: Accounts, name: str, kind: str) -> None:
        self._accounts = accounts
        self.name = name
        self.kind = kind

    @property
    def identity(self) -> str:
        """The identity at its service, made of what may be shown: tokens change, this does not."""
        return json.dumps([self.kind, self._accounts.entry(self.name).shown], sort_keys=True)

    def read(self) -> Values:
        """Return everything stored, shown and secret, read anew each time. Raises `InvalidInput`."""
        return self._accounts.values(self.name)

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


def check_name(name: str) -> None:
    """Raises `InvalidInput` when this cannot be an account's name."""
    if not NAME.match(name):
        raise InvalidInput(
            f"{name!r} cannot be the name of an account.",
            money=NOTHING_KEPT,
            hint="Use letters, digits, dots, dashes and underscores.",
        )


def taken(name: str) -> InvalidInput:
    """Return the error for a name that an account has already."""
    return InvalidInput(
        f"An account named {name!r} already exists.",
        money=NOTHING_KEPT,
        hint=f"Choose another --name, or replace it: --name {name} --replace",
    )


def keyring_get(name: str) -> dict[str, str]:
    """Return the values of an account in the keyring. Raises `InvalidInput`."""
    text = _keyring("get_password", KEYRING_SERVICE, name)
    if text is None:
        raise InvalidInput(
            f"The keyring has no entry for the account {name!r}.",
            hint=f"Add it again: reelwork accounts add KIND --name {name} --keyring --replace",
        )
    try:
        return {str(key): str(value) for key, value in json.loads(text).items()}
    except (ValueError, AttributeError):
        # Not chained: the error carries the text.
        raise InvalidInput(f"The keyring's entry for the account {name!r} cannot be read.") from None


def keyring_set(name: str, secret: Values) -> None:
    """Store an account's secrets in the keyring. Raises `InvalidInput`."""
    _keyring("set_password", KEYRING_SERVICE, name, json.dumps(dict(secret)))


def keyring_delete(name: str) -> None:
    """Take an account out of the keyring. Raises `InvalidInput`."""
    if _keyring("get_password", KEYRING_SERVICE, name) is not None:
        _keyring("delete_password", KEYRING_SERVICE, name)


def _keyring(call: str, *arguments: str) -> Any:
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError as error:
        raise InvalidInput(
            "The system's keyring needs a package that is not installed.",
            money=NOTHING_KEPT,
            hint='Install it: pip install "reelwork[keyring]"',
        ) from error
    try:
        return getattr(keyring, call)(*arguments)
    except KeyringError as error:
        # Backends put what they were given into some of their messages: only the kind is shown.
        raise InvalidInput(
            f"The system's keyring did not work ({type(error).__name__}).",
            money=NOTHING_KEPT,
            hint="Unlock it, or leave out --keyring: the account is then stored in a file that only you can read.",
        ) from None
