"""Carrying out irreversible acts, each at most once.

The order is the promise: intent and money are committed, then `sent` is committed, then the plugin is called,
once. What comes of it is returned with the commands that write it down, so that the caller commits them
together with the job's next state. What becomes of an unknown outcome is decided in `resolve.py`.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

from reelwork.dispatch import in_a_line
from reelwork.errors import BudgetExceeded, HookTimedOut, Limited
from reelwork.ledger import policy
from reelwork.ledger.outcomes import Act, Happened, Later, Outcome, R, Refused, Undecided
from reelwork.ledger.policy import LOOKS_BEFORE_ASKING, MOST_FAILURES
from reelwork.ledger.resolve import Resolver, in_doubt, unresolved
from reelwork.redaction import mask
from reelwork.store.rows import Confirm, Doubt, EffectRow, Intend, Lease, Refuse, Reopen, Send
from reelwork_hooks.effects import EffectState, Idempotency
from reelwork_hooks.errors import NotSent, Rejected


class Ledger(Resolver):
    """Performs acts under a job's lease."""

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
            if in_doubt(effect):
                return Undecided(unresolved(act, reason), (Doubt(act.key, reason, None),))
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
        wait = policy.backoff(failures) if error.retry_after is None else max(error.retry_after, 0.05)
        until = self.clock() + wait
        doubted = in_doubt(effect)
        # An earlier attempt in doubt is worth the wait: a server that starts anew may still tell of it.
        gives_up = error.lasting and not doubted
        if gives_up or (error.retry_after is None and failures + 1 >= MOST_FAILURES):
            if doubted:
                return Undecided(unresolved(act, reason), (Doubt(act.key, reason, None),))
            return Refused(reason, (Reopen(act.key, reason, give_up=True),), again=True)
        return Later(
            until,
            reason,
            (Doubt(act.key, reason, until) if doubted else Reopen(act.key, reason),),
            failure=error.retry_after is None,
            notable=True,
        )
