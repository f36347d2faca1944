"""The questions about a held job with their evidence, for a person."""

from __future__ import annotations

from collections.abc import Iterator

from reelwork.cli.views.text import paint, wrapped
from reelwork.studio.decisions import Choice
from reelwork.studio.review import OUTCOME, Review

OPTIONS: dict[Choice, str] = {
    "happened": "--happened ID",
    "not-happened": "--did-not-happen",
    "approve": "--approve",
    "reject": "--reject",
}


def ways(review: Review) -> str:
    """Return the options that decide about a job."""
    *others, last = (OPTIONS[answer] for answer in review.answers)
    return f"{', '.join(others)} or {last}"


def shown(review: Review) -> Iterator[str]:
    """Yield the questions with their evidence, for a person."""
    for number, question in enumerate(review.questions):
        if number:
            yield ""
        title = "Did it happen?" if question.kind == OUTCOME else "Approve it?"
        yield f"{paint(title, bold=True)}  job {review.job.id}"
        size = max(len(name) for name, _ in question.facts) + 2
        for name, text in question.facts:
            first, *rest = list(wrapped(text, " " * (size + 2))) or [""]
            yield f"  {name.ljust(size)}{first.strip()}"
            yield from rest
