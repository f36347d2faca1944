"""Plays cases: a new counterpart for each, a proxy in front of it, and processes that are killed and run again."""

from __future__ import annotations

import json
import shutil
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from reelwork.credentials.accounts import Accounts
from reelwork.plugins.definition import LIFECYCLE
from reelwork.testing.conformance.call_log import CALL, Told, read_tale
from reelwork.testing.conformance.counterpart import Counterpart
from reelwork.testing.conformance.processes import Workers
from reelwork.testing.conformance.proxy import FaultProxy
from reelwork.testing.conformance.proxy_script import Script, Seen, shape
from reelwork.testing.conformance.public_files import file_service
from reelwork.testing.conformance.scenarios import Case, Kill
from reelwork.testing.services import serving
from reelwork_hooks.accounts import Credentials
from reelwork_hooks.effects import Idempotency

# What is held or failed is looked up again each time.
ROUNDS = 4
"""Times the same command is run again at most."""
DEAF_SECONDS = 0.8
"""Seconds for which nobody listens in the scene `connection refused`."""
WORDS = "A quiet harbour at dawn, boats and gulls"
OTHER_WORDS = "Snow over a mountain village at night"
# At least as long as `WORDS`: that a list shows a shorter prompt unchanged would prove less.
CONTROLS = (
    "Two fishing boats leave the old harbour at dawn, gulls behind them",
    "A lighthouse above the quiet bay at dusk, two children and their kite",
)


@dataclass(frozen=True)
class JobEnd:
    """The end of a job, in Reelwork's own books."""

    status: str
    step: str
    reason: str
    effect: str
    """The act's state in the ledger; empty when it was never meant to leave."""
    remote_id: str | None


@dataclass(frozen=True)
class Outcome:
    """Everything known of a case that was played."""

    case: Case
    carried_out: tuple[str, ...]
    """The counterpart's own log, without what was there before and what others did."""
    others: frozenset[str]
    jobs: tuple[JobEnd, ...]
    idempotency: Idempotency
    commits: int
    """Of the last process."""
    listed_late: bool = False
    """True if the plugin declares that its list shows only what has ended."""
    seen: tuple[Seen, ...] = ()
    tale: tuple[Told, ...] = ()
    killed: bool = False
    """True if the first process was killed, as the case says, before it ended by itself."""
    crash: str = ""
    """The traceback of a process that failed by itself."""

    @property
    def done(self) -> int:
        """The number of jobs that ended as done."""
        return sum(job.status == "done" for job in self.jobs)

    @property
    def acts(self) -> list[Seen]:
        """The write requests that were sent while the plugin was asked to act."""
        # By time: the proxy sees every request, and only the log of calls says which ones the effect sent.
        calls = [told for told in self.tale if told.what == CALL]
        return [seen for seen in self.seen if seen.number and any(one.at <= seen.at <= one.ended for one in calls)]


@dataclass(frozen=True)
class Subject:
    """The plugin under test, with its settings and its counterpart."""

    kind: Literal["provider", "publisher"]
    name: str
    counterpart: Callable[[Path], AbstractContextManager[Counterpart]]
    settings: Callable[[str, Path], Mapping[str, Any]]
    brief: Mapping[str, Any]
    environment: Mapping[str, str]
    loaded: str
    """The ticket under which the plugin was loaded."""
    accounts: Callable[[str, Path], Mapping[str, Credentials]] = lambda _url, _folder: {}

    def workflow(self, url: str, folder: Path) -> dict[str, Any]:
        """Return a workflow that does nothing but the effect."""
        settings = dict(self.settings(url, folder))
        empty: dict[str, Any] = {hook: [] for hook in LIFECYCLE}
        if self.kind == "provider":
            # Quick, so that a case takes seconds. The author's settings may say otherwise.
            provider = {"poll_interval": 0.05, "gone_after": 1, **settings, "use": self.name}
            return {"out": str(folder / "out"), "provider": provider, "plugins": empty}
        return {
            "out": str(folder / "out"),
            "provider": {"use": "conformance-fake"},
            "plugins": {**empty, "publish": [self.name]},
            "plugin": {self.name: settings},
        }


@dataclass
class Trial:
    """Plays cases with one plugin. Safe to use from several threads."""

    subject: Subject
    workers: Workers
    folder: Path
    video: Path
    act: str = ""
    """The shape of the requests that are the act, once an undisturbed run has shown it."""
    has_url: bool = False
    """True if the counterpart is a service."""
    has_crowd: bool = False
    """True if it can make a crowd."""
    _number: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def play(self, case: Case) -> Outcome:
        """Run a case's jobs to their end."""
        folder = self._folder()
        try:
            with ExitStack() as stack:
                counterpart = stack.enter_context(self.subject.counterpart(folder))
                self.has_url, self.has_crowd = bool(counterpart.url), counterpart.crowd is not None
                files = stack.enter_context(serving(file_service(self.video)))
                before = self._others(case, counterpart, folder, files)
                return self._played(case, counterpart, folder, before, files)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _folder(self) -> Path:
        with self._lock:
            self._number += 1
            folder = self.folder / f"case-{self._number}"
        folder.mkdir()
        return folder

    def _others(self, case: Case, counterpart: Counterpart, folder: Path, files: str) -> list[str]:
        """Let another user, with a store of their own, do something of the same kind first."""
        if case.others:
            theirs = folder / "theirs"
            theirs.mkdir()
            told = self._case_data(Case("theirs"), counterpart.url, folder, theirs, files)
            self.workers.start({**told, "words": OTHER_WORDS}).wait()
        return list(counterpart.carried_out())

    def _played(self, case: Case, counterpart: Counterpart, folder: Path, before: list[str], files: str) -> Outcome:
        own = folder / "own"
        own.mkdir()
        crowd: list[str] = []

        def gather() -> None:
            if case.crowd and counterpart.crowd is not None:
                crowd.extend(counterpart.crowd())

        proxy = self._proxy(case, counterpart, gather)
        told = self._case_data(case, proxy.url if proxy else "", folder, own, files)
        controls: list[str] = []

        def control() -> None:
            if case.controls:
                controls.extend(self._control(told, counterpart, proxy, len(controls)))

        try:
            control()
            code = self._run(case, told, proxy, own, control)
        finally:
            if proxy is not None:
                proxy.close()
        seen = tuple(proxy.seen) if proxy is not None else ()
        # Read once the proxy is closed: what it held has arrived by then, or never will.
        ours = _without(counterpart.carried_out(), [*before, *crowd, *controls])
        outcome = _outcome(case, ours, frozenset([*before, *crowd, *controls]), own, seen)
        return replace(outcome, killed=code == -signal.SIGKILL)

    def _control(
        self, told: Mapping[str, Any], counterpart: Counterpart, proxy: FaultProxy | None, number: int
    ) -> tuple[str, ...]:
        """Carry out an effect of our own while nothing goes wrong, and return its ids."""
        there = list(counterpart.carried_out())
        # Nothing goes wrong for a control, whatever the scene.
        script = proxy.script if proxy is not None else None
        if proxy is not None:
            proxy.script = Script()
        self.workers.start({**told, "words": CONTROLS[number], "control": number + 1, "jobs": 1}).wait()
        if proxy is not None and script is not None:
            proxy.script = script
        return _without(counterpart.carried_out(), there)

    def _proxy(self, case: Case, counterpart: Counterpart, gather: Callable[[], None]) -> FaultProxy | None:
        if not counterpart.url:
            return None
        script = Script(
            fault=case.fault,
            at_write=case.at_write,
            act=self.act,
            times=case.jobs,
            look=case.look,
            looks=case.looks,
            kill=case.kill,
            on_struck=gather,
        )
        return FaultProxy(counterpart.url, script, listening=not case.refused)

    def _case_data(self, case: Case, url: str, folder: Path, own: Path, files: str) -> dict[str, Any]:
        """Return the case in the form that its processes take."""
        return {
            "folder": str(own),
            "kind": self.subject.kind,
            "name": self.subject.name,
            "plugin": self.subject.loaded,
            "environment": {**self.subject.environment, **self._accounts(url, folder, own)},
            "workflow": self.subject.workflow(url, folder),
            "brief": dict(self.subject.brief),
            "words": WORDS,
            "jobs": case.jobs,
            "hasty": case.fault is not None and case.fault.held,
            "video": str(self.video),
            "files": files,
        }

    def _accounts(self, url: str, folder: Path, own: Path) -> dict[str, str]:
        """Store the plugin's accounts, and return the variable that tells the processes where."""
        # Once for all processes of a case: a token that one of them has refreshed is used up.
        given = self.subject.accounts(url, folder)
        stored = Accounts(own / "accounts.json")
        for name, credentials in given.items():
            stored.add(name, self.subject.name, credentials)
        return {"REELWORK_ACCOUNTS": str(stored.path)} if given else {}

    def _run(
        self,
        case: Case,
        told: Mapping[str, Any],
        proxy: FaultProxy | None,
        own: Path,
        control: Callable[[], None],
    ) -> int:
        """Run until every job is done or a new run changes nothing; return the exit code of the first process."""
        kill = case.kill if case.kill is not None and case.kill.what == "commit" else None
        first = self.workers.start({**told, "kill": _kill_data(kill)} if kill else told)
        if proxy is not None:
            proxy.script.on_kill = first.kill
            if case.refused:
                threading.Event().wait(DEAF_SECONDS)
                proxy.listen()
        code = first.wait()
        control()
        for _ in range(ROUNDS):
            if proxy is not None:
                # What the process sent before it was killed arrives before the next one looks it up.
                proxy.drain()
            statuses = [job.status for job in _jobs(own)]
            # Of a job that is still active, a whole process's time was not enough: another will not help.
            ended = bool(statuses) and set(statuses) <= {"done", "rejected", "active"}
            if ended or any(own.glob("crash-*.txt")):
                break
            self.workers.start(told).wait()
        return code


def _kill_data(kill: Kill) -> dict[str, Any]:
    return {"at": kill.at, "when": kill.when}


def _without(ids: Sequence[str], others: Sequence[str]) -> tuple[str, ...]:
    """Return the ids that are left when each of the others is taken away once."""
    left = list(ids)
    for other in others:
        # Once each: an id that is there twice must stay once, since doubles are what is looked for.
        if other in left:
            left.remove(other)
    return tuple(left)


def _last_report(own: Path) -> dict[str, Any]:
    # By time: process ids are no order.
    ends = sorted(own.glob("end-*.json"), key=lambda path: path.stat().st_mtime_ns)
    return dict(json.loads(ends[-1].read_text(encoding="utf-8"))) if ends else {}


def _jobs(own: Path) -> tuple[JobEnd, ...]:
    return tuple(
        JobEnd(
            status=job["status"],
            step=job["step"],
            reason=job["reason"],
            effect=job["effect"].get("state", ""),
            remote_id=job["effect"].get("remote_id"),
        )
        for job in _last_report(own).get("jobs", ())
    )


def _outcome(
    case: Case, carried_out: tuple[str, ...], others: frozenset[str], own: Path, seen: tuple[Seen, ...]
) -> Outcome:
    report = _last_report(own)
    crashes = [path.read_text(encoding="utf-8") for path in own.glob("crash-*.txt")]
    return Outcome(
        case=case,
        carried_out=carried_out,
        others=others,
        jobs=_jobs(own),
        idempotency=Idempotency(report.get("idempotency", "none")),
        commits=int(report.get("commits", 0)),
        listed_late=report.get("listed_late") is True,
        seen=seen,
        tale=tuple(read_tale(own / "tale.jsonl")),
        crash=crashes[0] if crashes else "",
    )


def act_of(outcome: Outcome) -> tuple[str, tuple[int, ...]]:
    """Return the shape of the requests that are the effect, and their numbers, from an undisturbed run."""
    acts = outcome.acts
    if not acts:
        return "", ()
    # What makes it happen comes last: what is sent before it, within the same call, is there to prepare it.
    last = shape(acts[-1].method, acts[-1].path)
    return last, tuple(seen.number for seen in acts if shape(seen.method, seen.path) == last)
