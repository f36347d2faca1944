"""`reelwork mcp`: the Model Context Protocol on the standard streams, for AI agents."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import click

from reelwork.cli.option_types import DOLLARS
from reelwork.cli.shared import common_options, shared

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

DEFAULT_SERVER = "http://127.0.0.1:8686"


@click.command()
@click.option(
    "--spend-up-to",
    type=DOLLARS,
    default=Decimal(0),
    metavar="USD",
    help="Let the agent agree on its own to a start that costs at most this.",
)
@click.option(
    "--post-to",
    multiple=True,
    metavar="NAME",
    help="Let the agent agree on its own to public posts at this destination. Repeatable.",
)
@common_options(json=False)
def mcp(spend_up_to: Decimal, post_to: tuple[str, ...]) -> None:
    """Let an AI agent plan, start and watch the workflows of a server, over the Model Context Protocol (stdio).

    The server is that of --server, or the one of this machine at http://127.0.0.1:8686. Its token
    (REELWORK_TOKEN) decides what the agent may do. A start that costs money or posts in public is left to a person,
    unless the workflow or these options agree to it. Needs: pip install "reelwork[mcp]"
    """
    _server(spend_up_to, post_to).run("stdio")


def _server(spend_up_to: Decimal, post_to: tuple[str, ...]) -> MCPServer:
    try:
        from reelwork.cli.agent_tools import Allowed, server_of
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("mcp"):
            raise
        from reelwork_hooks.errors import InvalidInput

        raise InvalidInput(
            "The command mcp needs the package mcp, which is not installed.",
            hint='Install it: pip install "reelwork[mcp]"',
        ) from error
    from reelwork.cli.afar import client_of

    return server_of(client_of(shared().server or DEFAULT_SERVER), Allowed(spend_up_to, post_to))
