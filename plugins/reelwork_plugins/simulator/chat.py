"""Answers `/v1/chat/completions`, so that plugins that ask a language model can be rehearsed.

It understands nothing: it gives the texts that it gets, in the form that is asked for. The shape is that of
OpenAI's specification (openai-openapi, 2026-08-21).
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request

from reelwork_plugins.simulator.dialects import Dialect
from reelwork_plugins.simulator.faults import Fault
from reelwork_plugins.simulator.forms import Form
from reelwork_plugins.simulator.handlers import Reply
from reelwork_plugins.simulator.refusals import Refused
from reelwork_plugins.simulator.simulation import Simulation

ROLES = ("system", "developer", "user", "assistant", "tool")
CHARACTERS_A_TOKEN = 4
LIGHT = ", in soft morning light"
LENGTHS: Mapping[str, int] = {"title": 60, "caption": 180, "alt_text": 300}
"""Characters of the texts that are given."""
TAGS = 3
REFUSAL = "I'm sorry, but I can't help with that."


async def complete(sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
    """POST /v1/chat/completions: one answer, by the schema if there is one."""
    if form.problem or form.kind != "json":
        raise Refused(400, f"Could not read the request: {form.problem or 'give JSON'}.", code="invalid_body")
    asked = form.fields
    if not isinstance(asked.get("model"), str) or not asked["model"]:
        raise Refused(400, "you must provide a model parameter", param="model")
    if asked.get("stream"):
        raise Refused(400, "This simulator does not stream.", param="stream", code="unsupported_value")
    told = _read_messages(asked.get("messages"))
    content = _content(told[-1], asked)
    limit = asked.get("max_completion_tokens", asked.get("max_tokens"))
    return Reply(_completion(asked["model"], told, content, limit), alter=_altered(asked))


def _read_messages(given: Any) -> list[str]:
    if not isinstance(given, list) or not given:
        raise Refused(400, "Invalid 'messages': give at least one.", param="messages", code="invalid_value")
    texts = []
    for at, message in enumerate(given):
        content = message.get("content") if isinstance(message, dict) else None
        if not isinstance(content, str) or message.get("role") not in ROLES:
            where = f"messages[{at}]"
            raise Refused(400, f"Invalid '{where}': it needs a role and a text.", param=where, code="invalid_value")
        texts.append(content)
    return texts


def _content(said: str, asked: Mapping[str, Any]) -> str:
    try:
        given = json.loads(said)
    except ValueError:
        given = None
    texts = given.get("texts") if isinstance(given, dict) else None
    known = {str(name): text for name, text in texts.items()} if isinstance(texts, dict) else {}
    names = _names(asked.get("response_format")) or list(known)
    if not names:
        return said
    base = str(known.get("prompt") or said)
    return json.dumps({name: _text(name, known.get(name), base) for name in names}, ensure_ascii=False)


def _names(wanted: Any) -> list[str]:
    """Return the keys that a schema asks for. Raises `Refused` for a form that there is not."""
    if wanted is None or wanted == {"type": "text"} or wanted == {"type": "json_object"}:
        return []
    schema = wanted.get("json_schema") if isinstance(wanted, dict) else None
    rules = schema.get("schema") if isinstance(schema, dict) else None
    if not isinstance(schema, dict) or not schema.get("name") or not isinstance(rules, dict):
        raise Refused(400, "Invalid 'response_format'.", param="response_format", code="invalid_value")
    properties = rules.get("properties")
    names = list(properties) if isinstance(properties, dict) else []
    # As OpenAI answers: a strict schema names all its keys, and allows no others.
    if schema.get("strict") and (
        rules.get("additionalProperties") is not False or sorted(rules.get("required", [])) != sorted(names)
    ):
        raise Refused(400, "Invalid schema for response_format 'texts'.", param="response_format")
    return names


def _text(name: str, given: Any, base: str) -> Any:
    if name == "hashtags":
        tags = given if isinstance(given, list) else []
        words = sorted(set(re.findall(r"\w{4,}", base.lower())), key=lambda word: (-len(word), word))
        return [*tags, *words][:TAGS]
    if name == "prompt":
        return base if base.endswith(LIGHT) else base.rstrip(" .,") + LIGHT
    text = str(given or base)
    longest = LENGTHS.get(name, len(text))
    return text if len(text) <= longest else text[:longest].rpartition(" ")[0] or text[:longest]


def _completion(model: str, told: Sequence[str], content: str, limit: Any) -> dict[str, Any]:
    asked, answered = (max(1, length // CHARACTERS_A_TOKEN) for length in (sum(map(len, told)), len(content)))
    cut = isinstance(limit, int) and answered > limit
    if cut:
        content, answered = content[: limit * CHARACTERS_A_TOKEN], limit
    message: dict[str, Any] = {"role": "assistant", "content": content, "refusal": None, "annotations": []}
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [
            {"index": 0, "message": message, "logprobs": None, "finish_reason": "length" if cut else "stop"}
        ],
        "usage": {"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered},
    }


def _altered(asked: Mapping[str, Any]) -> Any:
    def alter(fault: Fault, payload: dict[str, Any]) -> dict[str, Any]:
        if fault.kind == "no-schema":
            if "response_format" in asked:
                message = "'response_format' of type 'json_schema' is not supported with this model."
                raise Refused(400, message, param="response_format")
            return payload
        choice = payload["choices"][0]
        if fault.kind == "refuse":
            choice["message"] |= {"content": None, "refusal": REFUSAL}
        elif fault.kind == "cut":
            choice["finish_reason"] = "length"
            choice["message"]["content"] = choice["message"]["content"][:20]
        elif fault.kind == "no-usage":
            del payload["usage"]
        elif fault.kind in CONTENTS:
            choice["message"]["content"] = CONTENTS[fault.kind](choice["message"]["content"])
        return payload

    return alter


def _each(content: str, change: Any) -> str:
    try:
        texts = json.loads(content)
    except ValueError:
        return str(change(content))
    return json.dumps({name: change(text) if isinstance(text, str) else text for name, text in texts.items()})


CONTENTS: Mapping[str, Any] = {
    "empty": lambda content: "",
    "prose": lambda content: f"Sure! Here are your texts:\n\n{content}",
    "fenced": lambda content: f"```json\n{content}\n```",
    "extra": lambda content: json.dumps({**json.loads(content), "publish": "now"}),
    "long": lambda content: _each(content, lambda text: f"{text} " * 400),
    "control": lambda content: _each(content, lambda text: f"{text}\x1b[2J"),
    "surrogate": lambda content: _each(content, lambda text: f"{text}\ud83d"),
    "foreign": lambda content: _each(content, lambda text: "Маяк над спокойным морем на рассвете"),
}
"""The contents that a fault gives in place of the usual one."""
