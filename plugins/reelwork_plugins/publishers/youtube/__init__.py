"""`youtube`: uploads videos to a YouTube channel."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from pydantic import JsonValue

from reelwork_hooks import (
    AccountField,
    Candidate,
    Context,
    Credentials,
    Effect,
    Found,
    Idempotency,
    Job,
    Listing,
    NotDone,
    NotSent,
    OAuth,
    OutcomeUnknown,
    Pending,
    Plugin,
    Post,
    Receipt,
    ReelworkError,
    Rejected,
    Shown,
    Tokens,
    Unavailable,
    Unsure,
    hookimpl,
)
from reelwork_plugins.publishers.addresses import is_loopback
from reelwork_plugins.publishers.youtube.api import MOST_PAGES, PAGE, Api, refusal
from reelwork_plugins.publishers.youtube.config import (
    NOTHING_POSTED,
    YoutubeConfig,
    YoutubeOptions,
    body_hash,
    description,
    resource,
    title,
)
from reelwork_plugins.publishers.youtube.session import MEBIBYTE, Done, Gone, Open, Session, Status, begin
from reelwork_plugins.publishers.youtube.sign_in import API, channel_of, google, service_in

TRIES = 4
"""Times that the last piece is sent into one session."""
# Less than the time limit of `prepare_publish`. A large video over a slow line is continued in the next call.
UPLOAD_SECONDS = 1200.0
POLL_SECONDS = 30.0
MISSING_SECONDS = 900.0
"""Seconds for which a new video may be missing in the API."""


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
    # Calling again goes on in the same session, which makes one video. A session lives for about a week.
    idempotency = Idempotency.KEY
    key_seconds = 3 * 86_400.0
    settle_seconds = 120.0
    notes = (
        "A project may upload 100 videos a day; a channel has a limit of its own.",
        "Videos of a project that Google has not audited stay private, whatever they ask for.",
        "While the consent screen is in testing, sign in again every 7 days.",
    )
    account_fields: ClassVar[tuple[AccountField, ...]] = (
        AccountField("client_id", "Client ID", help="Of an OAuth client of the type Desktop app, in Google Cloud."),
        AccountField("client_secret", "Client secret", secret=True, help="Beside the client ID."),
        AccountField("service", required=False, help="The address of a simulator, to rehearse with."),
    )

    @staticmethod
    async def oauth(given: Mapping[str, str], redirect_uri: str, context: Context) -> OAuth:
        """Sign in at Google, or at a simulator. Raises `InvalidInput`."""
        return google(service_in(given))

    @staticmethod
    async def signed_in(tokens: Tokens, context: Context) -> tuple[Credentials, ...]:
        """Return the channel's account. Raises `InvalidInput` when there is no channel."""
        return (await channel_of(tokens, context),)

    @hookimpl
    async def prepare_publish(self, post: Post, job: Job) -> JsonValue | Pending:
        """Begin the upload, and send all but its last piece. Raises `Rejected`, `OutOfFunds` or `Unavailable`."""
        if not post.clip.video.media_type.startswith("video/"):
            raise Rejected(f"youtube: {post.clip.video.media_type} is no video.", money=NOTHING_POSTED)
        session, status = await self._session(post, job, repeat=True)
        if isinstance(status, Open):
            at = await session.up_to_last(status.offset, self.config.chunk * MEBIBYTE, seconds=UPLOAD_SECONDS)
            if isinstance(at, Open):
                return Pending(after=1, percent=100 * at.offset / post.clip.video.bytes)
            status = Open(at) if isinstance(at, int) else at
        if isinstance(status, Done):
            # The video is there already. Should the session be forgotten now, no other one may be begun.
            await self._keep(post, job, final=True)
        return {"session": self._key(post, job)}

    @hookimpl
    async def publish(self, post: Post, job: Job, effect: Effect) -> Receipt:
        """Send the last piece, which makes the video, or find that an earlier attempt has made it.

        Raises `NotSent` where no last piece has left, `OutcomeUnknown` where one may have.
        """
        try:
            session, status = await self._session(post, job, repeat=False, attempt=effect.attempt)
            if isinstance(status, Open):
                at = await session.up_to_last(status.offset, self.config.chunk * MEBIBYTE)
                status = Open(at) if isinstance(at, int) else at
        except OutcomeUnknown:
            raise
        except ReelworkError as error:
            raise await self._unsent(post, job, error) from error
        if isinstance(status, Open):
            status = await self._finished(session, status.offset, post, job)
        if not isinstance(status, Done):
            raise OutcomeUnknown("youtube: the upload's session is gone, and what it made is not known")
        return self._receipt(status.video, post)

    @hookimpl
    async def find_post(
        self, post: Post, job: Job, effect: Effect
    ) -> Found[Receipt] | NotDone | Listing[Receipt] | Unsure:
        """Ask the upload's session; when that is gone, read the channel's uploads."""
        kept = await self._kept(post, job)
        if kept is not None:
            # A refusal to tell would stand for ever; the channel's list can tell as well.
            status = await self._of(str(kept["address"]), post, job, repeat=True).ask(refused=True)
            if isinstance(status, Done):
                return Found.one(self._receipt(status.video, post))
            if isinstance(status, Open):
                return NotDone(why=f"{status.offset} of {post.clip.video.bytes} bytes have arrived")
        return await self._listing(post)

    @hookimpl
    async def follow_post(self, post: Post, job: Job, receipt: Receipt) -> Receipt | Pending:
        """Set the thumbnail, then wait until YouTube has processed the video, and read its label back."""
        # Not before: until the receipt is in the store, the session is what knows of the video.
        await self._forget(post, job)
        if job.pending is None:
            await self._dress(post, receipt.id)
        read = await self._api().read("videos", part="status,processingDetails", id=receipt.id)
        items = read.get("items") or ()
        if not items:
            age = (self.context.now() - (receipt.at or job.created_at)).total_seconds()
            if age < MISSING_SECONDS:
                return Pending(after=POLL_SECONDS)
            return receipt.replace(state="removed", details={"reason": "YouTube does not show it any more"})
        status = items[0].get("status") or {}
        if status.get("uploadStatus") == "uploaded":
            return Pending(after=POLL_SECONDS, state={"dressed": True})
        return receipt.replace(**_outcome(status))

    def _service(self) -> str:
        """Return the address of the API: the account's token is good there only."""
        return self.config.base_url or self.context.account(self.config.account).read().get("service") or API

    def _api(self) -> Api:
        return Api(self.context, self._service(), self.config.account)

    def _key(self, post: Post, job: Job) -> str:
        return f"session {job.id} {post.destination}"[:200]

    async def _kept(self, post: Post, job: Job) -> Mapping[str, Any] | None:
        # In the instance's state, which nothing shows: whoever has the address can end the upload.
        kept = await self.context.state.get(self._key(post, job))
        return kept if isinstance(kept, dict) else None

    def _of(self, address: str, post: Post, job: Job, *, repeat: bool) -> Session:
        def show(percent: float) -> None:
            self.context.progress(job, percent, "uploading to YouTube")

        return Session(self._api(), address, post.clip.video, show, repeat)

    async def _session(self, post: Post, job: Job, *, repeat: bool, attempt: int = 1) -> tuple[Session, Status]:
        """Return the post's one session and where it stands; begin it if there is none."""
        made = resource(post)
        # A session is of the channel that began it, whoever is signed in now.
        wanted = body_hash([made, self.context.account(self.config.account).identity], post.clip.video.sha256)
        kept = await self._kept(post, job)
        refused = kept is not None and bool(kept.get("refused"))
        if kept is not None:
            session = self._of(str(kept["address"]), post, job, repeat=repeat)
            # One that was refused is asked, too: what is kept may be of the day of a backup, and it was continued.
            status = await session.ask(refused=refused)
            # Its last piece has been sent: whatever became of that, no other session may be begun.
            if (kept.get("final") and not refused) or isinstance(status, Done):
                return session, status
            if isinstance(status, Open) and kept.get("body") == wanted:
                if refused:
                    await self._begun(post, job, {"address": session.address, "body": wanted}, kept)
                return session, status
        # Of the day of a backup as well: an earlier attempt may have gone further since.
        if attempt > 1 and not refused:
            raise OutcomeUnknown("youtube: the upload of an earlier attempt is gone, and what it made is not known")
        notify = YoutubeOptions.model_validate(dict(post.options)).notify
        address = await begin(self._api(), made, post.clip.video, notify=notify, repeat=repeat)
        await self._begun(post, job, {"address": address, "body": wanted}, kept)
        return self._of(address, post, job, repeat=repeat), Open(0)

    async def _begun(
        self, post: Post, job: Job, new: Mapping[str, JsonValue], kept: Mapping[str, Any] | None
    ) -> None:
        if not await self.context.state.set(self._key(post, job), dict(new), expect=dict(kept) if kept else None):
            # Another process was faster: its session is the one.
            raise Unavailable("youtube: another process has begun this upload")

    async def _finished(self, session: Session, at: int, post: Post, job: Job) -> Status:
        """Send the last piece until the session says what became of it."""
        # A last piece that was sent before may have arrived: then no refusal proves that there is no video.
        lost = await self._mark_final(post, job)
        for _ in range(TRIES):
            try:
                status = await session.send(at, session.video.bytes)
            except NotSent as error:
                if not lost:
                    raise
                raise OutcomeUnknown(error.message) from error
            except OutcomeUnknown as error:
                lost = True
                status = await self._asked(session, error)
            if not isinstance(status, Open | Done | Gone):
                problem = refusal(status, "the upload")
                if not lost and not isinstance(problem, Unavailable) and status.status_code in (400, 401, 403):
                    await self._keep(post, job, refused=True)
                    raise problem
                lost = True
                status = await self._asked(session, problem)
            if not isinstance(status, Open):
                return status
            at = status.offset
        raise OutcomeUnknown("youtube: the upload's session did not take the end of the video")

    async def _asked(self, session: Session, error: ReelworkError) -> Status:
        try:
            return await session.ask()
        except Unavailable as silent:
            raise OutcomeUnknown(f"{error.message}; {silent.message}") from silent

    async def _mark_final(self, post: Post, job: Job) -> bool:
        """Note on disk that the last piece is about to leave; return whether that had been noted before."""
        kept = await self._kept(post, job)
        if kept is None:
            raise NotSent("youtube: the upload's session was forgotten before its end", money=NOTHING_POSTED)
        if kept.get("final"):
            return True
        if not await self.context.state.set(self._key(post, job), {**kept, "final": True}, expect=dict(kept)):
            raise NotSent("youtube: another process has this upload", money=NOTHING_POSTED)
        return False

    async def _unsent(self, post: Post, job: Job, error: ReelworkError) -> ReelworkError:
        """Return what a failure before the last piece means: an earlier attempt may have sent it."""
        kept = await self._kept(post, job)
        if kept is not None and kept.get("final") and not kept.get("refused"):
            return OutcomeUnknown(error.message, hint=error.hint)
        if isinstance(error, NotSent | Rejected):
            return error
        wait = getattr(error, "retry_after", None)
        return NotSent(error.message, retry_after=wait, money=NOTHING_POSTED, hint=error.hint)

    async def _keep(self, post: Post, job: Job, **change: JsonValue) -> None:
        if kept := await self._kept(post, job):
            await self.context.state.set(self._key(post, job), {**kept, **change}, expect=dict(kept))

    async def _forget(self, post: Post, job: Job) -> None:
        if kept := await self._kept(post, job):
            await self.context.state.set(self._key(post, job), None, expect=dict(kept))

    async def _listing(self, post: Post) -> Listing[Receipt]:
        """Report the newest uploads of the channel, newest first."""
        api = self._api()
        mine = await api.read("channels", part="contentDetails", mine="true")
        try:
            uploads = str(mine["items"][0]["contentDetails"]["relatedPlaylists"]["uploads"])
        except (KeyError, IndexError, TypeError):
            raise Unavailable("youtube: the channel names no list of its uploads") from None
        found: list[Candidate[Receipt]] = []
        total, page = None, ""
        for _ in range(MOST_PAGES):
            more = {"pageToken": page} if page else {}
            read = await api.read(
                "playlistItems", part="snippet,contentDetails", playlistId=uploads, maxResults=PAGE, **more
            )
            found += [
                one for item in read.get("items") or () if (one := _candidate(item, post, api.base_url)) is not None
            ]
            count = (read.get("pageInfo") or {}).get("totalResults")
            total, page = (count if isinstance(count, int) else total), str(read.get("nextPageToken") or "")
            if not page:
                break
        why = f"only the newest {MOST_PAGES * PAGE} uploads were read" if page else ""
        return Listing(tuple(found), complete=not page, why=why, total=total)

    async def _dress(self, post: Post, video: str) -> None:
        picture = post.thumbnail
        if picture is None or picture.media_type not in ("image/jpeg", "image/png"):
            return
        try:
            await self._api().set_thumbnail(video, picture)
        except ReelworkError as error:
            self.context.log.warning("%s. The video is there, with a picture of YouTube's choice.", error.message)

    def _receipt(self, video: Mapping[str, Any], post: Post) -> Receipt:
        id_, status = str(video["id"]), video.get("status")
        told = status if isinstance(status, dict) else {}
        asked = resource(post)["status"]
        privacy = str(told.get("privacyStatus") or asked["privacyStatus"])
        if privacy != asked["privacyStatus"]:
            self.context.log.warning(
                "YouTube made %s %s, not %s: Google has not audited the project of this client.",
                id_,
                privacy,
                asked["privacyStatus"],
            )
        return Receipt(
            id=id_,
            url=_address(self._service(), id_),
            details={"privacy": privacy},
            state="processing",
            disclosure=_label(told) or Shown(value=asked["containsSyntheticMedia"], by="sent"),
        )


def _address(service: str, id_: str) -> str:
    """Return where people look at a video."""
    return f"{service if is_loopback(service) else 'https://www.youtube.com'}/watch?v={id_}"


def _candidate(item: Mapping[str, Any], post: Post, service: str) -> Candidate[Receipt] | None:
    snippet, details = item.get("snippet") or {}, item.get("contentDetails") or {}
    id_ = details.get("videoId")
    if not isinstance(id_, str):
        return None
    # The title and description that were sent for these words: listed as sent, they are ours.
    fields: dict[str, JsonValue] = {}
    for name, sent, ours in (
        ("title", title(post), post.title),
        ("caption", description(post), post.caption),
    ):
        listed = snippet.get("title" if name == "title" else "description")
        if isinstance(listed, str):
            fields[name] = ours if listed == sent else listed
    return Candidate(
        Receipt(id=id_, url=_address(service, id_)), fields=fields, created_at=_time(snippet.get("publishedAt"))
    )


def _label(status: Mapping[str, Any]) -> Shown | None:
    said = status.get("containsSyntheticMedia")
    return Shown(value=said, by="read") if isinstance(said, bool) else None


def _outcome(status: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a receipt for the status of a video that is not processed any more."""
    privacy = str(status.get("privacyStatus", ""))
    reason = str(status.get("failureReason") or status.get("rejectionReason") or "")
    states = {"failed": "failed", "rejected": "removed", "deleted": "removed"}
    state = states.get(str(status.get("uploadStatus")), "private" if privacy == "private" else "live")
    details = {"privacy": privacy, **({"reason": reason} if reason else {})}
    fields: dict[str, Any] = {"state": state, "details": details}
    if (label := _label(status)) is not None:
        fields["disclosure"] = label
    return fields


def _time(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text)).astimezone(UTC)
    except ValueError:
        return None
