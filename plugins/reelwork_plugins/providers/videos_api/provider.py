"""The provider: one client for the Videos protocol, whichever dialect its server speaks."""

from __future__ import annotations

import asyncio
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from pydantic import JsonValue, SecretStr

from reelwork_hooks import (
    BytesSource,
    Capabilities,
    Context,
    Effect,
    FileSource,
    Found,
    HttpResponse,
    HttpSource,
    Idempotency,
    InvalidInput,
    Listing,
    NotSent,
    OutcomeUnknown,
    Provider,
    ProviderConfig,
    Rejected,
    RenderRef,
    RenderRequest,
    RenderStatus,
    Source,
    Submitted,
    Unavailable,
    Unsure,
)
from reelwork_plugins.providers.videos_api import answers, inline_files, listing, models, named, outcome, wire
from reelwork_plugins.providers.videos_api.capabilities import capabilities_of
from reelwork_plugins.providers.videos_api.catalogue import Catalogue
from reelwork_plugins.providers.videos_api.config import VideosApiConfig
from reelwork_plugins.providers.videos_api.polling import LISTED, Polling
from reelwork_plugins.providers.videos_api.server import Server

MOST_NAMED = 5
"""The most ids from one answer that are looked up one by one."""


class VideosApi(Provider):
    """Any server or gateway that speaks the `/v1/videos` protocol."""

    Config: ClassVar[type[ProviderConfig]] = VideosApiConfig
    known_models: ClassVar[tuple[str, ...]] = tuple(models.MODELS)
    notes: ClassVar[tuple[str, ...]] = models.NOTES
    config: VideosApiConfig

    def __init__(self, config: VideosApiConfig, context: Context) -> None:
        super().__init__(config, context)
        self._server = Server(config, context)
        self._catalogue = Catalogue(self._server)
        self._polling = Polling(self._server)

    def notes_in_use(self) -> tuple[str, ...]:
        """Return the known shut-downs at the host in `base_url`, a sentence each."""
        return models.notes_of(self.config.host)

    def capabilities(self, model: str | None) -> Capabilities:
        """Return the capabilities with this model: first from the settings, then from the known facts."""
        listed = self._catalogue.entry(model or self.config.model)
        return capabilities_of(self.config, model, listed, self.context.now().date())

    async def prepare(self, request: RenderRequest) -> JsonValue:
        """Check the request while nothing has left. Raises `InvalidInput` or `SecretNotFound`."""
        await self._fields(request)
        await self._server.auth()
        await self._catalogue.refresh()
        listed = self._catalogue.entry(request.model or self.config.model)
        if listed is not None:
            listed.check(request)
        return None

    async def submit(self, request: RenderRequest, effect: Effect) -> Submitted:
        """Ask for the video, in one POST. `outcome` judges the answer."""
        headers, body = await self._ready(request, effect)
        keyed = bool(self.config.idempotency_header)
        repeated = keyed and effect.evidence.get("in_doubt") is True
        # Before the POST: however this attempt ends, the next one must count as a repeat.
        if keyed:
            effect.note(in_doubt=True)
        try:
            response = await self._server.http().post(
                self.config.videos_url, json=body.json, files=body.files,
                headers=headers, timeout=self.config.submit_timeout,
            )  # fmt: skip
        except NotSent:
            # No byte of this attempt left. An earlier one may still have been carried out.
            if keyed:
                effect.note(in_doubt=repeated)
            raise
        return await self._judge(response, effect, repeated=repeated, as_json=body.json is not None)

    async def _ready(self, request: RenderRequest, effect: Effect) -> tuple[dict[str, str], wire.Body]:
        """Return headers and body of the create. Raises `Rejected` or `NotSent`."""
        # Nothing of this attempt has left, so neither error leaves a doubt.
        try:
            body = wire.build_body(await self._fields(request), self.config)
        except InvalidInput as error:
            raise Rejected(error.message, code="invalid_request", money=error.money, hint=error.hint) from error
        try:
            auth = await self._server.auth()
        except InvalidInput as error:
            raise NotSent(error.message, lasting=True, money=error.money, hint=error.hint) from error
        return {**auth, **wire.create_headers(self.config, effect.key)}, body

    async def _judge(self, response: HttpResponse, effect: Effect, *, repeated: bool, as_json: bool) -> Submitted:
        now = self.context.now()
        if 200 <= response.status_code < 300:
            data = answers.json_of(response)
            job = answers.created_job(data, self.config.base_url)
            if job is None and not named.ids_in(data, errors=True) and not outcome.has_error(data):
                # A paid video that came at once, and without an id, is stored under ours.
                job = answers.read_unnamed(data, f"reelwork-{effect.key}", self.config.base_url)
            if job is not None:
                details = await self._details(job, data)
                after = answers.poll_after(response.headers, now)
                return Submitted(remote_id=job.id, details=details, poll_after=after)
            error: Exception = outcome.unclear_success(response, self.config)
        else:
            error = outcome.refusal(response, self.config, now, repeated=repeated, as_json=as_json)
        if isinstance(error, OutcomeUnknown):
            effect.note(**outcome.evidence(response, self.config))
        elif isinstance(error, NotSent) and self.config.idempotency_header:
            effect.note(in_doubt=repeated)
        raise error

    async def _details(self, job: answers.Job, data: Any) -> dict[str, JsonValue]:
        """Return the details that `poll` and `fetch` need later, and store a video that came within the answer."""
        details: dict[str, JsonValue] = dict(answers.to_status(job, links=self.config.speaks.links).details)
        # NVIDIA Dynamo (@09aa205) makes the video within the POST and has no job to poll afterwards.
        if job.state in ("completed", "failed"):
            details["final"] = answers.to_status(job).model_dump(mode="json", exclude={"details", "poll_after"})
        text = answers.inline_video(data)
        if text is None:
            return details
        try:
            details["file"] = await asyncio.to_thread(inline_files.keep, self.context.work_dir, job.id, text)
        except (OSError, binascii.Error) as error:
            # The request was accepted all the same: the video is asked for again when it is fetched.
            self.context.log.warning("the video in the answer for %s could not be stored: %s", job.id, error)
        return details

    async def find(self, request: RenderRequest, effect: Effect) -> Found[Submitted] | Listing[Submitted] | Unsure:
        """Look up this request's video: under an id seen on the way, else report the list.

        Raises `Unavailable` when the server cannot be read now.
        """
        named_one = await self._named(effect)
        if named_one is not None:
            return Found.one(named_one)
        if self.config.speaks.idempotency is not Idempotency.LOOKUP:
            return Unsure(f"the list of a {self.config.dialect} server cannot tell one request from another")
        read = await listing.read_videos(self._server.list_page, self.config.base_url)
        if read.complete and effect.evidence.get(outcome.ANSWERED) is True:
            why = "the server had the request and answered it: a list that does not show it proves nothing"
            return replace(read, complete=False, why=why)
        return read

    async def _named(self, effect: Effect) -> Submitted | None:
        """Return the video under the id that an answer named; of several, the only one that the server knows."""
        several, one = effect.evidence.get("remote_ids"), effect.evidence.get("remote_id")
        noted = several if isinstance(several, list) else [one]
        ids = [remote_id for remote_id in noted if isinstance(remote_id, str) and remote_id]
        found: list[Submitted] = []
        auth = await self._server.read_auth() if ids else {}
        for remote_id in ids[:MOST_NAMED]:
            seen = await self._server.status_of(remote_id, auth)
            if isinstance(seen, RenderStatus) and seen.state != "lost":
                found.append(Submitted(remote_id=remote_id, details=seen.details))
        return found[0] if len(found) == 1 else None

    @property
    def most_per_poll(self) -> int:
        """The most renders in one call: many where the list reports on all of them."""
        return LISTED if self._polling.has_list else super().most_per_poll

    async def poll(self, renders: Sequence[RenderRef]) -> Sequence[RenderStatus]:
        """Return the status of many renders: from the list where it says enough, the rest one by one."""
        return await self._polling.poll(renders)

    async def fetch(self, render: RenderRef) -> Sequence[Source]:
        """Return every source of the video: stored here, at the job's links, at the protocol's own address."""
        # `expires_at` is not asked: clocks differ, and some servers always say 0. Only the download shows if it is
        # gone.
        details = render.details
        kept = inline_files.find(self.context.work_dir, details.get("file"))
        ways: list[Source] = [] if kept is None else [FileSource(path=kept)]
        auth = await self._server.read_auth()
        if details.get("inline") is True and kept is None:
            ways.append(await self._fetch_inline(render.remote_id, auth))
        urls = details.get("urls")
        links = [url for url in urls if isinstance(url, str)] if isinstance(urls, list) else []
        # No `variant`: SGLang 0.5.23 reads it as a number and answers 404 to a word.
        links.append(f"{wire.video_url(self.config, render.remote_id)}/content")
        return [*ways, *(self._http_source(url, auth) for url in dict.fromkeys(links))]

    def _http_source(self, url: str, auth: Mapping[str, str]) -> HttpSource:
        """Return the source at an address, with the key if that is the configured server."""
        # A link elsewhere is the server's word: with the key in it, anyone it names could read the key.
        parts = urlsplit(url)
        ours = f"{parts.scheme}://{parts.netloc}" == self.config.origin
        headers = {name: SecretStr(value) for name, value in auth.items()} if ours else {}
        return HttpSource(url=url, headers=headers, trusted_origin=self.config.origin)

    async def _fetch_inline(self, remote_id: str, auth: Mapping[str, str]) -> BytesSource:
        response = await self._server.get(remote_id, auth)
        text = answers.inline_video(answers.json_of(response))
        if text is None:
            raise self._server.unreadable(response, remote_id)
        try:
            return BytesSource(content=await asyncio.to_thread(inline_files.decode, text))
        except binascii.Error as error:
            raise Unavailable(f"the video {remote_id} came as broken base64") from error

    async def cancel(self, render: RenderRef) -> bool:
        """Stop a render where DELETE does so."""
        # Elsewhere DELETE removes the result of a render that goes on, and is paid for all the same.
        if not self.config.speaks.delete_aborts:
            return False
        try:
            url = wire.video_url(self.config, render.remote_id)
            response = await self._server.http().delete(url, headers=await self._server.read_auth())
        except (NotSent, OutcomeUnknown, Unavailable) as error:
            self.context.log.warning("%s", error.message)
            return False
        data = answers.json_of(response)
        # vLLM-Omni 0.30.0 answers 409 while it is still cancelling: the render may yet be finished.
        done = isinstance(data, dict) and data.get("deleted") is True
        return response.status_code == 200 and done

    async def _fields(self, request: RenderRequest) -> wire.Fields:
        wire.check_request(request, self.config)
        values = wire.own_values(request, self.config)
        if not request.references:
            return wire.Fields(values)
        reference = request.references[0]
        if wire.is_url(reference):
            return wire.Fields(values, picture_url=reference.source)
        base: Path = self.context.base_dir
        return wire.Fields(values, picture=await asyncio.to_thread(wire.read_picture, reference, base))
