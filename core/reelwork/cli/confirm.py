"""Asking before money is spent or something is shown to the world."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from decimal import Decimal
from itertools import islice
from typing import Literal

import click

from reelwork.cli.views.text import count, dollars, is_terminal, tell
from reelwork.errors import Declined
from reelwork.planning.budget_room import Room
from reelwork.planning.job_state import JobData
from reelwork.studio.batch_wording import told
from reelwork.studio.launch import Launch

MOST_NOTES = 5
MOST_PROMPTS, LONGEST_PROMPT = 4, 100
WITHOUT_ASKING = "Add --yes to go on without being asked"
FOR_MONEY = "set a ceiling under [budget] in the workflow"
FOR_POSTS = "write unasked = true under [posts] in the workflow"
FOR_REHEARSALS = "leave the networks out with: --set 'plugins.publish=[\"gallery\"]'"


def confirmer(*, yes: bool, asking: Callable[[], AbstractContextManager[None]]) -> Callable[[Launch], bool]:
    """Decides whether a launch may spend and post: asks on a terminal, never waits elsewhere.

    `asking` is entered while the question is open, so that Ctrl-C means no.
    """

    def confirm(launch: Launch) -> bool:
        if yes or (launch.cost == 0 and not public_destinations(launch)):
            return True
        if can_ask():
            tell(describe(launch), err=True)
            with asking():
                return ask("Go on?")
        _check_agreed(launch)
        return True

    return confirm


def asker_of_copies(
    *, yes: bool, asking: Callable[[], AbstractContextManager[None]]
) -> Callable[[Launch], Literal["make"]] | None:
    """Asks about rows that look like rows made before; None where nobody is asked, which refuses them."""
    if yes or not can_ask():
        return None

    def make(launch: Launch) -> Literal["make"]:
        tell(f"{told(launch)}\nTo leave them as they were made, say no, and add: --copies keep", err=True)
        with asking():
            if not ask("Make them as well?"):
                raise Declined("Stopped, as you said.")
        return "make"

    return make


def _check_agreed(launch: Launch) -> None:
    """Make sure that the workflow itself agrees, where there is nobody to ask. Raises `Declined`."""
    sentences, ways = [], []
    if launch.cost != 0 and not covered(launch):
        sentences += [_cost_sentence(launch), *_room_sentences(launch)]
        ways.append(_for_money(launch))
    if public_destinations(launch) and not _posts_agreed(launch):
        sentences.append(_posts_sentence(launch))
        ways.append(FOR_REHEARSALS if launch.pipeline.provider.rehearsal else FOR_POSTS)
    if sentences:
        hint = f"{WITHOUT_ASKING}, or {' and '.join(ways)}."
        raise Declined(f"{' '.join(sentences)} There is nobody to ask here.", hint=hint)


def _posts_agreed(launch: Launch) -> bool:
    return launch.pipeline.workflow.posts.unasked and not launch.pipeline.provider.rehearsal


def _posts_sentence(launch: Launch) -> str:
    what = "This"
    if launch.pipeline.provider.rehearsal:
        what = f"This is a rehearsal, made by {launch.pipeline.provider_name}, that"
    return f"{what} posts to {', '.join(public_destinations(launch))}, where everybody can see it."


def public_destinations(launch: Launch) -> list[str]:
    """Return the destinations where everybody could see the posts."""
    instances = launch.pipeline.instances
    return [name for name in launch.pipeline.order["publish"] if getattr(instances[name], "public", True)]


def can_ask() -> bool:
    """Return whether a person is at the terminal, would see the question and can answer it."""
    return sys.stdin.isatty() and is_terminal() and is_terminal(err=True)


def ask(question: str) -> bool:
    """A yes or no; anything but a yes is a no."""
    click.echo(f"{question} [y/N] ", nl=False, err=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def covered(launch: Launch) -> bool:
    """Return whether the workflow itself agrees: its ceilings leave room, or it allows unknown prices."""
    budget = launch.pipeline.workflow.budget
    ceilings = [amount for amount in (budget.per_run, budget.per_day, budget.per_month) if amount is not None]
    if launch.cost is None:
        return bool(ceilings) and budget.allow_unknown_price
    return bool(ceilings) and launch.cost <= min([*ceilings, *(room.left for room in launch.rooms)])


def _tight(launch: Launch) -> list[Room]:
    """The budgets of a day or month that have no room for this launch."""
    return [room for room in launch.rooms if launch.cost is not None and launch.cost > room.left]


def _room_sentences(launch: Launch) -> list[str]:
    return [
        f"The budget {room.name} = {dollars(room.ceiling)} has {dollars(room.counted)} in it, {dollars(room.left)}"
        " is left: what does not fit would be held."
        for room in _tight(launch)
    ]


def _for_money(launch: Launch) -> str:
    tight = _tight(launch)
    if not tight:
        return FOR_MONEY
    names = " and ".join(f"budget.{room.name}" for room in tight)
    return f"raise {names}"


def describe(launch: Launch) -> str:
    """The launch in a few lines."""
    lines = [_cost_sentence(launch), *_prompts(launch), *(f"  {sentence}" for sentence in _room_sentences(launch))]
    kinds = Counter(_kind(data) for data in launch.datas)
    lines += [f"  {number} × {kind}" for kind, number in kinds.most_common(5)]
    if len(kinds) > 5:
        lines.append(f"  … and {count(len(kinds) - 5, 'other kind')}")
    notes = dict.fromkeys(note for plan in launch.plans for job in plan.jobs for note in job.notes)
    lines += [f"  note: {note}" for note in islice(notes, MOST_NOTES)]
    public = public_destinations(launch)
    destinations = [
        f"{name} (everybody can see it)" if name in public else name for name in launch.pipeline.order["publish"]
    ]
    lines.append(f"  then published to: {', '.join(destinations) or 'nowhere'}")
    if public and launch.pipeline.provider.rehearsal:
        lines.append(f"  It is a rehearsal: {launch.pipeline.provider_name} only stands in for a real provider.")
    return "\n".join(lines)


def _prompts(launch: Launch) -> Iterator[str]:
    """Yield the prompts, so that a mistyped name or the wrong file is seen before it is paid for."""
    shown = list(dict.fromkeys(data.brief.prompt for data in launch.datas[:MOST_PROMPTS]))
    yield from (f"  {_short(prompt)}" for prompt in shown)
    if len(launch.jobs) > MOST_PROMPTS:
        yield f"  … and {len(launch.jobs) - MOST_PROMPTS} more"


def _short(prompt: str) -> str:
    plain = " ".join("".join(letter if letter.isprintable() else " " for letter in prompt).split())
    return f"“{plain if len(plain) <= LONGEST_PROMPT else plain[: LONGEST_PROMPT - 1] + '…'}”"


def _cost_sentence(launch: Launch) -> str:
    made = count(len(launch.jobs), "render")
    if launch.cost is None:
        return f"This makes {made} at {launch.pipeline.provider_name}; what that costs is not known."
    return f"This makes {made} at {launch.pipeline.provider_name} for {dollars(launch.cost)}{_price(launch)}."


def _price(launch: Launch) -> str:
    dates = [job.price.as_of for plan in launch.plans for job in plan.jobs if job.price is not None]
    oldest = min(dates, default=None)
    return f" (prices as of {oldest})" if oldest else ""


def _kind(data: JobData) -> str:
    place = f"{data.platform.name}, " if data.platform else ""
    return f"{place}{data.spec.size}, {data.spec.duration:g} s"


def agreed_to_retry(costs: Sequence[Decimal | None], *, yes: bool) -> None:
    """Make sure that paying again is meant. Raises `Declined`."""
    if yes or not costs or all(cost == 0 for cost in costs):
        return
    total = None if None in costs else sum((cost for cost in costs if cost is not None), Decimal(0))
    price = "what that costs is not known" if total is None else f"estimated at {dollars(total)}"
    sentence = f"This asks for {count(len(costs), 'new render')}, which may be paid for again: {price}."
    if not can_ask():
        raise Declined(f"{sentence} There is nobody to ask here.", hint="Add --yes to go on without being asked.")
    tell(sentence, err=True)
    if not ask("Go on?"):
        raise Declined("Stopped, as you said.")
