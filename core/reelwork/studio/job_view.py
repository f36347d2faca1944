"""A job as people and programs see it: `JobResult`, each `--json`, the lists and pages are made from it.

A field that is added here is in all of them but `JobResult`, which names its fields itself.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Protocol

from reelwork.ids import short_id
from reelwork.money import to_dollars
from reelwork.store.holds import HoldReason, hold_of
from reelwork.store.records import ACTIVE, CANCELLED, HELD, REJECTED, EffectRow, JobRow, Sendings, doubt_among
from reelwork.store.statuses import CLOSED, MODERATED


@dataclass(frozen=True, slots=True)
class Money:
    """The money of a job's renders and posts, in US dollars."""

    charged: Decimal
    reserved: Decimal
    """Counted until it is known whether it is charged."""
    in_doubt: Decimal
    """The part of `reserved` whose request may have arrived or not."""
    unpriced: int = 0
    """Requests that may be charged at a price that is not known."""
    sent: bool = True
    """False when nothing was ever sent."""

    @property
    def spent(self) -> Decimal:
        """Charged, or reserved until it is known whether it is."""
        return self.charged + self.reserved

    @classmethod
    def of(cls, sent: Sendings | None) -> Money:
        """Return the money of requests; None stands for none."""
        found = sent or Sendings()
        return cls(
            charged=to_dollars(found.charged),
            reserved=to_dollars(found.reserved),
            in_doubt=to_dollars(found.in_doubt),
            unpriced=found.unpriced,
            sent=sent is not None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class JobView:
    """One job as it stands."""

    id: str
    run: str
    status: str
    """One of `Status`."""
    step: str
    """One of `Step`."""
    reason: str
    hold: HoldReason | None
    """The reason why it is held; None if it is not."""
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
    cost: Decimal | None
    """US dollars: reported, else estimated; None when unknown."""
    video: str | None
    stored_at: tuple[str, ...]
    """The addresses where plugins stored the video."""
    thumbnail: str | None
    shapes: tuple[Mapping[str, Any], ...]
    """The videos that were finished for targets, with their destinations; empty where the render is posted as it
    is."""
    receipts: Mapping[str, Mapping[str, Any]]
    """The destinations' answers, by destination."""
    held_posts: Mapping[str, str]
    """The destinations whose post is held, each with the reason, also while the job goes on at others."""
    failed_posts: Mapping[str, str]
    """The destinations whose post failed or was rejected, each with the reason."""
    refused_there: bool
    """True if a destination refused it, not moderation."""
    in_review: bool
    """True if a person is asked about one of its posts, or about an appeal."""
    appealable: bool
    """True if moderation refused it, or one of its posts, and a person may overrule that."""
    unapproved: bool
    """True if a person rejected one of its posts, or nobody reviewed it in time."""
    post_wait: str
    """The event that posts of an active job wait for: `time`, or `start` when a person has stopped them; empty for
    none."""
    skipped: bool
    """True if all that kept it from being posted is that it was late, as the workflow asks (`late = "skip"`)."""
    doubt: str
    """Of a job that ended for good: `unknown` or `sent` when the outcome of an effect is not known."""
    plugins: Mapping[str, Mapping[str, str]]
    """The package and version of each plugin that took part, and of the provider."""
    created_at: datetime
    # From here on what the JSON of a job does not tell, or tells elsewhere.
    money: Money | None
    """None when it was not read."""
    fence: int
    """Counts who had the job: a decision is about the job as it was at this number."""
    due_at: float | None
    attempts: int
    """Tries of its step that failed."""
    data: Mapping[str, Any] = field(repr=False)
    """The job's own JSON, for pages that show all of it."""

    @property
    def short(self) -> str:
        """Enough of the id to name the job."""
        return short_id(self.id)

    def as_json(self) -> dict[str, Any]:
        """Return the job as programs get it."""
        told = {
            **{name: getattr(self, name) for name in TOLD},
            "cost": None if self.cost is None else str(self.cost),
            "stored_at": list(self.stored_at),
            "shapes": list(self.shapes),
            "created_at": self.created_at.isoformat(),
        }
        if self.money is None:
            return told
        return {**told, "charged": str(self.money.charged), "reserved": str(self.money.reserved)}


TOLD = tuple(
    one.name for one in fields(JobView) if one.name not in ("money", "fence", "due_at", "attempts", "data")
)
"""The fields that the JSON of a job has."""


def view_of(row: JobRow, money: Money | None = None, doubt: str = "") -> JobView:
    """Return a job as people and programs see it. Fields that its version did not have yet are empty."""
    # Without the models: loading them takes longer than a list of jobs may take, and older rows would not fit
    # them.
    data: dict[str, Any] = json.loads(row.data)
    clips, render, posts = clips_of(data), data.get("render") or {}, data.get("posts") or {}
    # The first target's stays the job's video, whichever was worked on last.
    clip = clips[0][1]
    video = clip.get("video") or {}
    return JobView(
        id=row.id,
        run=row.run_id,
        status=row.status,
        step=row.step,
        reason=row.reason,
        hold=hold_of(row, data),
        prompt=str((data.get("prompt") or {}).get("text") or data["brief"]["prompt"]),
        platform=(data.get("platform") or {}).get("name"),
        take=data.get("take", 1),
        takes=data.get("takes", 1),
        row=data.get("row"),
        brand=row.brand,
        provider=data["provider"],
        remote_id=render.get("remote_id"),
        cost=_cost(data),
        video=video.get("path"),
        stored_at=tuple(video.get("stored_at", ())),
        thumbnail=_thumbnail(clip),
        shapes=tuple(_shapes(data, clips)),
        receipts={name: post["receipt"] for name, post in posts.items() if post.get("receipt")},
        held_posts=_reasons(posts, "held"),
        failed_posts=_reasons(posts, "failed", "rejected"),
        refused_there=any(post.get("refused_there") for post in posts.values()),
        in_review=_waits_for_a_person(row, data),
        appealable=_is_appealable(row, data),
        unapproved=any(post.get("review") and post.get("state") == "rejected" for post in posts.values()),
        post_wait=_post_wait(posts.values()) if row.status == ACTIVE else "",
        skipped=_is_skipped(posts.values()),
        doubt=doubt,
        plugins=data.get("plugins") or {},
        created_at=datetime.fromtimestamp(row.created_at, UTC),
        money=money,
        fence=row.fence,
        due_at=row.due_at,
        attempts=row.attempts,
        data=data,
    )


def _reasons(posts: Mapping[str, Mapping[str, Any]], *states: str) -> dict[str, str]:
    return {name: post.get("reason", "") for name, post in posts.items() if post.get("state") in states}


def _waits_for_a_person(row: JobRow, data: Mapping[str, Any]) -> bool:
    if row.status not in (ACTIVE, HELD):
        return False
    posts = (data.get("posts") or {}).values()
    return any(map(_is_in_review, posts)) or (row.status == HELD and data.get("hold") == HoldReason.APPEAL)


def _is_in_review(post: Mapping[str, Any]) -> bool:
    return post.get("state") == "held" and post.get("hold") in (HoldReason.REVIEW, HoldReason.APPEAL)


def _is_appealable(row: JobRow, data: Mapping[str, Any]) -> bool:
    """Return whether somebody can appeal; `studio.appeals` says why not."""
    known = {one["id"]: one for one in data.get("refusals") or ()}
    if not known or row.status == CANCELLED:
        return False
    posts = (data.get("posts") or {}).values()
    standing = [post.get("refused") for post in posts if post.get("state") == "rejected"]
    if row.status == REJECTED and row.step in MODERATED:
        standing.append(data.get("refused"))
    return any(_is_open(known[one]) for one in standing if one in known)


def _is_open(refusal: Mapping[str, Any]) -> bool:
    appeal = refusal.get("appeal")
    return not refusal["verdict"].get("final") and (appeal is None or appeal["state"] == "expired")


def _post_wait(posts: Collection[Mapping[str, Any]]) -> str:
    if any(post.get("stopped") for post in posts):
        return "start"
    return "time" if any(post.get("slot_waits") for post in posts) else ""


def _is_skipped(posts: Collection[Mapping[str, Any]]) -> bool:
    rejected = [post for post in posts if post.get("state") == "rejected"]
    return bool(rejected) and all(post.get("skipped") for post in rejected)


Target = Mapping[str, Any] | None
"""A target as it is stored; None for the render as it is."""


def clips_of(data: Mapping[str, Any]) -> list[tuple[Target, Mapping[str, Any]]]:
    """Return the clips of a job with their targets: those that are finished, else and last the one in work."""
    found = [(_asked(shape["target"]), shape["clip"]) for shape in data.get("shapes") or ()]
    mine = _asked(data.get("target"))
    if data.get("clip") and mine not in [target for target, _ in found]:
        found.append((mine, data["clip"]))
    return found or [(None, {})]


def _asked(target: Target) -> Target:
    """Return what a target asks for; None if that is nothing."""
    found = {name: value for name, value in (target or {}).items() if value not in (None, [])}
    return found or None


def _shapes(
    data: Mapping[str, Any], clips: Sequence[tuple[Target, Mapping[str, Any]]]
) -> Iterator[Mapping[str, Any]]:
    if all(target is None for target, _ in clips):
        return
    posts = data.get("posts") or {}
    for target, clip in clips:
        video = clip.get("video") or {}
        yield {
            "target": target or {},
            "video": video.get("path"),
            "stored_at": list(video.get("stored_at", ())),
            "thumbnail": _thumbnail(clip),
            "destinations": [name for name, post in posts.items() if _asked(post.get("target")) == target],
        }


def _cost(data: Mapping[str, Any]) -> Decimal | None:
    render = data.get("render")
    if render is None:
        return to_dollars(data.get("cost"))
    return None if render.get("cost") is None else Decimal(str(render["cost"]))


def _thumbnail(clip: Mapping[str, Any]) -> str | None:
    pictures = (asset.get("path") for asset in clip.get("assets") or () if asset.get("role") == "thumbnail")
    return next(pictures, None)


class Facts(Protocol):
    """The part of a store that knows what was sent for jobs."""

    def sendings(self, job_ids: Sequence[str]) -> Mapping[str, Sendings]:
        """Return the requests sent for renders, and their money."""
        ...

    def effects_of(self, job_id: str) -> Sequence[EffectRow]:
        """Return the effects of a job."""
        ...


def views_of(store: Facts, rows: Iterable[JobRow], ids: Sequence[str]) -> Iterator[JobView]:
    """Yield jobs with their money, and with what is in doubt. `ids` are theirs, which are known before the rows."""
    sent = store.sendings(ids)
    for row in rows:
        # A job for which no render was ever asked has no effects to look at.
        yield view_of(row, Money.of(sent.get(row.id)), doubt_of(store, row) if row.id in sent else "")


def doubt_of(store: Facts, row: JobRow) -> str:
    """Return the state of an effect in doubt of a job that ended for good; empty if there is none."""
    # A query for each job, so only for those whose doubt nothing else shows: others are held or go on.
    return doubt_among(store.effects_of(row.id)) if row.status in CLOSED else ""
