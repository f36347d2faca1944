"""What every store must do with the tokens of a server, and how it tells how it stands."""

from __future__ import annotations

import asyncio
from typing import Any

from reelwork.store.figures import Figures
from reelwork.store.records import RunRow
from reelwork.store.tokens import TokenRow

ANA = TokenRow("ana", "5f1c", ("read", "approve"), 1_000_000.0)
CI = TokenRow("ci", "77ab", ("run",), 1_000_001.0)


def test_a_token_is_known_by_its_hash_until_it_is_removed(open_store: Any) -> None:
    async def scenario() -> None:
        one, other = open_store(), open_store()
        assert one.tokens() == []
        assert await one.add_token(CI)
        assert await other.add_token(ANA)
        assert one.tokens() == [ANA, CI]
        assert other.token_with("77ab") == CI
        assert one.token_with("77ac") is None
        assert await other.remove_token("ci")
        assert not await other.remove_token("ci")
        assert one.token_with("77ab") is None
        assert one.tokens() == [ANA]

    asyncio.run(scenario())


def test_a_name_has_one_token(open_store: Any) -> None:
    async def scenario() -> None:
        one, other = open_store(), open_store()
        assert await one.add_token(ANA)
        assert not await other.add_token(TokenRow("ana", "99", ("admin",), 1.0))
        assert other.tokens() == [ANA]

    asyncio.run(scenario())


def test_of_each_workflow_the_newest_run_counts(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        for id_, workflow, at in (("a", "one", 10.0), ("b", "two", 20.0), ("c", "one", 30.0), ("d", "two", 5.0)):
            await store.add_run(RunRow(id_, None, workflow, id_.upper(), at))
        assert [(run.id, run.frozen, run.created_at) for run in store.newest_runs(0.0)] == [
            ("c", "C", 30.0),
            ("b", "B", 20.0),
        ]
        assert [run.id for run in store.newest_runs(25.0)] == ["c"]

    asyncio.run(scenario())


def test_a_new_store_has_nothing_to_watch(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        await store.try_writing()
        assert store.figures() == Figures()

    asyncio.run(scenario())
