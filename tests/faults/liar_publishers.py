"""Publishers of every kind, each a plugin as a third party would write it, and all at a server that lies.

`list` reports the whole list, `compares` looks for its own post in it (contract 1), `key` sends a key that the
destination honours for a day and more, `handle` opens an upload first and asks what became of it, `none` cannot
look.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar

from liar_net import TAG
from liar_traits import SETTLE

from reelwork_hooks import (
    Absent,
    Candidate,
    Capabilities,
    Config,
    Effect,
    FileSource,
    Found,
    HttpResponse,
    Idempotency,
    Job,
    Listing,
    NotDone,
    NotSent,
    OutcomeUnknown,
    Plugin,
    Post,
    Price,
    Provider,
    ProviderConfig,
    Receipt,
    Rejected,
    RenderRef,
    RenderRequest,
    RenderStatus,
    Source,
    Submitted,
    Unavailable,
    Unsure,
    hookimpl,
)

MOST_PAGES = 20
REFUSALS = (400, 401, 403, 404, 422)
FULL = 100


class WallConfig(Config):
    """Where the destination is."""

    base_url: str


class Wall(Plugin):
    """Posts a caption, and cannot look."""

    Config = WallConfig
    public = False
    settle_seconds: ClassVar[float] = SETTLE
    config: WallConfig

    @property
    def url(self) -> str:
        return f"{self.config.base_url}/v1/videos"

    @property
    def http(self) -> Any:
        return self.context.http(trust=[self.config.base_url])

    def headers(self, effect: Effect) -> dict[str, str]:
        """What goes along with a post."""
        return {}

    @hookimpl
    async def publish(self, post: Post, effect: Effect) -> Receipt:
        token = TAG.set(effect.key)
        try:
            body = {"prompt": post.caption, "seconds": 4, "size": "1280x720", "model": "m1"}
            response = await self.http.post(self.url, json=body, headers=self.headers(effect))
        finally:
            TAG.reset(token)
        return _receipt(response)


def _receipt(response: HttpResponse) -> Receipt:
    data = json_of(response)
    status = response.status_code
    if 200 <= status < 300 and isinstance(data, dict) and isinstance(data.get("id"), str):
        return Receipt(id=data["id"])
    named = isinstance(data, dict) and ("id" in str(data) or "exist" in str(data) or "duplicate" in str(data))
    if status == 429 and not named:
        raise NotSent("too many requests", retry_after=float(response.headers.get("retry-after") or 2))
    if status in REFUSALS and not named:
        raise Rejected(f"refused: {status}")
    raise OutcomeUnknown(f"answered {status}")


def json_of(response: HttpResponse) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


class Incomplete(Exception):
    """The list cannot be read to its end."""


class Listed(Wall):
    """Reads the list."""

    idempotency = Idempotency.LOOKUP

    async def pages(self) -> AsyncIterator[tuple[list[Any], HttpResponse]]:
        after, seen = "", set[str]()
        for _ in range(MOST_PAGES):
            query = {"limit": FULL, "order": "desc", **({"after": after} if after else {})}
            response = await self.http.get(self.url, params=query, headers={"Cache-Control": "no-cache"})
            if response.status_code == 429 or response.status_code >= 500:
                raise Unavailable(f"the list answered {response.status_code}")
            data = json_of(response)
            items = data.get("data") if isinstance(data, dict) else None
            if not isinstance(items, list) or not all(isinstance(one, dict) and one.get("id") for one in items):
                raise Incomplete("this is no list")
            if any(one["id"] in seen for one in items):
                raise Incomplete("it repeats itself")
            if not items:
                return
            yield items, response
            if isinstance(data, dict) and data.get("has_more") is False and len(items) < FULL:
                return
            seen |= {one["id"] for one in items}
            after = str(items[-1]["id"])
        raise Incomplete("it does not end")


class Lists(Listed):
    """Reports the whole list: the ledger compares."""

    @hookimpl
    async def find_post(self, post: Post, job: Job, effect: Effect) -> Listing[Receipt]:
        found: list[Candidate[Receipt]] = []
        first: HttpResponse | None = None
        why = ""
        try:
            async for items, response in self.pages():
                first = first or response
                found += [_candidate(item) for item in items]
        except Incomplete as error:
            why = str(error)
        headers: Mapping[str, str] = first.headers if first else {}
        age = headers.get("age")
        return Listing(
            candidates=tuple(found),
            complete=not why,
            why=why,
            date=_date(headers.get("date")),
            age=float(age) if age else None,
        )


def _candidate(item: Mapping[str, Any]) -> Candidate[Receipt]:
    ended = str(item.get("status")).lower() in ("completed", "failed")
    fields = {"caption": item["prompt"]} if isinstance(item.get("prompt"), str) else {}
    return Candidate(Receipt(id=str(item["id"])), fields=fields, state="ended" if ended else "queued")


def _date(text: str | None) -> Any:
    try:
        moment = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else None


class Compares(Listed):
    """Looks for its own post by its caption, as plugins of contract 1 do."""

    @hookimpl
    async def find_post(self, post: Post, job: Job, effect: Effect) -> Found[Receipt] | Absent | Unsure:
        mine: list[Receipt] = []
        try:
            async for items, _ in self.pages():
                mine += [Receipt(id=str(item["id"])) for item in items if item.get("prompt") == post.caption]
        except Incomplete as error:
            return Unsure(str(error))
        return Found(tuple(reversed(mine))) if mine else Absent()


class Keyed(Wall):
    """Sends a key that the destination honours."""

    idempotency = Idempotency.KEY
    key_seconds = 86_400.0

    def headers(self, effect: Effect) -> dict[str, str]:
        return {"Idempotency-Key": effect.key}


class Handled(Wall):
    """Opens an upload first; the destination posts it once, and says what became of it."""

    idempotency = Idempotency.LOOKUP

    @hookimpl
    async def prepare_publish(self, post: Post, job: Job) -> str:
        try:
            response = await self.http.post(f"{self.config.base_url}/v1/uploads", json={"name": job.id})
        except (NotSent, OutcomeUnknown) as error:
            raise Unavailable(error.message) from error
        data = json_of(response)
        if not isinstance(data, dict) or "upload" not in data:
            raise Unavailable(f"no upload: {response.status_code}")
        return str(data["upload"])

    def headers(self, effect: Effect) -> dict[str, str]:
        return {"X-Upload": str(effect.prepared)}

    @hookimpl
    async def find_post(self, post: Post, job: Job, effect: Effect) -> Found[Receipt] | NotDone | Unsure:
        response = await self.http.get(f"{self.config.base_url}/v1/uploads/{effect.prepared}")
        data = json_of(response)
        if response.status_code != 200 or not isinstance(data, dict):
            return Unsure(f"the upload is not known: {response.status_code}")
        if data.get("post"):
            return Found.one(Receipt(id=str(data["post"])))
        return NotDone(final=True, why="the upload was never posted")


WALLS: Mapping[str, type[Wall]] = {
    "list": Lists,
    "compares": Compares,
    "key": Keyed,
    "handle": Handled,
    "none": Wall,
}


class Quick(Provider):
    """Makes every video at once, without a network."""

    Config: ClassVar[type[ProviderConfig]] = ProviderConfig

    def capabilities(self, model: str | None) -> Capabilities:
        return Capabilities(idempotency=Idempotency.KEY, price=Price(per_second=0, as_of="2026-11-01"))  # type: ignore[arg-type]

    async def submit(self, request: RenderRequest, effect: Effect) -> Submitted:
        return Submitted(remote_id=effect.key)

    async def poll(self, renders: list[RenderRef]) -> list[RenderStatus]:  # type: ignore[override]
        return [RenderStatus(remote_id=render.remote_id, state="completed") for render in renders]

    async def fetch(self, render: RenderRef) -> Source:
        return FileSource(path=self.context.work_dir / "clip.mp4")
