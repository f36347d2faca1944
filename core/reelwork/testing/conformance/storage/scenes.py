"""The scenes of a storage plugin, and the runs that each consists of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from reelwork.testing.conformance.scenarios import (
    KILLS_AT_A_REQUEST,
    PAGE,
    REFUSED,
    UNAVAILABLE,
    UNDISTURBED,
    WRITE_FAULTS,
    Canned,
    Fault,
    Kill,
)

AGAIN = "stored again"
AT_ONCE = "stored by several processes at once"
NAMES = "spaces and other scripts in names"
LARGE = "a large file"
CHANGED = "the file has changed since it was made"
OTHERS = "another file is at its address"
NO_RIGHT = "permission refused"
PORTAL = "a web page instead of every answer"
DOWN = "503 to every request"
FULL = "no room for the whole file"
KILLED = "killed at every change of a file"
KILLED_HALF = "killed in the middle of a file"

FORBIDDEN = Canned(403, '{"error": "these credentials may not write here"}')
# Those that wait for a time-out would each take as long as the plugin waits, which is its author's choice.
FAULTS = {
    **{name: fault for name, fault in WRITE_FAULTS.items() if not fault.held},
    "cut in the middle of a request": Fault(arrives="half", answer="none"),
}
EVERY = {
    NO_RIGHT: Fault(arrives="never", answer=FORBIDDEN),
    PORTAL: Fault(arrives="never", answer=PAGE),
    DOWN: Fault(arrives="never", answer=UNAVAILABLE),
}
"""What every request meets in a scene."""

SCENES = (
    UNDISTURBED, AGAIN, AT_ONCE, NAMES, LARGE, CHANGED, OTHERS, NO_RIGHT,
    FULL, KILLED, KILLED_HALF,
    *FAULTS, PORTAL, DOWN, REFUSED, *KILLS_AT_A_REQUEST,
)  # fmt: skip
"""The names of all scenes, in the order they are tested."""
OVER_HTTP = frozenset({*FAULTS, PORTAL, DOWN, REFUSED, *KILLS_AT_A_REQUEST})
WITH_FILES = frozenset({FULL, KILLED, KILLED_HALF})
MUST_FAIL = frozenset({CHANGED, NO_RIGHT, FULL, PORTAL, DOWN, REFUSED})
"""Scenes in which nothing can be stored, so that a plugin which reports otherwise is wrong."""


@dataclass(frozen=True)
class StorageCase:
    """One run: what goes wrong while a clip is stored, before it is stored again with nothing in the way."""

    scene: str
    fault: Fault | None = None
    at_write: int = 0
    """The number, from 1, of the write request that the fault strikes."""
    every: Fault | None = None
    """What each request meets."""
    kill: Kill | None = None
    """The request at which the first process is killed."""
    at_change: int = 0
    """The number, from 1, of the change of a file before which it is killed."""
    half: Literal["", "kill", "fail"] = ""
    """What happens in the middle of the video's file: the process is killed, or there is no more room."""
    processes: int = 1

    def __str__(self) -> str:
        where = f", write request {self.at_write}" if self.at_write else ""
        where += f", before change {self.at_change} of a file" if self.at_change else ""
        return f"{self.scene!r}{where}{f', {self.kill}' if self.kill is not None else ''}"


def cases_of(scene: str, writes: int, changes: int, every: int) -> list[StorageCase]:
    """Return the runs of a scene.

    `writes` is the number of write requests of an undisturbed run, `changes` that of its changes of files, of which
    every `every`-th counts.
    """
    if scene in FAULTS:
        return [StorageCase(scene, FAULTS[scene], number) for number in range(1, writes + 1)]
    if scene in KILLS_AT_A_REQUEST:
        when: Literal["before", "after", "late"] = KILLS_AT_A_REQUEST[scene]  # type: ignore[assignment]
        return [StorageCase(scene, kill=Kill(at, when, "request")) for at in range(1, writes + 1)]
    if scene == KILLED:
        return [StorageCase(scene, at_change=at) for at in range(1, changes + 1, every)]
    halves: dict[str, Literal["kill", "fail"]] = {KILLED_HALF: "kill", FULL: "fail"}
    return [
        StorageCase(
            scene,
            every=EVERY.get(scene),
            half=halves.get(scene, ""),
            processes=4 if scene == AT_ONCE else 1,
        )
    ]


def why_not(scene: str, *, writes: int, changes: int, can_write: bool) -> str:
    """Return why a scene cannot be played with a plugin; empty if it can."""
    if scene in OVER_HTTP and not writes:
        return "the plugin sends no write request through the address that the suite gives it"
    if scene in WITH_FILES and not changes:
        return "the plugin writes no files of its own"
    if scene == NO_RIGHT and not writes and not changes:
        return "the plugin neither writes files nor sends requests through the address that the suite gives it"
    if scene == OTHERS and not can_write:
        return "the suite's StoredFiles has no `write`"
    return ""
