"""The provider: asks for renders at fal's queue, reads them, and finds those whose answer was lost."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import ClassVar

from pydantic import JsonValue

from reelwork_hooks import (
    Answer,
    Capabilities,
    Context,
    Effect,
    Expired,
    Found,
    HttpSource,
    Idempotency,
    InvalidInput,
    Listing,
    NotSent,
    OutcomeUnknown,
    Provider,
    ProviderConfig,
    Quote,
    Reference,
    Rejected,
    RenderRef,
    RenderRequest,
    RenderStatus,
    Source,
    Submitted,
    Unavailable,
    errors_as,
    is_url,
    poll_each,
    read_picture,
)
from reelwork_hooks.provider import OptionsModel
from reelwork_plugins.providers.fal import wire
from reelwork_plugins.providers.fal.config import UPLOADS, FalConfig, FalOptions
from reelwork_plugins.providers.fal.listing import read_requests
from reelwork_plugins.providers.fal.models import MODELS
from reelwork_plugins.providers.fal.queue import LOCKED, REFUSALS, Queue

PICTURES = ("image/jpeg", "image/png", "image/webp")


class Fal(Provider):
    """The video models at fal.ai, asked for by the name on their page, through its queue.

    A request whose answer was lost is looked up in fal's list of requests, which gives back what was asked for, but
    only of requests that have ended. So one that is not listed is held, and never sent again by itself.
    """

    Config: ClassVar[type[ProviderConfig]] = FalConfig
    Options: ClassVar[OptionsModel | None] = FalOptions
    known_models: ClassVar[tuple[str, ...]] = tuple(MODELS)
    notes: ClassVar[tuple[str, ...]] = (
        "A new account at fal.ai renders two videos at once; the others wait in its queue, unpaid.",
        "fal does not charge for its own errors (5xx). A request that a model refuses (422) may be charged.",
    )
    config: FalConfig

    def __init__(self, config: FalConfig, context: Context) -> None:
        super().__init__(config, context)
        self._queue = Queue(config, context)

    def capabilities(self, model: str | None) -> Capabilities:
        """Return the capabilities with this model: first from the settings, then from the known facts."""
        name = model or self.config.model
        data = self.config.model_data(name)
        known = "duration" in data.inputs
        return data.capabilities(
            Idempotency.LOOKUP,
            listed_when="ended",
            settle_seconds=self.config.settle_seconds,
            reference_types=PICTURES,
            webhook=True,
            wire_names={**data.capabilities(Idempotency.LOOKUP).wire_names, "webhook": wire.WEBHOOK},
            note="" if known else f"nothing is known of the model {name}: set `inputs` and `length`",
        )

    def price(self, request: RenderRequest) -> Quote | None:
        """Return the price by height and sound, where it is known."""
        data = self.config.model_data(request.model or self.config.model)
        # A height that is not sent is the model's own choice, which may be the dearest.
        if data.prices is None or "resolution" not in data.inputs:
            return None
        return data.prices.quote(request.spec, silent=wire.options_of(request).get("generate_audio") is False)

    async def prepare(self, request: RenderRequest) -> JsonValue:
        """Check the request, and upload the pictures. Raises `InvalidInput`, `OutOfFunds`, or `Unavailable`."""
        name = wire.model_of(request, self.config)
        self.config.model_data(name).check(request, name)
        await self._queue.auth()
        return {"urls": [await self._upload(reference) for reference in request.references]}

    async def _upload(self, reference: Reference) -> str:
        """Return the address at which fal's models reach a reference."""
        if is_url(reference):
            return reference.source
        picture = await asyncio.to_thread(read_picture, reference, self.context.base_dir)
        kind, asked = picture.media_type, {"file_name": picture.name, "content_type": picture.media_type}
        url = f"{self.config.address(UPLOADS)}/storage/upload/initiate?storage_type=gcs"
        lead = f"{reference.source} could not be uploaded: "
        # Nothing is paid for an upload, and a second copy does no harm.
        with errors_as(Unavailable, (NotSent, OutcomeUnknown), lead=lead):
            told = await self._queue.request("POST", url, json=asked)
            place, target = told.text_at("file_url"), told.text_at("upload_url")
            if told.ok and place and target:
                # The address is signed and gets no key.
                http = self.context.http(trust=self.config.origins)
                told = Answer.of(await http.put(target, content=picture.content, headers={"Content-Type": kind}))
                if told.ok:
                    return place
        error = REFUSALS.of_repeatable(told, f"{lead}fal answered {told.words}", code=_code(told))
        raise InvalidInput(error.message, hint=error.hint) if isinstance(error, Rejected) else error

    async def submit(self, request: RenderRequest, effect: Effect) -> Submitted:
        """Ask for the video, in one POST. `REFUSALS` judges the answer."""
        with errors_as(Rejected, (InvalidInput, ValueError), code="invalid_request"):
            name = wire.model_of(request, self.config)
            model = self.config.model_data(name)
            model.check(request, name)
            body = wire.body_of(request, model, _urls(effect))
        url, wait = wire.submit_url(self.config, name), self.config.submit_timeout
        with errors_as(NotSent, InvalidInput, lasting=True, money=InvalidInput.money):
            called = {wire.WEBHOOK: request.webhook} if request.webhook else None
            answer = await self._queue.request("POST", url, params=called, json=body, timeout=wait)
        seen = answer.text_at("request_id")
        if answer.ok and seen:
            return Submitted(remote_id=seen, details={"model": name})
        said = f"the request to {self.config.origins[0]} was answered {answer.words}"
        named = bool(answer.at("request_id"))
        error = REFUSALS.of(answer, said, code=_code(answer), remote_id=seen, named=named)
        if isinstance(error, OutcomeUnknown):
            # fal's own answers carry the request's id in a header, also those that say nothing else.
            seen = seen or answer.headers.get("x-fal-request-id", "")
            effect.note(status=answer.status, remote_id=seen, body=answer.text)
        raise error

    async def find(self, request: RenderRequest, effect: Effect) -> Found[Submitted] | Listing[Submitted]:
        """Look up this request: under an id seen on the way, else report the list. Raises `Unavailable`."""
        name = wire.model_of(request, self.config)
        seen = effect.evidence.get("remote_id")
        if isinstance(seen, str) and seen:
            with suppress(Unavailable):
                status = await self._queue.status(name, seen)
                if status.state != "lost":
                    return Found.one(Submitted(remote_id=seen, details={"model": name, **status.details}))
        model, urls = self.config.model_data(name), _urls(effect)
        return await read_requests(self._queue, request, name, model, urls, effect.started_at)

    async def poll(self, renders: Sequence[RenderRef]) -> Sequence[RenderStatus]:
        """Return the status of many renders, one by one: fal has no list of what is in its queue."""
        return await poll_each(renders, lambda one: self._queue.status(self._model_of(one), one.remote_id))

    async def fetch(self, render: RenderRef) -> Sequence[Source]:
        """Return the links in the result, the video's first. They are public: the key is not sent there."""
        urls = render.details.get("urls")
        links = [url for url in urls if isinstance(url, str)] if isinstance(urls, list) else []
        if not links:
            raise Expired(f"fal gave no link to the video of {render.remote_id}")
        trusted = self.config.origins[0] if self.config.base_url else ""
        return [HttpSource(url=url, trusted_origin=trusted) for url in links]

    async def cancel(self, render: RenderRef) -> bool:
        """Take a request out of the queue. One that is being rendered may go on, whatever fal is told."""
        url = wire.request_url(self.config, self._model_of(render), render.remote_id)
        try:
            answer = await self._queue.request("PUT", f"{url}/cancel")
        except (InvalidInput, NotSent, OutcomeUnknown) as error:
            self.context.log.warning("%s", error.message)
            return False
        # `CANCELLATION_REQUESTED` only passes the wish on to the model.
        return answer.status == 200 and answer.text_at("status") == "OK"

    def _model_of(self, render: RenderRef) -> str:
        kept = render.details.get("model")
        return kept if isinstance(kept, str) and kept else wire.model_of(render.request, self.config)


def _code(answer: Answer) -> str:
    return LOCKED if answer.status == 403 and LOCKED in answer.message.lower() else answer.code


def _urls(effect: Effect) -> list[str]:
    kept = effect.prepared.get("urls") if isinstance(effect.prepared, dict) else None
    return [url for url in kept if isinstance(url, str)] if isinstance(kept, list) else []
