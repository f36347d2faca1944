"""How an effect was sent decides what becomes of it: its key, its endpoint, its credential."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from reelwork.clock import Clock
from reelwork.ledger import Act
from reelwork.ledger.outcomes import DAY
from reelwork.ledger.sending_record import has_moved, how_json, key_of
from reelwork.store.records import EffectRow
from reelwork_hooks import Idempotency

WALL = 1_790_000_000.0


def clock(boot: str = "b", steady: float = 1000.0, wall: float = WALL) -> Clock:
    return Clock(wall=lambda: wall, steady=lambda: steady, boot=lambda: boot)


def act(**changes: Any) -> Act[str]:
    async def never(*_: Any) -> Any:
        raise AssertionError("nothing is called here")

    made = Act(
        key="k", kind="submit", subject="there", account="there", idempotency=Idempotency.KEY, settle_seconds=1,
        time_limit=1, call=never, find=never, identify=str, dump=str, load=str, what="it", place="there at home",
        body="request", alias="once",
    )  # fmt: skip
    return replace(made, **changes)


def sent(how: str, account: str = "there") -> EffectRow:
    return EffectRow(
        "k", "submit", "j", "r", "there", account, "", "unknown", 1, WALL, WALL, None, None, "{}", "null", "null",
        None, "", "reserved", 1, None, WALL, how=how,
    )  # fmt: skip


def row(credential: str | None = "c", **changes: Any) -> EffectRow:
    return sent(how_json(act(**changes), credential, clock()))


def holds(effect: EffectRow, now: Clock, credential: str | None = "c", **changes: Any) -> bool:
    key = key_of(act(**changes), effect, credential, now)
    return key is not None and key.holds


def test_a_key_holds_for_half_of_what_is_declared_by_both_clocks() -> None:
    assert holds(row(), clock(steady=1000 + DAY / 2 - 1, wall=WALL + DAY / 2 - 1))
    assert not holds(row(), clock(steady=1000 + DAY / 2, wall=WALL + 1))
    assert not holds(row(), clock(steady=1001, wall=WALL + DAY / 2))
    assert not holds(row(), clock(steady=1001, wall=WALL - 1))
    assert not holds(row(), clock(boot="another"))
    assert holds(row(valid_for=float("inf")), clock(boot="another"), valid_for=float("inf"))


@pytest.mark.parametrize(
    "now",
    [{"place": "there abroad"}, {"body": "another"}, {"credential": "d"}, {"credential": None}],
    ids=str,
)
def test_a_key_is_nothing_elsewhere_or_for_something_else(now: dict[str, Any]) -> None:
    assert not holds(row(), clock(steady=1001, wall=WALL + 1), **now)


def test_what_carried_no_key_has_none_later() -> None:
    before = row(idempotency=Idempotency.LOOKUP)
    assert not holds(before, clock(steady=1001, wall=WALL + 1))
    assert not holds(row(), clock(steady=1001, wall=WALL + 1), idempotency=Idempotency.NONE)


def test_of_an_older_store_only_a_key_without_end_is_relied_on() -> None:
    assert not holds(sent("{}"), clock())
    assert holds(sent("{}"), clock(), valid_for=float("inf"))
    assert holds(sent("{}", "once"), clock(), valid_for=float("inf"))
    assert not holds(sent("{}", "somebody else"), clock(), valid_for=float("inf"))


def test_another_endpoint_or_credential_is_noticed() -> None:
    assert not has_moved(act(), row(), "c")
    assert has_moved(act(place="there abroad"), row(), "c")
    assert has_moved(act(), row(), "d")
    # What cannot be read now is not another one: looking fails then, and is repeated.
    assert not has_moved(act(), row(), None)
    assert not has_moved(act(), sent("{}"), "c")
    assert has_moved(act(), sent("{}", "somebody else"), "c")


def test_the_credential_itself_is_not_kept() -> None:
    assert json.loads(row(credential="hash").how)["credential"] == "hash"
    assert set(json.loads(row().how)) >= {"run", "place", "credential", "keyed", "body", "boot", "steady", "wall"}
