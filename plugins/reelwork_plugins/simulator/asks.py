"""The contents of a create, checked as each dialect checks them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reelwork_plugins.simulator.dialects import DIALECTS, split_model
from reelwork_plugins.simulator.forms import Form
from reelwork_plugins.simulator.models import HOSTED_MODELS, OPEN_MODELS, SORA_MODELS, find_model
from reelwork_plugins.simulator.pictures import Picture, read_picture
from reelwork_plugins.simulator.refusals import Refused

LONGEST_PROMPT = 32_000
_SIZE = re.compile(r"([1-9]\d{0,4})x([1-9]\d{0,4})")
_LARGEST_SIDE = 4096
_LONGEST = 600.0


@dataclass(frozen=True, slots=True)
class Ask:
    """One video, as it was requested and accepted."""

    prompt: str
    model: str
    seconds: str
    """The length as it is shown; the clip may differ by a few frames."""
    width: int
    height: int
    frames: int
    fps: int
    seed: int | None = None
    negative_prompt: str = ""
    picture: Picture | None = None
    """The reference picture, if there was one."""
    given: Mapping[str, Any] = field(default_factory=dict)
    """The body of the create, where lists show it."""
    path: str = ""
    """The part of the address it was asked for at, where that tells kinds of videos apart."""
    ref: str = ""
    """The client's own id for it."""
    callback: str = ""
    """The address that the client wants to be called at."""

    @property
    def size(self) -> str:
        """Width and height in the protocol's form."""
        return f"{self.width}x{self.height}"

    @property
    def duration(self) -> float:
        """Seconds of video."""
        return self.frames / self.fps


# --- sora ---------------------------------------------------------------------------------------------------

# OpenAI's specification (openai-openapi, 2026-08-21) has no `n`, `seed` or `fps`: each is refused by its name.
_SORA_FIELDS = frozenset({"prompt", "model", "seconds", "size", "input_reference"})


def read_sora(form: Form, models: tuple[str, ...]) -> Ask:
    """Read OpenAI's five fields, and check each. Raises `Refused`."""
    for name in (*form.fields, *form.files):
        if name not in _SORA_FIELDS:
            raise Refused(400, f"Unknown parameter: '{name}'.", param=name, code="unknown_parameter")
    dialect = DIALECTS["sora"]
    prompt = read_prompt(form)
    name = _text(form, "model", "sora-2")
    model = SORA_MODELS.get(name)
    if model is None:
        raise _unsupported("model", name, tuple(SORA_MODELS))
    seconds = _choice("seconds", _text(form, "seconds", dialect.seconds), model.seconds)
    width, height = sides(_choice("size", _text(form, "size", dialect.size), model.sizes))
    picture = read_picture(form, (width, height))
    return Ask(prompt, name, seconds, width, height, int(seconds) * dialect.fps, dialect.fps, picture=picture)


def read_prompt(form: Form) -> str:
    """Return the prompt, 1 to 32,000 characters. Raises `Refused`."""
    prompt = form.fields.get("prompt")
    if prompt is None or prompt == "":
        raise no_prompt()
    if not isinstance(prompt, str):
        raise _wrong_type("prompt", prompt, "a string")
    if len(prompt) > LONGEST_PROMPT:
        message = f"Invalid 'prompt': {len(prompt)} characters; the maximum length is {LONGEST_PROMPT}."
        raise Refused(400, message, param="prompt", code="string_above_max_length")
    return prompt


def no_prompt() -> Refused:
    """Return the refusal of a create without a prompt."""
    message = "Missing required parameter: 'prompt'."
    return Refused(400, message, param="prompt", code="missing_required_parameter")


def _text(form: Form, name: str, default: str) -> str:
    value = form.fields.get(name)
    if value is None:
        return default
    if not isinstance(value, str):
        raise _wrong_type(name, value, "a string")
    return value


def _choice(name: str, value: str, choices: tuple[str, ...]) -> str:
    if choices and value not in choices:
        raise _unsupported(name, value, choices)
    return value


def _unsupported(name: str, value: str, choices: tuple[str, ...]) -> Refused:
    quoted = [f"'{choice}'" for choice in choices]
    listed = f"{', '.join(quoted[:-1])}, and {quoted[-1]}" if len(quoted) > 1 else quoted[0]
    message = f"Invalid value: '{value}'. Supported values are: {listed}."
    return Refused(400, message, param=name, code="invalid_value")


def _wrong_type(name: str, value: Any, expected: str) -> Refused:
    kinds = {bool: "a boolean", int: "an integer", float: "a decimal", str: "a string", list: "an array"}
    found = kinds.get(type(value), "an object")
    message = f"Invalid type for '{name}': expected {expected}, but got {found} instead."
    return Refused(400, message, param=name, code="invalid_type")


def sides(size: str) -> tuple[int, int]:
    """Return width and height. Raises `Refused`."""
    match = _SIZE.fullmatch(size)
    if match is None:
        raise Refused(400, f"Invalid size: '{size}'. Write it like 1280x720.", param="size", code="invalid_value")
    return int(match[1]), int(match[2])


# --- vllm-omni ----------------------------------------------------------------------------------------------

_WHOLE = re.compile(r"[+-]?\d+")
_SECONDS = re.compile(r"[1-9]\d*")


def read_vllm(form: Form, models: tuple[str, ...]) -> Ask:
    """Read a form of texts; unknown fields are ignored. Raises `Refused`."""
    fields, dialect = form.fields, DIALECTS["vllm-omni"]
    if not fields.get("prompt"):
        raise Refused(422, "Field required", param="prompt", code="missing")
    seconds = fields.get("seconds")
    if seconds is not None and not _SECONDS.fullmatch(seconds):
        raise _pattern("seconds", r"^[1-9]\d*$")
    if "size" in fields and not re.fullmatch(r"\d+x\d+", fields["size"]):
        raise _pattern("size", r"^\d+x\d+$")
    numbers = {name: _whole(fields, name, 1) for name in ("width", "height", "fps", "num_frames")}
    for name in ("num_outputs_per_prompt", "num_inference_steps"):
        _whole(fields, name, 1)
    for name in ("extra_params", "image_reference", "lora"):
        _json_object(fields, name)
    model = _served(fields.get("model"), models, "Wan-AI/Wan2.2-T2V-A14B-Diffusers")
    width, height = sides(fields.get("size") or dialect.size)
    if "size" not in fields:
        width, height = numbers["width"] or width, numbers["height"] or height
    fps = numbers["fps"] or dialect.fps
    frames = numbers["num_frames"] or int(seconds or dialect.seconds) * fps
    return Ask(
        fields["prompt"], model, seconds or dialect.seconds, *possible(width, height, frames / fps),
        frames=snap(frames, find_model(model, OPEN_MODELS).frame_step), fps=fps, seed=_whole(fields, "seed"),
        negative_prompt=fields.get("negative_prompt", ""), picture=read_picture(form, None),
    )  # fmt: skip


def _pattern(name: str, pattern: str) -> Refused:
    message = f"String should match pattern '{pattern}'"
    return Refused(422, message, param=name, code="string_pattern_mismatch")


def _whole(fields: Mapping[str, Any], name: str, least: int | None = None) -> int | None:
    text = fields.get(name)
    if text is None:
        return None
    # Longer texts are refused as well: from 4,300 digits on, `int()` itself raises.
    if not _WHOLE.fullmatch(text.strip()) or len(text) > 20:
        message = "Input should be a valid integer, unable to parse string as an integer"
        raise Refused(422, message, param=name, code="int_parsing")
    if least is not None and int(text) < least:
        message = f"Input should be greater than or equal to {least}"
        raise Refused(422, message, param=name, code="greater_than_equal")
    return int(text)


def _json_object(fields: Mapping[str, Any], name: str) -> None:
    if name not in fields:
        return
    try:
        value = json.loads(fields[name])
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise Refused(400, f"Invalid JSON in form field '{name}': a JSON object is expected.", param=name)


def _served(name: str | None, models: tuple[str, ...], default: str) -> str:
    if name and models and name not in models:
        raise Refused(400, f"Invalid model: '{name}'. This server serves {', '.join(models)}.", param="model")
    return name or (models[0] if models else default)


def possible(width: int, height: int, duration: float) -> tuple[int, int]:
    """Return even sides, as the encoder needs. Raises `Refused` for a video that no machine would render."""
    if max(width, height) > _LARGEST_SIDE or min(width, height) < 16:
        raise Refused(400, f"Cannot render {width}x{height}: sides are 16 to {_LARGEST_SIDE} pixels.", param="size")
    if not 0 < duration <= _LONGEST:
        raise Refused(400, f"Cannot render {duration:g} seconds: {_LONGEST:g} is the most.", param="seconds")
    return width - width % 2, height - height % 2


def snap(frames: int, step: int) -> int:
    """Return the nearest number of frames that is one more than a multiple of `step`."""
    return frames if step == 1 else max(round((frames - 1) / step), 0) * step + 1


# --- litellm ------------------------------------------------------------------------------------------------


def read_litellm(form: Form, models: tuple[str, ...]) -> Ask:
    """Read a create with any fields. Raises `Refused`."""
    # LiteLLM 1.109.1 passes other fields through to the backend, so none is unknown here.
    dialect, fields = DIALECTS["litellm"], form.fields
    prompt = read_prompt(form)
    name = _served(_text(form, "model", ""), models, "sora-2")
    model = find_model(split_model(name)[1], HOSTED_MODELS)
    seconds = str(fields.get("seconds", dialect.seconds))
    if not re.fullmatch(r"\d{1,4}(\.\d+)?", seconds) or not math.isfinite(float(seconds)):
        raise Refused(400, f"Invalid value for 'seconds': '{seconds}'.", param="seconds")
    _choice("seconds", seconds, model.seconds)
    size = _choice("size", _text(form, "size", model.sizes[0] if model.sizes else dialect.size), model.sizes)
    width, height = possible(*sides(size), float(seconds))
    seed = str(fields.get("seed"))
    return Ask(
        prompt, name, seconds, width, height, max(round(float(seconds) * dialect.fps), 1), dialect.fps,
        seed=int(seed[:20]) if seed.isascii() and seed.isdecimal() else None,
        negative_prompt=str(fields.get("negative_prompt", "")), picture=read_picture(form, None),
    )  # fmt: skip
