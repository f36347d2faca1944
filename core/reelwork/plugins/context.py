"""The contract's `Context`, as the engine gives it to a plugin instance."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from reelwork.credentials.accounts import Accounts, StoredAccount
from reelwork.credentials.secrets import resolve
from reelwork.files import make_private_folder
from reelwork.plugins.payments import Payments, Purse
from reelwork.plugins.public_addresses import GiveAddress, no_address
from reelwork.plugins.state import StoredState, Values
from reelwork.process_output import RedactingFilter
from reelwork.redaction.redactor import Redactor
from reelwork_hooks.http import HttpClient
from reelwork_hooks.models import Asset, Job
from reelwork_hooks.prices import Amount

if TYPE_CHECKING:
    from reelwork.plugins.account_kinds import KindOf


def utc_now() -> datetime:
    """Return the system's time, in UTC."""
    return datetime.now(UTC)


class FileCache:
    """The contract's `Cache`: a small file for each key. Several processes may share one.

    A file that cannot be read counts as absent: losing a value costs time, never money.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: str) -> str | None:
        """Return the value; None when there is none."""
        try:
            kept = json.loads(self._path(key).read_text(encoding="utf-8"))
            # The key is kept beside its value, so that a hash that means another key is not believed.
            return str(kept["value"]) if kept["key"] == key else None
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def set(self, key: str, value: str) -> None:
        """Store a value, readable by this user only. Raises `OSError` when the disk refuses."""
        make_private_folder(self._folder)
        # Written aside and renamed: a reader in another process sees the old value or the new one. Not synced,
        # since a lost value costs time, never money.
        handle, name = tempfile.mkstemp(dir=self._folder, suffix=".tmp")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump({"key": key, "value": value}, file)
            os.replace(name, self._path(key))
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def _path(self, key: str) -> Path:
        # A key may be longer than a file name, or hold a separator.
        return self._folder / f"{hashlib.sha256(key.encode()).hexdigest()}.json"


class PluginContext:
    """The contract's `Context` for one named plugin instance.

    `http_factory` is given the trusted origins and returns a client, `Http.trusting` for example. `clock`
    returns an aware time. `on_progress` gets a job, a percentage from 0 to 100, and a text. `accounts` are the
    person's own when not given. `values` is the store that keeps `state`,
    and `purse` the one that keeps payments. `kind_of` finds the plugin that
    refreshes an account's token; by default among what is installed.
    """

    def __init__(
        self,
        name: str,
        *,
        work_dir: Path,
        output_dir: Path,
        base_dir: Path,
        http_factory: Callable[[Sequence[str]], HttpClient],
        redactor: Redactor,
        clock: Callable[[], datetime] = utc_now,
        on_progress: Callable[[Job, float, str], None] | None = None,
        accounts: Accounts | None = None,
        values: Values | None = None,
        kind_of: KindOf | None = None,
        purse: Purse | None = None,
    ) -> None:
        self._name = name
        self._work_dir, self._output_dir, self._base_dir = work_dir, output_dir, base_dir
        self._http_factory, self._redactor = http_factory, redactor
        self._clock, self._on_progress = clock, on_progress
        self._accounts = accounts or Accounts(redactor=redactor)
        self._kind_of = kind_of
        self._cache = FileCache(work_dir / "cache")
        self._state = StoredState(name, values)
        self.payments = Payments(name, purse)
        """Is told the units and the most of a call once the plugin is made."""
        self.give_address: GiveAddress = no_address
        """Set once the workflow's storage plugins are made."""
        self.account_kind = "KIND"
        """The plugin that signs in, as `reelwork accounts add` calls it; set once that is known."""
        self._log = logging.getLogger(f"reelwork.plugin.{name}")
        _redact(self._log, redactor)

    @property
    def name(self) -> str:
        """The instance's name in the workflow."""
        return self._name

    @property
    def work_dir(self) -> Path:
        """A folder of this instance's own, kept between runs."""
        make_private_folder(self._work_dir)
        return self._work_dir

    @property
    def output_dir(self) -> Path:
        """The folder the person asked results to be put in."""
        return self._output_dir

    @property
    def base_dir(self) -> Path:
        """The folder relative paths in the workflow are meant from."""
        return self._base_dir

    @property
    def cache(self) -> FileCache:
        """Small values kept between runs."""
        return self._cache

    @property
    def state(self) -> StoredState:
        """Values of this instance in the store."""
        return self._state

    @property
    def log(self) -> logging.Logger:
        """A logger that never writes a resolved secret."""
        return self._log

    def mask(self, secret: str) -> None:
        """Mask this value in all output from now on."""
        self._redactor.add(secret)

    def secret(self, reference: str) -> str:
        """Return the secret behind a reference, read anew each time. Raises `SecretNotFound`."""
        return resolve(reference, self._base_dir, self._redactor)

    def account(self, name: str) -> StoredAccount:
        """Return the account of that name. Raises `InvalidInput` when there is none."""
        return self._accounts.get(name, self._renew, self.account_kind)

    async def _renew(self, account: StoredAccount, refused: str) -> None:
        # Imported with the first token that may end: most contexts never need the catalogue.
        from reelwork.plugins.account_kinds import kind_named
        from reelwork.plugins.token_refresh import renew

        await renew(account, refused, self._kind_of or kind_named, self)

    def http(self, *, trust: Sequence[str] = ()) -> HttpClient:
        """Return a client that may reach private addresses below the origins in `trust` only."""
        return self._http_factory(trust)

    async def public_url(self, asset: Asset, seconds: float) -> str:
        """Return an address from which anyone can read this file for that long. Raises `InvalidInput`."""
        address = await self.give_address(asset, seconds)
        # What it is signed with opens the file to anyone.
        if query := urlsplit(address).query:
            self._redactor.add_passing(query)
        return address

    async def spent(self, job: Job, amount: Amount | Decimal, *, what: str, key: str) -> None:
        """Record what this plugin paid for something itself, once for a job and key."""
        await self.payments.record(job, amount, self._redactor.redact(what), key)

    def now(self) -> datetime:
        """Return the time, in UTC."""
        return self._clock().astimezone(UTC)

    def progress(self, job: Job, percent: float, text: str = "") -> None:
        """Tell the person watching how far this job's current step is, 0 to 100."""
        if self._on_progress is not None:
            # A plugin's text may hold the secret it was given.
            self._on_progress(job, min(max(percent, 0.0), 100.0), self._redactor.redact(text))


def _redact(logger: logging.Logger, redactor: Redactor) -> None:
    # A logger lives as long as the process. A filter for each session would stay on it, with the session's secrets.
    ours = next((one for one in logger.filters if isinstance(one, RedactingFilter)), None)
    if ours is None:
        logger.addFilter(RedactingFilter(redactor))
    else:
        ours.add(redactor)
