"""Jobs in plain words: what step they are at, what they are called, and what to do about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reelwork.ids import short_id
from reelwork.store.statuses import Status, Step
from reelwork.studio.next_words import Named

STEPS: dict[str, str] = {
    Step.MODERATE_BRIEF: "checking the brief",
    Step.TRANSFORM: "writing the prompt",
    Step.MODERATE_PROMPT: "checking the prompt",
    Step.PREPARE: "preparing the request",
    Step.SUBMIT: "asking the provider",
    Step.SUBMIT_AGAIN: "needs a new render",
    Step.RENDER: "rendering",
    Step.RENDER_AGAIN: "looking up the render",
    Step.DOWNLOAD: "downloading",
    Step.DOWNLOAD_AGAIN: "asking for the video",
    Step.FINISH: "finishing the video",
    Step.MODERATE_CLIP: "checking the video",
    Step.PUBLISH: "publishing",
    Step.PUBLISH_AGAIN: "publishing",
    Step.DONE: "done",
    Step.REMOVED: "removed",
}
RENDERING = {"queued": "in the provider's queue", "completed": "rendered", "failed": "failed", "lost": "lost"}


def step_words(step: str, status: str = Status.ACTIVE) -> str:
    """The step a job is at; nothing for one that is done."""
    return "" if status == Status.DONE else STEPS.get(step, step)


def render_words(state: str, *, overdue: bool, problem: str = "") -> str:
    """Return how a render stands, or in its place why it could not be asked about."""
    return (problem or RENDERING.get(state, "rendering")) + (", overdue" if overdue else "")


def label(
    job_id: str, *, row: str | None = None, platform: str | None = None, take: int = 1, takes: int = 1
) -> str:
    """Return a job's name among the others of its run."""
    parts = [_row_name(row) if row else "", platform or "", f"take {take}/{takes}" if takes > 1 else ""]
    return ", ".join(part for part in parts if part) or short_id(job_id)


def _row_name(row: str) -> str:
    return row if row.lower().startswith("row") else f"row {row}"


def label_of(job: Named) -> str:
    """Return a job's name among the others of its run."""
    return label(job.id, row=job.row, platform=job.platform, take=job.take, takes=job.takes)


def manifest_words(manifest: Mapping[str, Any]) -> str:
    """Return a line about the C2PA manifest of a provider's file."""
    if manifest["state"] == "unchecked":
        return f"there, but not checked: {manifest['problem']}"
    by = f"signed by {manifest['signer']}" if manifest["signer"] else "not readable"
    state = "valid" if manifest["state"] == "valid" else f"not valid: {manifest['problem']}"
    return f"{by}; {state}{'; it says that AI took part' if manifest['source'] else ''}"


def ai_words(ai: str, label: str) -> str:
    """Return what a post says about AI, and where: `yes, by the network's own label`."""
    where = {
        "field": "by the network's own label, or in the words where it has none",
        "refuse": "by the network's own label",
        "caption": "in the words",
    }
    return ", ".join(filter(None, (ai, where.get(label, ""))))


def left_out(details: object) -> list[str]:
    """Return the sentences in a receipt's details about what the network did not take with the video."""
    told = details.get("left_out") if isinstance(details, Mapping) else None
    return [one for one in told if isinstance(one, str)] if isinstance(told, list | tuple) else []


def target_words(target: Mapping[str, Any] | None) -> str:
    """Return what a target asks of a video, such as `9:16, at most 30 s`."""
    asked = target or {}
    parts = (
        asked.get("aspect_ratio"),
        f"at most {asked['longest']:g} s" if asked.get("longest") else None,
        f"at most {asked['most_bytes']:,} bytes" if asked.get("most_bytes") else None,
        " or ".join(asked.get("codecs") or ()),
    )
    return ", ".join(part for part in parts if part) or "the video as rendered"
