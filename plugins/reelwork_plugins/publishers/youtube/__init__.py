"""`youtube`: uploads videos to a YouTube channel."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from pydantic import JsonValue

from reelwork_hooks import (
    AccountField,
    Answer,
    Candidate,
    Context,
    Credentials,
    Effect,
    Found,
    Idempotency,
    Job,
    Listing,
    NotDone,
    Note,
    NotSent,
    OAuth,
    OutcomeUnknown,
    Page,
    Pending,
    Plugin,
    Post,
    Problem,
    Receipt,
    ReelworkError,
    Rejected,
    ResumableUpload,
    Shown,
    Tokens,
    Unavailable,
    UploadDone,
    UploadOpen,
    UploadStatus,
    errors_as,
    hookimpl,
    is_loopback,
    read_listing,
    text_at,
    time_of,
    value_at,
)
from reelwork_plugins.publishers.captions import LEFT_OUT, Limits, to_send
from reelwork_plugins.publishers.planned import refusal_of
from reelwork_plugins.publishers.youtube.api import MOST_PAGES, PAGE, Api, refusal
from reelwork_plugins.publishers.youtube.config import NOTHING_POSTED, YoutubeConfig, YoutubeOptions
from reelwork_plugins.publishers.youtube.resource import body_hash, description, resource, title
from reelwork_plugins.publishers.youtube.session import MEBIBYTE, begin, session
from reelwork_plugins.publishers.youtube.sign_in import API, captions_in, channel_of, google, service_in

TRIES = 4
"""Times that the last piece is sent into one session."""
# Less than the time limit of `prepare_publish`. A large video over a slow line is continued in the next call.
UPLOAD_SECONDS = 1200.0
POLL_SECONDS = 30.0
MISSING_SECONDS = 900.0
"""Seconds for which a new video may be missing in the API."""
# Larger files are taken there, too, but not held in memory here.
CAPTIONS = Limits("YouTube", ("text/vtt", "application/x-subrip"), 2_000_000)


class Youtube(Plugin):
    """Uploads the clip to a YouTube channel and says in YouTube's own field that it was made with AI.

    The upload is resumable: only its last piece, sent in `publish`, makes the video. A session makes one video,
    so an answer that was lost is asked of the session, and no second one is begun.
    """

    Config = YoutubeConfig
    config: YoutubeConfig
    PostOptions = YoutubeOptions
    post_fields = ("publish_at", "disclosure")
    public = True
    # Its checks of a brief: all else is `async`.
    computes = True
    # Calling again goes on in the same session, which makes one video. A session lives for about a week.
    idempotency = Idempotency.KEY
    key_seconds = 3 * 86_400.0
    settle_seconds = 120.0
    dated_lookups = False
    notes = (
        "A project may upload 100 videos a day; a channel has a limit of its own.",
        "Videos of a project that Google has not audited stay private, whatever they ask for.",
        "While the consent screen is in testing, sign in again every 7 days.",
    )
    account_fields: ClassVar[tuple[AccountField, ...]] = (
        AccountField("client_id", "Client ID", help="Of an OAuth client of the type Desktop app, in Google Cloud."),
        AccountField("client_secret", "Client secret", secret=True, help="Beside the client ID."),
        AccountField(
            "captions",
            required=False,
            default="no",
            help="yes to add captions to videos. Google then lets Reelwork also change and delete your videos.",
        ),
        AccountField("service", required=False, help="The address of a simulator, to rehearse with."),
    )

    @staticmethod
    async def oauth(given: Mapping[str, str], redirect_uri: str, context: Context) -> OAuth:
        """Sign in at Google, or at a simulator. Raises `InvalidInput`."""
        return google(service_in(given), captions=captions_in(given))

    @staticmethod
    async def signed_in(tokens: Tokens, context: Context) -> tuple[Credentials, ...]:
        """Return the channel's account. Raises `InvalidInput` when there is no channel."""
        return (await channel_of(tokens, context),)

    @hookimpl
    def check_brief(self, post: Post | None) -> list[Problem]:
        """Return what YouTube would refuse, before a video is paid for."""
        return [] if post is None else refusal_of(lambda: resource(post))

    @hookimpl
    async def prepare_publish(self, post: Post, job: Job) -> JsonValue | Pending:
        """Begin the upload, and send all but its last piece. Raises `Rejected`, `OutOfFunds` or `Unavailable`."""
        if not post.clip.video.media_type.startswith("video/"):
            raise Rejected(f"youtube: {post.clip.video.media_type} is not a video.", money=NOTHING_POSTED)
        upload, status = await self._session(post, job, repeat=True)
        status = await self._up_to_last(upload, status, seconds=UPLOAD_SECONDS)
        if isinstance(status, UploadOpen) and status.offset < upload.last(self.config.chunk * MEBIBYTE):
            return Pending(after=1, percent=100 * status.offset / post.clip.video.bytes)
        if isinstance(status, UploadDone):
            # The video is there already. Should the session be forgotten now, no other one may be begun.
            await self._note(post, job).change(final=True)
        return {"session": self._key(post, job)}

    @hookimpl
    async def publish(self, post: Post, job: Job, effect: Effect) -> Receipt:
        """Send the last piece, which makes the video, or find that an earlier attempt has made it.

        Raises `NotSent` where no last piece has left, `OutcomeUnknown` where one may have.
        """
        try:
            upload, status = await self._session(post, job, repeat=False, attempt=effect.attempt)
            status = await self._up_to_last(upload, status)
        except OutcomeUnknown:
            raise
        except ReelworkError as error:
            raise await self._unsent(post, job, error) from error
        if isinstance(status, UploadOpen):
            status = await self._finished(upload, status.offset, post, job)
        if not isinstance(status, UploadDone):
            raise OutcomeUnknown("youtube: the upload's session is gone, and what it made is not known")
        return self._receipt(status.answer, post)

    @hookimpl
    async def find_post(self, post: Post, job: Job, effect: Effect) -> Found[Receipt] | NotDone | Listing[Receipt]:
        """Ask the upload's session; when that is gone, read the channel's uploads."""
        kept = await self._note(post, job).read()
        if kept is not None:
            # A refusal to tell would stand for ever; the channel's list can tell as well.
            status = await self._of(str(kept["address"]), post, job, repeat=True).ask(refused=True)
            if isinstance(status, UploadDone):
                return Found.one(self._receipt(status.answer, post))
            if isinstance(status, UploadOpen):
                return NotDone(why=f"{status.offset} of {post.clip.video.bytes} bytes have arrived")
        return await self._listing(post)

    @hookimpl
    async def follow_post(self, post: Post, job: Job, receipt: Receipt) -> Receipt | Pending:
        """Set the thumbnail, then wait until YouTube has processed the video, and read its label back."""
        # Not before: until the receipt is in the store, the session is what knows of the video.
        await self._note(post, job).forget()
        state: Any = await self._dress(post, receipt.id) if job.pending is None else job.pending.state
        read = await self._api().read("videos", part="status,processingDetails", id=receipt.id)
        status = read.at("items", 0, "status")
        if status is None:
            age = (self.context.now() - (receipt.at or job.created_at)).total_seconds()
            if age < MISSING_SECONDS:
                return Pending(after=POLL_SECONDS, state=state)
            return receipt.replace(state="removed", details={"reason": "YouTube no longer shows it"})
        if text_at(status, "uploadStatus") == "uploaded":
            return Pending(after=POLL_SECONDS, state=state)
        return receipt.replace(**_outcome(status, value_at(state, LEFT_OUT)))

    def _service(self) -> str:
        """Return the address of the API: the account's token is good there only."""
        return self.config.base_url or self.context.account(self.config.account).read().get("service") or API

    def _api(self) -> Api:
        return Api(self.context, self._service(), self.config.account)

    def _key(self, post: Post, job: Job) -> str:
        return f"session {job.id} {post.destination}"[:200]

    def _note(self, post: Post, job: Job) -> Note:
        # In the instance's state, which nothing shows: whoever has the address can end the upload.
        return Note(self.context.state, self._key(post, job))

    def _of(self, address: str, post: Post, job: Job, *, repeat: bool) -> ResumableUpload:
        def show(percent: float) -> None:
            self.context.progress(job, percent, "uploading to YouTube")

        return session(self._api(), address, post.clip.video, show, repeat=repeat)

    async def _up_to_last(self, upload: ResumableUpload, status: UploadStatus, **limit: float) -> UploadStatus:
        """Send all but the last piece, unless the session has its video or is gone."""
        if not isinstance(status, UploadOpen):
            return status
        piece = self.config.chunk * MEBIBYTE
        return await upload.up_to_last(status.offset, piece, lambda one: refusal(one, "the upload"), **limit)

    async def _session(
        self, post: Post, job: Job, *, repeat: bool, attempt: int = 1
    ) -> tuple[ResumableUpload, UploadStatus]:
        """Return the post's one session and where it stands; begin it if there is none."""
        made = resource(post)
        # A session is of the channel that began it, whoever is signed in now.
        wanted = body_hash([made, self.context.account(self.config.account).identity], post.clip.video.sha256)
        note = self._note(post, job)
        kept = await note.read()
        refused = kept is not None and bool(kept.get("refused"))
        if kept is not None:
            upload = self._of(str(kept["address"]), post, job, repeat=repeat)
            # One that was refused is asked, too: what is kept may be of the day of a backup, and it was continued.
            status = await upload.ask(refused=refused)
            # Its last piece has been sent: whatever became of that, no other session may be begun.
            if (kept.get("final") and not refused) or isinstance(status, UploadDone):
                return upload, status
            if isinstance(status, UploadOpen) and kept.get("body") == wanted:
                if refused:
                    await self._begun(note, {"address": upload.address, "body": wanted}, kept)
                return upload, status
        # Of the day of a backup as well: an earlier attempt may have gone further since.
        if attempt > 1 and not refused:
            raise OutcomeUnknown("youtube: the upload of an earlier attempt is gone, and what it made is not known")
        notify = YoutubeOptions.model_validate(dict(post.options)).notify
        address = await begin(self._api(), made, post.clip.video, notify=notify, repeat=repeat)
        await self._begun(note, {"address": address, "body": wanted}, kept)
        return self._of(address, post, job, repeat=repeat), UploadOpen(0)

    async def _begun(self, note: Note, new: Mapping[str, JsonValue], was: Mapping[str, Any] | None) -> None:
        if not await note.write(new, was=was):
            # Another process was faster: its session is the one.
            raise Unavailable("youtube: another process has begun this upload")

    async def _finished(self, upload: ResumableUpload, at: int, post: Post, job: Job) -> UploadStatus:
        """Send the last piece until the session says what became of it."""
        # A last piece that was sent before may have arrived: then no refusal proves that there is no video.
        lost = await self._mark_final(post, job)
        for _ in range(TRIES):
            try:
                status = await upload.send(at, upload.asset.bytes)
            except NotSent as error:
                if not lost:
                    raise
                raise OutcomeUnknown(error.message) from error
            except OutcomeUnknown as error:
                lost = True
                status = await self._asked(upload, error)
            if isinstance(status, Answer):
                problem = refusal(status, "the upload")
                if not lost and not isinstance(problem, Unavailable) and status.status in (400, 401, 403):
                    await self._note(post, job).change(refused=True)
                    raise problem
                lost = True
                status = await self._asked(upload, problem)
            if not isinstance(status, UploadOpen):
                return status
            at = status.offset
        raise OutcomeUnknown("youtube: the upload's session did not take the end of the video")

    async def _asked(self, upload: ResumableUpload, error: ReelworkError) -> UploadStatus:
        with errors_as(OutcomeUnknown, Unavailable, lead=f"{error.message}; "):
            return await upload.ask()

    async def _mark_final(self, post: Post, job: Job) -> bool:
        """Note on disk that the last piece is about to leave; return whether that had been noted before."""
        note = self._note(post, job)
        kept = await note.read()
        if kept is None:
            raise NotSent("youtube: the upload's session was forgotten before its end", money=NOTHING_POSTED)
        if kept.get("final"):
            return True
        if not await note.write({**kept, "final": True}, was=kept):
            raise NotSent("youtube: another process has this upload", money=NOTHING_POSTED)
        return False

    async def _unsent(self, post: Post, job: Job, error: ReelworkError) -> ReelworkError:
        """Return what a failure before the last piece means: an earlier attempt may have sent it."""
        kept = await self._note(post, job).read()
        if kept is not None and kept.get("final") and not kept.get("refused"):
            return OutcomeUnknown(error.message, hint=error.hint)
        if isinstance(error, NotSent | Rejected):
            return error
        wait = getattr(error, "retry_after", None)
        return NotSent(error.message, retry_after=wait, money=NOTHING_POSTED, hint=error.hint)

    async def _listing(self, post: Post) -> Listing[Receipt]:
        """Report the newest uploads of the channel, newest first."""
        api = self._api()
        mine = await api.read("channels", part="contentDetails", mine="true")
        uploads = mine.text_at("items", 0, "contentDetails", "relatedPlaylists", "uploads")
        if not uploads:
            raise Unavailable("youtube: the channel names no list of its uploads")

        async def page_at(token: str | None) -> Page:
            more = {"pageToken": token} if token else {}
            wanted = {"part": "snippet,contentDetails", "playlistId": uploads, **more}
            read = await api.read("playlistItems", maxResults=PAGE, **wanted)
            total, after = read.at("pageInfo", "totalResults"), read.text_at("nextPageToken") or None
            return Page(read, read.at("items"), after, total if isinstance(total, int) else None)

        candidate = partial(_candidate, post=post, service=api.base_url)
        return await read_listing(page_at, candidate, of="the list of uploads", most_pages=MOST_PAGES)

    async def _dress(self, post: Post, video: str) -> dict[str, Any]:
        """Add what a video can do without: its picture and its captions. Return what it goes without."""
        api, picture = self._api(), post.thumbnail
        captions, left_out = to_send(post, CAPTIONS, ())
        work = [(partial(api.add_captions, video, one), "Add them in YouTube Studio.") for one in captions]
        if picture is not None and picture.media_type in ("image/jpeg", "image/png"):
            work.append((partial(api.set_thumbnail, video, picture), "YouTube chooses a picture."))
        for call, told in work:
            try:
                await call()
            except ReelworkError as error:
                left_out.append(f"{error.message}. {error.hint or told}")
        for told in left_out:
            self.context.log.warning("The video is posted. %s", told)
        return {LEFT_OUT: left_out}

    def _receipt(self, made: Answer, post: Post) -> Receipt:
        id_, told, asked = made.text_at("id"), made.at("status"), resource(post)["status"]
        privacy = text_at(told, "privacyStatus") or asked["privacyStatus"]
        label = _label(told) or Shown(value=asked["containsSyntheticMedia"], by="sent")
        if privacy != asked["privacyStatus"]:
            told = "YouTube made %s %s, not %s: Google has not audited the project of this client."
            self.context.log.warning(told, id_, privacy, asked["privacyStatus"])
        url, details = _address(self._service(), id_), {"privacy": privacy}
        return Receipt(id=id_, url=url, details=details, state="processing", disclosure=label)


def _address(service: str, id_: str) -> str:
    """Return where people look at a video."""
    return f"{service if is_loopback(service) else 'https://www.youtube.com'}/watch?v={id_}"


def _candidate(item: Any, post: Post, service: str) -> Candidate[Receipt] | None:
    id_ = text_at(item, "contentDetails", "videoId")
    if not id_:
        return None
    # The title and description that were sent for these words: listed as sent, they are ours.
    fields: dict[str, JsonValue] = {}
    for name, place, sent, ours in (
        ("title", "title", title(post), post.title),
        ("caption", "description", description(post), post.caption),
    ):
        listed = value_at(item, "snippet", place)
        if isinstance(listed, str):
            fields[name] = ours if listed == sent else listed
    made_at = time_of(text_at(item, "snippet", "publishedAt"))
    return Candidate(Receipt(id=id_, url=_address(service, id_)), fields=fields, created_at=made_at)


def _label(status: Any) -> Shown | None:
    said = value_at(status, "containsSyntheticMedia")
    return Shown(value=said, by="read") if isinstance(said, bool) else None


def _outcome(status: Mapping[str, Any], left_out: Any) -> dict[str, Any]:
    """Return the fields of a receipt for the status of a video that is not processed any more."""
    privacy = str(status.get("privacyStatus", ""))
    reason = str(status.get("failureReason") or status.get("rejectionReason") or "")
    states = {"failed": "failed", "rejected": "removed", "deleted": "removed"}
    state = states.get(str(status.get("uploadStatus")), "private" if privacy == "private" else "live")
    told = {"privacy": privacy, "reason": reason, LEFT_OUT: left_out}
    details = {name: value for name, value in told.items() if value or name == "privacy"}
    label = _label(status)
    return {"state": state, "details": details, **({} if label is None else {"disclosure": label})}
