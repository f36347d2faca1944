"""The jobs: waiting, rendering and done. Nothing runs in the background: states follow from the clock."""

from __future__ import annotations

import bisect
import heapq
import threading
import time
import uuid
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Literal

from reelwork_plugins.simulator.asks import Ask
from reelwork_plugins.simulator.dialects import Dialect, split_model

State = Literal["queued", "in_progress", "completed", "failed"]
# So that a client that polls sees every status word, however short the queue is.
_QUEUE_SHARE = 0.1
"""The part of a render's time in which its status is still `queued`."""


@dataclass(frozen=True, slots=True)
class Fate:
    """The outcome of a job, decided when the job is made."""

    render_seconds: float
    failure: str = ""
    """The error code it ends with; empty: it succeeds."""
    stuck: bool = False
    cloud: bool = False
    """The clip goes to cloud storage (SGLang)."""
    webhook: str = ""
    """The kind of the webhook fault that strikes it."""
    webhook_delay: float = 0.0


@dataclass(slots=True, eq=False)
class Job:
    """One video. Times are seconds since the epoch."""

    id: str
    dialect: str
    ask: Ask
    fate: Fate
    created_at: float
    source_id: str | None = None
    """The video it was made from."""
    seq: int = 0
    started_at: float | None = None
    ended_at: float | None = None
    deleted: bool = False

    def state(self, now: float) -> State:
        """Return the job's state at `now`, once the store has advanced to it."""
        if self.ended_at is not None:
            return "failed" if self.fate.failure else "completed"
        return "queued" if self._share(now) < _QUEUE_SHARE else "in_progress"

    def progress(self, now: float) -> int:
        """Return per cent."""
        if self.ended_at is not None and not self.fate.failure:
            return 100
        return int(min(self._share(now), 0.5 if self.fate.stuck else 0.99) * 100)

    def _share(self, now: float) -> float:
        if self.started_at is None:
            return 0.0
        elapsed = max((self.ended_at or now) - self.started_at, 0.0)
        return elapsed / self.fate.render_seconds if self.fate.render_seconds > 0 else 1.0


def new_id(dialect: Dialect, model: str) -> str:
    """Return an id in the dialect's form; LiteLLM's holds backend, model and the backend's own id in base64."""
    tail = uuid.uuid4().hex
    if dialect.name in ("sglang", "fal"):
        return str(uuid.uuid4())
    if dialect.name == "openrouter":
        return f"{dialect.id_prefix}{int(time.time())}-{tail[:20]}"
    if dialect.name != "litellm":
        return dialect.id_prefix + tail
    backend, name = split_model(model)
    inner = f"litellm:custom_llm_provider:{backend};model_id:{name};video_id:video_{tail}"
    return dialect.id_prefix + b64encode(inner.encode()).decode("ascii")


@dataclass(slots=True)
class _Shelf:
    """One dialect's jobs, oldest first, and by id."""

    order: list[Job] = field(default_factory=list)
    by_id: dict[str, Job] = field(default_factory=dict)


class JobStore:
    """All jobs of all dialects. May be used from several threads.

    `concurrent` renders run at once, however many dialects they belong to. With `tell_ends`, `take_finished` must
    be called now and then.
    """

    def __init__(self, concurrent: int | None = None, *, tell_ends: bool = False) -> None:
        self._lock = threading.Lock()
        self._concurrent = concurrent
        self._tell_ends = tell_ends
        self._shelves: dict[str, _Shelf] = {}
        self._waiting: deque[Job] = deque()
        self._running: list[tuple[float, int, Job]] = []
        self._finished: list[Job] = []
        self._seq = 0

    def add(self, job: Job) -> None:
        """Add a job, at its own time of creation."""
        with self._lock:
            self._advance(job.created_at)
            self._seq += 1
            job.seq = self._seq
            shelf = self._shelves.setdefault(job.dialect, _Shelf())
            shelf.order.append(job)
            shelf.by_id[job.id] = job
            self._waiting.append(job)
            self._fill(job.created_at)

    def get(self, dialect: str, job_id: str, now: float) -> Job | None:
        """Return the job, or None when this dialect has none with this id."""
        with self._lock:
            self._advance(now)
            return self._shelves.get(dialect, _Shelf()).by_id.get(job_id)

    def delete(self, job: Job, now: float, *, stops: bool = True) -> None:
        """Forget a job. With `stops`, one that is not done stops and makes room for the next."""
        with self._lock:
            self._advance(now)
            if job.deleted:
                return
            job.deleted = True
            shelf = self._shelves[job.dialect]
            del shelf.by_id[job.id]
            del shelf.order[bisect.bisect_left(shelf.order, job.seq, key=_seq)]
            if job.ended_at is None and stops:
                self._waiting = deque(other for other in self._waiting if other is not job)
                self._running = [entry for entry in self._running if entry[2] is not job]
                heapq.heapify(self._running)
                self._fill(now)

    def page(
        self, dialect: str, now: float, *, after: str | None, limit: int | None, newest_first: bool
    ) -> tuple[Sequence[Job], bool]:
        """Return some of a dialect's jobs, and True if there are more. Raises `KeyError` for an unknown `after`."""
        with self._lock:
            self._advance(now)
            shelf = self._shelves.get(dialect, _Shelf())
            order = shelf.order
            start = 0 if not newest_first else len(order)
            if after is not None:
                place = bisect.bisect_left(order, shelf.by_id[after].seq, key=_seq)
                start = place if newest_first else place + 1
            if newest_first:
                stop = 0 if limit is None else max(start - limit, 0)
                return order[stop:start][::-1], stop > 0
            stop = len(order) if limit is None else start + limit
            return order[start:stop], stop < len(order)

    def everything(self, now: float) -> list[Job]:
        """Return all jobs, oldest first."""
        with self._lock:
            self._advance(now)
            return sorted((job for shelf in self._shelves.values() for job in shelf.order), key=_seq)

    def ahead_of(self, job: Job, now: float) -> int:
        """Return the number of jobs that wait before this one."""
        with self._lock:
            self._advance(now)
            return self._waiting.index(job) if job in self._waiting else 0

    def unfinished(self, now: float) -> int:
        """Return the number of jobs that wait or render."""
        with self._lock:
            self._advance(now)
            return len(self._waiting) + len(self._running)

    def take_finished(self, now: float) -> tuple[list[Job], float]:
        """Return the jobs that ended since the last call, and the time at which the next one ends."""
        with self._lock:
            self._advance(now)
            finished, self._finished = self._finished, []
            return finished, self._running[0][0] if self._running else inf

    def forget(self, keep: Callable[[Job], bool]) -> None:
        """Lose every job but those to keep, as a restart does."""
        with self._lock:
            for shelf in self._shelves.values():
                for job in shelf.order:
                    job.deleted = not keep(job)
                shelf.order = [job for job in shelf.order if not job.deleted]
                shelf.by_id = {job.id: job for job in shelf.order}
            self._waiting = deque(job for job in self._waiting if not job.deleted)
            self._running = [entry for entry in self._running if not entry[2].deleted]
            heapq.heapify(self._running)
            self._finished = [job for job in self._finished if not job.deleted]

    def _advance(self, now: float) -> None:
        while self._running and self._running[0][0] <= now:
            end, _, job = heapq.heappop(self._running)
            job.ended_at = end
            # Kept only for whoever takes them: without webhooks the list would grow for ever.
            if self._tell_ends:
                self._finished.append(job)
            # At its end, not at `now`: the next render begins when the place was free, however late somebody looks.
            self._fill(end)

    def _fill(self, at: float) -> None:
        while self._waiting and (self._concurrent is None or len(self._running) < self._concurrent):
            job = self._waiting.popleft()
            job.started_at = at
            end = inf if job.fate.stuck else at + job.fate.render_seconds
            heapq.heappush(self._running, (end, job.seq, job))


def _seq(job: Job) -> int:
    return job.seq
