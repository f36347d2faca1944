"""Stages after a render: its outcome, its price, and the download of its video."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from reelwork.engine.renders.details import error_of, merged, reported_money
from reelwork.engine.renders.poll_answers import held_for, read
from reelwork.engine.stages.left_to_run import signs
from reelwork.engine.stages.step import Next, Working, go, hold, stop
from reelwork.engine.stages.tools import StageTools
from reelwork.errors import NoVideo, PluginFailed, TooLarge, in_a_line
from reelwork.ledger import backoff
from reelwork.media.download_manifest import manifest_of
from reelwork.media.mismatch import differences
from reelwork.money import to_dollars
from reelwork.net.addresses import RequestRefused
from reelwork.planning.render_refs import render_ref
from reelwork.store.commands import Command, SettleMoney
from reelwork.store.holds import HoldReason
from reelwork.store.records import FAILED, GONE, LOST, UNTOLD, RenderRow
from reelwork.store.statuses import Step
from reelwork_hooks.errors import Expired
from reelwork_hooks.models import Clip, ProviderManifest, RenderFacts
from reelwork_hooks.provider import Source

ASK_SECONDS = 60.0
"""Seconds in which a provider must repeat the status of a finished render."""
# The last wait ends with the provider's patience. A wait of nothing would become a busy loop.
MOMENT = 0.05
"""Seconds of the last wait at least."""


async def render(tools: StageTools, work: Working) -> Next:
    """Continue from the state of the render: it has ended, or somebody woke the job."""
    render = await _render_row(tools, work)
    key = f"reelwork-{work.row.id}-render-{work.data.generation}"
    following = _become(work, render, key)
    ended = render.state in ("completed", "failed")
    return replace(following, afterwards=tools.ledger.freshness.at_end_of(key)) if ended else following


def _become(work: Working, render: RenderRow, key: str) -> Next:
    if render.state == "completed":
        facts, money = _facts(work, render, key)
        return go(Step.DOWNLOAD, work.data.replace(render=facts), *money).telling("rendered")
    if render.state == "failed":
        reason = f"{render.provider} failed to make it: {_error_text(render)}."
        charged = reported_money(render.details).charged
        # A failed render may have been charged. Only the provider's word frees its money; silence does not.
        money = (SettleMoney(key, 0),) if charged is False else ()
        return stop(FAILED, Step.SUBMIT_AGAIN, work.data, f"{reason} {_charge(charged)}", *money)
    if render.state == "lost":
        reason = (
            f"{render.provider} no longer knows the render {render.remote_id}. It may have been paid for; "
            f"it is not made again automatically."
        )
        # A new render would be paid for as well, so a person decides.
        return hold(LOST, work.data, HoldReason.RENDER_LOST, reason)
    if render.state == UNTOLD and render.ended_at is not None:
        return hold(LOST, work.data, HoldReason.UNREADABLE, held_for(render))
    # Woken, and the render is still under way. Without a due time the end of the render wakes the job.
    return Next(Step.RENDER, work.data, waits=True)


async def render_again(tools: StageTools, work: Working) -> Next:
    """Poll a render once more that was lost, or of which no answer could be read."""
    render = await _render_row(tools, work)
    await tools.store.look_now(render.id)
    return Next(Step.RENDER, work.data, waits=True)


def _facts(work: Working, render: RenderRow, key: str) -> tuple[RenderFacts, tuple[Command, ...]]:
    cost = reported_money(render.details).cost
    facts = RenderFacts(
        provider=render.provider,
        remote_id=render.remote_id,
        status=render.state,
        cost=to_dollars(work.data.cost if cost is None else cost),
        # As it was asked for: the settings may name another one by now.
        model=work.data.model if work.data.render is None else work.data.render.model,
    )
    # Without a reported cost the estimate stays reserved, so that budgets err towards spending less.
    return facts, () if cost is None else (SettleMoney(key, cost),)


async def download(tools: StageTools, work: Working) -> Next:
    """Fetch the finished video, by whichever way leads to one that plays."""
    render = await _render_row(tools, work)
    # The render is at the server that was asked for it, whatever the settings name now.
    there = replace(work, pipeline=tools.asked(work, render))
    tried = _Tried(tools, there)
    # Links expire while a job waits, so a failed download first asks for a fresh one. A new render would be paid
    # for.
    if await tried.ways_of(render) is None and (fresh := await _asked_again(there, render)) is not None:
        await tried.ways_of(fresh, fresh=True)
        render = fresh
    if tried.clip is not None:
        return _fetched(work, tried.clip, await asyncio.to_thread(manifest_of, tried.clip.video.path))
    too_large = next((error for error in tried.failures if isinstance(error, TooLarge)), None)
    if too_large is not None:
        reason = f"{in_a_line(too_large)}; it is kept at {render.provider}. {too_large.hint}"
        return stop(FAILED, Step.DOWNLOAD, work.data, reason)
    return _not_fetched(tools, work, render, tried.failures)


class _Tried:
    """The ways to a render's video that were tried, and what came of them."""

    def __init__(self, tools: StageTools, work: Working) -> None:
        self._steps, self._work = tools, work
        self._sources: list[Source] = []
        self.failures: list[Exception] = []
        self.clip: Clip | None = None

    async def ways_of(self, render: RenderRow, *, fresh: bool = False) -> Clip | None:
        """Try every way the provider names that was not tried yet, in turn."""
        try:
            sources = await _sources(self._work, render, fresh=fresh)
        except Exception as error:
            self.failures.append(error)
            return None
        for source in (one for one in sources if one not in self._sources):
            self._sources.append(source)
            try:
                self.clip = await self._steps.download(self._work, source)
                break
            except Exception as error:
                self.failures.append(error)
        return self.clip


async def _sources(work: Working, render: RenderRow, *, fresh: bool) -> tuple[Source, ...]:
    ref = render_ref(render).replace(fresh=fresh)
    return await work.pipeline.provider.fetch(ref)


async def _asked_again(work: Working, render: RenderRow) -> RenderRow | None:
    """Return the render with what the provider says of it now, such as fresh links; None when it says nothing."""
    ref = render_ref(render).replace(fresh=True)
    try:
        async with asyncio.timeout(ASK_SECONDS):
            answers = await work.pipeline.provider.poll([ref])
        status = (await read(answers)).told.get(render.remote_id)
    except Exception:
        # It has answered before that the video is made. Why the download failed says more than this.
        return None
    if status is None or status.state == "lost":
        return None
    details = merged(render.details, status) or render.details
    return replace(render, details=details, error=error_of(status) or render.error, word=status.word or render.word)


def _fetched(work: Working, clip: Clip, manifest: ProviderManifest | None) -> Next:
    differs = differences(clip.video, work.data.spec)
    # Only where it is needed: the rows of all other jobs stay small.
    downloaded = clip.video if signs(work.pipeline) else None
    data = work.data.replace(clip=clip, differs=differs, gone_since=None, downloaded=downloaded)
    if data.render is not None:
        data = data.replace(render=data.render.replace(manifest=manifest))
    following = go(Step.FINISH, data).telling("downloaded", sha256=clip.video.sha256)
    if manifest is not None:
        told = {"state": manifest.state, "signer": manifest.signer, "reason": manifest.problem}
        following = following.telling("manifest-found", **told)
    return following.telling("not-as-asked", reason=differs) if differs else following


def _not_fetched(tools: StageTools, work: Working, render: RenderRow, failures: Sequence[Exception]) -> Next:
    """Ask again later. Only a provider that says for minutes that the video is not there is believed."""
    told = f" {render.provider} says of it: {said}." if (said := _said(render)) else ""
    why = "; ".join(dict.fromkeys(in_a_line(error).rstrip(".") for error in failures))
    if not _is_gone(failures):
        reason = (
            f"the download failed: {why}.{told} The render {render.remote_id} is kept at {render.provider}; it is "
            "not paid for again."
        )
        # Another kind of failure than before: it gets all its tries, and the time of "gone" begins anew.
        calm = replace(work, row=replace(work.row, attempts=0)) if work.data.gone_since is not None else work
        # One way that may pass by itself is worth waiting for, whatever is wrong with another.
        passing = [error for error in failures if not (isinstance(error, PluginFailed) and not error.passing)]
        why_last = (passing or failures)[-1]
        return tools.retry(replace(calm, data=work.data.replace(gone_since=None)), why_last, FAILED, reason)
    now = tools.clock()
    data = work.data.replace(gone_since=now if work.data.gone_since is None else work.data.gone_since)
    assert data.gone_since is not None
    # Servers answer "gone" right after a render ends and while they restart. Only minutes of it are believed.
    left = data.gone_since + work.pipeline.provider.config.gone_after - now
    if left <= 0:
        reason = f"{why}.{told} The render {render.remote_id} was paid for and is no longer available."
        return stop(FAILED, GONE, data, reason)
    wait = min(backoff(work.row.attempts), max(left, MOMENT))
    reason = f"{why}.{told} It was paid for, and is asked for again."
    waiting = Next(Step.DOWNLOAD, data, until=now + wait, waits=True, reason=reason, attempts=work.row.attempts + 1)
    return waiting.telling("retry", reason=why, wait=wait)


def _is_gone(failures: Sequence[Exception]) -> bool:
    """Return whether any source says that the video is gone, and none fails in a way that may pass."""
    return any(isinstance(error, Expired) for error in failures) and all(
        isinstance(error, Expired | NoVideo) or isinstance(error.__cause__, RequestRefused) for error in failures
    )


def _said(render: RenderRow) -> str:
    """Return what the provider said of a finished render, if that is more than that it is finished."""
    return render.error.rstrip(".")


async def download_again(tools: StageTools, work: Working) -> Next:
    """Ask once more for a video that was gone: servers come back, and links are renewed."""
    return go(Step.DOWNLOAD, work.data)


async def _render_row(tools: StageTools, work: Working) -> RenderRow:
    assert work.row.render_id is not None
    render = await tools.store.render(work.row.render_id)
    assert render is not None
    return render


def _error_text(render: RenderRow) -> str:
    return (render.error or render.word or "no reason given").rstrip(".")


def _charge(charged: bool | None) -> str:
    if charged is False:
        return "It says nothing was charged."
    return "Whether it was charged is not known; it counts against the budget."
