"""The brief of a person, and what is made of it before the render: platform, spec and prompt."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Annotated, Any, ClassVar, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AwareDatetime, BeforeValidator, Field, JsonValue, model_validator

from reelwork_hooks.frozen import EMPTY, Frozen, FrozenMapping, Grown
from reelwork_hooks.lengths import Counting, text_length

# Texts and not a closed list: what is possible is the provider's to say, in its capabilities.
AspectRatio = Annotated[str, Field(pattern=r"^[1-9][0-9]?:[1-9][0-9]?$", examples=["16:9", "9:16", "4:3"])]
Resolution = Annotated[str, Field(pattern=r"^([1-9][0-9]{2,3}p|[248]k)$", examples=["480p", "1080p", "4k"])]
Quality = Literal["standard", "hd"]
ReferenceRole = Literal["first_frame", "last_frame", "subject", "style", "source", "audio"]
Privacy = Literal["public", "unlisted", "private"]
# Without the `#`, which each publisher writes itself. White space would end the tag.
Hashtags = tuple[Annotated[str, Field(pattern=r"^[^\s#]+$")], ...]


def _in_its_zone(given: Any) -> Any:
    """Return `2026-12-24T18:00 Europe/Berlin` as the instant it means."""
    found = given
    if isinstance(given, str):
        *time, zone = given.split() or [""]
        named = bool(time) and zone[:1].isalpha()
        try:
            found = datetime.fromisoformat(" ".join(time) if named else given)
            found = found.replace(tzinfo=ZoneInfo(zone)) if named else found
        except (ValueError, OSError, ZoneInfoNotFoundError) as error:
            raise ValueError(_NO_TIME) from error
    # A number would pass for seconds since 1970.
    if isinstance(found, int | float | date) and (not isinstance(found, datetime) or found.tzinfo is None):
        raise ValueError(_NO_TIME)
    return found


_NO_TIME = "write a time with its zone, such as 2026-12-24T18:00 Europe/Berlin"
PostTime = Annotated[AwareDatetime, BeforeValidator(_in_its_zone)]
"""A time with its offset, or a local time and its zone: `2026-12-24T18:00 Europe/Berlin`."""


class Reference(Grown, Frozen):
    """A picture, clip or sound that the video starts from, ends with, looks like or contains.

    `source` is a path, absolute or relative to the workflow file, or an http(s) address.
    """

    _later: ClassVar[tuple[str, ...]] = ("role", "at")

    source: Annotated[str, Field(min_length=1)]
    role: ReferenceRole | None = None
    """The part it plays; the provider's usual one when not given. A role the provider does not take is refused."""
    at: Annotated[float, Field(ge=0, le=3600)] | None = None
    """Seconds from the start, where the video is to reach it."""

    @model_validator(mode="after")
    def _has_one_place(self) -> Self:
        if self.at is not None and self.role in ("first_frame", "last_frame"):
            raise ValueError(f"a {self.role} has its place: leave out `at`")
        return self


class Disclosure(Frozen):
    """The label of a post that says how the video was made, and where it stands."""

    ai: Literal["yes", "partly", "no"] = "yes"
    """Whether AI made the video."""
    label: Literal["field", "caption", "refuse"] = "field"
    """`field`: the network's own label, or words in the text where it has none. `caption`: words in the text.
    `refuse`: the network's own label; one that has none does not get the post."""


class PostCopy(Grown, Frozen, defer_build=False):
    """The copy of one destination, in place of the brief's, and the options that only this network has.

    A key that is no field is an option: `PostCopy(title="Dawn", category="28")`.
    """

    _later: ClassVar[tuple[str, ...]] = (
        *("title", "caption", "hashtags", "privacy", "alt_text", "publish_at", "disclosure", "options"),
        *("aspect_ratio", "longest", "most_bytes", "codecs"),
    )

    title: str | None = None
    caption: str | None = None
    hashtags: Hashtags | None = None
    privacy: Privacy | None = None
    alt_text: str | None = None
    """What the video shows, for people who cannot see it."""
    publish_at: PostTime | None = None
    """When the post is to be seen here. A network that can wait gets it at once; for others Reelwork waits."""
    disclosure: Disclosure | None = None
    """What the post says about AI."""
    aspect_ratio: AspectRatio | None = None
    """The shape of the video here, if it differs from that of the render."""
    longest: Annotated[float, Field(gt=0)] | None = None
    """The longest video that is taken here, in seconds."""
    most_bytes: Annotated[int, Field(gt=0)] | None = None
    """The largest file that is taken here."""
    codecs: tuple[Annotated[str, Field(pattern=r"^[a-z0-9]+$")], ...] | None = None
    """Video codecs that are taken here, by their names in FFmpeg, such as `h264`."""
    options: FrozenMapping[str, JsonValue] = Field(default=EMPTY, validate_default=False)
    """The network's own options. The publisher's `PostOptions` checks them."""

    @model_validator(mode="before")
    @classmethod
    def _options_beside(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        named = {name: value for name, value in data.items() if name in cls.model_fields}
        beside = {name: _as_json(value) for name, value in data.items() if name not in cls.model_fields}
        if beside and isinstance(options := named.get("options", {}), Mapping):
            named["options"] = {**options, **beside}
        if isinstance(tags := named.get("hashtags"), list | tuple):
            named["hashtags"] = [tag.strip().removeprefix("#") if isinstance(tag, str) else tag for tag in tags]
        return named


def _as_json(value: Any) -> Any:
    """Return an option as JSON has it: TOML knows dates and times, JSON does not."""
    if isinstance(value, dict):
        return {name: _as_json(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(item) for item in value]
    return value.isoformat() if isinstance(value, datetime | date | time) else value


_TUTORIAL_NAMES = frozenset({"n", "webhook_url", "input_reference"})


class Brief(Grown, Frozen):
    """A person's request for a video.

    Its own bounds are generous: a provider's capabilities and a platform's limits decide what is possible.
    `n`, `webhook_url` and `input_reference` are accepted as other names of `takes`, `webhook` and one entry of
    `references`.
    """

    # A new field goes in here too. Otherwise rows that were paid for would pass for other ones.
    _later: ClassVar[tuple[str, ...]] = ("vars", "options", "alt_text", "destinations", "publish_at")

    # 32,000 characters is the bound of OpenAI's specification.
    prompt: Annotated[str, Field(min_length=1, max_length=32_000)]
    negative_prompt: Annotated[str, Field(max_length=32_000)] = ""
    model: str | None = None
    """The provider's name of a model; the provider's own default when not given."""
    duration: Annotated[float, Field(gt=0, le=3600)] = 10
    """Seconds of video."""
    resolution: Resolution | None = None
    """Height class, such as `720p`, `768p` or `4k`; the provider's default when not given."""
    aspect_ratio: AspectRatio | None = None
    """Such as `16:9` or `4:3`. The platform's ratio when not given, 16:9 without a platform."""
    fps: Annotated[int, Field(ge=1, le=120)] | None = None
    """Frames per second; the provider's default when not given."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    takes: Annotated[int, Field(ge=1, le=4)] = 1
    """The number of variations to make; each is paid for. `n` is another name for it."""
    publish_takes: Literal["first", "all"] | None = None
    """The takes to publish. Must be given when several takes would go to a public destination."""
    quality: Quality = "standard"
    metadata: FrozenMapping[str, str | int | float | bool] = Field(default=EMPTY, validate_default=False)
    references: tuple[Reference, ...] = ()
    webhook: Annotated[str, Field(pattern=r"^https?://")] | None = None
    """An address the provider should call when the video is ready."""
    platforms: tuple[str, ...] = ()
    title: str = ""
    caption: str = ""
    hashtags: Hashtags = ()
    privacy: Privacy = "public"
    vars: FrozenMapping[str, str | int | float | bool] = Field(default=EMPTY, validate_default=False)
    """Values for plugins, and for `{vars.NAME}` in texts. Never sent to a provider."""
    options: FrozenMapping[str, JsonValue] = Field(default=EMPTY, validate_default=False)
    """The provider's own parameters. It checks them; a provider that declares none refuses them."""
    alt_text: str = ""
    """What the video shows, for people who cannot see it."""
    destinations: FrozenMapping[str, PostCopy] = Field(default=EMPTY, validate_default=False)
    """What single destinations get in place of the copy above: `[destination.NAME]`."""
    publish_at: PostTime | None = None
    """When to post. The video is made before, and its job waits until then."""

    @model_validator(mode="before")
    @classmethod
    def _accept_tutorial_names(cls, data: Any) -> Any:
        if not isinstance(data, dict) or _TUTORIAL_NAMES.isdisjoint(data):
            return data
        # A copy: the names are taken out below, and the mapping is the caller's.
        data = dict(data)
        for other, name in (("n", "takes"), ("webhook_url", "webhook")):
            if other in data:
                if name in data:
                    both = f"here {data[other]!r} and {data[name]!r}"
                    raise ValueError(f"{other} and {name} mean the same: give one of them ({both})")
                data[name] = data.pop(other)
        if "input_reference" in data:
            source = data.pop("input_reference")
            data["references"] = (*data.get("references", ()), {"source": source})
        return data


class Platform(Grown, Frozen, defer_build=False):
    """A platform on which a video will be watched, and its requirements."""

    _later: ClassVar[tuple[str, ...]] = ("most_bytes", "codecs", "title_counted", "caption_counted")

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    aliases: tuple[str, ...] = ()
    aspect_ratio: AspectRatio
    longest_duration: Annotated[float, Field(gt=0)]
    """Seconds."""
    style: str = ""
    """Words the `platform-style` plugin adds to a prompt."""
    title_limit: int | None = None
    """The longest title, counted as `title_counted` says."""
    caption_limit: int | None = None
    """The longest caption, counted as `caption_counted` says."""
    hashtag_limit: int | None = None
    # The strictest of the plain ways: a caption that is refused after the video was paid for is the dearer mistake.
    title_counted: Counting = "utf16"
    """How the title is counted: in `characters`, `utf16` units or UTF-8 `bytes`, or by the weights of `x`."""
    caption_counted: Counting = "utf16"
    """How the caption is counted, together with its hashtags."""
    most_bytes: Annotated[int, Field(gt=0)] | None = None
    """The largest file of a video."""
    codecs: tuple[Annotated[str, Field(pattern=r"^[a-z0-9]+$")], ...] = ()
    """Video codecs it takes, any of which will do, as FFmpeg calls them; any codec when empty."""
    notes: tuple[str, ...] = ()
    """Quotas, audits and declarations a person should know, a sentence each. `reelwork doctor` shows them."""

    def length_of(self, text: str, field: Literal["title", "caption"]) -> int:
        """Return the length of a title or a caption as this platform counts it."""
        return text_length(text, self.title_counted if field == "title" else self.caption_counted)


class Spec(Frozen):
    """The video a job will make, in the terms every provider shares."""

    width: Annotated[int, Field(gt=0)]
    """Pixels."""
    height: Annotated[int, Field(gt=0)]
    """Pixels."""
    aspect_ratio: AspectRatio
    resolution: Resolution
    fps: int | None = None
    duration: float
    """Seconds."""
    seed: int | None = None
    quality: Quality = "standard"

    @property
    def size(self) -> str:
        """Width and height as the Videos protocol writes them, such as `1280x720`."""
        return f"{self.width}x{self.height}"


class Edit(Frozen):
    """One change a `prompt_transform` plugin made, recorded by the engine."""

    plugin: str
    field: str
    before: str
    after: str


class Prompt(Frozen, defer_build=False):
    """The text sent to a provider and the copy that goes with it, with the edits that made them."""

    text: Annotated[str, Field(min_length=1)]
    negative_text: str = ""
    title: str = ""
    caption: str = ""
    hashtags: Hashtags = ()
    alt_text: str = ""
    """What the video shows, for people who cannot see it."""
    edits: tuple[Edit, ...] = ()


class Problem(Frozen):
    """Something that stands in the way of a job, or that a person should know, found before anything is sent."""

    message: Annotated[str, Field(min_length=1)]
    """What is wrong, with both values: `130 characters; at most 100`."""
    field: str = ""
    """The field of the brief that is wrong, such as `title`."""
    hint: str = ""
    """What to do about it, a sentence."""
    warning: bool = False
    """True: it stops nothing. `plan` and `run` show it as a note."""
