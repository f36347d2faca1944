"""Decisions of a person about a job: an unknown outcome, held content, new renders, and the end of the job."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from reelwork.errors import MovedOn, WorkflowInvalid, shortened
from reelwork.ids import is_clean
from reelwork.ledger import DID_NOT_HAPPEN, LATE_ANSWER
from reelwork.money import dollars, to_dollars
from reelwork.planning.job_state import JobData
from reelwork.store.commands import SetJob, Tell
from reelwork.store.protocol import Store
from reelwork.store.records import (
    ACTIVE,
    CANCELLED,
    DONE,
    FAILED,
    GIVEN_UP,
    HELD,
    PAID_AGAIN,
    REJECTED,
    EffectRow,
    JobRow,
    doubt_among,
)
from reelwork.store.rules import OPEN
from reelwork.store.statuses import CLOSED
from reelwork.studio.advice import BY_PERSON
from reelwork.studio.appeals import given_up, person
from reelwork.text import LONGEST_WORD, cut
from reelwork_hooks.effects import EffectState
from reelwork_hooks.models import Receipt
from reelwork_hooks.provider import Submitted

Choice = Literal["happened", "not-happened", "approve", "reject"]


def unresolved(store: Store, row: JobRow) -> list[EffectRow]:
    """Return the job's effects of unknown outcome."""
    return [effect for effect in store.effects_of(row.id) if effect.state == EffectState.UNKNOWN]


async def resolve(
    store: Store,
    row: JobRow,
    choice: Choice,
    *,
    destination: str | None = None,
    remote_id: str | None = None,
    attempt: int | None = None,
    by: str = "",
) -> None:
    """Store a person's decision about what they were shown: the job as in `row`, and the sending `attempt`.

    The job continues from there when it is driven. Raises `WorkflowInvalid` if it has moved on since, or if there
    is nothing of that kind to decide; `NotReviewer` when `by` approves and may not.
    """
    by = person(by)
    who = {"by": by} if by else {}
    if choice in ("happened", "not-happened"):
        await _outcome(store, row, choice == "happened", destination, remote_id, attempt, who)
    elif choice == "approve":
        await _approve(store, row, by, who)
    else:
        await _reject(store, row, who)


async def _outcome(
    store: Store,
    row: JobRow,
    happened: bool,
    destination: str | None,
    remote_id: str | None,
    attempt: int | None,
    who: Mapping[str, str],
) -> None:
    effect = _one(unresolved(store, row), row, destination)
    _check_attempt(row, effect, attempt)
    # In the commit of the decision: else an identical effect in doubt could claim this id in between.
    made = {effect.key: remote_id} if happened and remote_id else {}
    if not happened:
        await _check_sender(store, row, effect)
        # With the attempt it is about. A later sending is not covered by this decision.
        evidence: dict[str, Any] = {DID_NOT_HAPPEN: effect.attempt}
        line = Tell("decided", {"act": effect.subject, "decision": "it did not happen", **who})
    elif remote_id:
        _check_clean(row, remote_id)
        # A mistyped id may be another job's video, which would then be posted twice.
        if await store.is_claimed(effect, remote_id):
            raise WorkflowInvalid(
                f"{remote_id} was made by another effect already.",
                money="Nothing was changed.",
                hint=f"Check which one is this job's: reelwork jobs show {row.id}",
            )
        evidence = {LATE_ANSWER: _answer(effect, remote_id)}
        line = Tell("decided", {"act": effect.subject, "decision": "it happened", "remote_id": remote_id, **who})
    else:
        what = "video" if effect.kind == "submit" else "post"
        raise WorkflowInvalid(
            f"To say that the effect at {effect.subject} happened, name the {what} it made.",
            hint=f"reelwork jobs resolve {row.id} --happened ID",
        )
    # A job that has ended for good stays so. Only the outcome of its effect and the money are settled.
    change = SetJob(row.status, row.step, None, row.reason) if row.status in CLOSED else _awake(row)
    await _write(store, row, change, line, evidence={effect.key: evidence}, made=made)


async def _write(store: Store, row: JobRow, change: SetJob, line: Tell, **about: Any) -> None:
    # By the fence that was shown. Another person may have decided meanwhile, or a process sent it again.
    if not await store.decide(row.id, change, line, fence=row.fence, **about):
        raise moved_on(row.id)


def moved_on(job_id: str) -> MovedOn:
    """Return the error for a decision about a job that has moved on."""
    return MovedOn(
        f"The job {job_id} has changed since it was shown.",
        money="Nothing was changed, and nothing was sent.",
        hint=f"Show it again, then decide: reelwork jobs show {job_id}",
    )


def _check_attempt(row: JobRow, effect: EffectRow, attempt: int | None) -> None:
    """Raises `WorkflowInvalid` when the decision is about an earlier sending than the one in doubt."""
    # After several sendings the person must name one: what they checked may have been an earlier one.
    if attempt == effect.attempt or (attempt is None and effect.attempt <= 1):
        return
    sent = f"The effect at {effect.subject} was sent {effect.attempt} times; the last time is in doubt"
    told = f"{sent}." if attempt is None else f"{sent}, not attempt {attempt}."
    raise WorkflowInvalid(
        told,
        money="Nothing was changed, and nothing was sent.",
        hint=f"See it (reelwork jobs resolve {row.id}), then decide with --attempt {effect.attempt}",
    )


def _check_clean(row: JobRow, remote_id: str) -> None:
    """Raises `WorkflowInvalid` for an id that no answer could have had: it would be kept as if it had been seen."""
    if not is_clean(remote_id):
        raise WorkflowInvalid(
            f"{cut(shortened(remote_id), LONGEST_WORD)!r} is not an id: it is too long, has spaces around it, or "
            "has characters that cannot be shown.",
            money="Nothing was changed, and nothing was sent.",
            hint=f"Copy it from there without them: reelwork jobs resolve {row.id} --happened ID",
        )


async def _check_sender(store: Store, row: JobRow, effect: EffectRow) -> None:
    """Raises `WorkflowInvalid` as long as it may still happen: what is not there yet proves nothing."""
    # That it is not there yet proves nothing while its sender lives. It may be paused right before its call.
    if effect.sender is not None and not await store.worker_is_dead(effect.sender):
        raise WorkflowInvalid(
            f"Process {effect.sender.partition('-')[0]}, which was about to send it, is still there and may do so.",
            money="Nothing was changed, and it is not sent again.",
            hint=f"End that process, check there once more, then: reelwork jobs resolve {row.id} --did-not-happen",
        )


def _one(effects: list[EffectRow], row: JobRow, destination: str | None) -> EffectRow:
    chosen = [effect for effect in effects if destination is None or effect.subject == destination]
    if len(chosen) == 1:
        return chosen[0]
    if not chosen:
        where = f" at {destination}" if destination else ""
        raise WorkflowInvalid(
            f"Nothing is in doubt{where} for the job {row.id}: there is nothing to decide.",
            money="Nothing was changed.",
            hint=f"See: reelwork jobs show {row.id}",
        )
    subjects = ", ".join(effect.subject for effect in chosen)
    raise WorkflowInvalid(
        f"The job {row.id} has several effects of unknown outcome: {subjects}.", hint="Name one with --destination."
    )


def _answer(effect: EffectRow, remote_id: str) -> str:
    if effect.kind == "submit":
        return Submitted(remote_id=remote_id).model_dump_json()
    return Receipt(id=remote_id).model_dump_json()


async def _approve(store: Store, row: JobRow, by: str, who: Mapping[str, str]) -> None:
    contents = _held_contents(store, row)
    if row.status != HELD or not contents:
        raise WorkflowInvalid(
            f"The job {row.id} is not held for what it says or shows: there is nothing to approve.",
            hint=f"reelwork jobs show {row.id}",
        )
    data = JobData.model_validate_json(row.data)
    data = data.replace(approved=tuple(dict.fromkeys((*data.approved, *contents))))
    line = Tell("decided", {"decision": "approved", **who})
    # Held by moderation, for its price or its time: what goes on may be posted, so it takes a reviewer too.
    await _write(store, row, _awake(row, data.model_dump_json()), line, approver=by)


def _held_contents(store: Store, row: JobRow) -> list[str]:
    """Return the hashes of the content that the latest verdicts held: an approval covers exactly that."""
    found = []
    # Only since it was last resumed: earlier verdicts may be about other content.
    for event in reversed(store.events(row.id)):
        details = json.loads(event.details)
        if event.name == "verdict" and details.get("decision") == "hold":
            found.append(str(details["content"]))
        elif event.name == "resumed":
            break
    return found


async def _reject(store: Store, row: JobRow, who: Mapping[str, str]) -> None:
    if row.status != HELD:
        raise WorkflowInvalid(f"The job {row.id} is {row.status}, not held.", hint=f"reelwork jobs show {row.id}")
    # A no to the job is a no to every appeal of it.
    before = JobData.model_validate_json(row.data)
    data = given_up(before, who.get("by", ""))
    change = SetJob(REJECTED, row.step, None, BY_PERSON, data=None if data is before else data.model_dump_json())
    await _write(store, row, change, Tell("decided", {"decision": "rejected", **who}))


def check_unmoved(rows: Iterable[JobRow], shown: Mapping[str, int]) -> None:
    """Raises `WorkflowInvalid` when a job is no longer as it was shown."""
    for row in rows:
        if shown.get(row.id, row.fence) != row.fence:
            raise moved_on(row.id)


async def make_anew(store: Store, rows: Sequence[JobRow]) -> dict[str, int]:
    """Let jobs get new renders, even if their render may be paid for; return the fence of each job then."""
    # With its fence a job is woken only once: two `retry` at the same time make one new render.
    fences = {row.id: row.fence for row in rows}
    for row in rows:
        if row.status in (FAILED, HELD) and row.step in GIVEN_UP:
            anew = SetJob(row.status, PAID_AGAIN, None, row.reason)
            fences[row.id] += await store.decide(row.id, anew, fence=row.fence)
    return fences


async def cancel(store: Store, row: JobRow) -> None:
    """End a job for good. What was sent stays sent, and its money stays counted. Raises `WorkflowInvalid`."""
    if row.status in (DONE, CANCELLED):
        raise WorkflowInvalid(
            f"The job {row.id} is {row.status} already: nothing was changed.", **_still_in_doubt(store, row)
        )
    # Without a fence: however the job has moved on meanwhile, the person wants it to end.
    await store.decide(row.id, SetJob(CANCELLED, row.step, None, "cancelled by a person"), Tell("cancelled"))


def _still_in_doubt(store: Store, row: JobRow) -> dict[str, str]:
    """Return the money note and the hint for a cancelled job whose request or post may have been carried out."""
    effects = store.effects_of(row.id)
    doubt = doubt_among(effects) if row.status == CANCELLED else ""
    if not doubt:
        return {}
    micros = sum(effect.reserved or 0 for effect in effects if effect.state in OPEN)
    counted = f"{dollars(to_dollars(micros))} stays counted as in doubt" if micros else "It stays in doubt"
    resolve = f"reelwork jobs resolve {row.id}"
    hint = f"{resolve} --happened ID-THERE, or: {resolve} --did-not-happen"
    if doubt == "sent":
        hint = f"reelwork reconcile {row.id}  (looks up the outcome)"
    return {"money": f"{counted}: what was sent may have happened.", "hint": hint}


def _awake(row: JobRow, data: str | None = None) -> SetJob:
    # Due since its last change, so it is claimed at once.
    return SetJob(ACTIVE, row.step, row.updated_at, data=data)
