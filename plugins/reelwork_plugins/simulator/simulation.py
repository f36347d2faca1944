"""One simulated service: its jobs, clips, faults, log and webhooks, put together."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import math
import secrets
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Protocol

from reelwork_hooks import InvalidInput
from reelwork_plugins.simulator.asks import Ask
from reelwork_plugins.simulator.clips import Clips
from reelwork_plugins.simulator.dialects import Dialect, row_of
from reelwork_plugins.simulator.faults import Switchboard
from reelwork_plugins.simulator.forms import Upload
from reelwork_plugins.simulator.jobs import Fate, Job, JobStore, new_id
from reelwork_plugins.simulator.journal import Journal
from reelwork_plugins.simulator.log import RequestLog
from reelwork_plugins.simulator.refusals import Refused
from reelwork_plugins.simulator.settings import SimulatorSettings
from reelwork_plugins.simulator.webhooks import Courier


class Limiter:
    """Passes at most so many requests in any sixty seconds; those turned away do not count."""

    def __init__(self, per_minute: int | None) -> None:
        self._limit = per_minute
        self._times: deque[float] = deque()

    def wait(self, now: float) -> int:
        """Return 0 when a request may pass, else the whole seconds after which one may."""
        if self._limit is None:
            return 0
        while self._times and self._times[0] <= now - 60:
            self._times.popleft()
        if len(self._times) < self._limit:
            self._times.append(now)
            return 0
        return max(math.ceil(self._times[0] + 60 - now), 1)


class Network(Protocol):
    """A network that is played instead of a video service."""

    def posts(self) -> list[dict[str, Any]]:
        """Return everything that was posted, oldest first."""
        ...


class Simulation:
    """Everything behind the HTTP routes. Raises `InvalidInput` when a folder or file cannot be used."""

    def __init__(self, settings: SimulatorSettings) -> None:
        self.settings = settings
        self.switchboard = Switchboard(settings.faults, settings.seed)
        self.log = RequestLog(settings.log_file)
        self.limiter = Limiter(settings.requests_per_minute)
        self.creates = Limiter(settings.creates_per_minute)
        self.store = JobStore(settings.concurrent, tell_ends=settings.webhook is not None)
        self._journal = Journal(settings.state / "jobs.jsonl") if settings.state else None
        if self._journal is not None:
            self._journal.replay(self.store)
            # The run before has sent the events of what ended in it.
            self.store.take_finished(time.time())
        self._temporary = None if settings.state else Path(tempfile.mkdtemp(prefix="reelwork-simulator-"))
        self.clips = Clips(_clip_folder(settings.state or self._temporary), canned=settings.canned)
        self.folder = settings.state or self._temporary or Path()
        """Where files are kept that were sent here."""
        self.network: Network | None = None
        self._later: set[asyncio.Task[None]] = set()
        self.courier: Courier | None = None
        self.uploads: dict[str, Upload] = {}
        """Files that were uploaded in this run, by a name of ours."""
        self._made_for: dict[tuple[str, str], Job] = {}
        # A key of this run alone: links of an earlier run are no longer valid.
        self._link_key = secrets.token_bytes(32)

    def sign_link(self, job: Job, expires: int) -> str:
        """Return the proof that a link to a stored copy came from here, valid until `expires`."""
        return hmac.new(self._link_key, f"{job.dialect}/{job.id}/{expires}".encode(), hashlib.sha256).hexdigest()

    def start(self) -> None:
        """Begin to send webhooks, if there is an address for them."""
        if self.settings.webhook and self.settings.webhook_secret:
            self.courier = Courier(self.settings.webhook, self.settings.webhook_secret, self.store)
            self.courier.start()

    def do_later(self, seconds: float, work: Callable[[], Awaitable[object]]) -> None:
        """Do what a request asks for, once its sender has given up on it."""

        async def wait() -> None:
            await asyncio.sleep(seconds)
            # Nobody is there any more to be told of a refusal.
            with suppress(Refused):
                await work()

        task = asyncio.ensure_future(wait())
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    @property
    def has_late_work(self) -> bool:
        """True while something is to be done that was answered already."""
        return bool(self._later)

    def close(self) -> None:
        """Stop, and remove what was only for this run."""
        for task in list(self._later):
            task.cancel()
        if self.courier is not None:
            self.courier.stop()
        if self._journal is not None:
            self._journal.close()
        self.log.close()
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)

    def is_full(self) -> bool:
        """Return whether so many renders are unfinished that another one is refused."""
        most = self.settings.refuse_above
        return most is not None and self.store.unfinished(time.time()) >= most

    def create(self, dialect: Dialect, ask: Ask, source_id: str | None = None, *, failure: str = "") -> Job:
        """Accept a request: from here on, a real service would charge for it. `failure`: how it will end."""
        fate = self._decide()
        fate = replace(fate, failure=failure, stuck=False) if failure else fate
        job = Job(new_id(dialect, ask.model), dialect.name, ask, fate, time.time(), source_id)
        # Recorded before it can be seen: a job that was answered for must outlive a kill.
        if self._journal is not None and dialect.durable:
            self._journal.created(job)
        self.store.add(job)
        if self.courier is not None:
            self.courier.notice(job)
        return job

    def made_for(self, dialect: Dialect, key: str | None) -> Job | None:
        """Return the video that was made for an idempotency key, if keys are honoured."""
        return self._made_for.get((dialect.name, key)) if key and self.settings.idempotency_keys else None

    def keep_key(self, key: str | None, job: Job) -> None:
        """Store the key for which a video was made."""
        if key and self.settings.idempotency_keys:
            self._made_for[job.dialect, key] = job

    def delete(self, job: Job) -> None:
        """Forget a job and its files."""
        now = time.time()
        if self._journal is not None and row_of(job.dialect).durable:
            self._journal.deleted(job, now)
        self.store.delete(job, now, stops=row_of(job.dialect).deletes != "forgets")
        self.clips.remove(job)

    def restart(self) -> None:
        """Lose what a restart of the service loses: jobs that are in memory only."""
        self.store.forget(lambda job: self._journal is not None and row_of(job.dialect).durable)

    def describe_jobs(self) -> list[dict[str, Any]]:
        """Return every job, oldest first, with the outcome that was decided for it."""
        now = time.time()
        return [
            {
                "id": job.id, "dialect": job.dialect, "status": job.state(now), "prompt": job.ask.prompt,
                "model": job.ask.model, "seconds": job.ask.seconds, "size": job.ask.size, "seed": job.ask.seed,
                "created_at": job.created_at, "started_at": job.started_at, "ended_at": job.ended_at,
                "source_id": job.source_id, "fate": asdict(job.fate),
            }
            for job in self.store.everything(now)
        ]  # fmt: skip

    def _decide(self) -> Fate:
        render, webhook = self.switchboard.pick("render"), self.switchboard.pick("webhook")
        kind = render.kind if render else ""
        return Fate(
            render_seconds=render.seconds if render and kind == "slow" else self.settings.render_seconds,
            failure=render.value if render and kind == "fail" else "",
            stuck=kind == "stuck",
            cloud=kind == "cloud",
            webhook=webhook.kind if webhook else "",
            webhook_delay=webhook.seconds if webhook and webhook.kind == "late" else 0.0,
        )


def _clip_folder(base: Path | None) -> Path:
    folder = (base or Path()) / "clips"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(f"the folder {folder} cannot be made: {error.strerror}") from error
    return folder
