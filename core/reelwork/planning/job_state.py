"""The data a job carries from step to step, as it is stored."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pydantic import JsonValue

from reelwork.money import to_micros
from reelwork.planning.plan import Fate, PlannedJob
from reelwork.planning.post_copy import copy_for
from reelwork.planning.refusals import Refusal
from reelwork.planning.stored import Stored
from reelwork.store.holds import HoldReason
from reelwork.store.records import JobRow
from reelwork_hooks.models import (
    Asset,
    Brief,
    Clip,
    Disclosure,
    Job,
    Pending,
    Platform,
    PluginVersion,
    Post,
    PostCopy,
    Prompt,
    Receipt,
    RenderFacts,
    Role,
    Spec,
    Target,
    Verdict,
)
from reelwork_hooks.plugin import Phase
from reelwork_hooks.provider import RenderRequest

if TYPE_CHECKING:
    from reelwork.plugins.pipeline import Pipeline

NOTHING_POSTED = "nothing was posted"
DOUBTS = (HoldReason.IN_DOUBT, HoldReason.NO_LOOK)
"""The post may be there."""
PLAIN = Target()
"""The target of a destination that takes what is rendered."""

ANEW: Mapping[str, Any] = MappingProxyType({"ran": (), "whole": False, "derived": (), "again": ()})
"""The fields of a job whose video no `post_download` plugin has had yet."""


class Waited(Stored):
    """A hook's answer that the other side is not ready, and since when that is so."""

    by: str
    """Who answered it: a plugin's instance, or the provider."""
    answer: Pending
    since: float


class ReviewState(Stored):
    """The review of one post: when a person was asked, about what, and what they said."""

    why: str
    """The rule that asks for it."""
    asked_at: float
    expires_at: float
    """When it ends, and nothing is posted."""
    remind_at: float | None = None
    """When its reminder is due; None when there is none, or once it was given."""
    shown: str
    """The hash of all that is to be approved."""
    account: str
    """The account that the post is for, by its identity at the network."""
    approved: str = ""
    """The hash of what was approved: what is changed afterwards is shown again."""
    by: str = ""
    """Who decided."""
    decided_at: float | None = None


class PostState(Stored):
    """The progress of one destination of a job."""

    state: Literal["open", "prepared", "published", "failed", "rejected", "held"] = "open"
    reason: str = ""
    receipt: Receipt | None = None
    prepared: JsonValue = None
    waited: Waited | None = None
    """Its preparation that the destination still processes."""
    due_at: float | None = None
    """The time to resume at, while an outcome is unknown or a preparation pending."""
    stopped: bool = False
    """A person has stopped posts there. It is tried as soon as they are started again."""
    slot_waits: bool = False
    """It is ready, and waits for the time at which it is to be made."""
    skipped: bool = False
    """It was not posted since it was late, as the workflow asks."""
    let_out: float | None = None
    """The time that it waited for and was let out at: a pause which its network asks for does not make it late."""
    failures: int = 0
    stale: int = 0
    """Counts how often what was prepared could no longer be used."""
    following: float | None = None
    """The time since which it is followed what becomes of the post; None when that is over, or was never done."""
    hold: HoldReason | None = None
    """The reason why it is held, when it is."""
    refused_there: bool = False
    """It was the destination that refused it, not moderation: what it names may pass or be put right."""
    generation: int = 1
    """Counts how often it was retried after it was refused: each time is an effect of its own."""
    target: Target | None = None
    """The target whose video it gets, noted when the post is first tried; None: the one that was rendered."""
    review: ReviewState | None = None
    """Its review by a person; None when none was asked for."""
    refused: str = ""
    """The id of the refusal by moderation that ended it, or is appealed."""

    @property
    def waits_for_review(self) -> bool:
        """True if a person is asked to approve it."""
        return self.review is not None and self.state == "held" and self.hold is HoldReason.REVIEW

    @property
    def is_appealed(self) -> bool:
        """True if an appeal against its refusal waits for a person."""
        return self.state == "held" and self.hold is HoldReason.APPEAL

    @property
    def may_be_out(self) -> bool:
        """True if it is posted, or may be: a doubt is kept until it is settled."""
        return self.receipt is not None or self.state == "published" or self.hold in DOUBTS

    @property
    def suffix(self) -> str:
        """The part of a key that tells the effects of one destination apart."""
        return f"-{self.generation}" if self.generation > 1 else ""


class Derived(NamedTuple):
    """A file that a `post_download` plugin made of the video."""

    path: str
    by: str
    """The plugin's instance."""
    once: bool = False
    """Its plugin is not run again: that would cost money, or change the video a second time."""


class Done(NamedTuple):
    """A `post_download` plugin that has run."""

    by: str
    """Its instance."""
    phase: Phase = Phase.EDIT
    """The one it ran in: its plugin may be in no list any more."""
    edited: bool = False
    """It changed the video."""


class Looked(Stored):
    """The answer of a moderation plugin about the finished video."""

    at: str
    """The hash of what it was shown, and of its settings."""
    verdict: Verdict | None = None
    """None: it let the video pass."""
    target: str = ""
    """The label of the target whose video it was shown."""


class Shape(Stored):
    """The video finished for one target. Every destination with this target gets it."""

    target: Target
    clip: Clip
    ran: tuple[Done, ...] = ()
    """The `post_download` plugins that have run, in that order."""
    finished: int = 0
    """Their number, where an earlier version stored nothing else."""
    derived: tuple[Derived, ...] = ()
    looked: Mapping[str, Looked] = {}


class JobData(Stored):
    """A job's own JSON. Each step adds to it; nothing in it is secret."""

    workflow: str
    provider: str
    brief: Brief
    spec: Spec
    model: str | None = None
    platform: Platform | None = None
    take: int = 1
    takes: int = 1
    row: str | None = None
    batch: str = ""
    """The batch file the row came from."""
    fates: tuple[Fate, ...] = ()
    cost: int | None = None
    """The estimate, in millionths of a US dollar."""
    post_costs: Mapping[str, int | None] = {}
    """The same for each of its posts that has a price, by destination, as it was agreed to; None: not known."""
    disclosure: Disclosure | None = None
    """What its posts say about AI, where they have nothing of their own: as the brand has it."""
    prompt: Prompt | None = None
    generation: int = 1
    """Counts the renders that a person asked for again."""
    prepared: JsonValue = None
    stale: int = 0
    """Counts how often what was prepared could no longer be used."""
    waited: Waited | None = None
    """The preparation of the request, or the finishing of the video, that is pending."""
    render: RenderFacts | None = None
    clip: Clip | None = None
    differs: str = ""
    """The differences of the video from what was asked for, with both values."""
    gone_since: float | None = None
    """The time when the provider first said that the finished video is not there."""
    ran: tuple[Done, ...] = ()
    """The `post_download` plugins that have run, in that order."""
    finished: int = 0
    """Their number, where an earlier version stored nothing else."""
    whole: bool = False
    """All of the list have run. The video stays as it is, whatever is added to the list."""
    derived: tuple[Derived, ...] = ()
    """Files in the clip that plugins made of the video."""
    again: tuple[str, ...] = ()
    """Plugins that run once more before the next one, since the video changed after they had made a file of it."""
    looked: Mapping[str, Looked] = {}
    """For each moderation plugin that was shown the finished video, its answer."""
    target: Target | None = None
    """The target that the clip is finished for; None: as it was rendered."""
    source: Clip | None = None
    """The clip as it was downloaded, where it is finished for a target."""
    downloaded: Asset | None = None
    """The video as it was downloaded, where a plugin of the workflow signs videos."""
    shapes: tuple[Shape, ...] = ()
    """The clips that are finished, where there are several targets. The one in work is among them once the next is
    begun."""
    plugins: Mapping[str, PluginVersion] = {}
    """The plugins that have taken part, and the provider, each as it was when it was called last."""
    scores: Mapping[str, float] = {}
    """The highest score that each moderation plugin gave what it let pass, 0 to 1."""
    posts: Mapping[str, PostState] = {}
    copies: Mapping[str, PostCopy] = {}
    """What a person gave a destination since, in place of what the brief has for it."""
    approved: tuple[str, ...] = ()
    """Hashes of the contents a person has approved: what changes afterwards is moderated again."""
    refusals: tuple[Refusal, ...] = ()
    """All refusals by moderation, with their appeals, the newest last."""
    refused: str = ""
    """The id of the refusal of the brief, the prompt or the video that ended the job, or is appealed."""
    hold: HoldReason | None = None
    """The reason why it is held, or was last."""
    post_at: datetime | None = None
    """The slot of its schedule for posts whose brief sets no time."""
    fired_at: datetime | None = None
    """The time of its schedule that it was made for; None if no schedule made it."""
    late: str = ""
    """What its schedule does with a post that is ready too late; empty: what the workflow does."""

    @property
    def words(self) -> Brief:
        """The brief, with what a person has changed of its posts."""
        if not self.copies:
            return self.brief
        return self.brief.replace(destinations={**self.brief.destinations, **self.copies})

    @property
    def waits_for_its_time(self) -> bool:
        """True if a post of it is ready and waits for its time."""
        return any(post.slot_waits for post in self.posts.values())

    @property
    def unposted(self) -> str:
        """The words for what a stop before the next post means for posts."""
        return "nothing more was posted" if any(post.may_be_out for post in self.posts.values()) else NOTHING_POSTED

    def with_post(self, destination: str, **changes: object) -> JobData:
        """Return the same with one destination's state changed."""
        state = self.posts.get(destination, PostState()).replace(**changes)
        return self.replace(posts={**self.posts, destination: state})


def waits_for_its_time(text: str) -> bool:
    """Return whether stored data is of a job one of whose posts waits for its time. Reads no models."""
    return '"slot_waits":true' in text


def data_for(
    planned: PlannedJob,
    *,
    workflow: str,
    provider: str,
    brief: Brief,
    row: str | None,
    batch: str = "",
    disclosure: Disclosure | None = None,
) -> JobData:
    """Return the data a planned job starts with."""
    return JobData(
        workflow=workflow,
        provider=provider,
        brief=brief,
        spec=planned.spec,
        model=planned.model,
        platform=planned.platform,
        take=planned.take,
        takes=planned.takes,
        row=row,
        batch=batch,
        disclosure=disclosure,
        fates=planned.fates,
        cost=to_micros(planned.cost),
        post_costs={name: to_micros(cost) for name, cost in planned.post_costs.items()},
    )


def job_for(row: JobRow, data: JobData, pipeline: Pipeline) -> Job:
    """Return the job as the hooks of a pipeline see it."""
    return Job(
        id=row.id,
        run=row.run_id,
        workflow=data.workflow,
        brief=data.brief,
        spec=data.spec,
        provider=data.provider,
        platform=data.platform,
        take=data.take,
        takes=data.takes,
        row=data.row,
        created_at=datetime.fromtimestamp(row.created_at, UTC),
        prompt=data.prompt,
        render=data.render,
        plugins=data.plugins,
        target=data.target or PLAIN,
        brand=pipeline.workflow.brand,
        accounts=pipeline.accounts,
        fired_at=data.fired_at,
        marked_by=pipeline.marked_by(data.platform),
        downloaded=data.downloaded,
        edited_by=tuple(done.by for done in data.ran if done.edited),
    )


def request_for(data: JobData) -> RenderRequest:
    """Return the request to the provider."""
    assert data.prompt is not None
    return RenderRequest(
        prompt=data.prompt.text,
        negative_prompt=data.prompt.negative_text,
        model=data.model,
        spec=data.spec,
        references=data.brief.references,
        metadata=data.brief.metadata,
        webhook=data.brief.webhook,
        options=data.brief.options,
    )


def post_for(data: JobData, destination: str) -> Post:
    """Return the post that will be published at a destination."""
    clip = clip_for(data, destination)
    assert clip is not None
    assert data.prompt is not None
    copy = copy_for(data.words, data.prompt, destination, data.disclosure)
    return Post(
        destination=destination,
        clip=clip,
        platform=data.platform,
        thumbnail=clip.thumbnail,
        captions=tuple(asset for asset in clip.assets if asset.role is Role.CAPTIONS),
        receipts={
            name: post.receipt
            for name, post in data.posts.items()
            if post.receipt is not None and name != destination
        },
        **{name: getattr(copy, name) for name in type(copy).model_fields},
    )


def clip_for(data: JobData, destination: str) -> Clip | None:
    """Return the clip that a destination gets."""
    if not data.shapes:
        return data.clip
    target = data.posts.get(destination, PostState()).target or PLAIN
    found = (shape.clip for shape in data.shapes if shape.target == target)
    # The one in work first: it may have been looked at again since it was shelved.
    return data.clip if target == (data.target or PLAIN) else next(found, data.clip)
