"""The captions of a video at X: each file is an upload of its own, which is then made one of the video's.

https://docs.x.com/x-api/media/create-media-subtitles
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import JsonValue

from reelwork_hooks import Post, ReelworkError
from reelwork_plugins.publishers.captions import Captions, Limits, to_send
from reelwork_plugins.publishers.languages import name_of
from reelwork_plugins.publishers.x.api import refusal
from reelwork_plugins.publishers.x.media import Media

CAPTIONS = Limits("X", ("application/x-subrip", "text/vtt"), 500_000)
_TYPES = {"application/x-subrip": "text/srt", "text/vtt": "text/vtt"}
"""X's names of these media types."""


@dataclass(frozen=True)
class Tracks:
    """The captions that were uploaded for a video, and a sentence for each file that is left out."""

    uploaded: Sequence[Mapping[str, Any]] = ()
    """For each: its upload's `id`, its `language_code` and its `display_name`."""
    left_out: Sequence[str] = ()

    def as_json(self) -> JsonValue:
        """Return it as it is kept."""
        return {"uploaded": [dict(one) for one in self.uploaded], "left_out": list(self.left_out)}

    @classmethod
    def of(cls, kept: Any) -> Tracks:
        """Return what was kept."""
        return cls(tuple(kept["uploaded"]), tuple(kept["left_out"])) if isinstance(kept, Mapping) else cls()


async def uploaded(media: Media, post: Post) -> Tracks:
    """Upload the captions of a post, which nobody sees yet. A file that X does not take is left out."""
    captions, left_out = to_send(post, CAPTIONS, ())
    made: dict[str, Mapping[str, Any]] = {}
    for one in captions:
        code = one.language.partition("-")[0].upper()
        if problem := _not_taken(code, made):
            left_out.append(f"X gets no captions from {one.asset.path.name}: {problem}.")
            continue
        try:
            id_ = await _sent(media, one)
        except ReelworkError as error:
            left_out.append(f"{error.message}. The video has no captions in {one.language!r}.")
        else:
            made[code] = {"id": id_, "language_code": code, "display_name": name_of(one.language)}
    return Tracks(tuple(made.values()), tuple(left_out))


def _not_taken(code: str, made: Mapping[str, Any]) -> str:
    if len(code) != 2:
        return f"it takes languages of two letters, and these are in {code.lower()!r}"
    return f"there are others in {code.lower()!r}, and it knows no countries" if code in made else ""


async def _sent(media: Media, one: Captions) -> str:
    file = one.asset.replace(media_type=_TYPES[one.asset.media_type])
    begun = await media.begin(file, "subtitles")
    await media.append(begun.media, 0, file)
    await media.finish(begun.media)
    return begun.media


async def added(media: Media, video: str, tracks: Tracks) -> Tracks:
    """Make the uploads captions of a video; return them with what X does not take. May be repeated."""
    left_out = list(tracks.left_out)
    for one in tracks.uploaded:
        try:
            await _add(media, video, one)
        except ReelworkError as error:
            left_out.append(f"{error.message}. The video has no captions in {one['display_name']}.")
    return replace(tracks, left_out=tuple(left_out))


async def _add(media: Media, video: str, track: Mapping[str, Any]) -> None:
    asked = {"id": video, "media_category": "TweetVideo", "subtitles": dict(track)}
    answer = await media.api.request("POST", f"{media.api.base_url}/2/media/subtitles", json=asked, repeatable=True)
    if not answer.ok or answer.is_html:
        raise refusal(answer, f"adding the captions in {track['display_name']}")
