"""The platforms that come with Reelwork: shape, longest video, style words and the limits of their copy.

The shapes, lengths and styles are those of the well-known Sora 2 tutorial's social-media pipeline. They say
what works well there, not the most a platform would take.
"""

from __future__ import annotations

from reelwork_hooks import Platform, hookimpl

# Copy limits, as each network documents them for its posting API:
# youtube    snippet.title 100 characters, snippet.description 5000 bytes
#            https://developers.google.com/youtube/v3/docs/videos#properties
# instagram  caption 2200 characters; 30 hashtags as documented, 5 as announced in December 2025, of which the
#            https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/ig-user/media
#            smaller is kept here: a longer list may be refused
# tiktok     post_info.title (shown as the caption) 2200 UTF-16 units
#            https://developers.tiktok.com/doc/content-posting-api-reference-direct-post
# twitter    280 weighted characters, hashtags included
#            https://docs.x.com/resources/fundamentals/counting-characters
PLATFORMS = (
    Platform(
        name="youtube",
        aspect_ratio="16:9",
        longest_duration=60,
        style="cinematic, professional",
        title_limit=100,
        caption_limit=5000,
    ),
    Platform(
        name="instagram",
        aspect_ratio="1:1",
        longest_duration=30,
        style="aesthetic, trendy, high saturation",
        caption_limit=2200,
        hashtag_limit=5,
    ),
    Platform(
        name="tiktok",
        aspect_ratio="9:16",
        longest_duration=60,
        style="energetic, fast-paced, engaging",
        caption_limit=2200,
    ),
    Platform(
        name="twitter",
        aliases=("x",),
        aspect_ratio="16:9",
        longest_duration=30,
        style="attention-grabbing, clear message",
        caption_limit=280,
    ),
)


@hookimpl
def register_platforms() -> tuple[Platform, ...]:
    """YouTube, Instagram, TikTok and X."""
    return PLATFORMS
