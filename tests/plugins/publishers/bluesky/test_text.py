from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from reelwork_plugins.publishers.bluesky import Bluesky, BlueskyConfig
from reelwork_plugins.publishers.bluesky.facets import facets
from reelwork_plugins.publishers.bluesky.graphemes import clusters, length, shortened
from reelwork_plugins.publishers.bluesky.record import (
    Uploaded,
    alt_text,
    make_record,
    post_text,
    record_key,
    timestamp,
)
from reelwork_plugins.publishers.bluesky.sign_in import expiry

BLOB = {"$type": "blob", "ref": {"$link": "bafkrei"}, "mimeType": "video/mp4", "size": 1}


@pytest.mark.parametrize(
    "sign",
    ["a", "é", "e\u0301", "👨‍👩‍👧‍👦", "👩🏿‍🚀", "🏳️‍🌈", "❤️‍🔥", "🏃‍♀️‍➡️", "🇩🇪", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "1️⃣", "नि", "각", "\r\n"],
)
def test_what_a_person_sees_as_one_sign_is_one(sign: str) -> None:
    assert length(sign) == 1
    assert list(clusters(f"x{sign}x")) == ["x", sign, "x"]


def test_signs_that_only_stand_beside_each_other_are_several() -> None:
    assert list(clusters("🇩🇪🇫🇷🇮")) == ["🇩🇪", "🇫🇷", "🇮"]
    assert list(clusters("👨\u200d\u200d👧")) == ["👨\u200d\u200d", "👧"]
    assert list(clusters("a\n\u0301b")) == ["a", "\n", "\u0301", "b"]
    assert length("") == 0


def test_shortening_ends_at_a_word() -> None:
    assert shortened("one two three", 13, 100) == "one two three"
    assert shortened("one two three", 12, 100) == "one two…"
    assert shortened("one two, three four", 12, 100) == "one two…"
    assert shortened("see https://a.example/x and more", 29, 100) == "see https://a.example/x and…"
    assert shortened("see https://a.example/x and more", 26, 100) == "see https://a.example/x …"


def test_one_long_word_is_cut_between_signs() -> None:
    cut = shortened("👨‍👩‍👧‍👦" * 50, 10, 10_000)
    assert cut == "👨‍👩‍👧‍👦" * 8 + "…"
    assert length(shortened("x" * 400, 300, 3000)) <= 300


def test_bytes_are_a_limit_too() -> None:
    cut = shortened("👨‍👩‍👧‍👦 " * 200, 300, 3000)
    assert 2900 < len(cut.encode()) <= 3000


def found(text: str) -> dict[str, str]:
    marked = {}
    for facet in facets(text):
        place = facet["index"]
        words = text.encode()[place["byteStart"] : place["byteEnd"]].decode()
        [feature] = facet["features"]
        marked[words] = feature.get("uri") or feature["tag"]
    return marked


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("👨‍👩‍👧 grüße #Köln!", {"#Köln": "Köln"}),
        ("#one,#two #three.", {"#three": "three"}),
        ("a#b #1 #2026 #2026goals #_ # ##x", {"#2026goals": "2026goals"}),
        ("#🎉 (#in) ", {"#🎉": "🎉"}),
        ("see https://x.example/a_(b), ok", {"https://x.example/a_(b)": "https://x.example/a_(b)"}),
        ("(https://x.example/ä?b=1#c).", {"https://x.example/ä?b=1#c": "https://x.example/ä?b=1#c"}),
        ("https:// http://", {}),
        ("https://x.example/lo… #ta…", {}),
        ("https://x.example …", {"https://x.example": "https://x.example"}),
        (f"#{'x' * 64} #{'y' * 65}", {f"#{'x' * 64}": "x" * 64}),
    ],
)
def test_links_and_tags_are_marked_by_their_bytes(text: str, marked: dict[str, str]) -> None:
    assert found(text) == marked


@pytest.fixture
def post(make_post: Any, make_clip: Any, make_job: Any) -> Any:
    return make_post(make_clip(), make_job(), title="A title", caption="A caption", hashtags=("one", "two"))


def test_the_text_has_title_caption_tags_and_disclosure(post: Any, make_job: Any) -> None:
    config = BlueskyConfig()
    assert post_text(post, make_job(), config) == "A title\n\nA caption\n\n#one #two\n\nMade with AI"
    bare = post.replace(title="", hashtags=())
    assert post_text(bare, make_job(), config) == "A caption\n\nMade with AI"
    assert post_text(bare.replace(caption=""), make_job(), config) == "Made with AI"


def test_the_disclosure_is_said_once_kept_whole_and_can_be_turned_off(post: Any, make_job: Any) -> None:
    said = post.replace(title="", caption="MADE WITH AI, of course", hashtags=())
    assert post_text(said, make_job(), BlueskyConfig()) == "MADE WITH AI, of course"
    late = post.replace(title="", caption="word " * 100 + "made with AI", hashtags=())
    cut = post_text(late, make_job(), BlueskyConfig())
    assert cut.endswith("word…\n\nMade with AI")
    assert length(cut) <= 300
    assert post_text(post, make_job(), BlueskyConfig(disclosure="")).endswith("#two")
    human = post.replace(ai_generated=False)
    assert post_text(human, make_job(), BlueskyConfig()).endswith("#two")


def test_a_post_says_itself_what_is_said_of_ai(post: Any, make_job: Any) -> None:
    silent = BlueskyConfig(disclosure="")
    told = post.replace(disclosure={"ai": "yes", "label": "caption"})
    assert post_text(told, make_job(), silent).endswith("\n\nMade with AI")
    partly = post.replace(disclosure={"ai": "partly"})
    assert post_text(partly, make_job(), BlueskyConfig()).endswith("\n\nPartly made with AI")
    assert post_text(partly, make_job(), silent).endswith("#two")


def test_a_post_has_languages_and_an_alt_text_of_its_own(post: Any, make_job: Any) -> None:
    config = BlueskyConfig(languages=("en",))
    own = post.replace(alt_text="A boat.", options={"languages": "de, fr"})
    record = make_record(own, make_job("A cat"), config, Uploaded(BLOB), 1_795_000_000.0)
    assert (record["langs"], record["embed"]["alt"]) == (["de", "fr"], "A boat.")
    assert Bluesky.PostOptions is not None
    with pytest.raises(ValidationError, match="languages"):
        Bluesky.PostOptions.model_validate({"languages": ["not a language"]})


def test_the_alt_text_is_what_was_asked_for(post: Any, make_job: Any) -> None:
    assert alt_text(post, make_job("A cat"), BlueskyConfig()) == "A cat"
    assert length(alt_text(post, make_job("word " * 400), BlueskyConfig())) <= 1000


def test_the_record(post: Any, make_job: Any) -> None:
    record = make_record(
        post, make_job("A cat"), BlueskyConfig(languages=("en",)), Uploaded(BLOB), 1_795_000_000.1234
    )
    facets = record.pop("facets")
    assert [facet["features"][0]["tag"] for facet in facets] == ["one", "two"]
    assert record == {
        "$type": "app.bsky.feed.post",
        "text": "A title\n\nA caption\n\n#one #two\n\nMade with AI",
        "createdAt": "2026-11-18T11:06:40.123Z",
        "langs": ["en"],
        "embed": {
            "$type": "app.bsky.embed.video",
            "video": BLOB,
            "alt": "A cat",
            "aspectRatio": {"width": 64, "height": 36},
        },
    }


def test_a_record_key_is_a_tid_of_its_own_for_each_act() -> None:
    at = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
    keys = {record_key(f"reelwork-{number}-post-bluesky", at) for number in range(2000)}
    assert len(keys) == 2000
    assert all(re.fullmatch(r"[2-7a-j][2-7a-z]{12}", key) for key in keys)
    assert record_key("k", at) == record_key("k", at)
    for key in keys:
        made = time_of(key)
        assert at - timedelta(minutes=40) < made <= at


def time_of(key: str) -> datetime:
    value = 0
    for character in key:
        value = value * 32 + "234567abcdefghijklmnopqrstuvwxyz".index(character)
    return datetime.fromtimestamp((value >> 10) / 1e6, UTC)


def test_times_are_written_to_the_millisecond() -> None:
    assert timestamp(0) == "1970-01-01T00:00:00.000Z"


def test_when_a_token_runs_out() -> None:
    assert expiry("e30.eyJleHAiOjE3OTU0MjY0NzN9.x") == 1795426473
    assert [expiry(token) for token in ("", "a.b", "a.e30.c", "a.\xff.c")] == [None] * 4


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"account": "a", "identifier": "b", "password": "env:P"}, "give either account or identifier"),
        ({"account": "a", "service": "https://x.example"}, "give either account or service"),
        ({"identifier": "me.bsky.social"}, "identifier needs password as well"),
        ({"password": "env:P"}, "password needs identifier as well"),
        ({"service": "https://x.example"}, "service goes with identifier and password"),
        ({"identifier": "a", "password": "hunter2"}, "give a reference"),
        ({"identifier": "a", "password": "env:P", "service": "http://x.example"}, "must begin with https://"),
        ({"identifier": "a", "password": "env:P", "service": "bsky.social"}, "is not an address"),
        ({"text": "{titel}"}, r"\{titel\} is not known here"),
        ({"alt": "{"}, "braces themselves"),
        ({"video_service": "vimeo"}, "neither pds, bsky nor the address"),
        ({"disclosure": "x" * 101}, "at most 100"),
        ({"languages": ("en", "de", "fr", "it")}, "at most 3"),
        ({"languages": ("English!",)}, "languages"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint) as raised:
        BlueskyConfig(**settings)
    assert "hunter2" not in str(raised.value)


def test_settings_as_they_are_meant() -> None:
    assert BlueskyConfig().account_name == "bluesky"
    assert BlueskyConfig(account="brand").account_name == "brand"
    given = BlueskyConfig(identifier="me", password="env:P", service="https://pds.example/")
    assert given.service == "https://pds.example"
    assert BlueskyConfig(identifier="me", password="env:P", service="http://127.0.0.1:2583").service
