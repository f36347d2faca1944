"""The provider: one account at Kling."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import ClassVar
from urllib.parse import quote

from pydantic import JsonValue

from reelwork_hooks import (
    Answer,
    Capabilities,
    Context,
    Effect,
    Expired,
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
    errors_as,
    poll_each,
)
from reelwork_hooks.provider import OptionsModel
from reelwork_plugins.providers.kling import config as known
from reelwork_plugins.providers.kling import tasks, wire
from reelwork_plugins.providers.kling.config import KlingConfig, KlingOptions
from reelwork_plugins.providers.kling.lists import page_of, read_tasks
from reelwork_plugins.providers.kling.tokens import Signed, Signer, is_about_time

MOST_CORRECTIONS = 3
"""Times a request is signed anew because a clock was corrected."""
SINGLES, AT_ONCE = 50, 8
"""Renders that one poll reads one by one, and reads at once."""


class Kling(Provider):
    """Videos by Kling: of a text, or of a picture for the first frame, the last frame or both."""

    Config: ClassVar[type[ProviderConfig]] = KlingConfig
    Options: ClassVar[OptionsModel | None] = KlingOptions
    known_models: ClassVar[tuple[str, ...]] = tuple(known.MODELS)
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
        prices = known.model_data(self.config, request.model).prices
        sound = KlingOptions.model_validate(dict(request.options)).sound
        return prices.quote(request.spec, silent=not sound) if prices else None

    async def prepare(self, request: RenderRequest) -> JsonValue:
        """Check the request and the keys while nothing has left. Raises `InvalidInput` or `SecretNotFound`."""
        await self._body(request, "reelwork")
        await self._signer.sign()
        return None

    async def submit(self, request: RenderRequest, effect: Effect) -> Submitted:
        """Ask for the video in one POST, under our own id."""
        # Nothing of this attempt has left, so neither error leaves a doubt.
        with errors_as(Rejected, InvalidInput, code="invalid_request", money=InvalidInput.money):
            body = await self._body(request, effect.key)
        with errors_as(NotSent, InvalidInput, lasting=True, money=InvalidInput.money):
            signed = await self._signer.sign()
        path, headers = wire.path_of(request), {"Authorization": signed.header}
        http, url = self.context.http(trust=[self.config.origin]), self._url(path)
        answer = Answer.of(await http.post(url, json=body, headers=headers, timeout=self.config.submit_timeout))
        task = tasks.task_of(tasks.data_of(answer))
        if task is not None and task.ref in (None, "", effect.key):
            return Submitted(remote_id=task.id, details={"path": path})
        error = self._clock(answer, signed, effect) if is_about_time(answer) else tasks.refusal(answer)
        if isinstance(error, OutcomeUnknown):
            effect.note(status=answer.status, body=answer.text)
        raise error

    def _clock(self, answer: Answer, signed: Signed, effect: Effect) -> NotSent:
        said, times = f"{tasks.said(answer)}: {self._signer.told(answer)}", effect.evidence.get("corrections", 0)
        # A refused token proves that nothing was accepted. The count stays with the effect, so that a server whose
        # time jumps about is not asked for ever.
        if isinstance(times, int) and times < MOST_CORRECTIONS and self._signer.learns(answer, signed):
            effect.note(corrections=times + 1)
            return NotSent(f"{said}. Kling's time is used for the next token", retry_after=1.0)
        return NotSent(said, lasting=True, hint="Set this machine's clock, then resume the job.")

    async def find(self, request: RenderRequest, effect: Effect) -> Listing[Submitted]:
        """Look for the task of our own id: in both lists, then by the id itself."""
        mine = wire.path_of(request)
        return await read_tasks(self._read, effect.key, (mine, *(one for one in wire.PATHS if one != mine)))

    async def poll(self, renders: Sequence[RenderRef]) -> Sequence[RenderStatus]:
        """Return the status of many renders: from the newest page of a list, and the rest one by one."""
        told: dict[str, RenderStatus] = {}
        for path in {_path_of(one) for one in renders} if len(renders) > AT_ONCE else ():
            page = await page_of(self._read, path, 1)
            listed = [task for item in page.entries or () if (task := tasks.task_of(item))]
            told |= {task.id: task.status() for task in listed}
        rest = [one for one in renders if one.remote_id not in told]
        try:
            return [*told.values(), *await poll_each(rest, self._status, at_once=AT_ONCE, most=SINGLES)]
        except Unavailable:
            if not told:
                raise
            return [*told.values()]

    async def _status(self, render: RenderRef) -> RenderStatus:
        return (await self._task(_path_of(render), render.remote_id)).status()

    async def _task(self, path: str, remote_id: str) -> tasks.Task:
        """Return a task. Raises `Expired` when Kling does not know it, `Unavailable` when it cannot be read."""
        # The id is the server's word: unescaped, `../` in it would lead elsewhere, with our token.
        answer = await self._read(f"{path}/{quote(remote_id, safe='')}", {})
        task = tasks.task_of(tasks.data_of(answer))
        if task is not None and task.id == remote_id:
            return task
        said = f"asked for {remote_id}, {tasks.said(answer)}"
        # Without a code of Kling's it comes from something in front of it, which knows nothing of tasks.
        if answer.status in (404, 410) and answer.at("code") is not None:
            raise Expired(said)
        clock = f": {self._signer.told(answer)}" if is_about_time(answer) else ""
        raise Unavailable(said + clock, hint="Check the keys." if answer.status == 401 and not clock else "")

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

    def _url(self, path: str) -> str:
        return f"{self.config.base_url}/v1/videos/{path}"

    async def _read(self, path: str, query: Mapping[str, str | int]) -> Answer:
        """Read, and once more if the clock spoiled the token. Raises `Unavailable`."""
        http, again = self.context.http(trust=[self.config.origin]), True
        while True:
            with errors_as(Unavailable, InvalidInput):
                signed = await self._signer.sign()
            # Past any cache: an old copy does not show a new task, which would then be taken for absent.
            headers = {"Authorization": signed.header, "Cache-Control": "no-cache"}
            answer = Answer.of(await http.get(self._url(path), params=query, headers=headers))
            if not (again and self._signer.learns(answer, signed)):
                return answer
            again = False


def _path_of(render: RenderRef) -> str:
    path = render.details.get("path")
    return path if isinstance(path, str) and path in wire.PATHS else wire.path_of(render.request)
