"""The plugins that take part in a job: which are called, the version of each, and the scores they give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from reelwork_hooks.models import PluginVersion

_noted: ContextVar[set[str] | None] = ContextVar("noted", default=None)


@contextmanager
def noting_calls() -> Iterator[set[str]]:
    """Collect the names of the instances that are called within."""
    names: set[str] = set()
    token = _noted.set(names)
    try:
        yield names
    finally:
        _noted.reset(token)


def note_call(instance: str) -> None:
    """Note that an instance is called."""
    if (names := _noted.get()) is not None:
        names.add(instance)


_scores: ContextVar[dict[str, float] | None] = ContextVar("scores", default=None)


@contextmanager
def noting_scores(known: Mapping[str, float]) -> Iterator[dict[str, float]]:
    """Collect the highest score that each moderator gives within, beside those known before."""
    scores = dict(known)
    token = _scores.set(scores)
    try:
        yield scores
    finally:
        _scores.reset(token)


def note_score(instance: str, score: float) -> None:
    """Note the score that a moderator gave, whatever it decided."""
    if (scores := _scores.get()) is not None:
        scores[instance] = max(score, scores.get(instance, 0.0))


def highest_score() -> float | None:
    """Return the highest score that was noted; None if no moderator gave one."""
    return max((_scores.get() or {}).values(), default=None)


def version_in(origin: str) -> PluginVersion:
    """Return the package and version of an origin. Of a file only its name: its folders are nobody else's business.

    >>> version_in("acme-board 1.2")
    PluginVersion(package='acme-board', version='1.2')
    """
    if origin.endswith(".py"):
        return PluginVersion(package=Path(origin).name)
    package, _, version = origin.rpartition(" ")
    known = bool(package) and version[:1].isdigit()
    return PluginVersion(package=package, version=version) if known else PluginVersion(package=origin)
