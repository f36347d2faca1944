"""Tables of the dialects of the Videos protocol, one row for each family of servers.

Sources: `sora` is OpenAI's specification (openai-openapi, 2026-08-21) and the openai 3.54.0 package; `vllm-omni` is
vLLM-Omni 0.30.0 (`entrypoints/openai/api_server.py` and `protocol/videos.py`); `litellm` is the proxy of LiteLLM
1.109.1 (`proxy/video_endpoints`, `types/videos`); `sglang` is SGLang Diffusion 0.5.23
(`multimodal_gen/runtime/entrypoints/openai`); `openrouter` is the openrouter 1.3.84 package and
openrouter.ai/docs/api_reference/videos. Where a detail is not documented the comment says so.
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
    """The forms that a create may have."""
    id_prefix: str = "video_"
    errors: Literal[
        "openai",
        "fastapi",
        "litellm",
        "openrouter",
        "fal",
        "kling",
        "mastodon",
        "telegram",
        "youtube",
        "graph",
        "discord",
        "problem",
        "x",
        "tiktok",
        "linkedin",
    ] = "openai"
    """The shape of an error's body."""
    keys: bool = True
    """A key is asked for, if the simulator has one."""
    scheme: str = "Bearer"
    """The word before the key in `Authorization`."""
    public_content: bool = False
    """Finished videos are read without the key."""
    no_funds: tuple[int, str, str] = (
        429, "insufficient_quota", "You exceeded your current quota, please check your plan and billing details.",
    )  # fmt: skip
    """Status, code and words for an account without money."""
    id_key: str = "id"
    """The key of a video's id in the answer to a create."""
    items_key: str = "data"
    """The key of the entries in a list."""
    variants: bool = True
    """`?variant=` names the video, the thumbnail or the spritesheet."""
    output: str = ""
    """The query parameter that numbers a job's outputs. Here every job has one, number 0."""
    shows_prompt: bool = True
    lists: bool = True
    """There is a list."""
    page: int | None = 20
    """Videos of a page without `limit`; None: all."""
    shortest_page: int = 0
    failed_answer: bool = False
    """A poll of a failed job is itself answered with the job's error code as HTTP status."""
    failed_content: int = 404
    """The status that answers a download of a failed job."""
    deletes: Literal["finished", "aborts", "forgets", ""] = "finished"
    """DELETE takes `finished` jobs; any job, which it `aborts` or only `forgets`; or, when empty, none."""
    derives: frozenset[str] = frozenset({"remix", "edits"})
    """Ways to make a video from another."""
    durable: bool = True
    """Jobs outlive a restart of the server."""
    webhooks: Literal["", "standard", "openrouter"] = ""
    """The way in which its events are signed; empty: it sends none."""
    poll_hint: bool = False
    """`openai-poll-after-ms` is sent."""
    request_id: str = ""
    """The header that names each request."""
    expires_after: int | None = None
    """Seconds for which a finished video can be downloaded."""
    seconds: str = "4"
    size: str = "720x1280"
    fps: int = 24
    accepted: int = 200
    """The status that answers a create."""
    catalogue: bool = False
    """`/videos/models` lists the models."""
    largest_body: int = 64 << 20
    """Bytes of a request that are read."""


DIALECTS: Mapping[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        # Statuses of refusals to download or delete are not in the specification; 404 and 400 are assumed.
        # The hour is `expires_at - completed_at` in answers published in November 2025.
        Dialect("sora", webhooks="standard", poll_hint=True, request_id="x-request-id", expires_after=3600, fps=30),
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
            deletes="aborts",
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
        # No keys at all. The size when none is given is the model's own; Wan's is assumed.
        Dialect(
            "sglang",
            id_prefix="",
            errors="fastapi",
            keys=False,
            variants=False,
            output="variant",
            shows_prompt=False,
            shortest_page=1,
            deletes="forgets",
            derives=frozenset(),
            durable=False,
            size="832x480",
        ),
        # Statuses of refusals to download are not documented; 404 is assumed. So is an hour for the signed links.
        Dialect(
            "openrouter",
            bodies=frozenset({"json"}),
            id_prefix="gen-vid-",
            errors="openrouter",
            variants=False,
            output="index",
            shows_prompt=False,
            lists=False,
            deletes="",
            derives=frozenset(),
            seconds="8",
            size="1280x720",
            accepted=202,
            catalogue=True,
            webhooks="openrouter",
        ),
    )
}


# Each is served by `--protocol NAME` only, never below `/NAME/v1`.
OTHERS: Mapping[str, Dialect] = {
    # fal.ai/docs (queue, errors, platform-apis) as of November 2026, and the fal-client 1.0.3 package. The id of a
    # request and the hour for which its result is kept are theirs; the statuses of a cancel are assumed.
    "fal": Dialect(
        "fal",
        bodies=frozenset({"json"}),
        id_prefix="",
        errors="fal",
        scheme="Key",
        public_content=True,
        no_funds=(
            403, "", "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing.",
        ),
        id_key="request_id",
        items_key="items",
        request_id="x-fal-request-id",
        expires_after=3600,
        seconds="5",
        size="1280x720",
    ),
    # Kling's pages as copied in inference-sh/grid, `api/klingai/docs`. A signed token takes the place of a key.
    "kling": Dialect(
        "kling",
        bodies=frozenset({"json"}),
        id_prefix="",
        errors="kling",
        keys=False,
        no_funds=(429, "1101", "Account in arrears"),
        variants=False,
        shows_prompt=False,
        deletes="",
        derives=frozenset(),
        seconds="5",
        size="1280x720",
    ),
}  # fmt: skip
"""The same facts about services that speak another protocol, by the protocol's name."""


def row_of(name: str) -> Dialect:
    """Return the row of a dialect, or of another protocol."""
    return DIALECTS[name] if name in DIALECTS else OTHERS[name]


@dataclass(frozen=True, slots=True)
class Backend:
    """One provider's words, as LiteLLM passes them on."""

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
    """Return a gateway's model as backend and name. One without a known backend is OpenAI's."""
    backend, _, name = model.partition("/")
    return (backend, name) if name and backend in BACKENDS else ("openai", model)
