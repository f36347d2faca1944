"""Calling what is `async` from programs without an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def blocking(work: Coroutine[Any, Any, T]) -> T:
    """Run it to its end. Raises `RuntimeError` within an event loop, such as a notebook's, where it cannot wait."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    name = getattr(work, "__name__", "it")
    work.close()
    raise RuntimeError(f"{name}_sync was called within an event loop; use: await studio.{name}(…)")
