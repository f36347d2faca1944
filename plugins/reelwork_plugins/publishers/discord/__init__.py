"""`discord`: posts videos to a Discord channel, by its webhook."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import JsonValue

from reelwork_hooks import (
    AccountField,
    Answer,
    Brief,
    Context,
    Credentials,
    Effect,
    Idempotency,
    Job,
    NotSent,
    Plugin,
    Post,
    Problem,
    Receipt,
    ReelworkError,
    Rejected,
    StoredAccount,
    Target,
    errors_as,
    hookimpl,
    time_of,
)
from reelwork_plugins.publishers.discord.api import NOTHING_POSTED, Webhook, pause_after, refusal
from reelwork_plugins.publishers.discord.config import DEFAULT_ACCOUNT, DiscordConfig, DiscordPostOptions
from reelwork_plugins.publishers.discord.webhook import (
    account_values,
    address_in,
    identity_of,
    problems_of,
    sign_in,
    signed_in,
)
from reelwork_plugins.publishers.planned import cut_caption
from reelwork_plugins.publishers.post_text import disclosure, filled, fitted, with_disclosure
from reelwork_plugins.publishers.upload_progress import upload_progress

# https://discord.com/developers/docs/resources/webhook#execute-webhook. Code points, not what a reader sees as one.
LONGEST_TEXT, LONGEST_ALT, LONGEST_THREAD = 2000, 1024, 100
SILENT = 1 << 12
"""The flag of a message that notifies nobody."""
_PUBLIC = 'Set privacy = "public", or invited_only = true if only invited people can read the channel.'


class Discord(Plugin):
    """Posts the clip to a Discord channel; says by default, in its text, that it was made with AI.

    A webhook cannot list its messages, and takes no key: a post whose answer is lost is held.
    """

    Config = DiscordConfig
    config: DiscordConfig
    PostOptions = DiscordPostOptions
    post_fields = ("alt_text",)
    no_captions = True
    public = True
    # Messages are read by their id only. To send again and see whether it is refused would post twice.
    idempotency = Idempotency.NONE
    notes = ("A webhook may post about 5 messages in 2 seconds.",)
    account_fields: ClassVar[tuple[AccountField, ...]] = (
        AccountField("webhook", "Webhook URL", secret=True, help="The channel's settings, Integrations, Webhooks."),
    )

    def __init__(self, config: DiscordConfig, context: Context) -> None:
        super().__init__(config, context)
        self.accepts = Target(most_bytes=config.largest << 20)  # type: ignore[misc]
        # Of the webhook, not of a job.
        self._turn = 0.0

    @staticmethod
    async def sign_in(given: Mapping[str, str], context: Context) -> Credentials:
        """Ask whether the webhook is there. Raises `InvalidInput` or `Unavailable`."""
        return await sign_in(given, context)

    @staticmethod
    async def check_account(account: StoredAccount, context: Context) -> list[Problem]:
        """Ask whether the webhook is still there."""
        return await problems_of(Webhook(context, address_in(account.read())))

    async def doctor_problems(self, offline: bool) -> list[Problem]:
        """Return why a first post with the webhook of the workflow would fail. An account is checked as such."""
        if offline or not self.config.webhook:
            return []
        return await problems_of(signed_in(self.config, self.context))

    @property
    def identity(self) -> str | None:
        """The webhook, with its thread if it has one; None with an account alone, which knows its own."""
        thread = self.config.thread or ""
        if self.config.webhook:
            return identity_of(self.config.webhook, thread)
        if not thread:
            return None
        try:
            return identity_of(account_values(self.config, self.context)["webhook"], thread)
        except ReelworkError:
            return None

    @property
    def account_name(self) -> str | None:
        """The account it signs in with; None with a webhook of the workflow."""
        return None if self.config.webhook else self.config.account or DEFAULT_ACCOUNT

    @hookimpl
    def check_brief(self, brief: Brief, job: Job, post: Post | None) -> list[Problem]:
        """Return why a channel for all takes no post that is not public, and whether its caption would be cut."""
        own = brief.destinations.get(self.context.name)
        privacy = (own.privacy if own else None) or brief.privacy
        if privacy != "public" and not self.config.invited_only:
            return [Problem(field="privacy", message=_too_wide(privacy), hint=_PUBLIC)]
        return [] if post is None else cut_caption(post, self.config.text, self._text(post, job))

    def _text(self, post: Post, job: Job) -> str:
        """Return the text, cut at a word where it is too long; the words about AI are never cut."""
        body, words = filled(self.config.text, post, job), disclosure(post, self.config.disclosure)
        return with_disclosure(body, words, LONGEST_TEXT, len)

    @hookimpl
    async def prepare_publish(self, post: Post, job: Job) -> JsonValue:
        """Ask whether the webhook is there; nothing is sent yet.

        Raises `Rejected` when Discord cannot take this post, `InvalidInput` when the webhook is gone, and
        `Unavailable`.
        """
        self._check(post)
        about = await signed_in(self.config, self.context).look()
        return {
            "guild": about.guild,
            # The text was made here, once: the settings may change before it is sent again.
            "text": self._text(post, job),
            "alt": fitted(post.alt_text or filled(self.config.alt, post, job), LONGEST_ALT, len),
            "title": fitted(_line(filled(self.config.new_thread, post, job)), LONGEST_THREAD, len),
        }

    @hookimpl
    async def publish(self, post: Post, job: Job, effect: Effect) -> Receipt:
        """Post the video with its text, once.

        Raises `NotSent` when nothing was accepted, `Rejected` when it was refused, `OutcomeUnknown` otherwise.
        """
        prepared = effect.prepared
        assert isinstance(prepared, Mapping)
        options = DiscordPostOptions.model_validate(dict(post.options))
        # Nothing has left yet: an account that was removed, or a secret that is gone, leaves no doubt.
        with errors_as(NotSent, lasting=True, money=NOTHING_POSTED):
            webhook = signed_in(self.config, self.context)
        name = "SPOILER_video.mp4" if options.spoiler else "video.mp4"
        payload = self._payload(prepared, options, name)
        self._refuse_before_turn()
        show = upload_progress(self.context, job, "uploading to Discord")
        thread = options.thread or self.config.thread or ""
        answer = await webhook.post(payload, name, post.clip.video, thread, show)
        self._turn = asyncio.get_running_loop().time() + pause_after(answer)
        # A web page that something on the way answers instead of Discord is a 200 too, and proves nothing.
        if not answer.ok or not answer.text_at("id"):
            raise refusal(answer, "the post")
        return _receipt(answer, webhook, prepared)

    def _refuse_before_turn(self) -> None:
        """Raise `NotSent` while the webhook has had its posts for the moment."""
        # Not waited for here: a process that is killed meanwhile would leave a post in doubt that never left.
        wait = self._turn - asyncio.get_running_loop().time()
        if wait > 0:
            raise NotSent("discord: the webhook is at its rate limit", retry_after=wait, money=NOTHING_POSTED)

    def _payload(self, prepared: Mapping[str, JsonValue], options: DiscordPostOptions, name: str) -> dict[str, Any]:
        # No thread is begun for a post that goes to one.
        title = "" if options.thread else prepared["title"]
        return {
            "content": prepared["text"],
            "attachments": [{"id": 0, "filename": name, "description": prepared["alt"]}],
            # A caption that names everyone must not call everyone.
            "allowed_mentions": {"parse": ["everyone", "roles", "users"] if self.config.mentions else []},
            **({"flags": SILENT} if options.silent else {}),
            **({"username": self.config.username} if self.config.username else {}),
            **({"thread_name": title} if title else {}),
        }

    def _check(self, post: Post) -> None:
        """Refuse what Discord cannot take. Raises `Rejected`."""
        if post.privacy != "public" and not self.config.invited_only:
            raise Rejected(f"discord: {_too_wide(post.privacy)}.", money=NOTHING_POSTED, hint=_PUBLIC)
        if post.disclosure.label == "refuse" and post.ai_generated:
            raise Rejected(
                "discord: the network has no AI label.",
                money=NOTHING_POSTED,
                hint='Set label = "caption", or take discord out of the workflow.',
            )
        if post.clip.video.media_type != "video/mp4":
            problem = (
                f"discord: the video is {post.clip.video.media_type}, and only video/mp4 is played everywhere."
            )
            raise Rejected(problem, money=NOTHING_POSTED)


def _too_wide(privacy: str) -> str:
    return f"this post is {privacy}, and a webhook does not say who can read its channel"


def _line(text: str) -> str:
    return " ".join(text.split())


def _receipt(answer: Answer, webhook: Webhook, prepared: Mapping[str, JsonValue]) -> Receipt:
    message, channel, guild = answer.text_at("id"), answer.text_at("channel_id"), str(prepared["guild"])
    url = f"{webhook.address.server}/channels/{guild}/{channel}/{message}" if guild and channel else ""
    return Receipt(id=message, url=url, at=time_of(answer.at("timestamp")), details={"channel": channel})
