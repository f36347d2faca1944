"""The check of an account before its first post."""

from __future__ import annotations

from reelwork_hooks import Context, InvalidInput, OutOfFunds, Problem, Rejected, StoredAccount
from reelwork_plugins.publishers.meta.containers import Containers
from reelwork_plugins.publishers.meta.graph import Graph
from reelwork_plugins.publishers.meta.network import Network


async def problems_of(network: Network, account: StoredAccount, context: Context, base_url: str) -> list[Problem]:
    """Ask the network for the limit of posts, which only an account gets that may post. Raises `Unavailable`."""
    graph = Graph(context, network.name, base_url, account.name)
    containers = Containers(network, graph, account.read()["id"], context.state)
    try:
        await containers.room()
    except (InvalidInput, OutOfFunds, Rejected) as error:
        return [Problem(message=error.message, hint=error.hint)]
    return []
