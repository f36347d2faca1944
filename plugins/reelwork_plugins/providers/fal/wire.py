"""What is sent to fal, and where: pure functions from frozen values to addresses and bodies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from pydantic import JsonValue

from reelwork_hooks import InvalidInput, Reference, RenderRequest
from reelwork_plugins.providers.fal.config import QUEUE, ROLES, FalConfig, FalOptions
from reelwork_plugins.providers.fal.models import Model

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


def role_of(reference: Reference, model: Model) -> str:
    """Return the role of a reference; without one, the first that the model takes."""
    return reference.role or next((role for role in ROLES if role in model.inputs), "")


def check(request: RenderRequest, name: str, model: Model) -> None:
    """Raise `InvalidInput` for what the model would refuse, or read otherwise, after it was accepted."""
    if "duration" not in model.inputs:
        # Without a length the model's own is made and charged.
        raise InvalidInput(
            f"nothing is known of the model {name}, so it cannot be told how long the video is to be",
            hint='Look at its page at fal.ai, and set `inputs`, such as { duration = "duration" }, and `length`.',
        )
    roles = [role_of(reference, model) for reference in request.references]
    missing = [role for role in model.needs if role not in roles]
    if missing:
        raise InvalidInput(f"{name} needs a reference as {' and as '.join(missing)}")
    for role in roles:
        if role not in model.inputs or roles.count(role) > 1:
            raise InvalidInput(f"{name} takes no {'second ' if role in model.inputs else ''}reference as {role}")


def body_of(request: RenderRequest, model: Model, urls: Sequence[str]) -> dict[str, JsonValue]:
    """Return the model's input. `urls`: the address of each reference."""
    spec, inputs = request.spec, model.inputs
    said: dict[str, JsonValue] = {
        "duration": _length(spec.duration, model),
        "aspect_ratio": spec.aspect_ratio,
        "resolution": spec.resolution,
        "fps": spec.fps,
        "seed": spec.seed,
        "negative_prompt": request.negative_prompt or None,
    }
    said |= {role_of(one, model): url for one, url in zip(request.references, urls, strict=True)}
    own = {inputs[part]: value for part, value in said.items() if part in inputs and value is not None}
    # The brief's own values come last: no option may change what was planned.
    return {**options_of(request), **own, "prompt": request.prompt}


def options_of(request: RenderRequest) -> dict[str, JsonValue]:
    """Return the brief's options, read by their model: a batch's cells are texts. Raises `ValueError`."""
    read = FalOptions.model_validate(dict(request.options))
    return read.model_dump(mode="json", exclude_unset=True)


def unplanned(request: RenderRequest, model: Model, urls: Sequence[str]) -> dict[str, JsonValue]:
    """Return the inputs that no field of a `Listing` tells: options, and addresses of references; None for none."""
    try:
        options = options_of(request)
    except ValueError:
        options = dict(request.options)
    told = {field for part, field in model.inputs.items() if part not in ROLES}
    found: dict[str, JsonValue] = {name: value for name, value in options.items() if name not in told}
    if len(urls) != len(request.references):
        return found
    empty: dict[str, JsonValue] = {field: None for part, field in model.inputs.items() if part in ROLES}
    roles = (role_of(one, model) for one in request.references)
    given = {model.inputs[role]: url for role, url in zip(roles, urls, strict=True) if role in model.inputs}
    return {**empty, **found, **given}


def _length(duration: float, model: Model) -> JsonValue:
    whole = int(duration) if duration == int(duration) else duration
    if model.length == "number":
        return whole
    return f"{whole}s" if model.length == "seconds" else f"{whole}"


def asked_in(given: Mapping[str, JsonValue], model: Model) -> dict[str, JsonValue]:
    """Return what a model's input asks for, under the names of a brief. A value that is missing is left out."""
    found = {part: given[field] for part, field in model.inputs.items() if given.get(field) is not None}
    return {**found, "prompt": given["prompt"]} if isinstance(given.get("prompt"), str) else found
