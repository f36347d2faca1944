"""The reasons for which a job is held, and what follows from each. Imports no models, so that reading is quick."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from reelwork.store.records import HELD, LOST, PAID_AGAIN, JobRow
from reelwork.store.statuses import Step

_OVER = "over-budget:"


class HoldReason(StrEnum):
    """The reason for which a job is held."""

    MODERATION = "moderation"
    """A moderator wants a person to decide about what the video or post says or shows."""
    MODERATION_SILENT = "moderation-silent"
    """Moderation could not answer, and silence never counts as approval."""
    IN_DOUBT = "in-doubt"
    """The outcome of a request or post is unknown. Another lookup may settle it."""
    NO_LOOK = "in-doubt-no-look"
    """The outcome is unknown, and the other side cannot be asked: only a person can check."""
    SETTLED = "settled"
    """The outcome has been looked up since: resuming continues with what was found."""
    NO_FUNDS = "no-funds"
    """The account has no money or quota left."""
    OVER_JOB = f"{_OVER}per_job"
    """The job has no budget left for the render or post."""
    OVER_RUN = f"{_OVER}per_run"
    """The run has no budget left for the render or post."""
    OVER_DAY = f"{_OVER}per_day"
    """The day (UTC) has no budget left for the render or post."""
    OVER_MONTH = f"{_OVER}per_month"
    """The month (UTC) has no budget left for the render or post."""
    OVER_BRAND_DAY = f"{_OVER}brand_per_day"
    """The day (UTC) has no budget of the brand left for the render or post."""
    OVER_BRAND_MONTH = f"{_OVER}brand_per_month"
    """The month (UTC) has no budget of the brand left for the render or post."""
    POST_PRICE = "post-price"
    """The post costs more than was agreed to, or its price is no longer known."""
    NOT_AS_ASKED = "not-as-asked"
    """The video is not what was asked for."""
    REVIEW = "review"
    """A post waits for a person's review, as the workflow asks."""
    APPEAL = "appeal"
    """Somebody has appealed against a refusal by moderation, and a person decides."""
    LATE = "late"
    """A post was ready too late for its time."""
    RENDER_LOST = "render-lost"
    """The provider no longer knows the render."""
    UNREADABLE = "unreadable-answers"
    """The provider plugin's answers about the render cannot be read."""
    STORE_BEHIND = "store-behind"
    """The store is a backup or a copy, or has lost its latest changes. The render may have been paid for since."""
    SEVERAL = "several"
    """Its destinations are held for different reasons."""

    @classmethod
    def over(cls, budget: str) -> HoldReason:
        """Return the reason of a job that this budget holds, such as `per_day`."""
        return cls(f"{_OVER}{budget}")

    @property
    def budget(self) -> str:
        """The budget that holds it, such as `per_day`; empty when none does."""
        return self.removeprefix(_OVER) if self.startswith(_OVER) else ""

    @property
    def asks(self) -> bool:
        """True if a person can decide about it; else the job can only be resumed."""
        return self in _ASK

    @property
    def resumes(self) -> bool:
        """True if resuming may settle it; else only a person can."""
        return self not in _FOR_A_PERSON_ALONE


_FOR_A_PERSON_ALONE = (
    HoldReason.NO_LOOK,
    HoldReason.NOT_AS_ASKED,
    HoldReason.STORE_BEHIND,
    HoldReason.REVIEW,
    HoldReason.APPEAL,
    HoldReason.LATE,
)
_ASK = (
    HoldReason.MODERATION,
    HoldReason.IN_DOUBT,
    HoldReason.NO_LOOK,
    HoldReason.POST_PRICE,
    HoldReason.NOT_AS_ASKED,
    HoldReason.REVIEW,
    HoldReason.APPEAL,
    HoldReason.LATE,
    HoldReason.SEVERAL,
)


def common(reasons: Iterable[HoldReason]) -> HoldReason:
    """The reason for which a job is held whose destinations are held for these, at least one."""
    first, *others = dict.fromkeys(reasons)
    return HoldReason.SEVERAL if others else first


def hold_of(row: JobRow, data: Mapping[str, Any]) -> HoldReason | None:
    """Return why a job is held; None when it is not. `data` is its JSON, also as earlier versions wrote it."""
    if row.status != HELD:
        return None
    return HoldReason(data["hold"]) if data.get("hold") else _earlier(row.step, data)


def _earlier(step: str, data: Mapping[str, Any]) -> HoldReason:
    """Return the hold reason that earlier versions stored in several fields."""
    by_step = {PAID_AGAIN: HoldReason.STORE_BEHIND, LOST: HoldReason.RENDER_LOST}
    moderated = step in (Step.MODERATE_BRIEF, Step.MODERATE_PROMPT)
    if step in by_step:
        return by_step[Step(step)]
    if data.get("over_budget"):
        return HoldReason.over(data["over_budget"])
    if not data.get("asks", True):
        if moderated:
            return HoldReason.MODERATION_SILENT
        return HoldReason.NO_FUNDS if step == Step.SUBMIT else HoldReason.SETTLED
    if not data.get("looks", True):
        return HoldReason.NOT_AS_ASKED if data.get("differs") and step == Step.PUBLISH else HoldReason.NO_LOOK
    if moderated:
        return HoldReason.MODERATION
    return HoldReason.SEVERAL if step == Step.PUBLISH_AGAIN else HoldReason.IN_DOUBT
