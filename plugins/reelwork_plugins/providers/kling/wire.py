"""The body of a create, and the pictures in it."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue

from reelwork_hooks import InvalidInput, Reference, RenderRequest, is_url, read_picture
from reelwork_plugins.providers.kling.config import MODELS, MODES, KlingConfig, KlingOptions, model_data

TEXT, IMAGE = PATHS = ("text2video", "image2video")
LARGEST, SHORTEST, STEEPEST = 10 * 1024 * 1024, 300, 2.5
"""Kling's limits for a picture: bytes, pixels of each side, and of one side by the other."""
SHAPE_TOLERANCE = 0.05
"""The part by which a picture's shape may differ from the one asked for."""


def path_of(request: RenderRequest) -> str:
    """Return the part of the address that makes such a video. Each has a list of its own."""
    return IMAGE if request.references else TEXT


def body_of(request: RenderRequest, config: KlingConfig, key: str, base_dir: Path) -> dict[str, JsonValue]:
    """Return the body of a create. Reads the pictures, so it blocks. Raises `InvalidInput`."""
    spec, options = request.spec, KlingOptions.model_validate(dict(request.options))
    model = request.model or config.model
    if spec.resolution not in MODES or spec.duration != int(spec.duration):
        raise InvalidInput(f"Kling makes {' or '.join(MODES)}, in whole seconds")
    if len(request.references) > 1 and any(one.role is None for one in request.references):
        raise InvalidInput("of two pictures, Kling must be told which is the first_frame and which the last_frame")
    optional: Mapping[str, JsonValue] = {
        "callback_url": request.webhook,
        # Said, not left to Kling: sound costs more than was reserved. Older models do not know the word.
        "sound": "on" if options.sound else "off" if model in MODELS else None,
        "cfg_scale": options.cfg_scale,
        "camera_control": options.model_dump(mode="json")["camera_control"],
        "watermark_info": {"enabled": True} if options.watermark else None,
    }
    pictures = [_picture(one, spec.aspect_ratio, base_dir) for one in request.references]
    body = model_data(config, model).body(request, pictures)
    if pictures:
        # A video of a picture has its shape, and Kling takes no other.
        del body["aspect_ratio"]
    return {
        **body,
        "model_name": model,
        "mode": MODES[spec.resolution],
        "external_task_id": key,
        **{name: value for name, value in optional.items() if value is not None},
    }


def _picture(reference: Reference, ratio: str, base_dir: Path) -> str:
    """Return a picture's address, or its bytes as Kling takes them: base64 without `data:`."""
    if is_url(reference):
        return reference.source
    from PIL import Image

    content, named = read_picture(reference, base_dir).content, f"the picture {reference.source}"
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as picture:
            width, height = picture.size
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise InvalidInput(f"{named} is no JPEG or PNG", hint="Convert it to one of these.") from error
    if (
        len(content) > LARGEST
        or min(width, height) < SHORTEST
        or max(width, height) > STEEPEST * min(width, height)
    ):
        raise InvalidInput(
            f"{named} is {width}x{height} with {len(content) / 1024**2:.1f} MB; Kling takes at most 10 MB, "
            f"{SHORTEST} pixels or more each way, and no side longer than {STEEPEST:g} times the other"
        )
    across, up = (int(part) for part in ratio.split(":"))
    # Such a video would be paid for, and then held because it is not what was asked for.
    if abs(width * up / (height * across) - 1) > SHAPE_TOLERANCE:
        hint = f"Cut the picture to {ratio}, or ask for the aspect_ratio that it has."
        raise InvalidInput(f"{named} is {width}x{height}: Kling's video takes its shape, not {ratio}", hint=hint)
    return base64.b64encode(content).decode("ascii")
