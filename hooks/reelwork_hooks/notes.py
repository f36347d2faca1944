"""Notes in an instance's state, such as the address of an upload that has begun."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

from reelwork_hooks.context import State

_LONGEST_KEY = 200


class Note:
    """A mapping in `context.state` under one key, changed only where no other process has changed it meanwhile.

    Nothing shows it, so it may hold what is a credential, such as the address of an upload.
    """

    def __init__(self, state: State, key: str) -> None:
        self._state, self._key = state, key[:_LONGEST_KEY]

    async def read(self) -> Mapping[str, Any] | None:
        """Return it; None when there is none."""
        kept = await self._state.get(self._key)
        return kept if isinstance(kept, dict) else None

    async def write(self, value: Mapping[str, JsonValue], *, was: Mapping[str, JsonValue] | None) -> bool:
        """Write it in place of `was`. Return False, and change nothing, when the value is no longer `was`."""
        return await self._state.set(self._key, dict(value), expect=dict(was) if was else None)

    async def change(self, **fields: JsonValue) -> bool:
        """Change these fields of it. Return False when there is none, or another process was faster."""
        was = await self.read()
        return was is not None and await self.write({**was, **fields}, was=was)

    async def forget(self) -> None:
        """Remove it."""
        if was := await self.read():
            await self._state.set(self._key, None, expect=dict(was))
