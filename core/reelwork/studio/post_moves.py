"""Moving a post to another time, as long as it cannot be out. An approval stays: what is posted is the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from reelwork.errors import MovedOn, WorkflowInvalid
from reelwork.ids import short_id
from reelwork.planning.job_state import JobData, PostState
from reelwork.planning.post_times import is_handed_over
from reelwork.plugins.pipeline import Pipeline
from reelwork.store.commands import SetJob, Tell
from reelwork.store.holds import HoldReason
from reelwork.store.protocol import Store
from reelwork.store.records import ACTIVE, HELD, JobRow
from reelwork.store.statuses import Step
from reelwork.studio.post_review import NOTHING, may_be_out
from reelwork_hooks.models import PostCopy

EVERY = "post"
"""Stands for all posts of a job that have no time of their own."""


@dataclass(frozen=True)
class Move:
    """A post's new time, and what the person saw when they chose it."""

    destination: str
    """The destination with a time of its own, or `EVERY`."""
    to: datetime
    fence: int
    """The state of the job that was shown."""
    by: str


async def move(store: Store, row: JobRow, pipeline: Pipeline, asked: Move, now: float) -> None:
    """Move a post to another time.

    Raises `WorkflowInvalid` if it may be out, its network keeps the time by itself, the time has passed, or the job
    is not what the person saw.
    """
    name = short_id(row.id)
    if row.status not in (ACTIVE, HELD) or row.fence != asked.fence:
        raise _moved_on(name)
    if asked.to.timestamp() <= now:
        raise WorkflowInvalid(f"{asked.to:%Y-%m-%d %H:%M} has passed.", money=NOTHING, hint="Choose a later time.")
    data = JobData.model_validate_json(row.data)
    concerned = _concerned(store, row, data, pipeline, asked.destination)
    moved = _with_time(data, asked.destination, asked.to)
    for destination in concerned:
        moved = moved.with_post(destination, **_waiting_anew(moved.posts.get(destination, PostState())))
    late = any(data.posts.get(one, PostState()).hold is HoldReason.LATE for one in concerned)
    line = Tell("moved", {"destination": asked.destination, "to": asked.to.isoformat(), "by": asked.by})
    # By the fence that was shown, and only if nobody works on it: a post of it may be on its way just now.
    change = _change(row, moved.model_dump_json(), now, late=late)
    if not await store.decide(row.id, change, line, fence=asked.fence, unheld=True):
        raise _moved_on(name)


def _concerned(store: Store, row: JobRow, data: JobData, pipeline: Pipeline, destination: str) -> tuple[str, ...]:
    """Return the destinations whose time changes. Raises `WorkflowInvalid` if one of them may be out."""
    own = {name for name, copy in data.words.destinations.items() if copy.publish_at is not None}
    publishers = tuple(pipeline.order.get("publish", ()))
    if destination == EVERY:
        concerned = tuple(name for name in publishers if name not in own)
    elif destination in own and destination in publishers:
        concerned = (destination,)
    else:
        raise WorkflowInvalid(f"{destination} has no time of its own in this job.", money=NOTHING)
    if destination != EVERY and is_handed_over(pipeline, destination):
        raise WorkflowInvalid(
            f"{destination} gets the post at once and keeps to the time itself.",
            money=NOTHING,
            hint="Change the time there.",
        )
    out = {one.subject for one in store.effects_of(row.id) if may_be_out(one)}
    out |= {name for name, post in data.posts.items() if post.may_be_out}
    if there := sorted(out.intersection(concerned)):
        raise MovedOn(f"The post to {there[0]} is out, or may be: its time is over.", money=NOTHING)
    return concerned


def _with_time(data: JobData, destination: str, to: datetime) -> JobData:
    if destination != EVERY:
        own = data.words.destinations.get(destination, PostCopy()).replace(publish_at=to)
        return data.replace(copies={**data.copies, destination: own})
    if data.brief.publish_at is None and data.post_at is not None:
        return data.replace(post_at=to)
    return data.replace(brief=data.brief.replace(publish_at=to))


def _waiting_anew(post: PostState) -> dict[str, Any]:
    """Return the changes by which a post waits for its new time."""
    late = post.hold is HoldReason.LATE
    # One that waits for a review still does. Only what was held for its time is open again.
    opened = {"state": "open", "hold": None, "reason": ""} if late else {}
    return {"due_at": None, "slot_waits": False, "let_out": None, **opened}


def _change(row: JobRow, data: str, now: float, *, late: bool) -> SetJob:
    if row.status == HELD and not late:
        return SetJob(HELD, row.step, row.due_at, row.reason, data, attempts=row.attempts)
    if row.step == Step.RENDER:
        # Its render wakes it.
        return SetJob(ACTIVE, row.step, None, row.reason, data, attempts=row.attempts)
    # Looked at now, so that it waits for the new time and no longer for the old one.
    return SetJob(ACTIVE, row.step, now, row.reason, data, attempts=row.attempts)


def _moved_on(name: str) -> MovedOn:
    return MovedOn(
        f"The job {name} has changed since it was shown: another person has decided, or a process works on it.",
        money=NOTHING,
        hint=f"Show it again, then move it: reelwork jobs show {name}",
    )


def read_time(text: str) -> datetime:
    """Return a time as a form gives it, by the clock of this machine. Raises `WorkflowInvalid`."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise WorkflowInvalid(f"{text[:40]!r} is no time.", money=NOTHING, hint="Like 2027-01-05T18:00") from None
    return (found if found.tzinfo is not None else found.astimezone()).astimezone(UTC)
