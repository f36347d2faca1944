"""The methods of `Studio` for programs without an event loop."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from reelwork.studio.sync import blocking

if TYPE_CHECKING:
    from reelwork.engine.reconcile import Reconciled
    from reelwork.studio.decisions import Choice
    from reelwork.studio.dry_run import Rehearsal
    from reelwork.studio.launch import Launch
    from reelwork.studio.results import JobResult, RunResult


class _Awaited(Protocol):
    """The methods that are waited for."""

    def run(self, what: str | Path | None = None, **options: Any) -> Coroutine[Any, Any, RunResult]: ...

    def plan(self, what: str | Path | None = None, **options: Any) -> Coroutine[Any, Any, Launch]: ...

    def rehearse(self, what: str | Path | None = None, **options: Any) -> Coroutine[Any, Any, Rehearsal]: ...

    def resume(self, *names: str, settings: Mapping[str, Any] | None = None) -> Coroutine[Any, Any, RunResult]: ...

    def retry(self, *names: str, shown: Mapping[str, int] | None = None) -> Coroutine[Any, Any, RunResult]: ...

    def resolve(
        self,
        name: str,
        *,
        decision: Choice,
        destination: str | None = None,
        remote_id: str | None = None,
        attempt: int | None = None,
        shown: int | None = None,
        by: str = "",
    ) -> Coroutine[Any, Any, JobResult]: ...

    def reconcile(self, *names: str, dry_run: bool = False) -> Coroutine[Any, Any, Reconciled]: ...

    def cancel(self, *names: str) -> Coroutine[Any, Any, RunResult]: ...


class SyncMethods:
    """The methods of `Studio` for programs without an event loop. They wait until the work is done."""

    def run_sync(self: _Awaited, what: str | Path | None = None, **options: Any) -> RunResult:
        """`run` for programs without an event loop."""
        return blocking(self.run(what, **options))

    def plan_sync(self: _Awaited, what: str | Path | None = None, **options: Any) -> Launch:
        """`plan` for programs without an event loop."""
        return blocking(self.plan(what, **options))

    def rehearse_sync(self: _Awaited, what: str | Path | None = None, **options: Any) -> Rehearsal:
        """`rehearse` for programs without an event loop."""
        return blocking(self.rehearse(what, **options))

    def resume_sync(self: _Awaited, *names: str, settings: Mapping[str, Any] | None = None) -> RunResult:
        """`resume` for programs without an event loop."""
        return blocking(self.resume(*names, settings=settings))

    def retry_sync(self: _Awaited, *names: str, shown: Mapping[str, int] | None = None) -> RunResult:
        """`retry` for programs without an event loop."""
        return blocking(self.retry(*names, shown=shown))

    def resolve_sync(self: _Awaited, name: str, **options: Any) -> JobResult:
        """`resolve` for programs without an event loop."""
        return blocking(self.resolve(name, **options))

    def reconcile_sync(self: _Awaited, *names: str, dry_run: bool = False) -> Reconciled:
        """`reconcile` for programs without an event loop."""
        return blocking(self.reconcile(*names, dry_run=dry_run))

    def cancel_sync(self: _Awaited, *names: str) -> RunResult:
        """`cancel` for programs without an event loop."""
        return blocking(self.cancel(*names))
