"""Posts with a price in stores of earlier versions, which knew of none."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from reelwork.errors import BudgetExceeded
from reelwork.store.ceilings import Budget
from reelwork.store.commands import Intend
from reelwork.store.sqlite import effects
from reelwork.store.sqlite.maintenance.check import check
from reelwork.store.sqlite.schema import VERSION
from reelwork.store.sqlite.store import SqliteStore

NOW = 1_797_000_000.0


@pytest.mark.parametrize("version", range(1, VERSION))
def test_a_post_of_an_earlier_version_is_reserved_if_it_has_a_price_now(
    store_of_version: Callable[[int], Path], version: int
) -> None:
    path = store_of_version(version)
    SqliteStore(path).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        posts = db.execute("SELECT key, job_id, run_id, money FROM effects WHERE kind = 'publish'").fetchall()
        assert {money for *_, money in posts} == {"none"}
        key, job, run, _ = posts[0]
        # Written down and not sent, as a process leaves it that ends between the two.
        db.execute("UPDATE effects SET state = 'intended', remote_id = NULL WHERE key = ?", (key,))
        row = Intend(key, "publish", "gallery", "publish gallery", reserve=15_000, budget=Budget(per_day=10_000))
        with pytest.raises(BudgetExceeded, match=r"This post to gallery costs \$0\.015"):
            effects.intend(db, job, run, row, NOW)
        before = effects.sendings(db, [job])[job]
        roomy = Intend(key, "publish", "gallery", "publish gallery", reserve=15_000, budget=Budget(per_day=15_000))
        effects.intend(db, job, run, roomy, NOW)
        effect, after = effects.get(db, key), effects.sendings(db, [job])[job]
        assert effect is not None
        assert (effect.money, effect.reserved) == ("reserved", 15_000)
        assert after.counted - before.counted == after.posts == 15_000
        assert (before.posts, after.sent, after.newest) == (0, before.sent, before.newest)
    assert not {one.kind for one in check(path, NOW).findings} & {"money-not-counted", "money-counted-in-vain"}


@pytest.mark.parametrize("version", range(1, VERSION))
def test_a_migrated_store_of_an_earlier_version_has_its_money_in_order(
    store_of_version: Callable[[int], Path], version: int
) -> None:
    path = store_of_version(version)
    SqliteStore(path).close()
    assert not {one.kind for one in check(path, NOW).findings} & {"money-not-counted", "money-counted-in-vain"}
