"""Each call of a hook as lines for a person: which instance, how long, and what it changed. Redacted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from reelwork.errors import in_a_line
from reelwork.plugins.observing import HookCall
from reelwork.plural import counted
from reelwork.redaction.redactor import Redactor
from reelwork_hooks.effects import Absent, Found, Listing, NotDone, Unsure
from reelwork_hooks.models import Problem, Receipt, Verdict

FOLDED = {"prompt_transform": "prompt", "post_download": "clip"}
"""For each hook that changes what it is given: the argument whose changed copy it returns."""
LONGEST = 200
"""Characters of a line that are shown."""
KEPT = 30
"""Characters of a shared beginning that are shown before what differs."""


Difference = tuple[str, str | None, str | None]
"""The dotted path, the old value and the new one."""


class Tracer:
    """Writes a line for each call, and one for each field that changed. Fits a dispatcher's `observer`."""

    def __init__(self, write: Callable[[str], None], redactor: Redactor) -> None:
        self._write, self._redactor = write, redactor

    def __call__(self, call: HookCall) -> None:
        """Write down one call."""
        # One write for one call, so that calls of several jobs do not mix.
        self._write("\n".join(trace_lines(call, self._redactor.redact)))


def trace_lines(call: HookCall, clean: Callable[[str], str] = str) -> Iterator[str]:
    """Yield the call in a line, then indented lines for each thing it changed. `clean` masks secrets."""
    # Masked before it is cut, so that no half of a secret is left.
    told = f"{_about(call)}  {call.seconds * 1000:.1f} ms  {_outcome(call)}"
    yield _cut(f"hook  {call.instance}.{call.hook}{clean(told)}")
    before = call.arguments.get(FOLDED.get(call.hook, ""))
    if before is None or call.error is not None or type(call.answer) is not type(before):
        return
    for place, old, new in differences(before, call.answer):
        yield f"        {place}"
        before_text, after_text = _without_shared_start(clean(old or ""), clean(new or ""))
        if old is not None:
            yield _cut(f"        - {before_text or '(empty)'}")
        if new is not None:
            yield _cut(f"        + {after_text or '(empty)'}")


def _without_shared_start(old: str, new: str) -> tuple[str, str]:
    """Return two texts without most of a long beginning that they share."""
    pairs = enumerate(zip(old, new, strict=False))
    same = next((place for place, (one, other) in pairs if one != other), min(len(old), len(new)))
    skipped = same - KEPT
    if skipped <= KEPT or max(len(old), len(new)) <= LONGEST - KEPT:
        return old, new
    return f"…{old[skipped:]}", f"…{new[skipped:]}"


def _cut(line: str) -> str:
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def _about(call: HookCall) -> str:
    """Return the job, stage, destination or event that tells a call from others of the same hook."""
    job = call.arguments.get("job") or getattr(call.arguments.get("event"), "job", None)
    parts = [f"job {job.id[-8:]}"] if job is not None else []
    if "content" in call.arguments:
        parts.append(f"stage {call.arguments['content'].stage}")
    if call.arguments.get("post") is not None:
        parts.append(f"to {call.arguments['post'].destination}")
    if "event" in call.arguments:
        parts.append(f"event {call.arguments['event'].name}")
    return f" ({', '.join(parts)})" if parts else ""


def _outcome(call: HookCall) -> str:
    if call.error is not None:
        return f"raised {type(call.error).__name__}: {_flat(in_a_line(call.error))}"
    answer = call.answer
    if call.hook == "check_brief":
        return _problems(answer)
    if call.hook in FOLDED:
        before = call.arguments[FOLDED[call.hook]]
        if answer is None or answer == before:
            return "unchanged"
        return "changed" if type(answer) is type(before) else f"returned {type(answer).__name__}"
    match answer:
        case None:
            return "no answer" if call.hook == "pre_moderate" else "done"
        case Verdict():
            return f"{answer.decision}{f': {_flat(answer.reason)}' if answer.reason else ''}"
        case Receipt():
            parts = (answer.id, answer.state or "", answer.url)
            return f"receipt {' '.join(_flat(part) for part in parts if part)}"
        case Found(candidates):
            return f"found {len(candidates)}"
        case Absent():
            return "absent, from a complete listing"
        case Listing(entries, complete, why):
            end = "complete" if complete else f"not complete{f': {_flat(why)}' if why else ''}"
            return f"listed {len(entries)}, {end}"
        case NotDone(final, why):
            return f"{'not done, and never will be' if final else 'not done yet'}{f': {_flat(why)}' if why else ''}"
        case Unsure(reason):
            return f"unsure{f': {_flat(reason)}' if reason else ''}"
    return f"returned {_flat(repr(answer))}"


def _problems(answer: Any) -> str:
    found = [one for one in answer if isinstance(one, Problem)] if isinstance(answer, list | tuple | set) else []
    if found:
        return f"{counted(len(found), 'problem')}: {_flat('; '.join(one.message for one in found))}"
    return "no problem" if not answer else f"returned {type(answer).__name__}"


def differences(before: BaseModel, after: BaseModel) -> Iterator[Difference]:
    """Yield the fields that differ, by dotted path, with the old and the new value; None where there is none."""
    old, new = (value.model_dump(mode="json", warnings=False) for value in (before, after))
    yield from _different("", old, new)


def _different(place: str, old: Any, new: Any) -> Iterator[Difference]:
    if old == new:
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in dict.fromkeys([*old, *new]):
            yield from _different(f"{place}.{name}".lstrip("."), old.get(name), new.get(name))
    elif (
        isinstance(old, list) and isinstance(new, list) and all(isinstance(item, Mapping) for item in (*old, *new))
    ):
        yield from _different_items(place, old, new)
    else:
        yield place, _value(old), _value(new)


def _different_items(place: str, old: Sequence[Any], new: Sequence[Any]) -> Iterator[Difference]:
    for number in range(max(len(old), len(new))):
        gone = old[number] if number < len(old) else None
        come = new[number] if number < len(new) else None
        if gone is None or come is None:
            yield f"{place}[{number}]", _named(gone), _named(come)
        else:
            yield from _different(f"{place}[{number}]", gone, come)


def _named(item: Mapping[str, Any] | None) -> str | None:
    """Return a whole item, such as an asset that was added, by its first telling fields."""
    if item is None:
        return None
    told = [f"{name} {item[name]}" for name in ("role", "path", "plugin", "field") if item.get(name)]
    return _flat(", ".join(told) or str(dict(item)))


def _value(value: Any) -> str | None:
    return None if value is None else _flat(value if isinstance(value, str) else repr(value))


def _flat(text: str) -> str:
    # A prompt or an answer may hold escape sequences, which would steer the terminal.
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
