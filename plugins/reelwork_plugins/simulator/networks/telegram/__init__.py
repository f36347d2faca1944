"""The network `telegram`: the Bot API on this machine, with one bot, three chats, and a page of what was posted."""

from __future__ import annotations

from starlette.routing import Route

from reelwork_plugins.simulator.dialects import Dialect
from reelwork_plugins.simulator.networks.telegram.chats import LARGEST_VIDEO
from reelwork_plugins.simulator.networks.telegram.handlers import NAME, TOKEN, Telegram, operation
from reelwork_plugins.simulator.routes import service_routes
from reelwork_plugins.simulator.settings import SimulatorSettings
from reelwork_plugins.simulator.simulation import Simulation

_ROW = Dialect(
    NAME,
    bodies=frozenset({"multipart", "json", "form"}),
    errors="telegram",
    keys=False,
    # With room for the fields beside the file: what is too large is refused in Telegram's words.
    largest_body=LARGEST_VIDEO + (8 << 20),
)


def routes(sim: Simulation) -> list[Route]:
    """Return the routes of the API and the pages."""
    network = sim.network = Telegram(sim)
    api = "/bot{token}/{method}"
    return service_routes(
        sim,
        _ROW,
        (api, "GET", operation, network.handler),
        (api, "POST", operation, network.handler),
        ("/file/{id}/{name}", "GET", "content", network.file),
        ("/c/{chat}/{id}", "GET", "page", network.page),
        ("/{chat}/{id}", "GET", "page", network.page),
        ("/", "GET", "page", network.page),
    )


def row(settings: SimulatorSettings) -> Dialect:
    """Return the facts by which unknown addresses are answered."""
    return _ROW


def welcome(settings: SimulatorSettings, address: str, *, fresh_secret: bool) -> list[str]:
    """Return what to tell the person who started it."""
    token = "the --api-key" if settings.api_key else TOKEN
    return [
        f"The simulator is ready at {address}, and plays Telegram. Nobody sees what is posted; Ctrl-C stops it.",
        f"The bot's token is {token}",
        "It may post in @rehearsal, a public channel, -1009000000002, a private one, and -1009000000003, a group.",
        "Point a workflow at it with these lines:",
        "",
        "[plugins]",
        'publish = ["telegram"]',
        "",
        "[plugin.telegram]",
        'token = "env:TELEGRAM_TOKEN"',
        'chat = "@rehearsal"',
        f'base_url = "{address}"',
        f'link_base = "{address}"',
        "",
        f"What was posted: {address}/",
    ]
