"""Rows of a batch file that are given back: used by a firing whose job failed, they can be fired once more.

A row is given back only once nothing of its jobs can still pay or post. They are ended for good in the same
transaction: one that was resumed afterwards would be made and posted beside the new one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from reelwork.errors import MovedOn, NotFound, WorkflowInvalid
from reelwork.ids import short_id
from reelwork.money import dollars, to_dollars
from reelwork.schedules.spec import found_in
from reelwork.store.protocol import Store
from reelwork.store.records import JobRow, Sendings
from reelwork.store.schedules import GivenBack, SlotRow, SlotState
from reelwork.store.statuses import Status
from reelwork.studio.job_view import view_of
from reelwork.studio.post_review import may_be_out
from reelwork_hooks.effects import EffectState
from reelwork_hooks.errors import ReelworkError

NOTHING = "Nothing was changed, and nothing was sent."
NAMED = 12
"""Characters by which a row without an id is named."""
ENDED = (Status.FAILED, Status.REJECTED, Status.CANCELLED)
"""A job of another status still goes on, or has made its video."""


@dataclass(frozen=True)
class UsedRow:
    """A row that a firing used, and whether it can be given back."""

    slot: SlotRow
    jobs: tuple[JobRow, ...]
    keeps: str
    """The reason for which it stays used; empty if it can be given back."""
    hint: str = ""

    @property
    def row(self) -> str:
        """The name of the row: its id, or else the beginning of the hash of what it means."""
        return _name(self.slot.row or "")

    @property
    def prompt(self) -> str:
        """The prompt of its job."""
        return view_of(self.jobs[0]).prompt if self.jobs else ""

    def as_json(self) -> dict[str, Any]:
        """Return it as programs get it."""
        return {
            "row": self.row,
            "prompt": self.prompt,
            "run": self.slot.run_id,
            "jobs": [job.id for job in self.jobs],
            "given_back": not self.keeps,
            "reason": self.keeps,
            "hint": self.hint,
        }


def _name(identity: str) -> str:
    named = identity.removeprefix("id:")
    return identity[:NAMED] if named == identity else named


def used_rows(store: Store, name: str, rows: Sequence[str] = ()) -> list[UsedRow]:
    """Return the rows that a schedule has used and whose jobs have failed, oldest first; or those that are named.

    Raises `NotFound` for a schedule or a row that is not there.
    """
    found_in(store.schedules(), name)
    # Of a row that was used in several rounds, the newest use is the one that failed or did not.
    used = {_name(slot.row or ""): slot for slot in reversed(store.slots(name)) if _uses(slot)}
    for row in rows:
        if row not in used:
            raise NotFound("used row", row, used)
    chosen = [used[row] for row in dict.fromkeys(rows)] if rows else list(used.values())
    found = [_judged(store, slot) for slot in chosen]
    return found if rows else [one for one in found if any(job.status in ENDED for job in one.jobs)]


def _uses(slot: SlotRow) -> bool:
    return slot.row is not None and slot.cycle >= 0 and slot.state == SlotState.FIRED


def _judged(store: Store, slot: SlotRow) -> UsedRow:
    jobs = tuple(store.jobs_of_firing(slot.run_id or ""))
    if not jobs:
        # It may have been paid and posted: nobody knows any more.
        return UsedRow(slot, jobs, "its job was removed from the store", "Write the row again, with another id.")
    keeps, hint = next((found for job in jobs for found in _keeping(store, job)), ("", ""))
    return UsedRow(slot, jobs, keeps, hint)


def _keeping(store: Store, job: JobRow) -> Iterator[tuple[str, str]]:
    """Yield what keeps a job's row used, each with what to do about it."""
    name = short_id(job.id)
    if job.status not in ENDED:
        hint = f"See: reelwork jobs show {name}" if job.status == Status.DONE else f"reelwork jobs cancel {name}"
        yield f"its job {name} is {job.status}", hint
    effects = store.effects_of(job.id)
    for effect in effects:
        confirmed = effect.state == EffectState.CONFIRMED
        if effect.kind == "publish" and confirmed:
            yield f"its job {name} has posted to {effect.subject}", f"reelwork jobs retry {name}"
        elif effect.state in (EffectState.SENT, EffectState.UNKNOWN) or may_be_out(effect):
            yield f"what its job {name} sent to {effect.subject} may have happened", f"reelwork reconcile {name}"
    money = store.sendings([job.id]).get(job.id, Sendings())
    if money.counted or money.unpriced:
        price = dollars(to_dollars(money.counted)) if money.counted else "at a price that is not known"
        # A new firing would pay for it once more. Its own job goes on with what was paid for, where that is there.
        yield f"its job {name} was paid for ({price})", f"Continue that one: reelwork jobs retry {name}"


async def requeue(store: Store, name: str, rows: Sequence[UsedRow], writer: Store | None = None) -> None:
    """Give rows back, all or none, and end their jobs for good.

    `writer` is the store that writes it, by default `store`. Raises `WorkflowInvalid` for one that must stay used,
    or `MovedOn` if a job has changed since it was looked at.
    """
    for one in rows:
        if one.keeps:
            raise refusal(one)
    given = [GivenBack(one.slot.key, one.slot.row or "", one.jobs) for one in rows]
    if not await (writer or store).requeue_rows(name, given):
        raise MovedOn(
            "A job of these rows has just changed.",
            money=NOTHING,
            hint="See what it does, and do it again.",
        )


def refusal(one: UsedRow) -> ReelworkError:
    """Return the error for a row that must stay used."""
    return WorkflowInvalid(f"The row {one.row!r} is not given back: {one.keeps}.", money=NOTHING, hint=one.hint)
