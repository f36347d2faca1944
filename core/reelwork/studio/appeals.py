"""Appeals of people against refusals by moderation: what can be appealed, and what becomes of an appeal.

Who appeals decides nothing: the job is held, and a reviewer approves or rejects the appeal as any review.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from reelwork.clock import iso
from reelwork.engine.stages.appeals import turned_down, waits_for_a_person
from reelwork.engine.stages.deadlines import first_deadline
from reelwork.engine.stages.ending import held_as
from reelwork.errors import MovedOn, WorkflowInvalid
from reelwork.ids import short_id
from reelwork.planning.job_state import JobData, PostState, post_for
from reelwork.planning.post_copy import words_of
from reelwork.planning.refusals import Appeal, Refusal, refusal_named, with_appeal
from reelwork.planning.review_rules import files_of
from reelwork.redaction.redactor import mask
from reelwork.settings.lengths import seconds_in
from reelwork.settings.workflow import ReviewTable
from reelwork.store.commands import SetJob, Tell
from reelwork.store.frozen import review_lengths_in
from reelwork.store.holds import HoldReason
from reelwork.store.protocol import Store
from reelwork.store.records import ACTIVE, HELD, REJECTED, JobRow, RunRow
from reelwork.store.statuses import MODERATED, Step
from reelwork.studio.advice import BY_PERSON
from reelwork.text import LONGEST_WORD, shown
from reelwork_hooks.models import Asset, Stage

NOTHING_MORE = "Nothing was changed; nothing more is spent or posted."
LONGEST_BECAUSE = 2_000
"""Characters."""


class Runs(Protocol):
    """The part of a store that knows its runs."""

    def run(self, run_id: str) -> RunRow | None:
        """Return a run."""
        ...


@dataclass(frozen=True)
class Appealed:
    """A refusal by moderation with the appeal against it."""

    refusal: Refusal
    appeal: Appeal
    state: str
    """`waiting`, `approved`, `rejected`, `expired`, or `void`: what it was about is not refused any more."""
    waits: bool
    """True if a person is asked; False when somebody has decided, or its end was written down."""
    text: str
    """The words that were judged; empty for a video."""

    @property
    def destination(self) -> str:
        """The publisher's instance, of a post."""
        return self.refusal.destination

    @property
    def subject(self) -> str:
        """The refused content, in words."""
        return self.refusal.subject

    @property
    def ends(self) -> datetime:
        """The time at which it ends."""
        return datetime.fromtimestamp(self.appeal.expires_at, UTC)

    def as_json(self) -> dict[str, Any]:
        """Return it as programs get it."""
        one, appeal, verdict = self.refusal, self.appeal, self.refusal.verdict
        return {
            "stage": one.stage,
            "destination": one.destination,
            "subject": one.subject,
            "state": self.state,
            "waits": self.waits,
            "plugin": verdict.plugin,
            "package": one.version.package,
            "version": one.version.version,
            "model": one.model,
            "verdict": verdict.reason,
            "categories": list(verdict.categories),
            "scores": dict(verdict.scores),
            "thresholds": dict(verdict.thresholds),
            "flagged": list(verdict.flagged),
            "content": one.content,
            "text": self.text,
            "because": appeal.because,
            "appealed_by": appeal.by,
            "asked_at": iso(appeal.asked_at),
            "expires_at": iso(appeal.expires_at),
            "by": appeal.decided_by,
            "decided_at": None if appeal.decided_at is None else iso(appeal.decided_at),
            "reason": appeal.reason,
        }


def appeals_of(row: JobRow, data: JobData, now: float) -> tuple[Appealed, ...]:
    """Return the appeals against refusals of a job and its posts, the oldest refusal first."""
    waiting = {one.id for one in _standing(row, data) if one.is_appealed}
    return tuple(_view(one, one.appeal, data, one.id in waiting, now) for one in data.refusals if one.appeal)


def _view(refusal: Refusal, appeal: Appeal, data: JobData, waits: bool, now: float) -> Appealed:
    return Appealed(refusal, appeal, _state(appeal, waits, now), waits, _text(refusal, data))


def _state(appeal: Appeal, waits: bool, now: float) -> str:
    if appeal.state == "waiting" and appeal.expires_at <= now:
        return "expired"
    # What it was about was changed since, or the job was ended.
    return "void" if appeal.state == "waiting" and not waits else appeal.state


def _text(refusal: Refusal, data: JobData) -> str:
    """Return all the words that a refusal is about, as they stand."""
    match refusal.stage:
        case Stage.BRIEF:
            return _both(data.brief.prompt, data.brief.negative_prompt)
        case Stage.PROMPT if data.prompt is not None:
            return _both(data.prompt.text, data.prompt.negative_text)
        case Stage.POST if data.prompt is not None and data.clip is not None:
            return "\n".join(filter(None, words_of(post_for(data, refusal.destination))))
    return ""


def _both(text: str, negative: str) -> str:
    return f"{text}\nnot in it: {negative}" if negative else text


def _standing(row: JobRow, data: JobData) -> Iterator[Refusal]:
    """Yield the refusals that keep a job or its posts back now."""
    if row.step in MODERATED and row.status in (ACTIVE, HELD, REJECTED):
        whole = refusal_named(data.refusals, data.refused)
        if whole is not None:
            # Its posts come after that: an appeal about one would lead past it.
            yield whole
            return
    if row.status in (ACTIVE, HELD, "failed", REJECTED):
        for post in data.posts.values():
            one = refusal_named(data.refusals, post.refused)
            if one is not None and (post.is_appealed or _is_refused(post)):
                yield one


def _is_refused(post: PostState) -> bool:
    return post.state == "rejected" and not post.refused_there and bool(post.refused)


def appealable(row: JobRow) -> tuple[Refusal, ...]:
    """Return the refusals of a job and its posts that a person can overrule and nobody has appealed against."""
    found = _standing(row, JobData.model_validate_json(row.data))
    return tuple(one for one in found if _is_open(one))


def _is_open(refusal: Refusal) -> bool:
    return not refusal.verdict.final and (refusal.appeal is None or refusal.appeal.state == "expired")


def new_appeal(
    store: Runs, row: JobRow, by: str, because: str, now: float, destination: str | None = None
) -> Appealed:
    """Return an appeal against the refusal of a job or of one of its posts, as `file_appeal` writes it.

    Raises `WorkflowInvalid` if moderation has refused nothing of it, the verdict is final, or an appeal against it
    waits or was rejected.
    """
    data = JobData.model_validate_json(row.data)
    refusal = _chosen(row, list(_standing(row, data)), destination)
    _check_appealable(row, refusal)
    made = _appeal(store, row, by, _because(because), now)
    return _view(refusal.replace(appeal=made), made, data, True, now)


async def file_appeal(store: Store, row: JobRow, made: Appealed) -> None:
    """Write an appeal down: from then on the job waits for a person.

    Raises `MovedOn` if the job has changed since it was read.
    """
    refusal, appeal = made.refusal, made.appeal
    line = Tell(
        "appealed",
        {
            **refusal.told(),
            "by": appeal.by,
            "because": appeal.because,
            "content": refusal.content,
            "expires_at": iso(appeal.expires_at),
        },
    )
    change = _held(row, JobData.model_validate_json(row.data), refusal)
    # By the fence that was read, and only if nobody works on it: another person may have appealed meanwhile.
    if not await store.decide(row.id, change, line, fence=row.fence, unheld=True):
        name = short_id(row.id)
        raise MovedOn(
            f"The job {name} has changed since it was read, or a process works on it.",
            money=NOTHING_MORE,
            hint=f"Show it again: reelwork jobs show {name}",
        )


def appeal_as_json(row: JobRow, made: Appealed) -> dict[str, Any]:
    """Return an appeal that was made as programs get it."""
    verdict = made.refusal.verdict
    return {
        "job": row.id,
        "run": row.run_id,
        "stage": made.refusal.stage,
        "destination": made.destination,
        "subject": made.subject,
        "plugin": verdict.plugin,
        "verdict": verdict.reason,
        "because": made.appeal.because,
        "by": made.appeal.by,
        "expires_at": iso(made.appeal.expires_at),
    }


def person(name: str) -> str:
    """Return the name of a person as stories, notices and webhooks have it."""
    return shown(mask(name), LONGEST_WORD)


def _because(text: str) -> str:
    fit = shown(mask(text), LONGEST_BECAUSE)
    if not fit.strip():
        raise WorkflowInvalid("An appeal needs a reason.", money=NOTHING_MORE, hint="Say why it may pass.")
    return fit


def _appeal(store: Runs, row: JobRow, by: str, because: str, now: float) -> Appeal:
    """Return an appeal that waits for as long as the reviews of its workflow do."""
    run, default = store.run(row.run_id), ReviewTable()
    expires, remind = review_lengths_in(run.frozen) if run is not None else (None, None)
    ends = seconds_in(expires or default.expires, "expires")
    reminds = seconds_in(remind or default.remind, "remind")
    return Appeal(
        because=because,
        by=person(by),
        asked_at=now,
        expires_at=now + ends,
        remind_at=now + reminds if reminds < ends else None,
    )


def _held(row: JobRow, data: JobData, refusal: Refusal) -> SetJob:
    """Return the job as it waits for the answer to an appeal."""
    known = tuple(refusal if one.id == refusal.id else one for one in data.refusals)
    data, reason, appeal = data.replace(refusals=known), waits_for_a_person(refusal), refusal.appeal
    assert appeal is not None
    if not refusal.destination:
        data = data.replace(hold=HoldReason.APPEAL)
        return SetJob(HELD, row.step, appeal.remind_at or appeal.expires_at, reason, data=data.model_dump_json())
    data = data.with_post(refusal.destination, state="held", hold=HoldReason.APPEAL, reason=reason, due_at=None)
    if row.status == ACTIVE:
        # It goes on at its other posts. Whoever drives it holds it once they have ended.
        return SetJob(ACTIVE, row.step, row.updated_at, data=data.model_dump_json())
    held = held_as(data.posts)
    assert held is not None
    data = data.replace(hold=held.why)
    return SetJob(HELD, Step.PUBLISH_AGAIN, first_deadline(data), held.reason, data=data.model_dump_json())


def _chosen(row: JobRow, found: Sequence[Refusal], destination: str | None) -> Refusal:
    """Return the refusal that is meant. Raises `WorkflowInvalid` without one, and for several."""
    name = short_id(row.id)
    if not found and row.status == REJECTED and row.step in MODERATED and row.reason != BY_PERSON:
        raise WorkflowInvalid(
            f"An earlier version of Reelwork refused the job {name}, and did not note what an appeal is bound to.",
            money=NOTHING_MORE,
            hint=f"Ask moderation again, then appeal: reelwork jobs retry {name}",
        )
    if not found:
        raise WorkflowInvalid(
            f"Moderation has refused nothing of the job {name}, which is {row.status}: there is nothing to appeal.",
            money=NOTHING_MORE,
            hint=f"See why it stands as it does: reelwork jobs show {name}",
        )
    chosen = [one for one in found if destination in (None, one.destination)]
    if len(chosen) == 1:
        return chosen[0]
    places = ", ".join(one.destination for one in found if one.destination)
    if chosen:
        raise WorkflowInvalid(
            f"Moderation has refused several posts of the job {name}: {places}.",
            money=NOTHING_MORE,
            hint="Name one with --destination.",
        )
    raise WorkflowInvalid(
        f"Moderation has not refused the post to {destination} of the job {name}.",
        money=NOTHING_MORE,
        hint=f"It has refused: {', '.join(one.subject for one in found)}",
    )


def _check_appealable(row: JobRow, refusal: Refusal) -> None:
    """Raises `WorkflowInvalid` for a refusal that no person can overrule any more."""
    name, verdict, before = short_id(row.id), refusal.verdict, refusal.appeal
    what = f"The refusal of {refusal.subject} by {verdict.plugin!r}"
    change = "Change what it names and run it again."
    if verdict.final:
        raise WorkflowInvalid(
            f"{what} is final, so no person can overrule it: {verdict.reason.rstrip('.') or 'no reason given'}.",
            money=NOTHING_MORE,
            hint=change,
        )
    if before is not None and before.state == "waiting":
        who, until = before.by or "Somebody", iso(before.expires_at)
        raise WorkflowInvalid(
            f"{who} has appealed already; it waits for a person until {until}.",
            money=NOTHING_MORE,
            hint=f"Decide about it: reelwork review show {name}",
        )
    if before is not None and before.state == "rejected":
        why = f": {before.reason.rstrip('.')}" if before.reason else ""
        raise WorkflowInvalid(
            f"{what} stands: {before.decided_by} has rejected an appeal against just this{why}.",
            money=NOTHING_MORE,
            hint=change,
        )


def approved(data: JobData, one: Appealed, by: str, now: float) -> JobData:
    """Return a job whose refusal is overruled: for this content, and for the plugin as it was."""
    data = _decided(data, one, state="approved", decided_by=by, decided_at=now)
    if one.destination:
        return data.with_post(one.destination, state="open", hold=None, reason="", refused="")
    return data.replace(refused="")


def rejected(data: JobData, one: Appealed, by: str, reason: str, now: float) -> JobData:
    """Return a job whose refusal stands for good."""
    data = _decided(data, one, state="rejected", decided_by=by, decided_at=now, reason=reason)
    if one.destination:
        return data.with_post(one.destination, state="rejected", hold=None, reason=why_rejected(data, one))
    return data


def appeal_files(data: JobData, one: Appealed) -> tuple[Asset, ...]:
    """Return the files that a person is shown of what was refused."""
    match one.refusal.stage:
        case Stage.CLIP if data.clip is not None:
            return (data.clip.video, *data.clip.assets)
        case Stage.POST if data.prompt is not None and data.clip is not None:
            return files_of(post_for(data, one.destination))
    return ()


def why_rejected(data: JobData, one: Appealed) -> str:
    """Return why a job or a post has ended whose appeal was rejected."""
    refusal = refusal_named(data.refusals, one.refusal.id)
    assert refusal is not None
    return turned_down(refusal)


def _decided(data: JobData, one: Appealed, **changes: Any) -> JobData:
    return data.replace(refusals=with_appeal(data.refusals, one.refusal.id, **changes))


def given_up(data: JobData, by: str) -> JobData:
    """Return a job that a person has ended, with every appeal that waits rejected."""
    for one in data.refusals:
        if one.is_appealed:
            refusals = with_appeal(data.refusals, one.id, state="rejected", decided_by=by)
            data = data.replace(refusals=refusals)
    return data
