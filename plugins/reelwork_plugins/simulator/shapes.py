"""What a job looks like on the wire, in each dialect."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reelwork_plugins.simulator.dialects import BACKENDS, Backend, Dialect, split_model
from reelwork_plugins.simulator.jobs import Job

_MESSAGES = {
    "moderation_blocked": "Your request was blocked by our moderation system.",
    "internal_error": "The video could not be generated. Please try again.",
    "cancelled": "The task was cancelled.",
}


def video_json(job: Job, dialect: Dialect, now: float, *, fresh: bool = False) -> dict[str, Any]:
    """One video. `fresh`: as the answer to its create, which always says queued."""
    return _SHAPES[dialect.name](job, dialect, now, fresh)


def list_json(jobs: Sequence[Job], more: bool, dialect: Dialect, now: float) -> dict[str, Any]:
    """A page of videos."""
    data = [video_json(job, dialect, now) for job in jobs]
    first, last = (data[0]["id"], data[-1]["id"]) if data else (None, None)
    return {"object": "list", "data": data, "first_id": first, "last_id": last, "has_more": more}


def deleted_json(job: Job) -> dict[str, Any]:
    """The answer to a deletion."""
    return {"id": job.id, "object": "video.deleted", "deleted": True}


def failure_status(job: Job) -> int:
    """The HTTP status with which vLLM-Omni answers for a failed job: 400 for a code that is no status."""
    code = job.fate.failure
    if code == "internal_error":
        return 500
    return int(code) if code.isdecimal() and 400 <= int(code) <= 599 else 400


def shown_as_completed(job: Job) -> bool:
    """Whether a failed job is called completed, as LiteLLM does for some backends."""
    return bool(job.fate.failure) and job.dialect == "litellm" and backend_of(job).failed == "completed"


def backend_of(job: Job) -> Backend:
    """The provider behind a gateway's job."""
    return BACKENDS[split_model(job.ask.model)[0]]


def _message(job: Job) -> str:
    return _MESSAGES.get(job.fate.failure, f"The video could not be generated ({job.fate.failure}).")


def _common(job: Job, dialect: Dialect, now: float, fresh: bool) -> dict[str, Any]:
    ended = job.ended_at is not None and not fresh
    state = "queued" if fresh else job.state(now)
    done = int(job.ended_at) if ended and job.ended_at is not None and state == "completed" else None
    failed = state == "failed"
    return {
        "id": job.id,
        "object": "video",
        "model": job.ask.model,
        "status": state,
        "progress": 0 if fresh else job.progress(now),
        "created_at": int(job.created_at),
        "completed_at": done,
        "expires_at": done + dialect.expires_after if done is not None and dialect.expires_after else None,
        "prompt": job.ask.prompt,
        "size": job.ask.size,
        "seconds": job.ask.seconds,
        "remixed_from_video_id": job.source_id,
        "error": {"code": job.fate.failure, "message": _message(job)} if failed else None,
    }


def _vllm(job: Job, dialect: Dialect, now: float, fresh: bool) -> dict[str, Any]:
    shape = _common(job, dialect, now, fresh)
    if shape["status"] == "failed":
        shape["error"] = {"code": failure_status(job), "message": _message(job)}
        shape["completed_at"] = int(job.ended_at or now)
    done = shape["status"] == "completed"
    rendered = (job.ended_at or now) - (job.started_at or now)
    return {
        **shape,
        "quality": "default",
        "media_type": "video/mp4",
        "file_name": f"{job.id}.mp4" if done else None,
        "inference_time_s": rendered if job.ended_at is not None and not fresh else None,
        "stage_durations": {},
        "peak_memory_mb": 0.0,
    }


def _litellm(job: Job, dialect: Dialect, now: float, fresh: bool) -> dict[str, Any]:
    shape = _common(job, dialect, now, fresh)
    del shape["prompt"]
    backend = backend_of(job)
    if shape["status"] == "in_progress":
        shape["status"] = backend.running
    elif shape["status"] == "failed":
        shape["status"] = backend.cancelled if job.fate.failure == "cancelled" else backend.failed
        if backend.failed == "completed":
            shape["error"], shape["progress"] = None, 100
    shape["model"] = split_model(job.ask.model)[1]
    shape["usage"] = {"duration_seconds": float(job.ask.seconds)}
    return shape


_SHAPES: Mapping[str, Callable[[Job, Dialect, float, bool], dict[str, Any]]] = {
    "sora": _common,
    "vllm-omni": _vllm,
    "litellm": _litellm,
}
