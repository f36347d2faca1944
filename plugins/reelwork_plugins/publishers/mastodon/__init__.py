"""`mastodon`: posts videos to Mastodon, or to any server with its API."""

from __future__ import annotations

import hashlib
from asyncio import sleep
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import JsonValue

from reelwork_hooks import (
    AccountField,
    AlreadyThere,
    Context,
    Credentials,
    Effect,
    Idempotency,
    Job,
    Listing,
    NotSent,
    OAuth,
    Pending,
    Plugin,
    Post,
    Problem,
    Receipt,
    ReelworkError,
    Rejected,
    StoredAccount,
    Tokens,
    Unavailable,
    errors_as,
    hookimpl,
)
from reelwork_plugins.publishers.mastodon.api import MEDIA_GONE, NOTHING_POSTED, REFUSALS, Limits
from reelwork_plugins.publishers.mastodon.config import DEFAULT_ACCOUNT, MastodonConfig, MastodonPostOptions
from reelwork_plugins.publishers.mastodon.listing import posts_of, receipt_of
from reelwork_plugins.publishers.mastodon.sign_in import (
    SignedIn,
    account_values,
    problems_of,
    register,
    signed_in,
    who_signed_in,
)
from reelwork_plugins.publishers.mastodon.text import counted, post_text, shortened
from reelwork_plugins.publishers.noted_keys import note_key
from reelwork_plugins.publishers.post_text import filled

UNSENT = "unsent"
"""The note of the attempt up to which none was accepted, for certain."""
NOTHING_SENT = "Nothing was posted by this attempt."
FIRST_LOOK, LONGEST_LOOK = 2.0, 60.0
"""Seconds after which the state of an uploaded video is asked for, growing."""


class Mastodon(Plugin):
    """Posts the clip with its text, alt text and hashtags; says by default that it was made with AI."""

    Config = MastodonConfig
    config: MastodonConfig
    PostOptions = MastodonPostOptions
    post_fields = ("alt_text",)
    no_captions = True
    public = True
    # Mastodon itself knows a repeated post by its key; other software takes the key and ignores it. What is not
    # known to honour it is looked up.
    idempotency = Idempotency.LOOKUP
    settle_seconds = 5.0
    key_seconds = 3600.0
    account_fields = (
        AccountField("instance", "Instance", help="The server your account is at, such as mastodon.social."),
    )

    def __init__(self, config: MastodonConfig, context: Context) -> None:
        super().__init__(config, context)
        if self._honours_key():
            self.idempotency = Idempotency.KEY  # type: ignore[misc]

    @staticmethod
    async def oauth(given: Mapping[str, str], redirect_uri: str, context: Context) -> OAuth:
        """Register a program at the instance, and sign in with it."""
        return await register(given, redirect_uri, context)

    @staticmethod
    async def signed_in(tokens: Tokens, context: Context) -> tuple[Credentials, ...]:
        """Ask the instance who signed in."""
        return (await who_signed_in(tokens, context),)

    @staticmethod
    async def check_account(account: StoredAccount, context: Context) -> list[Problem]:
        """Ask whether the token is accepted, and videos are."""
        return await problems_of(account.read(), context)

    async def doctor_problems(self, offline: bool) -> list[Problem]:
        """Return why a first post with the token of the workflow would fail. An account is checked as such."""
        if offline or not (self.config.instance and self.config.access_token):
            return []
        token = self.context.secret(self.config.access_token)
        hint = "Make another token, and put it where `access_token` refers to."
        return await problems_of({"service": self.config.instance, "access_token": token}, self.context, hint)

    @property
    def identity(self) -> str | None:
        """The instance and the place of the token; None with an account, which knows itself."""
        # Without it, a changed text or language would make another destination of the same account.
        return f"{self.config.instance} {self.config.access_token}" if self.config.instance else None

    @property
    def account_name(self) -> str | None:
        """The account it signs in with; None with an instance and a token."""
        return None if self.config.instance else self.config.account or DEFAULT_ACCOUNT

    def _honours_key(self) -> bool:
        if self.config.idempotency_key is not None or self.config.instance:
            return bool(self.config.idempotency_key)
        try:
            return account_values(self.config, self.context).get("idempotency_key") == "yes"
        except ReelworkError:
            # No such account: planning says so.
            return False

    @hookimpl
    async def prepare_publish(self, post: Post, job: Job) -> JsonValue | Pending:
        """Upload the video, and wait until the instance has looked at it. Uploading again does no harm.

        Raises `Rejected` when the instance cannot take this post, and `Unavailable`.
        """
        self._check(post)
        who = signed_in(self.config, self.context)
        before = job.pending.state if job.pending else None
        if isinstance(before, dict):
            return await self._looked_at(who, before)
        limits = await who.server.limits()
        _check_video(post, limits)
        text = _text(post, job, self.config, limits)
        self.context.progress(job, 0.0, "uploading to Mastodon")
        video = post.clip.video
        alt = shortened(post.alt_text or filled(self.config.alt, post, job), limits.alt, 0)
        # A name of its own: snac knows an upload by its name, and puts a second one in the place of the first.
        name = f"{hashlib.sha256(f'{job.id} {post.destination}'.encode()).hexdigest()[:32]}.mp4"
        answer = await who.server.upload(name, video.path, video.media_type, alt)
        media = answer.text_at("id")
        if answer.ok and media:
            # The text was made here, once: the limits of the instance may change before it is sent again.
            ready: dict[str, JsonValue] = {"media": media, "text": text}
            wait = Pending(after=FIRST_LOOK, state={"ready": ready, "after": FIRST_LOOK})
            return wait if answer.status == 202 else ready
        raise REFUSALS.of_repeatable(answer, f"mastodon: the upload was answered {answer.words}")

    async def _looked_at(self, who: SignedIn, state: Mapping[str, JsonValue]) -> JsonValue | Pending:
        """Return what was prepared once the instance has looked at the video."""
        ready, after = state["ready"], min(float(str(state["after"])) * 1.5, LONGEST_LOOK)
        assert isinstance(ready, dict)
        answer = await who.server.read(f"/api/v1/media/{ready['media']}")
        if answer.status == 206:
            return Pending(after=after, state={"ready": ready, "after": after})
        if answer.ok:
            return ready
        # A token that has ended says nothing about the video.
        if answer.status == 401:
            raise REFUSALS.of_repeatable(answer, f"mastodon: reading the video's state was answered {answer.words}")
        if answer.refused:
            problem = f"mastodon: the instance could not use the video: {answer.words}"
            raise Rejected(problem, code=str(answer.status), money=NOTHING_POSTED)
        raise Unavailable(f"mastodon: the video's state could not be read: {answer.words}", retry_after=after)

    @hookimpl
    async def publish(self, post: Post, job: Job, effect: Effect) -> Receipt:
        """Post, once, under the effect's key.

        Raises `NotSent` when nothing was accepted, `Rejected` when it was refused, `OutcomeUnknown` otherwise.
        """
        prepared = effect.prepared
        assert isinstance(prepared, dict)
        options = MastodonPostOptions.model_validate(dict(post.options))
        body: dict[str, Any] = {
            "status": prepared["text"],
            "media_ids": [prepared["media"]],
            "visibility": _visibility(post, options),
            "sensitive": options.sensitive,
        }
        if options.content_warning:
            body["spoiler_text"] = options.content_warning
        if language := options.language or self.config.language:
            body["language"] = language
        doubted = effect.attempt > 1 and effect.evidence.get(UNSENT) != effect.attempt - 1
        try:
            who = await self._ready(str(prepared["media"]), effect.key)
            if effect.attempt > 1 and self.idempotency is Idempotency.KEY:
                await self._not_posted_yet(who, str(prepared["media"]), doubted=doubted)
            answer = await who.server.post("/api/v1/statuses", body, Idempotency_Key=_carried(effect.key))
            # A web page that something on the way answers instead of the instance is a 200 too, and proves nothing.
            if answer.ok and answer.text_at("id"):
                return receipt_of(answer.object)
            # An upload belongs to one post: one that is gone may be in the post of an earlier attempt.
            gone = doubted and answer.refused and "media" in answer.message.casefold()
            said = f"mastodon: the post was answered {answer.words}"
            raise REFUSALS.of(answer, said, code=MEDIA_GONE if gone else str(answer.status))
        except NotSent:
            if not doubted:
                effect.note(**{UNSENT: effect.attempt})
            raise

    async def _ready(self, media: str, key: str) -> SignedIn:
        """Note the key of the post, and return who posts. Raises `NotSent`."""
        # Nothing has left yet: an account that was removed, or a secret that is gone, leaves no doubt.
        with errors_as(NotSent, lasting=True, money=NOTHING_POSTED):
            who = signed_in(self.config, self.context)
            await note_key(self.context.state, media, key)
        return who

    async def _not_posted_yet(self, who: SignedIn, media: str, *, doubted: bool) -> None:
        """Raise `AlreadyThere` where the upload may be in a post: the key alone does not tell.

        Mastodon notes a key only after the post was made and those it names were looked up. A post that is being
        made, or whose making failed in between, is not known by its key; before 4.3 its text would be posted again.
        """
        if doubted:
            await sleep(self.settle_seconds)
        with errors_as(NotSent, Unavailable, money=NOTHING_SENT):
            answer = await who.server.read(f"/api/v1/media/{media}")
        # Only an upload that is in no post yet is shown, and that for a day.
        if answer.status in (404, 410):
            if doubted:
                raise AlreadyThere("mastodon: the upload is in a post, or gone")
            raise Rejected(
                "mastodon: the instance has removed the upload, which was in no post.",
                money=NOTHING_POSTED,
                hint="Upload it again: reelwork jobs retry",
            )

    @hookimpl
    async def find_post(self, post: Post, job: Job, effect: Effect) -> Listing[Receipt]:
        """List the account's posts: ours is the one with our upload. Raises `Unavailable`."""
        who = signed_in(self.config, self.context)
        account_id = who.account_id
        if not account_id:
            account_id = (await who.server.read("/api/v1/accounts/verify_credentials")).text_at("id")
        if not account_id:
            raise Unavailable("mastodon: the instance did not say whose token it is")
        prepared = effect.prepared
        # The note may be lost: a backup may have been made between the start of this sending and the note.
        ours = {str(prepared["media"]): effect.key} if isinstance(prepared, dict) else {}
        listing = await posts_of(who.server, account_id, self.context.state, ours)
        # Other servers list what everyone can see. What is not listed there may be out all the same.
        hidden = _visibility(post, MastodonPostOptions.model_validate(dict(post.options))) != "public"
        if listing.complete and hidden and self.idempotency is not Idempotency.KEY:
            return replace(listing, complete=False, why="this server may not list posts that are not public")
        return listing

    def _check(self, post: Post) -> None:
        if post.disclosure.label == "refuse" and post.ai_generated:
            raise Rejected(
                "mastodon: the network has no AI label.",
                money=NOTHING_POSTED,
                hint='Set label = "caption", or take mastodon out of the workflow.',
            )


def _carried(key: str) -> str:
    """Return a key as a header can carry it: it has the instance's name, which may be written in any script."""
    return key if key.isascii() else f"reelwork-{hashlib.sha256(key.encode()).hexdigest()}"


def _visibility(post: Post, options: MastodonPostOptions) -> str:
    # `private` is `followers only` at Mastodon. Whoever writes it here means nobody, unless they say so.
    return ("private" if options.followers else "direct") if post.privacy == "private" else post.privacy


def _text(post: Post, job: Job, config: MastodonConfig, limits: Limits) -> str:
    """Return the text of a post. Raises `Rejected` when there is no room for it."""
    # An instance counts the warning together with the text.
    warning = MastodonPostOptions.model_validate(dict(post.options)).content_warning
    longest = limits.text - len(warning)
    text = post_text(post, job, config, longest, limits.per_url)
    if counted(text, limits.per_url) > longest:
        raise Rejected(
            f"mastodon: the content warning leaves no room for the text: {limits.text} characters are allowed.",
            money=NOTHING_POSTED,
            hint="Shorten content_warning.",
        )
    return text


def _check_video(post: Post, limits: Limits) -> None:
    video = post.clip.video
    if limits.types and video.media_type not in limits.types:
        raise Rejected(f"mastodon: the instance takes no {video.media_type}.", money=NOTHING_POSTED)
    if limits.video_bytes is not None and video.bytes > limits.video_bytes:
        raise Rejected(
            f"mastodon: a video of {video.bytes / 1e6:.1f} MB; at most {limits.video_bytes / 1e6:.1f} are allowed.",
            money=NOTHING_POSTED,
            hint="Make a shorter or smaller video.",
        )
