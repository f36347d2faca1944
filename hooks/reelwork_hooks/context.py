"""The `Context` of a plugin instance: the engine's services, and the values it may store."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from pydantic import JsonValue

from reelwork_hooks.accounts import StoredAccount
from reelwork_hooks.http import HttpClient
from reelwork_hooks.models import Asset, Job
from reelwork_hooks.prices import Amount


class Cache(Protocol):
    """Small values a plugin stores between runs. Losing them costs time, never money."""

    def get(self, key: str) -> str | None:
        """Return the value, or None."""
        ...

    def set(self, key: str, value: str) -> None:
        """Store a value."""
        ...


class State(Protocol):
    """Values that an instance keeps in the store, such as the number of a series' last episode.

    They belong to the instance's name in the workflow. All processes that work on the store share them. For `async
    def` hooks.
    """

    async def get(self, key: str) -> JsonValue:
        """Return the value; None if there is none."""
        ...

    # `expect` has no default: whoever does not say what was there loses what another process has just written.
    async def set(self, key: str, value: JsonValue, *, expect: JsonValue) -> bool:
        """Change the value from `expect` to `value`, and return True once that is on disk.

        Return False, and change nothing, if the value is no longer `expect`. None as `expect` means that there is
        no value; None as `value` removes it. A value has at most 64 KB as JSON.
        """
        ...


class PublicStorage(Protocol):
    """A storage plugin with a method `public_url`: other plugins get addresses from it."""

    async def public_url(self, asset: Asset, seconds: float) -> str:
        """Return an address from which anyone can read a stored file for that long.

        Raises `InvalidInput` if this plugin can never give one for it.
        """
        ...


class Context(Protocol):
    """The engine's services for a plugin instance: name, folders, cache, log, secrets, accounts, HTTP and time."""

    @property
    def name(self) -> str:
        """The instance's name in the workflow."""
        ...

    @property
    def work_dir(self) -> Path:
        """A folder for this instance alone. It is kept between runs."""
        ...

    @property
    def output_dir(self) -> Path:
        """The folder that the person chose for results."""
        ...

    @property
    def base_dir(self) -> Path:
        """The folder to which paths in the workflow are relative."""
        ...

    @property
    def cache(self) -> Cache:
        """Small values that are kept between runs, but may be lost."""
        ...

    @property
    def state(self) -> State:
        """Values of this instance in the store, as durable as the jobs there."""
        ...

    @property
    def log(self) -> logging.Logger:
        """A logger that never writes a resolved secret."""
        ...

    def secret(self, reference: str) -> str:
        """Return the secret behind a reference. Raises `SecretNotFound`.

        It is read again each time. A secret in AWS Secrets Manager is cached for five minutes.
        """
        ...

    def account(self, name: str) -> StoredAccount:
        """Return the account of that name. Raises `InvalidInput` if there is none."""
        ...

    # An address out of a server's answer must not be in `trust`: it could name a service of this machine or of the
    # local network, and read from there (server-side request forgery).
    def http(self, *, trust: Sequence[str] = ()) -> HttpClient:
        """Return a client.

        It refuses private and loopback addresses unless they are below an origin in `trust`. List only addresses
        that the person configured. The environment's proxies are used for these origins only.
        """
        ...

    # For destinations and providers that fetch a file instead of taking its bytes.
    async def public_url(self, asset: Asset, seconds: float) -> str:
        """Return an address from which anyone can read a stored file for that long.

        It comes from the workflow's storage plugins. Raises `InvalidInput` if none can give one.
        """
        ...

    async def spent(self, job: Job, amount: Amount | Decimal, *, what: str, key: str) -> None:
        """Record that this plugin paid for something itself, such as a call of a paid model.

        Call it as soon as the charge is certain. The payment is on disk when this returns, and counts in budgets.
        It is recorded once for a job and key, however often the hook runs again. So derive the key from what was
        paid for, such as a hash of the text. `what` names that in a few words. For `async def` hooks.
        """
        ...

    def now(self) -> datetime:
        """Return the time, in UTC."""
        ...

    def progress(self, job: Job, percent: float, text: str = "") -> None:
        """Show how far this job's current step is, from 0 to 100."""
        ...
