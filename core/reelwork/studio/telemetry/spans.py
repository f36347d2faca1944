"""Spans as values, and the ids by which those of one job find each other across processes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

Fact = str | int | float | bool
Facts = Mapping[str, Fact]


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened within a span."""

    name: str
    at: int
    """Nanoseconds since the epoch, like all times here."""
    facts: Facts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Span:
    """Something that was done, from when to when."""

    trace: int
    id: int
    name: str
    began: int
    ended: int
    parent: int | None = None
    facts: Facts = field(default_factory=dict)
    failed: bool = False
    calls_out: bool = False
    """It asks another service for something."""
    moments: tuple[Moment, ...] = ()
    links: tuple[int, ...] = ()
    """Ids of earlier spans of the same trace that it goes on from."""


# Derived, and not drawn: a process that takes a job over after a crash knows them without being told.
def trace_of(job_id: str) -> int:
    """Return the id of a job's trace."""
    return _derived(16, job_id)


def life_of(job_id: str, ends: int) -> int:
    """Return the id of a job's outermost span, by how often the job had ended before."""
    return _derived(8, job_id, "life", str(ends))


def hold_of(job_id: str, fence: int) -> int:
    """Return the id of the span in which one process holds a job, by the number of the taking."""
    return _derived(8, job_id, "hold", str(fence))


def new_span_id() -> int:
    """Return the id of a span that nobody else must know."""
    return int.from_bytes(os.urandom(8)) or 1


def new_trace_id() -> int:
    """Return the id of a trace that belongs to no job."""
    return int.from_bytes(os.urandom(16)) or 1


def _derived(length: int, *parts: str) -> int:
    # 0 is no id in OpenTelemetry.
    return int.from_bytes(hashlib.sha256(" ".join(("reelwork", *parts)).encode()).digest()[:length]) or 1
