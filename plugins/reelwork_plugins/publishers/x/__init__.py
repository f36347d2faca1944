"""`x`: posts videos to X, formerly Twitter."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from pydantic import JsonValue

from reelwork_hooks import (
    AccountField,
    Brief,
    Candidate,
    Context,
    Credentials,
    Effect,
    HttpProgress,
    Idempotency,
    InvalidInput,
    Job,
    Listing,
    NotSent,
    OAuth,
    OutcomeUnknown,
    Pending,
    Plugin,
    Post,
    Problem,
    Quote,
    Receipt,
    Rejected,
    Shown,
    StoredAccount,
    Tokens,
    Unavailable,
    errors_as,
    hookimpl,
)
from reelwork_plugins.publishers.captions import LEFT_OUT
from reelwork_plugins.publishers.noted_keys import note_key
from reelwork_plugins.publishers.own_account import own_account
from reelwork_plugins.publishers.planned import cut_caption, refusal_of
from reelwork_plugins.publishers.upload_progress import upload_progress
from reelwork_plugins.publishers.x.api import Api, unposted
from reelwork_plugins.publishers.x.captions import CAPTIONS, Tracks, added, uploaded
from reelwork_plugins.publishers.x.checks import PREMIUM_VIDEO, VIDEO, brief_problems, check_post
from reelwork_plugins.publishers.x.config import NOTHING_POSTED, XConfig, XOptions
from reelwork_plugins.publishers.x.listing import Posts, receipt_of
from reelwork_plugins.publishers.x.media import Media, State, piece_of
from reelwork_plugins.publishers.x.prices import OWN_POST_READ, quote
from reelwork_plugins.publishers.x.sign_in import API, home_of, oauth_of, problems_of, who_signed_in
from reelwork_plugins.publishers.x.text import alt_text, may_have_link, post_text

TRIES = 3
"""Uploads of one post that are begun where one does not come to its end."""
# Less than the time limit of `prepare_publish`. A large video over a slow line is continued in the next call.
UPLOAD_SECONDS = 600.0
# X lists a post within seconds. What may still make one after an answer was lost has done so by then.
SETTLE_SECONDS = 60.0
SPARE_SECONDS = 300.0
"""Seconds before its end in which an upload is not posted any more."""
# Each post that is read is charged. One of Reelwork's within this time shows that the list can be believed.
LOOK_BACK = timedelta(days=3)
"""How far the list of posts is read back behind a post that is in doubt."""
_REPLIES = {"following": "following", "mentioned": "mentionedUsers"}


class X(Plugin):
    """Posts the clip to X and says in X's own field that it was made with AI.

    The video is uploaded first, which nobody sees. One request then makes the post. When its answer is lost, the
    account's own posts are read: ours is the one with our upload.
    """

    Config = XConfig
    config: XConfig
    PostOptions = XOptions
    post_fields = ("alt_text", "disclosure")
    public = True
    # Its checks of a brief: all else is `async`.
    computes = True
    idempotency = Idempotency.LOOKUP
    settle_seconds = SETTLE_SECONDS
    dated_lookups = False
    accepts = VIDEO
    caption_types = tuple(CAPTIONS.media_types)
    notes = (
        "X charges for each call: $0.015 for a post, $0.20 for one with a link, $0.005 for an alt text.",
        "Whether there are credits left cannot be asked: a post without credits waits for you to buy some.",
        "X takes 100 posts of an account in a quarter of an hour, and refuses a text that was just posted.",
    )
    account_fields: ClassVar[tuple[AccountField, ...]] = (
        AccountField("client_id", "Client ID", help="Of an app of yours at console.x.com, under OAuth 2.0."),
        AccountField(
            "client_secret", "Client secret", secret=True, required=False, help="For an app of the type Web App."
        ),
        AccountField("redirect_uri", required=False, help="By default http://127.0.0.1:8080/callback."),
        AccountField("service", required=False, help="The address of a simulator, to rehearse with."),
    )

    def __init__(self, config: XConfig, context: Context) -> None:
        super().__init__(config, context)
        if config.premium:
            self.accepts = PREMIUM_VIDEO  # type: ignore[misc]

    @staticmethod
    async def oauth(given: Mapping[str, str], redirect_uri: str, context: Context) -> OAuth:
        """Sign in at X, or at a simulator. Raises `InvalidInput`."""
        return oauth_of(given)

    @staticmethod
    async def signed_in(tokens: Tokens, context: Context) -> tuple[Credentials, ...]:
        """Ask who signed in. Raises `InvalidInput` or `Unavailable`."""
        return (await who_signed_in(tokens, context),)

    @staticmethod
    async def check_account(account: StoredAccount, context: Context) -> list[Problem]:
        """Ask whether the token is accepted."""
        return await problems_of(account, context)

    def post_price(self, post: Post) -> Quote:
        """Return the price of a post: a link makes it dearer, and an alt text has its own."""
        return quote(link=may_have_link(post, self.config.text), alt_text=bool(post.alt_text))

    @hookimpl
    def check_brief(self, brief: Brief, job: Job, post: Post | None) -> Iterable[Problem]:
        """Tell what X would refuse, before a video is paid for."""
        problems = list(brief_problems(brief, self.context.name))
        if problems or post is None:
            return problems
        text = post_text(post, job, self.config.text, premium=self.config.premium)
        return refusal_of(lambda: check_post(post)) or cut_caption(post, self.config.text, text)

    def _account(self) -> Mapping[str, str]:
        return own_account(self.context, self.config.account, "x").read()

    def _api(self) -> Api:
        return Api(self.context, self._account().get("service") or API, self.config.account)

    @hookimpl
    async def prepare_publish(self, post: Post, job: Job) -> JsonValue | Pending:
        """Upload the video, which nobody sees, in as many calls as it takes. Uploading again does no harm.

        Raises `Rejected`, `OutOfFunds` or `Unavailable`.
        """
        kept = job.pending.state if job.pending is not None else None
        state = dict(kept) if isinstance(kept, Mapping) else {}
        if "media" not in state:
            return await self._begun(post, int(str(state.get("tries", 0))))
        media, id_ = Media(self._api()), str(state["media"])
        if state.get("whole"):
            return await self._looked_at(media, await media.state(id_), post, job, state)
        return await self._sent(media, post, job, state)

    async def _begun(self, post: Post, tries: int) -> Pending:
        check_post(post)
        made = await Media(self._api()).begin(post.clip.video)
        ends = self.context.now().timestamp() + made.ends_after
        # The handle is on disk before the first byte is sent: an upload that breaks off is continued.
        return Pending(after=0, state={"media": made.media, "ends": ends, "next": 0, "tries": tries})

    async def _sent(self, media: Media, post: Post, job: Job, state: Mapping[str, Any]) -> JsonValue | Pending:
        """Send the pieces that are left, then say that these were all."""
        video, index, stops = post.clip.video, int(str(state["next"])), time.monotonic() + UPLOAD_SECONDS
        piece = piece_of(video.bytes)
        try:
            while index * piece < video.bytes and time.monotonic() < stops:
                await media.append(str(state["media"]), index, video, self._shows(job, video.bytes, index * piece))
                index += 1
            if index * piece < video.bytes:
                return Pending(after=0, state={**state, "next": index}, percent=100 * index * piece / video.bytes)
            told = await self._finished(media, str(state["media"]))
        except Rejected as error:
            # X may have forgotten it. A new upload tells nothing wrong.
            return self._again(error.message, state)
        # Pieces that came twice, or not at all, show in the size.
        if told.size not in (None, video.bytes):
            return self._again(f"x: {told.size} of {video.bytes} bytes have arrived", state)
        return await self._looked_at(media, told, post, job, {**state, "whole": True})

    async def _finished(self, media: Media, id_: str) -> State:
        try:
            return await media.finish(id_)
        except Rejected:
            # An earlier call may have finished it, and its answer was lost.
            told = await media.state(id_)
            if told.size is None:
                raise
            return told

    def _shows(self, job: Job, total: int, offset: int) -> HttpProgress:
        return upload_progress(self.context, job, "uploading to X", total, offset)

    async def _looked_at(
        self, media: Media, told: State, post: Post, job: Job, state: Mapping[str, Any]
    ) -> JsonValue | Pending:
        if told.word == "failed":
            why = told.why or "it does not say why"
            raise Rejected(f"x: X could not use the video: {why}.", money=NOTHING_POSTED)
        if told.word == "working":
            return Pending(after=told.after, state=dict(state), percent=told.percent)
        id_ = str(state["media"])
        if post.captions and "tracks" not in state:
            # On disk before they are added: what is repeated adds the same uploads.
            tracks = await uploaded(media, post)
            return Pending(after=0, state={**state, "tracks": tracks.as_json()})
        tracks = await added(media, id_, Tracks.of(state.get("tracks")))
        if described := alt_text(post):
            await media.describe(id_, described)
        # The text is made here, once: what is sent again after a doubt is what was sent before.
        text = post_text(post, job, self.config.text, premium=self.config.premium)
        left_out: dict[str, JsonValue] = {LEFT_OUT: list(tracks.left_out)} if tracks.left_out else {}
        return {"media": id_, "ends": float(str(state["ends"])), "text": text, **left_out}

    def _again(self, why: str, state: Mapping[str, Any]) -> Pending:
        """Begin anew, or give up. Raises `Rejected`."""
        tries = int(str(state.get("tries", 0))) + 1
        if tries >= TRIES:
            raise Rejected(f"{why.rstrip('.')}; {tries} uploads were begun.", money=NOTHING_POSTED)
        return Pending(after=1, state={"tries": tries})

    @hookimpl
    async def publish(self, post: Post, job: Job, effect: Effect) -> Receipt:
        """Post, once.

        Raises `NotSent` or `Rejected` where nothing was posted, `AlreadyThere` or `OutcomeUnknown` otherwise.
        """
        prepared = effect.prepared
        assert isinstance(prepared, Mapping)
        if float(str(prepared["ends"])) - SPARE_SECONDS < self.context.now().timestamp():
            raise NotSent("x: the upload has expired", prepare_again=True, money=NOTHING_POSTED)
        # Nothing has left yet: an account that was removed leaves no doubt.
        with errors_as(NotSent, InvalidInput, lasting=True, money=NOTHING_POSTED):
            home, api = home_of(self._account()), self._api()
            await note_key(self.context.state, str(prepared["media"]), effect.key)
        with (
            errors_as(NotSent, InvalidInput, lasting=True, money=NOTHING_POSTED),
            errors_as(NotSent, Unavailable, money=NOTHING_POSTED),
        ):
            answer = await api.request("POST", f"{api.base_url}/2/tweets", json=_body(post, prepared))
        id_ = answer.text_at("data", "id")
        if answer.ok and id_:
            sent = Shown(value=post.ai_generated, by="sent")
            for told in _left_out(prepared):
                self.context.log.warning("The video is posted. %s", told)
            return _whole(receipt_of(id_, home), prepared).replace(disclosure=sent)
        if answer.ok:
            raise OutcomeUnknown("x: the post was answered without an id")
        raise unposted(answer)

    @hookimpl
    async def find_post(self, post: Post, job: Job, effect: Effect) -> Listing[Receipt]:
        """List the account's posts of the last days: ours is the one with our upload. Raises `Unavailable`."""
        values, prepared, now = self._account(), effect.prepared, self.context.now()
        # The note may be lost: a backup may have been made between the start of this sending and the note.
        ours = {str(prepared["media"]): effect.key} if isinstance(prepared, Mapping) else {}
        posts = Posts(self._api(), values["id"], home_of(values))
        sent_at = datetime.fromtimestamp(effect.started_at, UTC) if effect.started_at else now
        try:
            found = await posts.since(min(sent_at, now) - LOOK_BACK, self.context.state, ours)
        finally:
            await self._paid(job, posts.count, now)
        return replace(found, candidates=tuple(_with_left_out(one, effect) for one in found.candidates))

    async def _paid(self, job: Job, count: int, now: datetime) -> None:
        if count:
            what = f"reading {count} posts at X" if count > 1 else "reading a post at X"
            await self.context.spent(job, OWN_POST_READ * count, what=what, key=f"read {now.isoformat()}")


def _whole(receipt: Receipt, prepared: Any) -> Receipt:
    """Return a receipt with what X did not take with the video."""
    left_out = _left_out(prepared)
    return receipt.replace(details={LEFT_OUT: left_out}) if left_out else receipt


def _left_out(prepared: Any) -> list[Any]:
    return list(prepared.get(LEFT_OUT, ())) if isinstance(prepared, Mapping) else []


def _with_left_out(one: Candidate[Receipt], effect: Effect) -> Candidate[Receipt]:
    return replace(one, result=_whole(one.result, effect.prepared)) if one.ref == effect.key else one


def _body(post: Post, prepared: Mapping[str, Any]) -> dict[str, Any]:
    options = XOptions.model_validate(dict(post.options))
    body: dict[str, Any] = {
        "text": str(prepared["text"]),
        "media": {"media_ids": [str(prepared["media"])]},
        # Also where it is false: so it is said.
        "made_with_ai": post.ai_generated,
    }
    if options.replies != "everyone":
        body["reply_settings"] = _REPLIES.get(options.replies, options.replies)
    if options.paid_partnership:
        body["paid_partnership"] = True
    return body
