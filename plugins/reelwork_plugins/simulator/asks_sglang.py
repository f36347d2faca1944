"""The creates of SGLang Diffusion: a form, or JSON with numbers."""

from __future__ import annotations

from typing import Any

from reelwork_plugins.simulator.asks import Ask, possible, sides, snap
from reelwork_plugins.simulator.dialects import DIALECTS
from reelwork_plugins.simulator.forms import Form
from reelwork_plugins.simulator.models import OPEN_MODELS, find_model
from reelwork_plugins.simulator.pictures import Picture, read_picture, read_picture_url
from reelwork_plugins.simulator.refusals import Refused

_MODEL = "Wan-AI/Wan2.2-T2V-A14B-Diffusers"
_NUMBERS = ("seconds", "fps", "num_frames", "width", "height", "n", "num_outputs_per_prompt")


def read_sglang(form: Form, models: tuple[str, ...]) -> Ask:
    """Read a create with any model's name; unknown fields are ignored. Raises `Refused`."""
    fields, dialect = form.fields, DIALECTS["sglang"]
    prompt = fields.get("prompt")
    if not prompt or not isinstance(prompt, str):
        what = "prompt is required" if form.kind == "multipart" else "Invalid request body: prompt: Field required"
        raise Refused(400, what)
    numbers = {name: _whole(form, name) for name in _NUMBERS}
    seed = fields.get("seed")
    seeds = [_number(form, "seed", one) for one in (seed if isinstance(seed, list) else [seed])]
    model = str(fields.get("model") or (models[0] if models else _MODEL))
    fps = numbers["fps"] or dialect.fps
    seconds = numbers["seconds"]
    frames = numbers["num_frames"] or (int(dialect.seconds) if seconds is None else seconds) * fps
    width, height = sides(fields.get("size") or dialect.size)
    if not fields.get("size"):
        width, height = numbers["width"] or width, numbers["height"] or height
    width, height = possible(width, height, frames / fps)
    frames = snap(frames, find_model(model, OPEN_MODELS).frame_step)
    return Ask(
        prompt, model, str(round(frames / fps)), width, height, frames, fps, seed=next(iter(seeds), None),
        negative_prompt=str(fields.get("negative_prompt") or ""), picture=_picture(form),
    )  # fmt: skip


def _whole(form: Form, name: str) -> int | None:
    return _number(form, name, form.fields.get(name))


def _number(form: Form, name: str, value: Any) -> int | None:
    """Return a whole number. Raises `Refused`."""
    # SGLang 0.5.23: FastAPI checks a form's text (422), the request's own model checks JSON (400).
    if value is None:
        return None
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return int(value)
    try:
        return int(str(value)[:20])
    except ValueError:
        message = "Input should be a valid integer, unable to parse string as an integer"
    if form.kind == "multipart":
        raise Refused(422, message, param=name, code="int_parsing")
    raise Refused(400, f"Invalid request body: {name}: {message}")


def _picture(form: Form) -> Picture | None:
    """Return the picture in a file or at the address in `reference_url`. Raises `Refused`."""
    # Within JSON `input_reference` is a path on the server. The simulator opens none: it would read files of this
    # machine.
    url = form.fields.get("reference_url")
    if url is not None:
        try:
            return read_picture_url(str(url))
        except Refused as refused:
            raise Refused(400, f"Failed to process image source: {refused.message}") from None
    value = form.fields.get("input_reference")
    if isinstance(value, str):
        raise Refused(400, f"Failed to process image source: there is no file {value[:200]!r} on the server")
    if value is not None:
        raise Refused(400, "Invalid request body: input_reference: Input should be a valid string")
    return read_picture(form, None)
