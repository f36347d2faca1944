"""The paid act: the provider is asked for a render, at most once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from reelwork.answers import as_json, found_of_kind, of_kind
from reelwork.dispatch import in_a_line
from reelwork.guard import awaited
from reelwork.identity import fingerprint, new_id
from reelwork.ledger import Act, Happened, Later, Refused, Undecided
from reelwork.money import to_dollars
from reelwork.provider_contract import capabilities_of
from reelwork.redaction import mask
from reelwork.render_details import foreign
from reelwork.store.rows import FAILED, HELD, REJECTED, AddRender, Command
from reelwork.store.statuses import Step
from reelwork.transition import Next, Working, go, stop
from reelwork.work import JobData, request_for
from reelwork_hooks.effects import Absent, Effect, Found, Idempotency, Unsure
from reelwork_hooks.errors import InvalidInput, Rejected
from reelwork_hooks.models import RenderFacts
from reelwork_hooks.provider import RenderRequest, Submitted

if TYPE_CHECKING:
    from reelwork.steps import Steps

SUBMIT_TIME_LIMIT = 660.0
"""Seconds. Longer than a provider's own time limit, so that its clearer error comes first."""


async def prepare(steps: Steps, work: Working) -> Next:
    """Whatever the provider must do first and may repeat."""
    try:
        preparing = work.pipeline.provider.prepare(request_for(work.data))
        prepared = await awaited(preparing, f"{work.pipeline.provider_name}.prepare")
        data = work.data.replace(prepared=as_json(prepared, "prepare"))
    except Rejected as error:
        return stop(REJECTED, Step.PREPARE, work.data, mask(error.explained()))
    except InvalidInput as error:
        # What is wrong here is wrong in half a minute too.
        return stop(FAILED, Step.PREPARE, work.data, f"preparing the request failed: {mask(error.explained())}")
    except Exception as error:
        return steps.retry(work, error, FAILED, f"preparing the request failed: {in_a_line(error)}")
    return go(Step.SUBMIT, data)


async def submit(steps: Steps, work: Working) -> Next:
    """Ask the provider for the render, at most once."""
    act = submit_act(work)
    outcome = await steps.ledger.perform(work.lease, act, work.row.attempts)
    match outcome:
        case Happened(result, commands, found):
            return _submitted(steps, work, result, commands, found)
        case Refused(reason, commands, again):
            if again:
                return stop(FAILED, Step.SUBMIT, work.data, f"{reason}. It was never accepted.", *commands)
            return stop(REJECTED, Step.SUBMIT_AGAIN, work.data, reason, *commands)
        case Undecided(reason, commands, over_budget):
            looks = bool(over_budget) or act.idempotency is not Idempotency.NONE
            data = work.data.replace(asks=not over_budget, looks=looks, over_budget=over_budget)
            return stop(HELD, Step.SUBMIT, data, reason, *commands)
        case Later():
            return steps.later(work, outcome, Step.SUBMIT)


def submit_act(work: Working) -> Act[Submitted]:
    """The request for the job's render, as an act of the ledger."""
    data, pipeline = work.data, work.pipeline
    request = request_for(data)
    name = pipeline.provider_name
    can = capabilities_of(pipeline.provider, name, data.model)

    async def call(effect: Effect) -> Submitted:
        answer = await awaited(pipeline.provider.submit(request, effect), f"{name}.submit")
        return of_kind(answer, Submitted, "submit")

    async def find(effect: Effect) -> Found[Submitted] | Absent | Unsure:
        answer = await awaited(pipeline.provider.find(request, effect), f"{name}.find")
        return cast("Found[Submitted] | Absent | Unsure", found_of_kind(answer, Submitted, "find"))

    return Act(
        key=f"reelwork-{work.row.id}-render-{data.generation}",
        kind="submit",
        subject=pipeline.provider_name,
        account=pipeline.account,
        idempotency=can.idempotency,
        settle_seconds=can.settle_seconds,
        time_limit=SUBMIT_TIME_LIMIT,
        call=call,
        find=find,
        identify=lambda submitted: submitted.remote_id,
        dump=lambda submitted: submitted.model_dump_json(),
        load=Submitted.model_validate_json,
        what=f"the request to {pipeline.provider_name}",
        fingerprint=_alike(request) if can.idempotency is Idempotency.LOOKUP else "",
        prepared=data.prepared,
        reserve=data.cost,
        budget=pipeline.budget,
        quota=pipeline.quota,
    )


def _submitted(steps: Steps, work: Working, submitted: Submitted, commands: Sequence[Command], found: bool) -> Next:
    render, data = accepted(work, submitted, steps.clock())
    waiting = Next(Step.RENDER, data, (*commands, render), waits=True, render_id=render.id)
    return waiting.telling("found" if found else "submitted", remote_id=submitted.remote_id)


def accepted(work: Working, submitted: Submitted, now: float) -> tuple[AddRender, JobData]:
    """The render a provider accepted, to be kept together with the act's outcome, and the job's data then."""
    config = work.pipeline.provider.config
    render = AddRender(
        id=new_id(),
        provider=work.pipeline.provider_name,
        account=work.pipeline.account,
        remote_id=submitted.remote_id,
        request=request_for(work.data).model_dump_json(),
        details=json.dumps(foreign(submitted.details)),
        due_at=now + (submitted.poll_after if submitted.poll_after is not None else config.poll_interval),
        deadline_at=now + config.deadline,
    )
    facts = RenderFacts(
        provider=work.pipeline.provider_name,
        remote_id=submitted.remote_id,
        status="queued",
        cost=to_dollars(work.data.cost),
    )
    return render, work.data.replace(render=facts, asks=True, looks=True, over_budget="")


async def submit_again(steps: Steps, work: Working) -> Next:
    """A person asked for a new render: a new effect, with money of its own."""
    data = work.data.replace(generation=work.data.generation + 1, prepared=None, render=None)
    return go(Step.PREPARE, data).telling("new-render", generation=data.generation)


def _alike(request: RenderRequest) -> str:
    """Equal for requests whose renders a listing cannot tell apart."""
    return fingerprint(request.model_dump(mode="json", exclude={"metadata", "webhook"}))
