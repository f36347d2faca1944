"""Histories are drawn and played: some at a time, in this process or in another one."""

from __future__ import annotations

import gc
import logging
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from liar_history import History, beyond, calm_histories, faithful_histories, histories, served
from liar_judge import Tally, judge
from liar_real import RealHistory, play_really, real_histories
from liar_services import SERVICES
from liar_world import Parts, played


def play(
    drawn: st.SearchStrategy[History],
    tally: Tally,
    *,
    worlds: int,
    fixed: int,
    shrink: bool,
    parts: Parts | None = None,
    strict: bool = True,
) -> None:
    """Play so many histories. Raises `AssertionError` for what was paid twice, unless it is not `strict`."""

    @seed(fixed)
    @settings(
        max_examples=worlds,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
        phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
    )
    @given(drawn)
    def one(history: History) -> None:
        with played(history, parts) as world:
            verdict = judge(world)
            tally.add(world.history, verdict)
        if strict:
            assert not verdict.doubles, verdict.doubles
            assert not verdict.faults, verdict.faults

    one()


@dataclass(frozen=True)
class Ticket:
    """Some histories to be played: which `kind`, at what kinds of connections, and how many."""

    kind: str
    connections: tuple[str, ...]
    seed: int
    worlds: int

    def nth(self, number: int) -> Ticket:
        """The same with other histories."""
        return replace(self, seed=self.seed + number)


@dataclass(frozen=True)
class Played:
    """What became of a ticket. With a failure it counts for nothing: the shortest one was sought."""

    tally: Tally = field(default_factory=Tally)
    cpu: float = 0.0
    failure: str = ""


def play_ticket(ticket: Ticket) -> Played:
    """Play it to its end, in a process of its own."""
    logging.disable()
    if not gc.get_freeze_count():
        # What was imported stays: nobody needs to look through it again and again.
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)
    kinds = {
        "any": lambda: _any(ticket.connections, survivable=True),
        "beyond": lambda: _any(ticket.connections, survivable=False),
        "calm": lambda: calm_histories(ticket.connections),
        "faithful": lambda: faithful_histories(ticket.connections),
    }
    began, tally, survivable = time.process_time(), Tally(), ticket.kind != "beyond"
    failure = ""
    try:
        play(
            kinds[ticket.kind](),
            tally,
            worlds=ticket.worlds,
            fixed=ticket.seed,
            shrink=survivable,
            strict=survivable,
        )
    except Exception as error:
        failure = _told(error)
    return Played(tally, time.process_time() - began, failure)


def _any(connections: tuple[str, ...], *, survivable: bool) -> st.SearchStrategy[History]:
    if connections[0] in SERVICES:
        return st.sampled_from(connections).flatmap(lambda one: served(one, survivable=survivable))
    return histories(None if survivable else beyond(), connections)


def _told(error: Exception) -> str:
    """The failure with hypothesis' notes: they hold the history."""
    return "".join(traceback.format_exception(error)[-12:])


def really(worlds: int, fixed: int, film: Path) -> tuple[Counter[str], str]:
    """Play histories with real processes; with what failed, if something was paid twice."""
    total: Counter[str] = Counter()
    raw = film.read_bytes()

    @seed(fixed)
    @settings(max_examples=worlds, deadline=None, database=None, phases=[Phase.generate])
    @given(real_histories)
    def one(history: RealHistory) -> None:
        verdict = play_really(history, raw)
        total.update(histories=1, lost=verdict.lost, creates=verdict.creates, killed=verdict.killed)
        total.update(done=verdict.done, held=verdict.held)
        assert not verdict.doubles, f"{history.who}: {verdict.doubles}\n{verdict.output}"

    try:
        one()
    except Exception as error:
        return total, _told(error)
    return total, ""
