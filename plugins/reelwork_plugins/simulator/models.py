"""The abilities of each simulated model. A model that is not here takes any length and size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Model:
    """One model. Empty tuples: not limited."""

    seconds: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()
    frame_step: int = 1
    """Frames come as a multiple of this and one more, so a clip may be a little longer or shorter than asked."""


_SIZES_720 = ("720x1280", "1280x720")
# The specification (openai-openapi, 2026-08-21) lists 4, 8 and 12 seconds and four sizes; OpenAI's guide and its
# published skill (openai/skills, video-api.md) also allow 16 and 20 seconds, and 1080p on sora-2-pro.
_SECONDS = ("4", "8", "12", "16", "20")
_SORA_2 = Model(_SECONDS, _SIZES_720)
_SORA_2_PRO = Model(_SECONDS, (*_SIZES_720, "1024x1792", "1792x1024", "1080x1920", "1920x1080"))
SORA_MODELS: Mapping[str, Model] = {
    "sora-2": _SORA_2,
    "sora-2-2025-10-06": _SORA_2,
    "sora-2-2025-12-08": _SORA_2,
    "sora-2-pro": _SORA_2_PRO,
    "sora-2-pro-2025-10-06": _SORA_2_PRO,
}

# Open weights, found by a part of their name. Wan makes 4k+1 frames, LTX 8k+1 (their pipelines in Diffusers).
OPEN_MODELS: tuple[tuple[str, Model], ...] = (
    ("wan", Model(frame_step=4)),
    ("ltx", Model(frame_step=8)),
)

# Hosted models behind a gateway, found by a part of their name: google-genai 3.4.0 `GenerateVideosConfig` (Veo 3.1
# makes 4, 6 or 8 seconds); Runway's 2 to 10 seconds are runwayml 5.24.0's.
HOSTED_MODELS: tuple[tuple[str, Model], ...] = (
    ("sora-2-pro", _SORA_2_PRO),
    ("sora-2", _SORA_2),
    ("veo-3.1", Model(("4", "6", "8"))),
    ("gen4", Model(tuple(str(seconds) for seconds in range(2, 11)))),
)

# US dollars a second, for OpenRouter's catalogue and the costs it reports: LiteLLM's price map of November 2026.
HOSTED_PRICES: Mapping[str, str] = {
    "google/veo-3.1": "0.40",
    "google/veo-3.1-fast": "0.10",
    "openai/sora-2": "0.10",
    "runway/gen4.5": "0.12",
}


def find_model(name: str, table: tuple[tuple[str, Model], ...]) -> Model:
    """Return the first model whose part of a name occurs in the name."""
    return next((model for part, model in table if part in name.lower()), Model())
