"""The next step for a job: in every state, with and without a server, a command that does something there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product

import pytest

from reelwork.cli.vantage import AFAR, THERE, from_afar
from reelwork.store.holds import HoldReason
from reelwork.store.rules import setting_of
from reelwork.store.statuses import CLOSED, GOES_ON, TRIED_AGAIN, Status, Step
from reelwork.studio.advice import BY_ITSELF, BY_PERSON, Action, next_step
from reelwork.studio.next_words import HERE, NEXT, Vantage, next_words

URL = "https://studio.example.com"
AWAY = Vantage(driven=True, typed=lambda text: from_afar(text, URL))
SERVED = Vantage(driven=True)
PLACES = {"no server": HERE, "a server": SERVED, "from afar": AWAY}


WAITS = (HoldReason.REVIEW, HoldReason.APPEAL)
"""A person is asked about such a job."""


@dataclass(frozen=True)
class Standing:
    """A job, as far as advice goes by it."""

    status: str
    step: str
    hold: HoldReason | None = None
    post_wait: str = ""
    doubt: str = ""
    reason: str = "why"
    skipped: bool = False
    refused_there: bool = False
    in_review: bool = False
    unapproved: bool = False
    appealable: bool = False
    id: str = "0123456789-abcdefgh"
    row: str | None = None
    platform: str | None = None
    take: int = 1
    takes: int = 1
    brand: str = "acme"


def standings() -> Iterator[Standing]:
    """Every status at every step, with all that may be said beside it."""
    for status, step in product(Status, Step):
        plain = Standing(status, step)
        if status == Status.HELD:
            for hold, reviewed in product(HoldReason, (False, True)):
                # A store that is behind asks about renders alone.
                if hold is HoldReason.STORE_BEHIND and step != Step.SUBMIT_AGAIN:
                    continue
                yield replace(plain, hold=hold, in_review=reviewed or hold in WAITS)
        elif status == Status.ACTIVE:
            yield from (replace(plain, post_wait=wait) for wait in ("", "time", "start"))
        elif status == Status.REJECTED:
            yield from (replace(plain, doubt=doubt) for doubt in ("", "unknown", "sent"))
            for told in ("skipped", "refused_there", "unapproved", "appealable"):
                yield replace(plain, **{told: True})
            yield replace(plain, reason=BY_PERSON)
        elif status == Status.CANCELLED:
            yield from (replace(plain, doubt=doubt) for doubt in ("", "unknown", "sent"))
        else:
            yield plain


def resumes(job: Standing, options: str) -> bool:
    """A job that is resumed goes on: it is not closed, needs no new render, and nobody else must decide first."""
    if job.status == Status.ACTIVE or job.hold is None:
        return job.status in GOES_ON and (job.status == Status.ACTIVE or job.step != Step.SUBMIT_AGAIN)
    if job.step in (Step.RENDER_AGAIN, Step.DOWNLOAD_AGAIN):
        return True
    if job.hold.budget:
        return f"--set {setting_of(job.hold.budget, job.brand)}=" in options
    return job.hold.resumes and job.step != Step.SUBMIT_AGAIN


def retries(job: Standing, _: str) -> bool:
    return job.status in TRIED_AGAIN and job.status != Status.ACTIVE


def resolves(job: Standing, options: str) -> bool:
    asks = job.hold is not None and job.hold.asks
    # Of one that has ended, only the outcome of what was sent is left to be said.
    return "--did-not-happen" in options or asks if job.doubt == "unknown" else asks


HELPS: dict[str, Callable[[Standing, str], bool]] = {
    "resume": resumes,
    "jobs retry": retries,
    "jobs resolve": lambda job, options: resolves(job, options) or job.doubt == "unknown",
    "review show": lambda job, _: job.in_review,
    "review appeal": lambda job, _: job.appealable,
    "reconcile": lambda job, _: job.doubt == "sent",
    "serve": lambda job, _: job.status == Status.ACTIVE and job.post_wait == "time",
    "posts start": lambda job, _: job.post_wait == "start",
}
COMMAND = re.compile(r"reelwork (--server \S+ )?(" + "|".join(HELPS) + r")([^;()]*?)(?=, or|;|\(|$)")


@pytest.mark.parametrize("place", PLACES)
def test_each_command_that_is_advised_does_something_in_that_state(place: str) -> None:
    walked = 0
    for job in standings():
        told = next_words(job, at=PLACES[place])
        commands = COMMAND.findall(told)
        assert told.count("reelwork") == len(commands), told
        for server, command, options in commands:
            walked += 1
            assert HELPS[command](job, options), (job, told)
            assert bool(server) == (place == "from afar" and command in AFAR and "--set" not in options), told
        if place == "from afar" and any(not server for server, *_ in commands):
            assert THERE in told, told
    assert walked > 300


@pytest.mark.parametrize("place", PLACES)
def test_nothing_is_advised_only_where_nobody_is_needed(place: str) -> None:
    for job in standings():
        silent = not next_words(job, at=PLACES[place])
        ended = job.status == Status.DONE or (job.status in CLOSED and not job.doubt)
        by_itself = job.status == Status.ACTIVE and job.post_wait != "start" and PLACES[place].driven
        wanted = job.status == Status.REJECTED and (job.skipped or job.reason == BY_PERSON)
        assert not silent or job.step == Step.REMOVED or by_itself or wanted or (ended and job.status != "rejected")
        if by_itself:
            assert silent, job


def test_no_advice_asks_to_resume_what_only_waits_for_its_time() -> None:
    job = Standing(Status.ACTIVE, Step.PUBLISH, post_wait="time")
    assert next_words(job) == "reelwork serve  (posts it at its time), or from then on: reelwork resume abcdefgh"
    assert next_step(job).action not in BY_ITSELF
    assert next_words(job, at=SERVED) == next_words(job, at=AWAY) == ""


def test_every_action_has_words() -> None:
    assert set(NEXT) == set(Action)
    assert {next_step(job).action for job in standings()} == set(Action)


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ("See it again: reelwork jobs show 7", f"See it again: reelwork --server {URL} jobs show 7"),
        ("reelwork resume 7", f"reelwork --server {URL} resume 7"),
        ("`reelwork resume` fetches it again.", f"`reelwork --server {URL} resume` fetches it again."),
        ("List them: GET /api/v1/jobs", f"List them: reelwork --server {URL} jobs list"),
        ("GET /api/v1/jobs/7", f"reelwork --server {URL} jobs show 7"),
        ("reelwork --server URL run --workflow A", f"reelwork --server {URL} run --workflow A"),
        ("Make one: reelwork tokens add NAME", "On the server's machine: Make one: reelwork tokens add NAME"),
        ("reelwork jobs resolve 7", "on the server's machine: reelwork jobs resolve 7"),
        ("reelwork resume 7 --set budget.per_day=9", f"{THERE}reelwork resume 7 --set budget.per_day=9"),
        (
            "reelwork jobs resolve 7  (you decide), or: reelwork resume 7",
            f"{THERE}reelwork jobs resolve 7  (you decide), or: reelwork --server {URL} resume 7",
        ),
        ("Leave it out.", "Leave it out."),
        ("/home/ana/reelwork show.toml", "/home/ana/reelwork show.toml"),
        ("", ""),
    ],
)
def test_an_advice_is_said_as_it_is_typed_from_afar(here: str, there: str) -> None:
    assert from_afar(here, URL) == there
    assert from_afar(there, URL) == there or THERE.lower() in there.lower()
