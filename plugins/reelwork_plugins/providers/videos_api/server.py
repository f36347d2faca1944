"""Reads from one server: a video by its id, the list, and the reason why either could not be read."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from reelwork_hooks import (
    Answer,
    Context,
    HttpClient,
    HttpResponse,
    InvalidInput,
    RenderStatus,
    Unavailable,
)
from reelwork_plugins.providers.videos_api import answers, wire
from reelwork_plugins.providers.videos_api.config import VideosApiConfig


class Server:
    """Reads of the configured server. Only its own origin may be a private address."""

    def __init__(self, config: VideosApiConfig, context: Context) -> None:
        self.config = config
        self.context = context

    def http(self) -> HttpClient:
        """Return a client that may reach this server wherever it is."""
        return self.context.http(trust=[self.config.origin])

    async def auth(self) -> dict[str, str]:
        """Return the headers that identify us.

        Raises `SecretNotFound`, and `InvalidInput` for a key no header can carry.
        """
        reference = self.config.api_key
        key = await asyncio.to_thread(self.context.secret, reference) if reference else ""
        # Such as a byte order mark or a line break that came along when the key was copied.
        if not (key.isascii() and key.isprintable()):
            raise InvalidInput(
                f"the key in {reference}, which the setting api_key names, has characters that cannot be sent",
                hint="Copy it again: a key has only plain letters, digits and punctuation.",
            )
        return wire.auth_headers(self.config, key)

    async def read_auth(self) -> dict[str, str]:
        """Return the headers for a read, which can wait until the key is back. Raises `Unavailable`."""
        try:
            return await self.auth()
        except InvalidInput as error:
            raise Unavailable(error.message, hint=error.hint) from error

    async def get(self, remote_id: str, auth: Mapping[str, str]) -> HttpResponse:
        """Ask for one video. Raises `Unavailable`."""
        return await self.http().get(wire.video_url(self.config, remote_id), headers=auth)

    async def list_page(self, query: Mapping[str, str | int]) -> HttpResponse:
        """Ask for a page of the list, past any cache. Raises `Unavailable`."""
        # A proxy's old copy does not show a new request, which would then be taken for absent.
        headers = {**await self.read_auth(), "Cache-Control": "no-cache"}
        return await self.http().get(self.config.videos_url, params=query, headers=headers)

    async def status_of(self, remote_id: str, auth: Mapping[str, str]) -> RenderStatus | Unavailable:
        """Return one render's status, or the error that kept it from being read."""
        try:
            response = await self.get(remote_id, auth)
        except Unavailable as error:
            return error
        return self._read_status(response, remote_id)

    def _read_status(self, response: HttpResponse, remote_id: str) -> RenderStatus | Unavailable:
        base_url, links = self.config.base_url, self.config.speaks.links
        after = answers.poll_after(response.headers, self.context.now())
        if 200 <= response.status_code < 300:
            job = answers.read_job(answers.json_of(response), base_url)
            if job is not None:
                # A gateway may answer with its backend's id; the render is known by the one it was given.
                return answers.to_status(job, poll_after=after, links=links).replace(remote_id=remote_id)
            return self.unreadable(response, remote_id)
        job = answers.job_in_error(response, remote_id, base_url)
        if job is not None:
            return answers.to_status(job, poll_after=after, links=links)
        # A page of HTML comes from something in front of the server, which knows nothing of videos.
        if response.status_code in (404, 410) and not Answer.of(response).is_html:
            message = answers.read_refusal(response)[1]
            return RenderStatus(remote_id=remote_id, state="lost", error_message=message)
        return self.unreadable(response, remote_id)

    def unreadable(self, response: HttpResponse, remote_id: str) -> Unavailable:
        """Return the error for an answer that reports nothing about a video."""
        status, (code, message) = response.status_code, answers.read_refusal(response)
        came = "a page of HTML" if Answer.of(response).is_html else message or code or "no video"
        hint = "Check api_key and auth_header under [provider]." if status in (401, 403) else ""
        return Unavailable(
            f"{self.config.origin} answered {status} when asked for {remote_id}: {came}",
            retry_after=answers.retry_after(response.headers, self.context.now()),
            hint=hint,
        )
