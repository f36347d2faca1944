"""What an instance keeps in the store, and what it may keep there."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from reelwork.plugins.state import LARGEST_VALUE, InMemory, StoredState, Values
from reelwork.store.sqlite.maintenance.backup import backup
from reelwork.store.sqlite.store import SqliteStore
from reelwork_hooks import InvalidInput, PluginInvalid
from reelwork_hooks.context import State
from reelwork_hooks.frozen import frozen


@pytest.fixture(params=["memory", "store"])
def values(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Values]:
    if request.param == "memory":
        yield InMemory()
    else:
        with closing(SqliteStore(tmp_path / "store.db")) as store:
            yield store


def test_values_are_json_and_compared_as_json(values: Values) -> None:
    async def scenario() -> None:
        state: State = StoredState("series", values)
        assert await state.get("last") is None
        assert await state.set("last", {"number": 1, "by": ["é", None]}, expect=None)
        assert await state.get("last") == {"by": ["é", None], "number": 1}
        # As it is frozen in a hook's argument, and with its names in another order.
        given = frozen({"by": ["é", None], "number": 1})
        assert await state.set("last", False, expect=given)
        assert not await state.set("last", 1, expect=0)
        assert await state.set("last", None, expect=False)
        assert await state.get("last") is None
        assert await StoredState("other", values).get("last") is None

    asyncio.run(scenario())


@pytest.mark.parametrize("value", [object(), float("nan"), {1: 2}, "x" * (LARGEST_VALUE + 1), b"bytes", "\ud800"])
def test_what_cannot_be_kept_is_refused(values: Values, value: Any) -> None:
    async def scenario() -> None:
        state = StoredState("series", values)
        with pytest.raises(PluginInvalid, match=r"series: the value of 'last' (cannot be kept|has)"):
            await state.set("last", value, expect=None)
        for key in ("", "a\nb", "x" * 201):
            with pytest.raises(PluginInvalid, match="is not a key"):
                await state.get(key)
        assert await state.get("last") is None

    asyncio.run(scenario())


def test_without_a_store_it_says_so() -> None:
    with pytest.raises(InvalidInput, match="there is no store here"):
        asyncio.run(StoredState("series", None).get("last"))


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from reelwork.plugins.state import StoredState
from reelwork.store.sqlite.store import SqliteStore

async def main():
    state = StoredState("series", SqliteStore(Path(sys.argv[1])))
    assert await state.set("last", 7, expect=None)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


def test_a_value_survives_a_kill_and_goes_into_a_backup(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False, timeout=60)
    assert done.returncode == -9
    backup(path, tmp_path / "backup.db")
    for file in (path, tmp_path / "backup.db"):
        kept = sqlite3.connect(file)
        assert kept.execute("SELECT * FROM plugin_state").fetchall() == [("series", "last", "7")]
        kept.close()
