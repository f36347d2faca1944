"""Changes to posts in review: other words, or a new render in place of the video.

A change voids the approval of its post. Words are checked by what their network takes before they are written down,
and moderation sees them before the next person does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from reelwork.errors import MovedOn, WorkflowInvalid
from reelwork.ids import short_id
from reelwork.planning.destinations import account_at, check_copy
from reelwork.planning.job_state import JobData, PostState, job_for, post_for
from reelwork.planning.limits import copy_problems
from reelwork.planning.post_copy import copy_for
from reelwork.planning.review_rules import seen_of
from reelwork.plugins.pipeline import Pipeline
from reelwork.settings.validation import explain
from reelwork.store.commands import SetJob, Tell
from reelwork.store.protocol import Store
from reelwork.store.records import ACTIVE, HELD, REJECTED, JobRow
from reelwork.store.statuses import Step
from reelwork.studio.brief_checks import in_a_line
from reelwork.studio.job_view import view_of
from reelwork.studio.post_review import NOTHING, Answer, check_version, chosen_of, may_be_out, stoppable, write
from reelwork.studio.retry import Retry
from reelwork.studio.review_view import post_review_of
from reelwork_hooks.models import PostCopy

WORDS = ("title", "caption", "hashtags", "alt_text", "privacy")


async def edit(
    store: Store,
    row: JobRow,
    pipeline: Pipeline,
    answer: Answer,
    changes: Mapping[str, Any],
    now: float,
    *,
    approve: bool = False,
) -> tuple[str, ...]:
    """Give posts of a job other words or options, and with `approve` approve them as they are then.

    `changes` has keys of `[destination.NAME]`. Returns the destinations. Raises `WorkflowInvalid` if a post may be
    out already, its network would not take it, or the job is not what the person saw.
    """
    review = post_review_of(row, now)
    chosen = chosen_of(store, review, answer, stoppable(store, review))
    data, told = review.data, {}
    for one in chosen:
        before = _words(data, one.destination)
        data = data.replace(copies={**data.copies, one.destination: _copy(data, one.destination, changes)})
        _check_length(data, one.destination)
        after = _words(data, one.destination)
        told[one.destination] = {key: [before[key], after[key]] for key in before if before[key] != after[key]}
    check_copy(pipeline, data.words, "the changed post")
    await _check_by_plugins(pipeline, row, data)
    for one in chosen:
        anew = one.review.replace(approved="", by="", decided_at=None)
        if approve:
            # Of what will be sent now, and not of what was shown: whoever wrote it has seen it.
            seen = seen_of(post_for(data, one.destination), account_at(pipeline, one.destination))
            anew = anew.replace(approved=seen, by=answer.by, decided_at=now)
        data = data.with_post(one.destination, **_OPEN, review=anew)
    line = Tell("edited", {"by": answer.by, "changes": told, "approved": approve})
    await write(store, row, data, line, approver=answer.approver if approve else None)
    return tuple(told)


_OPEN: Mapping[str, Any] = {
    "state": "open", "hold": None, "reason": "", "due_at": None, "waited": None, "prepared": None, "stopped": False,
    "slot_waits": False, "let_out": None,
}  # fmt: skip
"""A post that nobody has begun to make."""


def _copy(data: JobData, destination: str, changes: Mapping[str, Any]) -> PostCopy:
    """Return the copy of a destination with the changes. Raises `WorkflowInvalid` for one that cannot be."""
    own = data.words.destinations.get(destination, PostCopy())
    options = {**own.options, **{key: value for key, value in changes.items() if key not in WORDS}}
    words = {key: value for key, value in changes.items() if key in WORDS}
    try:
        return PostCopy.model_validate({**own.model_dump(), **words, "options": options})
    except ValidationError as error:
        raise explain(error, PostCopy, "the changed post", section=f"destination.{destination}") from error


def _words(data: JobData, destination: str) -> dict[str, Any]:
    assert data.prompt is not None
    copy = copy_for(data.words, data.prompt, destination)
    return {**{key: getattr(copy, key) for key in WORDS}, "options": dict(copy.options)}


def _check_length(data: JobData, destination: str) -> None:
    """Raises `WorkflowInvalid` for words that are longer than the job's platform takes."""
    if data.platform is None or data.prompt is None:
        return
    copy = copy_for(data.words, data.prompt, destination)
    own = data.prompt.replace(title=copy.title, caption=copy.caption, hashtags=copy.hashtags)
    if problem := next(copy_problems(own, data.platform), ""):
        raise WorkflowInvalid(f"{destination}: {problem}.", money=NOTHING, hint="Make it shorter.")


async def _check_by_plugins(pipeline: Pipeline, row: JobRow, data: JobData) -> None:
    """Ask the plugins that check briefs. Raises `WorkflowInvalid` with what they find."""
    job = job_for(row, data.replace(brief=data.words), pipeline)
    for instance in pipeline.order.get("check_brief", ()):
        problems = await pipeline.dispatcher.problems(instance, job)
        if lines := [in_a_line(problem) for problem in problems if not problem.warning]:
            raise WorkflowInvalid(f"{instance}: {'; '.join(lines)}", money=NOTHING, hint="Change what is listed.")


def new_render_of(store: Store, row: JobRow, answer: Answer, now: float) -> Retry:
    """Return what it means to make the video of a job in review again.

    Raises `WorkflowInvalid` if it has no review, or if one of its posts may be out.
    """
    review, name = post_review_of(row, now), short_id(row.id)
    if not review.posts or row.status not in (HELD, REJECTED):
        raise MovedOn(f"No post of the job {name} is in review.", money=NOTHING, hint=f"reelwork jobs show {name}")
    check_version(store, review, answer)
    out = [one.subject for one in store.effects_of(row.id) if may_be_out(one)]
    if out:
        raise MovedOn(
            f"The video of {name} is posted to {out[0]}, or may be: it is not made again.",
            money=NOTHING,
            hint="Run its prompt again for another video.",
        )
    return Retry(1, view_of(row).cost, {row.id: row.fence})


async def redo(store: Store, row: JobRow, answer: Answer, now: float) -> None:
    """Ask for a new render in place of the video of a job in review, which may be paid for.

    Its posts are reviewed again. Raises `WorkflowInvalid` as `new_render_of` does.
    """
    new_render_of(store, row, answer, now)
    data = JobData.model_validate_json(row.data)
    # With their reviews, though nothing is approved: settings that no longer ask are no answer. And with their
    # numbers, which are part of their keys.
    posts = {
        name: PostState(
            generation=post.generation,
            review=post.review and post.review.replace(approved="", shown="", by="", decided_at=None),
        )
        for name, post in data.posts.items()
    }
    data = data.replace(
        clip=None, source=None, shapes=(), target=None, finished=0, derived=(), again=(), looked={}, differs="",
        gone_since=None, waited=None, posts=posts, generation=data.generation + 1, prepared=None, render=None,
    )  # fmt: skip
    # Agreed to, so it needs no retry: a process that is killed now is followed by one that only resumes.
    change = SetJob(ACTIVE, Step.PREPARE, row.updated_at, data=data.model_dump_json())
    line = Tell("reviewed", {"decision": "redo", "by": answer.by})
    await write(store, row, data, line, change)
