"""`notice-board`: posts videos to a notice board, a web service that takes `POST /notices`."""

from reelwork_hooks import (
    Config,
    Effect,
    Idempotency,
    NotSent,
    OutcomeUnknown,
    Plugin,
    Post,
    Receipt,
    Rejected,
    hookimpl,
)

# Not 408 and 409: the first request may still be at work.
REFUSALS = (400, 401, 403, 404, 413, 415, 422)
"""Statuses that prove that nothing was pinned."""


class NoticeBoardConfig(Config):
    """Settings of `notice-board`."""

    base_url: str
    """The board's address, such as `https://board.example`."""


class NoticeBoard(Plugin):
    """Pins a post's title, caption and video to a notice board, which honours an idempotency key."""

    Config = NoticeBoardConfig
    config: NoticeBoardConfig
    idempotency = Idempotency.KEY

    @hookimpl
    async def publish(self, post: Post, effect: Effect) -> Receipt:
        """Pin the notice. The error it raises tells the ledger whether it may be tried again."""
        # The address comes from the person's own workflow, so it may be one on this machine.
        answer = await self.context.http(trust=[self.config.base_url]).post(
            f"{self.config.base_url}/notices",
            data={"title": post.title, "text": post.caption},
            files={"video": ("clip.mp4", post.clip.video.path.read_bytes(), post.clip.video.media_type)},
            headers={"Idempotency-Key": effect.key},
        )
        # The board refuses before it does anything: the post may be sent again.
        if answer.status_code == 429:
            raise NotSent("the board asks to wait", retry_after=30)
        if answer.status_code in REFUSALS:
            raise Rejected(f"the board refused the notice ({answer.status_code})")
        # A 5xx or a redirect comes after the request was taken: it may be pinned.
        if answer.status_code >= 300:
            raise OutcomeUnknown(f"the board answered {answer.status_code}")
        notice = answer.json()
        return Receipt(id=notice["id"], url=notice["url"])
