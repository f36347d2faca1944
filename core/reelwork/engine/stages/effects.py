"""The two effects, as the ledger performs them: the request for a render, and the post."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import cast

from reelwork.credentials import principal
from reelwork.engine.renders import poll_answers
from reelwork.engine.renders.details import foreign
from reelwork.engine.stages.step import Working
from reelwork.ids import fingerprint
from reelwork.ledger import Act, Answer
from reelwork.ledger.comparison import fields_of_post, fields_of_request
from reelwork.money import sound_micros
from reelwork.planning.destinations import account_at
from reelwork.planning.job_state import JobData, PostState, post_for, request_for
from reelwork.planning.shapes import posted_as
from reelwork.plugins.guard import GRACE
from reelwork.plugins.pipeline import Pipeline
from reelwork.plugins.time_limits import HOOK_TIME_LIMITS, PROVIDER_TIME_LIMITS
from reelwork.store.post_stops import brand_scope
from reelwork.store.protocol import Store
from reelwork.store.records import EffectRow
from reelwork.store.webhooks import render_token
from reelwork_hooks.effects import Absent, Effect, EffectState, Idempotency, Unsure
from reelwork_hooks.errors import Unavailable
from reelwork_hooks.models import Job, Post, Receipt
from reelwork_hooks.provider import RenderRef, RenderRequest, Submitted

# The guard keeps the provider's own limit and tells whether a thread still runs. This one only backs it up, so it
# must never end first.
SUBMIT_TIME_LIMIT = PROVIDER_TIME_LIMITS["submit"] + 4 * GRACE
"""Seconds."""
POST = "publish"
TOKEN = ":token"
"""Stands in the `webhook` of a brief for what names the job to a server of Reelwork."""


def submit_act(work: Working, store: Store) -> Act[Submitted]:
    """Return the request for the job's render, as an effect of the ledger."""
    data, pipeline = work.data, work.pipeline
    request, name, config = request_for(data), pipeline.provider_name, pipeline.provider.config
    can = pipeline.provider.capabilities(data.model)

    async def call(effect: Effect) -> Submitted:
        return await pipeline.provider.submit(await _with_token(request, work.row.id, store), effect)

    return Act(
        # Derived, not random: after a crash the same step finds its effect, and the provider sees the same key.
        key=f"reelwork-{work.row.id}-render-{data.generation}",
        kind="submit",
        subject=name,
        account=pipeline.account,
        idempotency=can.idempotency,
        settle_seconds=can.settle_seconds,
        time_limit=SUBMIT_TIME_LIMIT,
        call=call,
        find=partial(_find_render, pipeline, request),
        identify=lambda submitted: submitted.remote_id,
        dump=lambda submitted: submitted.model_dump_json(),
        load=Submitted.model_validate_json,
        what=f"the request to {name}",
        # Only a lookup can mistake one of two identical requests for the other. With keys they need not wait.
        fingerprint=_alike(request) if can.idempotency is Idempotency.LOOKUP else "",
        prepared=data.prepared,
        reserve=sound_micros(data.cost),
        budget=pipeline.budget,
        quota=pipeline.quota,
        run=work.sent_run,
        place=pipeline.place,
        endpoint=pipeline.endpoint,
        model=request.model or config.model or "",
        spec=_spec(pipeline, request),
        asked=fields_of_request(request, config.model),
        body=fingerprint(request.model_dump(mode="json")),
        credential=lambda salt: principal.credential(config, pipeline.provider.context, None, salt),
        valid_for=can.key_seconds,
        can_look=can.idempotency is not Idempotency.NONE and pipeline.provider.can_find,
        listed_late=can.listed_when == "ended",
        # Some lists show a render only when it has ended.
        made_slowly=True,
        read_back=partial(_read_back, pipeline, request),
        find_control=partial(_find_known_render, pipeline, store),
        # Both are needed: the person's word, and a price that says nothing is lost if it is wrong.
        free=config.when_unsure == "resend" and config.price_per_second == 0,
    )


async def _with_token(request: RenderRequest, job_id: str, store: Store) -> RenderRequest:
    """Return the request with the job's own token in the address that the provider calls."""
    # Only as it is sent: the token is a secret, and requests are stored and compared without it. It is the same
    # each time, so that a request which is sent again is the same request.
    if request.webhook is None or TOKEN not in request.webhook:
        return request
    token = render_token(await store.salt(), job_id)
    return request.replace(webhook=request.webhook.replace(TOKEN, token))


async def _find_render(pipeline: Pipeline, request: RenderRequest, effect: Effect) -> Answer[Submitted]:
    return cast("Answer[Submitted]", await pipeline.provider.find(request, effect))


async def _read_back(pipeline: Pipeline, request: RenderRequest, remote_id: str) -> Submitted | None:
    """Return the render that the account has under an id; None if the provider says that it has none."""
    render = RenderRef(remote_id=remote_id, request=request, submitted_at=datetime.now(UTC))
    answer = await poll_answers.read(await pipeline.provider.poll([render]))
    status = answer.told.get(remote_id)
    if status is None:
        raise Unavailable(answer.fault or f"{pipeline.provider_name} said nothing about {remote_id}")
    return None if status.state == "lost" else Submitted(remote_id=remote_id, details=foreign(status.details))


async def _find_known_render(pipeline: Pipeline, store: Store, control: EffectRow) -> Answer[Submitted]:
    asked = await store.request_of(control.account, control.remote_id or "")
    if asked is None:
        # Its request was removed with its job. A control that cannot be compared proves nothing.
        return Absent()
    return await _find_render(pipeline, RenderRequest.model_validate_json(asked), _stripped(control))


def _stripped(control: EffectRow) -> Effect:
    """Return an effect as if nothing were known of what it made."""
    # With its notes or its id, a plugin would look up the id. That would not show that the list finds such
    # requests.
    return Effect(
        key=control.key,
        prepared=json.loads(control.prepared),
        started_at=control.sent_at or control.created_at,
    )


def _spec(pipeline: Pipeline, request: RenderRequest) -> str:
    """Equal for requests that differ in their texts and seeds only, at one endpoint."""
    spec = request.spec.model_dump(mode="json", exclude={"seed"})
    parts = [*_parts_played(request), *([dict(request.options)] if request.options else [])]
    return fingerprint([pipeline.place, request.model, spec, len(request.references), *parts])


def _parts_played(request: RenderRequest) -> list[list[object]]:
    """Return the roles and times of the references; nothing where none has any."""
    parts: list[list[object]] = [[reference.role, reference.at] for reference in request.references]
    return parts if any(part != [None, None] for part in parts) else []


def _alike(request: RenderRequest) -> str:
    """Equal for requests whose renders a listing cannot tell apart."""
    # None of these is listed: two requests that differ in them alone look the same there.
    plain = request.replace(references=[{"source": reference.source} for reference in request.references])
    return fingerprint(plain.model_dump(mode="json", exclude={"metadata", "webhook", "options"}))


def post_act(
    work: Working,
    destination: str,
    post: Post,
    state: PostState,
    store: Store,
    effects: Sequence[EffectRow] = (),
    reserve: int | None = None,
) -> Act[Receipt]:
    """Return the post to a destination, as an effect of the ledger. `effects` are the job's.

    `reserve` is the most that it costs, in millionths of a US dollar.
    """
    pipeline, job = work.pipeline, work.job
    plugin = pipeline.instances[destination]
    idempotency = plugin.idempotency
    can_find = pipeline.dispatcher.has(destination, "find_post")
    if idempotency is Idempotency.NONE and can_find:
        idempotency = Idempotency.LOOKUP
    account = account_of(pipeline, destination)
    return Act(
        key=_key_of(job.id, destination, state.suffix, account, effects),
        kind=POST,
        subject=destination,
        account=account,
        idempotency=idempotency,
        settle_seconds=plugin.settle_seconds,
        # The dispatcher keeps the hook's own time limit; this one only backs it up.
        time_limit=HOOK_TIME_LIMITS["prepare_publish"] * 4,
        call=partial(_publish, pipeline, destination, post, job),
        find=partial(_find_post, pipeline, destination, post, job),
        identify=lambda receipt: receipt.id,
        dump=lambda receipt: receipt.model_dump_json(),
        load=Receipt.model_validate_json,
        what=f"the post to {destination}",
        fingerprint=_same_post(post) if idempotency is Idempotency.LOOKUP else "",
        prepared=state.prepared,
        reserve=reserve,
        budget=pipeline.budget,
        run=work.sent_run,
        alias=f"{POST} {destination}",
        asked=fields_of_post(post),
        body=_same_post(post),
        credential=partial(_signed_in, pipeline, destination),
        valid_for=plugin.key_seconds,
        names=names_of(pipeline, destination),
        can_look=can_find,
        dated=plugin.dated_lookups,
        find_control=partial(_find_known_post, work, destination, store),
    )


def post_key(work: Working, destination: str, state: PostState, effects: Sequence[EffectRow]) -> str:
    """Return the key of a post, as `post_act` gives it. `effects` are those of the job's posts."""
    return _key_of(work.row.id, destination, state.suffix, account_of(work.pipeline, destination), effects)


async def _publish(pipeline: Pipeline, destination: str, post: Post, job: Job, effect: Effect) -> Receipt:
    answer = await pipeline.dispatcher.call(destination, "publish", post=post, job=job, effect=effect)
    return cast("Receipt", answer)


def _signed_in(pipeline: Pipeline, destination: str, salt: str) -> str | None:
    plugin = pipeline.instances[destination]
    settings = pipeline.configs.get(destination) or pipeline.definitions[destination].config_model()
    return principal.credential(settings, plugin.context, plugin.account_name, salt)


def names_of(pipeline: Pipeline, destination: str) -> tuple[str, ...]:
    """Return the names by which a person can stop posts to a destination: its own, its plugin's, its account's, and
    its brand's."""
    kind, account = pipeline.definitions[destination].name, pipeline.instances[destination].account_name
    brand = brand_scope(pipeline.workflow.brand) if pipeline.workflow.brand else ""
    return tuple(dict.fromkeys(name for name in (destination, kind, account, brand) if name))


def account_of(pipeline: Pipeline, destination: str) -> str:
    """Return the account that a destination posts to, by which the ledger knows it."""
    return f"{POST} {account_at(pipeline, destination)}"


async def _find_known_post(work: Working, destination: str, store: Store, control: EffectRow) -> Answer[Receipt]:
    row = await store.job_of(control)
    other = None if row is None else replace(work, row=row, data=JobData.model_validate_json(row.data), run="")
    if other is None or other.data.clip is None or other.data.prompt is None:
        return Absent()
    other = replace(other, data=posted_as(other.data, destination))
    posted = post_for(other.data, destination)
    return await _find_post(work.pipeline, destination, posted, other.job, _stripped(control))


def _key_of(job_id: str, destination: str, suffix: str, account: str, effects: Sequence[EffectRow]) -> str:
    """Return the key of a job's effect at an account, under whatever name it was posted."""
    # A destination that was renamed since is still one account: a new key would post there twice.

    def named(name: str) -> str:
        return f"reelwork-{job_id}-post-{name}{suffix}"

    ours = [one for one in effects if one.kind == POST and one.account == account]
    # Only what was refused is followed by an effect of its own. Any other one is this account's one post, however
    # often a destination of another name was refused.
    standing = (one.key for one in ours if one.state != EffectState.REJECTED)
    made = (one.key for one in ours if one.key == named(one.subject))
    return next(standing, None) or next(made, named(destination))


async def _find_post(pipeline: Pipeline, destination: str, post: Post, job: Job, effect: Effect) -> Answer[Receipt]:
    if not pipeline.dispatcher.has(destination, "find_post"):
        return Unsure("this destination has no way to look up a post")
    answer = await pipeline.dispatcher.call(destination, "find_post", post=post, job=job, effect=effect)
    return cast("Answer[Receipt]", answer)


def _same_post(post: Post) -> str:
    """Equal for posts that cannot be told apart at a destination."""
    return fingerprint([post.clip.video.sha256, post.title, post.caption, list(post.hashtags)])
