"""Instagram as it is played: reels, the sign-in at Instagram and the one by a Facebook page."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from reelwork_plugins.simulator.forms import Form
from reelwork_plugins.simulator.handlers import Reply
from reelwork_plugins.simulator.networks.instagram import rules
from reelwork_plugins.simulator.networks.meta.handlers import MetaNetwork
from reelwork_plugins.simulator.networks.meta.sign_in import Grants, Tokens
from reelwork_plugins.simulator.networks.meta.store import Container, Published, account_id, time_text
from reelwork_plugins.simulator.networks.page import Shown
from reelwork_plugins.simulator.simulation import Simulation

NAME = "instagram"
PAGE_POST = "instagram_content_publish"
SCOPES = frozenset({
    "instagram_business_basic", "instagram_business_content_publish", "instagram_basic", PAGE_POST,
    "pages_show_list", "pages_read_engagement", "business_management",
})  # fmt: skip


class Instagram(MetaNetwork):
    """The simulated Instagram."""

    title = "Simulated Instagram"
    read_scopes = ("instagram_business_basic", "instagram_basic")
    post_scopes = ("instagram_business_content_publish", PAGE_POST)
    posts_a_day = rules.POSTS_A_DAY
    unusable, not_fetched, shortest = rules.UNUSABLE, rules.NOT_FETCHED, rules.SHORTEST
    container_fields, post_fields = rules.CONTAINER_FIELDS, rules.POST_FIELDS

    def __init__(self, sim: Simulation) -> None:
        grants = Grants("ig_exchange_token", "ig_refresh_token")
        super().__init__(Tokens(NAME, self.title, SCOPES, grants, wrapped=True))

    def checked(self, given: Mapping[str, Any], scopes: tuple[str, ...]) -> dict[str, Any]:
        """Return the fields of a container. Raises `Refused`."""
        return rules.checked(given, takes_bytes=PAGE_POST in scopes)

    def container_json(self, container: Container, fields: frozenset[str]) -> dict[str, Any]:
        """Return these fields of a container."""
        return rules.container_json(container, fields, time.time())

    def post_json(self, post: Published, fields: frozenset[str], here: str) -> dict[str, Any]:
        """Return these fields of a reel."""
        return rules.post_json(post, fields, here)

    async def me(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET /me."""
        account = self.tokens.who(sim, request, *self.read_scopes).account
        id_ = account_id(account)
        return Reply({"user_id": id_, "id": id_, "username": account, "account_type": "Business"})

    async def pages(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET /me/accounts: the one page of whoever asks, and its Instagram account."""
        token = self.tokens.who(sim, request, "pages_show_list")
        tied = {"id": account_id(token.account), "username": token.account}
        page = {
            "id": f"1{account_id(token.account)[4:]}",
            "name": f"The page of {token.account}",
            "access_token": self.tokens.page_token(token),
            "instagram_business_account": tied,
        }
        return Reply({"data": [page]})

    def shown(self, post: Published) -> Shown:
        """Return a reel as a person sees it."""
        given = post.container.fields
        facts = {
            "made with AI": given.get("is_ai_generated", "false") == "true",
            "in the feed": given.get("share_to_feed", "true") == "true",
            "cover at": f"{given['thumb_offset']} ms" if "thumb_offset" in given else None,
            "collaborators": given.get("collaborators"),
            "came by": "upload" if given.get("upload_type") else "address",
        }
        told = {name: value for name, value in facts.items() if value is not None}
        film = f"/media/{post.id}" if post.container.path.exists() else None
        at = time_text(post.at)
        return Shown(post.id, post.account, at, str(given.get("caption", "")), told, film, f"/reel/{post.id}/")
