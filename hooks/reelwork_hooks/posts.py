"""The post at one destination, and the proof of it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AwareDatetime, BeforeValidator, Field, JsonValue, model_validator

from reelwork_hooks.briefs import Disclosure, Hashtags, Platform, Privacy
from reelwork_hooks.clips import Asset, Clip
from reelwork_hooks.frozen import Frozen, FrozenMapping, Grown
from reelwork_hooks.prices import DOLLARS, as_reported

_AI = frozenset({"ai_generated", "disclosure"})


class Post(Grown, Frozen):
    """A post that will be published at one destination."""

    _later: ClassVar[tuple[str, ...]] = (
        *("publish_at", "thumbnail", "captions", "alt_text", "disclosure", "options", "receipts"),
    )

    destination: str
    """The publisher instance's name."""
    clip: Clip
    platform: Platform | None = None
    title: str = ""
    caption: str = ""
    hashtags: Hashtags = ()
    privacy: Privacy = "public"
    ai_generated: bool = True
    """True if the post must say, to the destination or in its text, that the video was made by AI. It always agrees
    with `disclosure`."""
    publish_at: AwareDatetime | None = None
    """When the network is to show it; None: at once. Given to publishers that name it in `post_fields` only."""
    thumbnail: Asset | None = None
    """The still picture for this destination; the clip's when it has no other."""
    captions: tuple[Asset, ...] = ()
    """Subtitles: the clip's assets with the role `captions`."""
    alt_text: str = ""
    """What the video shows, for people who cannot see it."""
    disclosure: Disclosure = Disclosure()
    """What the post says of AI, and where."""
    options: FrozenMapping[str, JsonValue] = {}  # noqa: RUF012  (validated, so frozen)
    """The network's own options as written. `self.PostOptions.model_validate(post.options)` reads them."""
    receipts: FrozenMapping[str, Receipt] = {}  # noqa: RUF012  (validated, so frozen)
    """The receipts of the job's other destinations that have it already, by their names."""

    @model_validator(mode="before")
    @classmethod
    def _agrees(cls, data: Any) -> Any:
        if not isinstance(data, dict) or not _AI & data.keys():
            return data
        if "disclosure" not in data:
            # A plugin of the first contract knows yes and no.
            said = "no" if data["ai_generated"] in (False, "false") else "yes"
            return {**data, "disclosure": {"ai": said}}
        disclosure = Disclosure.model_validate(data["disclosure"])
        made = disclosure.ai != "no"
        if data.get("ai_generated", made) != made:
            raise ValueError(f"ai_generated and disclosure.ai = {disclosure.ai!r} do not agree: give one of them")
        return {**data, "disclosure": disclosure, "ai_generated": made}

    def replace(self, **changes: Any) -> Self:
        """Return a copy with these fields changed, checked like a new value; `ai_generated` and `disclosure` agree.

        Raises pydantic's `ValidationError` when a field does not exist or does not fit.
        """
        settled = _AI if _AI & changes.keys() else frozenset()
        given = {name: getattr(self, name) for name in self.model_fields_set - settled}
        return type(self).model_validate({**given, **changes})


class Shown(Frozen):
    """The state of a network's AI label on a post, and how it is known."""

    value: bool | None
    """True if it shows one, False if it shows none; None if that is not known."""
    by: Literal["read", "sent", "unreadable"]
    """`read`: the network says so. `sent`: it was sent and not read back. `unreadable`: the network has no way to
    read it."""


PostOutcome = Literal["processing", "live", "private", "failed", "removed"]


class Receipt(Grown, Frozen, defer_build=False):
    """A destination's answer: proof of a post."""

    _later: ClassVar[tuple[str, ...]] = ("state", "replaces", "disclosure", "cost", "cost_unit")

    # An empty id is judged by the engine, which blames the plugin and leaves the outcome unknown: the post may be
    # out.
    id: str
    url: str = ""
    at: datetime | None = None
    """Time of publication; the engine fills in the time of the answer."""
    details: FrozenMapping[str, JsonValue] = {}  # noqa: RUF012  (validated, so frozen)
    """Facts of the network's own. `left_out` has a sentence for each thing that it did not take with the video,
    such as a file of captions. A job's page shows them."""
    state: PostOutcome | None = None
    """The state of the post, as the network says; None if that was not read. After `failed` and `removed` the job
    stops, with a `reason` in `details` as the network's words. It is not posted again."""
    replaces: str = ""
    """The earlier id, if the network has given the post a new one."""
    disclosure: Shown | None = None
    """Its AI label; None if nothing was read."""
    # A figure that is none is told and left out: it must not keep the proof of a post from being read.
    cost: Annotated[Decimal, Field(allow_inf_nan=True), BeforeValidator(as_reported)] | None = None
    """US dollars, or `cost_unit`: what the network says that it charged. The engine turns it into dollars, or fills
    in the most that `post_price` named."""
    cost_unit: str = DOLLARS
    """The unit of `cost`, such as `credits`; see `Plugin.units`."""


Post.model_rebuild()
