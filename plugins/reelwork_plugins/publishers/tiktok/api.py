"""Calls of TikTok's Content Posting API, and the meaning of its refusals.

https://developers.tiktok.com/doc/content-posting-api-reference-direct-post
https://developers.tiktok.com/doc/content-posting-api-reference-get-video-status
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reelwork_hooks import (
    Answer,
    Context,
    InvalidInput,
    Meaning,
    NotSent,
    OutcomeUnknown,
    OutOfFunds,
    ReelworkError,
    Refusals,
    Rejected,
    Service,
    Unavailable,
    errors_as,
    number_of,
)
from reelwork_plugins.publishers.tiktok.chunks import Chunks
from reelwork_plugins.publishers.tiktok.config import NOTHING_POSTED
from reelwork_plugins.publishers.tiktok.standing import Standing, standing_of

OK = "ok"
"""The code of an answer that is none of an error."""
_AGAIN = "Sign in again: reelwork accounts add tiktok --replace"
_PERSON = "Open TikTok as this account, do what it asks for, then: reelwork jobs retry"
_SCOPE = Meaning("lasting", "the account did not allow this", f"{_AGAIN}, and allow everything it asks for.")
_REFUSALS = Refusals(
    codes={
        "access_token_invalid": Meaning("lasting", "the token is not accepted", _AGAIN),
        **dict.fromkeys(("scope_not_authorized", "scope_permission_missed"), _SCOPE),
        "spam_risk_too_many_posts": Meaning("funds", "today's posts are used up", "Resume the job tomorrow."),
        "spam_risk_too_many_pending_share": Meaning(
            "funds", "too many drafts wait in the inbox", "Post or delete some in TikTok, then resume the job."
        ),
        "reached_active_user_cap": Meaning("funds", "the app's users of today are used up", "Resume it tomorrow."),
        **dict.fromkeys(
            ("spam_risk_user_banned_from_posting", "spam_risk"),
            Meaning("lasting", "TikTok has stopped the account from posting", _PERSON),
        ),
        "unaudited_client_can_only_post_to_private_accounts": Meaning(
            "lasting", "TikTok has not audited the app", "Remove direct = true: then it is sent as a draft."
        ),
        "rate_limit_exceeded": Meaning("wait", seconds=60.0),
        "internal_error": Meaning("unknown"),
    },
    no_funds=None,
    pause=60.0,
    money=NOTHING_POSTED,
)
UNKNOWN_IDS = ("invalid_publish_id", "token_not_authorized_for_specified_publish_id")
"""The codes for a post that TikTok does not know, or not as this account's."""


@dataclass(frozen=True, slots=True)
class Creator:
    """What TikTok lets the account do now. It must be asked before each post."""

    name: str
    """As in the address of its page."""
    levels: tuple[str, ...]
    """The privacy levels that it offers."""
    no_comments: bool
    no_duet: bool
    no_stitch: bool
    longest: float | None
    """Seconds of a video."""


class Api(Service):
    """The API, signed in with an account."""

    def __init__(self, context: Context, base_url: str, account: str) -> None:
        super().__init__(context, [base_url], account=account)
        self.base_url = base_url

    async def creator(self) -> Creator:
        """Ask what the account may post. Raises what `refusal` returns."""
        answer = await self._call("post/publish/creator_info/query", {}, repeatable=True)
        levels = answer.at("data", "privacy_level_options")
        if not _is_ok(answer) or not isinstance(levels, list):
            raise refusal(answer, "asking what the account may post")
        return Creator(
            name=answer.text_at("data", "creator_username"),
            levels=tuple(one for one in levels if isinstance(one, str)),
            no_comments=answer.at("data", "comment_disabled") is True,
            no_duet=answer.at("data", "duet_disabled") is True,
            no_stitch=answer.at("data", "stitch_disabled") is True,
            longest=number_of(answer.at("data", "max_video_post_duration_sec")),
        )

    async def begin(self, chunks: Chunks, info: Mapping[str, Any] | None) -> tuple[str, str]:
        """Begin an upload, which posts nothing; return its id and its address. `info`: None for a draft.

        Raises what `refusal` returns.
        """
        source = {
            "source": "FILE_UPLOAD",
            "video_size": chunks.size,
            "chunk_size": chunks.chunk,
            "total_chunk_count": chunks.count,
        }
        path = "post/publish/inbox/video/init" if info is None else "post/publish/video/init"
        body = {"source_info": source} if info is None else {"post_info": dict(info), "source_info": source}
        # Not repeated by the client: each counts against the limits. Only the last piece posts anything.
        with errors_as(Unavailable, (NotSent, OutcomeUnknown)):
            answer = await self._call(path, body, repeatable=False)
        id_, address = answer.text_at("data", "publish_id"), answer.text_at("data", "upload_url")
        if not _is_ok(answer) or not id_ or not address:
            raise refusal(answer, "beginning the post")
        return id_, address

    async def standing(self, publish_id: str, size: int, *, repeatable: bool = True) -> Standing:
        """Return what TikTok says of a post. Raises `Unavailable`, also where the token is not accepted."""
        # A question, although TikTok asks for it in the form of a write: no answer to it has done anything.
        with errors_as(Unavailable, (Rejected, OutOfFunds, InvalidInput, NotSent, OutcomeUnknown)):
            asked = {"publish_id": publish_id}
            answer = await self._call("post/publish/status/fetch", asked, repeatable=repeatable)
            if answer.refused and answer.code in UNKNOWN_IDS:
                return Standing("missing", why="TikTok does not know the post")
            if not _is_ok(answer):
                raise refusal(answer, "the status of the post")
        return standing_of(answer.at("data"), size)

    async def _call(self, path: str, body: Mapping[str, Any], *, repeatable: bool) -> Answer:
        return await self.request("POST", f"{self.base_url}/v2/{path}/", json=dict(body), repeatable=repeatable)


def refusal(answer: Answer, what: str) -> ReelworkError:
    """Return the error for an answer that is no success, to a call that posts nothing."""
    code = "" if answer.code == OK else answer.code
    return _REFUSALS.of_repeatable(answer, f"tiktok: {what} was answered {answer.words}", code=code)


def _is_ok(answer: Answer) -> bool:
    # A proxy's page has no code.
    return answer.ok and answer.text_at("error", "code") == OK
