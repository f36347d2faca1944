"""Builds the request that asks for a video: pure functions from frozen values to a body and headers."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from urllib.parse import quote, urlsplit

from pydantic import JsonValue

from reelwork_hooks import InvalidInput, RenderRequest, Spec
from reelwork_hooks import Picture as Picture
from reelwork_hooks import is_url as is_url
from reelwork_hooks import read_picture as read_picture
from reelwork_plugins.providers.videos_api.config import VideosApiConfig

Part = tuple[str | None, bytes | str, str | None]
DATA_URL_LIMIT = 20 * 1024 * 1024
"""Characters of a picture within a JSON body (OpenAI's specification)."""
PICTURE_TYPES = ("image/jpeg", "image/png", "image/webp")
"""The kinds of reference files the protocol takes."""


@dataclass(frozen=True, slots=True)
class Body:
    """A create's body: `json` or `files`, never both."""

    json: Mapping[str, JsonValue] | None = None
    files: Mapping[str, Part] | None = None


@dataclass(frozen=True, slots=True)
class Fields:
    """The contents of a create, before it takes a form."""

    values: Mapping[str, JsonValue] = field(default_factory=dict)
    picture: Picture | None = None
    picture_url: str = ""


def video_url(config: VideosApiConfig, remote_id: str) -> str:
    """Return the address of one video."""
    # The id is the server's word: unescaped, `../` in it would lead to another address, with our key.
    return f"{config.videos_url}/{quote(remote_id, safe='')}"


def auth_headers(config: VideosApiConfig, key: str) -> dict[str, str]:
    """Return the headers that identify us and those the dialect asks for.

    Without a key, only organisation and project identify us.
    """
    headers = dict(config.speaks.headers)
    if key:
        bearer = config.auth_header.lower() == "authorization"
        headers[config.auth_header] = f"Bearer {key}" if bearer else key
    if config.organization:
        headers["OpenAI-Organization"] = config.organization
    if config.project:
        headers["OpenAI-Project"] = config.project
    return headers


def create_headers(config: VideosApiConfig, effect_key: str) -> dict[str, str]:
    """Return the headers of a create beside those that identify us."""
    # Only where a person vouches for it: no server of this protocol documents that it honours a key, and one that
    # half does may answer a repeat with a misleading 409 or 422.
    return {config.idempotency_header: effect_key} if config.idempotency_header else {}


def seconds_text(duration: float) -> str:
    """Return a length as the protocol writes it: `8`, or `4.5` where it is not whole."""
    return str(int(duration)) if duration == int(duration) else f"{duration:g}"


def takes(config: VideosApiConfig, parameter: str) -> bool:
    """Return whether the server takes `fps`, `seed` or `negative_prompt`."""
    return parameter in config.speaks.parameters or (parameter == "fps" and bool(config.fps))


def own_values(request: RenderRequest, config: VideosApiConfig) -> dict[str, JsonValue]:
    """Return the values of a create beside the picture; what the settings add comes last."""
    values: dict[str, JsonValue] = {"prompt": request.prompt}
    # Without a model none is sent: the server has its own, and vLLM-Omni 0.30.0 answers 400 to another name.
    if model := request.model or config.model:
        values["model"] = model
    values |= _length_and_frame(request.spec, config)
    if request.negative_prompt and takes(config, "negative_prompt"):
        values["negative_prompt"] = request.negative_prompt
    if request.spec.seed is not None and takes(config, "seed"):
        values["seed"] = request.spec.seed
    if request.spec.fps is not None and takes(config, "fps"):
        values["fps"] = request.spec.fps
    if request.webhook and config.speaks.webhook:
        values[config.speaks.webhook] = request.webhook
    return {**values, **config.speaks.create_fields, **config.extra}


def _length_and_frame(spec: Spec, config: VideosApiConfig) -> dict[str, JsonValue]:
    speaks = config.speaks
    length: JsonValue = seconds_text(spec.duration) if speaks.length_as_text else int(spec.duration)
    if speaks.frame == "resolution":
        return {
            speaks.duration: length,
            "resolution": listed_name(spec.resolution),
            "aspect_ratio": spec.aspect_ratio,
        }
    return {speaks.duration: length, "size": spec.size}


def listed_name(resolution: str) -> str:
    """Return a height as gateways write it: `4K`, but `720p`."""
    return resolution.replace("k", "K")


def check_request(request: RenderRequest, config: VideosApiConfig) -> None:
    """Raise `InvalidInput` for what the server would refuse, or worse, misread."""
    if config.speaks.whole_seconds and request.spec.duration != math.floor(request.spec.duration):
        raise InvalidInput(
            f"{config.dialect} takes whole seconds only, not {request.spec.duration:g}",
            hint="Ask for a whole number of seconds.",
        )
    if config.speaks.needs_model and not (request.model or config.model):
        raise InvalidInput(f"{config.dialect} needs the name of a model", hint="Set `model` for the provider.")
    if config.speaks.webhook and request.webhook and urlsplit(request.webhook).scheme.lower() != "https":
        raise InvalidInput(
            f"{config.dialect} calls https addresses only, not {request.webhook}",
            hint="Give an https address as `webhook`, or leave it out.",
        )
    _check_references(request, config)


def _check_references(request: RenderRequest, config: VideosApiConfig) -> None:
    if len(request.references) > 1:
        raise InvalidInput("a request takes one reference picture", hint="Leave out the other references.")
    for reference in request.references:
        if is_url(reference) and not config.speaks.url_reference:
            raise InvalidInput(
                f"{config.dialect} takes reference pictures as files, not from {reference.source}",
                hint="Download the picture and give its path.",
            )
        if is_url(reference) and config.speaks.url_reference == "input_reference" and config.multipart:
            raise InvalidInput(
                "a reference on the web needs a JSON body, which `multipart = true` forbids",
                hint="Leave out `multipart`, or download the picture and give its path.",
            )


def build_body(fields: Fields, config: VideosApiConfig) -> Body:
    """Return the create's body in the form the dialect, the settings and the picture call for.

    Raises `InvalidInput` when a picture is too large for JSON.
    """
    values = dict(fields.values)
    multipart = config.multipart
    if multipart is None:
        as_object = bool(fields.picture_url) and config.speaks.url_reference == "input_reference"
        needs_json = config.speaks.json_only or as_object
        multipart = (config.speaks.multipart or fields.picture is not None) and not needs_json
    if fields.picture_url:
        values |= _picture_field(config.speaks.url_reference, fields.picture_url)
    if not multipart:
        if fields.picture is not None:
            values |= _picture_field(config.speaks.url_reference, _data_url(fields.picture))
        return Body(json=values)
    # Without a file name httpx writes a plain field.
    files: dict[str, Part] = {name: (None, _text(value), None) for name, value in values.items()}
    if fields.picture is not None:
        picture = fields.picture
        files["input_reference"] = (picture.name, picture.content, picture.media_type)
    return Body(files=files)


def _picture_field(name: str, url: str) -> dict[str, JsonValue]:
    """Return a picture's address, http(s) or `data:`, in the form the field of this name takes."""
    if name == "reference_url":
        return {name: url}
    if name == "frame_images":
        return {name: [{"type": "image_url", "image_url": {"url": url}, "frame_type": "first_frame"}]}
    return {name or "input_reference": {"image_url": url}}


def _text(value: JsonValue) -> str:
    """Return a value as text for multipart."""
    # vLLM-Omni 0.30.0 reads objects and lists from JSON text. The openai package writes `extra_params[a]` instead.
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _data_url(picture: Picture) -> str:
    text = f"data:{picture.media_type};base64,{base64.b64encode(picture.content).decode('ascii')}"
    if len(text) > DATA_URL_LIMIT:
        raise InvalidInput(
            f"the reference picture {PurePosixPath(picture.name)} is too large for a JSON body",
            hint="Make it smaller, or leave out `multipart = false`.",
        )
    return text
