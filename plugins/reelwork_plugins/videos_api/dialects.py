"""The ways servers differ in speaking the Videos protocol: one row of data each, and no code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import JsonValue

from reelwork_hooks import Idempotency


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one family of servers speaks the protocol. The defaults are the protocol as it was published."""

    name: str
    multipart: bool = True
    """The form of a create without a file. A file always goes as multipart, unless the settings forbid it."""
    idempotency: Idempotency = Idempotency.LOOKUP
    """`LOOKUP` where the list gives every video's prompt back, so that a request can be recognised."""
    lists_status: bool = True
    """Whether the list gives every video's status, so that one read tells of many."""
    parameters: frozenset[str] = frozenset()
    """Which of `fps`, `seed` and `negative_prompt` a create takes, under these names."""
    url_reference: Literal["input_reference", "image_reference", ""] = ""
    """The field that takes `{"image_url": …}` for a reference on the web; empty: only files are taken."""
    whole_seconds: bool = False
    """Whether a length that is no whole number of seconds is refused."""
    delete_aborts: bool = False
    """Whether DELETE stops a video that is being made. Elsewhere it only removes a finished one."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent with every request."""
    create_fields: Mapping[str, JsonValue] = field(default_factory=dict)
    """Parameters sent with every create."""


DIALECTS: Mapping[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        # As published by OpenAI (openai-openapi, 2026-08-21): five fields, no seed, no frame rate, no metadata,
        # no cancelling. A reference on the web is an object, which only the JSON form can carry.
        Dialect("sora", url_reference="input_reference"),
        # vLLM-Omni 0.30.0: multipart only (JSON is answered 422), objects as JSON text, `seconds` must match
        # ^[1-9]\d*$, DELETE aborts, the list carries prompt and status.
        Dialect(
            "vllm-omni",
            parameters=frozenset({"fps", "seed", "negative_prompt"}),
            url_reference="image_reference",
            whole_seconds=True,
            delete_aborts=True,
        ),
        # LiteLLM proxy (seen with 1.106.2): its video object has no prompt, and a video's id is another one in the
        # create's answer than in later answers, so nothing in a list can be matched. Beside prompt, seconds and
        # size each backend takes its own parameters, which are passed through: give them as `extra`.
        # Left to itself the proxy sends a create whose answer was lost or 5xx twice more, and then to its fallback
        # models: three payments and more, behind our back. The header and the parameter turn that off, request
        # by request (reads are repeated by our own client). The parameter counts in JSON only: with a picture,
        # which must be uploaded, fallbacks have to be switched off in the proxy.
        Dialect(
            "litellm",
            multipart=False,
            idempotency=Idempotency.NONE,
            lists_status=False,
            headers={"x-litellm-num-retries": "0"},
            create_fields={"disable_fallbacks": True},
        ),
    )
}
