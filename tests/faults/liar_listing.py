"""How a server that lies gives its list: which entries, in which order, in which pages and wrapping."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from liar_answers import PAGE, entry, is_listed
from liar_rewriting import digest
from liar_traits import Personality
from liar_values import FULL, Ask, Render, Reply


def listing(who: Personality, known: Sequence[Render], ask: Ask, reading: int) -> Reply:
    """One page of the list. `reading` counts how often the list was asked for."""
    wrong = _unreadable(who, reading)
    if wrong is not None:
        return wrong
    rows = _cut(who, _ordered(who, [one for one in known if is_listed(who, one, ask.at)], ask.at))
    page, more = _page(who, rows, ask)
    if page is None:
        return more
    data = [entry(who, one, ask.at) for one in page]
    return Reply(200, _wrapped(who, _also(who, data), more=bool(more), total=len(rows)))


def _unreadable(who: Personality, reading: int) -> Reply | None:
    forms: Mapping[str, Reply] = {
        "404": Reply(404, {"error": {"message": "Not found"}}),
        "500": Reply(500, {"error": {"message": "internal"}}),
        "403": Reply(403, {"error": {"message": "this key may not list"}}),
        "HTML": Reply(200, PAGE, {"Content-Type": "text/html"}),
        "nothing": Reply(200, b""),
        "204": Reply(204, b""),
        "an error in 200": Reply(200, {"error": {"message": "try again"}}),
    }
    form = who["list answers"]
    if form == "every second 503":
        return Reply(503, {"error": {"message": "overloaded"}}, {"Retry-After": "1"}) if reading % 2 else None
    return forms.get(form)


def _ordered(who: Personality, rows: list[Render], now: float) -> list[Render]:
    orders: Mapping[str, Callable[[Render], Any]] = {
        "oldest first": lambda one: one.at,
        "by hash": lambda one: digest(f"order {one.number} {one.prompt}"),
        "by end": lambda one: (one.ends > now, -one.ends),
        "by prompt": lambda one: one.prompt,
    }
    return sorted(rows, key=orders.get(who["order"], lambda one: -one.at))


def _cut(who: Personality, rows: list[Render]) -> list[Render]:
    newest = sorted(rows, key=lambda one: -one.at)
    kept = {
        "newest 20": newest[:20],
        "newest 3": newest[:3],
        "newest 1": newest[:1],
        "none at all": [],
        "oldest 6": newest[-6:],
    }.get(who["list cut"])
    return rows if kept is None else [one for one in rows if one in kept]


def _page(who: Personality, rows: list[Render], ask: Ask) -> tuple[list[Render] | None, Any]:
    """The entries of a page and whether more come; None with the answer where the cursor breaks."""
    size = who["page size"]
    most = min(int(ask.query.get("limit", FULL)), FULL) if size == "as asked" else int(size)
    after, how = ask.query.get("after", ""), who["cursor"]
    first = 0
    if after and how != "ignored":
        broken = {"404": Reply(404, {"error": {"message": "no such cursor"}}), "500": Reply(500, b"")}
        if how in broken:
            return None, broken[how]
        at = next((number for number, one in enumerate(rows) if one.id == after), None)
        first = len(rows) if at is None or how == "empty page" else at + 1
        first += how == "skips one"
        if how == "starts again at random" and digest(after) % 2:
            first = 0
    page = rows[first : first + most]
    return page, first + most < len(rows)


def _also(who: Personality, data: Sequence[dict[str, Any]]) -> list[Any]:
    match who["list also has"]:
        case "each entry twice":
            return [one for each in data for one in (each, each)]
        case "an entry without an id":
            return [*data, {"object": "video", "status": "queued"}]
        case "null":
            return [*data, None]
        case "other objects":
            return [*data, {"id": "img_1", "object": "image", "prompt": "A red fox in the snow", "created_at": 1}]
    return list(data)


def _wrapped(who: Personality, data: list[Any], *, more: bool, total: int) -> Any:
    page: dict[str, Any] = {"object": "list", "data": data}
    told: Mapping[str, Any] = {
        "always false": False,
        "always true": True,
        "text": str(more).lower(),
        "number": int(more),
    }
    if who["has_more"] != "left out":
        page["has_more"] = told.get(who["has_more"], more)
    totals = {"right": total, "of the page": len(data), "too large": total + 7, "too small": total // 2}
    if who["total"] in totals:
        page["total"] = totals[who["total"]]
    match who["list wrapped in"]:
        case "items":
            page["items"] = page.pop("data")
        case "nothing":
            return data
        case "two levels":
            page["data"] = {"items": data}
        case "null when empty" if not data:
            page["data"] = None
        case "an object by id":
            page["data"] = {str(number): one for number, one in enumerate(data)}
    return page
