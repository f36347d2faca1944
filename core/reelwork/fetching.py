"""What a render became: its end, its price, and the download of its video."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelwork.answers import of_kind
from reelwork.dispatch import in_a_line
from reelwork.errors import TooLarge
from reelwork.guard import awaited
from reelwork.money import to_dollars
from reelwork.polled import held_for
from reelwork.render_details import reported_money
from reelwork.store.rows import FAILED, GONE, HELD, LOST, UNTOLD, Command, RenderRow, SettleMoney
from reelwork.store.statuses import Step
from reelwork.transition import Next, Working, go, stop
from reelwork.work import render_ref
from reelwork_hooks.errors import Expired
from reelwork_hooks.models import RenderFacts
from reelwork_hooks.provider import BytesSource, FileSource, HttpSource

if TYPE_CHECKING:
    from reelwork.steps import Steps


async def render(steps: Steps, work: Working) -> Next:
    """The render has ended (or somebody woke the job): go by what it became."""
    render = await _render_row(steps, work)
    key = f"reelwork-{work.row.id}-render-{work.data.generation}"
    if render.state == "completed":
        facts, money = _facts(work, render, key)
        return go(Step.DOWNLOAD, work.data.replace(render=facts), *money).telling("rendered")
    if render.state == "failed":
        reason = f"{render.provider} failed to make it: {_error_text(render)}."
        charged = reported_money(render.details).charged
        money = (SettleMoney(key, 0),) if charged is False else ()
        return stop(FAILED, Step.SUBMIT_AGAIN, work.data, f"{reason} {_charge(charged)}", *money)
    if render.state == "lost":
        reason = (
            f"{render.provider} no longer knows the render {render.remote_id}. It may have been paid for; "
            f"it is not made again by itself."
        )
        return stop(HELD, LOST, work.data, reason)
    if render.state == UNTOLD and render.ended_at is not None:
        return stop(HELD, LOST, work.data, held_for(render))
    return Next(Step.RENDER, work.data, waits=True)


async def render_again(steps: Steps, work: Working) -> Next:
    """Look once more at a render that was lost, or that nothing was told of."""
    render = await _render_row(steps, work)
    await steps.store.look_now(render.id)
    return Next(Step.RENDER, work.data, waits=True)


def _facts(work: Working, render: RenderRow, key: str) -> tuple[RenderFacts, tuple[Command, ...]]:
    cost = reported_money(render.details).cost
    facts = RenderFacts(
        provider=render.provider,
        remote_id=render.remote_id,
        status=render.state,
        cost=to_dollars(work.data.cost if cost is None else cost),
    )
    return facts, () if cost is None else (SettleMoney(key, cost),)


async def download(steps: Steps, work: Working) -> Next:
    """Fetch the finished video and check that it plays."""
    render = await _render_row(steps, work)
    try:
        source = await awaited(work.pipeline.provider.fetch(render_ref(render)), f"{render.provider}.fetch")
        of_kind(source, (HttpSource, FileSource, BytesSource), "fetch")
        clip = await steps.download(work, source)
    except Expired as error:
        reason = f"{error.message}. The render {render.remote_id} was paid for and cannot be had any more."
        return stop(FAILED, GONE, work.data, reason)
    except TooLarge as error:
        reason = f"{error.message}; it is kept at {render.provider}. {error.hint}"
        return stop(FAILED, Step.DOWNLOAD, work.data, reason)
    except Exception as error:
        reason = (
            f"the download failed: {in_a_line(error)}. The render {render.remote_id} is kept at "
            f"{render.provider}; it is not paid for again."
        )
        return steps.retry(work, error, FAILED, reason)
    return go(Step.FINISH, work.data.replace(clip=clip)).telling("downloaded", sha256=clip.video.sha256)


async def download_again(steps: Steps, work: Working) -> Next:
    """Ask once more for a video that was gone: servers come back, and links are renewed."""
    return go(Step.DOWNLOAD, work.data)


async def _render_row(steps: Steps, work: Working) -> RenderRow:
    assert work.row.render_id is not None
    render = await steps.store.render(work.row.render_id)
    assert render is not None
    return render


def _error_text(render: RenderRow) -> str:
    return (render.error or render.word or "no reason given").rstrip(".")


def _charge(charged: bool | None) -> str:
    if charged is False:
        return "It says nothing was charged."
    return "Whether it was charged is not known; it counts against the budget."
