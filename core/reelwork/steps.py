"""The steps of a job. Each looks at the job, does one thing, and says what to write down.

::

    moderate-brief → transform → moderate-prompt → prepare → submit → render → download → finish → publish

A step never assumes that the process which ran the step before is alive. It returns the commands that are
committed together; only the ledger's `sent` is committed inside a step, before the call it announces.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from reelwork.dispatch import in_a_line
from reelwork.errors import HookFailed, TooLarge
from reelwork.identity import fingerprint, new_id
from reelwork.ledger import Act, Happened, Later, Ledger, Refused, Undecided, backoff
from reelwork.logs import mask
from reelwork.publishing import publish
from reelwork.store.protocol import Store
from reelwork.store.rows import (
    FAILED,
    HELD,
    REJECTED,
    AddRender,
    Command,
    RenderRow,
    SettleMoney,
)
from reelwork.transition import Next, Working, go, stop
from reelwork.work import JobData, content_hash, render_ref, request_for, to_dollars
from reelwork_hooks.effects import Idempotency
from reelwork_hooks.errors import Expired, NotSent, ReelworkError, Rejected, Unavailable
from reelwork_hooks.models import Content, Edit, Prompt, RenderFacts, Stage, Verdict
from reelwork_hooks.provider import RenderRequest, Submitted

FIRST = "moderate-brief"
SUBMIT_TIME_LIMIT = 660.0
"""Seconds. Longer than a provider's own time limit, so that its clearer error comes first."""
MOST_READS = 8
"""Times a paid video's download is tried before the job stops, with the video still at the provider."""


class Steps:
    """The steps, with what they need from the engine."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        clock: Callable[[], float],
        download: Callable[[Working, Any], Awaitable[Any]],
        probe: Callable[[Path], Awaitable[Mapping[str, Any]]],
    ) -> None:
        self.store = store
        self.ledger = ledger
        self.clock = clock
        self._download = download
        self._probe = probe
        self._steps: Mapping[str, Callable[[Working], Awaitable[Next]]] = {
            "moderate-brief": self.moderate_brief,
            "transform": self.transform,
            "moderate-prompt": self.moderate_prompt,
            "prepare": self.prepare,
            "submit": self.submit,
            "submit-again": self.submit_again,
            "render": self.render,
            "render-again": self.render_again,
            "download": self.download,
            "finish": self.finish,
            "publish": self.publish,
            "publish-again": self.publish_again,
        }

    async def run(self, work: Working) -> Next:
        """Do the job's next step."""
        return await self._steps[work.row.step](work)

    # --- before money is spent -------------------------------------------------------------------------

    async def moderate_brief(self, work: Working) -> Next:
        """Look at the brief as it was asked."""
        brief = work.data.brief
        content = Content(
            stage=Stage.BRIEF,
            text=brief.prompt,
            negative_text=brief.negative_prompt,
            images=tuple(_pictures(work)),
        )
        return await self._moderated(work, content, "moderate-brief", "transform")

    async def transform(self, work: Working) -> Next:
        """Fold the prompt through every `prompt_transform` plugin."""
        brief = work.data.brief
        prompt = Prompt(
            text=brief.prompt,
            negative_text=brief.negative_prompt,
            title=brief.title,
            caption=brief.caption,
            hashtags=brief.hashtags,
        )
        for instance in work.pipeline.order["prompt_transform"]:
            try:
                changed = await work.pipeline.dispatcher.transform(instance, prompt, work.job)
            except HookFailed as error:
                reason = f"{error.message}. Nothing was spent."
                return stop(FAILED, "transform", work.data, reason)
            prompt = recorded(prompt, changed, instance)
        return go("moderate-prompt", work.data.replace(prompt=prompt))

    async def moderate_prompt(self, work: Working) -> Next:
        """Look at the final prompt, unless it is what was looked at already."""
        prompt = work.data.prompt
        assert prompt is not None
        if prompt.text == work.data.brief.prompt and prompt.negative_text == work.data.brief.negative_prompt:
            return go("prepare", work.data)
        content = Content(stage=Stage.PROMPT, text=prompt.text, negative_text=prompt.negative_text)
        return await self._moderated(work, content, "moderate-prompt", "prepare")

    async def _moderated(self, work: Working, content: Content, step: str, following: str) -> Next:
        if content_hash(content) in work.data.approved:
            return go(following, work.data).telling("approved", stage=content.stage)
        try:
            verdict = await work.pipeline.dispatcher.veto(work.pipeline.order["pre_moderate"], content, work.job)
        except HookFailed as error:
            reason = f"{error.message}. Held, since moderation could not answer; nothing was spent."
            return stop(HELD, step, work.data, reason)
        if verdict is None:
            return go(following, work.data)
        status = HELD if verdict.decision == "hold" else REJECTED
        told = {**_verdict(verdict), "content": content_hash(content)}
        return stop(status, step, work.data, _sentence(verdict)).telling("verdict", **told)

    async def prepare(self, work: Working) -> Next:
        """Whatever the provider must do first and may repeat."""
        try:
            prepared = await work.pipeline.provider.prepare(request_for(work.data))
        except Rejected as error:
            return stop(REJECTED, "prepare", work.data, mask(error.explained()))
        except Exception as error:
            return self._retry(work, error, FAILED, f"preparing the request failed: {in_a_line(error)}")
        return go("submit", work.data.replace(prepared=prepared))

    # --- the paid act ----------------------------------------------------------------------------------

    async def submit(self, work: Working) -> Next:
        """Ask the provider for the render, at most once."""
        act = self.submit_act(work)
        outcome = await self.ledger.perform(work.lease, act, work.row.attempts)
        match outcome:
            case Happened(result, commands, found):
                return self._submitted(work, result, commands, found)
            case Refused(reason, commands, again):
                if again:
                    return stop(FAILED, "submit", work.data, f"{reason}. It was never accepted.", *commands)
                return stop(REJECTED, "submit-again", work.data, reason, *commands)
            case Undecided(reason, commands):
                return stop(HELD, "submit", work.data, reason, *commands)
            case Later():
                return self._later(work, outcome, "submit")

    def submit_act(self, work: Working) -> Act[Submitted]:
        """The request for the job's render, as an act of the ledger."""
        data, pipeline = work.data, work.pipeline
        request = request_for(data)
        can = pipeline.provider.capabilities(data.model)
        return Act(
            key=f"reelwork-{work.row.id}-render-{data.generation}",
            kind="submit",
            subject=pipeline.provider_name,
            account=pipeline.account,
            idempotency=can.idempotency,
            settle_seconds=can.settle_seconds,
            time_limit=SUBMIT_TIME_LIMIT,
            call=lambda effect: pipeline.provider.submit(request, effect),
            find=lambda effect: pipeline.provider.find(request, effect),
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

    def _submitted(self, work: Working, submitted: Submitted, commands: Sequence[Command], found: bool) -> Next:
        now = self.clock()
        config = work.pipeline.provider.config
        render = AddRender(
            id=new_id(),
            provider=work.pipeline.provider_name,
            account=work.pipeline.account,
            remote_id=submitted.remote_id,
            request=request_for(work.data).model_dump_json(),
            details=json.dumps(dict(submitted.details)),
            due_at=now + (submitted.poll_after if submitted.poll_after is not None else config.poll_interval),
            deadline_at=now + config.deadline,
        )
        facts = RenderFacts(
            provider=work.pipeline.provider_name,
            remote_id=submitted.remote_id,
            status="queued",
            cost=to_dollars(work.data.cost),
        )
        data = work.data.replace(render=facts)
        waiting = Next("render", data, (*commands, render), waits=True, render_id=render.id)
        return waiting.telling("found" if found else "submitted", remote_id=submitted.remote_id)

    async def submit_again(self, work: Working) -> Next:
        """A person asked for a new render: a new effect, with money of its own."""
        data = work.data.replace(generation=work.data.generation + 1, prepared=None, render=None)
        return go("prepare", data).telling("new-render", generation=data.generation)

    # --- waiting and fetching --------------------------------------------------------------------------

    async def render(self, work: Working) -> Next:
        """The render has ended (or somebody woke the job): go by what it became."""
        render = await self._render_row(work)
        key = f"reelwork-{work.row.id}-render-{work.data.generation}"
        if render.state == "completed":
            facts, money = self._facts(work, render, key)
            return go("download", work.data.replace(render=facts), *money).telling("rendered")
        if render.state == "failed":
            reason = f"{render.provider} failed to make it: {_error_text(render)}."
            charged = json.loads(render.details).get("charged")
            money = (SettleMoney(key, 0),) if charged is False else ()
            return stop(FAILED, "submit-again", work.data, f"{reason} {_charge(charged)}", *money)
        if render.state == "lost":
            reason = (
                f"{render.provider} no longer knows the render {render.remote_id}. It may have been paid for; "
                f"it is not made again by itself."
            )
            return stop(HELD, "render-again", work.data, reason)
        return Next("render", work.data, waits=True)

    async def render_again(self, work: Working) -> Next:
        """Look once more at a render that was lost."""
        render = await self._render_row(work)
        await self.store.look_now(render.id)
        return Next("render", work.data, waits=True)

    def _facts(self, work: Working, render: RenderRow, key: str) -> tuple[RenderFacts, tuple[Command, ...]]:
        details = json.loads(render.details)
        cost = details.get("cost_micros")
        facts = RenderFacts(
            provider=render.provider,
            remote_id=render.remote_id,
            status=render.state,
            cost=to_dollars(work.data.cost if cost is None else cost),
        )
        return facts, () if cost is None else (SettleMoney(key, cost),)

    async def download(self, work: Working) -> Next:
        """Fetch the finished video and check that it plays."""
        render = await self._render_row(work)
        try:
            source = await work.pipeline.provider.fetch(render_ref(render))
            clip = await self._download(work, source)
        except Expired as error:
            reason = f"{error.message}. The render {render.remote_id} was paid for and cannot be had any more."
            return stop(FAILED, "download", work.data, reason)
        except TooLarge as error:
            reason = f"{error.message}; it is kept at {render.provider}. {error.hint}"
            return stop(FAILED, "download", work.data, reason)
        except Exception as error:
            reason = (
                f"the download failed: {in_a_line(error)}. The render {render.remote_id} is kept at "
                f"{render.provider}; it is not paid for again."
            )
            return self._retry(work, error, FAILED, reason)
        return go("finish", work.data.replace(clip=clip)).telling("downloaded", sha256=clip.video.sha256)

    async def _render_row(self, work: Working) -> RenderRow:
        assert work.row.render_id is not None
        render = await self.store.render(work.row.render_id)
        assert render is not None
        return render

    # --- finishing -------------------------------------------------------------------------------------

    async def finish(self, work: Working) -> Next:
        """Run the next `post_download` plugin."""
        order = work.pipeline.order["post_download"]
        if work.data.finished >= len(order):
            return self._after_finish(work)
        instance, clip = order[work.data.finished], work.data.clip
        assert clip is not None
        try:
            changed = await work.pipeline.dispatcher.finish(instance, clip, work.job)
            if changed is not None and changed.video.sha256 != clip.video.sha256:
                facts = await self._probe(changed.video.path)
                changed = changed.with_video(changed.video.replace(**facts))
        except (HookFailed, ReelworkError) as error:
            reason = f"{error.message}. The download is kept; `reelwork resume` goes on at {instance!r}."
            return stop(FAILED, "finish", work.data, reason)
        data = work.data.replace(clip=changed or clip, finished=work.data.finished + 1)
        following = go("finish", data).telling("finished", plugin=instance)
        return following if data.finished < len(order) else replace(following, step="publish")

    def _after_finish(self, work: Working) -> Next:
        return go("publish", work.data)

    # --- publishing ------------------------------------------------------------------------------------

    async def publish(self, work: Working) -> Next:
        """Bring one destination a step further."""
        return await publish(self, work)

    async def publish_again(self, work: Working) -> Next:
        """Somebody woke a job some of whose destinations failed or were held: try those once more."""
        data = work.data
        for name, post in data.posts.items():
            if post.state in ("failed", "held"):
                data = data.with_post(name, state="prepared" if post.prepared is not None else "open")
        return go("publish", data)

    # --- shared ----------------------------------------------------------------------------------------

    def _retry(self, work: Working, error: Exception, status: str, reason: str) -> Next:
        if work.row.attempts + 1 >= MOST_READS:
            return stop(status, work.row.step, work.data, f"{reason} `reelwork resume` tries again.")
        wait = backoff(work.row.attempts)
        if isinstance(error, Unavailable | NotSent) and error.retry_after is not None:
            wait = error.retry_after
        waiting = Next(
            work.row.step,
            work.data,
            until=self.clock() + wait,
            waits=True,
            reason=reason,
            attempts=work.row.attempts + 1,
        )
        return waiting.telling("retry", reason=in_a_line(error), wait=wait)

    def _later(self, work: Working, later: Later, step: str, data: JobData | None = None) -> Next:
        attempts = work.row.attempts + 1 if later.failure else work.row.attempts
        waiting = Next(
            step,
            data or work.data,
            later.commands,
            until=later.until,
            waits=True,
            reason=later.why,
            attempts=attempts,
            blocked_on=later.blocked_on,
        )
        return waiting.telling("waiting", reason=later.why) if later.notable else waiting


def recorded(before: Prompt, after: Prompt | None, instance: str) -> Prompt:
    """The changed prompt with the edits between the two written into it, whatever the plugin wrote there."""
    if after is None:
        return before
    edits = [
        Edit(plugin=instance, field=name, before=_text(getattr(before, name)), after=_text(getattr(after, name)))
        for name in ("text", "negative_text", "title", "caption", "hashtags")
        if getattr(before, name) != getattr(after, name)
    ]
    return after.replace(edits=(*before.edits, *edits))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else " ".join(f"#{tag}" for tag in value)


def _alike(request: RenderRequest) -> str:
    """Equal for requests whose renders a listing cannot tell apart."""
    return fingerprint(request.model_dump(mode="json", exclude={"metadata", "webhook"}))


def _pictures(work: Working) -> Iterator[Path]:
    for reference in work.data.brief.references:
        path = work.pipeline.loaded.base_dir / reference.source
        if "://" not in reference.source and path.is_file():
            yield path


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {**verdict.model_dump(mode="json"), "reason": mask(verdict.reason)}


def _sentence(verdict: Verdict) -> str:
    done = "held for a person" if verdict.decision == "hold" else "rejected"
    return f"{done} by {verdict.plugin!r}: {mask(verdict.reason) or 'no reason given'}"


def _error_text(render: RenderRow) -> str:
    return (render.error or render.word or "no reason given").rstrip(".")


def _charge(charged: bool | None) -> str:
    if charged is False:
        return "It says nothing was charged."
    return "Whether it was charged is not known; it counts against the budget."
