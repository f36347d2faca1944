"""The platforms that come with Reelwork: shape, longest video, style words and the limits of their copy.

The shapes, lengths and styles are those of the well-known Sora 2 tutorial's social-media pipeline. They say
what works well there, not the most a platform would take.
"""

from __future__ import annotations

from reelwork_hooks import Platform, hookimpl

# Copy limits, as each network documents them for its posting API:
# youtube    snippet.title 100 characters, snippet.description 5000 bytes
#            https://developers.google.com/youtube/v3/docs/videos#properties
# instagram  caption 2200 characters; 30 hashtags as documented, 5 as announced in December 2025. The smaller
#            number is taken here: a longer list may be refused.
#            https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/ig-user/media
# tiktok     post_info.title (shown as the caption) 2200 UTF-16 units
#            https://developers.tiktok.com/doc/content-posting-api-reference-direct-post
# twitter    280 weighted characters, hashtags included
#            https://docs.x.com/resources/fundamentals/counting-characters
#
# What each network lets an app do, beside its limits on copy:
# youtube    https://developers.google.com/youtube/data/determine_quota_cost
#            https://developers.google.com/youtube/v3/revision_history (30 October 2024)
# instagram  https://developers.facebook.com/documentation/instagram-platform/changelog.md
# tiktok     https://developers.tiktok.com/doc/content-posting-api-reference-direct-post
#            https://developers.tiktok.com/doc/content-sharing-guidelines/
# twitter    https://docs.x.com/x-api/posts/create-posts
PLATFORMS = (
    Platform(
        name="youtube",
        aspect_ratio="16:9",
        longest_duration=60,
        style="cinematic, professional",
        title_limit=100,
        title_counted="characters",
        caption_limit=5000,
        caption_counted="bytes",
        notes=(
            "100 uploads a day for each API project, counted from midnight Pacific time.",
            "A project that YouTube has not audited can only make private videos.",
            "AI video must be declared (status.containsSyntheticMedia); a label that comes from C2PA is permanent.",
        ),
    ),
    Platform(
        name="instagram",
        aspect_ratio="1:1",
        longest_duration=30,
        style="aesthetic, trendy, high saturation",
        caption_limit=2200,
        hashtag_limit=5,
        notes=(
            "AI video is declared with is_ai_generated, since 2026-06-22.",
            "As announced in December 2025, 5 hashtags to a post, account by account.",
        ),
    ),
    Platform(
        name="tiktok",
        aspect_ratio="9:16",
        longest_duration=60,
        style="energetic, fast-paced, engaging",
        caption_limit=2200,
        notes=(
            "An app that TikTok has not audited: 5 users in 24 hours, and only the account itself sees its posts.",
            "6 posts can be begun in a minute, 15 made in a day, for each account.",
            "No brand names, logos or watermarks over the video; AI video is declared with is_aigc.",
        ),
    ),
    Platform(
        name="twitter",
        aliases=("x",),
        aspect_ratio="16:9",
        longest_duration=30,
        style="attention-grabbing, clear message",
        caption_limit=280,
        caption_counted="x",
        notes=("AI video is declared with made_with_ai.",),
    ),
)


@hookimpl
def register_platforms() -> tuple[Platform, ...]:
    """YouTube, Instagram, TikTok and X."""
    return PLATFORMS
