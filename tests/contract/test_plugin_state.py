"""What every store must do with the values of plugins: each change stands once, for every process."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest


def test_a_value_changes_only_from_what_is_expected(open_store: Any) -> None:
    async def scenario() -> None:
        one, other = open_store(), open_store()
        assert await one.plugin_value("series", "last") is None
        assert not await one.set_plugin_value("series", "last", "1", expect="0")
        assert await one.set_plugin_value("series", "last", "1", expect=None)
        assert not await other.set_plugin_value("series", "last", "9", expect=None)
        assert await other.plugin_value("series", "last") == "1"
        assert await other.plugin_value("other", "last") is None
        assert await other.set_plugin_value("series", "last", "2", expect="1")
        assert await one.plugin_value("series", "last") == "2"
        assert await one.set_plugin_value("series", "last", None, expect="2")
        assert await one.set_plugin_value("series", "last", None, expect=None)
        assert await other.plugin_value("series", "last") is None

    asyncio.run(scenario())


@pytest.mark.parametrize("processes", [4])
def test_of_many_at_once_each_number_is_given_once(open_store: Any, processes: int) -> None:
    stores = [open_store() for _ in range(processes)]
    taken: list[list[int]] = [[] for _ in stores]

    async def count(store: Any, numbers: list[int]) -> None:
        while len(numbers) < 10:
            last = await store.plugin_value("series", "last")
            following = int(last or 0) + 1
            if await store.set_plugin_value("series", "last", str(following), expect=last):
                numbers.append(following)

    threads = [
        threading.Thread(target=lambda store=store, numbers=numbers: asyncio.run(count(store, numbers)))
        for store, numbers in zip(stores, taken, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(number for numbers in taken for number in numbers) == [*range(1, 10 * processes + 1)]
