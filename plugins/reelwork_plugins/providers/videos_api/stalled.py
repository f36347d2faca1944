"""Renders that do not move on the list: each is read singly, in its turn.

Some lists are caches, or are brought up to date only when a video is read by its id. Believed alone, they would
keep a paid video waiting for ever.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from reelwork_hooks import RenderStatus
from reelwork_plugins.providers.videos_api.answers import Job

INTERVALS = 5
"""Polls without a change in the list before a render is read singly."""
TURN = 8
"""Renders read singly in one poll, as long as the list turns out to be right about them."""
# Between the reading of a long list and the single reads seconds pass, in which some renders truly move.
BY_CHANCE = 0.25
"""The share of single reads that may bring news while the list is still believed."""


@dataclass(slots=True)
class _Seen:
    shown: tuple[str, str, float | None]
    since: float
    """The time it last moved, or was last read singly, in seconds since 1970."""


class Stalled:
    """The list's report on each render, and the time since which it has been the same."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}
        self._stale = False

    def turn(
        self, jobs: Iterable[Job], wanted: Collection[str], now: float, interval: float, most: int
    ) -> list[str]:
        """Return the renders to read singly after this reading of the list, those that stood longest first."""
        open_ = [job for job in jobs if job.id in wanted and job.state in ("queued", "running")]
        self._seen = {job.id: self._noted(job, now) for job in open_}
        patience = interval * (1 if self._stale else INTERVALS)
        stalled = [id_ for id_, seen in self._seen.items() if now - seen.since >= patience]
        chosen = sorted(stalled, key=lambda id_: self._seen[id_].since)[: most if self._stale else TURN]
        # To the end of the queue, so that each has its turn.
        for id_ in chosen:
            self._seen[id_].since = now
        return chosen

    def compare(self, asked: Iterable[RenderStatus]) -> None:
        """Compare what was read singly with the list, and find out whether it can be believed."""
        news = [self._is_news(status) for status in asked if status.remote_id in self._seen]
        if news:
            self._stale = sum(news) > BY_CHANCE * len(news)

    def _noted(self, job: Job, now: float) -> _Seen:
        shown, before = (job.state, job.word, job.progress), self._seen.get(job.id)
        return before if before is not None and before.shown == shown else _Seen(shown, now)

    def _is_news(self, status: RenderStatus) -> bool:
        return status.state != "lost" and self._seen[status.remote_id].shown != _shown(status)


def _shown(status: RenderStatus) -> tuple[str, str, float | None]:
    return (status.state, status.word, status.progress)
