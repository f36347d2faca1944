"""How each family of servers speaks the Videos protocol, as tables.

Sources: `sora` is OpenAI's specification (openai-openapi, 2026-08-21) and the openai 3.54.0 package; `vllm-omni` is
vLLM-Omni 0.30.0 (`entrypoints/openai/api_server.py` and `protocol/videos.py`); `litellm` is the proxy of LiteLLM
1.109.1 (`proxy/video_endpoints`, `types/videos`). Where a detail is not documented the comment says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Dialect:
    """One family of servers. The defaults are the protocol as OpenAI published it."""

    name: str
    bodies: frozenset[str] = frozenset({"multipart", "json"})
    """What a create may come as."""
    id_prefix: str = "video_"
    errors: Literal["openai", "fastapi", "litellm"] = "openai"
    """The shape of an error's body."""
    variants: bool = True
    """Whether `?variant=` is looked at."""
    shows_prompt: bool = True
    page: int | None = 20
    """How many videos a list shows when not told; None: all."""
    failed_answer: bool = False
    """Whether looking at a failed job is itself answered with the job's error code as HTTP status."""
    failed_content: int = 404
    """The status that answers a download of a failed job."""
    delete_aborts: bool = False
    """Whether DELETE stops a job that is not done. Elsewhere it is refused."""
    derives: frozenset[str] = frozenset({"remix", "edits"})
    """Ways to make a video from another."""
    durable: bool = True
    """Whether jobs outlive a restart of the server."""
    webhooks: bool = False
    poll_hint: bool = False
    """Whether `openai-poll-after-ms` is sent."""
    request_id: str = ""
    """The header that names each request."""
    expires_after: int | None = None
    """Seconds a finished video stays."""
    seconds: str = "4"
    size: str = "720x1280"
    fps: int = 24


DIALECTS: Mapping[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        # Statuses of refusals to download or delete are not in the specification; 404 and 400 are assumed.
        # The hour is `expires_at - completed_at` in answers published in November 2025.
        Dialect("sora", webhooks=True, poll_hint=True, request_id="x-request-id", expires_after=3600, fps=30),
        # Its list has no default length, its store is in memory, DELETE cancels the task that renders.
        Dialect(
            "vllm-omni",
            bodies=frozenset({"multipart", "form"}),
            id_prefix="video_gen_",
            errors="fastapi",
            variants=False,
            page=None,
            failed_answer=True,
            failed_content=422,
            delete_aborts=True,
            derives=frozenset(),
            durable=False,
            size="832x480",
        ),
        # Its video object has no prompt. Jobs live at the backends, so a restart of the proxy loses none.
        Dialect(
            "litellm",
            errors="litellm",
            variants=False,
            shows_prompt=False,
            request_id="x-litellm-call-id",
            size="1280x720",
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Backend:
    """How LiteLLM passes on one provider's words."""

    running: str = "in_progress"
    failed: str = "failed"
    cancelled: str = "failed"
    deletes: bool = False


# LiteLLM 1.109.1 `llms/*/videos`: Gemini's and Vertex's operations run as "processing", and a failed or filtered
# one is called completed because only `done` is read. MiniMax, DashScope and Volcengine keep "cancelled".
BACKENDS: Mapping[str, Backend] = {
    "openai": Backend(deletes=True),
    "azure": Backend(deletes=True),
    "hosted_vllm": Backend(),
    "gemini": Backend(running="processing", failed="completed", cancelled="completed"),
    "vertex_ai": Backend(running="processing", failed="completed", cancelled="completed"),
    "runwayml": Backend(),
    "fal_ai": Backend(),
    "minimax": Backend(cancelled="cancelled"),
    "dashscope": Backend(cancelled="cancelled"),
    "volcengine": Backend(cancelled="cancelled"),
}


def split_model(model: str) -> tuple[str, str]:
    """A gateway's model as backend and name. One without a known backend is OpenAI's."""
    backend, _, name = model.partition("/")
    return (backend, name) if name and backend in BACKENDS else ("openai", model)
