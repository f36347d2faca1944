"""The simulated networks, under whatever anybody sends them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.strangers.test_f_simulator_doors import TEXTS, VALUES, Sent, asked

from reelwork_plugins.simulator import SimulatorSettings, create_app

EXAMPLES, EACH = 10, 20
PATHS = {
    "facebook": """
        /v26.0/dialog/oauth /v26.0/oauth/access_token /v26.0/me/accounts /v26.0/me /video-upload/v26.0/1
        /v26.0/me/video_reels /v26.0/me/video_reels /v26.0/me/videos /v26.0/me/videos /v26.0/1/thumbnails /v26.0/1
        /media/1 /reel/1/ /videos/1/ / /x
    """,
    "instagram": """
        /oauth/authorize /oauth/access_token /access_token /refresh_access_token /v26.0/dialog/oauth /v26.0/me
        /v26.0/oauth/access_token /v26.0/me/accounts /ig-api-upload/v26.0/1 /v26.0/me/media /v26.0/me/media
        /v26.0/me/media_publish /v26.0/me/content_publishing_limit /v26.0/1 /media/1 /reel/1/ / /x
    """,
    "linkedin": """
        /oauth/v2/authorization /oauth/v2/accessToken /v2/userinfo /rest/organizationAcls
        /rest/organizations/1000001 /rest/videos /rest/videos?action=finalizeUpload /rest/videos/urn:li:video:1
        /dms-uploads/1/0 /rest/posts /rest/posts /rest/posts/urn:li:share:1 /media/1 /feed/update/urn:li:share:1/
        / /x
    """,
    "mastodon": """
        /api/v1/apps /oauth/authorize /oauth/token /api/v1/instance /api/v2/instance/ /api/v1/scheduled_statuses
        /api/v1/accounts/verify_credentials /api/v1/accounts/48160509844648/statuses /api/v2/media /api/v1/media/1
        /api/v1/statuses /api/v1/statuses /api/v1/statuses /api/v1/statuses/1 /media/1/a /@a/1 /@rehearsal / /x
    """,
    "threads": """
        /oauth/authorize /oauth/access_token /access_token /refresh_access_token /v1.0/me /v1.0/me/threads
        /v1.0/me/threads /v1.0/me/threads_publish /v1.0/me/threads_publishing_limit /v1.0/1 /media/1
        /@a/post/1 / /x
    """,
    "tiktok": """
        /v2/auth/authorize/ /v2/oauth/token/ /v2/user/info/ /v2/post/publish/creator_info/query/
        /v2/post/publish/video/init/ /v2/post/publish/inbox/video/init/ /v2/post/publish/status/fetch/ /video/
        /video/ /media/1 /@a/video/1 / /x
    """,
    "webhook": "/posts /posts /posts /posts/m1 /posts/m1 /shown/post_1 /videos/post_1 / /x",
    "x": """
        /i/oauth2/authorize /2/oauth2/token /2/users/me /2/users/4071870985233189/tweets /2/media/upload
        /2/media/upload/initialize /2/media/upload/1/append /2/media/upload/1/finalize /2/media/metadata /2/tweets
        /2/tweets /2/tweets/1 /media/1 /rehearsal/status/1 / /x
    """,
    "youtube": """
        /o/oauth2/v2/auth /token /upload/youtube/v3/videos /upload/youtube/v3/videos /youtube/v3/playlistItems
        /upload/youtube/v3/thumbnails/set /youtube/v3/videos /youtube/v3/channels /media/1 /vi/1 /watch / /x
    """,
}
FIELDS = st.sampled_from(
    [
        "status",
        "media_type",
        "upload_type",
        "video_url",
        "creation_id",
        "media_ids",
        "media_ids[]",
        "visibility",
        "scheduled_at",
        "sensitive",
        "spoiler_text",
        "language",
        "client_name",
        "redirect_uris",
        "scopes",
        "file",
        "description",
        "snippet",
        "response_type",
        "client_id",
        "redirect_uri",
        "scope",
        "state",
        "code_challenge",
        "grant_type",
        "code",
        "code_challenge_method",
        "client_secret",
        "refresh_token",
        "answer",
        "account",
    ]
)
LIKELY = [
    "code", "http://127.0.0.1:1/", "http://[", "read", "authorization_code", "refresh_token", "sim-e30.x",
    "0001-01-01", "9999-12-31T23:59:59-23:59", "2030-01-01T00:00:00Z", "true", "-1", "9" * 30, "²",
    "snippet,status", "resumable", "urn:ietf:wg:oauth:2.0:oob",
]  # fmt: skip
OBJECTS = st.dictionaries(FIELDS, st.one_of(VALUES, st.sampled_from(LIKELY)), max_size=8)
QUERIES = st.dictionaries(
    st.one_of(
        FIELDS,
        st.sampled_from(
            [
                "limit",
                "max_id",
                "uploadType",
                "part",
                "upload_id",
                "videoId",
                "id",
                "mine",
                "playlistId",
                "pageToken",
                "v",
            ]
        ),
    ),
    st.one_of(TEXTS, st.sampled_from(LIKELY)),
    max_size=6,
)
HEADERS = st.lists(
    st.sampled_from(
        [
            (b"authorization", b"Bearer rehearsal-token"),
            (b"authorization", b"Bearer rehearsal-token"),
            (b"authorization", b"Bearer sim-\xff.x"),
            (b"idempotency-key", b"\xe9"),
            (b"webhook-id", b"m1"),
            (b"webhook-timestamp", b"9" * 5000),
            (b"webhook-signature", b"v1,\xe9"),
            (b"content-range", b"bytes */5"),
            (b"content-range", b"bytes 0-" + b"9" * 4500 + b"/*"),
            (b"x-upload-content-length", b"9" * 5000),
            (b"x-upload-content-type", b"video/mp4"),
        ]
    ),
    max_size=4,
)


def form(fields: Mapping[str, object]) -> bytes:
    return "&".join(f"{name}={quote(str(value), errors='replace')}" for name, value in fields.items()).encode()


@st.composite
def requests(draw: st.DrawFn, paths: list[str]) -> Sent:
    fields = draw(OBJECTS)
    is_json = draw(st.booleans())
    kind = b"application/json" if is_json else b"application/x-www-form-urlencoded"
    body = json.dumps(fields).encode() if is_json else form(fields)
    method = draw(st.sampled_from(["GET", "POST", "POST", "PUT", "DELETE", "HEAD"]))
    headers = [*draw(HEADERS), (b"content-type", kind)]
    return Sent(method, draw(st.sampled_from(paths)).encode(), form(dict(draw(QUERIES))), headers, body)


@pytest.mark.parametrize("network", PATHS)
def test_no_request_breaks_it(network: str) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
        phases=[Phase.generate],
    )
    @given(st.lists(requests(PATHS[network].split()), min_size=EACH, max_size=EACH))
    def plays(several: list[Sent]) -> None:
        async def scenario() -> None:
            app = create_app(SimulatorSettings(network=network, render_seconds=0))
            for sent in (
                *several,
                Sent("GET", b"/", b"", [], b""),
                Sent("GET", b"/_simulator/posts", b"", [], b""),
            ):
                status, answer = await asked(app, sent)
                assert status < 500, answer

        asyncio.run(scenario())

    plays()
