"""The traces of one session: begun with the first engine, sent to the end with the session."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from reelwork.redaction.redactor import mask

if TYPE_CHECKING:
    from reelwork.engine.events import Happening, RenderSeen
    from reelwork.engine.worker import Runner
    from reelwork.plugins.observing import HookCall
    from reelwork.studio.telemetry.export import Exporting
    from reelwork.studio.telemetry.observer import Journal, Spans
    from reelwork.studio.telemetry.spans import Span

log = logging.getLogger("reelwork.telemetry")

# A server has ten seconds to end, and two of them to close what it holds.
CLOSING_SECONDS = 1.5
"""Seconds for which the last spans may be sent; a collector that does not answer keeps nobody waiting."""


class Traces:
    """A watcher of the engine, and of calls into plugins, that sends what it sees as spans."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._spans: Spans | None = None
        self._exporting: Exporting | None = None
        self._asked = self._failed = False

    def traced(self, steps: Runner) -> Runner:
        """Return the same steps, each with a span; as they are if nothing can send spans."""
        # Once: what is not installed now would be missing for each engine.
        if not self._asked:
            self._asked = True
            self._open()
        return steps if self._spans is None else self._spans.traced(steps)

    def _open(self) -> None:
        from reelwork.studio.telemetry.export import opened
        from reelwork.studio.telemetry.observer import Spans

        self._exporting = opened(os.environ)
        if self._exporting is not None:
            self._spans = Spans(self._journal, self._export, mask)

    def happened(self, happening: Happening) -> None:
        """Tell of what was committed."""
        if self._spans is not None:
            self._spans.happened(happening)

    def seen(self, render: RenderSeen) -> None:
        """Pass over a poll: what came of it is told as an event."""

    def called(self, call: HookCall) -> None:
        """Tell of a call of a hook."""
        if self._spans is not None:
            self._spans.called(call)

    def asked(self, call: HookCall) -> None:
        """Tell of a call of a provider."""
        if self._spans is not None:
            self._spans.asked(call)

    async def close(self) -> None:
        """Send what is left, for a moment."""
        if self._spans is None or self._exporting is None:
            return
        self._spans.close()
        done, loop = asyncio.Event(), asyncio.get_running_loop()
        exporting, self._exporting = self._exporting, None

        def finish() -> None:
            try:
                exporting.close()
            except Exception as error:
                log.debug("traces: %s", error)
            # When it was given up, the loop may be gone.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(done.set)

        # A thread that nobody waits for: the process may end while a collector is silent.
        threading.Thread(target=finish, name="reelwork-traces", daemon=True).start()
        try:
            async with asyncio.timeout(CLOSING_SECONDS):
                await done.wait()
        except TimeoutError:
            exporting.give_up()
            level = logging.DEBUG if exporting.is_in_trouble else logging.WARNING
            log.log(
                level, "The last traces could not be sent within %g s; the jobs are not affected.", CLOSING_SECONDS
            )

    def _export(self, span: Span) -> None:
        if self._exporting is None:
            return
        try:
            self._exporting.export(span)
        except Exception as error:
            # Who watches a job must not fail it. Told once: the next spans would say the same.
            level = logging.DEBUG if self._failed else logging.WARNING
            self._failed = True
            log.log(level, "a span could not be made: %s: %s", type(error).__name__, error)
