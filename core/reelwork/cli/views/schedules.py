"""Schedules in words, from the documents that programs get: of this machine or of a server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwork.cli.views.text import columns, described, line_width, paint

if TYPE_CHECKING:
    from reelwork.schedules.spec import Schedule

Document = Mapping[str, Any]


def at_in_words(at: float, zone: str) -> str:
    """Return a time in a zone, such as `Mon 2026-11-30 09:00 CET (UTC+01:00)`."""
    from zoneinfo import ZoneInfo

    local = datetime.fromtimestamp(at, ZoneInfo(zone))
    ahead = f"{local:%z}"
    return f"{local:%a %Y-%m-%d %H:%M} {zone} (UTC{ahead[:3]}:{ahead[3:5]})"


def due_in_words(firing: Document) -> str:
    """Return when a firing to come is due."""
    return at_in_words(datetime.fromisoformat(firing["due"]).timestamp(), firing["zone"])


def next_of(told: Document, *, short: bool = False) -> str:
    """Return when a schedule fires next, or why it does not; `short` without the zone and the pause's note."""
    pause = told["paused"]
    if pause is not None and pause["until"] is None:
        return f"paused: {pause['note']}" if pause["note"] and not short else "paused"
    if told["next"] is None:
        return "never again"
    words = due_in_words(told["next"])
    if short:
        return words.partition(f" {told['tz']}")[0]
    return f"{words}, after its pause" if pause is not None else words


def next_in_words(schedule: Schedule, now: float) -> str:
    """Return when a schedule of this machine fires next, or why it does not."""
    from reelwork.schedules.as_json import as_json

    return next_of(as_json(schedule, now, None))


def rule_words(told: Document) -> str:
    """Return the rule of a schedule in a few words."""
    from reelwork.schedules.rule import publishing, rule_of

    if told["publish"]:
        return publishing(told["publish"], told["lead"], told["tz"]).text
    cron, every, at = (told[name] or "" for name in ("cron", "every", "at"))
    return rule_of(cron=cron, every=every, at=at, tz=told["tz"]).text


def listing(found: Sequence[Document]) -> Iterator[str]:
    """Yield the lines of a list of schedules."""
    rows = [["NAME", "NEXT", "FILE AND RULE"]]
    for one in found:
        rows.append([one["name"], next_of(one, short=True), f"{Path(one['file']).name}: {rule_words(one)}"])
    yield from columns(rows, flexible=-1, width=line_width())
    for one in found:
        if one["next"] and one["next"]["shortage"]:
            yield paint(f"{one['name']}, next: {one['next']['shortage']}", fg="red")
        if one["paused"] is not None and one["paused"]["note"]:
            yield f"{one['name']} is paused: {one['paused']['note']}"
        if one["trouble"]:
            yield paint(f"{one['name']} cannot fire: {one['trouble']}", fg="red")


def page(told: Document) -> Iterator[str]:
    """Yield the lines about one schedule, with what became of its times."""
    missed, at_end = told["missed"], told["at_end"]
    is_batch = Path(told["file"]).suffix.lower() != ".toml"
    facts = [
        ["rule", rule_words(told)],
        ["file", told["file"]],
        *([["settings", told["workflow"]]] if told["workflow"] else []),
        ["next", next_of(told)],
        ["missed", missed if missed != "once" else f"once, within {told['grace']}"],
        ["overlap", told["overlap"]],
        *([["jitter", f"less than {told['jitter']}"]] if _is_long(told["jitter"]) else []),
        ["no room", f"{told['on_budget']} (on_budget)"],
        *([["rows", f"{told['rows_used']} used; at the end: {at_end}"]] if is_batch else []),
        *([["ping", told["ping"]]] if told["ping"] else []),
    ]
    yield paint(told["name"], bold=True)
    yield from described(facts, width=line_width())
    if told["trouble"]:
        yield paint(f"It cannot fire: {told['trouble']}", fg="red")
    rows = [[slot["key"], slot["state"], slot["run"] or "", slot["reason"]] for slot in told["slots"]]
    if rows:
        yield ""
        for line in columns([["TIME", "STATE", "RUN", "WHY"], *rows], flexible=-1, width=line_width()):
            yield line.rstrip()


def _is_long(length: str) -> bool:
    from reelwork.settings.lengths import seconds_in

    return seconds_in(length, "jitter") > 0
