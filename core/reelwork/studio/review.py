"""The questions about a job that only a person can decide, with their evidence, and the answers there are.

Commands, programs and servers ask these questions; `studio.decisions` carries out the answers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from reelwork.ledger import OURS
from reelwork.ledger.report import Report
from reelwork.money import dollars, to_dollars
from reelwork.store.records import EffectRow, EventRow, JobRow, Sendings
from reelwork.store.rules import OPEN
from reelwork.store.statuses import CLOSED, Status
from reelwork.studio.advice import Action, NextStep, next_step
from reelwork.studio.job_view import JobView, doubt_of, view_of
from reelwork.text import one_line

if TYPE_CHECKING:
    from reelwork.engine.reconcile import Finding
    from reelwork.studio.decisions import Choice

OUTCOME: Final = "outcome"
CONTENT: Final = "content"
Kind = Literal["outcome", "content"]


@dataclass(frozen=True)
class Question:
    """Something only a person can decide about a job."""

    kind: Kind
    """`outcome`: did an effect happen; `content`: may held content go on."""
    subject: str
    facts: tuple[tuple[str, str], ...]
    attempt: int | None = None
    """The sending whose outcome is asked about."""
    report: Report | None = None
    """The report of the latest lookup."""

    def as_json(self) -> dict[str, Any]:
        """Return the question as programs get it."""
        seen = {} if self.report is None else {"seen": report_json(self.report)}
        attempt = {} if self.attempt is None else {"attempt": self.attempt}
        return {"kind": self.kind, "subject": self.subject, **attempt, **dict(self.facts), **seen}


class Kept(Protocol):
    """The part of a store that knows the effects, the story and the money of jobs."""

    def effects_of(self, job_id: str) -> Sequence[EffectRow]:
        """Return the effects of a job."""
        ...

    def events(self, job_id: str) -> Sequence[EventRow]:
        """Return the story of a job."""
        ...

    def sendings(self, job_ids: Sequence[str]) -> Mapping[str, Sendings]:
        """Return the requests sent for renders, and their money."""
        ...


@dataclass(frozen=True)
class Review:
    """A job with all that a person has to decide about it."""

    job: JobView
    questions: tuple[Question, ...]
    """Unknown outcomes first, then held content."""

    @property
    def answers(self) -> tuple[Choice, ...]:
        """The answers that settle one of the questions."""
        kinds = {question.kind for question in self.questions}
        outcome: tuple[Choice, ...] = ("happened", "not-happened") if OUTCOME in kinds else ()
        content: tuple[Choice, ...] = ("approve",) if CONTENT in kinds else ()
        # A job that was cancelled or rejected is ended already. Only its effect is left to be settled.
        held: tuple[Choice, ...] = ("reject",) if kinds and self.job.status == Status.HELD else ()
        return (*outcome, *content, *held)

    @property
    def next_step(self) -> NextStep:
        """The next step for the job. Without questions, resuming it continues with what was found."""
        return next_step(self.job, open_questions=bool(self.questions))


def review_of(store: Kept, row: JobRow) -> Review:
    """Return what there is to decide about a job."""
    job, effects = view_of(row, doubt=doubt_of(store, row)), store.effects_of(row.id)
    # Not `sent`: its sender may still answer, or `reconcile` looks it up. A person can only guess.
    outcomes = (_outcome(job, effect) for effect in effects if effect.state == "unknown")
    return Review(job, (*outcomes, *_contents(job, store.events(row.id))))


@dataclass(frozen=True, slots=True)
class Freed:
    """The money of a request of which a person says that it did not happen."""

    amount: Decimal
    """US dollars that are no longer in doubt."""
    for_good: bool
    """True if they are free again; else they stay reserved for sending the request once more."""


def freed_by(store: Kept, row: JobRow, destination: str | None) -> Freed | None:
    """Return the money that is settled when a job's request did not happen; None if none was reserved for it."""
    effects = [one for one in store.effects_of(row.id) if one.state == "unknown" and one.money == "reserved"]
    named = [one for one in effects if destination in (None, one.subject)]
    if not named:
        return None
    return Freed(to_dollars(sum(one.reserved or 0 for one in named)), row.status in CLOSED)


@dataclass(frozen=True, slots=True)
class AfterLookup:
    """The next step for an effect that was looked up."""

    action: Action
    """`reconcile`, `resume`, `resolve` or `nothing`."""
    question: Question | None = None
    """The question that a person must decide."""
    destination: str = ""
    """The effect that is meant, where a job has several."""


def after_lookup(store: Kept, row: JobRow, finding: Finding, *, dry_run: bool) -> AfterLookup:
    """Return what comes next for an effect of a job. A dry run has settled nothing, whatever it found."""
    if finding.decided == "waiting" or (finding.settled and dry_run):
        # What a dry run found is written nowhere, so the same lookup has to be done once more.
        return AfterLookup(Action.RECONCILE)
    # A job that has ended is not resumed: there is nothing left to do for it.
    if finding.decided != "person":
        goes_on = row.status in (Status.ACTIVE, Status.HELD)
        return AfterLookup(Action.RESUME if goes_on else Action.NOTHING)
    effects = [effect for effect in store.effects_of(row.id) if effect.state in OPEN]
    mine = [_outcome(view_of(row), one) for one in effects if one.key == finding.key and one.state == "unknown"]
    destination = finding.subject if len(effects) > 1 else ""
    return AfterLookup(Action.RESOLVE, mine[0] if mine else None, destination)


def _outcome(view: JobView, effect: EffectRow) -> Question:
    facts = [("act", f"{effect.kind} at {effect.subject}"), *_asked(view, effect)]
    if effect.sent_at is not None:
        times = f" ({effect.attempt} times)" if effect.attempt > 1 else ""
        facts.append(("sent at", f"{_time(effect.sent_at)}{times}"))
    facts.append(("sent by", f"process {effect.sender}" if effect.sender else "a process that has ended since"))
    facts.append(("key", effect.key))
    if effect.money != "none":
        facts.append(("money", f"{effect.money}: {dollars(to_dollars(effect.reserved))}"))
    if effect.remote_id:
        facts.append(("claimed", effect.remote_id))
    facts += _noted(effect)
    report = Report.of(effect)
    facts += seen(report)
    facts.append(("why unknown", effect.reason))
    told = tuple((name, text) for name, text in facts if text)
    return Question(OUTCOME, effect.subject, told, effect.attempt, report)


def _noted(effect: EffectRow) -> Iterator[tuple[str, str]]:
    for name, value in json.loads(effect.evidence).items():
        if not name.startswith(OURS):
            yield f"noted {name}", one_line(value if isinstance(value, str) else json.dumps(value))


def seen(report: Report | None) -> Iterator[tuple[str, str]]:
    """Yield the facts of the latest lookup, and the row of the rule by which it was judged."""
    if report is None:
        return
    yield "looked up", _time(report.at)
    yield "judged", f"{report.why} (row {report.row} of the rule of evidence)"
    yield "missing", report.missing
    yield "shown as well", ", ".join(report.controls)
    for shown in report.candidates:
        at = "" if shown.created_at is None else f", {_time(shown.created_at)}"
        says = "; ".join(f"{name} {one_line(value)}" for name, value in shown.says.items())
        owner = f" (belongs to {shown.owner})" if shown.owner else ""
        yield "is there", f"{one_line(shown.id)}{owner}: {shown.state}{at}{'; ' if says else ''}{says}".rstrip(": ")


def report_json(report: Report) -> dict[str, Any]:
    """Return the report as programs get it."""
    kept: dict[str, Any] = json.loads(report.to_json())
    return {name: value for name, value in kept.items() if name not in ("since", "date")}


def _asked(view: JobView, effect: EffectRow) -> Iterator[tuple[str, str]]:
    """Yield the parts of what was sent that distinguish one request from another."""
    prompt = view.data.get("prompt") or {}
    if effect.kind == "submit":
        spec = view.data["spec"]
        yield "prompt", view.prompt
        yield "not", prompt.get("negative_text", "")
        yield "model", view.data.get("model") or ""
        yield "frame", f"{spec['width']}x{spec['height']}, {spec['duration']:g} s"
        return
    clip = view.data.get("clip") or {}
    yield "title", prompt.get("title", "")
    yield "caption", prompt.get("caption", "")
    yield "video", str((clip.get("video") or {}).get("path", ""))


def _contents(view: JobView, events: Sequence[EventRow]) -> list[Question]:
    """Return the verdicts that hold the job now: those since it was last resumed."""
    if view.status != Status.HELD:
        return []
    found: list[Question] = []
    for event in reversed(events):
        # What was decided or asked again since is settled, and must not be asked about once more.
        if event.name in ("resumed", "decided"):
            break
        details = json.loads(event.details)
        if event.name == "verdict" and details.get("decision") == "hold":
            facts = [("held by", str(details.get("plugin", ""))), ("reason", str(details.get("reason", "")))]
            facts.append(("about", ", ".join(details.get("categories", []))))
            facts.append(("held", _content(details)))
            facts.append(("held at", _time(event.at)))
            facts.append(("prompt", view.prompt))
            kept = tuple((name, text) for name, text in facts if text)
            found.insert(0, Question(CONTENT, str(details.get("plugin", "")), kept))
    return found


def _content(details: dict[str, Any]) -> str:
    if details.get("destination"):
        return f"the post to {details['destination']}"
    return {"brief": "the brief", "prompt": "the final prompt", "clip": "the video"}.get(
        details.get("stage", ""), ""
    )


def _time(at: float) -> str:
    # In UTC, as providers' lists and bills show times: they are compared with those.
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"
