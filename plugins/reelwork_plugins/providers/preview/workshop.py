"""Draws in the background: a few daemon threads, a queue, and the progress of each render."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

Progress = Callable[[float], None]
Work = Callable[[Progress], None]
"""Makes one render. It must call its argument now and then, and let through the error that this raises."""


class Stopped(Exception):
    """The render is no longer wanted."""


@dataclass(slots=True)
class Task:
    """One render on its way. Only the workshop writes to it."""

    name: str
    work: Work = field(repr=False)
    state: Literal["queued", "running", "done", "failed", "stopped"] = "queued"
    progress: float = 0.0
    error: str = ""


class Workshop:
    """Runs at most `hands` renders at a time; the rest wait in order."""

    def __init__(self, hands: int = 2) -> None:
        self._hands = hands
        self._lock = threading.Lock()
        self._tasks: dict[str, Task] = {}
        self._waiting: deque[Task] = deque()
        self._threads: set[threading.Thread] = set()
        self._closed = False

    def ask(self, name: str, work: Work) -> Task:
        """Return the task of this name; queued now if there is none, or if the last one was stopped."""
        with self._lock:
            task = self._tasks.get(name)
            if task is not None and task.state != "stopped":
                return task
            task = self._tasks[name] = Task(name, work)
            if self._closed:
                task.state = "stopped"
                return task
            self._waiting.append(task)
            self._start_thread()
            return task

    def known(self, name: str) -> Task | None:
        """Return the task of this name, if there is one."""
        with self._lock:
            return self._tasks.get(name)

    def forget(self, name: str) -> None:
        """Drop a finished task's record."""
        with self._lock:
            task = self._tasks.get(name)
            if task is not None and task.state in ("done", "stopped"):
                del self._tasks[name]

    def stop(self, name: str) -> None:
        """Stop one task: at once if it waits, at its next sign of progress if it runs."""
        with self._lock:
            task = self._tasks.get(name)
            if task is not None and task.state in ("queued", "running"):
                task.state = "stopped"

    def close(self, seconds: float = 5.0) -> None:
        """Stop everything, and wait up to so many seconds for each thread to end."""
        with self._lock:
            self._closed = True
            for task in self._tasks.values():
                if task.state in ("queued", "running"):
                    task.state = "stopped"
            threads = list(self._threads)
        for thread in threads:
            thread.join(seconds)

    def _start_thread(self) -> None:
        if len(self._threads) < self._hands:
            # A daemon: a process that ends does not wait for a render, which the next one draws again.
            thread = threading.Thread(target=self._serve, name="preview-render", daemon=True)
            self._threads.add(thread)
            thread.start()

    def _serve(self) -> None:
        while task := self._next():
            self._make(task)

    def _next(self) -> Task | None:
        """Return the next task, or None when there is none: the thread then ends."""
        with self._lock:
            while self._waiting:
                task = self._waiting.popleft()
                if task.state == "queued":
                    task.state = "running"
                    return task
            # Under the same lock as the look at the queue: a task that comes now must start a thread of its own.
            self._threads.discard(threading.current_thread())
            return None

    def _make(self, task: Task) -> None:
        def advance(percent: float) -> None:
            with self._lock:
                if task.state != "running":
                    raise Stopped
                task.progress = percent

        try:
            task.work(advance)
        except Stopped:
            return
        except Exception as error:  # whatever a codec or a full disk raises belongs to this render alone
            self._finish(task, "failed", f"{type(error).__name__}: {error}")
        else:
            self._finish(task, "done", "")

    def _finish(self, task: Task, state: Literal["done", "failed"], error: str) -> None:
        with self._lock:
            if task.state == "running":
                task.state, task.error = state, error
