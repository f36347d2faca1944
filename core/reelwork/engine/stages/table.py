"""The steps of a job. Each reads the job, does one thing, and returns what to commit.

::

    moderate-brief → transform → moderate-prompt → prepare → submit → render → download → finish → publish
    └──────────── prompt.py ──────────────────┘   └── submit.py ────┘ └─── fetch.py ───┘  finish.py  publish.py

Where a plugin wants to see the finished video, `finish` goes by way of `moderate-clip` (clip.py): between the
plugins that edit and those that sign or store.

A step never assumes that the process which ran the step before is alive. It returns the commands that are
committed together; only the ledger's `sent` is committed inside a step, before the call it announces.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from reelwork.engine.stages import clip, fetch, finish, prompt, publish, submit
from reelwork.engine.stages.calls import given_back, reservations
from reelwork.engine.stages.earlier_rows import named, needs_naming
from reelwork.engine.stages.step import Next, Working, hold
from reelwork.engine.stages.tools import StageTools
from reelwork.errors import BudgetExceeded
from reelwork.plugins.taking_part import noting_calls, noting_scores
from reelwork.store.holds import HoldReason
from reelwork.store.statuses import Step


class Steps(StageTools):
    """The steps, with what they need from the engine."""

    async def run(self, work: Working) -> Next:
        """Do the job's next step, with the money reserved that its plugins may pay for themselves."""
        reserved = reservations(work)
        if not reserved:
            return await self._done(work)
        try:
            # On disk before the plugins are called. Should this process die meanwhile it stays reserved, until the
            # step is run again.
            await self.store.apply(work.lease, reserved)
        except BudgetExceeded as exceeded:
            return hold(work.row.step, work.data, HoldReason.over(exceeded.budget), exceeded.explained())
        following = await self._done(work)
        return replace(following, commands=(*following.commands, *given_back(reserved)))

    async def _done(self, work: Working) -> Next:
        """Do the step, and note which plugins took part in it."""
        if needs_naming(work):
            work = named(work, self.store.events(work.row.id))
        with noting_calls() as called, noting_scores(work.data.scores) as scores:
            following = await _STEPS[work.row.step](self, work)
        if work.row.step in _ASKS:
            called.add(work.pipeline.provider_name)
        took_part = {**following.data.plugins, **{name: work.pipeline.version_of(name) for name in sorted(called)}}
        if took_part == following.data.plugins and scores == following.data.scores:
            return following
        return replace(following, data=following.data.replace(plugins=took_part, scores=scores))


_ASKS = (Step.PREPARE, Step.SUBMIT)
"""The steps in which the provider makes and sends the request."""
_STEPS: Mapping[str, Callable[[StageTools, Working], Awaitable[Next]]] = {
    Step.MODERATE_BRIEF: prompt.moderate_brief,
    Step.TRANSFORM: prompt.transform,
    Step.MODERATE_PROMPT: prompt.moderate_prompt,
    Step.PREPARE: submit.prepare,
    Step.SUBMIT: submit.submit,
    Step.SUBMIT_AGAIN: submit.submit_again,
    Step.RENDER: fetch.render,
    Step.RENDER_AGAIN: fetch.render_again,
    Step.DOWNLOAD: fetch.download,
    Step.DOWNLOAD_AGAIN: fetch.download_again,
    Step.FINISH: finish.finish,
    Step.MODERATE_CLIP: clip.moderate_clip,
    Step.PUBLISH: publish.publish,
    Step.PUBLISH_AGAIN: publish.publish_again,
}
