"""The network `discord`: two webhooks on this machine, with Discord's limits, and a page of what was posted."""

from __future__ import annotations

from starlette.routing import Route

from reelwork_plugins.simulator.dialects import Dialect
from reelwork_plugins.simulator.handlers import Handler
from reelwork_plugins.simulator.networks.discord.channel import HOOKS, LARGEST_FILE
from reelwork_plugins.simulator.networks.discord.handlers import NAME, Discord
from reelwork_plugins.simulator.networks.tokens import OPEN_TOKEN
from reelwork_plugins.simulator.routes import service_route
from reelwork_plugins.simulator.settings import SimulatorSettings
from reelwork_plugins.simulator.simulation import Simulation

_ROW = Dialect(
    NAME,
    bodies=frozenset({"multipart", "json"}),
    errors="discord",
    keys=False,
    # With room for the fields beside the file: what is too large is refused in Discord's words.
    largest_body=LARGEST_FILE + (8 << 20),
)


def routes(sim: Simulation) -> list[Route]:
    """Return the routes of the webhooks and the pages."""
    network = sim.network = Discord(sim)
    api = network.handler
    table: tuple[tuple[str, str, str, Handler], ...] = (
        ("/webhooks/{id}/{token}", "GET", "account", api(network.about)),
        ("/webhooks/{id}/{token}", "POST", "publish", api(network.post)),
        ("/webhooks/{id}/{token}/messages/{message}", "GET", "poll", api(network.show_message)),
        ("/webhooks/{id}/{token}/messages/{message}", "DELETE", "delete", api(network.delete_message)),
    )
    pages: tuple[tuple[str, str, Handler], ...] = (
        ("/attachments/{id}/{number:int}/{name}", "content", network.file),
        ("/channels/{guild}/{channel}/{id}", "page", network.page),
        ("/", "page", network.page),
    )
    return [
        # As copied from the channel's settings, and with the version that programs ask for.
        *(
            service_route(sim, _ROW, f"{start}{path}", [method], name, handle)
            for path, method, name, handle in table
            for start in ("/api", "/api/v10")
        ),
        *(service_route(sim, _ROW, path, ["GET"], name, handle) for path, name, handle in pages),
    ]


def row(settings: SimulatorSettings) -> Dialect:
    """Return the facts by which unknown addresses are answered."""
    return _ROW


def welcome(settings: SimulatorSettings, address: str, *, fresh_secret: bool) -> list[str]:
    """Return what to tell the person who started it."""
    channel, forum = (f"{address}/api/webhooks/{hook.id}/{settings.api_key or OPEN_TOKEN}" for hook in HOOKS)
    return [
        f"The simulator is ready at {address}, and plays Discord. Nobody sees what is posted; Ctrl-C stops it.",
        f"A webhook of a channel: {channel}",
        f"One of a forum: {forum}",
        "Put one of them into a file, and sign in: reelwork accounts add discord --name rehearsal "
        "--field webhook=file:webhook.txt",
        "Point a workflow at it with these lines:",
        "",
        "[plugins]",
        'publish = ["discord"]',
        "",
        "[plugin.discord]",
        'account = "rehearsal"',
        "",
        f"What was posted: {address}/",
    ]
