"""The `Plugin` base class, its settings, the `Context` it is given, and references to secrets."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, ClassVar, Protocol

from pydantic import AfterValidator, BaseModel, ConfigDict, JsonValue

from reelwork_hooks.accounts import Account as Account
from reelwork_hooks.accounts import AccountField, StoredAccount
from reelwork_hooks.accounts import Credentials as Credentials
from reelwork_hooks.accounts import SignsIn as SignsIn
from reelwork_hooks.effects import Idempotency

# Names renamed to themselves are exported from here, where they were first, also for type checkers.
from reelwork_hooks.http import HttpClient as HttpClient
from reelwork_hooks.http import HttpResponse as HttpResponse
from reelwork_hooks.models import Asset, Job

SECRET_SCHEMES = ("env", "file", "aws-sm")


def _is_reference(value: str) -> str:
    scheme, _, rest = value.partition(":")
    # The error must not repeat the value: people paste the secret itself here.
    if scheme not in SECRET_SCHEMES or not rest:
        raise ValueError("give a reference, not the secret itself: env:NAME, file:PATH or aws-sm:NAME#KEY")
    return value


SecretRef = Annotated[str, AfterValidator(_is_reference)]
"""A secret by reference: `env:NAME`, `file:PATH` or `aws-sm:NAME#KEY`. Read it with `context.secret`."""


class Config(BaseModel):
    """A plugin's settings, from `[plugin.NAME]` in the workflow. Unknown keys are refused."""

    # What was given may be a secret written where its reference belongs: errors must not repeat it.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


PostOptionsModel = type[Config]


class Phase(StrEnum):
    """The phase in which a `post_download` plugin runs. A workflow with its plugins in another order is refused."""

    EDIT = "edit"
    """Changes the video or adds files."""
    SIGN = "sign"
    """Signs the finished bytes: nothing may change them afterwards."""
    STORE = "store"
    """Stores the finished files."""


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

    They survive the process, and all processes that work on the store share them. They are known by the instance's
    name in the workflow. For `async def` hooks.
    """

    async def get(self, key: str) -> JsonValue:
        """Return the value; None when there is none."""
        ...

    # `expect` has no default: whoever does not say what was there loses what another process has just written.
    async def set(self, key: str, value: JsonValue, *, expect: JsonValue) -> bool:
        """Change the value from `expect` to `value`, and return True once that is on disk.

        Return False, and change nothing, when the value is not `expect` (None: there is none) any more. With None
        as `value` it is removed. A value has at most 64 KB as JSON.
        """
        ...


class PublicStorage(Protocol):
    """A storage plugin with a method `public_url`: other plugins get addresses from it."""

    async def public_url(self, asset: Asset, seconds: float) -> str:
        """Return an address from which anyone can read a stored file for that long.

        Raises `InvalidInput` when this plugin can never give one for it.
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
        """A folder for this instance alone. It stays between runs."""
        ...

    @property
    def output_dir(self) -> Path:
        """The folder the person chose for results."""
        ...

    @property
    def base_dir(self) -> Path:
        """The folder that relative paths in the workflow start from."""
        ...

    @property
    def cache(self) -> Cache:
        """Small values that stay between runs."""
        ...

    @property
    def state(self) -> State:
        """Values of this instance in the store. They survive the process."""
        ...

    @property
    def log(self) -> logging.Logger:
        """A logger that never writes a resolved secret."""
        ...

    def secret(self, reference: str) -> str:
        """Return the secret behind a reference. Raises `SecretNotFound`.

        It is read again each time; one in AWS Secrets Manager is cached for five minutes.
        """
        ...

    def account(self, name: str) -> StoredAccount:
        """Return the account of that name. Raises `InvalidInput` when there is none."""
        ...

    # An address out of a server's answer must not be in `trust`: it could name a service of this machine or of the
    # local network, and read from there (server-side request forgery).
    def http(self, *, trust: Sequence[str] = ()) -> HttpClient:
        """Return a client.

        Private and loopback addresses are refused unless below an origin in `trust`, which should hold only
        addresses the person configured. The proxies of the environment are used for these origins, and for no
        others.
        """
        ...

    # For destinations and providers that fetch a file instead of taking its bytes.
    async def public_url(self, asset: Asset, seconds: float) -> str:
        """Return an address from which anyone can read a stored file for that long.

        The workflow's storage plugins are asked for it. Raises `InvalidInput` when none can give one.
        """
        ...

    def now(self) -> datetime:
        """Return the time, in UTC."""
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
    """The phase in which `post_download` runs."""
    costs: ClassVar[bool] = False
    """True when running a hook costs money: a dry run then leaves the plugin out and says so."""
    computes: ClassVar[bool] = False
    """True when its `def` hooks only compute, for a moment: no thread is started for them then."""
    # An author who forgets it makes Reelwork ask before a post too often, never too rarely.
    public: ClassVar[bool] = True
    """False for a publisher that only writes on this machine."""
    # The least that can be claimed: an unknown outcome is held. A plugin that claims more than its service keeps
    # posts twice.
    idempotency: ClassVar[Idempotency] = Idempotency.NONE
    """The destination's means against posting twice. With `LOOKUP`, implement `find_post`."""
    settle_seconds: ClassVar[float] = 5.0
    """Seconds a post may take to show up for `find_post`."""
    # Past this time a destination may have forgotten the key, and would post again under it. So none counts for
    # ever unless the plugin says so.
    key_seconds: ClassVar[float] = 86_400.0
    """With `KEY`: seconds for which the destination knows a key. `float("inf")` where it is the post's own name for
    good."""
    PostOptions: ClassVar[PostOptionsModel | None] = None
    """For a publisher: the model of the options that a post may have at it. None: it takes none."""
    # What it does not name it may pass over. A post that was to appear next week would be out at once.
    post_fields: ClassVar[tuple[str, ...]] = ()
    """For a publisher: which of `publish_at`, `alt_text` and `disclosure` it passes on. What a workflow asks of it
    beyond that is refused before anything is sent."""
    account_fields: ClassVar[tuple[AccountField, ...]] = ()
    """What `reelwork accounts add` asks for, before `sign_in` or `oauth`."""
    notes: ClassVar[tuple[str, ...]] = ()
    """Quotas and audits a person should know, a sentence each. `reelwork doctor` shows them."""

    def __init__(self, config: Any, context: Context) -> None:
        self.config = config
        self.context = context

    @property
    def identity(self) -> str | None:
        """The identity that posts, as the destination knows it, such as an account's id there.

        A publisher that is renamed, or configured twice, is still one destination by it. None: the account it signs
        in with, else its settings.
        """
        # By this, not by the instance's name, the ledger knows a destination: one that is renamed, or configured
        # twice, would otherwise get the same post again.
        return None

    @property
    def account_name(self) -> str | None:
        """The account it signs in with. Planning checks that it exists, before anything is sent or paid for."""
        name = getattr(self.config, "account", None)
        return name if isinstance(name, str) and name else None
