"""The long-running process: the loop that drives all jobs of a store, and HTTP beside it, until it is stopped."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio.to_thread
import uvicorn

from reelwork.clock import Timeline
from reelwork.credentials.accounts import Accounts
from reelwork.engine.events import Happening, RenderSeen
from reelwork.engine.job_log import Journal
from reelwork.engine.loop import Engine
from reelwork.errors import StoreInvalid, StoreUnwritable, WorkflowInvalid
from reelwork.net.addresses import Origin
from reelwork.plugins.catalog import Catalog
from reelwork.schedules.ping_address import check_ping_place
from reelwork.server.access import Exposure
from reelwork.server.app import create_app, create_webhooks_app
from reelwork.server.deliveries import Deliveries, targets_of
from reelwork.server.driving import Driving, Runs
from reelwork.server.listening import NOT_STARTED, host_and_port, listen, origin_of, public_origin, reaches_others
from reelwork.server.meters import Meters
from reelwork.server.notices import Notices
from reelwork.server.offered import Offered
from reelwork.server.operations import Served
from reelwork.server.outage import OutageNotices
from reelwork.server.pulse import Pulse, ServiceManager
from reelwork.server.receivers import Receivers, receivers_of
from reelwork.server.recipients import Messenger, Recipient, recipients_of
from reelwork.settings.notify import notify_settings
from reelwork.settings.paths import here
from reelwork.settings.pings import pings_may_be_private
from reelwork.settings.webhooks import webhook_settings
from reelwork.store.open import open_store
from reelwork.store.protocol import LeaseHolder, Store
from reelwork.store.records import ACTIVE
from reelwork.studio.firing.runner import Runner
from reelwork.studio.pings import Ping, Pings
from reelwork.studio.session import Session

log = logging.getLogger("reelwork.server")

# A process gets 10 seconds to end. What is under way then is `sent` in the ledger, and is looked up later.
GRACE = 4.0
"""Seconds for which work under way may finish."""
HTTP_GRACE = 2
"""Seconds for which answers under way may finish, beside it."""
CLOSING_SECONDS = 2.0
"""Seconds for plugins to close what they hold."""
LAST_SECONDS = 9.0
"""Seconds after a signal at which the process ends, whatever hangs."""
PING_SECONDS = 60.0
"""Seconds between two pings to the server's dead man's switch."""
PULSE_SECONDS = 1.0
"""Seconds between two looks at a loop that does not turn, or not yet."""
TIDY_SECONDS = 600.0
"""Seconds between two looks at what is not needed any more."""
# Each has a connection to the store. Readers beyond these wait, and the loop that drives jobs does not.
THREADS = 8
"""Threads that answer requests."""
MOST_REQUESTS = 256
"""Requests that are answered at once; more get 503."""


@dataclass(frozen=True)
class Settings:
    """The settings with which a server is started."""

    host: str
    port: int
    store: Path
    public_url: str | None = None
    webhooks_listen: str | None = None
    """`ADDRESS:PORT` at which webhooks are taken, and nothing else is answered."""
    workflows: Path | None = None
    """The folder whose workflows can be started by name; the current one if none is given."""
    ping: str | None = None
    """The address of a dead man's switch, or a reference to it."""


class Server:
    """Drives all unfinished jobs of a store, and answers over HTTP, until `stop`."""

    def __init__(self, settings: Settings, ready: Callable[[Origin], None]) -> None:
        self._settings, self._ready = settings, ready
        self._manager = ServiceManager()
        self._pulse = Pulse(self._manager)
        self._time = Timeline()
        self._stopping = asyncio.Event()
        self.webhooks_at: Origin | None = None
        """The address of `webhooks_listen`, once it is ready."""

    def stop(self) -> None:
        """Stop in good order. Call it in the server's event loop."""
        self._stopping.set()

    async def serve(self) -> None:
        """Serve until `stop`. Raises `InvalidInput` before anything is driven, or `StoreUnwritable`."""
        with ExitStack() as held:
            store, exposure, bound = held.enter_context(checked(self._settings, self._time))
            apart = held.enter_context(self._webhooks_socket())
            meters = Meters(store, Accounts())
            anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
            # Of its own: requests that are answered belong to the process, whatever becomes of the loop.
            owner = held.enter_context(closing(store.register()))
            async with _ending(self._session(store, meters)) as session:
                receivers = await receivers_in(session)
                served = Served(
                    store,
                    exposure,
                    self._pulse,
                    meters,
                    receivers=receivers,
                    offered=Offered(self._settings.workflows or here()),
                    session=session,
                    owner=owner.name,
                    stopping=self._stopping,
                )
                webs = [_Web(create_app(served), bound, lambda: self._tell_ready(owner, exposure, bound))]
                webs += [] if apart is None else [_Web(create_webhooks_app(served), apart, lambda: None)]
                targets = targets_of(webhook_settings(), session.context)
                origin = str(exposure.public or origin_of(bound))
                people, messenger = recipients_in(session), Messenger(meters.notice)
                telling = (
                    Notices(store, people, origin, messenger, clock=self._time),
                    OutageNotices(self._pulse, people, origin, messenger),
                )

                def beside() -> Sequence[Runs]:
                    # Schedules only write jobs; the engine beside them drives these.
                    deliveries = Deliveries(store, targets, meters.delivery, self._time)
                    return Runner(session, clock=self._time), deliveries

                driving = Driving(
                    session, lambda: self._engine(session, meters), beside, self._pulse, self._stopping
                )
                await self._together(driving, session, webs, telling)

    @contextmanager
    def _webhooks_socket(self) -> Generator[socket.socket | None, None, None]:
        if self._settings.webhooks_listen is None:
            yield None
            return
        with closing(listen(*host_and_port(self._settings.webhooks_listen))) as apart:
            self.webhooks_at = origin_of(apart)
            yield apart

    def _session(self, store: Store, meters: Meters) -> Session:
        return Session(store, Catalog(), watchers=[meters], on_answer=meters.answered, clock=self._time)

    def _engine(self, session: Session, meters: Meters) -> Engine:
        owner = session.steps().ledger.owner
        engine = session.engine(None, (), Journal(), _Runs(owner, session.store.runs_with((ACTIVE,))))
        return replace(engine, steps=meters.timed(engine.steps), turned=self._pulse.beat, grace=GRACE)

    async def _together(
        self, driving: Driving, session: Session, webs: Sequence[_Web], telling: Sequence[Runs]
    ) -> None:
        works = (driving.run(), *(web.serve() for web in webs), *(one.run(self._stopping) for one in telling))
        work = [asyncio.create_task(one) for one in works]
        beside = [asyncio.create_task(_tidy(session)), asyncio.create_task(self._stopping.wait())]
        if self._settings.ping is not None:
            pings = Pings(session.context, again=(), private=pings_may_be_private())
            beside.append(asyncio.create_task(ping_for_ever(pings, self._settings.ping, self._pulse)))
        try:
            # The first that ends ends the others: a server that no longer drives, or no longer answers, is none.
            await asyncio.wait({*work, *beside}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._manager.tell("STOPPING=1", "STATUS=Stopping")
            self._stopping.set()
            for web in webs:
                web.should_exit = True
            for task in beside:
                task.cancel()
            ended = await asyncio.gather(*work, *beside, return_exceptions=True)
        for failure in (one for one in ended if isinstance(one, Exception)):
            raise failure

    def _tell_ready(self, owner: LeaseHolder, exposure: Exposure, bound: socket.socket) -> None:
        where = exposure.public or origin_of(bound)
        owner.serves_at(str(where))
        self._manager.tell("READY=1", f"STATUS=Serving {where}")
        self._ready(where)


@contextmanager
def checked(
    settings: Settings, clock: Callable[[], float], *, bind: bool = True
) -> Generator[tuple[Store, Exposure, socket.socket], None, None]:
    """Open everything that a server needs; what cannot be used is said before anything is driven.

    Raises `InvalidInput`, and `StoreUnwritable` where the store is refused for what may pass by itself.
    """
    public = None if settings.public_url is None else public_origin(settings.public_url)
    if settings.ping is not None:
        check_ping_place(settings.ping)
    if settings.webhooks_listen is not None:
        host_and_port(settings.webhooks_listen)
    # Port 0 is any free one: to check, the address is bound and let go of, beside a server that runs.
    bound = listen(settings.host, settings.port if bind else 0)
    try:
        exposure = Exposure(reaches_others(bound), public)
        store = _opened(settings.store, clock)
        try:
            store.check_in_use()
            store.check_whole()
            _check_exposure(exposure, store)
            yield store, exposure, bound
        finally:
            store.close()
    finally:
        bound.close()


def _opened(path: Path, clock: Callable[[], float]) -> Store:
    try:
        return open_store(path, clock=clock)
    except StoreInvalid as error:
        if not error.passing:
            raise
        # With another exit code than what was asked for wrongly: a service that ends so is started again.
        raise StoreUnwritable(error.message, hint=error.hint) from error


async def receivers_in(session: Session) -> Receivers:
    """Return what takes webhooks here, by the settings in this folder. Raises `InvalidInput`."""
    return receivers_of(webhook_settings(), session.catalog, session.context, await session.store.salt())


def recipients_in(session: Session) -> list[Recipient]:
    """Return who is sent notices here, by the settings in this folder. Raises `InvalidInput`."""
    settings = notify_settings()
    return [] if settings is None else recipients_of(settings, session.context)


async def check_messages(store: Store) -> None:
    """Raise `InvalidInput` when the settings of webhooks or notices cannot be used."""
    async with Session(store, Catalog()) as session:
        await receivers_in(session)
        targets_of(webhook_settings(), session.context)
        recipients_in(session)


def _check_exposure(exposure: Exposure, store: Store) -> None:
    if exposure.reading_is_open or store.tokens():
        return
    who = f"at {exposure.public}" if exposure.public else "from other machines"
    raise WorkflowInvalid(
        f"Everyone who reaches this server {who} could read all jobs: there is no token yet.",
        money=NOT_STARTED,
        hint="Make one first: reelwork tokens add NAME --scope read. Or leave out --host and --public-url.",
    )


class _Web(uvicorn.Server):
    """Answers over HTTP on a bound socket, and leaves signals to its caller."""

    def __init__(self, app: Any, bound: socket.socket, ready: Callable[[], None]) -> None:
        config = uvicorn.Config(
            app, ws="none", lifespan="off", log_config=None, log_level="critical", access_log=False,
            server_header=False, proxy_headers=False, timeout_graceful_shutdown=HTTP_GRACE, timeout_keep_alive=15,
            limit_concurrency=MOST_REQUESTS,
        )  # fmt: skip
        super().__init__(config)
        self._bound, self._tell_ready = bound, ready

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer until `should_exit`."""
        await super().serve(sockets or [self._bound])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, and say so."""
        await super().startup(sockets)
        self._tell_ready()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave signals alone: whoever runs the event loop has them."""
        yield


class _Runs:
    """Tells other processes whose jobs are driven here, run by run."""

    def __init__(self, owner: LeaseHolder, runs: list[str]) -> None:
        self._owner, self._known = owner, set(runs)
        owner.works_on(runs)

    def happened(self, happening: Happening) -> None:
        """Note the run of a job that was driven."""
        run = happening.job.run_id
        if run not in self._known:
            self._known.add(run)
            self._owner.works_on([run])

    def seen(self, render: RenderSeen) -> None:
        """Pass over a poll: the run of its job is known."""


class _ending:  # noqa: N801
    """A session that is closed within a few seconds, whatever a plugin does."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def __aenter__(self) -> Session:
        return await self._session.__aenter__()

    async def __aexit__(self, *error: object) -> None:
        closing = asyncio.create_task(self._session.__aexit__(*error))
        # What is not closed by then ends with the process; its locks are let go of by the system.
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSING_SECONDS):
                await closing


async def ping_for_ever(pings: Pings, written: str, pulse: Pulse, every: float = PING_SECONDS) -> None:
    """Ping a dead man's switch for as long as the loop turns that does the work."""
    ping = Ping("serve", written, here())
    try:
        while True:
            # The switch must go off when the jobs stand still, though this process lives.
            if pulse.is_alive and not pings.busy:
                pings.send(ping)
            await asyncio.sleep(every if pulse.is_alive else PULSE_SECONDS)
    finally:
        await pings.close(0)


async def _tidy(session: Session) -> None:
    """Close the pipelines of runs with nothing left to drive, for ever."""
    # A process that runs for months would keep each run's plugins, connections and settings.
    idle: frozenset[str] = frozenset()
    while True:
        await asyncio.sleep(TIDY_SECONDS)
        at_work = await asyncio.to_thread(session.store.runs_with, (ACTIVE,))
        now_idle = session.known_runs - set(at_work)
        # Idle twice in a row: a plugin that observes may still be told of a job that has just ended.
        await session.forget(now_idle & idle)
        idle = now_idle
