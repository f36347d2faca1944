"""The `Provider` base class for services that make videos, with its capabilities, requests and answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, JsonValue, SecretStr, model_validator

from reelwork_hooks.effects import Absent, Effect, Found, Idempotency, Listing, NotDone, Unsure
from reelwork_hooks.frozen import FrozenMapping, Grown
from reelwork_hooks.models import AspectRatio, Frozen, Pending, Reference, ReferenceRole, Resolution, Spec
from reelwork_hooks.money import MOST_DOLLARS
from reelwork_hooks.plugin import Config, Context
from reelwork_hooks.prices import DOLLARS, as_reported

# Names renamed to themselves are exported from here, where they were first, also for type checkers.
from reelwork_hooks.prices import Amount as Amount
from reelwork_hooks.prices import Price as Price
from reelwork_hooks.prices import Quote as Quote


class ProviderConfig(Config):
    """Settings every provider has. A provider's own `Config` derives from it."""

    model: str | None = None
    """The provider's name of a model; its own default when not given."""
    poll_interval: Annotated[float, Field(gt=0)] = 10
    """Seconds between two polls of one render."""
    deadline: Annotated[float, Field(gt=0)] = 600
    """Seconds after which a render counts as overdue and is polled less often."""
    price_per_second: Annotated[Decimal, Field(ge=0, le=MOST_DOLLARS)] | None = None
    """US dollars for a second of video, when you know better than the price list."""
    units: Mapping[str, Annotated[Decimal, Field(ge=0, le=MOST_DOLLARS)]] = {}
    """US dollars that you pay for one of the provider's own units, such as `{ credits = 0.008 }`."""
    # Servers answer 404 for a paid video that is there a moment later, some several times in a row. Only the same
    # answer over minutes may end the job.
    gone_after: Annotated[float, Field(ge=0)] = 180
    """Seconds for which a paid render is asked for again, when the provider says that it, or its finished video, is
    not there."""
    when_unsure: Literal["hold", "resend"] = "hold"
    """The reaction when nothing shows whether a request arrived. `resend` asks for another render; it needs
    `price_per_second = 0`, on a server of your own that charges nothing."""
    account: str = ""
    """The name of the quota and list, when two instances share them; the instance's name otherwise."""

    @model_validator(mode="after")
    def _resends_what_is_free(self) -> Self:
        if self.when_unsure == "resend" and self.price_per_second != 0:
            raise ValueError('when_unsure = "resend" needs price_per_second = 0: another render may be charged')
        return self


class Capabilities(Frozen):
    """A provider's capabilities with one model. `None` means: not known here, so not limited here."""

    # Without a default: whether a lost request is sent again, and paid twice, depends on it.
    idempotency: Idempotency
    durations: tuple[float, ...] | None = None
    """The only lengths possible, in seconds."""
    shortest_duration: float | None = None
    longest_duration: float | None = None
    sizes: tuple[str, ...] | None = None
    """The only frame sizes possible, such as `1280x720`."""
    # The first contract had four ratios and three heights: providers of that time know no others.
    aspect_ratios: tuple[AspectRatio, ...] | None = None
    """The only ratios possible. None: those that `sizes` allow; without sizes 16:9, 9:16, 1:1 and 21:9."""
    resolutions: tuple[Resolution, ...] | None = None
    """The only heights possible. None: those that `sizes` allow; without sizes 480p, 720p, 1080p, the default."""
    any_size: bool = False
    """True if, without `sizes`, None means any ratio and any height."""
    default_resolution: Resolution = "720p"
    fps: tuple[int, ...] | None = None
    """The only frame rates possible. Empty: the rate cannot be chosen."""
    default_fps: int | None = None
    seed: bool = False
    negative_prompt: bool = False
    quality: tuple[str, ...] = ("standard",)
    references: int = 0
    """The most reference pictures that a request takes."""
    # Empty unless declared: a role that is dropped in silence makes, and charges, another video.
    reference_roles: tuple[ReferenceRole, ...] = ()
    """The roles of references it takes, such as `first_frame`. Briefs with another role are refused."""
    reference_at: bool = False
    """True if a reference may have a time (`at`) in the video."""
    reference_types: tuple[str, ...] | None = None
    """Media types of the reference files it takes, such as `image/png`."""
    metadata: bool = False
    webhook: bool = False
    longest_prompt: int | None = None
    """Characters."""
    wire_names: FrozenMapping[str, str] = {}  # noqa: RUF012  (validated, so frozen)
    """For each parameter that is written differently at the provider: its name and form there."""
    price: Price | None = None
    retired: date | None = None
    """The day the model was, or will be, shut down."""
    note: str = ""
    """A warning to read before paying, such as that the model's name is not known. `plan` shows it."""
    settle_seconds: float = 5.0
    """Seconds a request may take to show up in a list after it arrived."""
    # Half of this time is the most that is used: a key the provider has forgotten starts, and charges, a second
    # render.
    key_seconds: Annotated[float, Field(gt=0)] = 86_400.0
    """With `KEY`: seconds for which the provider knows a key. `float("inf")` where it is the render's own name for
    good."""
    # In a list of ended renders, what is missing may still be in the making. fal's list is such a one.
    listed_when: Literal["accepted", "ended"] = "accepted"
    """The moment from which a render is listed: once it is accepted, or only once it has ended. With `ended`, a
    request of unknown outcome that is not listed is held."""


class RenderRequest(Grown, Frozen):
    """One generation, as asked of a provider."""

    _later: ClassVar[tuple[str, ...]] = ("options",)

    prompt: str
    negative_prompt: str = ""
    model: str | None = None
    spec: Spec
    references: tuple[Reference, ...] = ()
    metadata: FrozenMapping[str, str | int | float | bool] = {}  # noqa: RUF012  (validated, so frozen)
    webhook: str | None = None
    options: FrozenMapping[str, JsonValue] = {}  # noqa: RUF012  (validated, so frozen)
    """The brief's options as they were written. `self.Options.model_validate(request.options)` reads them."""
    # Left out of what is stored: it says nothing of what is asked for, and would make it look like another request.
    pending: Pending | None = Field(default=None, exclude=True)
    """In `prepare`, its last answer when that was `Pending`."""


class Submitted(Frozen):
    """A provider accepted a request: the render's id there, and its state if the answer said."""

    remote_id: Annotated[str, Field(min_length=1)]
    details: FrozenMapping[str, JsonValue] = {}  # noqa: RUF012  (validated, so frozen)
    """Whatever `poll` and `fetch` need later, such as a polling address. No secrets: it is stored."""
    poll_after: float | None = None
    """Seconds the provider asked us to wait before the first poll."""


class RenderRef(Frozen):
    """A render, as it is given to `poll`, `fetch` and `cancel`."""

    remote_id: str
    details: FrozenMapping[str, JsonValue] = {}  # noqa: RUF012  (validated, so frozen)
    request: RenderRequest
    submitted_at: datetime
    fresh: bool = False
    """True when the stored details did not lead to the video: ask the provider instead of using them."""


class RenderStatus(Frozen):
    """A provider's report on one render."""

    remote_id: str
    # Calling an unknown word an end would give up a paid video; `running` only waits for longer.
    state: Literal["queued", "running", "completed", "failed", "lost"]
    """`lost`: the provider no longer knows it. Report a word you do not know as `running`."""
    word: str = ""
    """The provider's own status word."""
    progress: float | None = None
    """0 to 100."""
    error_code: str = ""
    error_message: str = ""
    charged: bool | None = None
    """True or false when the provider says whether money was taken."""
    # NaN stands for a figure that is none: the engine reports it and keeps the estimate.
    cost: Annotated[Decimal, Field(allow_inf_nan=True), BeforeValidator(as_reported)] | None = None
    """US dollars, or `cost_unit`, when the provider reported it: pass it on as it came. Anything but an amount from
    0 to 100,000 dollars is reported once, and the estimate stays."""
    cost_unit: str = DOLLARS
    """The unit of `cost`, such as `credits`; see `Provider.units`."""
    expires_at: datetime | None = None
    poll_after: float | None = None
    """Seconds the provider asked us to wait before the next poll."""
    details: FrozenMapping[str, JsonValue] = {}  # noqa: RUF012  (validated, so frozen)
    """Replaces the render's stored details where a key is given, such as fresh links."""


class HttpSource(Frozen):
    """A video at an address. The engine downloads it, with its own limits and checks.

    `headers` are sent to this address's own origin only, never after a redirect to another.
    """

    url: str
    headers: FrozenMapping[str, SecretStr] = {}  # noqa: RUF012  (validated, so frozen)
    # `url` is usually the server's word, and must not reach other services of this machine or network.
    trusted_origin: str = ""
    """The configured address of the provider: private addresses are allowed below this origin only."""


class FileSource(Frozen):
    """A video in a file on this machine that the provider made; the engine copies it."""

    path: Path


class BytesSource(Frozen):
    """A video that came within the answer."""

    content: bytes


Source = HttpSource | FileSource | BytesSource


# Within `Provider`, `Config` is the model of its own settings.
OptionsModel = type[Config]


class Provider:
    """A service that makes videos. Derive from this class and register yours with `register_providers`.

    Methods are `async`: an implementation must not block. `submit` is called once for an effect, after the
    ledger has committed that it may have left; everything else may be called any number of times.
    """

    Config: ClassVar[type[ProviderConfig]] = ProviderConfig
    # Without it, options are refused: dropped in silence, another video would be made and charged.
    Options: ClassVar[OptionsModel | None] = None
    """The model of the options that a brief may have for this provider. None: it takes none."""
    known_models: ClassVar[tuple[str, ...]] = ()
    """Models whose limits and prices the provider brings along."""
    # Without a price, a unit is refused when a brief is planned. It is never taken for nothing.
    units: ClassVar[Mapping[str, Decimal]] = {}
    """The units, such as `credits`, in which `price` and `cost` count, with the US dollars that one of each costs.
    The setting `units` goes first."""
    rehearsal: ClassVar[bool] = False
    """True when its videos only stand in for real ones: they are never posted to a network unasked."""
    notes: ClassVar[tuple[str, ...]] = ()
    """Quotas and shut-downs a person should know, a sentence each. `reelwork providers show` shows them."""

    def __init__(self, config: ProviderConfig, context: Context) -> None:
        self.config = config
        self.context = context

    def notes_in_use(self) -> tuple[str, ...]:
        """Return those of `notes` that concern this instance as it is configured. `reelwork doctor` shows them."""
        return self.notes

    def capabilities(self, model: str | None) -> Capabilities:
        """Return the provider's capabilities with this model (None: the default one). Must not use the network."""
        raise NotImplementedError

    def price(self, request: RenderRequest) -> Quote | None:
        """Return the price of one request. None: `capabilities` has the price of a second, or it is not known.

        Asked when a brief is planned, with the brief's own prompt: reckon by model, spec, options and the number of
        references. Must not use the network.
        """
        return None

    async def prepare(self, request: RenderRequest) -> JsonValue | Pending:
        """Do what must happen before `submit` and may be repeated, such as an upload.

        The answer is stored, and given to `submit` as `effect.prepared`. Answer `Pending` while the provider still
        works on it. Raises `InvalidInput` for what a pause cannot mend, and `OutOfFunds` for a locked account.
        """
        return None

    async def submit(self, request: RenderRequest, effect: Effect) -> Submitted:
        """Ask for the video. Costs money.

        Raises `NotSent` with proof that nothing was accepted, `Rejected` when it was refused without work.
        Anything else that is raised leaves the outcome unknown.
        """
        raise NotImplementedError

    async def find(
        self, request: RenderRequest, effect: Effect
    ) -> Found[Submitted] | Listing[Submitted] | NotDone | Absent | Unsure:
        """Look up this effect's request.

        Best answer with a `Listing` of all that is there, also of what is unlike ours: the ledger compares. It
        believes that something is missing only where the same list shows what is known to be there. `Absent` only
        from a complete list; the ledger then calls `find` for known requests too, and each must be found.
        """
        return Unsure("this provider cannot look up a request")

    @property
    def most_per_poll(self) -> int:
        """The most renders that one call of `poll` is given: 500 here. More suits a list that tells of many."""
        return 500

    async def poll(self, renders: Sequence[RenderRef]) -> Sequence[RenderStatus]:
        """Return the status of many renders. Leave out one whose status could not be read.

        Others that came along, such as a list's other entries, may be returned too: the engine takes those it
        knows, and need not poll them soon. Raises `Unavailable` when no status could be read.

        An answer that is no list of `RenderStatus` is reported as the plugin's fault. After eight in a row the job
        is held, and its render is not requested again.
        """
        raise NotImplementedError

    async def fetch(self, render: RenderRef) -> Source | Sequence[Source]:
        """Return the source of a completed render's video, or several, the best first.

        Each is tried until one brings a video that plays. Then `poll` is asked for fresh links, and those are
        tried. Raises `Unavailable`, or `Expired` when the provider says that the video is not there. That is
        believed after `gone_after` seconds.
        """
        raise NotImplementedError

    async def cancel(self, render: RenderRef) -> bool:
        """Stop a render. Return True only when the provider says that it has stopped."""
        return False

    async def close(self) -> None:
        """Close connections, files and threads. Called once; it may take ten seconds."""
