"""Asks before money is spent or something is posted where everyone can see it."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from itertools import islice
from typing import Literal

import click

from reelwork.cli.views.text import count, is_terminal, tell
from reelwork.errors import Declined
from reelwork.planning.job_state import JobData
from reelwork.planning.review_rules import surely
from reelwork.studio.batch_wording import told
from reelwork.studio.consent import Consent, check_agreed, consent_for
from reelwork.studio.launch import Launch
from reelwork.studio.retry import Retry

MOST_NOTES = 5
MOST_PROMPTS, LONGEST_PROMPT = 4, 100
WITHOUT_ASKING = "Add --yes to run without being asked"


def confirmer(*, yes: bool, asking: Callable[[], AbstractContextManager[None]]) -> Callable[[Launch], bool]:
    """Return a function that decides whether a launch may spend and post: it asks on a terminal, never elsewhere.

    `asking` is entered while the question is open, so that Ctrl-C means no.
    """

    def confirm(launch: Launch) -> bool:
        if yes:
            return True
        consent = consent_for(launch)
        if consent.needed and can_ask():
            tell(describe(consent), err=True)
            with asking():
                return ask("Continue?")
        check_agreed(consent, WITHOUT_ASKING)
        return True

    return confirm


def asker_of_copies(
    *, yes: bool, asking: Callable[[], AbstractContextManager[None]]
) -> Callable[[Launch], Literal["make"]] | None:
    """Return a function that asks about rows that look like rows made before; None if nobody is asked."""
    if yes or not can_ask():
        return None

    def make(launch: Launch) -> Literal["make"]:
        tell(f"{told(launch)}\nTo leave them as they were made, say no, and add: --copies keep", err=True)
        with asking():
            if not ask("Make them as well?"):
                raise Declined("Stopped.")
        return "make"

    return make


def can_ask() -> bool:
    """Return whether a person is at the terminal, would see the question and can answer it."""
    # All three: a pipe that says "y" is not a person, and nobody answers a question that is not seen.
    return sys.stdin.isatty() and is_terminal() and is_terminal(err=True)


def ask(question: str) -> bool:
    """Ask a yes-or-no question; anything but a yes is a no."""
    click.echo(f"{question} [y/N] ", nl=False, err=True)
    # An empty line and the end of the input are a no: only a word spends money.
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def describe(consent: Consent) -> str:
    """Return the launch in a few lines."""
    launch = consent.launch
    lines = [consent.spends, *_prompts(launch), *(f"  {sentence}" for sentence in consent.over_budgets)]
    kinds = Counter(_kind(data) for data in launch.datas)
    lines += [f"  {number} × {kind}" for kind, number in kinds.most_common(5)]
    if len(kinds) > 5:
        lines.append(f"  … and {count(len(kinds) - 5, 'other kind')}")
    of_jobs = (note for plan in launch.plans for job in plan.jobs for note in job.notes)
    notes = dict.fromkeys((*launch.notes, *of_jobs))
    lines += [f"  note: {note}" for note in islice(notes, MOST_NOTES)]
    destinations = [f"{name}{_seen(consent, name)}" for name in launch.pipeline.order["publish"]]
    lines.append(f"  then published to: {', '.join(destinations) or 'nowhere'}")
    if consent.public and consent.rehearsal:
        lines.append(f"  It is a rehearsal: {launch.pipeline.provider_name} only stands in for a real provider.")
    return "\n".join(lines)


def _seen(consent: Consent, name: str) -> str:
    """Return who sees a post, in brackets; empty if it stays on this machine."""
    if name in consent.public:
        return " (everyone can see it)"
    return " (after a person's review)" if surely(consent.launch.pipeline.workflow.review, name) else ""


def _prompts(launch: Launch) -> Iterator[str]:
    """Yield the prompts."""
    # So that a mistyped name or the wrong file is seen before it is paid for.
    shown = list(dict.fromkeys(data.brief.prompt for data in launch.datas[:MOST_PROMPTS]))
    yield from (f"  {_short(prompt)}" for prompt in shown)
    if len(launch.jobs) > MOST_PROMPTS:
        yield f"  … and {len(launch.jobs) - MOST_PROMPTS} more"


def _short(prompt: str) -> str:
    plain = " ".join("".join(letter if letter.isprintable() else " " for letter in prompt).split())
    return f"“{plain if len(plain) <= LONGEST_PROMPT else plain[: LONGEST_PROMPT - 1] + '…'}”"


def _kind(data: JobData) -> str:
    place = f"{data.platform.name}, " if data.platform else ""
    return f"{place}{data.spec.size}, {data.spec.duration:g} s"


def check_agreed_to_retry(retry: Retry, *, yes: bool) -> None:
    """Make sure that paying again is meant. Raises `Declined`."""
    if yes or not retry.needs_consent:
        return
    if not can_ask():
        raise Declined(f"{retry.spends} There is nobody to ask here.", hint=f"{WITHOUT_ASKING}.")
    tell(retry.spends, err=True)
    if not ask("Continue?"):
        raise Declined("Stopped.")
