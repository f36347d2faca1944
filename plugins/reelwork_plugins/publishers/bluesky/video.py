"""Uploads a video and its captions: to the account's server or through a video service. May be repeated."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from reelwork_hooks import Asset, Context, OutOfFunds, Rejected, Unavailable
from reelwork_plugins.publishers.bluesky.config import VIDEO_SERVICE
from reelwork_plugins.publishers.bluesky.sign_in import Session, SignedIn, server
from reelwork_plugins.publishers.bluesky.xrpc import Answer, Server, repeated

UPLOAD_BLOB = "com.atproto.repo.uploadBlob"
# The service stores the encoded video with it, so it has to outlast the encoding.
GRANT_SECONDS = 1800
"""Seconds for which a video service may act for the account."""
POLL_SECONDS = 2.0
# Less than the 1,800 seconds of `prepare_publish`, which the upload is part of: past them its plain error is lost.
WAIT_SECONDS = 1200.0
"""Seconds to wait for the encoding."""
# A server may check the whole video before it answers.
SEND_SECONDS = 300.0
"""Seconds for which a server may stay silent after an upload."""
TOMORROW = "Resume the job tomorrow."
NOTHING_POSTED = "Nothing was posted; the video is kept."

Blob = Mapping[str, Any]
Progress = Callable[[float, str], None]


async def upload_to_server(context: Context, signed_in: SignedIn, file: Asset) -> Blob:
    """Give a file's bytes, a video's or those of captions, to the account's own server.

    Raises `Rejected` when it does not take them, `SignInRefused` or `Unavailable`.
    """

    async def send(session: Session) -> Answer:
        home = server(context, session.pds, session.service)
        return await repeated(
            lambda: home.upload(
                UPLOAD_BLOB, file.path, session.access, timeout=SEND_SECONDS, media_type=file.media_type
            ),
            f"the upload of the {file.role}",
        )

    answer = await signed_in.call(send)
    if answer.ok:
        return _blob(answer.body.get("blob"))
    _check_token(answer, "the server")
    if answer.status == 413:
        raise Rejected(
            f"bluesky: the account's server does not take a video of {file.bytes / 1e6:.1f} MB.",
            code=answer.error,
            money=NOTHING_POSTED,
            hint='Make a shorter or smaller video, or set video_service = "bsky", which has a larger limit.',
        )
    raise Rejected(f"bluesky: the upload was refused: {answer.words}", code=answer.error, money=NOTHING_POSTED)


def _check_token(answer: Answer, whose: str) -> None:
    """Raise `Unavailable` for a token that is not accepted: it says nothing about the video."""
    if answer.token_refused:
        raise Unavailable(f"bluesky: {whose} does not accept a new token: {answer.words}")


def _blob(value: object) -> Blob:
    if isinstance(value, dict) and value.get("$type") == "blob" and isinstance(value.get("ref"), dict):
        return value
    raise Unavailable("bluesky: the server answered the upload with something else than a blob")


class VideoService:
    """A service that encodes videos and puts them into accounts (the `app.bsky.video` calls)."""

    def __init__(self, context: Context, signed_in: SignedIn, name: str) -> None:
        self._context, self._signed_in = context, signed_in
        self.address = VIDEO_SERVICE if name == "bsky" else name

    async def upload(self, video: Asset, progress: Progress) -> Blob:
        """Upload the video and wait until it is encoded.

        Raises `Rejected` when the service does not take it, `SignInRefused` or `Unavailable`.
        """
        await self._check_limits(video)
        session = await self._signed_in.session()
        token = await self._grant(await self._server_did(session), UPLOAD_BLOB)
        # Named by its bytes, so that the service recognises a video that it has encoded already.
        name = f"app.bsky.video.uploadVideo?did={quote(session.did)}&name={video.sha256}.mp4"
        progress(0.0, "uploading to the video service")
        answer = await repeated(
            lambda: self._calls().upload(name, video.path, token, timeout=SEND_SECONDS), "the upload of the video"
        )
        status = _status(answer)
        there = answer.ok or answer.status == 409 or answer.says_exists
        # A video that it has already is named by its blob, or by the job that encoded it.
        if not there or not (status.get("blob") or status.get("jobId")):
            # A grant lasts for minutes, and an upload may take longer.
            _check_token(answer, "the video service")
            _check_limit(answer)
            raise Rejected(
                f"bluesky: the video service refused the video: {answer.words}",
                code=answer.error,
                money=NOTHING_POSTED,
            )
        return await self._encoded(status, progress)

    async def _check_limits(self, video: Asset) -> None:
        """Raise `OutOfFunds` or `Rejected` when the account may not upload this video today."""
        # Asked each time: the limits have changed more than once.
        token = await self._grant(_web_did(self.address), "app.bsky.video.getUploadLimits")
        answer = await self._calls().query("app.bsky.video.getUploadLimits", token=token)
        if not answer.ok:
            raise Unavailable(f"bluesky: the video service did not give its limits: {answer.words}")
        left = answer.body.get("remainingDailyBytes")
        if not answer.body.get("canUpload"):
            said = str(answer.body.get("message") or answer.body.get("error") or "no reason given")
            _check_limit(answer, full="limit" in said.casefold())
            raise Rejected(f"bluesky: the video service takes no video now: {said}", money=NOTHING_POSTED)
        if isinstance(left, int) and video.bytes > left:
            raise OutOfFunds(
                f"bluesky: the video has {video.bytes / 1e6:.1f} MB; {left / 1e6:.1f} MB are left for today.",
                money=NOTHING_POSTED,
                hint=f"{TOMORROW} Or make a smaller video.",
            )

    async def _encoded(self, status: Mapping[str, Any], progress: Progress) -> Blob:
        job, waited = str(status["jobId"]), 0.0
        # Any other state, also a new word, means work in progress: the lexicon names COMPLETED and FAILED as the
        # ends, and a completed job has its blob.
        while status.get("state") != "JOB_STATE_FAILED" and waited < WAIT_SECONDS:
            if status.get("blob"):
                return _blob(status["blob"])
            done = status.get("progress")
            progress(float(done) if isinstance(done, int | float) else 0.0, "the video service is encoding")
            await asyncio.sleep(POLL_SECONDS if waited else 0.2)
            waited += POLL_SECONDS
            answer = await self._calls().query("app.bsky.video.getJobStatus", {"jobId": job})
            if not answer.ok:
                raise Unavailable(f"bluesky: the video service did not report its progress: {answer.words}")
            status = _status(answer)
        if status.get("state") != "JOB_STATE_FAILED":
            raise Unavailable("bluesky: the video service is still encoding; resume the job later.")
        said = status.get("message") or status.get("error") or "no reason given"
        raise Rejected(f"bluesky: the video service could not encode the video: {said}", money=NOTHING_POSTED)

    async def _server_did(self, session: Session) -> str:
        answer = await server(self._context, session.pds, session.service).query(
            "com.atproto.server.describeServer"
        )
        return str(answer.body.get("did") or _web_did(session.pds))

    async def _grant(self, audience: str, method: str) -> str:
        """Return a token with which the video service may make one kind of call for the account."""
        ends = int(self._context.now().timestamp()) + GRANT_SECONDS

        async def ask(session: Session) -> Answer:
            home = server(self._context, session.pds, session.service)
            wanted: dict[str, str | int] = {"aud": audience, "lxm": method, "exp": ends}
            return await home.query("com.atproto.server.getServiceAuth", wanted, session.access)

        answer = await self._signed_in.call(ask)
        token = answer.body.get("token")
        if not answer.ok or not isinstance(token, str):
            raise Unavailable(f"bluesky: the server gave no token for the video service: {answer.words}")
        return token

    def _calls(self) -> Server:
        return server(self._context, self.address, self.address)


def _check_limit(answer: Answer, *, full: bool = False) -> None:
    """Raise `OutOfFunds` when the day's limit is used up."""
    # It passes: the post is held, not refused for good. `getUploadLimits` reports it in a 200.
    used_up = 0 in (answer.body.get("remainingDailyVideos"), answer.body.get("remainingDailyBytes"))
    if full or used_up or answer.says_day_is_full:
        raise OutOfFunds(
            f"bluesky: the account's uploads for today are used up: {answer.words}",
            money=NOTHING_POSTED,
            hint=TOMORROW,
        )


def _status(answer: Answer) -> Mapping[str, Any]:
    """Return the job's status, which some calls wrap and others do not."""
    wrapped = answer.body.get("jobStatus")
    return wrapped if isinstance(wrapped, dict) else answer.body


def _web_did(address: str) -> str:
    # The colon before a port is written %3A in a did:web.
    return f"did:web:{quote(urlsplit(address).netloc, safe='.')}"
