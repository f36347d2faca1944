"""Calls of the YouTube Data API, and the meaning of its refusals."""

from __future__ import annotations

from dataclasses import replace

from pydantic import JsonValue

from reelwork_hooks import Answer, Asset, Context, Meaning, ReelworkError, Refusals, Service, Unavailable
from reelwork_plugins.publishers.captions import Captions, related
from reelwork_plugins.publishers.youtube.config import NOTHING_POSTED

PAGE, MOST_PAGES = 50, 10
_USED_UP = Meaning("funds", hint="Resume the job tomorrow.")
_TOO_FAST = Meaning("wait", seconds=60.0)
_REFUSALS = Refusals(
    codes={
        # The first two are the project's, until midnight Pacific time; the third is the channel's, for 24 hours.
        "quotaExceeded": _USED_UP,
        "dailyLimitExceeded": _USED_UP,
        "uploadLimitExceeded": _USED_UP,
        "rateLimitExceeded": _TOO_FAST,
        "userRateLimitExceeded": _TOO_FAST,
    },
    statuses={401: Meaning("lasting", hint="Sign in again: reelwork accounts add youtube --replace")},
    no_funds=None,
    money=NOTHING_POSTED,
)
_MAY_NOT = Meaning("lasting", hint="Is the account signed in with captions = yes?")
_OF_CAPTIONS = replace(_REFUSALS, statuses={**_REFUSALS.statuses, 403: _MAY_NOT})


class Api(Service):
    """The API, signed in with an account."""

    def __init__(self, context: Context, base_url: str, account: str) -> None:
        super().__init__(context, [base_url], account=account)
        self.base_url = base_url

    async def read(self, what: str, **params: str | int) -> Answer:
        """Read a list of the API. Raises what `refusal` returns."""
        answer = await self.request("GET", f"{self.base_url}/youtube/v3/{what}", params=params)
        if answer.status != 200:
            raise refusal(answer, f"reading {what}")
        # Every list has them. What has none is some other page, and proves nothing.
        if not isinstance(answer.at("items"), list):
            raise Unavailable(f"youtube: reading {what} was answered with something else than a list")
        return answer

    async def set_thumbnail(self, video: str, picture: Asset) -> None:
        """Give a video its still picture. May be repeated. Raises what `refusal` returns."""
        answer = await self.request(
            "POST",
            f"{self.base_url}/upload/youtube/v3/thumbnails/set",
            params={"videoId": video, "uploadType": "media"},
            content=picture.path,
            headers={"Content-Type": picture.media_type},
            repeatable=True,
        )
        if answer.status != 200:
            raise refusal(answer, "setting the thumbnail")

    async def add_captions(self, video: str, captions: Captions) -> None:
        """Give a video captions in a language. May be repeated. Raises what `refusal` returns."""
        snippet: dict[str, JsonValue] = {"videoId": video, "language": captions.language, "name": ""}
        body, media_type = related({"snippet": snippet}, captions.asset)
        answer = await self.request(
            "POST",
            f"{self.base_url}/upload/youtube/v3/captions",
            params={"part": "snippet", "uploadType": "multipart"},
            content=body,
            headers={"Content-Type": media_type},
            repeatable=True,
        )
        # A video has one file of a language and name.
        if answer.status != 200 and answer.text_at("error", "errors", 0, "reason") != "captionExists":
            raise refusal(answer, f"adding the captions in {captions.language!r}", _OF_CAPTIONS)


def refusal(answer: Answer, what: str, meanings: Refusals = _REFUSALS) -> ReelworkError:
    """Return the error for an answer that is no success, to a call that posts nothing."""
    return meanings.of_repeatable(answer, f"youtube: {what} was answered {answer.words}")
