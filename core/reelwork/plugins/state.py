"""The contract's `State`: what an instance of a plugin keeps in the store."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Protocol

from pydantic import JsonValue

from reelwork.text import json_problem
from reelwork_hooks.errors import InvalidInput, PluginInvalid

LONGEST_KEY = 200
"""Characters."""
LARGEST_VALUE = 64 * 1024
"""Bytes of a value as JSON. A file belongs in `work_dir`."""


class Kept(Protocol):
    """The part of a store that reads what the instances of plugins keep."""

    async def plugin_value(self, instance: str, key: str) -> str | None:
        """Return a value that an instance keeps; None if there is none."""
        ...


class Values(Kept, Protocol):
    """The part of a store that keeps values for the instances of plugins."""

    async def set_plugin_value(self, instance: str, key: str, value: str | None, expect: str | None) -> bool:
        """Change a value from what is expected, or remove it; False, and nothing is changed, if it is another."""
        ...


class StoredState:
    """The contract's `State` of one instance, in a store that all processes share."""

    def __init__(self, instance: str, values: Values | None) -> None:
        self._instance, self._values = instance, values

    async def get(self, key: str) -> JsonValue:
        """Return the value; None when there is none. Raises `InvalidInput` where there is no store."""
        kept = await self._there().plugin_value(self._instance, checked_key(key))
        value: JsonValue = None if kept is None else json.loads(kept)
        return value

    async def set(self, key: str, value: JsonValue, *, expect: JsonValue) -> bool:
        """Change the value from `expect`, durably. Return False, and change nothing, if it is another one."""
        texts = self._written(key, value), self._written(key, expect)
        return await self._there().set_plugin_value(self._instance, checked_key(key), *texts)

    def _there(self) -> Values:
        if self._values is None:
            raise InvalidInput(f"{self._instance}: there is no store here, so nothing can be kept in it.")
        return self._values

    def _written(self, key: str, value: JsonValue) -> str | None:
        """Return a value as it is stored: equal values are equal texts. Raises `PluginInvalid`."""
        if value is None:
            return None
        if problem := json_problem(value):
            raise PluginInvalid(f"{self._instance}: the value of {key!r} cannot be kept: {problem}.")
        # Names in order, since two mappings with the same names and values are one value.
        text = json.dumps(value, sort_keys=True, separators=(",", ":"))
        if len(text) > LARGEST_VALUE:
            raise PluginInvalid(
                f"{self._instance}: the value of {key!r} has {len(text)} bytes; at most {LARGEST_VALUE}.",
                hint="Keep a file in context.work_dir, and its name here.",
            )
        return text


def checked_key(key: str) -> str:
    """Return a key that can be stored. Raises `PluginInvalid`."""
    if not 0 < len(key) <= LONGEST_KEY or not key.isprintable():
        raise PluginInvalid(f"{key!r:.60} is not a key. Give 1 to {LONGEST_KEY} printable characters.")
    return key


class Overlaid:
    """The values of a store as a dry run sees them: it reads them, and its own changes stay in memory."""

    def __init__(self, below: Callable[[], Kept | None]) -> None:
        """`below` opens the store, or says that there is none."""
        self._below = below
        self._changed: dict[tuple[str, str], str | None] = {}

    async def plugin_value(self, instance: str, key: str) -> str | None:
        """Return a value that an instance keeps; None if there is none."""
        if (instance, key) in self._changed:
            return self._changed[instance, key]
        # Only now: few plugins keep something, and opening a store takes a while.
        below = self._below()
        return None if below is None else await below.plugin_value(instance, key)

    async def set_plugin_value(self, instance: str, key: str, value: str | None, expect: str | None) -> bool:
        """Change a value from what is expected, or remove it; False, and nothing is changed, if it is another."""
        if await self.plugin_value(instance, key) != expect:
            return False
        self._changed[instance, key] = value
        return True


class InMemory:
    """Values for tests, which last as long as this does."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], str] = {}

    async def plugin_value(self, instance: str, key: str) -> str | None:
        """Return a value that an instance keeps; None if there is none."""
        return self._kept.get((instance, key))

    async def set_plugin_value(self, instance: str, key: str, value: str | None, expect: str | None) -> bool:
        """Change a value from what is expected, or remove it; False, and nothing is changed, if it is another."""
        if self._kept.get((instance, key)) != expect:
            return False
        if value is None:
            self._kept.pop((instance, key), None)
        else:
            self._kept[instance, key] = value
        return True
