"""The frozen values that travel through the hooks, from a `Brief` to `Receipt`s.

Every model is immutable. `value.replace(field=…)` gives a changed, re-checked copy.
"""

from __future__ import annotations

import hashlib
import mimetypes
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from reelwork_hooks.frozen import FrozenMapping, Grown

# Texts and not a closed list: what is possible is the provider's to say, in its capabilities.
AspectRatio = Annotated[str, Field(pattern=r"^[1-9][0-9]?:[1-9][0-9]?$", examples=["16:9", "9:16", "4:3"])]
Resolution = Annotated[str, Field(pattern=r"^([1-9][0-9]{2,3}p|[248]k)$", examples=["480p", "1080p", "4k"])]
Quality = Literal["standard", "hd"]
ReferenceRole = Literal["first_frame", "last_frame", "subject", "style", "source", "audio"]
Privacy = Literal["public", "unlisted", "private"]
# Without the `#`, which each publisher writes itself. White space would end the tag.
Hashtags = tuple[Annotated[str, Field(pattern=r"^[^\s#]+$")], ...]


class Frozen(BaseModel):
    """An immutable value that refuses fields it does not know."""

    # A misspelt field would be dropped in silence: `Post(…, privcy="private")` would go out in public.
    model_config = ConfigDict(frozen=True, extra="forbid")

    def replace(self, **changes: Any) -> Self:
        """Return a copy with these fields changed, checked like a new value.

        Raises pydantic's `ValidationError` when a field does not exist or does not fit.
        """
        # Only what was given: a default stays a default, which planning tells from what was asked for.
        given = {name: getattr(self, name) for name in self.model_fields_set}
        return type(self).model_validate({**given, **changes})


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


class Brief(Grown, Frozen):
    """A person's request for a video.

    Its own bounds are generous: a provider's capabilities and a platform's limits decide what is possible.
    `n`, `webhook_url` and `input_reference` are accepted as other names of `takes`, `webhook` and one entry of
    `references`.
    """

    _later: ClassVar[tuple[str, ...]] = ("vars", "options")

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
    metadata: FrozenMapping[str, str | int | float | bool] = {}
    references: tuple[Reference, ...] = ()
    webhook: Annotated[str, Field(pattern=r"^https?://")] | None = None
    """An address the provider should call when the video is ready."""
    platforms: tuple[str, ...] = ()
    title: str = ""
    caption: str = ""
    hashtags: Hashtags = ()
    privacy: Privacy = "public"
    vars: FrozenMapping[str, str | int | float | bool] = {}
    """Values for plugins, and for `{vars.NAME}` in texts. Never sent to a provider."""
    options: FrozenMapping[str, JsonValue] = {}
    """The provider's own parameters. It checks them; a provider that declares none refuses them."""

    @model_validator(mode="before")
    @classmethod
    def _accept_tutorial_names(cls, data: Any) -> Any:
        if not isinstance(data, dict):
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


class Platform(Frozen):
    """A platform on which a video will be watched, and its requirements."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    aliases: tuple[str, ...] = ()
    aspect_ratio: AspectRatio
    longest_duration: Annotated[float, Field(gt=0)]
    """Seconds."""
    style: str = ""
    """Words the `platform-style` plugin adds to a prompt."""
    title_limit: int | None = None
    """Characters."""
    caption_limit: int | None = None
    """Characters."""
    hashtag_limit: int | None = None
    notes: tuple[str, ...] = ()
    """Quotas, audits and declarations a person should know, a sentence each. `reelwork doctor` shows them."""


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


class Prompt(Frozen):
    """The text sent to a provider and the copy that goes with it, with the edits that made them."""

    text: Annotated[str, Field(min_length=1)]
    negative_text: str = ""
    title: str = ""
    caption: str = ""
    hashtags: Hashtags = ()
    edits: tuple[Edit, ...] = ()


class RenderFacts(Frozen):
    """The known facts about a job's generation at the provider."""

    provider: str
    remote_id: str
    status: str
    cost: Decimal | None = None
    """US dollars: what the provider reported, else the estimate; None when unknown."""


class Pending(Frozen):
    """The answer of a hook whose other side is not ready yet, such as one that processes an upload.

    The job then waits as a row, without a slot, and any process may continue it. The same hook is called again and
    gets this value back. `post_download`, `prepare_publish` and a provider's `prepare` may answer it.
    """

    after: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    """Seconds from now. Less than one counts as one."""
    state: JsonValue = None
    """What the next call needs, such as an upload's id. No secrets: it is stored."""
    percent: Annotated[float, Field(ge=0, le=100)] | None = None
    """How far the other side is, where it says so."""


class Job(Frozen):
    """One unit of work, from a prompt to its posts, as hooks see it. Later stages fill in more of it."""

    id: str
    run: str
    workflow: str
    brief: Brief
    spec: Spec
    provider: str
    """The name of the provider instance."""
    platform: Platform | None = None
    take: int = 1
    takes: int = 1
    row: str | None = None
    """The row's `id` or number when the job came from a batch file."""
    created_at: datetime
    prompt: Prompt | None = None
    render: RenderFacts | None = None
    pending: Pending | None = None
    """The last answer of the hook that is called, when that was `Pending`."""


class Stage(StrEnum):
    """The stage of moderation: content as requested, as sent to the provider, or as it will be posted."""

    BRIEF = "brief"
    PROMPT = "prompt"
    POST = "post"


class Content(Frozen):
    """The content that moderation checks."""

    stage: Stage
    text: str
    negative_text: str = ""
    images: tuple[Path, ...] = ()
    """Pictures to look at: references before a render, the thumbnail before a post."""
    destination: str | None = None
    """The publisher instance, at the stage `post`."""


class Verdict(Frozen):
    """A moderation answer. Build it with `allow`, `hold` or `reject`."""

    decision: Literal["allow", "hold", "reject"]
    reason: str = ""
    categories: tuple[str, ...] = ()
    plugin: str = ""
    """Filled in by the engine with the instance's name."""

    @classmethod
    def allow(cls) -> Self:
        """Let it pass; the next plugin is asked."""
        return cls(decision="allow")

    @classmethod
    def hold(cls, reason: str, *categories: str) -> Self:
        """Hold it until a person has looked at it. Nothing is spent or posted meanwhile."""
        return cls(decision="hold", reason=reason, categories=categories)

    @classmethod
    def reject(cls, reason: str, *categories: str) -> Self:
        """Forbid making or posting it."""
        return cls(decision="reject", reason=reason, categories=categories)


class Problem(Frozen):
    """Something that stands in the way of a job, found before anything is sent."""

    message: Annotated[str, Field(min_length=1)]
    """What is wrong, with both values: `130 characters; at most 100`."""
    field: str = ""
    """The field of the brief that is wrong, such as `title`."""
    hint: str = ""
    """What to do about it, a sentence."""


class Role(StrEnum):
    """The role of a file in its clip."""

    VIDEO = "video"
    THUMBNAIL = "thumbnail"
    CAPTIONS = "captions"
    SIDECAR = "sidecar"


class Asset(Frozen):
    """A file that belongs to a clip. Its bytes never change: a new file is a new asset."""

    path: Path
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    bytes: int
    media_type: str
    role: Role
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    """Seconds."""
    fps: float | None = None
    codec: str | None = None
    stored_at: tuple[str, ...] = ()
    """Addresses where storage plugins put it."""

    @classmethod
    def from_file(cls, path: Path, role: Role, **facts: Any) -> Self:
        """Return the asset for an existing file: hash it, and guess the media type from its ending.

        Raises `OSError` when the file cannot be read.
        """
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        kind = facts.pop("media_type", None) or mimetypes.guess_type(path.name)[0]
        return cls(
            path=path,
            sha256=digest,
            bytes=path.stat().st_size,
            media_type=kind or "application/octet-stream",
            role=role,
            **facts,
        )


class Clip(Frozen):
    """The video and the files that belong to it."""

    video: Asset
    assets: tuple[Asset, ...] = ()
    """Everything but the video: thumbnail, captions, sidecars."""

    def with_video(self, video: Asset) -> Self:
        """Return the clip with another video in its place."""
        return self.replace(video=video)

    def adding(self, *assets: Asset) -> Self:
        """Return the clip with more files. A thumbnail replaces an earlier thumbnail."""
        # `thumbnail` returns the first one. If the old one stayed, moderation would judge a picture that is not
        # posted.
        new = {asset.role for asset in assets if asset.role is Role.THUMBNAIL}
        kept = tuple(asset for asset in self.assets if asset.role not in new)
        return self.replace(assets=(*kept, *assets))

    @property
    def thumbnail(self) -> Asset | None:
        """The still picture that stands for the video, if a plugin made one."""
        return next((asset for asset in self.assets if asset.role is Role.THUMBNAIL), None)


class Post(Frozen):
    """A post that will be published at one destination."""

    destination: str
    """The publisher instance's name."""
    clip: Clip
    platform: Platform | None = None
    title: str = ""
    caption: str = ""
    hashtags: Hashtags = ()
    privacy: Privacy = "public"
    ai_generated: bool = True
    """True if the post must say, to the destination or in its text, that the video was made by AI."""


class Receipt(Frozen):
    """A destination's answer: proof of a post."""

    # An empty id is judged by the engine, which blames the plugin and leaves the outcome unknown: the post may be
    # out.
    id: str
    url: str = ""
    at: datetime | None = None
    """Time of publication; the engine fills in the time of the answer."""
    details: FrozenMapping[str, JsonValue] = {}


class JobEvent(Frozen):
    """Something that happened to a job, for `job_event` to observe."""

    job: Job
    name: str
    """Such as `submitted`, `downloaded`, `published`, `held`, `failed`, `done`: see `reelwork_hooks.events`."""
    at: datetime
    """When it was committed."""
    details: FrozenMapping[str, JsonValue] = {}
    """What the event carries, by its name: see `reelwork_hooks.events`."""
