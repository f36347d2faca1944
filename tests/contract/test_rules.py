"""Whatever happens to effects and in whatever order, a store keeps exactly the ledger's rules."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reelwork.errors import BudgetExceeded, LedgerConflict
from reelwork.store import rules
from reelwork.store.ceilings import Budget
from reelwork.store.commands import Command, Confirm, Doubt, Intend, NewJob, Refuse, Reopen, Send, SettleMoney
from reelwork.store.notes import IN_DOUBT
from reelwork.store.protocol import Store
from reelwork.store.records import Lease, RunRow
from reelwork.store.rules import Money

KEYS = ("a", "b", "c")
HOUR = 3_600.0


@dataclass
class Book:
    """An effect as plain values, and what was done with its money."""

    state: str | None = None
    money: str = Money.NONE
    reserved: int = 0
    charged: int | None = None
    reserved_at: float = 0.0
    in_doubt: bool = False
    reservations: int = 0
    releases: int = 0
    told: list[int] = field(default_factory=list)

    @property
    def counted(self) -> int:
        return rules.counted(self.money, self.reserved, self.charged)


@dataclass
class Sends:
    """Write down and send in one change, as the ledger does."""

    amount: int
    budget: Budget


class Books:
    """What a store should hold, kept by the rules alone."""

    def __init__(self) -> None:
        self.of = {key: Book() for key in KEYS}

    def held(self, now: float, *, but: str = "") -> dict[str, int]:
        others = [book for key, book in self.of.items() if key != but]
        return {
            "per_job": 0,
            "per_run": sum(book.counted for book in others),
            "per_day": sum(book.counted for book in others if book.reserved_at >= rules.day_of(now)),
            "per_month": sum(book.counted for book in others if book.reserved_at >= rules.month_of(now)),
        }

    def send(self, key: str, step: Sends, now: float) -> None:
        """Raises `BudgetExceeded` or `LedgerConflict`; then nothing is changed."""
        book = self.of[key]
        due = rules.must_be_reserved(book.money, book.reserved_at, now, in_doubt=book.in_doubt)
        anew = book.state is None or due
        if anew and step.amount:
            rules.check_budget(key, step.budget, self.held(now, but=key), step.amount)
        rules.check_start(rules.transition_of(Send(key, "x")), key, book.state or rules.INTENDED)
        if book.state is None:
            book.reserved = step.amount
        if anew:
            book.money, book.reserved_at = Money.RESERVED, now
            book.reservations += 1
        book.state = rules.SENT

    def change(self, key: str, command: Any) -> None:
        """Raises `LedgerConflict`; then nothing is changed."""
        book = self.of[key]
        transition = rules.transition_of(command)
        rules.check_start(transition, key, book.state)
        before, book.money = book.money, rules.money_after(transition, book.money)
        book.releases += (before, book.money) == (Money.RESERVED, Money.RELEASED)
        # What was given up counts again once it may have happened after all.
        book.reservations += (before, book.money) == (Money.RELEASED, Money.RESERVED)
        book.state = transition.end

    def settle(self, key: str, charged: int) -> None:
        book = self.of[key]
        book.money, book.charged = rules.settled(charged), charged
        book.told.append(charged)


amounts = st.sampled_from([0, 15, 40, 60])
budgets = st.builds(Budget, *[st.none() | st.integers(0, 150)] * 4)
sends = st.builds(Sends, amounts, budgets | st.just(Budget()))
changes = st.one_of(
    st.just(Confirm("", "", "{}")),
    st.just(Refuse("", "no")),
    st.builds(Reopen, st.just(""), st.just("proof"), st.booleans()),
    st.builds(Doubt, st.just(""), st.just("lost"), st.none(), earlier=st.booleans()),
    st.builds(SettleMoney, st.just(""), amounts),
    st.just("in doubt"),
)
hours = st.sampled_from([0.0, HOUR, 13 * HOUR, 31 * 24 * HOUR])
episodes = st.tuples(st.sampled_from(KEYS), sends, st.lists(changes, min_size=1, max_size=3), hours)
histories = st.lists(episodes, min_size=3, max_size=12)
"""Each: something is written down and sent, and what happens to it, and how much later the next begins."""


async def leases_of(store: Store) -> dict[str, Lease]:
    await store.add_run(RunRow("run", None, "w", "{}", 0.0))
    await store.add_jobs("run", [NewJob(key, key, "first", "{}") for key in KEYS])
    rows = await store.claim_jobs("me", 1e9, len(KEYS), None)
    return {row.id: Lease(row.id, row.fence, "me") for row in rows}


def commands_of(key: str, step: Any) -> list[Command]:
    match step:
        case Sends():
            intent = Intend(key, "submit", "p", "x", reserve=step.amount, budget=step.budget)
            return [intent, Send(key, "x")]
        case Confirm():
            return [Confirm(key, f"made by {key}", "{}")]
        case Refuse() | Reopen() | Doubt():
            return [type(step)(**{**{name: getattr(step, name) for name in step.__slots__}, "key": key})]
        case _:
            return [SettleMoney(key, step.charged)]


def kept(action: Callable[[], Any]) -> type[Exception] | None:
    try:
        action()
    except (LedgerConflict, BudgetExceeded) as refused:
        return type(refused)
    return None


def play(store: Store, clock: Any, books: Books, key: str, step: Any, lease: Lease) -> None:
    """Do one thing to the store and to the books. Both must allow it, or refuse it alike."""
    if isinstance(step, str):
        if books.of[key].state == rules.SENT:
            store.note(key, {IN_DOUBT: 1})
            books.of[key].in_doubt = True
        return
    if isinstance(step, SettleMoney):
        if books.of[key].state != rules.CONFIRMED:
            return
        books.settle(key, step.charged)
        expected = None
    elif isinstance(step, Sends):
        expected = kept(lambda: books.send(key, step, clock.now))
    else:
        expected = kept(lambda: books.change(key, step))
    assert kept(lambda: asyncio.run(store.apply(lease, commands_of(key, step)))) is expected


def check(store: Store, books: Books, now: float) -> None:
    for key, book in books.of.items():
        row = asyncio.run(store.effect(key))
        if row is None:
            assert book.state is None
            continue
        assert (row.state, row.money, row.reserved, row.charged) == (
            book.state, book.money, book.reserved, book.charged
        )  # fmt: skip
    held = books.held(now)
    budget = Budget(per_day=1, per_month=1)
    assert store.counted(budget) == {name: held[name] for name in ("per_day", "per_month")}
    assert sum(one.counted for one in store.sendings(KEYS).values()) == held["per_run"]


def check_money(books: Books) -> None:
    """No sum is negative; what is reserved is given up at most once each time; what is charged was told."""
    for book in books.of.values():
        assert book.counted >= 0
        assert book.counted <= max(book.told[-1:] or [book.reserved])
        assert 0 <= book.releases <= book.reservations
        if book.state in rules.OPEN:
            assert book.money == Money.RESERVED, "what may have happened counts"


@settings(max_examples=25, deadline=None)
@given(history=histories)
def test_a_store_keeps_the_rules(new_store: Any, history: list[Any]) -> None:
    store, clock = new_store()
    leases = asyncio.run(leases_of(store))
    books = Books()
    for key, first, then, pause in history:
        for step in (first, *then):
            play(store, clock, books, key, step, leases[key])
            check(store, books, clock.now)
            check_money(books)
        clock.now += pause
