"""Carries out effects, each at most once. `resolve.py` settles those of unknown outcome.

Each outcome is returned with the commands that record it. The caller commits them with the job's next state.
"""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import replace

from reelwork.errors import BudgetExceeded, Cold, HookTimedOut, Limited, PostsStopped, in_a_line, in_sentences
from reelwork.ids import is_clean
from reelwork.ledger import timing
from reelwork.ledger.evidence import Answer, Decision, Ended, end
from reelwork.ledger.freshness import Freshness
from reelwork.ledger.funds import Funds
from reelwork.ledger.named import settled_soon
from reelwork.ledger.outcomes import Act, Happened, Later, Outcome, R, Refused, Undecided
from reelwork.ledger.resolve import Resolver, unresolved
from reelwork.ledger.sending_record import how_json, in_doubt, key_of, sent_of
from reelwork.ledger.timing import LOOKS_BEFORE_ASKING, MOST_FAILURES
from reelwork.redaction.redactor import mask
from reelwork.store.commands import Confirm, Doubt, Intend, Refuse, Reopen, Send
from reelwork.store.holds import HoldReason
from reelwork.store.notes import EXISTS
from reelwork.store.records import EffectRow, Lease
from reelwork.store.sending import Sending
from reelwork_hooks.effects import EffectState, Idempotency
from reelwork_hooks.errors import AlreadyThere, NotSent, OutOfFunds, ReelworkError, Rejected

log = logging.getLogger("reelwork.ledger")
SOON = 0.5
"""Seconds until a job tries again that may be sent by now."""
RESUMED = "It is held until it is resumed; nothing was accepted."


class Ledger(Resolver):
    """Performs effects under a job's lease."""

    freshness: Freshness
    funds: Funds

    def __post_init__(self) -> None:
        super().__post_init__()
        self.funds = Funds(self.time)
        self.freshness = Freshness(self.store, self.time)

    async def perform(self, lease: Lease, act: Act[R], failures: int) -> Outcome[R]:
        """Bring an effect as far as it can be brought now.

        Raises `LeaseLost` if the job was taken over. Then this call has sent nothing.
        """
        effect = await self.store.effect(act.key)
        if effect is not None and _is_open(effect):
            try:
                # Settings may have changed since. A lookup at another server or account would miss what was paid
                # for.
                act = _as_sent(act, effect)
            except ReelworkError as error:
                why = f"what it was sent with can no longer be used: {in_a_line(error)}"
                return Undecided(unresolved(act, why))
        # No call was announced: `sent` is always committed before one. So it may be sent.
        if effect is None or effect.state == EffectState.INTENDED:
            return await self._send(lease, act, effect, failures)
        if effect.state == EffectState.CONFIRMED:
            # `reconcile` has found it, or a backup has put the job back to before its answer. The stored answer
            # takes the place of a second call.
            return Happened(act.load(effect.result), found=True)
        if effect.state == EffectState.REJECTED:
            return Refused(effect.reason)
        # The lease is ours, so the sender has lost it. The call may have been made, may be under way or may never
        # come.
        if effect.state == EffectState.SENT:
            return settled_soon(await self._orphaned(act, effect), effect, self.clock())
        return await self._resolve(lease, act, effect, failures)

    async def settle(self, lease: Lease, act: Act[R]) -> Outcome[R]:
        """Settle an effect that may have happened, by lookups alone: it is never sent here.

        Raises `LeaseLost` if the job was taken over.
        """
        effect = await self.store.effect(act.key)
        if effect is not None and effect.state == EffectState.CONFIRMED:
            # Another process was faster. It has happened, whoever found that out.
            return Happened(act.load(effect.result), found=True)
        if effect is None or effect.state not in (EffectState.SENT, EffectState.UNKNOWN):
            return Refused("another process settled it meanwhile", again=True)
        # A key is settled by sending again. Whoever only looks things up must not send, so it is looked up instead.
        looked = replace(act, idempotency=Idempotency.LOOKUP) if act.idempotency is Idempotency.KEY else act
        if effect.state == EffectState.SENT:
            return await self._orphaned(looked, effect)
        return await self._resolve(lease, looked, effect, LOOKS_BEFORE_ASKING)

    async def _send(self, lease: Lease, act: Act[R], effect: EffectRow | None, failures: int) -> Outcome[R]:
        credential = await self.credential(act)
        earlier = effect if effect is not None and in_doubt(effect) else None
        if earlier is not None:
            # Right before it is sent: the job may have waited for a limit or a budget, and the key has aged
            # meanwhile.
            key = key_of(act, earlier, credential, self.time)
            if key is None or not key.holds:
                return self._doubt_again(act, earlier)
        # Only where nothing is in doubt: what may have been carried out is settled whether there is money or not.
        elif reason := self.funds.missing(act):
            told = f"An identical request was refused a moment ago: {reason} This one was not sent. {RESUMED}"
            return Undecided(told, hold=HoldReason.NO_FUNDS)
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
        # The record of an earlier sending with this key stays: the key's age counts from its first sending.
        sending = None if earlier is not None else self._sending(act, credential, await self.freshness.before(act))
        try:
            # One commit: limits are counted, money is reserved and `sent` is on disk, all under the lease. A kill
            # before it leaves nothing sent. A kill after it leaves `sent`, which is settled and never sent
            # blindly.
            sent = await self.store.apply(
                lease, [intent, Send(act.key, act.account, act.quota, sending, act.names)]
            )
        except Limited as limited:
            until = limited.until
            # This job waits for the first request there to be listed. It reads the list itself, so that all wait no
            # longer.
            if isinstance(limited, Cold) and await self.freshness.warm_up(act):
                until = min(until, self.clock() + SOON)
            stopped = isinstance(limited, PostsStopped)
            return Later(until, limited.message, blocked_on=limited.account or None, stopped=stopped)
        except BudgetExceeded as exceeded:
            return Undecided(exceeded.explained(), hold=HoldReason.over(exceeded.budget))
        assert sent is not None
        outcome = await self._call(act, sent, failures)
        return settled_soon(outcome, await self.store.effect(act.key), self.clock())

    def _sending(self, act: Act[R], credential: str | None, before: float | None) -> Sending:
        looked_up = act.idempotency is Idempotency.LOOKUP and act.can_look
        # A list of what has ended never shows that something is missing, however well it is known. So the others
        # wait for the answer to the first request only.
        listed_after = 0.0 if act.listed_late else act.settle_seconds
        return Sending(
            place=act.place or act.account,
            how=how_json(act, credential, self.time, before),
            alias=act.alias,
            model=act.model,
            spec=act.spec,
            asked=json.dumps(dict(act.asked)),
            # Without a lookup nothing is learnt from a first request alone, so others need not wait for it.
            cold_wait=listed_after if looked_up else None,
        )

    def _doubt_again(self, act: Act[R], effect: EffectRow) -> Later:
        """Its key no longer holds: what may have happened before is looked up instead of sending it again."""
        why = "it was sent earlier with a key that the other side may no longer know"
        doubt = replace(self._doubt(act, why, act.settle_seconds), earlier=True)
        return Later(self.clock() + act.settle_seconds, why, (doubt,), notable=True, in_doubt=True)

    async def _call(self, act: Act[R], effect: EffectRow, failures: int) -> Outcome[R]:
        # While the key is here, this process counts as one that may still send, even after it has lost the lease.
        self.calling.add(act.key)
        try:
            # The point of no return. From here on only `NotSent` and `Rejected` say that nothing happened.
            async with asyncio.timeout(act.time_limit):
                result = await act.call(self._view(act, effect))
            remote_id, answer = act.identify(result), act.dump(result)
            # Accepted, but by an id that cannot be stored or sent back unchanged. A changed id may be another
            # render's.
            if not is_clean(remote_id):
                return self._unknown(act, "the answer has an invalid id")
            answered = json.dumps(self.time.now()._asdict())
            self.funds.accepted(act)
            return Happened(result, (Confirm(act.key, remote_id, answer, answered),))
        # These two are the plugin's word that no work began. Everything else, a time-out too, may have happened.
        except NotSent as error:
            return self._not_sent(act, effect, error, failures)
        except Rejected as error:
            return self._refused(act, effect, error)
        except AlreadyThere as error:
            # An earlier attempt may have made it, or somebody else. It is no refusal: only a lookup tells whose it
            # is.
            self.store.note(act.key, {EXISTS: effect.attempt})
            return self._unknown(act, in_a_line(error))
        except HookTimedOut as error:
            if error.still_running:
                # A thread cannot be stopped. It may send as long as this process lives, so this process stays its
                # sender.
                self.overrun.add(act.key)
            sender = self.owner.name if error.still_running else None
            return self._unknown(act, in_a_line(error), sender=sender)
        except asyncio.CancelledError:
            self.broken_off.add(act.key)
            raise
        except Exception as error:
            return self._unknown(act, in_a_line(error))
        finally:
            self.calling.discard(act.key)

    def _refused(self, act: Act[R], effect: EffectRow, error: Rejected) -> Outcome[R]:
        reason = in_sentences(error)
        # A refusal is about this attempt. It says nothing about an earlier one with the same key.
        if end(Ended(Answer.REFUSED, in_doubt(effect))).decision is Decision.REJECT:
            return Refused(reason, (Refuse(act.key, reason),))
        return Undecided(unresolved(act, reason), (Doubt(act.key, reason, None),))

    def _not_sent(self, act: Act[R], effect: EffectRow, error: NotSent, failures: int) -> Outcome[R]:
        reason = in_a_line(error)
        asked_to_wait = error.retry_after is not None
        kind = Answer.SLOW_DOWN if asked_to_wait else Answer.NOT_SENT
        decision = end(Ended(Answer.NO_FUNDS if isinstance(error, OutOfFunds) else kind, in_doubt(effect))).decision
        if decision is Decision.NO_FUNDS:
            return self._out_of_funds(act, effect, error)
        doubted = decision is Decision.UNKNOWN
        # With an earlier attempt in doubt, even a lasting error is retried: the server may come back.
        gives_up = error.lasting and not doubted
        if gives_up or (not asked_to_wait and failures + 1 >= MOST_FAILURES):
            if doubted:
                return Undecided(unresolved(act, reason), (Doubt(act.key, reason, None),))
            # Nothing was accepted, so the money goes back to the budgets. `resume` reserves it again on its own
            # day.
            told = in_sentences(error).rstrip(".")
            return Refused(told, (Reopen(act.key, told, give_up=True),), again=True)
        # A server that says `Retry-After: 0` would be asked hundreds of times a minute. So the pause never falls
        # below a second, and grows with each refusal.
        wait = max(timing.backoff(effect.refusals if asked_to_wait else failures), error.retry_after or 0.0)
        until = self.clock() + wait
        open_again = Reopen(act.key, reason, refused=asked_to_wait)
        return Later(
            until,
            reason,
            (self._doubt(act, reason, wait) if doubted else open_again,),
            failure=not asked_to_wait,
            notable=True,
            # In doubt, an earlier attempt may have used it. It is looked up by what it was prepared with.
            prepare_again=error.prepare_again and not doubted,
        )

    def _out_of_funds(self, act: Act[R], effect: EffectRow, error: NotSent) -> Undecided:
        reason = mask(error.explained())
        if in_doubt(effect):
            return Undecided(unresolved(act, in_a_line(error)), (Doubt(act.key, in_a_line(error), None),))
        self.funds.refused(act, reason)
        told = f"{reason} {RESUMED}"
        # Missing money does not pass by itself, so it is not retried. Nothing was accepted, so no budget holds its
        # price.
        return Undecided(told, (Reopen(act.key, in_a_line(error), give_up=True),), hold=HoldReason.NO_FUNDS)


def _as_sent(act: Act[R], effect: EffectRow) -> Act[R]:
    """Return the effect with the settings it was sent with."""
    run = sent_of(effect).run
    return act.as_sent(effect, run) if act.as_sent is not None and run and run != act.run else act


def _is_open(effect: EffectRow) -> bool:
    """Return whether an effect may have happened and is not settled."""
    # `intended` can be in doubt as well: a key that is about to be sent again has an earlier attempt behind it.
    unsettled = effect.state in (EffectState.SENT, EffectState.UNKNOWN)
    return unsettled or (effect.state == EffectState.INTENDED and in_doubt(effect))
