"""The statuses and steps of jobs, by the names that the store holds."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Status(StrEnum):
    """The status of a job."""

    ACTIVE = "active"
    DONE = "done"
    FAILED = "failed"
    HELD = "held"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


GOES_ON = (Status.ACTIVE, Status.FAILED, Status.HELD)
"""`resume` continues such a job, except at some steps."""
TRIED_AGAIN = (*GOES_ON, Status.REJECTED)
"""`retry` continues such a job."""
FINAL = tuple(status for status in Status if status not in GOES_ON)
"""Such a job needs neither its files nor its render any more."""
ENDED = tuple(status for status in Status if status not in (Status.ACTIVE, Status.HELD))
"""Nobody works at such a job, and it waits for nobody."""
CLOSED = (Status.REJECTED, Status.CANCELLED)
"""Such a job sends nothing more by itself, even when the outcome of an earlier effect is settled."""
FAILURES = (Status.FAILED, Status.CANCELLED)
"""Such a job did not bring what was asked for."""


def exit_code(statuses: Iterable[str]) -> int:
    """Return 0 when all are done, 1 when some failed, 3 when something is held, was rejected or is still open."""
    # A failure comes before a hold: a script must not take it for something that only waits for a person.
    found = set(statuses)
    if found.intersection(FAILURES):
        return 1
    return 3 if found - {Status.DONE} else 0


class Step(StrEnum):
    """The next step of a job."""

    MODERATE_BRIEF = "moderate-brief"
    TRANSFORM = "transform"
    MODERATE_PROMPT = "moderate-prompt"
    PREPARE = "prepare"
    SUBMIT = "submit"
    SUBMIT_AGAIN = "submit-again"
    """The render failed or was refused: to resume it pays for a new one."""
    RENDER = "render"
    RENDER_AGAIN = "render-again"
    """The provider no longer knows the render. Resuming polls once more; retrying pays."""
    DOWNLOAD = "download"
    DOWNLOAD_AGAIN = "download-again"
    """The video was made and cannot be had. Resuming asks once more; retrying pays."""
    FINISH = "finish"
    MODERATE_CLIP = "moderate-clip"
    PUBLISH = "publish"
    PUBLISH_AGAIN = "publish-again"
    DONE = "done"
    REMOVED = "removed"
    """The job was removed from the store. Its key is kept, so that it is never made again."""


CORRECTABLE = (Status.REJECTED, Status.FAILED, Status.HELD)
"""The statuses of a job that can be given other contents, as long as nothing of it was sent."""
FIRST = Step.MODERATE_BRIEF
"""The step with which a job begins."""
MODERATED = (Step.MODERATE_BRIEF, Step.MODERATE_PROMPT, Step.MODERATE_CLIP)
"""Steps at which moderation can end the whole job."""
BEFORE_SUBMIT = (Step.MODERATE_BRIEF, Step.TRANSFORM, Step.MODERATE_PROMPT, Step.PREPARE, Step.SUBMIT)
"""Steps of a job that has asked no provider for anything."""
