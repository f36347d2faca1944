"""The work of the routes that Meta's networks share: containers, publishing, lists, the limit of posts."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse

from reelwork_plugins.simulator.faults import Fault
from reelwork_plugins.simulator.forms import Form
from reelwork_plugins.simulator.handlers import Reply
from reelwork_plugins.simulator.networks.meta.asking import asked_fields, here, unchanged, whole_number
from reelwork_plugins.simulator.networks.meta.fetching import fetch, take
from reelwork_plugins.simulator.networks.meta.sign_in import Tokens
from reelwork_plugins.simulator.networks.meta.store import (
    DAY,
    Accounts,
    Container,
    Published,
    account_id,
    missing,
    time_text,
)
from reelwork_plugins.simulator.networks.page import CONTENT_POLICY, Shown, posts_page
from reelwork_plugins.simulator.refusals import Refused
from reelwork_plugins.simulator.simulation import Simulation

LONGEST_PAGE = 100


class MetaNetwork(ABC):
    """One of Meta's networks. What its containers and posts hold is its own."""

    title: str
    read_scopes: tuple[str, ...]
    post_scopes: tuple[str, ...]
    posts_a_day: int
    unusable: str
    not_fetched: str
    shortest: float
    container_fields: frozenset[str]
    post_fields: frozenset[str]

    def __init__(self, tokens: Tokens) -> None:
        self.accounts, self.tokens = Accounts(), tokens

    @abstractmethod
    def checked(self, given: Mapping[str, Any], scopes: tuple[str, ...]) -> dict[str, Any]:
        """Return the fields of a container. Raises `Refused`."""

    @abstractmethod
    def container_json(self, container: Container, fields: frozenset[str]) -> dict[str, Any]:
        """Return these fields of a container."""

    @abstractmethod
    def post_json(self, post: Published, fields: frozenset[str], here: str) -> dict[str, Any]:
        """Return these fields of a post."""

    @abstractmethod
    def shown(self, post: Published) -> Shown:
        """Return a post as a person sees it."""

    def posts(self) -> list[dict[str, Any]]:
        """Return every post, oldest first."""
        return [self.shown(one).as_json() for one in self.accounts.posts.values()]

    def _account(self, sim: Simulation, request: Request, scopes: tuple[str, ...]) -> str:
        """Return the account that asks, whose own objects the address names. Raises `Refused`."""
        token = self.tokens.who(sim, request, *scopes)
        if request.path_params["user"] not in (account_id(token.account), "me"):
            raise missing(request.path_params["user"])
        return token.account

    async def create(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """POST /{user}/media: a container."""
        account = self._account(sim, request, self.post_scopes)
        given = {**request.query_params, **form.fields}
        fields = self.checked(given, self.tokens.who(sim, request).scopes)
        made = self.accounts.create(account, fields, sim.folder, limited=sim.settings.rate_limits)
        if fields.get("upload_type") == "resumable":
            place = f"{here(request)}/ig-api-upload/v26.0/{made.id}"
            return Reply({"id": made.id, "uri": place}, job_id=made.id, alter=_without_id)
        if not fields.get("video_url"):
            self.accounts.change(made.id, ready_at=time.time())
        elif await fetch(self.accounts, made, fields["video_url"]):
            await take(sim, self.accounts, made, self.unusable, self.shortest)
        else:
            self.accounts.change(made.id, failure=self.not_fetched, ready_at=time.time())
        return Reply({"id": made.id}, job_id=made.id, alter=_without_id)

    async def upload(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """POST the bytes of a container's video, all of them or the rest."""
        account = self.tokens.who(sim, request, *self.post_scopes).account
        container = self.accounts.owned(request.path_params["id"], account)
        offset, size = (whole_number(request.headers.get(name)) for name in ("offset", "file_size"))
        there = container.path.stat().st_size if container.path.exists() else 0
        if offset is None or size is None or offset > there or offset + len(form.content) > size:
            raise Refused(400, "The offset or the file_size does not fit.", code="100")
        with container.path.open("ab" if offset else "wb") as file:
            file.truncate(offset)
            file.write(form.content)
        if container.path.stat().st_size == size:
            await take(sim, self.accounts, container, self.unusable, self.shortest)
        told = {"success": True, "message": "Upload successful."}
        return Reply(told, job_id=container.id, alter=lambda fault, payload: payload)

    async def publish(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """POST /{user}/media_publish."""
        account = self._account(sim, request, self.post_scopes)
        id_ = str({**request.query_params, **form.fields}.get("creation_id", ""))
        most = self.posts_a_day if sim.settings.rate_limits else None
        made = self.accounts.publish(id_, account, most=most)
        return Reply({"id": made.id}, job_id=made.id, alter=_without_id)

    async def node(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET /{id}: a container or a post."""
        account, id_ = self.tokens.who(sim, request, *self.read_scopes).account, request.path_params["id"]
        post = self.accounts.posts.get(id_)
        # Posts and containers share one space of ids, as they do at Meta.
        if post is not None:
            asked = asked_fields(request, self.post_fields)
            return Reply(self.post_json(post, asked, here(request)), alter=unchanged)
        container = self.accounts.owned(id_, account)
        asked = asked_fields(request, self.container_fields)
        fault = sim.switchboard.pick("container")
        if fault is not None and fault.kind == "forgotten":
            raise missing(id_)
        if fault is not None and fault.kind == "stale":
            return Reply(self.container_json(replace(container, post=""), asked), alter=unchanged)
        # What is published stays so, however old it is.
        if fault is not None and not container.post:
            container = self.accounts.change(id_, at=time.time() - DAY - 1)
        return Reply(self.container_json(container, asked), alter=unchanged)

    async def list_posts(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET /{user}/media: the posts, newest first."""
        account, query = self._account(sim, request, self.read_scopes), request.query_params
        asked, size = asked_fields(request, self.post_fields), whole_number(query.get("limit")) or 25
        found, after = self.accounts.of(account), query.get("after", "")
        start = next((place + 1 for place, one in enumerate(found) if one.id == after), 0)
        page = found[start : start + min(size, LONGEST_PAGE)]
        shown = [self.post_json(one, asked | {"timestamp"}, here(request)) for one in page]
        paging: dict[str, Any] = {"cursors": {"before": page[0].id, "after": page[-1].id}} if page else {}
        if start + len(page) < len(found):
            paging["next"] = f"{here(request)}{request.url.path}?after={page[-1].id}"
        return Reply({"data": shown, **({"paging": paging} if paging else {})}, alter=_fewer)

    async def limit(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET the posts of the last day, and how many there may be."""
        account = self._account(sim, request, self.read_scopes)
        config = {"quota_total": self.posts_a_day, "quota_duration": int(DAY)}
        used = self.accounts.used(account) if sim.settings.rate_limits else 0
        return Reply({"data": [{"quota_usage": used, "config": config}]}, alter=unchanged)

    async def delete(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """DELETE /{id}: a post."""
        account = self.tokens.who(sim, request, *self.post_scopes).account
        self.accounts.delete(request.path_params["id"], account)
        return Reply({"success": True}, alter=unchanged)

    async def file(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET the bytes of a post's video."""
        post = self.accounts.posts.get(request.path_params["id"])
        if post is None or not post.container.path.exists():
            raise Refused(404, "Not Found", code="100.33")
        return Reply(file=FileResponse(post.container.path, media_type="video/mp4"))

    async def page(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET the page of all posts, or of one."""
        wanted = request.path_params.get("id")
        found = [one for one in reversed(self.accounts.posts.values()) if wanted in (None, one.id)]
        if wanted is not None and not found:
            raise Refused(404, "Not Found", code="100.33")
        page = posts_page(self.title, map(self.shown, found))
        return Reply(raw=HTMLResponse(page, headers=CONTENT_POLICY))


def _without_id(fault: Fault, payload: Any) -> Any:
    return {name: value for name, value in payload.items() if name != "id"} if fault.kind == "no-id" else payload


def _fewer(fault: Fault, payload: Any) -> Any:
    if fault.kind == "empty":
        return {"data": []}
    if fault.kind == "late":
        since = time_text(time.time() - fault.seconds)
        return {**payload, "data": [one for one in payload["data"] if one["timestamp"] <= since]}
    return payload
