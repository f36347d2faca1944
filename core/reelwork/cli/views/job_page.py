"""Everything about one job, for a person or as JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from reelwork.cli.views.prompt_diff import Change, prompt_lines
from reelwork.cli.views.statuses import status_word
from reelwork.cli.views.text import columns, lasting, line_width, paint, wrapped
from reelwork.ledger import OURS
from reelwork.ledger.report import Report
from reelwork.money import dollars, to_dollars
from reelwork.plural import age
from reelwork.store.records import PAYMENT, EffectRow, EventRow, JobRow, RenderRow
from reelwork.store.statuses import CLOSED, Status
from reelwork.studio.job_json import StoryReader, render_of, view_with
from reelwork.studio.job_view import JobView, clips_of
from reelwork.studio.next_words import HERE, Vantage, next_words
from reelwork.studio.review import seen
from reelwork.studio.wording import label_of, left_out, manifest_words, step_words, target_words
from reelwork.text import one_line, shown

STATES = {
    "intended": "recorded, not sent",
    "sent": "on its way",
    "confirmed": "happened, once",
    "rejected": "refused without work",
    "unknown": "may have happened; not sent again blindly",
}


def story(store: StoryReader, row: JobRow, at: Vantage = HERE) -> Iterator[str]:
    """Yield the job's page, line by line, with the next step as it is taken at that place."""
    # Read once for all sections: in between, another process may have changed them.
    effects, render = store.effects_of(row.id), render_of(store, row)
    view = view_with(store, row, effects)
    yield from _head(view, at)
    yield from _paid_for_nothing(view, effects, render)
    yield from _section("Asked", _brief(view))
    yield from _section("Sent", _prompt(view))
    yield from _section("Parameters", _fates(view))
    yield from _section("Render", _render(view, render))
    yield from _section("Files", _files(view))
    yield from _section("Posts", _posts(view))
    yield from _section("Plugins", _plugins(view))
    yield from _section("Effects", _effects(effects))
    yield from _section("History", _events(store.events(row.id)))
    following = next_words(view, at=at)
    if following:
        yield from _section("Next", iter([following]))


def _paid_for_nothing(view: JobView, effects: Sequence[EffectRow], render: RenderRow | None) -> Iterator[str]:
    """Yield a paragraph about a video that was paid for although the job was cancelled or rejected."""
    failed = render is not None and render.state in ("failed", "lost")
    if view.status not in CLOSED or view.data.get("clip") or failed:
        return
    for effect in effects:
        # Cancelling undoes no payment. Without this, a paid video would be forgotten at the provider.
        if effect.kind == "submit" and effect.state == "confirmed" and effect.charged != 0:
            undone = "Cancelling" if view.status == Status.CANCELLED else "Rejecting"
            cost = to_dollars(effect.charged if effect.charged is not None else effect.reserved)
            told = (
                f"As far as is known a video was paid for ({dollars(cost)}): {effect.remote_id} at "
                f"{effect.subject}. {undone} the job did not undo it. "
                "It can be fetched there as long as it is kept."
            )
            yield from wrapped(told, "")


def _head(view: JobView, at: Vantage) -> Iterator[str]:
    name, step = label_of(view), step_words(view.step, view.status)
    named = f"  {name}" if name != view.short else ""
    doing = f"  ({step})" if step else ""
    yield f"{paint('job ' + view.id, bold=True)}{named}  {status_word(view.status)}{doing}"
    created = view.created_at.astimezone()
    yield f"run {view.run}, {created:%Y-%m-%d %H:%M:%S %Z} ({age(time.time() - created.timestamp())} ago)"
    if view.reason:
        yield from wrapped(at.typed(view.reason), "")
    # Of a job that is held, the reason says it.
    for name, why in view.held_posts.items() if view.status == Status.ACTIVE else ():
        yield from wrapped(f"{name} is held until the rest has ended: {why}", "")


def _section(title: str, lines: Iterator[str]) -> Iterator[str]:
    body = list(lines)
    if body:
        yield ""
        yield paint(title, bold=True)
        yield from (f"  {line}" for line in body)


def _aligned(rows: Sequence[Sequence[str]], flexible: int = 1) -> Iterator[str]:
    if rows:
        yield from columns(rows, flexible=flexible, width=line_width() - 2)


def _brief(view: JobView) -> Iterator[str]:
    brief = view.data["brief"]
    yield from wrapped(brief["prompt"], "")
    given = {name: value for name, value in brief.items() if name != "prompt" and value not in (None, "", [], {})}
    yield from _aligned([(name, _text(value)) for name, value in given.items()])


def _prompt(view: JobView) -> Iterator[str]:
    prompt = view.data.get("prompt")
    if prompt:
        edits = [Change(**edit) for edit in prompt["edits"]]
        yield from prompt_lines(prompt["text"], prompt["negative_text"], edits, indent="")


def _fates(view: JobView) -> Iterator[str]:
    rows = []
    for fate in view.data.get("fates", []):
        becomes = f" → {fate['becomes']}" if fate["becomes"] and fate["becomes"] != fate["asked"] else ""
        note = f"  ({fate['note']})" if fate["note"] else ""
        rows.append((fate["parameter"], fate["outcome"], f"{fate['asked']}{becomes}{note}"))
    yield from _aligned(rows, flexible=2)


def _render(view: JobView, render: RenderRow | None) -> Iterator[str]:
    if render is None:
        return
    rows = [("provider", render.provider), ("id there", render.remote_id), ("state", render.state)]
    rows.append(("cost", f"{dollars(view.cost)}{_in_units(json.loads(render.details))}"))
    if render.word and render.word != render.state:
        rows.append(("its word", render.word))
    if render.error:
        rows.append(("error", render.error))
    if render.overdue:
        rows.append(("overdue", "past its deadline; polled less often"))
    if manifest := (view.data.get("render") or {}).get("manifest"):
        rows.append(("manifest", manifest_words(manifest)))
    took = (render.ended_at or time.time()) - render.submitted_at
    rows.append(("took" if render.ended_at else "for now", lasting(took)))
    yield from _aligned(rows)


def _files(view: JobView) -> Iterator[str]:
    clips = clips_of(view.data)
    if differs := view.data.get("differs"):
        yield from wrapped(f"not what was asked for: {differs}", "")
    if not view.shapes:
        yield from _assets(clips[0][1])
    for shape, (target, clip) in zip(view.shapes, clips, strict=False):
        posted = ", ".join(shape["destinations"])
        yield f"{target_words(target)}{f', for {posted}' if posted else ''}:"
        yield from (f"  {line}" for line in _assets(clip))


def _assets(clip: Mapping[str, Any]) -> Iterator[str]:
    for asset in (clip["video"], *clip["assets"]) if clip else ():
        facts = [f"{asset['bytes']:,} bytes"]
        if asset.get("duration"):
            facts.insert(0, f"{asset['width']}x{asset['height']}, {asset['duration']:g} s, {asset['codec']}")
        yield f"{asset['role']}: {', '.join(facts)}"
        yield f"  {asset['path']}"
        yield from (f"  {address}" for address in asset["stored_at"])


def _posts(view: JobView) -> Iterator[str]:
    for name, post in (view.data.get("posts") or {}).items():
        receipt = post.get("receipt")
        state = f", {receipt['state']}" if receipt and receipt.get("state") else ""
        yield f"{name}: {post['state']}{state}{': ' + post['reason'] if post['reason'] else ''}"
        if receipt:
            yield f"  receipt {receipt['id']}, {receipt['at']}"
            if receipt["url"]:
                yield f"  {receipt['url']}"
            if receipt.get("replaces"):
                yield f"  its id before was {receipt['replaces']}"
            if receipt.get("cost") is not None:
                yield f"  cost {dollars(Decimal(receipt['cost']))}{_in_units(receipt['details'])}"
            yield from _label(receipt.get("disclosure") or {})
            yield from (f"  {one_line(told)}" for told in left_out(receipt.get("details")))


def _plugins(view: JobView) -> Iterator[str]:
    rows = [(name, f"{found['package']} {found['version']}".rstrip()) for name, found in view.plugins.items()]
    yield from _aligned([(one_line(name), one_line(told)) for name, told in rows])


def _in_units(details: Mapping[str, Any]) -> str:
    """Return a reported cost as it came, in the other side's own unit; empty if it came in dollars."""
    told = details.get("cost_in")
    return f" ({one_line(told)})" if isinstance(told, str) else ""


def _label(shown: Mapping[str, Any]) -> Iterator[str]:
    """Say whether the network shows its label for AI."""
    if shown:
        told = {True: "shown", False: "not shown", None: "not known"}[shown["value"]]
        how = {"read": "as the network says", "sent": "sent, not read back", "unreadable": "it cannot be read"}
        yield f"  its AI label: {told} ({how[shown['by']]})"


def _effects(effects: Sequence[EffectRow]) -> Iterator[str]:
    for effect in effects:
        if effect.kind == PAYMENT:
            yield from _payment(effect)
            continue
        attempts = f", sent {effect.attempt} times" if effect.attempt > 1 else ""
        told = f"{effect.state} ({STATES.get(effect.state, '')}){attempts}"
        yield f"{effect.kind} to {effect.subject}: {told}"
        yield f"  key {effect.key}"
        if effect.money != "none":
            money = to_dollars(effect.charged if effect.charged is not None else effect.reserved)
            yield f"  money {effect.money}: {dollars(money)}"
        if effect.reason:
            yield f"  {one_line(effect.reason)}"
        for name, told in seen(Report.of(effect)):
            if told:
                yield f"  {name}: {told}"
        evidence = {name: value for name, value in json.loads(effect.evidence).items() if not name.startswith(OURS)}
        if evidence:
            yield f"  seen on the way: {shown(json.dumps(evidence, ensure_ascii=False))}"


def _payment(effect: EffectRow) -> Iterator[str]:
    if effect.state == "intended":
        yield f"{effect.subject} is being called: {dollars(to_dollars(effect.reserved))} reserved"
        return
    told = json.loads(effect.result) or {}
    shown = f" ({told['shown']})" if told.get("shown") else ""
    what = one_line(told.get("what", "")) or "what it called"
    yield f"{effect.subject} paid for {what}: {dollars(to_dollars(effect.charged))}{shown}"


def _events(events: Sequence[EventRow]) -> Iterator[str]:
    rows = []
    days = {datetime.fromtimestamp(event.at).astimezone().date() for event in events}
    # Of a job that waited for days, the time alone would make one day of them.
    shown = "%H:%M:%S" if len(days) < 2 else "%m-%d %H:%M:%S"
    for event in events:
        at = datetime.fromtimestamp(event.at).astimezone()
        details = json.loads(event.details)
        told = ", ".join(
            f"{name} {_text(value)}" for name, value in details.items() if value not in ("", None, False)
        )
        rows.append((at.strftime(shown), event.name, told))
    yield from _aligned(rows, flexible=2)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return one_line(value)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    if isinstance(value, float):
        return f"{value:g}"
    return json.dumps(value, ensure_ascii=False)
