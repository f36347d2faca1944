"""`reelwork jobs history`: a job's whole story on one screen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

import click

from reelwork.cli.completions import complete_jobs
from reelwork.cli.shared import common_options, shared

if TYPE_CHECKING:
    from reelwork.store.reader import SyncReader
    from reelwork.store.records import EffectRow, RenderRow
    from reelwork.studio.job_view import JobView
    from reelwork.studio.next_words import Vantage


@dataclass(frozen=True)
class Moment:
    """Something that happened, in seconds since the epoch."""

    at: float
    what: str
    told: str


@click.command("history")
@click.argument("name", metavar="ID", shell_complete=complete_jobs)
@common_options()
def job_history(name: str) -> None:
    """Show everything that happened to a job, in order: what was sent and when, its outcome, money and posts.

    ID is a job's id, or its beginning or end.
    """
    from reelwork.cli.stores import NO_JOBS, store_if_there
    from reelwork.cli.vantage import vantage
    from reelwork.cli.views.text import tell
    from reelwork.studio.job_json import story_as_json
    from reelwork.studio.job_names import find_job
    from reelwork.studio.job_view import doubt_of, view_of

    with store_if_there() as store:
        row = find_job(store or NO_JOBS, name)
        assert store is not None
        view = view_of(row, doubt=doubt_of(store, row))
        effects = store.effects_of(row.id)
        render = store.renders([row.render_id]).get(row.render_id) if row.render_id else None
        # By time: an effect and the lines of the story are stored apart, and tell of the same events.
        moments = sorted(_moments(store, view, effects, render), key=lambda moment: moment.at)
        at = vantage(store)
        if shared().json:
            document = {**story_as_json(store, row, at), "posts": view.data.get("posts") or {}}
            document["history"] = [_as_json(moment) for moment in moments]
            click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        else:
            tell("\n".join(_lines(view, effects, render, moments, at)))


def _as_json(moment: Moment) -> dict[str, Any]:
    at = datetime.fromtimestamp(moment.at, UTC).isoformat()
    return {"at": at, "what": moment.what, "details": moment.told}


def _moments(
    store: SyncReader, view: JobView, effects: list[EffectRow], render: RenderRow | None
) -> Iterator[Moment]:
    from reelwork.money import dollars, to_dollars
    from reelwork.store.records import PAYMENT

    yield Moment(view.created_at.timestamp(), "created", f"run {view.run}")
    for effect in effects:
        if effect.kind == PAYMENT:
            paid = effect.charged is not None
            amount = dollars(to_dollars(effect.charged if paid else effect.reserved))
            yield Moment(effect.created_at, "paid" if paid else "reserved", f"{effect.subject}, {amount}")
            continue
        money = f", {dollars(to_dollars(effect.reserved))} reserved" if effect.money != "none" else ""
        yield Moment(effect.created_at, f"intended {effect.kind}", f"{effect.subject}{money}")
        if effect.sent_at is not None:
            yield Moment(effect.sent_at, f"sent {effect.kind}", f"{effect.subject}, key {effect.key}")
    if render is not None and render.ended_at is not None:
        yield Moment(render.ended_at, "render ended", render.error or render.word or render.state)
    for event in store.events(view.id):
        yield Moment(event.at, event.name, _details(json.loads(event.details)))


def _details(details: dict[str, Any]) -> str:
    from reelwork.text import one_line

    kept = {name: value for name, value in details.items() if value not in ("", None, False, [])}
    reason = kept.pop("reason", None)
    rest = ", ".join(f"{name} {value}" for name, value in kept.items() if name not in ("content", "sha256"))
    return one_line(": ".join(str(part) for part in (reason, rest) if part))


def _lines(
    view: JobView, effects: list[EffectRow], render: RenderRow | None, moments: list[Moment], at: Vantage
) -> Iterator[str]:
    from reelwork.cli.views.statuses import status_word
    from reelwork.cli.views.text import columns, line_width, paint, shortened, wrapped
    from reelwork.studio.next_words import next_words
    from reelwork.studio.wording import label_of

    width = line_width()
    name = label_of(view)
    named = f"  {name}" if name != view.short else ""
    day = f"{view.created_at.astimezone():%Y-%m-%d}"
    yield f"{paint('job ' + view.id, bold=True)}{named}  {status_word(view.status)}  {day}"
    yield shortened(view.prompt, width)
    if view.reason:
        yield from wrapped(view.reason, "")
    yield ""
    began = moments[0].at
    rows = [[_clock(one.at), _since(one.at - began), one.what, one.told] for one in _folded(moments, began)]
    yield from columns(rows, flexible=-1, width=width)
    if effects:
        yield ""
        sent = [["EFFECT", "AT", "STATE", "SENT", "MONEY", "ID THERE"], *map(_act, effects)]
        yield from columns(sent, flexible=-1, width=width)
    if render is not None:
        yield ""
        yield from wrapped(_render(render), "")
    if following := next_words(view, at=at):
        yield ""
        yield f"next  {following}"


def _folded(moments: list[Moment], began: float) -> Iterator[Moment]:
    """Fold repeated moments into one."""
    # A job that waited all night for a server would else fill screens with one line.
    for _, group in groupby(moments, key=lambda moment: (moment.what, moment.told)):
        first, *again = group
        times = f" ({len(again) + 1} times, last {_since(again[-1].at - began)})" if again else ""
        # In front of the text, which is cut where it does not fit.
        yield replace(first, told=f"{times.strip()} {first.told}".strip())


def _act(effect: EffectRow) -> list[str]:
    from reelwork.money import dollars, to_dollars

    amount = to_dollars(effect.charged if effect.charged is not None else effect.reserved)
    money = f"{effect.money} {dollars(amount)}" if effect.money != "none" else ""
    return [effect.kind, effect.subject, effect.state, f"{effect.attempt}×", money, effect.remote_id or ""]


def _render(render: RenderRow) -> str:
    from reelwork.cli.views.text import lasting

    word = f" ({render.word})" if render.word and render.word != render.state else ""
    progress = "" if render.progress is None or render.ended_at else f", {render.progress:.0f}%"
    seconds = (render.ended_at or render.submitted_at) - render.submitted_at
    took = "" if render.ended_at is None else f", took {lasting(seconds)}"
    failed = f", {render.failures} polls in a row failed" if render.failures else ""
    overdue = ", past its deadline" if render.overdue else ""
    return f"render {render.remote_id} at {render.provider}: {render.state}{word}{progress}{took}{failed}{overdue}"


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at).astimezone():%H:%M:%S}"


def _since(seconds: float) -> str:
    return f"+{seconds:.1f} s" if seconds < 100 else f"+{seconds / 60:.0f} min"
