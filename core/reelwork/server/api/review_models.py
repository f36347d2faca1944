"""The documents about reviews of posts that the API answers with, and those that it reads."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue

from reelwork.server.api.asking import Asked
from reelwork.server.api.decisions import RetryAgreed
from reelwork.server.api.models import Dollars, Told
from reelwork.store.statuses import Status
from reelwork_hooks.models import Stage

Words = Annotated[str, Field(max_length=100_000)]
Name = Annotated[str, Field(min_length=1, max_length=200)]


class FileTold(Told):
    """A file of a post. The video itself: `/api/v1/jobs/{job}/clip`."""

    role: str
    path: str
    """Its path on the server's machine."""
    sha256: str


class DisclosureTold(Told):
    """The label for AI with which a post is made."""

    ai: str
    label: str


class PostTold(Told):
    """A post with its review, as `reelwork review show --json` tells it."""

    destination: str
    state: Literal["waiting", "approved", "rejected", "expired", "posted"]
    waits: bool
    """True until somebody has decided, or the end of the review was written down."""
    why: str
    """The rule by which it must be reviewed."""
    account: str
    title: str
    caption: str
    privacy: str
    alt_text: str
    hashtags: list[str]
    publish_at: datetime | None
    disclosure: DisclosureTold
    options: dict[str, Any]
    files: list[FileTold]
    asked_at: datetime
    expires_at: datetime
    by: str
    """Who decided; empty while nobody has."""
    decided_at: datetime | None
    reason: str


class AppealTold(Told):
    """A refusal by moderation with the appeal against it."""

    stage: Stage
    destination: str
    """Of a post: the publisher's instance; else empty."""
    subject: str
    """What was refused, in words."""
    state: Literal["waiting", "approved", "rejected", "expired", "void"]
    """`void`: it waited, and then what it was about was changed, or the job was ended."""
    waits: bool
    """True until somebody has decided, or its end was written down."""
    plugin: str
    """The instance that refused it."""
    package: str
    version: str
    """The plugin's version; with its package and settings, an overruling is bound to it."""
    model: str
    """The model that judged; empty where the plugin's settings name none."""
    verdict: str
    """The plugin's reason."""
    categories: list[str]
    scores: dict[str, float]
    thresholds: dict[str, float]
    flagged: list[str]
    """The inputs that were flagged, in words; empty where that is all that was judged."""
    content: str
    """The hash of what was judged. An overruling is bound to it."""
    text: str
    """The words that were judged, as they stand; empty for a video."""
    because: str
    appealed_by: str
    asked_at: datetime
    expires_at: datetime
    by: str
    """Who decided; empty while nobody has."""
    decided_at: datetime | None
    reason: str
    """The reason of a rejection."""


class Review(Told):
    """A job with posts or appeals that a person reviews, as `reelwork review list --json` tells it."""

    job: str
    status: Status
    version: str
    """Changes with any word, file or account. An answer names the version that was seen."""
    expires_at: datetime | None
    """When the first of the waiting reviews ends; null when none waits."""
    prompt: str
    video: str | None
    cost: Dollars | None
    """The price of its render: reported, else estimated; null when it is not known."""
    posts: list[PostTold]
    appeals: list[AppealTold]


class ReviewStory(Review):
    """The review of one job, with what the job has cost."""

    spent: Dollars


class ReviewDecided(Told):
    """An answer to a review, as it was written down. How its job stands since: `/api/v1/jobs/{job}`."""

    job: str
    run: str
    decision: Literal["approved", "rejected", "edited", "redo"]
    by: str
    """The name of the token."""
    destinations: list[str]
    """The posts that it is about."""
    appeals: list[str]
    """The appeals that it is about: what was refused, in words."""


class Appealed(Told):
    """An appeal as it was written down. It waits in the list of reviews."""

    job: str
    run: str
    stage: Stage
    destination: str
    """Of a post: the publisher's instance; else empty."""
    subject: str
    """What was refused, in words."""
    plugin: str
    """The instance that refused it."""
    verdict: str
    """The plugin's reason."""
    because: str
    by: str
    """The name of the token."""
    expires_at: datetime


class AppealAsked(Asked):
    """An appeal against what moderation refused of a job."""

    because: Annotated[str, Field(min_length=1, max_length=2000)]
    """Why it may pass, for whoever decides."""
    destination: Name | None = None
    """The post that is meant; needed if several were refused."""


class Seen(Asked):
    """The version that the person saw: `version` of the review. The answer is refused for any other."""

    version: Annotated[str, Field(min_length=1, max_length=64)]


class ApproveAsked(Seen):
    """An approval of posts as they were seen."""

    destinations: tuple[Name, ...] = ()
    """The posts it is about; without any, all that wait."""


class RejectAsked(ApproveAsked):
    """A rejection of posts. Posts that were approved and not made yet can be rejected, too."""

    reason: Annotated[str, Field(max_length=2000)] = ""
    """Why, for the job's story."""


class EditAsked(ApproveAsked):
    """Other words for posts. What is left out stays as it is. `options` needs the scope `admin`."""

    title: Words | None = None
    caption: Words | None = None
    alt_text: Words | None = None
    privacy: Literal["public", "unlisted", "private"] | None = None
    hashtags: Annotated[tuple[Name, ...], Field(max_length=500)] | None = None
    options: dict[str, JsonValue] = Field(default_factory=dict)
    """The network's own options: each takes the place of the one of its name."""
    approve: bool = False
    """Approves the posts with these words in the same act. Moderation still sees them first."""


class RedoAsked(Seen, RetryAgreed):
    """A new render in place of the video, and the consent to what it costs."""


class LinkAsked(Asked):
    """A link to a review that is asked for."""

    for_: Annotated[str, Field(alias="for", min_length=1, max_length=100)]
    """The person whom it is for."""
    expires: Annotated[str, Field(max_length=40, examples=["7d"])] = "7d"
    """How long it opens, such as `90m`, `6h` or `2d`."""
    version: Annotated[str, Field(max_length=64)] = ""
    """The version that is to be shown: refused if the job has another one. Without it, what stands now."""


class ReviewLinkTold(Told):
    """A link to a review, without what opens it."""

    id: str
    job: str
    for_: Annotated[str, Field(alias="for")]
    by: str
    """Who made it."""
    version: str
    state: Literal["open", "used", "expired", "revoked"]
    answer: Literal["approved", "rejected"] | None
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None


class MadeLink(ReviewLinkTold):
    """A link to a review as it is made."""

    link: str
    """The address to send."""


class ReviewLinksTold(Told):
    """Links to reviews."""

    items: list[ReviewLinkTold]
