"""Answers as JSON, without any secret."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from reelwork.redaction.redactor import mask


def told(document: Any, status: HTTPStatus = HTTPStatus.OK, headers: Mapping[str, str] | None = None) -> Response:
    """Return a document as an answer."""
    return Response(as_text(document).encode(errors="replace"), status, headers, media_type="application/json")


def as_text(document: Any) -> str:
    """Return a document as JSON text, with every secret masked."""
    # A plugin may have stored what it should not have, and a reader of a job must not learn it. Looked for in the
    # whole text, which is quick; taken out text by text, since a mask across a quote would not be JSON any more.
    text = json.dumps(document, ensure_ascii=False)
    return text if mask(text) == text else json.dumps(_masked(document), ensure_ascii=False)


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, Mapping):
        return {mask(str(name)): _masked(one) for name, one in value.items()}
    return [_masked(one) for one in value] if isinstance(value, list | tuple) else value
