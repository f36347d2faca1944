"""`facebook`: posts reels and videos to Facebook pages."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from pydantic import JsonValue

from reelwork_hooks import (
    AccountField,
    AlreadyThere,
    Brief,
    Context,
    Credentials,
    Effect,
    Found,
    HttpProgress,
    Idempotency,
    InvalidInput,
    Job,
    NotDone,
    NotSent,
    OAuth,
    OutcomeUnknown,
    Pending,
    Plugin,
    Post,
    Problem,
    Receipt,
    Rejected,
    Shown,
    StoredAccount,
    Target,
    Tokens,
    Unavailable,
    Unsure,
    errors_as,
    hookimpl,
    value_at,
)
from reelwork_plugins.publishers.captions import LEFT_OUT
from reelwork_plugins.publishers.facebook.checks import (
    account_problems,
    brief_problems,
    check_post,
    kind_of,
    not_shown_yet,
    schedule,
)
from reelwork_plugins.publishers.facebook.config import FacebookConfig
from reelwork_plugins.publishers.facebook.dressing import CAPTIONS, dress
from reelwork_plugins.publishers.facebook.shape import LONGEST
from reelwork_plugins.publishers.facebook.sign_in import accounts_of, base_url, oauth_of, uploads_url
from reelwork_plugins.publishers.facebook.standing import Standing
from reelwork_plugins.publishers.facebook.text import description, title
from reelwork_plugins.publishers.facebook.videos import CODES, Span, Videos
from reelwork_plugins.publishers.meta.graph import NOTHING_POSTED, Graph
from reelwork_plugins.publishers.meta.pages import has_ended
from reelwork_plugins.publishers.meta.upload import send, upload_address
from reelwork_plugins.publishers.own_account import own_account
from reelwork_plugins.publishers.planned import cut_caption, refusal_of
from reelwork_plugins.publishers.upload_progress import upload_progress

FIRST_POLL, LONGEST_POLL = 5.0, 60.0
"""Seconds after which a video is asked for, growing."""
TRIES = 3
"""Uploads of one post that are begun where one does not come to its end."""
# Less than the time limit of `prepare_publish`. A large video over a slow line is continued in the next call.
UPLOAD_SECONDS = 600.0
MISSING_SECONDS = 900.0
"""Seconds for which a new post may not be shown as one."""

VIDEO = Target(longest=14_400, most_bytes=10_000_000_000, codecs=("h264", "hevc"))
REEL = VIDEO.replace(longest=LONGEST, aspect_ratio="9:16")


class Facebook(Plugin):
    """Posts the clip to a Facebook page and says in Facebook's own field that it was made with AI.

    The video is uploaded first, which nobody sees. Finishing the upload is the one step that counts: when its
    answer is lost, the video says whether it is published.
    """

    Config = FacebookConfig
    config: FacebookConfig
    post_fields = ("publish_at", "disclosure")
    public = True
    # Its checks of a brief: all else is `async`.
    computes = True
    idempotency = Idempotency.LOOKUP
    # Longer than a gateway waits: what may still publish the video has done so by then.
    settle_seconds = 120.0
    dated_lookups = False
    accepts = VIDEO
    caption_types = tuple(CAPTIONS.media_types)
    notes = (
        "Facebook takes 30 reels of a page through its API in 24 hours.",
        "Until Meta has reviewed your app, only people with a role in it can sign in, and only they see its posts.",
        "A page's token does not expire on its own: it ends with your password, or with your role on the page.",
    )
    account_fields: ClassVar[tuple[AccountField, ...]] = (
        AccountField("client_id", "App ID", help="Of an app of yours at developers.facebook.com."),
        AccountField("client_secret", "App secret", secret=True, help="Beside the ID."),
        AccountField("service", required=False, help="The address of a simulator, to rehearse with."),
    )

    def __init__(self, config: FacebookConfig, context: Context) -> None:
        super().__init__(config, context)
        if config.kind == "reel":
            self.accepts = REEL  # type: ignore[misc]

    @staticmethod
    async def oauth(given: Mapping[str, str], redirect_uri: str, context: Context) -> OAuth:
        """Sign in at Facebook, or at a simulator. Raises `InvalidInput`."""
        return oauth_of(given, redirect_uri)

    @staticmethod
    async def signed_in(tokens: Tokens, context: Context) -> tuple[Credentials, ...]:
        """Return the accounts of the pages. Raises `InvalidInput`."""
        return await accounts_of(tokens, context)

    @staticmethod
    async def refreshed(kept: Credentials, context: Context) -> Credentials:
        """Raise `InvalidInput`: only a person can sign in again."""
        raise has_ended("facebook")

    @staticmethod
    async def check_account(account: StoredAccount, context: Context) -> list[Problem]:
        """Ask whether the page's token is accepted."""
        return await account_problems(account, context)

    @hookimpl
    def check_brief(self, brief: Brief, job: Job, post: Post | None) -> Iterable[Problem]:
        """Tell what Facebook would refuse, before a video is paid for."""
        problems = list(brief_problems(brief, self.context.name, self.config.kind, self.context.now()))
        if post is None or (problems := problems or refusal_of(lambda: self.kind(post))):
            return problems
        return cut_caption(post, self.config.text, description(post, job, self.config.text, self.kind(post)))

    def kind(self, post: Post) -> str:
        """Return the kind of post that it becomes, `reel` or `video`. Raises `Rejected`."""
        return kind_of(post, self.config.kind)

    def _account(self) -> Mapping[str, str]:
        return own_account(self.context, self.config.account, "facebook").read()

    def _videos(self) -> Videos:
        values = self._account()
        graph = Graph(self.context, "facebook", base_url(values), self.config.account, CODES)
        return Videos(graph, values["id"], uploads_url(values))

    @hookimpl
    async def prepare_publish(self, post: Post, job: Job) -> JsonValue | Pending:
        """Upload the video, which nobody sees, in as many calls as it takes. Uploading again does no harm.

        Raises `Rejected`, `OutOfFunds` or `Unavailable`.
        """
        kept = job.pending.state if job.pending is not None else None
        state = dict(kept) if isinstance(kept, Mapping) else {}
        if "video" not in state:
            return await self._begun(post, int(str(state.get("tries", 0))))
        if state.get("sent"):
            return await self._looked_at(post, state)
        if state["kind"] == "video":
            return await self._transferred(post, job, state)
        return await self._sent(post, job, state)

    async def _begun(self, post: Post, tries: int) -> Pending:
        now = self.context.now()
        check_post(post, now)
        kind = self.kind(post)
        # Facebook keeps no post for so short a time: it is uploaded when it is due.
        if (wait := not_shown_yet(post, now)) > 0:
            return Pending(after=wait, state={"tries": tries})
        made: dict[str, JsonValue] = {**await self._videos().begin(kind, post.clip.video.bytes)}
        # The handle is on disk before the first byte is sent: an upload that breaks off is continued.
        return Pending(after=0, state={**made, "kind": kind, "tries": tries})

    def _shows(self, job: Job, total: int, offset: int) -> HttpProgress:
        return upload_progress(self.context, job, "uploading to Facebook", total, offset)

    async def _sent(self, post: Post, job: Job, state: Mapping[str, Any]) -> JsonValue | Pending:
        """Send a reel's bytes, from where an earlier call broke off."""
        videos, video = self._videos(), post.clip.video
        standing = await videos.standing(str(state["video"]))
        if standing.word in ("missing", "broken"):
            return self._again(standing, state)
        if standing.word == "uploading" or (standing.word == "unclear" and standing.received < video.bytes):
            offset = standing.received if standing.received < video.bytes else 0
            address = upload_address("facebook", self._account(), str(state["place"]))
            show = self._shows(job, video.bytes, offset)
            answer = await send(videos.graph, self.config.account, address, video, show, offset=offset)
            if not answer.ok or answer.at("success") is not True:
                problem = videos.graph.refusal(answer, "the upload")
                # The status may lag behind what has arrived. A new upload tells nothing wrong.
                if isinstance(problem, Rejected):
                    return self._again(Standing("broken", problem.message), state)
                raise problem
        return await self._looked_at(post, {**state, "sent": True, "after": FIRST_POLL})

    async def _transferred(self, post: Post, job: Job, state: Mapping[str, Any]) -> JsonValue | Pending:
        """Send the pieces of a plain video that Facebook asks for, one after the other."""
        videos, video, ends = self._videos(), post.clip.video, time.monotonic() + UPLOAD_SECONDS
        span = Span(int(str(state["start"])), int(str(state["end"])))
        before = -1
        while span.start < span.end and time.monotonic() < ends:
            if span.start == before:
                raise Unavailable(f"facebook: the upload does not continue at byte {span.start}")
            before = span.start
            show = self._shows(job, video.bytes, span.start)
            try:
                span = await videos.transfer(str(state["session"]), span, video, show)
            except Rejected as error:
                # A session may have ended.
                return self._again(Standing("broken", error.message), state)
        if span.start < span.end:
            left = {"start": str(span.start), "end": str(span.end)}
            return Pending(after=0, state={**state, **left}, percent=100 * span.start / video.bytes)
        # The session itself says that it has all of it.
        return _prepared(state)

    async def _looked_at(self, post: Post, state: Mapping[str, Any]) -> JsonValue | Pending:
        standing = await self._videos().standing(str(state["video"]))
        if standing.word in ("missing", "broken"):
            return self._again(standing, state)
        is_there = standing.word == "unclear" and standing.received >= post.clip.video.bytes
        if is_there or standing.word == "uploaded" or standing.is_posted:
            return _prepared(state)
        after = min(float(str(state["after"])) * 1.5, LONGEST_POLL)
        return Pending(after=after, state={**state, "after": after})

    def _again(self, standing: Standing, state: Mapping[str, Any]) -> Pending:
        """Begin anew, or give up. Raises `Rejected`."""
        tries = int(str(state.get("tries", 0))) + 1
        # An error while the video is looked at is about the video; everything else is about its way there.
        if tries >= TRIES or (standing.word == "broken" and standing.said == "error"):
            told = standing.why or standing.said or standing.word
            raise Rejected(f"facebook: Facebook could not use the video: {told}.", money=NOTHING_POSTED)
        return Pending(after=FIRST_POLL, state={"tries": tries})

    @hookimpl
    async def publish(self, post: Post, job: Job, effect: Effect) -> Receipt:
        """Finish the upload, once, which publishes the video or puts it on Facebook's own schedule.

        Raises `NotSent` or `Rejected` where nothing was posted, `AlreadyThere` or `OutcomeUnknown` otherwise.
        """
        prepared = effect.prepared
        assert isinstance(prepared, Mapping)
        kind, now = str(prepared["kind"]), self.context.now()
        # Trouble with the account or the status comes up before the post leaves, or after it was turned away.
        with (
            errors_as(NotSent, InvalidInput, lasting=True, money=NOTHING_POSTED),
            errors_as(NotSent, Unavailable, money=NOTHING_POSTED),
        ):
            videos = self._videos()
            await self._check_unposted(videos, kind, str(prepared["video"]), effect.attempt)
            if (wait := not_shown_yet(post, now)) > 0:
                raise NotSent("facebook: it is not time to post yet", retry_after=wait, money=NOTHING_POSTED)
            await videos.finish(kind, prepared, self._form(post, job, kind, now))
        return _receipt(prepared, post)

    def _form(self, post: Post, job: Job, kind: str, now: datetime) -> dict[str, str]:
        # The label also where it is false, so that what is read back was said.
        form = {"is_ai_generated": str(post.ai_generated).lower(), **schedule(post, kind, now)}
        words = {"title": title(post), "description": description(post, job, self.config.text, kind)}
        return {**form, **{name: value for name, value in words.items() if value}}

    async def _check_unposted(self, videos: Videos, kind: str, video: str, attempt: int) -> None:
        """Raise what it means that a video cannot be published now."""
        standing = await videos.standing(video)
        told = f"facebook: the video is {standing.said or standing.word}"
        if standing.is_posted:
            raise AlreadyThere("facebook: the video has been published")
        if standing.word == "broken" or (standing.word == "uploading" and kind == "reel"):
            # It was not published, and never will be.
            raise NotSent(told, prepare_again=True, money=NOTHING_POSTED)
        if standing.word in ("missing", "unclear"):
            # It may have been published long ago, and be forgotten since. A plain video may show nothing before it
            # is published: then only what was never sent is sure.
            if attempt > 1 or (standing.word == "missing" and kind == "reel"):
                raise OutcomeUnknown(told)
            if await videos.is_listed(kind, video):
                raise AlreadyThere("facebook: the video is in the page's list")

    @hookimpl
    async def find_post(self, post: Post, job: Job, effect: Effect) -> Found[Receipt] | NotDone | Unsure:
        """Ask the video, which says whether it is published, and the page's list. Raises `Unavailable`."""
        prepared = effect.prepared
        if not isinstance(prepared, Mapping):
            return Unsure("the upload was not recorded, and no other handle shows it")
        videos, kind, video = self._videos(), str(prepared["kind"]), str(prepared["video"])
        standing = await videos.standing(video)
        if standing.is_posted or await videos.is_listed(kind, video):
            return Found.one(_receipt(prepared, post))
        # Both have said no. Of a video that is worked on or forgotten that is no proof.
        return NotDone(
            final=standing.word in ("uploaded", "broken"),
            why=f"the video is {standing.said or standing.word}, and not in the page's list",
        )

    @hookimpl
    async def follow_post(self, post: Post, job: Job, receipt: Receipt) -> Receipt | Pending:
        """Set the thumbnail, then wait until the video is shown, and read its label back. Raises `Unavailable`."""
        videos = self._videos()
        state = await self._dressed(videos, post, receipt) if job.pending is None else job.pending.state
        if left_out := value_at(state, LEFT_OUT):
            receipt = receipt.replace(details={**receipt.details, LEFT_OUT: left_out})
        standing = await videos.standing(receipt.id)
        details = {**receipt.details, **({"reason": standing.why or standing.said} if standing.why else {})}
        is_new = self.context.now() - (receipt.at or job.created_at) < timedelta(seconds=MISSING_SECONDS)
        match standing.word:
            case "live" | "scheduled":
                return await self._shown(videos, standing, post, receipt)
            case "failed":
                reason = {"reason": standing.why or "Facebook could not publish it"}
                return receipt.replace(state="failed", details={**details, **reason})
            case "missing" if not is_new:
                return receipt.replace(state="removed", details={"reason": "Facebook no longer shows it"})
            case "uploading" | "uploaded" | "broken" if not is_new:
                reason = {"reason": f"Facebook took it, and says that it is {standing.said or standing.word}"}
                return receipt.replace(state="failed", details={**details, **reason})
        after = FIRST_POLL if job.pending is None else min(job.pending.after * 1.5, LONGEST_POLL)
        return Pending(after=after, state=state)

    async def _shown(self, videos: Videos, standing: Standing, post: Post, receipt: Receipt) -> Receipt:
        values = self._account()
        host = values.get("service") or "https://www.facebook.com"
        url = f"{host}{standing.url}" if standing.url.startswith("/") else standing.url
        label = await videos.label(receipt.id)
        shown = {} if label is None else {"disclosure": Shown(value=label, by="read")}
        # One that Facebook keeps for later is seen by the page's people alone.
        state = "live" if standing.word == "live" else "private"
        kept = {"publish_at": post.publish_at.isoformat()} if state == "private" and post.publish_at else {}
        return receipt.replace(url=url, state=state, details={**receipt.details, **kept}, **shown)

    async def _dressed(self, videos: Videos, post: Post, receipt: Receipt) -> JsonValue:
        left_out = await dress(videos, post, receipt.id)
        for told in left_out:
            self.context.log.warning("The video is posted. %s", told)
        return {LEFT_OUT: list[JsonValue](left_out)}


def _prepared(state: Mapping[str, Any]) -> JsonValue:
    return {name: str(state[name]) for name in ("kind", "video", "session") if name in state}


def _receipt(prepared: Mapping[str, Any], post: Post) -> Receipt:
    return Receipt(
        id=str(prepared["video"]),
        details={"kind": str(prepared["kind"])},
        state="processing",
        disclosure=Shown(value=post.ai_generated, by="sent"),
    )
