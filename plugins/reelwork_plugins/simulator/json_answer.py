"""JSON answers that can always be written: they repeat values from requests, whatever these are."""

from __future__ import annotations

import json
import math
from typing import Any

from starlette.responses import Response


class Json(Response):
    """An answer in JSON. A lone surrogate is written as an escape, and NaN, which JSON lacks, as a text."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Return the bytes."""
        return written(content).encode("ascii")


def written(value: Any) -> str:
    """Return the value as JSON in ASCII."""
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value), separators=(",", ":"), allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    return [_finite(inner) for inner in value] if isinstance(value, list | tuple) else value
