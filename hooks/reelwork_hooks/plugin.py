"""The `Plugin` base class, its settings, the `Context` it is given, and references to secrets."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, ClassVar, Protocol

from pydantic import AfterValidator, BaseModel, ConfigDict

from reelwork_hooks.effects import Idempotency
from reelwork_hooks.models import Job

SECRET_SCHEMES = ("env", "file", "aws-sm")


def _is_reference(value: str) -> str:
    scheme, _, rest = value.partition(":")
    if scheme not in SECRET_SCHEMES or not rest:
        raise ValueError("give a reference, not the secret itself: env:NAME, file:PATH or aws-sm:NAME#KEY")
    return value


SecretRef = Annotated[str, AfterValidator(_is_reference)]
"""A secret by reference: `env:NAME`, `file:PATH` or `aws-sm:NAME#KEY`. Read it with `context.secret`."""


class Config(BaseModel):
    """A plugin's settings, from `[plugin.NAME]` in the workflow. Unknown keys are refused."""

    # What was given may be a secret written where its reference belongs: errors must not repeat it.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Phase(StrEnum):
    """The phase that a `post_download` plugin runs in. A workflow with its plugins in another order is refused."""

    EDIT = "edit"
    """Changes the video or adds files."""
    SIGN = "sign"
    """Signs the finished bytes: nothing may change them afterwards."""
    STORE = "store"
    """Puts the finished files where they stay."""


class HttpResponse(Protocol):
    """An answer, whatever its status: a 4xx or 5xx does not raise."""

    @property
    def status_code(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, by lower-case or any-case name."""
        ...

    @property
    def content(self) -> bytes:
        """The body."""
        ...

    @property
    def text(self) -> str:
        """The body, decoded."""
        ...

    def json(self) -> Any:
        """The body as JSON. Raises `ValueError` when it is not."""
        ...


class HttpClient(Protocol):
    """An HTTP client with time limits, address rules and redaction.

    Reads (`get`) are retried on connection errors, 429 and 5xx, and raise `Unavailable` when none got
    through; an answered 4xx or last 5xx is returned. Writes (`post`, `put`, `delete`) are sent once: they raise
    `NotSent` when no connection came about and `OutcomeUnknown` when one did and no answer came.
    """

    async def get(
        self,
        url: str,
        *,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> HttpResponse:
        """Read. Retried."""
        ...

    async def post(
        self,
        url: str,
        *,
        json: Any = None,
        data: Mapping[str, str] | None = None,
        files: Mapping[str, tuple[str | None, bytes | str, str | None]] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> HttpResponse:
        """Write, once."""
        ...

    async def put(
        self,
        url: str,
        *,
        json: Any = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> HttpResponse:
        """Write, once."""
        ...

    async def delete(
        self, url: str, *, headers: Mapping[str, str] | None = None, timeout: float | None = None
    ) -> HttpResponse:
        """Delete, once."""
        ...


class Cache(Protocol):
    """Small values a plugin keeps between runs. Losing them costs time, never money."""

    def get(self, key: str) -> str | None:
        """The value, or None."""
        ...

    def set(self, key: str, value: str) -> None:
        """Keep a value."""
        ...


@dataclass(frozen=True, slots=True)
class Credentials:
    """The credentials of an account: what may be shown to anyone, and what may not."""

    shown: Mapping[str, str]
    """Such as the service and the name at it. `reelwork accounts list` prints it."""
    secret: Mapping[str, str] = field(repr=False)
    """Such as passwords and tokens. Never printed."""


class Account(Protocol):
    """The credentials of one account that `reelwork accounts add` has kept on this machine."""

    @property
    def name(self) -> str:
        """The name a person gives the account. A plugin's setting `account` refers to it by this name."""
        ...

    @property
    def kind(self) -> str:
        """The plugin that made it, such as `bluesky`."""
        ...

    def read(self) -> Mapping[str, str]:
        """Everything kept, shown and secret, read anew each time. Raises `InvalidInput`."""
        ...

    async def refresh(
        self, change: Callable[[Mapping[str, str]], Awaitable[Mapping[str, str]]]
    ) -> Mapping[str, str]:
        """Change what is kept, one process at a time, and return it.

        `change` is called once the account's lock is held, with what is kept then: when its token is no longer
        the one that had expired, another process was faster, and `change` returns what it was given. What it
        returns is kept before the lock is let go. Raises `Unavailable` when the lock was not to be had.
        """
        ...


class SignsIn(Protocol):
    """A plugin class with a static method `sign_in`: `reelwork accounts add` can make its accounts."""

    @staticmethod
    async def sign_in(given: Mapping[str, str], context: Context) -> Credentials:
        """Try out what the person gave (`identifier`, `password`, perhaps `service`); return what to keep.

        Raises `InvalidInput` when it is refused, `Unavailable` when that could not be learnt.
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
        """A folder of this instance's own, kept between runs."""
        ...

    @property
    def output_dir(self) -> Path:
        """The folder the person asked results to be put in."""
        ...

    @property
    def base_dir(self) -> Path:
        """The folder relative paths in the workflow are meant from."""
        ...

    @property
    def cache(self) -> Cache:
        """Small values kept between runs."""
        ...

    @property
    def log(self) -> logging.Logger:
        """A logger that never writes a resolved secret."""
        ...

    def secret(self, reference: str) -> str:
        """The secret behind a reference. Raises `SecretNotFound`.

        Read anew each time; one in AWS Secrets Manager is kept for five minutes.
        """
        ...

    def account(self, name: str) -> Account:
        """The account of that name. Raises `InvalidInput` when there is none."""
        ...

    def http(self, *, trust: Sequence[str] = ()) -> HttpClient:
        """A client. Private and loopback addresses are refused unless below an origin in `trust`,
        which should hold only addresses the person configured. The proxies of the environment
        are used for these origins, and for no others."""
        ...

    def now(self) -> datetime:
        """The time, in UTC."""
        ...

    def progress(self, job: Job, percent: float, text: str = "") -> None:
        """Tell the person watching how far this job's current step is, 0 to 100."""
        ...


class Plugin:
    """A handy base class: keeps `config` and `context`. Any class with the same constructor will do.

    A class attribute left out has the value given here.
    """

    Config: ClassVar[type[Config]] = Config
    phase: ClassVar[Phase] = Phase.EDIT
    """When `post_download` runs."""
    costs: ClassVar[bool] = False
    """True when running a hook costs money: a dry run then leaves the plugin out and says so."""
    computes: ClassVar[bool] = False
    """True when its `def` hooks only compute, for a moment: no thread is started for them then."""
    public: ClassVar[bool] = True
    """False for a publisher that only writes on this machine."""
    idempotency: ClassVar[Idempotency] = Idempotency.NONE
    """What the destination of `publish` offers: with `LOOKUP`, implement `find_post`."""
    settle_seconds: ClassVar[float] = 5.0
    """How long a post may take to show up for `find_post`."""
    key_seconds: ClassVar[float] = 86_400.0
    """With `KEY`: how long the destination knows a key. `float("inf")` where it is the post's own name for good."""
    notes: ClassVar[tuple[str, ...]] = ()
    """Quotas and audits a person should know of, a sentence each: shown by `reelwork doctor`."""

    def __init__(self, config: Any, context: Context) -> None:
        self.config = config
        self.context = context

    @property
    def identity(self) -> str | None:
        """The identity that posts, as the destination knows it.

        A publisher that is renamed, or configured twice, is still one destination. None: the account it signs in
        with, else its settings.
        """
        return None

    @property
    def account_name(self) -> str | None:
        """The account it signs in with. It is looked for before anything is sent or paid for."""
        name = getattr(self.config, "account", None)
        return name if isinstance(name, str) and name else None
