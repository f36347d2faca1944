"""The provider: one account at Kling."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import ClassVar
from urllib.parse import quote

from pydantic import JsonValue

from reelwork_hooks import (
    Capabilities,
    Context,
    Effect,
    Expired,
    HttpClient,
    HttpResponse,
    HttpSource,
    InvalidInput,
    Listing,
    NotSent,
    OutcomeUnknown,
    Provider,
    ProviderConfig,
    Quote,
    Rejected,
    RenderRef,
    RenderRequest,
    RenderStatus,
    Source,
    Submitted,
    Unavailable,
)
from reelwork_hooks.provider import OptionsModel
from reelwork_plugins.providers.kling import config as known
from reelwork_plugins.providers.kling import tasks, wire
from reelwork_plugins.providers.kling.config import KlingConfig, KlingOptions
from reelwork_plugins.providers.kling.lists import PAGE_SIZE, Reading, page_of
from reelwork_plugins.providers.kling.tokens import Signed, Signer, code_of, is_about_time

MOST_CORRECTIONS = 3
"""Times a request is signed anew because a clock was corrected."""
SINGLES, AT_ONCE = 50, 8
"""Renders that one poll reads one by one, and reads at once."""


class Kling(Provider):
    """Videos by Kling: of a text, or of a picture for the first frame, the last frame or both."""

    Config: ClassVar[type[ProviderConfig]] = KlingConfig
    Options: ClassVar[OptionsModel | None] = KlingOptions
    known_models: ClassVar[tuple[str, ...]] = tuple(known.DURATIONS)
    notes: ClassVar[tuple[str, ...]] = known.NOTES
    config: KlingConfig

    def __init__(self, config: KlingConfig, context: Context) -> None:
        super().__init__(config, context)
        self._signer = Signer(config, context)

    def capabilities(self, model: str | None) -> Capabilities:
        """Return the capabilities with this model."""
        return known.capabilities_of(self.config, model)

    def price(self, request: RenderRequest) -> Quote | None:
        """Return the price of this request, by height and sound."""
        spec, sound = request.spec, KlingOptions.model_validate(dict(request.options)).sound
        price = known.price_of(request.model or self.config.model, spec.resolution, sound=sound)
        if price is None:
            return None
        return Quote(
            most=price.per_second * Decimal(str(spec.duration)), as_of=price.as_of, source=price.source,
            basis=f"{spec.duration:g} s at {spec.resolution}{', with sound' if sound else ''}",
        )  # fmt: skip

    async def prepare(self, request: RenderRequest) -> JsonValue:
        """Check the request and the keys while nothing has left. Raises `InvalidInput` or `SecretNotFound`."""
        await self._body(request, "reelwork")
        await self._signer.sign()
        return None

    async def submit(self, request: RenderRequest, effect: Effect) -> Submitted:
        """Ask for the video in one POST, under our own id."""
        # Nothing of this attempt has left, so neither error leaves a doubt.
        try:
            body = await self._body(request, effect.key)
        except InvalidInput as error:
            raise Rejected(error.message, code="invalid_request", money=error.money, hint=error.hint) from error
        try:
            signed = await self._signer.sign()
        except InvalidInput as error:
            raise NotSent(error.message, lasting=True, money=error.money, hint=error.hint) from error
        path, headers = wire.path_of(request), {"Authorization": signed.header}
        response = await self._http().post(
            self._url(path), json=body, headers=headers, timeout=self.config.submit_timeout
        )
        task = tasks.task_of(tasks.data_of(response))
        if task is not None and task.ref in (None, "", effect.key):
            return Submitted(remote_id=task.id, details={"path": path})
        raise self._clock(response, signed, effect) if is_about_time(response) else self._refusal(response, effect)

    def _refusal(self, response: HttpResponse, effect: Effect) -> Exception:
        error = tasks.refusal(response)
        if isinstance(error, OutcomeUnknown):
            effect.note(status=response.status_code, body=response.text)
        return error

    def _clock(self, response: HttpResponse, signed: Signed, effect: Effect) -> NotSent:
        said, times = (
            f"{tasks.said(response)}: {self._signer.told(response)}",
            effect.evidence.get("corrections", 0),
        )
        # A refused token proves that nothing was accepted. The count stays with the effect, so that a server whose
        # time jumps about is not asked for ever.
        if isinstance(times, int) and times < MOST_CORRECTIONS and self._signer.learns(response, signed):
            effect.note(corrections=times + 1)
            return NotSent(f"{said}. Kling's time is used for the next token", retry_after=1.0)
        return NotSent(said, lasting=True, hint="Set this machine's clock, then resume the job.")

    async def find(self, request: RenderRequest, effect: Effect) -> Listing[Submitted]:
        """Look for the task of our own id: in both lists, then by the id itself."""
        mine = wire.path_of(request)
        return await Reading(self._read, effect.key).listing((mine, *(one for one in wire.PATHS if one != mine)))

    async def poll(self, renders: Sequence[RenderRef]) -> Sequence[RenderStatus]:
        """Return the status of many renders: from the newest page of a list, and the rest one by one."""
        wanted, told = {one.remote_id: _path_of(one) for one in renders}, dict[str, RenderStatus]()
        for path in {*wanted.values()} if len(wanted) > AT_ONCE else ():
            listed = page_of(await self._read(path, {"pageNum": 1, "pageSize": PAGE_SIZE}))
            told |= {task.id: task.status() for task in listed or ()}
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(remote_id: str) -> RenderStatus | Unavailable:
            async with gate:
                return await self._status(wanted[remote_id], remote_id)

        rest = [id_ for id_ in wanted if id_ not in told]
        # By chance, so that each has its turn: the same ones would keep the others waiting for ever.
        read = await asyncio.gather(*(one(id_) for id_ in random.sample(rest, min(len(rest), SINGLES))))
        statuses = [*told.values(), *(answer for answer in read if isinstance(answer, RenderStatus))]
        for failure in read:
            if not statuses and isinstance(failure, Unavailable):
                raise failure
        return statuses

    async def _status(self, path: str, remote_id: str) -> RenderStatus | Unavailable:
        try:
            return (await self._task(path, remote_id)).status()
        except Expired as error:
            return RenderStatus(remote_id=remote_id, state="lost", error_message=error.message)
        except Unavailable as error:
            return error

    async def _task(self, path: str, remote_id: str) -> tasks.Task:
        """Return a task. Raises `Expired` when Kling does not know it, `Unavailable` when it cannot be read."""
        # The id is the server's word: unescaped, `../` in it would lead elsewhere, with our token.
        response = await self._read(f"{path}/{quote(remote_id, safe='')}", {})
        task = tasks.task_of(tasks.data_of(response))
        if task is not None and task.id == remote_id:
            return task
        said = f"asked for {remote_id}, {tasks.said(response)}"
        # Without a code of Kling's it comes from something in front of it, which knows nothing of tasks.
        if response.status_code in (404, 410) and code_of(response) is not None:
            raise Expired(said)
        clock = f": {self._signer.told(response)}" if is_about_time(response) else ""
        raise Unavailable(said + clock, hint="Check the keys." if response.status_code == 401 and not clock else "")

    async def fetch(self, render: RenderRef) -> Source:
        """Return the link to the video, which needs no key: with the option `watermark`, to the marked copy."""
        links: Mapping[str, JsonValue] = render.details
        if render.fresh or "url" not in links:
            links = (await self._task(_path_of(render), render.remote_id)).links
        marked = KlingOptions.model_validate(dict(render.request.options)).watermark
        link = links.get("watermark_url") if marked else None
        link = link or links.get("url")
        if not isinstance(link, str):
            raise Unavailable(f"Kling gives no link to the video {render.remote_id}")
        return HttpSource(url=link, trusted_origin=self.config.origin)

    async def _body(self, request: RenderRequest, key: str) -> dict[str, JsonValue]:
        return await asyncio.to_thread(wire.body_of, request, self.config, key, self.context.base_dir)

    def _http(self) -> HttpClient:
        return self.context.http(trust=[self.config.origin])

    def _url(self, path: str) -> str:
        return f"{self.config.base_url}/v1/videos/{path}"

    async def _read(self, path: str, query: Mapping[str, str | int]) -> HttpResponse:
        """Read, and once more if the clock spoiled the token. Raises `Unavailable`."""
        signed, response = await self._get(path, query)
        return (await self._get(path, query))[1] if self._signer.learns(response, signed) else response

    async def _get(self, path: str, query: Mapping[str, str | int]) -> tuple[Signed, HttpResponse]:
        try:
            signed = await self._signer.sign()
        except InvalidInput as error:
            raise Unavailable(error.message, hint=error.hint) from error
        # Past any cache: an old copy does not show a new task, which would then be taken for absent.
        headers = {"Authorization": signed.header, "Cache-Control": "no-cache"}
        return signed, await self._http().get(self._url(path), params=query, headers=headers)


def _path_of(render: RenderRef) -> str:
    path = render.details.get("path")
    return path if isinstance(path, str) and path in wire.PATHS else wire.path_of(render.request)
