"""The requests to fal: pure functions from frozen values to addresses and bodies."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from pydantic import JsonValue

from reelwork_hooks import InvalidInput, KnownModel, RenderRequest
from reelwork_plugins.providers.fal.config import QUEUE, FalConfig, FalOptions

WEBHOOK = "fal_webhook"
"""The parameter with the address that fal calls when a request has ended."""
_NAMESPACES = ("workflows", "comfy")
"""First words of model names that are followed by owner and app."""


def model_of(request: RenderRequest, config: FalConfig) -> str:
    """Return the name of the model. Raises `InvalidInput` when it is none that fal could have."""
    name = request.model or config.model or ""
    parts = name.split("/")
    if len(parts) < 2 or any(not part or part.strip(".") == "" or quote(part) != part for part in parts):
        raise InvalidInput(
            f"{name!r} is no model of fal.ai" if name else "fal needs the name of a model",
            hint="Set `model` to the name on the model's page, such as fal-ai/veo3.1/lite.",
        )
    return name


def submit_url(config: FalConfig, model: str) -> str:
    """Return the address that takes requests for a model."""
    return f"{config.address(QUEUE)}/{model}"


def request_url(config: FalConfig, model: str, request_id: str) -> str:
    """Return the address of a request: its result, and below it `status` and `cancel`."""
    # fal's own client builds it so: owner and app only, without the path of the endpoint. The id is the server's
    # word: unescaped, `../` in it would lead to another address, with our key.
    parts = model.split("/")
    app = "/".join(parts[: 3 if parts[0] in _NAMESPACES else 2])
    return f"{config.address(QUEUE)}/{app}/requests/{quote(request_id, safe='')}"


def body_of(request: RenderRequest, model: KnownModel, urls: Sequence[str]) -> dict[str, JsonValue]:
    """Return the model's input. `urls`: the address of each reference. Raises `ValueError` for options."""
    # The brief's own values come last: no option may change what was planned.
    return {**options_of(request), **model.body(request, urls)}


def options_of(request: RenderRequest) -> dict[str, JsonValue]:
    """Return the brief's options, read by their model: a batch's cells are texts. Raises `ValueError`."""
    read = FalOptions.model_validate(dict(request.options))
    return read.model_dump(mode="json", exclude_unset=True)


def untold(request: RenderRequest, model: KnownModel, urls: Sequence[str]) -> dict[str, JsonValue]:
    """Return the inputs that no field of a `Listing` tells."""
    try:
        options = options_of(request)
    except ValueError:
        options = dict(request.options)
    return model.untold(request, options, urls)
