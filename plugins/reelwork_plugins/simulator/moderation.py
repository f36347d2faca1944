"""Answers `/v1/moderations`: a few words stand for each category, so that a rehearsal can be stopped on purpose.

It understands nothing, and accepts pictures without looking at them. The shape is that of OpenAI's specification
(openai-openapi, 2026-08-21).
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from reelwork_plugins.simulator.dialects import Dialect
from reelwork_plugins.simulator.forms import Form
from reelwork_plugins.simulator.handlers import Reply
from reelwork_plugins.simulator.pictures import read_picture_url
from reelwork_plugins.simulator.refusals import Refused
from reelwork_plugins.simulator.simulation import Simulation

MODELS = ("omni-moderation-latest", "omni-moderation-2024-09-26")
WORDS: Mapping[str, Mapping[str, float]] = {
    "harassment": {"loser": 0.62, "idiot": 0.55},
    "harassment/threatening": {"or else": 0.58},
    "hate": {"subhuman": 0.91},
    "hate/threatening": {"exterminate": 0.88},
    "illicit": {"counterfeit": 0.81, "shoplift": 0.74},
    "illicit/violent": {"pipe bomb": 0.94},
    "self-harm": {"self-harm": 0.93},
    "self-harm/intent": {"end my life": 0.95},
    "self-harm/instructions": {"how to hurt yourself": 0.96},
    "sexual": {"nude": 0.83, "erotic": 0.9},
    "sexual/minors": {"lolita": 0.97},
    "violence": {"murder": 0.92, "stabbing": 0.86, "fistfight": 0.35},
    "violence/graphic": {"gore": 0.9, "dismembered": 0.95},
}
"""Each category's words and how sure they make us, 0 to 1."""
FLAGGED = 0.5
"""The score from which a category is flagged. OpenAI's own differ by category and are not published."""
_NOTHING = 0.0001
_OF_PICTURES = frozenset(
    {"self-harm", "self-harm/intent", "self-harm/instructions", "sexual", "violence", "violence/graphic"}
)


async def moderate(sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
    """POST /v1/moderations: a result for each text of a list, or one for texts and a picture together."""
    if form.problem or form.kind != "json":
        raise Refused(400, f"Could not read the request: {form.problem or 'give JSON'}.", code="invalid_body")
    model = form.fields.get("model", MODELS[0])
    if model not in MODELS:
        raise Refused(404, f"The model '{model}' does not exist.", param="model", code="model_not_found")
    results = [_judged(texts, pictures) for texts, pictures in _read_input(form.fields.get("input"))]
    return Reply({"id": f"modr-{uuid.uuid4().hex}", "model": model, "results": results})


def _read_input(value: Any) -> list[tuple[str, bool]]:
    """Return the text of each input, and True if a picture comes with it."""
    if isinstance(value, str) and value:
        return [(value, False)]
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return [(item, False) for item in value]
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        return [_read_parts(value)]
    raise Refused(400, "Invalid 'input': give a text, texts, or parts.", param="input", code="invalid_value")


def _read_parts(parts: list[dict[str, Any]]) -> tuple[str, bool]:
    texts: list[str] = []
    pictures = 0
    for part in parts:
        link = part.get("image_url")
        if part.get("type") == "text" and isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif part.get("type") == "image_url" and isinstance(link, dict) and isinstance(link.get("url"), str):
            read_picture_url(link["url"])
            pictures += 1
        else:
            raise Refused(400, "Invalid 'input': a part is text or image_url.", param="input", code="invalid_value")
    if pictures > 1:
        raise Refused(400, "Too many images: at most one is allowed.", param="input", code="too_many_images")
    return "\n".join(texts), bool(pictures)


def _judged(text: str, picture: bool) -> dict[str, Any]:
    plain = " ".join(re.findall(r"[\w-]+", text.lower()))
    scores = {
        name: max([score for word, score in words.items() if re.search(rf"\b{word}\b", plain)], default=_NOTHING)
        for name, words in WORDS.items()
    }
    return {
        "flagged": any(score >= FLAGGED for score in scores.values()),
        "categories": {name: score >= FLAGGED for name, score in scores.items()},
        "category_scores": scores,
        "category_applied_input_types": {
            name: [*(["text"] if text else []), *(["image"] if picture and name in _OF_PICTURES else [])]
            for name in scores
        },
    }


def bare(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return a result in the form of servers that know no categories and no scores."""
    return {"flagged": result["flagged"], "categories": dict.fromkeys(result["categories"])}
