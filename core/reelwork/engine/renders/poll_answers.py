"""Reads a provider's `poll` answers, so that a plugin's fault does not leave a paid render waiting for ever."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, get_args

from reelwork.engine.renders.turns import in_turns
from reelwork.plugins.answers import is_list, named
from reelwork.plugins.cleaning import Unfit, received
from reelwork.redaction.redactor import mask
from reelwork.store.records import RenderRow
from reelwork.text import shown
from reelwork_hooks.provider import RenderStatus

# With the usual pauses a quarter of an hour. An unreadable answer is the plugin's fault, which seldom passes.
MOST_FAULTS = 8
"""Unreadable answers in a row before the job is held."""
# A provider may leave out what it could not find out just now. Once or twice is not worth a line.
LEFT_OUT_TOLD = 3
"""Answers in a row without a render before that is reported."""
# Servers are away for hours.
LEFT_OUT_SECONDS = 86_400.0
"""Seconds past its deadline for which a render may be left out before its job is held."""
FAULT = "poll returned"
LEFT_OUT = "poll leaves it out of its answers"
FREE_LOOK = "`reelwork resume` polls again and pays nothing."

STATES = frozenset(get_args(RenderStatus.model_fields["state"].annotation))


@dataclass(frozen=True)
class Answer:
    """The usable part of an answer, and the first fault in the rest."""

    told: dict[str, RenderStatus]
    fault: str = ""


async def read(answer: Any) -> Answer:
    """Return the status that an answer has for each render, and the first fault in it."""
    if not is_list(answer):
        return Answer({}, f"{FAULT} {named(answer)}, not a list of RenderStatus")
    told: dict[str, RenderStatus] = {}
    fault = ""
    async for item in in_turns(answer):
        try:
            status = received(item) if _is_sound(item) else None
        except Unfit as problem:
            fault = fault or f"{FAULT} a RenderStatus that cannot be used: {problem}"
            continue
        if status is not None:
            told[status.remote_id] = status
        else:
            fault = fault or f"{FAULT} a {type(answer).__name__} with {_junk(item)} in it, not only RenderStatus"
    return Answer(told, fault)


def _is_sound(item: Any) -> bool:
    # A status that was built around validation (model_construct, model_copy) may hold anything.
    return (
        isinstance(item, RenderStatus)
        and item.state in STATES
        and _is_amount(item.cost)
        and isinstance(item.remote_id, str)
    )


def _is_amount(cost: Any) -> bool:
    return cost is None or isinstance(cost, Decimal)


def _junk(item: Any) -> str:
    if isinstance(item, RenderStatus):
        return f"a RenderStatus that is not valid (state {_quoted(item.state)}, id {_quoted(item.remote_id)})"
    return "None" if item is None else named(item)


def _quoted(value: Any) -> str:
    return shown(mask(repr(value)), 40)


@dataclass(frozen=True)
class Silence:
    """One more answer without a usable status for a render."""

    why: str
    """The fault, or `LEFT_OUT`."""
    times: int
    """In a row."""
    given_up: bool
    """True if its job is held now, until somebody resumes it."""

    def line(self, provider: str) -> str:
        """Return the line for the job's story and the log, once for each fault; empty otherwise."""
        told = self.times == (LEFT_OUT_TOLD if self.why == LEFT_OUT else 1)
        if not told:
            return ""
        if self.why == LEFT_OUT:
            return (
                f"provider {provider!r}: {self.why}, {self.times} times in a row. {_KEPT} It is asked about again."
            )
        return (
            f"provider {provider!r}: {self.why}. This is a fault of the plugin. {_KEPT} It is asked about again, "
            f"at most {MOST_FAULTS} times in a row."
        )


_KEPT = "The render may be paid for; its money stays counted, and it is not requested again."


def silence(render: RenderRow, why: str, now: float) -> Silence:
    """Count one more answer without a usable status for a render, and decide whether to give up."""
    # A plugin that returns different nonsense each time must not start the count again.
    again = render.error == why or (render.error.startswith(FAULT) and why.startswith(FAULT))
    times = render.failures + 1 if again else 1
    if why == LEFT_OUT:
        return Silence(why, times, times >= MOST_FAULTS and now > render.deadline_at + LEFT_OUT_SECONDS)
    return Silence(why, times, times >= MOST_FAULTS)


def held_for(render: RenderRow) -> str:
    """Return the reason, for a person, why a job is held: no answer has a usable status for its render."""
    return (
        f"provider {render.provider!r}: {render.error}, {render.failures} times in a row. How the render "
        f"{render.remote_id} stands is not known: it may be paid for, its money stays counted, and it is not "
        f"requested again. Correct or update the plugin; then {FREE_LOOK}"
    )
