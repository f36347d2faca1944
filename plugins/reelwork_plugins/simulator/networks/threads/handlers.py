"""Threads as it is played."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from reelwork_plugins.simulator.forms import Form
from reelwork_plugins.simulator.handlers import Reply
from reelwork_plugins.simulator.networks.meta.handlers import MetaNetwork
from reelwork_plugins.simulator.networks.meta.sign_in import Grants, Tokens
from reelwork_plugins.simulator.networks.meta.store import Container, Published, account_id, time_text
from reelwork_plugins.simulator.networks.page import Shown
from reelwork_plugins.simulator.networks.threads import rules
from reelwork_plugins.simulator.simulation import Simulation

NAME = "threads"
SCOPES = frozenset({"threads_basic", "threads_content_publish", "threads_delete"})


class Threads(MetaNetwork):
    """The simulated Threads."""

    title = "Simulated Threads"
    read_scopes = ("threads_basic",)
    post_scopes = ("threads_content_publish",)
    posts_a_day = rules.POSTS_A_DAY
    unusable, not_fetched, shortest = rules.UNUSABLE, rules.NOT_FETCHED, 0.0
    container_fields, post_fields = rules.CONTAINER_FIELDS, rules.POST_FIELDS

    def __init__(self, sim: Simulation) -> None:
        grants = Grants("th_exchange_token", "th_refresh_token")
        super().__init__(Tokens(NAME, self.title, SCOPES, grants, wrapped=False))

    def checked(self, given: Mapping[str, Any], scopes: tuple[str, ...]) -> dict[str, Any]:
        """Return the fields of a container. Raises `Refused`."""
        return rules.checked(given)

    def container_json(self, container: Container, fields: frozenset[str]) -> dict[str, Any]:
        """Return these fields of a container."""
        return rules.container_json(container, fields, time.time())

    def post_json(self, post: Published, fields: frozenset[str], here: str) -> dict[str, Any]:
        """Return these fields of a post."""
        return rules.post_json(post, fields, here)

    async def me(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET /me."""
        account = self.tokens.who(sim, request, *self.read_scopes).account
        return Reply({"id": account_id(account), "username": account})

    def shown(self, post: Published) -> Shown:
        """Return a post as a person sees it."""
        given = post.container.fields
        facts = {
            "alt text": given.get("alt_text"),
            "topic": given.get("topic_tag"),
            "replies": given.get("reply_control"),
        }
        told = {name: value for name, value in facts.items() if value is not None}
        film = f"/media/{post.id}" if post.container.path.exists() else None
        there = f"/@{post.account}/post/{post.id}"
        return Shown(post.id, post.account, time_text(post.at), str(given.get("text", "")), told, film, there)
