"""Runs the simulator: in a thread for tests and rehearsals in Python, or in the foreground for the command."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Self

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from reelwork_hooks import InvalidInput
from reelwork_plugins.simulator.app import create_app
from reelwork_plugins.simulator.responses import TRANSPORT
from reelwork_plugins.simulator.settings import SimulatorSettings
from reelwork_plugins.simulator.simulation import Simulation

_START_SECONDS = 30.0
# Some answers never end, such as one with the fault `endless`.
_GRACE_SECONDS = 1
"""Seconds to wait at the end for requests that are being answered."""


class _Protocol(H11Protocol):
    """HTTP/1.1 that hands the connection to the application, for the faults that close it."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.app_state = {**self.app_state, TRANSPORT: transport}


class _Server(uvicorn.Server):
    """Reports when it is ready, and leaves signals to its caller."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        # `serve` sets its own handlers. uvicorn's raise the signal once more at the end, and the command would die
        # of it.
        yield


def listen(host: str, port: int) -> socket.socket:
    """Return a socket bound to the address. Raises `InvalidInput` when it cannot be bound."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        raise InvalidInput(f"{host!r} is no address of this machine: {error.strerror or error}") from error
    try:
        # So that a simulator that is started again gets its port: the old connections hold it for a minute
        # (TIME_WAIT).
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        why = error.strerror or str(error)
        raise InvalidInput(f"cannot listen on {host} port {port}: {why}", hint="Choose another --port.") from error
    return bound


def address_of(bound: socket.socket) -> str:
    """Return the http address of a bound socket."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _server(settings: SimulatorSettings, on_ready: Callable[[], None]) -> tuple[_Server, Simulation]:
    app = create_app(settings)
    config = uvicorn.Config(
        app, http=_Protocol, ws="none", loop="asyncio", lifespan="on", log_config=None, log_level="critical",
        access_log=False, date_header=False, timeout_graceful_shutdown=_GRACE_SECONDS, timeout_keep_alive=60,
        backlog=1024,
    )  # fmt: skip
    return _Server(config, on_ready), app.state.simulation


def serve(settings: SimulatorSettings, on_ready: Callable[[str], None]) -> None:
    """Run in the foreground until Ctrl-C or SIGTERM. `on_ready` gets the address.

    Raises `InvalidInput` when the address or a folder cannot be used.
    """
    with listen(settings.host, settings.port) as bound:
        server, _ = _server(settings, lambda: on_ready(address_of(bound)))

        def leave(number: int, frame: FrameType | None) -> None:
            # The second Ctrl-C waits for nothing.
            server.force_exit = server.should_exit
            server.should_exit = True

        before = {number: signal.signal(number, leave) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            server.run(sockets=[bound])
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class RunningSimulator:
    """A simulator in a thread of this process, on a port of its own. Use it as a context manager."""

    def __init__(self, settings: SimulatorSettings) -> None:
        self.settings = settings
        self._ready = threading.Event()

    def __enter__(self) -> Self:
        """Start, and return once it answers. Raises `InvalidInput` when the settings cannot be used."""
        self._socket = listen(self.settings.host, self.settings.port)
        self.base_url = address_of(self._socket)
        try:
            self._server, self.simulation = _server(self.settings, self._ready.set)
        except InvalidInput:
            self._socket.close()
            raise
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name="simulator", daemon=True
        )
        self._thread.start()
        if not self._ready.wait(_START_SECONDS):
            raise RuntimeError("the simulator did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, and wait until it has."""
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()

    def url_of(self, dialect: str) -> str:
        """Return the base address (without `/v1`) of a dialect, whatever `/v1` itself serves."""
        return f"{self.base_url}/{dialect}"

    def requests(self, path: str | None = None, method: str | None = None) -> list[dict[str, Any]]:
        """Return every request so far, in order; only those below a path or with a method, when given."""
        return self.simulation.log.entries(path, method)

    def jobs(self) -> list[dict[str, Any]]:
        """Return every job, oldest first. A real service would have charged for each."""
        return self.simulation.describe_jobs()

    def posts(self) -> list[dict[str, Any]]:
        """Return everything that was posted at the network, oldest first."""
        return self.simulation.network.posts() if self.simulation.network else []

    def webhooks(self) -> list[dict[str, Any]]:
        """Return every attempt to deliver an event, in order."""
        return list(self.simulation.courier.attempts) if self.simulation.courier else []

    def set_faults(self, specs: list[str]) -> None:
        """Switch these faults on and all others off. Raises `InvalidInput`."""
        self.simulation.switchboard.replace(specs)

    def faults(self) -> list[dict[str, Any]]:
        """Return the faults that are on, with the numbers of requests each saw and struck."""
        return self.simulation.switchboard.describe()

    def restart(self) -> None:
        """Lose the jobs that a restart of the simulated service loses."""
        self.simulation.restart()


@contextmanager
def run_simulator(settings: SimulatorSettings | None = None) -> Iterator[RunningSimulator]:
    """Run a simulator in a thread for the length of a `with` block. Raises `InvalidInput`."""
    with RunningSimulator(settings or SimulatorSettings()) as running:
        yield running
