"""The documents that the API answers with."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from reelwork.store.holds import HoldReason
from reelwork.store.spending import By
from reelwork.store.statuses import Status, Step

Dollars = Annotated[str, Field(pattern=r"^-?\d+(\.\d+)?([eE][+-]?\d+)?$", examples=["0.40"])]
"""US dollars, as a text: a number would lose digits."""
T = TypeVar("T")


class Told(BaseModel):
    """A document of an answer."""

    # Named exactly: a field that is added to an answer and not here fails the tests.
    model_config = ConfigDict(frozen=True, extra="forbid")


class Page(Told, Generic[T]):
    """A page of a list, newest first."""

    items: list[T]
    next: str | None
    """`cursor` of the next page; null for the last one."""


class Job(Told):
    """A job as it stands, as `reelwork jobs list --json` tells it."""

    id: str
    run: str
    status: Status
    step: Step
    """What is to be done next."""
    reason: str
    hold: HoldReason | None
    """The reason why it is held."""
    prompt: str
    """The final prompt, or what was asked while there is none."""
    platform: str | None
    take: int
    takes: int
    row: str | None
    """The batch's row it came from."""
    brand: str
    """The brand it is for; empty if it is for none."""
    provider: str
    remote_id: str | None
    cost: Dollars | None
    """Reported, else estimated; null when unknown."""
    video: str | None
    """The file on the server's machine. The video itself: `/api/v1/jobs/{job}/clip`."""
    stored_at: list[str]
    thumbnail: str | None
    shapes: list[dict[str, Any]]
    """The videos that were finished for targets, with their destinations."""
    receipts: dict[str, dict[str, Any]]
    """The destinations' answers, by destination."""
    held_posts: dict[str, str]
    """The destinations whose post is held, each with the reason."""
    failed_posts: dict[str, str]
    """The destinations whose post failed or was rejected, each with the reason."""
    refused_there: bool
    """True if a destination refused it, not moderation."""
    in_review: bool
    """True if a person is asked about one of its posts, or about an appeal."""
    appealable: bool
    """True if moderation refused it, or one of its posts, and a person may overrule that."""
    unapproved: bool
    """True if a person rejected one of its posts, or nobody reviewed it in time."""
    post_wait: Literal["", "time", "start"]
    """What posts of an active job wait for: their `time`, or the `start` of posts that a person has stopped."""
    skipped: bool
    """True if all that kept it from being posted is that it was late, as the workflow asks."""
    doubt: str
    """Of a job that ended for good: `unknown` or `sent` when the outcome of an effect is not known."""
    plugins: dict[str, dict[str, str]]
    """The package and version of each plugin that took part."""
    created_at: datetime
    charged: Dollars
    reserved: Dollars
    """Counted until it is known whether it is charged."""
    next: str
    """The command that takes the next step, for the server's machine; empty if nobody is needed."""


class Render(Told):
    """A render at its provider."""

    provider: str
    remote_id: str
    state: str
    word: str
    """The provider's own word for its state."""
    progress: float | None
    error: str
    submitted_at: float
    """Seconds since the epoch."""
    ended_at: float | None
    overdue: bool


class Effect(Told):
    """A request or post in the ledger."""

    key: str
    kind: str
    subject: str
    state: str
    attempt: int
    created_at: float
    """Seconds since the epoch."""
    sent_at: float | None
    remote_id: str | None
    reason: str
    money: str
    reserved: Dollars | None
    charged: Dollars | None
    evidence: dict[str, Any]
    seen: dict[str, Any] | None
    """The report of the latest lookup."""


class StoryLine(Told):
    """A line of a job's story."""

    at: float
    """Seconds since the epoch."""
    name: str
    details: dict[str, Any]


class JobStory(Job):
    """A job with everything that is known of it, as `reelwork jobs show --json` tells it."""

    data: dict[str, Any]
    """The job's own data, as it is stored."""
    render: Render | None
    effects: list[Effect]
    events: list[StoryLine]


class Run(Told):
    """One launch of a workflow, and how its jobs stand."""

    id: str
    workflow: str
    created_at: datetime
    jobs: dict[Status, int]
    """The number of its jobs of each status."""


class Receipt(Told):
    """A post that happened, and the destination's answer."""

    job: str
    run: str
    destination: str
    id: str | None
    """The post's id there."""
    sent_at: datetime | None
    receipt: dict[str, Any]
    """What the destination answered, and what was read of the post since."""


class SpendGroup(Told):
    """The money of one group."""

    name: str
    renders: int
    posts: int
    """Posts that have a price."""
    charged: Dollars
    reserved: Dollars
    in_doubt: Dollars
    """The part of `reserved` whose outcome is unknown."""
    released: Dollars
    """Estimated, and known not to be charged."""
    unknown: int
    """Renders that may be charged and whose price is not known."""


class Spend(Told):
    """Spending, as `reelwork spend --json` tells it. Days are UTC."""

    by: By
    since: date | None
    until: date | None
    groups: list[SpendGroup]
    total: SpendGroup


class Account(BaseModel):
    """An account that posts are made with, without its secrets."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: str
    kept_in: Literal["file", "keyring"]
    shown: dict[str, str]
    """Who it is, and where."""
    identity: str | None = None
    """Who it is at the network, where its plugin says so."""
    scopes: list[str] | None = None
    expires_at: datetime | None = None
    """When its token ends, where its plugin says so."""


class Accounts(Told):
    """The accounts on the server's machine, by name."""

    items: list[Account]


class BrokenTold(Told):
    """A plugin that cannot be used, and the reason."""

    message: str
    hint: str


class Plugin(BaseModel):
    """An installed plugin, as `reelwork plugins list --json` tells it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    origin: str
    summary: str = ""
    hooks: list[str] = []
    providers: list[str] = []
    platforms: list[str] = []
    webhooks: list[str] = []
    """The schemes of webhooks that it adds."""
    broken: BrokenTold | None
    off: bool


class Plugins(Told):
    """The installed plugins, also those that are broken or off."""

    items: list[Plugin]


class WorkflowTold(Told):
    """A workflow of the server's folder."""

    name: str


class Workflows(Told):
    """The workflows that can be started, by name."""

    items: list[WorkflowTold]


class PlanTold(BaseModel):
    """A plan, as `reelwork plan --json` tells it."""

    model_config = ConfigDict(frozen=True, extra="allow")

    dry_run: Literal[True]
    exit_code: int
    cost: Dollars | None
    saved: Dollars
    unspent: Dollars | None
    jobs: list[dict[str, Any]]


class Launched(Told):
    """A run that was started."""

    run: str
    workflow: str
    jobs: list[str]
    """The ids of its jobs, which the server drives from now on."""
    cost: Dollars | None
    """As estimated; null when a price is not known."""
    notes: list[str]


class Decided(Told):
    """A decision about a job, as it was carried out. How it stands since: `/api/v1/jobs/{job}`."""

    job: str
    run: str
    decision: Literal["cancelled", "resumed", "retried"]


class ProblemTold(Told):
    """An error (RFC 9457), in the words of the command line."""

    type: str
    title: str
    status: int
    detail: str
    money: str
    """What it means for money and posts."""
    hint: str
    """What to do next."""
    errors: list[dict[str, str]] | None = None
    """What is wrong in parts of the request."""
    needs: dict[str, Any] | None = None
    """What is to be agreed to: the same request with it is carried out."""
