"""The paid effect: asks the provider for a render, at most once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from reelwork.engine.renders.details import foreign, sound_pause
from reelwork.engine.stages.effects import submit_act
from reelwork.engine.stages.pending import last_answer, over, wait
from reelwork.engine.stages.step import Next, Working, go, hold, stop
from reelwork.engine.stages.tools import StageTools
from reelwork.errors import in_a_line, in_sentences
from reelwork.ids import new_id
from reelwork.ledger import Act, Happened, Later, Refused, Undecided
from reelwork.money import to_dollars
from reelwork.planning.job_state import JobData, request_for
from reelwork.planning.reference_roles import references_problem
from reelwork.redaction.redactor import mask
from reelwork.store.commands import AddRender, Command
from reelwork.store.holds import HoldReason
from reelwork.store.records import FAILED, REJECTED, EffectRow
from reelwork.store.statuses import Step
from reelwork_hooks.errors import InvalidInput, OutOfFunds, Rejected
from reelwork_hooks.models import Pending, RenderFacts
from reelwork_hooks.provider import Submitted


async def prepare(tools: StageTools, work: Working) -> Next:
    """Let the provider do what comes before the request and may be repeated."""
    name = work.pipeline.provider_name
    request = request_for(work.data).replace(pending=last_answer(work.data.waited, name))
    try:
        _check_taken(work)
        prepared = await work.pipeline.provider.prepare(request)
        if isinstance(prepared, Pending):
            return wait(work, Step.PREPARE, prepared, name, tools.clock(), stands="Nothing was sent or paid for.")
        data = over(work.data).replace(prepared=prepared)
    except Rejected as error:
        # A refusal ends what was begun there: a retry begins anew.
        return stop(REJECTED, Step.PREPARE, over(work.data), mask(error.explained()))
    except OutOfFunds as error:
        # A pause brings no money back. Resuming it asks again.
        reason = f"{in_sentences(error)} It is held until it is resumed; nothing was sent."
        return hold(Step.PREPARE, work.data, HoldReason.NO_FUNDS, reason)
    except InvalidInput as error:
        # An invalid input is still invalid after a pause, so it is not retried.
        return stop(FAILED, Step.PREPARE, work.data, f"preparing the request failed: {mask(error.explained())}")
    except Exception as error:
        return tools.retry(work, error, FAILED, f"preparing the request failed: {in_a_line(error)}")
    return go(Step.SUBMIT, data)


def _check_taken(work: Working) -> None:
    """Refuse what the provider does not take: settings may have changed since the job was planned."""
    pipeline, references = work.pipeline, work.data.brief.references
    if problem := pipeline.provider.options_problem(work.data.brief.options):
        raise InvalidInput(f"options: {problem}")
    if not any(reference.role or reference.at is not None for reference in references):
        return
    can = pipeline.provider.capabilities(work.data.model)
    if problem := references_problem(references, can, pipeline.provider_name):
        raise InvalidInput(f"references: {problem}")


async def submit(tools: StageTools, work: Working) -> Next:
    """Ask the provider for the render, at most once."""
    used = work

    def as_sent(effect: EffectRow, run: str) -> Act[Submitted]:
        nonlocal used
        used = tools.with_run(work, run)
        return submit_act(used, tools.store)

    act = replace(submit_act(work, tools.store), as_sent=as_sent)
    outcome = await tools.ledger.perform(work.lease, act, max(work.row.attempts, work.data.stale))
    match outcome:
        case Happened(result, commands, found):
            following = _submitted(tools, used, result, commands, found)
            # Right after the answer a list can still show that it is fresh. What was found by a lookup has been
            # listed already.
            return following if found else replace(following, afterwards=partial(tools.ledger.freshness.after, act))
        case Refused(reason, commands, again):
            if again:
                data = work.data.replace(stale=0)
                return stop(FAILED, Step.SUBMIT, data, f"{reason}. It was never accepted.", *commands)
            # `resume` must not pay for what the provider has refused; only `retry` goes on from this step.
            return stop(REJECTED, Step.SUBMIT_AGAIN, work.data, reason, *commands)
        case Undecided(reason, commands):
            return hold(Step.SUBMIT, work.data, outcome.hold_of(act), reason, *commands)
        case Later(prepare_again=True):
            data = work.data.replace(prepared=None, stale=work.data.stale + 1)
            return tools.later(work, outcome, Step.PREPARE, data)
        case Later():
            return tools.later(work, outcome, Step.SUBMIT)


def _submitted(
    tools: StageTools, work: Working, submitted: Submitted, commands: Sequence[Command], found: bool
) -> Next:
    render, data = accepted(work, submitted, tools.clock())
    waiting = Next(Step.RENDER, data, (*commands, render), waits=True, render_id=render.id)
    return waiting.telling("found" if found else "submitted", remote_id=submitted.remote_id)


def accepted(work: Working, submitted: Submitted, now: float) -> tuple[AddRender, JobData]:
    """Return the command that stores an accepted render, and the job's data with it."""
    # In one commit with the effect's outcome. Between two, a kill would leave a paid render that nobody waits for.
    config, pause = work.pipeline.provider.config, sound_pause(submitted.poll_after)
    render = AddRender(
        id=new_id(),
        provider=work.pipeline.provider_name,
        account=work.pipeline.account,
        remote_id=submitted.remote_id,
        request=request_for(work.data).model_dump_json(),
        details=json.dumps(foreign(submitted.details)),
        due_at=now + (config.poll_interval if pause is None else pause),
        deadline_at=now + config.deadline,
        run_id=work.sent_run,
    )
    facts = RenderFacts(
        provider=work.pipeline.provider_name,
        remote_id=submitted.remote_id,
        status="queued",
        cost=to_dollars(work.data.cost),
        model=work.data.model or config.model or None,
    )
    return render, work.data.replace(render=facts, hold=None)


async def submit_again(tools: StageTools, work: Working) -> Next:
    """Start a new render for a person who asked for it: a new effect, with money of its own."""
    # The number is part of the effect's key. The old effect keeps its outcome and its money.
    data = work.data.replace(generation=work.data.generation + 1, prepared=None, render=None)
    return go(Step.PREPARE, data).telling("new-render", generation=data.generation)
