"""What TikTok would refuse, found before a video is paid for, and before anything is sent; and a post's fields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reelwork_hooks import Brief, Job, Post, Problem, Rejected
from reelwork_plugins.publishers.meta.text import filled_to
from reelwork_plugins.publishers.post_text import DEFAULT_DISCLOSURE, disclosure, filled, utf16_units
from reelwork_plugins.publishers.tiktok.api import Creator
from reelwork_plugins.publishers.tiktok.config import NOTHING_POSTED, TiktokOptions

LONGEST_TEXT = 2200
"""UTF-16 units: an emoji counts as two."""
LEAST_SIDE, MOST_SIDE = 360, 4096
SLOWEST, FASTEST = 22.9, 60.1
"""Frames a second, with room for those of television."""
# A file says a frame or a piece of sound more than was asked for.
_MOMENT = 0.1
LEVELS = {
    "public": "PUBLIC_TO_EVERYONE",
    "private": "SELF_ONLY",
    "friends": "MUTUAL_FOLLOW_FRIENDS",
    "followers": "FOLLOWER_OF_CREATOR",
}
"""TikTok's words for who sees a post."""


def level_of(privacy: str, audience: str | None) -> str:
    """Return TikTok's word for who is to see a post; empty where it has none."""
    # Whoever writes private means it, whatever else is written.
    return LEVELS.get(privacy if privacy == "private" else audience or privacy, "")


def brief_problems(brief: Brief, destination: str, *, direct: bool) -> Iterator[Problem]:
    """Tell what TikTok would refuse of a brief, or could not be told."""
    copy = brief.destinations.get(destination)
    table = f"[destination.{destination}]"
    privacy = (copy.privacy if copy else None) or brief.privacy
    audience = str(copy.options.get("audience") or "") if copy else ""
    if direct and not level_of(privacy, audience):
        yield Problem(
            message=f"{destination}: TikTok has no posts that are {privacy}.",
            field="privacy",
            hint=f'Write audience = "friends" or "followers", or another privacy, under {table}.',
        )
    label = copy.disclosure.label if copy and copy.disclosure else ""
    # Refused rather than sent without: nothing but the video goes along with a draft.
    if not direct and label == "caption":
        told = f"{destination}: a draft takes no text, so it cannot say there that the video was made with AI."
        hint = f"Write direct = true under [plugin.{destination}] once TikTok has audited the app."
        yield Problem(message=told, field="disclosure", hint=hint)


def check_video(post: Post, job: Job) -> None:
    """Raise `Rejected` for a video that TikTok would not take."""
    if problem := next(_video_problems(post, job), ""):
        raise Rejected(f"tiktok: {problem}.", money=NOTHING_POSTED)


def check_words(post: Post, *, direct: bool) -> None:
    """Raise `Rejected` for a post that TikTok has no way to take."""
    options = TiktokOptions.model_validate(dict(post.options))
    problem, hint = "", ""
    if not direct and post.disclosure.label == "caption":
        problem = "a draft takes no text, so no words on AI either"
        hint = "Set direct = true under the plugin once TikTok has audited the app, or another label."
    elif direct and options.paid_partnership and level_of(post.privacy, options.audience) == "SELF_ONLY":
        problem, hint = "TikTok has no private posts that are paid for", "Set another privacy."
    if problem:
        raise Rejected(f"tiktok: {problem}.", money=NOTHING_POSTED, hint=hint)


def _video_problems(post: Post, job: Job) -> Iterator[str]:
    video = post.clip.video
    if not video.media_type.startswith("video/"):
        yield f"{video.media_type} is not a video"
    # TikTok's guidelines for content that programs share: it removes such posts, and stops the app.
    if job.marked_by:
        yield f"TikTok takes no video with a watermark, and the plugin {job.marked_by[0]} puts one over this video"
    if video.width and video.height and not _fits(video.width, video.height):
        yield f"it is {video.width}x{video.height}; a side has {LEAST_SIDE} to {MOST_SIDE} pixels"
    if video.fps is not None and not SLOWEST <= video.fps <= FASTEST:
        yield f"it has {video.fps:g} frames a second; TikTok takes 23 to 60"


def _fits(width: int, height: int) -> bool:
    return min(width, height) >= LEAST_SIDE and max(width, height) <= MOST_SIDE


def post_info(post: Post, job: Job, template: str, creator: Creator) -> dict[str, Any]:
    """Return the fields of a post, within what the account may do now. Raises `Rejected`."""
    options = TiktokOptions.model_validate(dict(post.options))
    level = level_of(post.privacy, options.audience)
    problem, hint = "", ""
    if level not in creator.levels:
        problem = f"the account may not make posts that are {level or post.privacy} now"
        hint = f"TikTok offers it {', '.join(creator.levels) or 'none'}: set privacy or audience."
    elif creator.longest is not None and (post.clip.video.duration or 0) > creator.longest + _MOMENT:
        problem = f"the video has {post.clip.video.duration:g} s; this account may post {creator.longest:g} s"
    if problem:
        raise Rejected(f"tiktok: {problem}.", money=NOTHING_POSTED, hint=hint)
    info: dict[str, Any] = {
        "title": text_of(post, job, template),
        "privacy_level": level,
        "disable_comment": creator.no_comments or not options.comments,
        "disable_duet": creator.no_duet or not options.duet,
        "disable_stitch": creator.no_stitch or not options.stitch,
        "brand_content_toggle": options.paid_partnership,
        "brand_organic_toggle": options.own_brand,
        # Also where it is false, so that the label is what was said.
        "is_aigc": post.ai_generated,
    }
    return info if options.cover_ms is None else {**info, "video_cover_timestamp_ms": options.cover_ms}


def text_of(post: Post, job: Job, template: str) -> str:
    """Return the text. Where it is too long, the caption is cut, and hashtags last."""
    words = disclosure(post, DEFAULT_DISCLOSURE) if post.disclosure.label == "caption" else ""
    said = filled(template, post, job)
    tail = f"\n\n{words}" if words and words.casefold() not in said.casefold() else ""
    return filled_to(LONGEST_TEXT, template, post, job, tail, utf16_units).strip()
