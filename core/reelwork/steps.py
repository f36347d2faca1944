"""The steps of a job. Each looks at the job, does one thing, and says what to write down.

::

    moderate-brief → transform → moderate-prompt → prepare → submit → render → download → finish → publish
    └──────────── drafting.py ────────────────┘   └─ submitting.py ─┘ └─ fetching.py ─┘  finishing  publishing

A step never assumes that the process which ran the step before is alive. It returns the commands that are
committed together; only the ledger's `sent` is committed inside a step, before the call it announces.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from reelwork import drafting, fetching, finishing, publishing, submitting
from reelwork.stage_tools import StageTools
from reelwork.store.statuses import Step
from reelwork.transition import Next, Working


class Steps(StageTools):
    """The steps, with what they need from the engine."""

    async def run(self, work: Working) -> Next:
        """Do the job's next step."""
        return await _STEPS[work.row.step](self, work)


_STEPS: Mapping[str, Callable[[StageTools, Working], Awaitable[Next]]] = {
    Step.MODERATE_BRIEF: drafting.moderate_brief,
    Step.TRANSFORM: drafting.transform,
    Step.MODERATE_PROMPT: drafting.moderate_prompt,
    Step.PREPARE: submitting.prepare,
    Step.SUBMIT: submitting.submit,
    Step.SUBMIT_AGAIN: submitting.submit_again,
    Step.RENDER: fetching.render,
    Step.RENDER_AGAIN: fetching.render_again,
    Step.DOWNLOAD: fetching.download,
    Step.DOWNLOAD_AGAIN: fetching.download_again,
    Step.FINISH: finishing.finish,
    Step.PUBLISH: publishing.publish,
    Step.PUBLISH_AGAIN: publishing.publish_again,
}
