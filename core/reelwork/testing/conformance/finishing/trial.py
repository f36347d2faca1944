"""Plays cases: a new folder for each, and processes that are killed and run again."""

from __future__ import annotations

import itertools
import json
import shutil
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reelwork.testing.conformance.finishing.film import Film
from reelwork.testing.conformance.finishing.scenes import (
    DAMAGED,
    NAMES,
    NO_VIDEO,
    SILENT,
    FinishingCase,
)
from reelwork.testing.conformance.processes import Workers
from reelwork.testing.samples import SAMPLE_PROMPT
from reelwork_hooks.models import Asset, Clip, Role

STRANGE = "Ein Kätzchen 雪 #1 50% & co"
WORDS = "1\n00:00:00,200 --> 00:00:00,800\nGood morning.\n\n2\n00:00:01,000 --> 00:00:01,600\nHere we are.\n"


@dataclass(frozen=True)
class Run:
    """One process that finished the clip, or tried to."""

    code: int
    """Its exit code; negative for a signal."""
    clip: Clip | None = None
    """What the plugin returned; None if it left the clip as it is, or failed."""
    left: bool = False
    """True if it left the clip as it is."""
    error: str = ""
    problem: str = ""
    contract: bool = False
    """True if the error is one of the contract's."""
    hint: bool = False
    """True if the error says what to do."""
    late: bool = False
    changes: int = 0
    crash: str = ""

    @property
    def worked(self) -> bool:
        """True if the plugin answered."""
        return self.left or self.clip is not None


@dataclass(frozen=True)
class FinishingOutcome:
    """Everything known of a case that was played, with its folder still there."""

    case: FinishingCase
    given: Clip
    first: tuple[Run, ...]
    last: Run
    """Of the process that ran at the end, with nothing in its way."""
    work: Path
    """The plugin's folder for files."""
    between: Mapping[str, str]
    """The SHA-256 of each file in it after the first processes."""
    end: Mapping[str, str]
    spoilt: tuple[str, ...] = ()
    """The given files that are not what they were."""


@dataclass(frozen=True)
class FinishingSubject:
    """The plugin under test, with its settings."""

    name: str
    loaded: str
    """The ticket under which the plugin was loaded."""
    settings: Callable[[Path], Mapping[str, Any]]
    brief: Mapping[str, Any]
    environment: Mapping[str, str]
    film: Film


@dataclass
class FinishingTrial:
    """Plays cases with one plugin. Safe to use from several threads."""

    subject: FinishingSubject
    workers: Workers
    folder: Path
    _numbers: itertools.count[int] = field(default_factory=itertools.count)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def play(self, case: FinishingCase, judged: Callable[[FinishingOutcome], str]) -> str:
        """Finish a clip as the case says, and then once more with nothing in the way; return the judgement."""
        folder = self.folder / f"case-{self._next()}{f' {STRANGE}' if case.scene == NAMES else ''}"
        folder.mkdir()
        try:
            return judged(self._played(case, folder))
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _next(self) -> int:
        with self._lock:
            return next(self._numbers)

    def _played(self, case: FinishingCase, folder: Path) -> FinishingOutcome:
        given = self._clip(case, folder)
        order = self._order(case, folder, given)
        started = [self._start(order) for _ in range(case.processes)]
        first = tuple(_ended(process.wait(), folder, number) for process, number in started)
        work = folder / "work" / self.subject.name
        if case.scene == DAMAGED:
            _damage(first[0], work)
        between = digests(work)
        process, number = self._start({**order, "half": "", "half_at": 0, "at_change": 0})
        last = _ended(process.wait(), folder, number)
        files = (given.video, *given.assets)
        spoilt = tuple(str(one.path.name) for one in files if digest_of(one.path) != one.sha256)
        return FinishingOutcome(case, given, first, last, work, between, digests(work), spoilt)

    def _start(self, order: Mapping[str, Any]) -> tuple[Any, int]:
        number = self._next()
        return self.workers.start({**order, "number": number}), number

    def _clip(self, case: FinishingCase, folder: Path) -> Clip:
        film = self.subject.film
        path = folder / f"{STRANGE if case.scene == NAMES else 'film'}.mp4"
        if case.scene == NO_VIDEO:
            path.write_text("<html>There is no video here.</html>\n" * 200, encoding="utf-8")
            # As if it had been a video once: what is known of it leads a plugin to look.
            return Clip(video=_video(path, film))
        silent = Film(film.seconds, film.width, film.height, film.fps, film.flash, sound=False)
        (silent if case.scene == SILENT else film).write(path)
        words = path.with_suffix(".en.srt")
        words.write_text(WORDS, encoding="utf-8")
        captions = Asset.from_file(words, Role.CAPTIONS, media_type="application/x-subrip")
        return Clip(video=_video(path, film), assets=(captions,))

    def _order(self, case: FinishingCase, folder: Path, given: Clip) -> dict[str, Any]:
        return {
            "kind": "finishing",
            "folder": str(folder),
            "name": self.subject.name,
            "plugin": self.subject.loaded,
            "environment": dict(self.subject.environment),
            "settings": dict(self.subject.settings(folder)),
            "brief": {"prompt": SAMPLE_PROMPT, **self.subject.brief},
            "clip": given.model_dump(mode="json"),
            "target": case.target.model_dump(mode="json"),
            "half": case.half,
            "half_at": case.half_at,
            "at_change": case.at_change,
        }


def _video(path: Path, film: Film) -> Asset:
    facts = {"width": film.width, "height": film.height, "fps": float(film.fps), "duration": film.seconds}
    return Asset.from_file(path, Role.VIDEO, codec="h264", **facts)


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file below a folder, by its path there."""
    found = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): digest_of(path) for path in found}


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file; empty if there is none."""
    return Asset.from_file(path, Role.SIDECAR).sha256 if path.is_file() else ""


def _damage(run: Run, work: Path) -> None:
    """Change a byte of each file that the plugin made."""
    files = (run.clip.video, *run.clip.assets) if run.clip is not None else ()
    for path in {asset.path for asset in files if asset.path.is_relative_to(work)}:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 0xFF
        path.write_bytes(content)


def _ended(code: int, folder: Path, number: int) -> Run:
    path = folder / f"finished-{number}.json"
    if not path.exists():
        crashes = sorted(folder.glob("crash-*.txt"))
        unplanned = code not in (-signal.SIGKILL, -signal.SIGXFSZ)
        crash = crashes[-1].read_text(encoding="utf-8") if crashes else f"it ended with {code}" if unplanned else ""
        return Run(code, crash=crash)
    told = json.loads(path.read_text(encoding="utf-8"))
    return Run(
        code,
        clip=Clip.model_validate(told["clip"]) if "clip" in told else None,
        left=told.get("left", False),
        error=told.get("error", ""),
        problem=told.get("problem", ""),
        contract=told.get("contract", False),
        hint=told.get("hint", False),
        late=told.get("late", False),
        changes=told["changes"],
    )
