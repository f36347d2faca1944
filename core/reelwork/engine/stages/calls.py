"""Reserves what a step's plugins may pay for themselves, before they are called."""

from __future__ import annotations

from collections.abc import Mapping

from reelwork.engine.stages.step import Working
from reelwork.money import to_micros
from reelwork.store.commands import GiveBack, Intend
from reelwork.store.records import PAYMENT, call_key
from reelwork.store.rules import ceilings_of
from reelwork.store.statuses import Step

HOOKS: Mapping[str, tuple[str, ...]] = {
    Step.MODERATE_BRIEF: ("pre_moderate",),
    Step.TRANSFORM: ("prompt_transform",),
    Step.MODERATE_PROMPT: ("pre_moderate",),
    Step.FINISH: ("post_download",),
    Step.MODERATE_CLIP: ("pre_moderate",),
    Step.PUBLISH: ("pre_moderate", "publish"),
}
"""The hooks that a step may call."""


def reservations(work: Working) -> tuple[Intend, ...]:
    """Return what to reserve for the plugins that a step may call; nothing without a budget."""
    budget = work.pipeline.budget
    hooks = HOOKS.get(work.row.step, ()) if ceilings_of(budget) else ()
    names = dict.fromkeys(name for hook in hooks for name in work.pipeline.order[hook])
    spending = ((name, work.pipeline.instances[name].most_per_call) for name in names)
    return tuple(
        Intend(
            call_key(work.row.id, name), PAYMENT, name, f"{PAYMENT} {name}", reserve=to_micros(most), budget=budget
        )
        for name, most in spending
        if most
    )


def given_back(reserved: tuple[Intend, ...]) -> tuple[GiveBack, ...]:
    """Return the commands that give up what is left of it, once the step is over."""
    return tuple(GiveBack(one.key) for one in reserved)
