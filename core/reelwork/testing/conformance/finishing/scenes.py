"""The scenes of a finishing plugin, and the runs that each consists of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from reelwork.testing.conformance.scenarios import UNDISTURBED
from reelwork_hooks.models import Target

ELSEWHERE = "made anew in another folder"
AT_ONCE = "finished by several processes at once"
NAMES = "spaces and other scripts in names"
SILENT = "a video without sound"
TIMES = "pictures, sound and captions keep their times"
TARGETS = "what a destination takes"
NO_VIDEO = "a file that is no video"
DAMAGED = "a result that was damaged since"
FULL = "no room for the whole file"
KILLED = "killed at every change of a file"
KILLED_HALF = "killed in the middle of a file"

PLAIN = Target()

SCENES = (
    UNDISTURBED, ELSEWHERE, AT_ONCE, NAMES, SILENT, TIMES, TARGETS, NO_VIDEO, DAMAGED, FULL, KILLED, KILLED_HALF,
)  # fmt: skip
"""The names of all scenes, in the order they are tested."""
WITH_FILES = frozenset({AT_ONCE, DAMAGED, FULL, KILLED, KILLED_HALF})
MUST_WORK = frozenset({UNDISTURBED, ELSEWHERE, AT_ONCE, NAMES, SILENT, TIMES, TARGETS, DAMAGED})


@dataclass(frozen=True)
class FinishingCase:
    """One run: what goes wrong while a clip is finished, before it is finished again with nothing in the way."""

    scene: str
    at_change: int = 0
    """The number, from 1, of the change of a file before which the process is killed."""
    half: Literal["", "kill", "fail"] = ""
    """What happens in the middle of the result: the process is killed, or there is no more room."""
    half_at: int = 0
    """Bytes of that middle."""
    processes: int = 1
    target: Target = PLAIN

    def __str__(self) -> str:
        where = f", before change {self.at_change} of a file" if self.at_change else ""
        where += f", for {self.target.label}" if self.target.label else ""
        return f"{self.scene!r}{where}"


def cases_of(
    scene: str, *, changes: int, every: int, largest: int, targets: tuple[Target, ...]
) -> list[FinishingCase]:
    """Return the runs of a scene.

    `changes` is the number of changes of files of an undisturbed run, of which every `every`-th counts; `largest`
    are the bytes of the largest file that it made. The first of the targets is that of all other scenes.
    """
    first = targets[0]
    if scene == KILLED:
        return [FinishingCase(scene, target=first, at_change=at) for at in range(1, changes + 1, every)]
    if scene == TARGETS:
        return [FinishingCase(scene, target=target) for target in targets]
    halves: dict[str, Literal["kill", "fail"]] = {KILLED_HALF: "kill", FULL: "fail"}
    processes = 3 if scene == AT_ONCE else 1
    half: Literal["", "kill", "fail"] = halves.get(scene, "")
    return [FinishingCase(scene, target=first, half=half, half_at=largest // 2, processes=processes)]
