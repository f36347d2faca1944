"""The statuses and steps of jobs, by the names that the store holds."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """The status of a job."""

    ACTIVE = "active"
    DONE = "done"
    FAILED = "failed"
    HELD = "held"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


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
    PUBLISH = "publish"
    PUBLISH_AGAIN = "publish-again"
    DONE = "done"
    REMOVED = "removed"
    """The job was removed from the store. Its key is kept, so that it is never made again."""


CORRECTABLE = (Status.REJECTED, Status.FAILED, Status.HELD)
"""The statuses of a job that can be given other contents, as long as nothing of it was sent."""
FIRST = Step.MODERATE_BRIEF
"""The step with which a job begins."""
BEFORE_SUBMIT = (Step.MODERATE_BRIEF, Step.TRANSFORM, Step.MODERATE_PROMPT, Step.PREPARE, Step.SUBMIT)
"""Steps of a job that has asked no provider for anything."""
