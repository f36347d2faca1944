"""Plays cases: a new storage for each, a proxy in front of it, and processes that are killed and run again."""

from __future__ import annotations

import itertools
import json
import shutil
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reelwork.credentials.accounts import Accounts
from reelwork.testing.conformance.processes import Workers
from reelwork.testing.conformance.proxy import FaultProxy
from reelwork.testing.conformance.proxy_script import Script, Seen
from reelwork.testing.conformance.scenarios import REFUSED
from reelwork.testing.conformance.storage.clips import assets_of, padded_video
from reelwork.testing.conformance.storage.counterpart import StoredFiles
from reelwork.testing.conformance.storage.scenes import AGAIN, CHANGED, LARGE, NAMES, NO_RIGHT, OTHERS, StorageCase
from reelwork_hooks.accounts import Credentials

ELSEWHERE = "https://elsewhere.example/an-earlier-storage.mp4"
"""An address that the video has already, from another plugin."""
WORDS, STRANGE_WORDS = "A quiet harbour at dawn", "Ein Kätzchen – 雪 & 50 % #1 / «ça va?» 🎬"
STRANGE_NAME, STRANGE_ROW = "Ein Kätzchen 雪 #1 50% & co", "Köln / Straße 5?"


@dataclass(frozen=True)
class Run:
    """One process that stored the clip, or tried to."""

    code: int
    """Its exit code; negative for a signal."""
    assets: tuple[Mapping[str, Any], ...] = ()
    """The files as the plugin returned them, the video first; none if it failed."""
    error: str = ""
    """What the plugin raised, in its own words."""
    problem: str = ""
    """What is wrong with what it returned."""
    contract: bool = False
    """True if the error is one of the contract's."""
    passes: bool = False
    """True if the engine calls the plugin again by itself after this error."""
    late: bool = False
    log: tuple[str, ...] = ()
    changes: int = 0
    growth: int = 0
    """Bytes by which its memory grew."""
    crash: str = ""

    @property
    def addresses(self) -> dict[str, str]:
        """The SHA-256 that each reported address promises, without the one from elsewhere."""
        return {
            address: asset["sha256"]
            for asset in self.assets
            for address in asset["stored_at"]
            if address != ELSEWHERE
        }


@dataclass(frozen=True)
class StorageOutcome:
    """Everything known of a case that was played."""

    case: StorageCase
    given: tuple[Mapping[str, Any], ...]
    """The files that were to be stored."""
    first: tuple[Run, ...]
    between: Mapping[str, str]
    """What a reader found after the first processes."""
    last: Run
    """Of the process that ran at the end, with nothing in its way."""
    end: Mapping[str, str]
    """What a reader found then."""
    seen: tuple[Seen, ...] = ()
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True)
class StorageSubject:
    """The plugin under test, with its settings and its storage."""

    name: str
    loaded: str
    """The ticket under which the plugin was loaded."""
    counterpart: Callable[[Path], AbstractContextManager[StoredFiles]]
    settings: Callable[[str, Path], Mapping[str, Any]]
    accounts: Callable[[str, Path], Mapping[str, Credentials]]
    environment: Mapping[str, str]
    size: int
    large: int


@dataclass
class StorageTrial:
    """Plays cases with one plugin. Safe to use from several threads."""

    subject: StorageSubject
    workers: Workers
    folder: Path
    can_write: bool = False
    """True if other bytes can be put at an address."""
    _numbers: itertools.count[int] = field(default_factory=itertools.count)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def play(self, case: StorageCase) -> StorageOutcome:
        """Store a clip as the case says, and then once more with nothing in the way."""
        with self._lock:
            folder = self.folder / f"case-{next(self._numbers)}"
        folder.mkdir()
        try:
            with self.subject.counterpart(folder) as there:
                self.can_write = there.write is not None
                return self._played(case, there, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _played(self, case: StorageCase, there: StoredFiles, folder: Path) -> StorageOutcome:
        own = folder / "own"
        own.mkdir()
        # A large file goes straight to the service: the proxy holds each request in memory.
        direct = not there.url or case.scene == LARGE
        proxy = None if direct else self._proxy(case, there.url)
        with closing(proxy) if proxy is not None else nullcontext():
            order = self._order(case, proxy.url if proxy else there.url, folder, own)
            given = tuple(order["assets"])
            first = self._first(case, order, there, proxy)
            if proxy is not None:
                _calm(proxy, case)
            between = dict(there.digests())
            if case.scene == CHANGED:
                # It is downloaded again.
                padded_video(Path(order["assets"][0]["path"]), order["size"], seed=7)
            if case.scene == AGAIN and first[0].assets:
                order = {**order, "assets": list(first[0].assets)}
            last = self._run(_undisturbed(order))
        return StorageOutcome(
            case,
            given=given,
            first=first,
            between=between,
            last=last,
            end=dict(there.digests()),
            seen=tuple(proxy.seen) if proxy is not None else (),
            secrets=self._secrets(there.url, folder),
        )

    def _proxy(self, case: StorageCase, url: str) -> FaultProxy:
        script = Script(fault=case.fault, at_write=case.at_write, kill=case.kill, every=case.every)
        return FaultProxy(url, script, listening=case.scene != REFUSED)

    def _first(
        self, case: StorageCase, order: dict[str, Any], there: StoredFiles, proxy: FaultProxy | None
    ) -> tuple[Run, ...]:
        if case.scene in (AGAIN, OTHERS):
            once = self._run(order)
            if case.scene == OTHERS and there.write is not None and once.addresses:
                address = next(iter(once.addresses))
                # As long as ours: the size alone tells nothing.
                there.write(address, b"x" * order["assets"][0]["bytes"])
            return (once, self._run(order))
        if case.scene == CHANGED:
            _damage(Path(order["assets"][0]["path"]))
        started = [self._start(order) for _ in range(case.processes)]
        if proxy is not None:
            proxy.script.on_kill = started[0][0].kill
        return tuple(_ended(process.wait(), order, number) for process, number in started)

    def _run(self, order: Mapping[str, Any]) -> Run:
        process, number = self._start(order)
        return _ended(process.wait(), order, number)

    def _start(self, order: Mapping[str, Any]) -> tuple[Any, int]:
        with self._lock:
            number = next(self._numbers)
        return self.workers.start({**order, "number": number}), number

    def _order(self, case: StorageCase, url: str, folder: Path, own: Path) -> dict[str, Any]:
        size = self.subject.large if case.scene == LARGE else self.subject.size
        strange = case.scene == NAMES
        assets = assets_of(own / "clip" / ("a b ü" if strange else ""), size, STRANGE_NAME if strange else "video")
        assets[0]["stored_at"] = [ELSEWHERE]
        self._keep_accounts(url, folder, own)
        return {
            "kind": "storage",
            "folder": str(own),
            "name": self.subject.name,
            "plugin": self.subject.loaded,
            "environment": dict(self.subject.environment),
            "settings": dict(self.subject.settings(url, folder)),
            "assets": assets,
            "words": STRANGE_WORDS if strange else WORDS,
            "row": STRANGE_ROW if strange else None,
            "half": case.half,
            "half_at": assets[0]["bytes"] // 2,
            "at_change": case.at_change,
            "refused": case.scene == NO_RIGHT and not url,
            "size": size,
        }

    def _keep_accounts(self, url: str, folder: Path, own: Path) -> None:
        stored = Accounts(own / "accounts.json")
        for name, credentials in self.subject.accounts(url, folder).items():
            stored.add(name, self.subject.name, credentials)

    def _secrets(self, url: str, folder: Path) -> tuple[str, ...]:
        accounts = self.subject.accounts(url, folder).values()
        return (*self.subject.environment.values(), *(text for one in accounts for text in one.secret.values()))


def _undisturbed(order: Mapping[str, Any]) -> dict[str, Any]:
    return {**order, "half": "", "at_change": 0, "refused": False}


def _damage(path: Path) -> None:
    # Of the same size, so that nothing but its bytes tells.
    with path.open("r+b") as file:
        file.seek(-1, 2)
        last = file.read(1)[0]
        file.seek(-1, 2)
        file.write(bytes([last ^ 1]))


def _calm(proxy: FaultProxy, case: StorageCase) -> None:
    """Let nothing go wrong from now on."""
    if case.scene == REFUSED:
        proxy.listen()
    else:
        # What a process sent before it was killed arrives before the next one begins.
        proxy.drain()
    proxy.script = Script()


def _ended(code: int, order: Mapping[str, Any], number: int) -> Run:
    folder = Path(order["folder"])
    path = folder / f"stored-{number}.json"
    if not path.exists():
        crashes: Sequence[Path] = sorted(folder.glob("crash-*.txt"))
        unplanned = code not in (-signal.SIGKILL, -signal.SIGXFSZ)
        crash = crashes[-1].read_text(encoding="utf-8") if crashes else f"it ended with {code}" if unplanned else ""
        return Run(code, crash=crash)
    told = json.loads(path.read_text(encoding="utf-8"))
    return Run(
        code,
        assets=tuple(told.get("assets", ())),
        error=told.get("error", ""),
        problem=told.get("problem", ""),
        contract=told.get("contract", False),
        passes=told.get("passes", False),
        late=told.get("late", False),
        log=tuple(told["log"]),
        changes=told["changes"],
        growth=told["growth"],
    )
