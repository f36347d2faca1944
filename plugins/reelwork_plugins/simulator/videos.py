"""The protocol `videos`: the addresses of each dialect of the Videos protocol, and the lines that lead there."""

from __future__ import annotations

from starlette.routing import Route

from reelwork_plugins.simulator import handlers
from reelwork_plugins.simulator.chat import complete
from reelwork_plugins.simulator.dialects import DIALECTS, Dialect
from reelwork_plugins.simulator.handlers import Handler
from reelwork_plugins.simulator.moderation import moderate
from reelwork_plugins.simulator.routes import service_route
from reelwork_plugins.simulator.settings import SimulatorSettings
from reelwork_plugins.simulator.simulation import Simulation


def routes(sim: Simulation) -> list[Route]:
    """Return the routes of every dialect, and those of the moderation and the language model."""
    found = _videos(sim, "", DIALECTS[sim.settings.dialect])
    found.append(service_route(sim, DIALECTS["sora"], "/v1/moderations", ["POST"], "moderation", moderate))
    found.append(service_route(sim, DIALECTS["sora"], "/v1/chat/completions", ["POST"], "completion", complete))
    for dialect in DIALECTS.values():
        found += _videos(sim, f"/{dialect.name}", dialect)
    return found


def row(settings: SimulatorSettings) -> Dialect:
    """Return the dialect in which unknown addresses are answered."""
    return DIALECTS[settings.dialect]


def welcome(settings: SimulatorSettings, address: str, *, fresh_secret: bool) -> list[str]:
    """Return what to tell the person who started it."""
    others = ", ".join(f"{address}/{name}" for name in DIALECTS)
    lines = [
        f"The simulator is ready at {address} (dialect {settings.dialect}). It costs nothing; Ctrl-C stops it.",
        f"Each dialect also has its own address: {others}",
        f"It answers {address}/v1/moderations too, for the plugin openai-moderation.",
        f"It answers {address}/v1/chat/completions too, for the plugin llm-rewrite.",
        "Point a workflow at it with these lines:",
        "",
        "[provider]",
        'use = "videos-api"',
        f'base_url = "{address}"',
        f'dialect = "{settings.dialect}"',
        "price_per_second = 0  # leave it out to rehearse prices and budgets too",
    ]
    if settings.dialect == "openrouter":
        lines.append('model = "google/veo-3.1"  # it always needs one')
    if settings.api_key is not None:
        lines.append('api_key = "env:SIMULATOR_KEY"  # set SIMULATOR_KEY to the --api-key')
    lines.append("")
    if settings.webhook is not None:
        signed = settings.webhook_secret if fresh_secret else "the --webhook-secret"
        lines.append(f"Events go to {settings.webhook}, signed with {signed}")
        if not DIALECTS[settings.dialect].webhooks:
            lines.append(
                f"Note: {settings.dialect} has no webhooks; "
                f"only {address}/sora and {address}/openrouter send events."
            )
    return lines


def _videos(sim: Simulation, prefix: str, dialect: Dialect) -> list[Route]:
    base, one = f"{prefix}/v1/videos", f"{prefix}/v1/videos/{{video_id}}"
    table: list[tuple[str, str, str, Handler]] = [(base, "POST", "create", handlers.create)]
    if dialect.catalogue:
        table.append((f"{base}/models", "GET", "models", handlers.list_models))
    if dialect.lists:
        table.append((base, "GET", "list", handlers.list_videos))
    table.append((one, "GET", "poll", handlers.retrieve))
    if dialect.deletes:
        table.append((one, "DELETE", "delete", handlers.delete))
    table.append((f"{one}/content", "GET", "content", handlers.content))
    table.append((f"{prefix}/stored/{{video_id}}", "GET", "content", handlers.stored_content))
    if "remix" in dialect.derives:
        table.append((f"{one}/remix", "POST", "create", handlers.remix))
    if "edits" in dialect.derives:
        table.append((f"{base}/edits", "POST", "create", handlers.edit))
    return [
        service_route(sim, dialect, path, [method], operation, handle) for path, method, operation, handle in table
    ]
