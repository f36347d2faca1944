"""The dialects of the Videos protocol: one row of data for each family of servers, and no code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import JsonValue

from reelwork_hooks import Idempotency


@dataclass(frozen=True, slots=True)
class Dialect:
    """One family's dialect of the protocol. The defaults are the protocol as it was published."""

    name: str
    multipart: bool = True
    """The form of a create without a file. A file always goes as multipart, unless the settings forbid it."""
    idempotency: Idempotency = Idempotency.LOOKUP
    """`LOOKUP` where the list gives every video's prompt back, so that a request can be recognised."""
    lists_status: bool = True
    """The list gives every video's status, so that one read reports on many."""
    json_only: bool = False
    """Multipart is refused, so that even a file must go within JSON."""
    catalogue: bool = False
    """`/videos/models` lists each model's abilities and price."""
    links: bool = True
    """A job's own links are used. Otherwise the video is read from `/content` only."""
    parameters: frozenset[str] = frozenset()
    """Those of `fps`, `seed` and `negative_prompt` that a create takes, under these names."""
    duration: Literal["seconds", "duration"] = "seconds"
    """The field of the length."""
    length_as_text: bool = True
    """The length is sent as text, such as `"8"`, rather than as a number."""
    frame: Literal["size", "resolution"] = "size"
    """`size`, or `resolution` for a frame that is sent as `resolution` and `aspect_ratio`."""
    needs_model: bool = False
    """A create without a model is refused."""
    webhook: Literal["callback_url", ""] = ""
    """The field of an address to call when the video is ready. Empty: there is none."""
    url_reference: Literal["input_reference", "image_reference", "reference_url", "frame_images", ""] = ""
    """The field that takes a reference on the web; empty: only files are taken. `wire` knows each one's form."""
    whole_seconds: bool = False
    """A length that is no whole number of seconds is refused."""
    delete_aborts: bool = False
    """DELETE stops a video that is being made. Otherwise it only removes a finished one."""
    stops_repeats: bool = False
    """The server sends a create again by itself, until a parameter forbids it, which counts in JSON only."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent with every request."""
    create_fields: Mapping[str, JsonValue] = field(default_factory=dict)
    """Parameters sent with every create."""

    @property
    def own_fields(self) -> frozenset[str]:
        """Fields of a create that come from the brief."""
        shape = {"resolution", "aspect_ratio"} if self.frame == "resolution" else set[str]()
        named = {self.duration, self.webhook, self.url_reference} - {""}
        return frozenset({"prompt", "model", "seconds", "size", "input_reference", *shape, *named})

    @property
    def wire_names(self) -> Mapping[str, str]:
        """The name in a create of each parameter that is written differently there."""
        kept = self.frame == "resolution"
        names = {
            "duration": self.duration,
            "resolution": "resolution" if kept else "size",
            "aspect_ratio": "aspect_ratio" if kept else "size",
            "references": "frame_images" if self.url_reference == "frame_images" else "input_reference",
        }
        return {**names, "webhook": self.webhook} if self.webhook else names


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
            stops_repeats=True,
            headers={"x-litellm-num-retries": "0"},
            create_fields={"disable_fallbacks": True},
        ),
        # SGLang Diffusion 0.5.23 (`entrypoints/openai/video_api.py`, `protocol.py`): JSON or multipart, `seconds`
        # is a number, `input_reference` within JSON would be a path on the server, so a reference on the web goes
        # as `reference_url`. Its video object has no prompt, and its store is in memory. DELETE forgets a video and
        # lets the render go on. `n` is never sent: each take is a render of its own, paid for and kept by itself.
        Dialect(
            "sglang",
            multipart=False,
            idempotency=Idempotency.NONE,
            parameters=frozenset({"fps", "seed", "negative_prompt"}),
            length_as_text=False,
            url_reference="reference_url",
            whole_seconds=True,
        ),
        # OpenRouter (openrouter 1.3.84 and openrouter.ai/docs/api_reference/videos): JSON only, a model always, no
        # list, so a lost answer cannot be looked up. `size` is interchangeable with `resolution` and
        # `aspect_ratio`, but exact pixels differ from model to model. A job's `urls` are signed: whoever holds one
        # can download, and what a render keeps is stored, so the video is read from `/content`, which asks for the
        # key.
        Dialect(
            "openrouter",
            multipart=False,
            json_only=True,
            idempotency=Idempotency.NONE,
            lists_status=False,
            catalogue=True,
            links=False,
            parameters=frozenset({"seed"}),
            duration="duration",
            length_as_text=False,
            frame="resolution",
            needs_model=True,
            webhook="callback_url",
            url_reference="frame_images",
            whole_seconds=True,
        ),
    )
}
