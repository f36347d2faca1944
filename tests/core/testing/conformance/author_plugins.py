"""Plugins as authors write them: two that keep the promise, and some with the usual mistakes."""

from __future__ import annotations

import json
from typing import Any
from urllib.request import Request, urlopen

from pydantic import JsonValue

from reelwork_hooks import (
    Absent,
    Capabilities,
    Config,
    Context,
    Credentials,
    Effect,
    Found,
    HttpSource,
    Idempotency,
    Job,
    NotSent,
    OutcomeUnknown,
    Pending,
    Plugin,
    Post,
    Provider,
    ProviderConfig,
    Receipt,
    Rejected,
    RenderRef,
    RenderRequest,
    RenderStatus,
    Submitted,
    Unavailable,
    hookimpl,
)


class WallConfig(Config):
    base_url: str


class Wall(Plugin):
    """Posts to a service that has a list and no keys; looks through all of it."""

    Config = WallConfig
    config: WallConfig
    idempotency = Idempotency.LOOKUP

    @hookimpl
    async def publish(self, post: Post, effect: Effect) -> Receipt:
        return receipt(await self.send(post, effect))

    @hookimpl
    async def find_post(self, post: Post, effect: Effect) -> Found[Receipt] | Absent:
        things = [thing for thing in await self.everything() if self.mine(thing, post, effect)]
        return Found(tuple(Receipt(id=thing["id"]) for thing in reversed(things))) if things else Absent()

    def mine(self, thing: dict[str, Any], post: Post, effect: Effect) -> bool:
        return bool(thing.get("key") == effect.key)

    async def send(self, post: Post, effect: Effect) -> Any:
        body = {"text": post.caption, "key": effect.key}
        return await self.http.post(f"{self.config.base_url}/things", json=body)

    async def everything(self) -> list[dict[str, Any]]:
        things: list[dict[str, Any]] = []
        while True:
            page = await self.page(len(things))
            things += page["things"]
            if not page["more"]:
                return things

    async def page(self, start: int) -> dict[str, Any]:
        answer = await self.http.get(f"{self.config.base_url}/things", params={"from": start})
        if answer.status_code != 200:
            raise Unavailable(f"the list was answered {answer.status_code}")
        return dict(answer.json())

    @property
    def http(self) -> Any:
        return self.context.http(trust=[self.config.base_url])


def receipt(answer: Any) -> Receipt:
    if answer.status_code == 429:
        raise NotSent("the service asks to wait", retry_after=60)
    if 400 <= answer.status_code < 500:
        raise Rejected(f"refused with {answer.status_code}")
    if answer.status_code >= 500:
        raise OutcomeUnknown(f"answered {answer.status_code}")
    return Receipt(id=answer.json()["id"])


class Fetched(Wall):
    """Names an address from which the service fetches the video."""

    needs_public_address = True

    async def send(self, post: Post, effect: Effect) -> Any:
        video = await self.context.public_url(post.clip.video, 600)
        body = {"text": post.caption, "key": effect.key, "video": video}
        return await self.http.post(f"{self.config.base_url}/things", json=body)


class Signed(Wall):
    """Signs in with an account whose token ends, and posts nothing with one that has ended."""

    @property
    def account_name(self) -> str:
        return "mine"

    @staticmethod
    async def refreshed(kept: Credentials, context: Context) -> Credentials:
        answer = await context.http(trust=[kept.shown["service"]]).get(f"{kept.shown['service']}/fresh")
        return Credentials(kept.shown, {"access_token": f"token-{answer.json()['id']}"})

    @hookimpl
    async def publish(self, post: Post, effect: Effect) -> Receipt:
        if self.context.account("mine").read()["access_token"] != "token-fresh":
            raise Rejected("the token has ended")
        return receipt(await self.send(post, effect))


class Slow(Wall):
    """Waits once for an hour before the post, and once after it."""

    @hookimpl
    async def prepare_publish(self, job: Job) -> JsonValue | Pending:
        return {} if job.pending else Pending(after=3600, state={"begun": True})

    @hookimpl
    async def follow_post(self, job: Job, receipt: Receipt) -> Receipt | Pending:
        return receipt.replace(state="live") if job.pending else Pending(after=3600, state={"begun": True})


class RetriesItself(Wall):
    """Sends once more when there was no answer."""

    @hookimpl
    async def publish(self, post: Post, effect: Effect) -> Receipt:
        try:
            return receipt(await self.send(post, effect))
        except OutcomeUnknown:
            return receipt(await self.send(post, effect))


class CallsEverythingNotSent(Wall):
    """Means well: it shall be tried again."""

    @hookimpl
    async def publish(self, post: Post, effect: Effect) -> Receipt:
        try:
            return receipt(await self.send(post, effect))
        except Exception as error:
            raise NotSent(f"it did not work: {error}") from error


class FindsNothing(Wall):
    """Hands on whatever fits, and says that it was found."""

    @hookimpl
    async def find_post(self, post: Post, effect: Effect) -> Found[Receipt]:
        things = [thing for thing in await self.everything() if self.mine(thing, post, effect)]
        return Found(tuple(Receipt(id=thing["id"]) for thing in things))


class ReadsOnePage(Wall):
    """Looks at the first page only."""

    async def everything(self) -> list[dict[str, Any]]:
        return list((await self.page(0))["things"])


class TakesNoListForEmpty(Wall):
    """Whatever is answered: what is not listed is not there."""

    async def everything(self) -> list[dict[str, Any]]:
        answer = await self.http.get(f"{self.config.base_url}/things")
        try:
            return list(answer.json().get("things", []))
        except ValueError:
            return []


class TakesAnothers(Wall):
    """The newest post must be mine."""

    def mine(self, thing: dict[str, Any], post: Post, effect: Effect) -> bool:
        return True


class MakesIdsUp(Wall):
    """Is sure that it will have worked."""

    @hookimpl
    async def publish(self, post: Post, effect: Effect) -> Receipt:
        try:
            return receipt(await self.send(post, effect))
        except OutcomeUnknown:
            return Receipt(id="unknown")


class RefusesOnTrouble(Wall):
    """Takes every bad answer for a refusal."""

    @hookimpl
    async def publish(self, post: Post, effect: Effect) -> Receipt:
        answer = await self.send(post, effect)
        if answer.status_code >= 400:
            raise Rejected(f"answered {answer.status_code}")
        return receipt(answer)


class Keyed(Wall):
    """Posts with a key, which the service honours."""

    idempotency = Idempotency.KEY

    async def send(self, post: Post, effect: Effect) -> Any:
        url, headers = f"{self.config.base_url}/things", {"Idempotency-Key": effect.key}
        return await self.http.post(url, json={"text": post.caption}, headers=headers)


class KeyNotSent(Keyed):
    """Declares a key and forgets to send it."""

    async def send(self, post: Post, effect: Effect) -> Any:
        return await self.http.post(f"{self.config.base_url}/things", json={"text": post.caption})


class AnotherKeyEachTime(Keyed):
    """Sends a key, but not the effect's own."""

    async def send(self, post: Post, effect: Effect) -> Any:
        url, headers = f"{self.config.base_url}/things", {"Idempotency-Key": f"{effect.key}-{effect.attempt}"}
        return await self.http.post(url, json={"text": post.caption}, headers=headers)


class ClientOfItsOwn(Wall):
    """Does not use the engine's client, and blocks: a `def` runs in a thread."""

    @hookimpl
    def publish(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, post: Post, effect: Effect
    ) -> Receipt:
        body = json.dumps({"text": post.caption, "key": effect.key}).encode()
        with urlopen(Request(f"{self.config.base_url}/things", data=body), timeout=1) as answer:
            return Receipt(id=json.load(answer)["id"])


class Careless(Plugin):
    """Says nothing of keys or lists, and lets every exception through: a person looks."""

    Config = WallConfig
    config: WallConfig

    @hookimpl
    async def publish(self, post: Post, effect: Effect) -> Receipt:
        http = self.context.http(trust=[self.config.base_url])
        answer = await http.post(f"{self.config.base_url}/things", json={"text": post.caption})
        return Receipt(id=answer.json()["id"])


class StudioConfig(ProviderConfig):
    base_url: str


class Studio(Provider):
    """Asks for videos with a key."""

    Config = StudioConfig
    config: StudioConfig
    idempotency = Idempotency.KEY

    def capabilities(self, model: str | None) -> Capabilities:
        return Capabilities(idempotency=self.idempotency)

    async def submit(self, request: RenderRequest, effect: Effect) -> Submitted:
        answer = await self.send(request, effect)
        return Submitted(remote_id=receipt(answer).id, poll_after=0)

    async def send(self, request: RenderRequest, effect: Effect) -> Any:
        headers = {"Idempotency-Key": effect.key}
        return await self.http.post(
            f"{self.config.base_url}/things", json={"text": request.prompt}, headers=headers
        )

    async def poll(self, renders: Any) -> list[RenderStatus]:
        return [await self.look(render.remote_id) for render in renders]

    async def look(self, remote_id: str) -> RenderStatus:
        answer = await self.http.get(f"{self.config.base_url}/things/{remote_id}")
        if answer.status_code == 404:
            return RenderStatus(remote_id=remote_id, state="lost")
        if answer.status_code != 200 or answer.json()["status"] != "done":
            raise Unavailable("its state was not told")
        return RenderStatus(remote_id=remote_id, state="completed")

    async def fetch(self, render: RenderRef) -> HttpSource:
        base = self.config.base_url
        return HttpSource(url=f"{base}/things/{render.remote_id}/video", trusted_origin=base)

    @property
    def http(self) -> Any:
        return self.context.http(trust=[self.config.base_url])


class StudioWithoutKey(Studio):
    """Declares a key and does not send it."""

    async def send(self, request: RenderRequest, effect: Effect) -> Any:
        return await self.http.post(f"{self.config.base_url}/things", json={"text": request.prompt})


class StudioThatGuesses(Studio):
    """Goes on with an id of its own when no answer comes."""

    idempotency = Idempotency.NONE

    async def submit(self, request: RenderRequest, effect: Effect) -> Submitted:
        try:
            return await super().submit(request, effect)
        except OutcomeUnknown:
            return Submitted(remote_id=f"guess-{effect.key}", poll_after=0)


class PostsInPrepare(Wall):
    """Posts before the ledger has written anything down."""

    @hookimpl
    async def prepare_publish(self, post: Post) -> str:
        answer = await self.http.post(f"{self.config.base_url}/things", json={"text": post.caption, "key": "k"})
        return receipt(answer).id

    @hookimpl
    async def publish(self, post: Post, effect: Effect) -> Receipt:
        return Receipt(id=str(effect.prepared))


class NeverWorks(Careless):
    """Has a bug that shows at once."""

    @hookimpl
    async def publish(self, post: Post, effect: Effect) -> Receipt:
        raise KeyError("base_ulr")
