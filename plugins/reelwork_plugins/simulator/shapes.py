"""The form of a job on the wire, in each dialect."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlsplit

from reelwork_plugins.simulator.asks_openrouter import ASPECT_RATIOS, SHORT_SIDES
from reelwork_plugins.simulator.dialects import BACKENDS, Backend, Dialect, split_model
from reelwork_plugins.simulator.jobs import Job
from reelwork_plugins.simulator.models import HOSTED_MODELS, HOSTED_PRICES, find_model

_MESSAGES = {
    "moderation_blocked": "Your request was blocked by our moderation system.",
    "internal_error": "The video could not be generated. Please try again.",
    "cancelled": "The task was cancelled.",
}


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses that a job's JSON may hold."""

    here: str
    """The address of the dialect, without `/v1`."""
    stored: str = ""
    """A signed link to a stored copy of the clip."""
    expires: int = 0
    """The time at which that link ends, in seconds since the epoch."""


def video_json(job: Job, dialect: Dialect, now: float, links: Links, *, fresh: bool = False) -> dict[str, Any]:
    """Return one video. `fresh`: as the answer to its create, which always says queued."""
    if dialect.name == "sglang":
        return _sglang(job, dialect, now, links, fresh)
    if dialect.name == "openrouter":
        return _openrouter(job, now, links, fresh)
    return _SHAPES[dialect.name](job, dialect, now, fresh)


def list_json(data: Sequence[Mapping[str, Any]], more: bool) -> dict[str, Any]:
    """Return a page of videos."""
    first, last = (data[0]["id"], data[-1]["id"]) if data else (None, None)
    return {"object": "list", "data": [*data], "first_id": first, "last_id": last, "has_more": more}


def deleted_json(job: Job) -> dict[str, Any]:
    """Return the answer to a deletion."""
    return {"id": job.id, "object": "video.deleted", "deleted": True}


def failure_status(job: Job) -> int:
    """Return the HTTP status with which vLLM-Omni answers for a failed job: 400 for a code that is no status."""
    code = job.fate.failure
    if code == "internal_error":
        return 500
    return int(code) if code.isdecimal() and 400 <= int(code) <= 599 else 400


def shown_as_completed(job: Job) -> bool:
    """Return whether a failed job is reported as completed, as LiteLLM does for some backends."""
    return bool(job.fate.failure) and job.dialect == "litellm" and backend_of(job).failed == "completed"


def backend_of(job: Job) -> Backend:
    """Return the provider behind a gateway's job."""
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
    # vLLM-Omni 0.30.0 gives a number as the error's code: the HTTP status of the answer.
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
    # LiteLLM 1.109.1 shows no prompt, so that a request cannot be found in its list.
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


def _sglang(job: Job, dialect: Dialect, now: float, links: Links, fresh: bool) -> dict[str, Any]:
    shape = _common(job, dialect, now, fresh)
    # SGLang 0.5.23 shows no prompt, and an error without a code.
    del shape["prompt"]
    if shape["error"] is not None:
        shape["error"] = {"message": shape["error"]["message"]}
    done = shape["status"] == "completed"
    url = links.stored if done and job.fate.cloud else None
    # SGLang 0.5.23 shows the path on the server, which a client must not take for a link.
    path = None if url or shape["status"] == "failed" else f"/sglang/outputs/{job.id}.mp4"
    return {
        **shape,
        "quality": "standard",
        "url": url,
        "urls": [url] if done else None,
        "file_path": path,
        "file_paths": [path] if done else None,
        "num_outputs": 1 if done else None,
        **dict.fromkeys(("peak_memory_mb", "inference_time_s", "revised_prompt", "action", "lidar")),
    }


_MODELS_CREATED = 1_767_225_600
_OPENROUTER_WORDS = {"queued": "pending"}


def _openrouter(job: Job, now: float, links: Links, fresh: bool) -> dict[str, Any]:
    """Return a job's JSON as OpenRouter gives it. Fields that are not known yet are left out."""
    state = "queued" if fresh else job.state(now)
    ended_as = job.fate.failure if job.fate.failure in ("cancelled", "expired") else state
    own = f"{links.here}/v1/videos/{quote(job.id, safe='')}"
    shape: dict[str, Any] = {
        "id": job.id,
        "polling_url": urlsplit(own).path,
        "status": ended_as if state == "failed" else _OPENROUTER_WORDS.get(state, state),
    }
    if fresh:
        return shape
    shape["generation_id"] = job.id
    if state == "failed":
        shape["error"] = _message(job)
    elif state == "completed":
        shape["unsigned_urls"] = [f"{own}/content?index=0"]
        shape["urls"], shape["expires_at"] = [links.stored], links.expires
        shape["usage"] = {"cost": float(cost_of(job)), "is_byok": False}
    return shape


def cost_of(job: Job) -> Decimal:
    """Return the US dollars that OpenRouter would report; 0 where the catalogue has no price."""
    return Decimal(HOSTED_PRICES.get(job.ask.model, "0")) * Decimal(job.ask.seconds)


def catalogue_json(models: Sequence[str]) -> dict[str, Any]:
    """Return OpenRouter's list of models: those that are served, or all that have a price here."""
    return {"data": [_model_json(name) for name in models or HOSTED_PRICES]}


def _model_json(name: str) -> dict[str, Any]:
    model = find_model(name, HOSTED_MODELS)
    small = {"1280x720", "720x1280"} >= set(model.sizes)
    price = HOSTED_PRICES.get(name)
    return {
        "id": name,
        "canonical_slug": name,
        "name": name,
        "created": _MODELS_CREATED,
        "allowed_passthrough_parameters": [],
        "creativity": None,
        "upscale_factor": None,
        "generate_audio": False,
        "seed": True,
        "supported_aspect_ratios": ["16:9", "9:16"] if model.sizes else list(ASPECT_RATIOS),
        "supported_durations": [int(seconds) for seconds in model.seconds] or None,
        "supported_frame_images": ["first_frame", "last_frame"],
        "supported_resolutions": ["720p"] if model.sizes and small else list(SHORT_SIDES),
        "supported_sizes": list(model.sizes) or None,
        "pricing_skus": {"duration_seconds": price} if price else None,
    }


_SHAPES: Mapping[str, Callable[[Job, Dialect, float, bool], dict[str, Any]]] = {
    "sora": _common,
    "vllm-omni": _vllm,
    "litellm": _litellm,
}
