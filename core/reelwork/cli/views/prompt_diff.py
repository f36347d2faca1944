"""A prompt with the changes plugins made to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reelwork.cli.views.text import paint, wrapped


@dataclass(frozen=True)
class Change:
    """One plugin's change to one field, as the engine recorded it."""

    plugin: str
    field: str
    before: str
    after: str


def prompt_lines(text: str, negative_text: str, changes: Sequence[Change], *, indent: str) -> Iterator[str]:
    """Yield the final text, then each change as before and after."""
    yield from wrapped(text, indent)
    if negative_text:
        yield from wrapped(f"not: {negative_text}", indent)
    for change in changes:
        if not change.before:
            yield from wrapped(f"{change.plugin} set {change.field}: {change.after}", indent)
            continue
        yield f"{indent}{change.plugin} changed {'the prompt' if change.field == 'text' else change.field}:"
        yield from (paint(line, fg="red") for line in _marked("- ", change.before, indent))
        yield from (paint(line, fg="green") for line in _marked("+ ", change.after, indent))


def _marked(mark: str, text: str, indent: str) -> Iterator[str]:
    first, *rest = list(wrapped(text, indent + "    ")) or [""]
    yield f"{indent}  {mark}{first.strip()}"
    yield from rest
