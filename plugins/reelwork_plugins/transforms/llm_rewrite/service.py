"""One question to the service, and what its answer means for money."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from reelwork_hooks import Context, HttpResponse, InvalidInput, NotSent, OutcomeUnknown, Unavailable
from reelwork_plugins.endpoints import origin_of
from reelwork_plugins.transforms.llm_rewrite.answer import Unusable, json_of
from reelwork_plugins.transforms.llm_rewrite.config import LlmRewriteConfig
from reelwork_plugins.transforms.llm_rewrite.question import body

PAUSES = (1.0, 4.0)
"""Seconds before each further attempt, after an answer that says that nothing was done."""
LONGEST_PAUSE = 20.0
# 500, 502 and 504 may come of a question that was answered, and charged, behind a gateway.
TURNED_AWAY = (408, 425, 429, 503, 529)


class Lost(Exception):
    """The question left, and no answer came: it may have been charged."""


async def ask(context: Context, config: LlmRewriteConfig, messages: list[dict[str, str]]) -> Any:
    """Return the service's JSON. Raises `Unusable` where nothing was charged, `Lost` where that is not known."""
    headers = await _headers(context, config)
    with_schema = config.json_schema
    for pause in (*PAUSES, None):
        response = await _posted(context, config, body(messages, config, with_schema=with_schema), headers)
        if with_schema and response is not None and _refuses_schema(response):
            with_schema = False
            response = await _posted(context, config, body(messages, config, with_schema=False), headers)
        if response is not None and (pause is None or response.status_code not in TURNED_AWAY):
            return _read(response, config)
        if pause is None:
            raise Unusable("it could not be reached")
        await asyncio.sleep(_pause(response, pause))
    raise AssertionError("the last attempt answers or raises")


async def _headers(context: Context, config: LlmRewriteConfig) -> Mapping[str, str]:
    if config.api_key is None:
        return {}
    try:
        return {"Authorization": f"Bearer {await asyncio.to_thread(context.secret, config.api_key)}"}
    except InvalidInput as error:
        raise Unusable(f"it was not asked: {error.message.rstrip('.')}") from error


async def _posted(
    context: Context, config: LlmRewriteConfig, asked: Mapping[str, Any], headers: Mapping[str, str]
) -> HttpResponse | None:
    """Return the answer; None if the question did not leave. Raises `Lost`."""
    http = context.http(trust=[origin_of(config.base_url)])
    url = f"{config.base_url}/chat/completions"
    try:
        return await http.post(url, json=asked, headers=headers, timeout=config.timeout)
    except NotSent as error:
        if error.lasting:
            raise Unusable(f"it could not be asked: {error.message.rstrip('.')}") from error
        return None
    except (OutcomeUnknown, Unavailable) as error:
        raise Lost(error.message.rstrip(".")) from error


def _pause(response: HttpResponse | None, usual: float) -> float:
    try:
        wanted = float(response.headers.get("retry-after", "")) if response is not None else usual
    except ValueError:
        wanted = usual
    return min(max(wanted, 0.1), LONGEST_PAUSE)


def _refuses_schema(response: HttpResponse) -> bool:
    text = _said(response).lower()
    return response.status_code in (400, 422) and ("response_format" in text or "json_schema" in text)


def _read(response: HttpResponse, config: LlmRewriteConfig) -> Any:
    status = response.status_code
    if status in (401, 403):
        raise Unusable(f"it answered {status}: check api_key ({config.api_key or 'none is set'})")
    if status >= 500 and status not in TURNED_AWAY:
        raise Lost(f"it answered {status}{_said(response)}")
    if status != 200:
        raise Unusable(f"it answered {status}{_said(response)}")
    try:
        return json_of(response)
    except Unusable as error:
        # A page instead of an answer may stand before one that was charged.
        raise Lost(str(error)) from error


def _said(response: HttpResponse) -> str:
    """Return the service's own words for an error, if it gave any."""
    try:
        data = response.json()
    except (ValueError, RecursionError):
        return ""
    error = data.get("error") if isinstance(data, dict) else None
    message = error.get("message") if isinstance(error, dict) else error
    return f": {' '.join(message.split())[:300]}" if isinstance(message, str) else ""
