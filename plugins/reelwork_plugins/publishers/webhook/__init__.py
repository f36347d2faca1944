"""`webhook`: posts videos to a receiver of your own, signed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta

from pydantic import JsonValue

from reelwork_hooks import (
    Absent,
    Answer,
    Asset,
    Brief,
    Context,
    Effect,
    Found,
    Idempotency,
    InvalidInput,
    Job,
    NotSent,
    Plugin,
    Post,
    Problem,
    Receipt,
    SecretNotFound,
    Shown,
    Unavailable,
    Unsure,
    errors_as,
    hookimpl,
    origin_of,
    signing_key,
    time_of,
)
from reelwork_plugins.publishers.upload_progress import upload_progress
from reelwork_plugins.publishers.webhook.body import body_of, files_of
from reelwork_plugins.publishers.webhook.config import WebhookConfig, WebhookPostOptions
from reelwork_plugins.publishers.webhook.receiver import (
    NOTHING_POSTED,
    Receiver,
    asked_words,
    id_of,
    is_own,
    is_taken,
    named_in,
    refusal,
)


class WebhookPublisher(Plugin):
    """Sends the post as JSON, with the video or its address, signed as Standard Webhooks say.

    A post whose answer is lost is held, unless the receiver knows it again by its id or tells what it has.
    """

    Config = WebhookConfig
    config: WebhookConfig
    PostOptions = WebhookPostOptions
    post_fields = ("alt_text", "disclosure")
    public = True
    # Of any receiver no more is known. What this one can do is said in the settings.
    idempotency = Idempotency.NONE
    dated_lookups = False

    def __init__(self, config: WebhookConfig, context: Context) -> None:
        super().__init__(config, context)
        self.needs_public_address = config.send == "link"  # type: ignore[misc]
        self.settle_seconds, self.key_seconds = config.settle_seconds, config.key_seconds  # type: ignore[misc]
        if config.keeps_time:
            self.post_fields = (*self.post_fields, "publish_at")  # type: ignore[misc, assignment]
        if config.repeatable:
            self.idempotency = Idempotency.KEY  # type: ignore[misc]
        elif config.lookup:
            self.idempotency = Idempotency.LOOKUP  # type: ignore[misc]
        if not config.lookup:
            # A hook that is there would be asked, and a lost answer wait for it instead of for a person.
            self.find_post = None  # type: ignore[assignment, method-assign]

    @property
    def identity(self) -> str | None:
        """The address: whoever posts there posts to the same receiver. Its path may be as good as a key."""
        url = self.config.url
        return f"{origin_of(url)} {hashlib.sha256(url.encode()).hexdigest()[:16]}"

    @hookimpl
    def check_brief(self, brief: Brief, job: Job) -> list[Problem]:
        """Return why a secret cannot sign, before a video is paid for."""
        given = (self.config.secret, self.config.old_secret)
        # A plan is made without the network, and perhaps where the secrets are not.
        at_hand = [one for one in given if one is not None and not one.startswith("aws-sm:")]
        try:
            for reference in at_hand:
                signing_key(self.context.secret(reference).strip())
        except SecretNotFound:
            return []
        except InvalidInput as error:
            return [Problem(message=error.message, hint=error.hint)]
        return []

    @hookimpl
    async def prepare_publish(self, post: Post, job: Job) -> JsonValue:
        """Make the body, once, so that it is the same whenever it is sent. Nothing is sent yet.

        Raises `InvalidInput` where a secret cannot sign, or no storage gives an address of the video.
        """
        config, now = self.config, self.context.now()
        # What would be refused is found before anything leaves.
        await Receiver(config, self.context).signed("check", b"")
        ends = now + timedelta(hours=config.link_hours)

        async def link(asset: Asset) -> str:
            return await self.context.public_url(asset, config.link_hours * 3600.0)

        at = now.isoformat(timespec="seconds").replace("+00:00", "Z")
        body = await body_of(post, job, config, at, link if config.send == "link" else None)
        return {"body": body, "ends": ends.isoformat() if config.send == "link" else ""}

    @hookimpl
    async def publish(self, post: Post, job: Job, effect: Effect) -> Receipt:
        """Send the post, once, under the effect's id.

        Raises `NotSent` when nothing was accepted, `Rejected` when it was refused, `AlreadyThere` or
        `OutcomeUnknown` otherwise.
        """
        prepared, id_ = effect.prepared, id_of(effect.key)
        assert isinstance(prepared, Mapping)
        body, ends = str(prepared["body"]), time_of(prepared["ends"])
        if ends is not None and ends < self.context.now():
            raise NotSent("webhook: the address of the video has ended", prepare_again=True, money=NOTHING_POSTED)
        # Nothing has left yet: a secret that is gone leaves no doubt.
        with errors_as(NotSent, InvalidInput, lasting=True, money=NOTHING_POSTED):
            receiver = Receiver(self.config, self.context)
            headers = await receiver.signed(id_, body.encode())
        show = upload_progress(self.context, job, "sending to the receiver")
        files = files_of(post) if self.config.send == "file" else None
        answer = await receiver.post(headers, body, files, show)
        if not is_taken(answer):
            raise refusal(answer)
        return _receipt(answer, named_in(answer) or id_, post)

    @hookimpl
    async def find_post(self, post: Post, job: Job, effect: Effect) -> Found[Receipt] | Absent | Unsure:
        """Ask for the post by its id. Raises `Unavailable`."""
        with errors_as(Unavailable, InvalidInput):
            answer = await Receiver(self.config, self.context).look(id_of(effect.key))
        if answer.age is not None:
            return Unsure("the answer came from a cache")
        if answer.status == 200 and named_in(answer):
            return Found.one(_receipt(answer, named_in(answer), post))
        # Believed only beside posts that the same question is seen to find: a gateway answers 404 too.
        if answer.status == 404 and is_own(answer):
            return Absent()
        if answer.passing:
            raise Unavailable(f"webhook: {asked_words(answer)}", retry_after=answer.retry_after)
        return Unsure(asked_words(answer))


def _receipt(answer: Answer, id_: str, post: Post) -> Receipt:
    url = answer.text_at("url")
    said = Shown(value=post.ai_generated, by="sent")
    return Receipt(id=id_, url=url if url.startswith(("https://", "http://")) else "", disclosure=said)
