"""What a server that lies says of one video, and to a create."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from liar_rewriting import MODELS, PROMPTS, SECONDS, SIZES, SPECIAL, STATUS, digest, http_date, moment
from liar_traits import Personality
from liar_values import Ask, Entry, Render, Reply

PAGE = "<!DOCTYPE html><html><title>Bad gateway</title><h1>502 Bad gateway</h1></html>"


def entry(who: Personality, render: Render, now: float) -> Entry:
    """One video as the list has it."""
    ended = now >= render.ends
    fields = {
        "id": render.id,
        "object": "video",
        "status": _status(who, render, now),
        "model": _value(who, "model", render.model, MODELS, ended),
        "prompt": _prompt(who, render, ended),
        "seconds": _value(who, "seconds", render.seconds, SECONDS, ended),
        "size": _value(who, "size", render.size, SIZES, ended),
        "created_at": _created(who, render, now),
        "progress": 100 if ended else 40,
    }
    for name in ("prompt", "model", "seconds", "size", "created_at", "status"):
        _leave_out(who, fields, name, ended)
    match who["entries also have"]:
        case "our key as another's":
            fields["metadata"] = {"idempotency_key": f"reelwork-{digest(render.prompt)}-render-1"}
        case "deep metadata":
            fields["metadata"] = {"a": [{"b": {"prompt": "A red fox in the snow", "id": "x"}}]}
        case "the key of the account":
            fields["user"] = "org-1"
    return Entry(fields, render, now)


def _leave_out(who: Personality, fields: dict[str, Any], name: str, ended: bool) -> None:
    match who[f"{name} given"]:
        case "null":
            fields[name] = None
        case "never":
            del fields[name]
        case "queued" if ended:
            del fields[name]
        case "ended" if not ended:
            del fields[name]


def _now(who: Personality, field: str, ended: bool) -> bool:
    when = who[f"{field} rewritten when"]
    return when == "always" or (when == "ended") == ended


def _value(who: Personality, field: str, value: Any, forms: Mapping[str, Callable[[Any], Any]], ended: bool) -> Any:
    return forms[who[field] if _now(who, field, ended) else "exact"](value)


def _prompt(who: Personality, render: Render, ended: bool) -> Any:
    where, text = who["prompt rewritten where"], render.prompt
    here = {
        "long ones": len(text) > 60,
        "those with special characters": bool(SPECIAL & set(text)),
        "some": digest(text) % 3 == 0,
    }
    return PROMPTS[who["prompt"]](text) if here.get(where, True) and _now(who, "prompt", ended) else text


def _created(who: Personality, render: Render, now: float) -> Any:
    ended = min(render.ends, now)
    means = {"accepted": render.at, "ended": ended, "listed": now}
    return moment(who["created_at"], means[who["created_at means"]] + float(who["created_at is off by"]))


def _status(who: Personality, render: Render, now: float) -> Any:
    state = render.state(now)
    if who["renders end"] == "of unknown status" and state == "completed":
        state = "in_progress"
    return STATUS.get(who["status words"], {}).get(state, state)


def shown(who: Personality, render: Render | None, ask: Ask) -> Reply:
    """One video asked for by its id."""
    gone = render is None or _is_gone(who, render, ask.at)
    if gone or render is None or who["one video answers"] == "404 always":
        return Reply(404, {"error": {"message": "No such video", "type": "invalid_request_error"}})
    render.looks += 1
    data = entry(who, render, ask.at)
    match who["one video answers"]:
        case "404 at first" if render.looks <= 2:
            return Reply(404, {"error": {"message": "No such video"}})
        case "503 in turns" if render.looks % 2:
            return Reply(503, {"error": {"message": "overloaded"}}, {"Retry-After": "2"})
        case "401":
            return Reply(401, {"error": {"message": "no key"}})
        case "another prompt":
            data["prompt"] = "A professional shot"
        case "another id":
            data["id"] = f"backend-{render.id}"
    return Reply(200, data)


def _is_gone(who: Personality, render: Render, now: float) -> bool:
    kept = who["kept for"]
    deleted = who["deletes"] == "each when it ends" and now >= render.ends
    return deleted or (kept != "ever" and now > render.ends + float(kept))


def is_listed(who: Personality, render: Render, now: float) -> bool:
    """Whether the list has it, at all and by now."""
    if _is_gone(who, render, now) or now < render.at + float(who["listed after"]):
        return False
    hidden = who["hides"] == "one for ever" or now < render.at + 300
    if not render.listed and hidden and who["hides"] != "nothing":
        return False
    state = render.state(now)
    while_ = {"queued": state == "queued", "ended": now >= render.ends, "being made": now < render.ends}
    return while_.get(who["listed while"], True)


def created(who: Personality, render: Render, now: float, *, new: bool) -> Reply:
    """The answer to a create that was carried out; without `new` it repeats an earlier one's key."""
    said: Any = entry(who, render, now)
    named = {"error": {"message": f"Video {render.id} exists already", "code": "conflict", "video_id": render.id}}
    if not new:
        repeats = {"409 for a repeat": 409, "422 for a repeat": 422, "400 with the id for a repeat": 400}
        status = repeats.get(who["keys"])
        return Reply(200, said) if status is None else Reply(status, named)
    short = {"id": render.id, "status": "queued"}
    forms: Mapping[str, Callable[[], Reply]] = {
        "wrapped in data": lambda: Reply(200, {"data": said}),
        "wrapped in a list": lambda: Reply(200, [said]),
        "wrapped data with task_id": lambda: Reply(200, {"code": 0, "data": [{"task_id": render.id}]}),
        "task_id": lambda: Reply(200, {"task_id": render.id}),
        "deep in result": lambda: Reply(200, {"ok": True, "result": {"video": said}}),
        "video_id": lambda: Reply(200, {"video_id": render.id, "status": "queued"}),
        "a number as id": lambda: Reply(200, {**short, "id": render.number}),
        "bare text": lambda: Reply(200, render.id),
        "an error in 200": lambda: Reply(200, {"error": {"message": "internal error", "code": 1}}),
        "an error that names it in 200": lambda: Reply(200, named),
        "an empty body": lambda: Reply(200, b""),
        "204": lambda: Reply(204, b""),
        "201": lambda: Reply(201, said),
        "202 and no body": lambda: Reply(202, b""),
        "202 and Location": lambda: Reply(202, b"", {"Location": f"/v1/videos/{render.number}"}),
        "HTML": lambda: Reply(200, PAGE, {"Content-Type": "text/html"}),
        "null": lambda: Reply(200, b"null"),
        "302 to it": lambda: Reply(302, b"", {"Location": f"/v1/videos/{render.number}"}),
        "303 to it": lambda: Reply(303, b"", {"Location": f"/v1/videos/{render.number}"}),
        "307 to another host": lambda: Reply(307, b"", {"Location": "http://elsewhere.example/v1/videos"}),
        "id with blanks": lambda: Reply(200, {**short, "id": f" {render.id}\n"}),
        "id null and a name": lambda: Reply(200, {"id": None, "name": render.id, "status": "queued"}),
        "400 that names it": lambda: Reply(400, named),
        "409 that it exists": lambda: Reply(409, {"error": {"message": "A video like this exists already"}}),
        "422 duplicate of it": lambda: Reply(422, {"detail": f"duplicate of {render.id}"}),
        "402 that names it": lambda: Reply(402, named),
        "404 that names it": lambda: Reply(404, named),
        "429 that names it": lambda: Reply(429, {**named, "task_id": render.id}, {"Retry-After": "1"}),
        "500 that names it": lambda: Reply(500, {**named, "id": render.id}),
        "503 and Retry-After": lambda: Reply(503, {"error": {"message": "later"}}, {"Retry-After": "1"}),
        "400 for nothing": lambda: Reply(400, {"error": {"message": "bad request"}}),
        "429 for nothing": lambda: Reply(429, {"error": {"message": "slow down"}}, {"Retry-After": "1"}),
    }
    return forms.get(who["create answers"], lambda: Reply(200, said))()


def busy(who: Personality, now: float) -> Reply:
    """The answer to a create that was not carried out."""
    slow = {"error": {"message": "Too many requests", "code": "rate_limit_exceeded"}}
    poor = {
        "error": {"message": "You exceeded your current quota, check your balance", "code": "insufficient_quota"}
    }
    forms: Mapping[str, Reply] = {
        "429 with 0 s": Reply(429, slow, {"Retry-After": "0"}),
        "429 without a time": Reply(429, slow),
        "429 with a date": Reply(429, slow, {"Retry-After": http_date(now + 3)}),
        "429 negative": Reply(429, slow, {"Retry-After": "-5"}),
        "429 for quota": Reply(429, poor),
        "402": Reply(402, poor),
        "503 with 2 s": Reply(503, slow, {"Retry-After": "2"}),
    }
    return forms.get(who["busy answers"], Reply(429, slow, {"Retry-After": "2"}))
