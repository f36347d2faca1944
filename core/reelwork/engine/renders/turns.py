"""Work on thousands of renders, during which others have their turn: a webhook's sender waits for its answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

T = TypeVar("T")

# Each takes some hundredths of a millisecond.
AT_ONCE = 25
"""Renders worked on before others have their turn."""
# Without it, the thread that commits would still wait for the processor at each of its statements.
REST_SECONDS = 0.001


async def in_turns(many: Iterable[T]) -> AsyncIterator[T]:
    """Yield each of many, and let others have their turn from time to time."""
    for number, one in enumerate(many, 1):
        yield one
        if number % AT_ONCE == 0:
            await asyncio.sleep(REST_SECONDS)
