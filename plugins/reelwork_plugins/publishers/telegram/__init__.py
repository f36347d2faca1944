"""`telegram`: posts videos to a Telegram channel or group, as a bot."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import ClassVar

from pydantic import JsonValue

from reelwork_hooks import (
    AccountField,
    Answer,
    Brief,
    Context,
    Credentials,
    Effect,
    HttpFiles,
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
)
from reelwork_plugins.publishers.planned import cut_caption
from reelwork_plugins.publishers.telegram.api import (
    MOST_BYTES,
    MOST_BYTES_OWN_SERVER,
    NOTHING_POSTED,
    is_result,
    refusal,
)
from reelwork_plugins.publishers.telegram.chat import (
    SignedIn,
    account_values,
    identity_of,
    problems_of,
    sign_in,
    signed_in,
    whoami,
)
from reelwork_plugins.publishers.telegram.config import API, DEFAULT_ACCOUNT, TelegramConfig, TelegramPostOptions
from reelwork_plugins.publishers.telegram.media import streams, thumbnail
from reelwork_plugins.publishers.telegram.text import caption
from reelwork_plugins.publishers.upload_progress import upload_progress

SPACING = 1.0
"""Seconds between two posts to a chat. What comes earlier would be sent whole, and turned away."""
SUPERGROUP = "-100"
"""What the ids of channels and supergroups begin with, before the number that their links have."""


class Telegram(Plugin):
    """Sends the clip to a Telegram channel or group; says by default, in its text, that it was made with AI.

    A bot cannot read what it has posted, and Telegram takes no key: a post whose answer is lost is held.
    """

    Config = TelegramConfig
    config: TelegramConfig
    PostOptions = TelegramPostOptions
    no_captions = True
    public = True
    # A bot sees no history. To send again and see whether it is refused would post twice.
    idempotency = Idempotency.NONE
    accepts = Target(most_bytes=MOST_BYTES)
    notes = ("A bot may post about 20 videos a minute in a group, and one a second in a channel.",)
    account_fields: ClassVar[tuple[AccountField, ...]] = (
        AccountField("token", "Bot token", secret=True, help="@BotFather shows it in Telegram."),
        AccountField("chat", "Chat", help="@name of a public channel or group, or its id, such as -1001234567890."),
        AccountField("service", required=False, help="Your own Bot API server, or a simulator."),
    )

    def __init__(self, config: TelegramConfig, context: Context) -> None:
        super().__init__(config, context)
        # Of the chat, not of a job.
        self._turn = 0.0
        if self._server() != API:
            self.accepts = Target(most_bytes=MOST_BYTES_OWN_SERVER)  # type: ignore[misc]

    @staticmethod
    async def sign_in(given: Mapping[str, str], context: Context) -> Credentials:
        """Ask who the bot is, and whether it may post in the chat. Raises `InvalidInput` or `Unavailable`."""
        return await sign_in(given, context)

    @staticmethod
    async def check_account(account: StoredAccount, context: Context) -> list[Problem]:
        """Ask whether the token is accepted, and the bot may post in the chat."""
        return await problems_of(account.read(), context)

    async def doctor_problems(self, offline: bool) -> list[Problem]:
        """Return why a first post with the token of the workflow would fail. An account is checked as such."""
        if offline or not (self.config.token and self.config.chat):
            return []
        token, service = self.context.secret(self.config.token), self.config.base_url or API
        return await problems_of({"token": token, "service": service, "chat": self.config.chat}, self.context)

    @property
    def identity(self) -> str | None:
        """The chat; None with an account, which knows its own."""
        return identity_of(self.config.chat) if self.config.chat else None

    @property
    def account_name(self) -> str | None:
        """The account it signs in with; None with a token and a chat."""
        return None if self.config.token else self.config.account or DEFAULT_ACCOUNT

    def _server(self) -> str:
        if self.config.token:
            return self.config.base_url or API
        try:
            return account_values(self.config, self.context).get("service", API)
        except ReelworkError:
            # No such account: planning says so.
            return API

    def _public_name(self) -> str:
        """Return the chat's public name, as far as that is known without asking."""
        if self.config.chat:
            return self.config.chat if self.config.chat.startswith("@") else ""
        try:
            return account_values(self.config, self.context).get("public_name", "")
        except ReelworkError:
            return ""

    @hookimpl
    def check_brief(self, brief: Brief, job: Job, post: Post | None) -> list[Problem]:
        """Return why a public chat cannot have a post that is not public, and whether its caption would be cut."""
        problems = self._too_wide(brief)
        return (
            problems
            if problems or post is None
            else cut_caption(post, self.config.text, caption(post, job, self.config))
        )

    def _too_wide(self, brief: Brief) -> list[Problem]:
        own = brief.destinations.get(self.context.name)
        privacy = (own.privacy if own else None) or brief.privacy
        # Asked for last: the accounts are read for it, and a batch may have thousands of rows.
        if privacy == "public" or not (name := self._public_name()):
            return []
        return [Problem(field="privacy", message=_too_wide(privacy, name), hint=_WIDEN)]

    @hookimpl
    async def prepare_publish(self, post: Post, job: Job) -> JsonValue:
        """Ask for the chat and the bot's rights there; nothing is sent yet.

        Raises `Rejected` when Telegram cannot take this post, `InvalidInput` when the bot may not post there, and
        `Unavailable`.
        """
        _check(post)
        who = signed_in(self.config, self.context)
        chat = await who.look()
        if post.privacy != "public" and chat.name:
            raise Rejected(
                f"telegram: {_too_wide(post.privacy, f'@{chat.name}')}.", money=NOTHING_POSTED, hint=_WIDEN
            )
        bot_id, _ = await whoami(who.bot)
        if problem := await who.right_to_post(chat, bot_id):
            raise NotSent(f"telegram: {problem.message}", lasting=True, money=NOTHING_POSTED, hint=problem.hint)
        return {"chat": chat.id, "name": chat.name, "caption": caption(post, job, self.config)}

    @hookimpl
    async def publish(self, post: Post, job: Job, effect: Effect) -> Receipt:
        """Send the video with its text, once.

        Raises `NotSent` when nothing was accepted, `Rejected` when it was refused, `OutcomeUnknown` otherwise.
        """
        prepared = effect.prepared
        assert isinstance(prepared, Mapping)
        # Nothing has left yet: an account that was removed, or a secret that is gone, leaves no doubt.
        with errors_as(NotSent, lasting=True, money=NOTHING_POSTED):
            who = signed_in(self.config, self.context)
            self._same_chat(who, prepared)
            fields, files = await asyncio.to_thread(_form, post, prepared)
        show = upload_progress(self.context, job, "uploading to Telegram")
        now = asyncio.get_running_loop().time()
        if now < self._turn:
            words = "telegram: the chat takes one post a second"
            raise NotSent(words, retry_after=self._turn - now, money=NOTHING_POSTED)
        self._turn = now + SPACING
        answer = await who.bot.send_video(fields, files, show)
        # A web page that something on the way answers instead of Telegram is a 200 too, and proves nothing.
        if not is_result(answer) or not isinstance(answer.at("result", "message_id"), int):
            raise refusal(answer, "the post")
        return self._receipt(answer, prepared)

    def _same_chat(self, who: SignedIn, prepared: Mapping[str, JsonValue]) -> None:
        if not who.chat.startswith("@") and who.chat != prepared["chat"]:
            raise NotSent(
                f"telegram: the post was prepared for the chat {prepared['chat']}, but the account now posts to "
                f"{who.chat}",
                hint="Add the account you mean, or run the workflow again.",
            )

    def _receipt(self, answer: Answer, prepared: Mapping[str, JsonValue]) -> Receipt:
        message, date = str(answer.at("result", "message_id")), answer.at("result", "date")
        chat, name = str(prepared["chat"]), str(prepared["name"])
        place = name or (f"c/{chat.removeprefix(SUPERGROUP)}" if chat.startswith(SUPERGROUP) else "")
        return Receipt(
            # A number of its chat alone, which is the destination: people read it at the end of a link.
            id=message,
            url=f"{self.config.link_base}/{place}/{message}" if place else "",
            at=datetime.fromtimestamp(date, UTC) if isinstance(date, int) and 0 < date < 1 << 32 else None,
            details={"chat": chat},
        )


_WIDEN = 'Set privacy = "public", or post to a chat without a public name.'


def _too_wide(privacy: str, chat: str) -> str:
    return f"this post is {privacy}, and everyone can read {chat}"


def _check(post: Post) -> None:
    """Refuse what Telegram cannot take. Raises `Rejected`."""
    if post.disclosure.label == "refuse" and post.ai_generated:
        raise Rejected(
            "telegram: the network has no AI label.",
            money=NOTHING_POSTED,
            hint='Set label = "caption", or take telegram out of the workflow.',
        )
    # Another kind is sent as a file to download, without a player.
    if post.clip.video.media_type != "video/mp4":
        raise Rejected(
            f"telegram: the video is {post.clip.video.media_type}, and Telegram plays video/mp4 only.",
            money=NOTHING_POSTED,
        )


def _form(post: Post, prepared: Mapping[str, JsonValue]) -> tuple[dict[str, str], HttpFiles]:
    """Return the fields and files of the request. Reads the video's head and the thumbnail."""
    video, options = post.clip.video, TelegramPostOptions.model_validate(dict(post.options))
    sides = {"width": video.width, "height": video.height, "duration": video.duration and round(video.duration)}
    wishes = {
        "supports_streaming": streams(video.path),
        "disable_notification": options.silent,
        "protect_content": options.protect,
        "has_spoiler": options.spoiler,
        "show_caption_above_media": options.caption_above,
    }
    fields = {
        "chat_id": str(prepared["chat"]),
        "caption": str(prepared["caption"]),
        **{name: str(value) for name, value in sides.items() if value},
        **{name: "true" for name, wish in wishes.items() if wish},
    }
    if options.topic:
        fields["message_thread_id"] = str(options.topic)
    small = thumbnail(post.thumbnail.path) if post.thumbnail else None
    extra: HttpFiles = {} if small is None else {"thumbnail": ("thumbnail.jpg", small, "image/jpeg")}
    return fields, {"video": ("video.mp4", video.path, video.media_type), **extra}
