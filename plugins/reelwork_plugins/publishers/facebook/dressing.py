"""What a video at Facebook gets after its post: a still picture, and captions.

https://developers.facebook.com/docs/graph-api/reference/video/captions/
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial

from reelwork_hooks import Post, ReelworkError
from reelwork_plugins.publishers.captions import Limits, to_send
from reelwork_plugins.publishers.facebook.videos import Videos
from reelwork_plugins.publishers.languages import locale_of

CAPTIONS = Limits("Facebook", ("application/x-subrip",), 200_000)
_PICTURES = ("image/jpeg", "image/png")

Work = tuple[Callable[[], Awaitable[None]], str]
"""A call, and what it means that it is refused."""


async def dress(videos: Videos, post: Post, video: str) -> list[str]:
    """Set the thumbnail and add the captions; return a sentence for each that is left out. May be repeated."""
    left_out: list[str] = []
    for call, told in (*_picture(videos, post, video), *_captions(videos, post, video, left_out)):
        try:
            await call()
        except ReelworkError as error:
            left_out.append(f"{error.message}. {told}")
    return left_out


def _picture(videos: Videos, post: Post, video: str) -> Iterator[Work]:
    picture = post.thumbnail
    if picture is not None and picture.media_type in _PICTURES:
        yield partial(videos.set_thumbnail, video, picture), "The video has a thumbnail that Facebook chose."


def _captions(videos: Videos, post: Post, video: str, left_out: list[str]) -> Iterator[Work]:
    captions, none_of = to_send(post, CAPTIONS, ())
    left_out += none_of
    taken: set[str] = set()
    for one in captions:
        locale = locale_of(one.language)
        if not locale or locale in taken:
            why = f"there are others for {locale}" if locale else f"it knows no country for {one.language!r}"
            left_out.append(f"Facebook gets no captions from {one.asset.path.name}: {why}.")
            continue
        taken.add(locale)
        yield partial(videos.add_captions, video, one.asset, locale), f"The video has no captions in {locale}."
