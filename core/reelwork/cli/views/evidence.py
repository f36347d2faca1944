"""The evidence for a person's decision about a held job: an effect that may have happened, or held content."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from reelwork.cli.views.text import dollars, one_line, paint, wrapped
from reelwork.ledger import OURS
from reelwork.ledger.report import Report
from reelwork.money import to_dollars
from reelwork.store.records import EffectRow, EventRow
from reelwork.studio.job_view import JobView

OUTCOME, CONTENT = "outcome", "content"


@dataclass(frozen=True)
class Question:
    """Something only a person can decide about a job."""

    kind: str
    """`outcome`: did an act happen; `content`: may held content go on."""
    subject: str
    facts: tuple[tuple[str, str], ...]
    attempt: int | None = None
    """The sending whose outcome is asked about."""
    report: Report | None = None
    """What the latest look showed."""

    def as_json(self) -> dict[str, Any]:
        """The question as programs get it."""
        seen = {} if self.report is None else {"seen": report_json(self.report)}
        attempt = {} if self.attempt is None else {"attempt": self.attempt}
        return {"kind": self.kind, "subject": self.subject, **attempt, **dict(self.facts), **seen}


def questions(view: JobView, effects: list[EffectRow], events: list[EventRow]) -> list[Question]:
    """Return the questions to decide about a job: unknown outcomes first, then held content."""
    found = [_outcome(view, effect) for effect in effects if effect.state == "unknown"]
    return [*found, *_contents(view, events)]


def _outcome(view: JobView, effect: EffectRow) -> Question:
    facts = [("act", f"{effect.kind} at {effect.subject}"), *_asked(view, effect)]
    if effect.sent_at is not None:
        times = f" ({effect.attempt} times)" if effect.attempt > 1 else ""
        facts.append(("sent at", f"{_time(effect.sent_at)}{times}"))
    facts.append(("sent by", f"process {effect.sender}" if effect.sender else "a process that has ended since"))
    facts.append(("key", effect.key))
    if effect.kind == "submit":
        facts.append(("money", f"{effect.money}: {dollars(to_dollars(effect.reserved))}"))
    if effect.remote_id:
        facts.append(("claimed", effect.remote_id))
    evidence = json.loads(effect.evidence)
    facts += [
        (f"noted {name}", one_line(value if isinstance(value, str) else json.dumps(value)))
        for name, value in evidence.items()
        if not name.startswith(OURS)
    ]
    report = Report.of(effect)
    facts += seen(report)
    facts.append(("why unknown", effect.reason))
    told = tuple((name, text) for name, text in facts if text)
    return Question(OUTCOME, effect.subject, told, effect.attempt, report)


def seen(report: Report | None) -> Iterator[tuple[str, str]]:
    """Yield the facts of the latest lookup, and the row of the rule by which it was judged."""
    if report is None:
        return
    yield "looked at", _time(report.at)
    yield "judged", f"{report.why} (row {report.row} of the rule of evidence)"
    yield "missing", report.missing
    yield "shown as well", ", ".join(report.controls)
    for shown in report.candidates:
        at = "" if shown.created_at is None else f", {_time(shown.created_at)}"
        says = "; ".join(f"{name} {one_line(value)}" for name, value in shown.says.items())
        owner = f" (belongs to {shown.owner})" if shown.owner else ""
        yield "is there", f"{one_line(shown.id)}{owner}: {shown.state}{at}{'; ' if says else ''}{says}".rstrip(": ")


def report_json(report: Report) -> dict[str, Any]:
    """The same as programs get it."""
    kept: dict[str, Any] = json.loads(report.to_json())
    return {name: value for name, value in kept.items() if name not in ("since", "date")}


def _asked(view: JobView, effect: EffectRow) -> Iterator[tuple[str, str]]:
    """Yield the parts of what was sent that tell one request from another."""
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


def _contents(view: JobView, events: list[EventRow]) -> list[Question]:
    """The verdicts that hold the job now: those since it was last taken up."""
    if view.status != "held":
        return []
    found: list[Question] = []
    for event in reversed(events):
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


def ways(asked: list[Question]) -> str:
    """The options that decide about these questions."""
    outcome, content = (any(question.kind == kind for question in asked) for kind in (OUTCOME, CONTENT))
    found = ["--happened ID", "--did-not-happen"] * outcome + ["--approve"] * content
    return f"{', '.join(found)} or --reject"


def shown(view: JobView, asked: list[Question]) -> Iterator[str]:
    """The questions with their evidence, for a person."""
    for number, question in enumerate(asked):
        if number:
            yield ""
        title = "Did it happen?" if question.kind == OUTCOME else "May it go on?"
        yield f"{paint(title, bold=True)}  job {view.id}"
        size = max(len(name) for name, _ in question.facts) + 2
        for name, text in question.facts:
            first, *rest = list(wrapped(text, " " * (size + 2))) or [""]
            yield f"  {name.ljust(size)}{first.strip()}"
            yield from rest


def _time(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"
