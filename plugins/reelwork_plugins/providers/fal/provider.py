"""The provider: asks for renders at fal's queue, reads them, and finds those whose answer was lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from decimal import Decimal
from typing import ClassVar

from pydantic import JsonValue

from reelwork_hooks import (
    Capabilities,
    Context,
    Effect,
    Expired,
    Found,
    HttpResponse,
    HttpSource,
    Idempotency,
    InvalidInput,
    Listing,
    NotSent,
    OutcomeUnknown,
    OutOfFunds,
    Provider,
    ProviderConfig,
    Quote,
    ReelworkError,
    Reference,
    ReferenceRole,
    Rejected,
    RenderRef,
    RenderRequest,
    RenderStatus,
    Source,
    Submitted,
    Unavailable,
)
from reelwork_hooks.provider import OptionsModel
from reelwork_plugins.pictures import is_url, read_picture
from reelwork_plugins.providers.fal import outcome, wire
from reelwork_plugins.providers.fal.config import ROLES, UPLOADS, FalConfig, FalOptions
from reelwork_plugins.providers.fal.listing import read_listing
from reelwork_plugins.providers.fal.models import MODELS
from reelwork_plugins.providers.fal.queue import Queue
from reelwork_plugins.replies import json_of

AT_ONCE = 8
"""Requests that are polled at the same time."""
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
        roles: tuple[ReferenceRole, ...] = tuple(role for role in ROLES if role in data.inputs)
        known = "duration" in data.inputs
        return Capabilities(
            idempotency=Idempotency.LOOKUP,
            listed_when="ended",
            settle_seconds=self.config.settle_seconds,
            durations=data.durations,
            aspect_ratios=data.aspect_ratios,
            resolutions=data.resolutions,
            any_size=True,
            default_resolution=_usual(data.resolutions),
            fps=(data.fps or None) if "fps" in data.inputs else (),
            seed="seed" in data.inputs,
            negative_prompt="negative_prompt" in data.inputs,
            references=len(roles),
            reference_roles=roles,
            reference_types=PICTURES,
            longest_prompt=data.longest_prompt,
            wire_names={part: field for part, field in data.inputs.items() if part not in ROLES},
            price=data.price,
            note="" if known else f"nothing is known of the model {name}: set `inputs` and `length`",
        )

    def price(self, request: RenderRequest) -> Quote | None:
        """Return the price by height and sound, where it is known."""
        data, spec = self.config.model_data(request.model or self.config.model), request.spec
        silent = wire.options_of(request).get("generate_audio") is False and bool(data.silent)
        per_second = (data.silent if silent else data.prices).get(spec.resolution)
        # A height that is not sent is the model's own choice, which may be the dearest.
        if per_second is None or "resolution" not in data.inputs:
            return None
        sound = " without sound" if silent else " with sound" if data.silent else ""
        return Quote(
            most=per_second * Decimal(str(spec.duration)), as_of=data.as_of, source=data.source,
            basis=f"{spec.duration:g} s at {spec.resolution}{sound}",
        )  # fmt: skip

    async def prepare(self, request: RenderRequest) -> JsonValue:
        """Check the request, and upload the pictures. Raises `InvalidInput`, `OutOfFunds`, or `Unavailable`."""
        name = wire.model_of(request, self.config)
        wire.check(request, name, self.config.model_data(name))
        await self._queue.auth()
        return {"urls": [await self._upload(reference) for reference in request.references]}

    async def _upload(self, reference: Reference) -> str:
        """Return the address at which fal's models reach a reference."""
        if is_url(reference):
            return reference.source
        picture = await asyncio.to_thread(read_picture, reference, self.context.base_dir)
        asked = {"file_name": picture.name, "content_type": picture.media_type}
        http, url = self._queue.http(), f"{self.config.address(UPLOADS)}/storage/upload/initiate?storage_type=gcs"
        told = await _written(http.post(url, json=asked, headers=await self._queue.auth()), reference)
        data = json_of(told)
        place, target = (data.get("file_url"), data.get("upload_url")) if isinstance(data, dict) else (None, None)
        if told.status_code >= 300 or not isinstance(place, str) or not isinstance(target, str):
            raise self._not_uploaded(told)
        # The address is signed and gets no key.
        kind = {"Content-Type": picture.media_type}
        sent = await _written(http.put(target, content=picture.content, headers=kind), reference)
        if sent.status_code >= 300:
            raise Unavailable(f"{reference.source} could not be uploaded: {sent.status_code}")
        return place

    def _not_uploaded(self, response: HttpResponse) -> ReelworkError:
        """Return the error for an upload that failed: by the key, for want of money, or for now."""
        if response.status_code < 300:
            return Unavailable("fal named no address to upload a reference to")
        judged = outcome.judge(response, "the upload of a reference to fal", self.context.now())
        if isinstance(judged, OutOfFunds):
            return judged
        if response.status_code in (401, 403):
            return InvalidInput(judged.message, hint=judged.hint)
        return Unavailable(judged.message)

    async def submit(self, request: RenderRequest, effect: Effect) -> Submitted:
        """Ask for the video, in one POST. `outcome` judges the answer."""
        try:
            name = wire.model_of(request, self.config)
            model = self.config.model_data(name)
            wire.check(request, name, model)
            body = wire.body_of(request, model, _urls(effect))
        except (InvalidInput, ValueError) as error:
            raise Rejected(str(error), code="invalid_request") from error
        try:
            auth = await self._queue.auth()
        except InvalidInput as error:
            raise NotSent(error.message, lasting=True, money=error.money, hint=error.hint) from error
        response = await self._queue.http().post(
            wire.submit_url(self.config, name), json=body, headers=auth, timeout=self.config.submit_timeout
        )
        if 200 <= response.status_code < 300 and (request_id := outcome.submitted_id(response)):
            return Submitted(remote_id=request_id, details={"model": name})
        judged = outcome.judge(response, f"the request to {self.config.origins[0]}", self.context.now())
        if isinstance(judged, OutcomeUnknown):
            effect.note(**outcome.evidence(response))
        raise judged

    async def find(self, request: RenderRequest, effect: Effect) -> Found[Submitted] | Listing[Submitted]:
        """Look up this request: under an id seen on the way, else report the list. Raises `Unavailable`."""
        name = wire.model_of(request, self.config)
        seen = effect.evidence.get("remote_id")
        if isinstance(seen, str) and seen:
            status = await self._queue.status(name, seen)
            if isinstance(status, RenderStatus) and status.state != "lost":
                return Found.one(Submitted(remote_id=seen, details={"model": name, **status.details}))
        model, urls = self.config.model_data(name), _urls(effect)
        return await read_listing(self._queue, request, name, model, urls, effect.started_at)

    async def poll(self, renders: Sequence[RenderRef]) -> Sequence[RenderStatus]:
        """Return the status of many renders, one by one: fal has no list of what is in its queue."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(render: RenderRef) -> RenderStatus | Unavailable:
            async with gate:
                return await self._queue.status(self._model_of(render), render.remote_id)

        answers = await asyncio.gather(*(one(render) for render in renders))
        told = [answer for answer in answers if isinstance(answer, RenderStatus)]
        failures = [answer for answer in answers if isinstance(answer, Unavailable)]
        if failures and not told:
            raise failures[0]
        return told

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
            response = await self._queue.http().put(f"{url}/cancel", headers=await self._queue.auth())
        except (InvalidInput, NotSent, OutcomeUnknown) as error:
            self.context.log.warning("%s", error.message)
            return False
        data = json_of(response)
        # `CANCELLATION_REQUESTED` only passes the wish on to the model.
        return response.status_code == 200 and isinstance(data, dict) and data.get("status") == "OK"

    def _model_of(self, render: RenderRef) -> str:
        kept = render.details.get("model")
        return kept if isinstance(kept, str) and kept else wire.model_of(render.request, self.config)


async def _written(writing: Awaitable[HttpResponse], reference: Reference) -> HttpResponse:
    """Return the answer to a part of an upload. Raises `Unavailable`."""
    try:
        return await writing
    except (NotSent, OutcomeUnknown) as error:
        # Nothing is paid for an upload, and a second copy does no harm.
        raise Unavailable(f"{reference.source} could not be uploaded: {error.message}") from error


def _usual(resolutions: Sequence[str] | None) -> str:
    return "720p" if resolutions is None or "720p" in resolutions else resolutions[0]


def _urls(effect: Effect) -> list[str]:
    kept = effect.prepared.get("urls") if isinstance(effect.prepared, dict) else None
    return [url for url in kept if isinstance(url, str)] if isinstance(kept, list) else []
