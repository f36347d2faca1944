"""Carrying out irreversible acts, each at most once.

The order is the promise: intent and money are committed, then `sent` is committed, then the plugin is called,
once. What comes of it is returned with the commands that write it down, so that the caller commits them
together with the job's next state. An act whose outcome is unknown is called again only with proof that it did
not happen, or with a key the other side honours.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from reelwork.dispatch import in_a_line
from reelwork.errors import BudgetExceeded, HookTimedOut, Limited
from reelwork.logs import mask
from reelwork.owner import Owner, is_dead
from reelwork.store.protocol import Store
from reelwork.store.rows import (
    Budget,
    Command,
    Confirm,
    Doubt,
    EffectRow,
    Intend,
    Lease,
    Quota,
    Refuse,
    Reopen,
    Send,
)
from reelwork_hooks.effects import Absent, Effect, EffectState, Found, Idempotency, Unsure
from reelwork_hooks.errors import NotSent, Rejected

R = TypeVar("R")

DID_NOT_HAPPEN = "did_not_happen"
"""The note under which a person's decision is kept: the attempt that did not happen."""

IN_DOUBT = "in_doubt"
"""The note under which the attempt is kept that may have happened when the same key was sent again.
That nothing came of the later attempt proves nothing about the earlier one."""

LOOKS_BEFORE_ASKING = 2
"""Times an unsure look is repeated before a person is asked: other acts' outcomes may settle it meanwhile."""

LATE_ANSWER = "answer"
"""The note under which a process keeps an answer that came after it had lost the job."""

ENDED = "ended"
"""The note under which a process that had lost the job keeps which attempt's call has ended: it acts no more."""

MOST_FAILURES = 6
"""Times an act that provably did not leave is tried before the job fails, still unsent."""

MOST_SENDINGS = 12
"""Times an act whose outcome stays unknown is sent again, a minute apart at last, before the job stops."""


@dataclass(frozen=True)
class Act(Generic[R]):
    """One irreversible act and how to carry it out, look for it and keep its answer."""

    key: str
    kind: str
    subject: str
    account: str
    idempotency: Idempotency
    settle_seconds: float
    time_limit: float
    call: Callable[[Effect], Awaitable[R]]
    find: Callable[[Effect], Awaitable[Found[R] | Absent | Unsure]]
    identify: Callable[[R], str]
    dump: Callable[[R], str]
    load: Callable[[str], R]
    what: str
    """Such as `the request to preview`, for messages."""
    fingerprint: str = ""
    prepared: Any = None
    reserve: int | None = None
    budget: Budget = field(default_factory=Budget)
    quota: Quota = field(default_factory=Quota)


@dataclass(frozen=True)
class Happened(Generic[R]):
    """The act happened, once."""

    result: R
    commands: tuple[Command, ...] = ()
    found: bool = False
    """It was found by looking, not answered."""


@dataclass(frozen=True)
class Refused:
    """The other side refused without work, or the act was given up before it left."""

    reason: str
    commands: tuple[Command, ...] = ()
    again: bool = False
    """Whether trying again later makes sense: nothing was ever accepted."""


@dataclass(frozen=True)
class Later:
    """Not yet: try this step again at `until`."""

    until: float
    why: str
    commands: tuple[Command, ...] = ()
    failure: bool = False
    blocked_on: str | None = None
    notable: bool = False
    """Worth a line in the job's story."""
    in_doubt: bool = False
    """It may have happened, and is looked up then."""


@dataclass(frozen=True)
class Undecided:
    """A person must decide, or change a budget."""

    reason: str
    commands: tuple[Command, ...] = ()
    over_budget: str = ""
    """The budget, such as `per_day`, for which it was not sent: there is nothing to decide about it."""


Outcome = Happened[R] | Refused | Later | Undecided


@dataclass
class Ledger:
    """Performs acts under a job's lease."""

    store: Store
    owner: Owner
    clock: Callable[[], float]
    overrun: set[str] = field(default_factory=set)
    """Acts whose plugin was still running in a thread when its time was up: it may act yet."""
    calling: set[str] = field(default_factory=set)
    """Acts that are being carried out now, also those whose job was lost meanwhile."""

    async def perform(self, lease: Lease, act: Act[R], failures: int) -> Outcome[R]:
        """Bring an act as far as it can be brought now.

        Raises `LeaseLost` when the job was taken over; then nothing was sent by this call.
        """
        effect = await self.store.effect(act.key)
        if effect is None or effect.state == EffectState.INTENDED:
            return await self._send(lease, act, failures)
        if effect.state == EffectState.CONFIRMED:
            return Happened(act.load(effect.result), found=True)
        if effect.state == EffectState.REJECTED:
            return Refused(effect.reason)
        if effect.state == EffectState.SENT:
            return self._orphaned(act, effect)
        return await self._resolve(lease, act, effect, failures)

    async def settle(self, lease: Lease, act: Act[R]) -> Outcome[R]:
        """Find out what became of an act that may have happened, by looking alone: it is never sent here.

        Raises `LeaseLost` when the job was taken over.
        """
        effect = await self.store.effect(act.key)
        if effect is None or effect.state not in (EffectState.SENT, EffectState.UNKNOWN):
            return Refused("settled meanwhile")
        # With a key it would be sent again; a first sending is not for whoever only looks.
        looked = replace(act, idempotency=Idempotency.LOOKUP) if act.idempotency is Idempotency.KEY else act
        if effect.state == EffectState.SENT:
            return self._orphaned(looked, effect)
        return await self._resolve(lease, looked, effect, LOOKS_BEFORE_ASKING)

    async def _send(self, lease: Lease, act: Act[R], failures: int) -> Outcome[R]:
        intent = Intend(
            act.key,
            act.kind,
            act.subject,
            act.account,
            act.fingerprint,
            json.dumps(act.prepared),
            act.reserve,
            act.budget,
        )
        try:
            effect = await self.store.apply(lease, [intent, Send(act.key, act.account, act.quota)])
        except Limited as limited:
            return Later(limited.until, limited.message, blocked_on=limited.account or None)
        except BudgetExceeded as exceeded:
            return Undecided(exceeded.explained(), over_budget=exceeded.budget)
        assert effect is not None
        return await self._call(act, effect, failures)

    async def _call(self, act: Act[R], effect: EffectRow, failures: int) -> Outcome[R]:
        self.calling.add(act.key)
        try:
            async with asyncio.timeout(act.time_limit):
                result = await act.call(self._view(act, effect))
            answer = act.dump(result)
            return Happened(result, (Confirm(act.key, act.identify(result), answer),))
        except NotSent as error:
            return self._not_sent(act, effect, error, failures)
        except Rejected as error:
            reason = " ".join(part for part in (in_a_line(error), mask(error.hint)) if part)
            if _in_doubt(effect):
                return Undecided(_unresolved(act, reason), (Doubt(act.key, reason, None),))
            return Refused(reason, (Refuse(act.key, reason),))
        except HookTimedOut as error:
            if error.still_running:
                self.overrun.add(act.key)
            sender = self.owner.name if error.still_running else None
            return self._unknown(act, in_a_line(error), sender=sender)
        except Exception as error:
            return self._unknown(act, in_a_line(error))
        finally:
            self.calling.discard(act.key)

    def _not_sent(self, act: Act[R], effect: EffectRow, error: NotSent, failures: int) -> Outcome[R]:
        reason = in_a_line(error)
        wait = backoff(failures) if error.retry_after is None else max(error.retry_after, 0.05)
        until = self.clock() + wait
        doubted = _in_doubt(effect)
        if error.retry_after is None and failures + 1 >= MOST_FAILURES:
            if doubted:
                return Undecided(_unresolved(act, reason), (Doubt(act.key, reason, None),))
            return Refused(reason, (Reopen(act.key, reason, give_up=True),), again=True)
        return Later(
            until,
            reason,
            (Doubt(act.key, reason, until) if doubted else Reopen(act.key, reason),),
            failure=error.retry_after is None,
            notable=True,
        )

    def _orphaned(self, act: Act[R], effect: EffectRow) -> Outcome[R]:
        """`sent` without an outcome: whoever sent it lost the job before writing down what came of it."""
        reason = "the process that sent it ended before the answer was kept"
        return self._unknown(act, reason, sender=effect.sender if self._may_act_yet(effect) else None)

    def _outlived(self, act: Act[R], effect: EffectRow) -> Later:
        """Whoever might still have sent it cannot any more, but may have until just now: it settles from now on."""
        settle_at = self.clock() + act.settle_seconds
        return Later(settle_at, effect.reason, (Doubt(act.key, effect.reason, settle_at),), in_doubt=True)

    def _unknown(self, act: Act[R], reason: str, *, sender: str | None = None) -> Later | Undecided:
        now = self.clock()
        if act.idempotency is Idempotency.NONE:
            return Undecided(_unresolved(act, reason), (Doubt(act.key, reason, None, sender),))
        settle_at = now + (act.settle_seconds if act.idempotency is Idempotency.LOOKUP else 0)
        doubt = Doubt(act.key, reason, settle_at, sender)
        following = (
            "it is sent again with the same key, by which the other side knows it and does nothing twice"
            if act.idempotency is Idempotency.KEY
            else "it will be looked up, not sent blindly"
        )
        why = f"the outcome of {act.what} is unknown ({reason}); {following}"
        return Later(settle_at, why, (doubt,), notable=True, in_doubt=act.idempotency is not Idempotency.KEY)

    async def _resolve(self, lease: Lease, act: Act[R], effect: EffectRow, failures: int) -> Outcome[R]:
        now = self.clock()
        answer = json.loads(effect.evidence).get(LATE_ANSWER)
        if answer is not None:
            result = act.load(answer)
            # An identical act may have taken it meanwhile, for want of its own: then this one takes what is left.
            mine = await self.store.claim_match(lease, act.key, [act.identify(result)])
            if mine is not None:
                return Happened(result, (Confirm(act.key, mine, answer),), found=True)
        if json.loads(effect.evidence).get(DID_NOT_HAPPEN) == effect.attempt:
            return self._absent(act, effect, failures, "a person decided that it did not happen")
        if effect.settle_at is not None and now < effect.settle_at:
            return Later(effect.settle_at, effect.reason, in_doubt=True)
        if act.idempotency is Idempotency.KEY:
            if failures >= MOST_SENDINGS:
                return Undecided(_unresolved(act, f"{effect.reason}, {failures} times in a row"))
            why = "sent again with the same key, which the other side honours"
            self.store.note(act.key, {IN_DOUBT: effect.attempt})
            return Later(now + backoff(failures) - 1, why, (Reopen(act.key, why),), failure=True, notable=True)
        if act.idempotency is Idempotency.NONE:
            return Undecided(_unresolved(act, effect.reason))
        if effect.sender is not None and not self._may_act_yet(effect):
            return self._outlived(act, effect)
        if await self._another_may_be_told(effect):
            return Later(now + 0.5, "an identical request is on its way; it is waited for first", in_doubt=True)
        return await self._look(lease, act, effect, failures)

    async def _look(self, lease: Lease, act: Act[R], effect: EffectRow, failures: int) -> Outcome[R]:
        try:
            async with asyncio.timeout(act.time_limit):
                answer = await act.find(self._view(act, effect))
        except Exception as error:
            wait = self.clock() + backoff(failures)
            why = f"looking for {act.what} failed: {in_a_line(error)}"
            return Later(wait, why, failure=True, notable=True, in_doubt=True)
        match answer:
            case Found(candidates):
                return await self._claim(lease, act, effect, candidates, failures)
            case Absent():
                return self._absent(act, effect, failures)
            case Unsure(reason):
                reason = reason or "the other side cannot tell"
                if failures < LOOKS_BEFORE_ASKING:
                    why = f"looking for {act.what} did not settle it yet: {reason}"
                    return Later(self.clock() + backoff(failures), why, failure=True, in_doubt=True)
                return Undecided(_unresolved(act, reason), (Doubt(act.key, reason, None, effect.sender),))
        return Undecided(_unresolved(act, f"looking for it answered {type(answer).__name__}"))

    async def _claim(
        self, lease: Lease, act: Act[R], effect: EffectRow, candidates: Sequence[R], failures: int
    ) -> Outcome[R]:
        by_id = {act.identify(candidate): candidate for candidate in candidates}
        mine = await self.store.claim_match(lease, act.key, list(by_id))
        if mine is None:
            return self._absent(act, effect, failures)
        result = by_id[mine]
        return Happened(result, (Confirm(act.key, mine, act.dump(result)),), found=True)

    def _absent(
        self,
        act: Act[R],
        effect: EffectRow,
        failures: int,
        why: str = "a complete listing shows that it never arrived",
    ) -> Outcome[R]:
        now = self.clock()
        if effect.key in self.overrun and effect.sender == self.owner.name:
            # Nobody learns when a stuck thread ends, but with the process it does.
            if failures >= LOOKS_BEFORE_ASKING:
                return Undecided(_unresolved(act, "the plugin still runs in this process and may carry it out"))
            why = f"the plugin still runs and may carry out {act.what}; it is not sent again"
            return Later(now + backoff(failures), why, failure=True, in_doubt=True)
        if self._may_act_yet(effect):
            why = "whoever sent it is still alive and may act yet; it is not sent again"
            return Later(now + 1, why, in_doubt=True)
        if effect.attempt >= MOST_SENDINGS:
            reason = f"{why}, {effect.attempt} times in a row; last: {effect.reason}"
            return Refused(reason, (Reopen(act.key, reason, give_up=True),), again=True)
        pause = backoff(effect.attempt - 2) if effect.attempt > 1 else 0
        return Later(now + pause, why, (Reopen(act.key, why),), notable=True)

    async def _another_may_be_told(self, effect: EffectRow) -> bool:
        """Whether what a look finds may belong to an identical request whose sender has not heard of it yet.

        A dead sender never hears: then it does not matter which of the two takes it. As long as one of them may
        still be sent, or answered, it does.
        """
        siblings = await self.store.open_siblings(effect)
        return any(map(self._may_act_yet, siblings)) or (bool(siblings) and self._may_act_yet(effect))

    def _may_act_yet(self, effect: EffectRow) -> bool:
        if effect.sender is None:
            return False
        if json.loads(effect.evidence).get(ENDED) == effect.attempt:
            return False
        if effect.sender == self.owner.name:
            going_on = effect.key in self.calling or effect.key in self.overrun
            return going_on or effect.state == EffectState.SENT
        return not is_dead(self.store.path, effect.sender)

    def _view(self, act: Act[R], effect: EffectRow) -> Effect:
        def note(evidence: Mapping[str, Any]) -> None:
            told = {name: mask(value) if isinstance(value, str) else value for name, value in evidence.items()}
            self.store.note(act.key, told)

        return Effect(
            key=act.key,
            attempt=effect.attempt,
            prepared=json.loads(effect.prepared),
            evidence=json.loads(effect.evidence),
            started_at=effect.sent_at or effect.created_at,
            on_note=note,
        )


def _in_doubt(effect: EffectRow) -> bool:
    evidence = json.loads(effect.evidence)
    # A backup put in use may be in doubt about a request before it has counted a first attempt.
    return int(evidence.get(IN_DOUBT, -1)) > int(evidence.get(DID_NOT_HAPPEN, -1))


def backoff(failures: int) -> float:
    """Seconds to wait after so many failures in a row: 1, 2, 4 … at most 60."""
    return float(min(2 ** min(failures, 6), 60))


def _unresolved(act: Act[Any], reason: str) -> str:
    reason = reason.rstrip(".")
    return f"The outcome of {act.what} is unknown: {reason}. It may have been carried out, so it is not sent again."
