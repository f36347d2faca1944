"""Appeals against refusals by moderation: what waits for a person, and what a person has overruled.

An overruling is compared right before its plugin would be asked. It counts for one content, and for the plugin as
it was, with its version and settings. All other plugins, and all later stages, are asked as always.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reelwork.clock import iso
from reelwork.engine.stages.deadlines import appealed_posts, believed, woken_at
from reelwork.engine.stages.step import Next, Working, hold, stop
from reelwork.engine.stages.tools import StageTools
from reelwork.planning.job_state import JobData
from reelwork.planning.refusals import MODEL, Refusal, refusal_id, refusal_named, with_appeal, with_refusal
from reelwork.plugins.judged_by import files_of
from reelwork.redaction.redactor import mask
from reelwork.store.commands import Tell
from reelwork.store.holds import HoldReason
from reelwork.store.records import HELD, REJECTED
from reelwork_hooks.models import Stage, Verdict


def settings_of(work: Working, instance: str) -> dict[str, Any] | None:
    """Return the settings by which a plugin judges."""
    table = work.pipeline.workflow.plugin.get(instance)
    return table.model_dump(mode="json", exclude={"time_limit"}) if table else None


def refusal_of(work: Working, verdict: Verdict, stage: Stage, content: str, destination: str = "") -> Refusal:
    """Return a rejection with all that an appeal against it is bound to."""
    version = work.pipeline.version_of(verdict.plugin)
    config = getattr(work.pipeline.instances.get(verdict.plugin), "config", None)
    return Refusal(
        id=_id(work, verdict.plugin, content),
        stage=stage,
        destination=destination,
        content=content,
        verdict=verdict.replace(reason=mask(verdict.reason)),
        version=version,
        model=str(getattr(config, MODEL, "")),
    )


def _id(work: Working, instance: str, content: str) -> str:
    judged_by = [settings_of(work, instance), files_of(work.pipeline, instance)]
    return refusal_id(content, instance, work.pipeline.version_of(instance), judged_by)


def noted(data: JobData, refusal: Refusal) -> JobData:
    """Return a job with a refusal that ends it, or one of its posts."""
    data = data.replace(refusals=with_refusal(data.refusals, refusal))
    if refusal.destination:
        return data.with_post(refusal.destination, refused=refusal.id)
    return data.replace(refused=refusal.id)


def asked_about(work: Working, instances: tuple[str, ...], content: str) -> tuple[str, ...]:
    """Return the instances that are to be asked about a content: those that nobody has overruled there."""
    if not work.data.refusals:
        return instances
    known = {one.id for one in work.data.refusals if one.is_overruled}
    return tuple(name for name in instances if _id(work, name, content) not in known)


def telling_overruled(following: Next, stage: Stage, *instances: str, destination: str = "") -> Next:
    """Return the same with a line for each plugin that was not asked."""
    post = {"destination": destination} if destination else {}
    for name in instances:
        following = following.telling("overruled", plugin=name, stage=stage, **post)
    return following


def at_its_time(work: Working) -> Refusal | None:
    """Return the refusal against which an appeal waits, of a job that is still held.

    Nobody has resumed it: it was claimed since the time of a reminder or of the end has come.
    """
    refusal = refusal_named(work.data.refusals, work.data.refused) if work.row.status == HELD else None
    return refusal if refusal is not None and refusal.is_appealed else None


def appealed(work: Working, instances: tuple[str, ...], content: str) -> Refusal | None:
    """Return the refusal of a content by one of these instances against which an appeal waits."""
    waiting = {one.id: one for one in work.data.refusals if one.is_appealed}
    if not waiting:
        return None
    return next((waiting[one] for name in instances if (one := _id(work, name, content)) in waiting), None)


def still_appealed(tools: StageTools, work: Working, refusal: Refusal) -> Next:
    """Hold a job, or end it, whose brief, prompt or video is appealed."""
    now, appeal = believed(tools), refusal.appeal
    assert appeal is not None
    data, tells = work.data.replace(refused=refusal.id), _due(refusal, now)
    if appeal.expires_at <= now:
        data = data.replace(refusals=with_appeal(data.refusals, refusal.id, state="expired"))
        ended = stop(REJECTED, work.row.step, data, unanswered(refusal))
        return replace(ended, tells=(*ended.tells, *tells))
    if tells:
        data = data.replace(refusals=with_appeal(data.refusals, refusal.id, remind_at=None))
    held = hold(work.row.step, data, HoldReason.APPEAL, waits_for_a_person(refusal))
    first = appeal.expires_at if tells else appeal.remind_at or appeal.expires_at
    # Of a job that stays held, its story tells that already.
    told = () if work.row.status == HELD else held.tells
    return replace(held, until=woken_at(tools, first), tells=(*told, *tells))


def appeals_at_their_time(data: JobData, now: float) -> tuple[JobData, tuple[Tell, ...]]:
    """Remind of the appeals for posts whose time for that has come, and end those whose time is over."""
    tells: list[Tell] = []
    for name, refusal in appealed_posts(data).items():
        due = _due(refusal, now)
        if not due:
            continue
        tells += due
        if due[0].name == "review-expired":
            data = data.replace(refusals=with_appeal(data.refusals, refusal.id, state="expired"))
            data = data.with_post(name, state="rejected", hold=None, reason=unanswered(refusal))
        else:
            data = data.replace(refusals=with_appeal(data.refusals, refusal.id, remind_at=None))
    return data, tuple(tells)


def _due(refusal: Refusal, now: float) -> tuple[Tell, ...]:
    appeal = refusal.appeal
    assert appeal is not None
    if appeal.expires_at <= now:
        return (Tell("review-expired", {**refusal.told(), "appeal": True}),)
    if appeal.remind_at is not None and appeal.remind_at <= now:
        ends = iso(appeal.expires_at)
        return (Tell("review-reminder", {**refusal.told(), "appeal": True, "expires_at": ends}),)
    return ()


def waits_for_a_person(refusal: Refusal) -> str:
    """Return why a job or post is held against whose refusal somebody has appealed."""
    assert refusal.appeal is not None
    who, because = refusal.appeal.by or "Somebody", refusal.appeal.because.rstrip(".")
    return f"{who} appeals: {because}. {_refused(refusal)}. {nothing_meanwhile(refusal)}."


def nothing_meanwhile(refusal: Refusal) -> str:
    """Return what an appeal means for money and posts while it waits."""
    if refusal.stage in (Stage.BRIEF, Stage.PROMPT):
        return "Nothing more is spent until a person decides"
    was = "Nothing was posted there, and nothing is" if refusal.destination else "Nothing is posted"
    return f"{was} until a person decides"


def unanswered(refusal: Refusal) -> str:
    """Return why a job or post has ended whose appeal nobody answered."""
    return f"nobody decided about the appeal in time. {_refused(refusal)}"


def turned_down(refusal: Refusal) -> str:
    """Return why a job or post has ended whose appeal a person rejected."""
    appeal = refusal.appeal
    assert appeal is not None
    why = f": {appeal.reason.rstrip('.')}" if appeal.reason else ""
    return f"the appeal was rejected by {appeal.decided_by}{why}. {_refused(refusal)}"


def _refused(refusal: Refusal) -> str:
    reason = refusal.verdict.reason.rstrip(".") or "no reason given"
    subject = refusal.subject[:1].upper() + refusal.subject[1:]
    return f"{subject} was refused by {refusal.verdict.plugin!r}: {reason}"
