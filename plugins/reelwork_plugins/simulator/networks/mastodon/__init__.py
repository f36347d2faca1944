"""The network `mastodon`: an instance on this machine, with its sign-in, its limits, and a page of posts."""

from __future__ import annotations

from starlette.routing import Route

from reelwork_plugins.simulator.dialects import Dialect
from reelwork_plugins.simulator.handlers import Handler
from reelwork_plugins.simulator.networks.mastodon.handlers import NAME, Mastodon
from reelwork_plugins.simulator.networks.mastodon.instance import LARGEST_VIDEO
from reelwork_plugins.simulator.networks.tokens import OPEN_TOKEN
from reelwork_plugins.simulator.routes import service_route
from reelwork_plugins.simulator.settings import SimulatorSettings
from reelwork_plugins.simulator.simulation import Simulation

_ROW = Dialect(
    NAME,
    bodies=frozenset({"multipart", "json", "form"}),
    errors="mastodon",
    keys=False,
    # With room for the fields beside the file: what is too large is refused in Mastodon's words.
    largest_body=LARGEST_VIDEO + (8 << 20),
)


def routes(sim: Simulation) -> list[Route]:
    """Return the routes of the API, the sign-in and the pages."""
    network = sim.network = Mastodon(sim)
    api, plain = network.handler, network.sign_in
    table: tuple[tuple[str, str, str, Handler], ...] = (
        ("/api/v1/apps", "POST", "register", api(network.register)),
        ("/oauth/authorize", "GET", "authorize", plain.show),
        ("/oauth/authorize", "POST", "authorize", plain.decide),
        ("/oauth/token", "POST", "token", plain.exchange),
        ("/api/v1/instance", "GET", "instance", api(network.about)),
        ("/api/v2/instance", "GET", "instance", api(network.about)),
        ("/api/v1/accounts/verify_credentials", "GET", "account", api(network.verify)),
        ("/api/v1/accounts/{id}/statuses", "GET", "list", api(network.list_statuses)),
        ("/api/v1/scheduled_statuses", "GET", "list", api(network.list_scheduled)),
        ("/api/v2/media", "POST", "upload", api(network.upload)),
        ("/api/v1/media/{id}", "GET", "processing", api(network.look)),
        ("/api/v1/statuses", "POST", "publish", api(network.publish)),
        ("/api/v1/statuses/{id}", "GET", "poll", api(network.show_status)),
        ("/api/v1/statuses/{id}", "DELETE", "delete", api(network.delete_status)),
        ("/media/{id}/{name}", "GET", "content", api(network.file)),
        ("/@{account}/{id}", "GET", "page", api(network.page)),
        ("/@{account}", "GET", "page", api(network.page)),
        ("/", "GET", "page", api(network.page)),
    )
    return [
        service_route(sim, _ROW, f"{path}{end}", [method], name, handle)
        for path, method, name, handle in table
        # Its clients may end an address with a slash.
        for end in (("", "/") if path.startswith("/api/") else ("",))
    ]


def row(settings: SimulatorSettings) -> Dialect:
    """Return the facts by which unknown addresses are answered."""
    return _ROW


def welcome(settings: SimulatorSettings, address: str, *, fresh_secret: bool) -> list[str]:
    """Return what to tell the person who started it."""
    token = "the --api-key" if settings.api_key else OPEN_TOKEN
    return [
        f"The simulator is ready at {address}, and plays Mastodon. Nobody sees what is posted; Ctrl-C stops it.",
        f"Sign in: reelwork accounts add mastodon --name rehearsal --field instance={address}",
        "Point a workflow at it with these lines:",
        "",
        "[plugins]",
        'publish = ["mastodon"]',
        "",
        "[plugin.mastodon]",
        'account = "rehearsal"',
        "",
        f"Without an account, give instance and access_token instead: the token is {token}.",
        f"What was posted: {address}/",
    ]
