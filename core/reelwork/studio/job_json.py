"""A job as programs get it, with everything that is known of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from reelwork.ledger.report import Report
from reelwork.money import to_dollars
from reelwork.store.records import EffectRow, EventRow, JobRow, RenderRow, Sendings, doubt_among
from reelwork.store.statuses import CLOSED
from reelwork.studio.job_view import JobView, Money, view_of
from reelwork.studio.next_words import HERE, Vantage, job_as_json
from reelwork.studio.review import report_json


class StoryReader(Protocol):
    """Reads everything about a job: a store, or what a server has told."""

    def effects_of(self, job_id: str) -> Sequence[EffectRow]:
        """Return the effects of a job."""
        ...

    def events(self, job_id: str) -> Sequence[EventRow]:
        """Return the story of a job."""
        ...

    def renders(self, ids: Sequence[str]) -> Mapping[str, RenderRow]:
        """Return the renders with these ids."""
        ...

    def sendings(self, job_ids: Sequence[str]) -> Mapping[str, Sendings]:
        """Return the requests sent for renders, and their money."""
        ...


def view_with(store: StoryReader, row: JobRow, effects: Sequence[EffectRow]) -> JobView:
    """Return a job with its money and what is in doubt, from effects that were read."""
    doubt = doubt_among(effects) if row.status in CLOSED else ""
    return view_of(row, Money.of(store.sendings([row.id]).get(row.id)), doubt)


def render_of(store: StoryReader, row: JobRow) -> RenderRow | None:
    """Return the render of a job; None if there is none."""
    return store.renders([row.render_id]).get(row.render_id) if row.render_id else None


def story_as_json(store: StoryReader, row: JobRow, at: Vantage = HERE) -> dict[str, Any]:
    """Return the job with everything that is known of it, as programs get it."""
    effects, render = store.effects_of(row.id), render_of(store, row)
    view = view_with(store, row, effects)
    return {
        **job_as_json(view, at),
        "data": view.data,
        "render": None if render is None else _render_json(render),
        "effects": [_effect_json(effect) for effect in effects],
        "events": [
            {"at": event.at, "name": event.name, "details": json.loads(event.details)}
            for event in store.events(row.id)
        ],
    }


def _render_json(render: RenderRow) -> dict[str, Any]:
    names = ("provider", "remote_id", "state", "word", "progress", "error", "submitted_at", "ended_at", "overdue")
    return {name: getattr(render, name) for name in names}


def _effect_json(effect: EffectRow) -> dict[str, Any]:
    names = ("key", "kind", "subject", "state", "attempt", "created_at", "sent_at", "remote_id", "reason", "money")
    amounts = {"reserved": to_dollars(effect.reserved), "charged": to_dollars(effect.charged)}
    return {
        **{name: getattr(effect, name) for name in names},
        **{name: None if amount is None else str(amount) for name, amount in amounts.items()},
        "evidence": json.loads(effect.evidence),
        "seen": None if (report := Report.of(effect)) is None else report_json(report),
    }
