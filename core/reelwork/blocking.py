"""Calling what is `async` from programs without an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def blocking(work: Coroutine[Any, Any, T]) -> T:
    """Run it to its end. Raises `RuntimeError` within an event loop, such as a notebook's, where it cannot wait."""
    if not in_a_loop():
        return asyncio.run(work)
    name = getattr(work, "__name__", "it")
    work.close()
    raise RuntimeError(f"{name}_sync was called within an event loop; use: await studio.{name}(…)")


def in_a_loop() -> bool:
    """Whether the caller runs within an event loop."""
    # Asked by itself, so that what is raised later does not seem to come from this question.
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
