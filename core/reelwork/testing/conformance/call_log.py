"""A log of the calls of a plugin's methods and their outcomes, written line by line as they happen.

A line handed to the operating system outlives the process, so the tale has no gap where it was killed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from reelwork.errors import in_a_line
from reelwork_hooks.effects import Absent, Effect, Found, Listing, NotDone, Unsure

T = TypeVar("T")

CALL, FIND = "call", "find"


@dataclass(frozen=True)
class Told:
    """One call of `submit` or `publish` (`CALL`), or of `find` or `find_post` (`FIND`)."""

    what: str
    key: str
    attempt: int
    at: float
    """The time it began, in seconds since the epoch."""
    came: str = ""
    """The outcome: `returned`, what a lookup answered (`Found`, `Listing`, `NotDone` …) or an exception's name.
    Empty: the process ended."""
    words: str = ""
    ids: tuple[str, ...] = ()
    ended: float = float("inf")


class Teller:
    """Writes the log of one process."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def following(
        self, what: str, method: Callable[[Effect], Awaitable[T]], identify: Callable[[Any], str]
    ) -> Callable[[Effect], Awaitable[T]]:
        """Return the same method, with each call and its outcome written down."""

        async def told(effect: Effect) -> T:
            # The processes of a case share one log: a count from 1 would begin again in each.
            number = time.time_ns()
            self._write(number, what=what, key=effect.key, attempt=effect.attempt, at=time.time())
            try:
                answer = await method(effect)
            except BaseException as error:
                self._write(number, came=type(error).__name__, words=in_a_line(error))
                raise
            self._write(number, **_answered(answer, identify))
            return answer

        return told

    def _write(self, number: int, **facts: Any) -> None:
        # Opened for each line: what waits in Python's buffer dies with the process, what was handed over does not.
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"number": number, "ended": time.time(), **facts}) + "\n")


def _answered(answer: Any, identify: Callable[[Any], str]) -> dict[str, Any]:
    match answer:
        case Found(candidates):
            return {"came": "Found", "ids": [identify(candidate) for candidate in candidates]}
        case Listing(candidates):
            return {"came": "Listing", "ids": [identify(candidate.result) for candidate in candidates]}
        case Absent():
            return {"came": "Absent"}
        case NotDone(_, why):
            return {"came": "NotDone", "words": why}
        case Unsure(reason):
            return {"came": "Unsure", "words": reason}
    return {"came": "returned", "ids": [identify(answer)]}


def read_tale(path: Path) -> list[Told]:
    """Return every call so far, in the order in which they began."""
    if not path.exists():
        return []
    calls: dict[int, dict[str, Any]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        facts = json.loads(line)
        number = facts.pop("number")
        if "what" in facts:
            # In the line that begins a call, this is the time of its writing. The second line brings the end.
            facts.pop("ended")
        calls.setdefault(number, {}).update(facts)
    return [Told(**{**call, "ids": tuple(call.get("ids", ()))}) for call in calls.values() if "what" in call]
