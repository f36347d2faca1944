"""What became of an act that may have happened: waiting, looking, claiming what is found.

An act whose outcome is unknown is called again only with proof that it did not happen, or with a key the other
side honours.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reelwork.dispatch import in_a_line
from reelwork.ledger import policy
from reelwork.ledger.outcomes import Act, Happened, Later, Outcome, R, Refused, Undecided
from reelwork.ledger.policy import DID_NOT_HAPPEN, ENDED, IN_DOUBT, LATE_ANSWER, LOOKS_BEFORE_ASKING, MOST_SENDINGS
from reelwork.owner import Owner, is_dead
from reelwork.redaction import mask
from reelwork.store.protocol import Store
from reelwork.store.rows import Confirm, Doubt, EffectRow, Lease, Reopen
from reelwork_hooks.effects import Absent, Effect, EffectState, Found, Idempotency, Unsure


@dataclass
class Resolver:
    """Settles acts whose outcome is not known, under a job's lease."""

    store: Store
    owner: Owner
    clock: Callable[[], float]
    overrun: set[str] = field(default_factory=set)
    """Acts whose plugin was still running in a thread when its time was up: it may act yet."""
    calling: set[str] = field(default_factory=set)
    """Acts that are being carried out now, also those whose job was lost meanwhile."""

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
            return Undecided(unresolved(act, reason), (Doubt(act.key, reason, None, sender),))
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
                return Undecided(unresolved(act, f"{effect.reason}, {failures} times in a row"))
            why = "sent again with the same key, which the other side honours"
            self.store.note(act.key, {IN_DOUBT: effect.attempt})
            return Later(
                now + policy.backoff(failures) - 1, why, (Reopen(act.key, why),), failure=True, notable=True
            )
        if act.idempotency is Idempotency.NONE:
            return Undecided(unresolved(act, effect.reason))
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
            wait = self.clock() + policy.backoff(failures)
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
                    return Later(self.clock() + policy.backoff(failures), why, failure=True, in_doubt=True)
                return Undecided(unresolved(act, reason), (Doubt(act.key, reason, None, effect.sender),))
        return Undecided(unresolved(act, f"looking for it answered {type(answer).__name__}"))

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
                return Undecided(unresolved(act, "the plugin still runs in this process and may carry it out"))
            why = f"the plugin still runs and may carry out {act.what}; it is not sent again"
            return Later(now + policy.backoff(failures), why, failure=True, in_doubt=True)
        if self._may_act_yet(effect):
            why = "whoever sent it is still alive and may act yet; it is not sent again"
            return Later(now + 1, why, in_doubt=True)
        if effect.attempt >= MOST_SENDINGS:
            reason = f"{why}, {effect.attempt} times in a row; last: {effect.reason}"
            return Refused(reason, (Reopen(act.key, reason, give_up=True),), again=True)
        pause = policy.backoff(effect.attempt - 2) if effect.attempt > 1 else 0
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


def in_doubt(effect: EffectRow) -> bool:
    """Whether an earlier attempt with the same key may have happened."""
    evidence = json.loads(effect.evidence)
    # A backup put in use may be in doubt about a request before it has counted a first attempt.
    return int(evidence.get(IN_DOUBT, -1)) > int(evidence.get(DID_NOT_HAPPEN, -1))


def unresolved(act: Act[Any], reason: str) -> str:
    """What a person is told of an act of unknown outcome."""
    reason = reason.rstrip(".")
    return f"The outcome of {act.what} is unknown: {reason}. It may have been carried out, so it is not sent again."
