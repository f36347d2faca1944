"""The plugin's hooks against a real server, called as the engine calls them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from reelwork_hooks import Asset, Effect, Found, InvalidInput, NotDone, NotSent, OutcomeUnknown, Rejected, Role
from reelwork_plugins.publishers.bluesky.graphemes import length
from reelwork_plugins.publishers.bluesky.record import post_text, record_key

CREATE = "com.atproto.repo.createRecord"
UPLOAD = "com.atproto.repo.uploadBlob"
REFRESH = "com.atproto.server.refreshSession"
SIGN_IN = "com.atproto.server.createSession"
OF_NOBODY = "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJIUzI1NiJ9.eyJleHAiOjk5OTk5OTk5OTl9.AAAA"
"""A token that says it is good for centuries and that no server has signed."""


async def posted(
    plugin: Any, post: Any, job: Any, *, attempt: int = 1, key: str = "key", prepared: Any = None
) -> Any:
    prepared = prepared or await plugin.prepare_publish(post, job)
    effect = Effect(key=key, attempt=attempt, prepared=prepared, started_at=job.created_at.timestamp())
    return await plugin.publish(post, job, effect)


def test_calling_again_with_the_same_key_makes_no_second_post(
    bench: Any, pds: Any, proxy: Any, person: Any, post: Any, job: Any
) -> None:
    first = bench.run(lambda plugin: posted(plugin, post, job))
    second = bench.run(lambda plugin: posted(plugin, post, job, attempt=2))
    blind = bench.run(lambda plugin: posted(plugin, post, job))
    assert first == second == blind
    assert len(pds.posts(person)) == 1
    assert proxy.count(CREATE) == 2
    bench.run(lambda plugin: posted(plugin, post, job, key="another"))
    assert len(pds.posts(person)) == 2


def test_find_post_finds_its_own_and_nothing_else(bench: Any, post: Any, job: Any) -> None:
    async def look(plugin: Any) -> Any:
        prepared = await plugin.prepare_publish(post, job)
        effect = Effect(key="key", prepared=prepared, started_at=job.created_at.timestamp())
        before = await plugin.find_post(post, job, effect)
        receipt = await plugin.publish(post, job, effect)
        other = Effect(key="other", prepared=prepared, started_at=job.created_at.timestamp())
        return before, receipt, await plugin.find_post(post, job, effect), await plugin.find_post(post, job, other)

    before, receipt, after, other = bench.run(look)
    assert all(isinstance(answer, NotDone) and answer.final for answer in (before, other))
    assert after == Found.one(receipt)


@pytest.mark.parametrize(
    "words",
    [
        "a" * 400,
        "Wörter über Wörter und noch mehr Wörter, ",
        "👩‍👩‍👧‍👦 ",
        "👍🏽👩🏿‍🚀🏳️‍🌈🏴󠁧󠁢󠁥󠁮󠁧󠁿 ",
        "🇩🇪🇫🇷🇮🇹 ",
        "Z͑ͫ̓ͪa̴l̶g̵o̷ ",
        "नमस्ते दुनिया ",
        "မြန်မာဘာသာ ",
        "한국어 각 ",
        "ก็ทำได้ น้ำ ",
        "வணக்கம் தமிழ் ",
        "\r\n\n x",
        "漢字かな交じり文",
    ],
)
def test_a_text_cut_to_the_limit_is_accepted(
    bench: Any, pds: Any, person: Any, post: Any, job: Any, server_counts: Any, words: str
) -> None:
    long = post.replace(caption=words * 200, hashtags=())

    async def work(plugin: Any) -> Any:
        return post_text(long, job, plugin.config), await posted(plugin, long, job)

    text, _ = bench.run(work)
    [kept] = pds.posts(person)
    assert kept["value"]["text"] == text
    assert text.endswith("…\n\nMade with AI")
    [counted] = server_counts([text])
    assert counted <= length(text) <= 300


def test_the_server_refuses_what_is_longer(bench: Any, pds: Any, person: Any) -> None:
    bench.run(lambda plugin: plugin.context.account("bluesky").refresh(_same))
    values = bench.accounts.values("bluesky")
    record = {"$type": "app.bsky.feed.post", "text": "x" * 301, "createdAt": "2026-11-20T08:00:00Z"}
    body = {"repo": person.did, "collection": "app.bsky.feed.post", "record": record}
    status, said = pds.raw("POST", CREATE, body, values["access"])
    assert (status, b"300" in said) == (400, True)


async def _same(values: Any) -> Any:
    return values


def test_our_count_is_never_lower_than_the_servers(server_counts: Any) -> None:
    import random

    chance = random.Random(7)
    blocks = [
        (0x20, 0x7F), (0x300, 0x370), (0x900, 0x980), (0xE00, 0xE80), (0x1000, 0x10A0), (0x1100, 0x1200),
        (0x1F1E6, 0x1F200), (0x1F3FB, 0x1F400), (0x1F466, 0x1F46A), (0x200B, 0x2010), (0x2600, 0x27C0),
        (0xA960, 0xA980), (0xAC00, 0xAC60), (0xFE00, 0xFE10), (0x1F300, 0x1FB00), (0xE0020, 0xE0080), (0xA, 0xE),
        (0x0, 0xD800), (0xE000, 0x30000),
    ]  # fmt: skip
    texts = []
    for _ in range(20_000):
        chosen = chance.sample(blocks, 3)
        texts.append("".join(chr(chance.randrange(*chance.choice(chosen))) for _ in range(12)))
    signs = [chr(code) for code in range(1, 0x20000) if not 0xD800 <= code < 0xE000]
    texts += [f"a{sign}" for sign in signs]
    texts += [f"👨\u200d{sign}" for sign in signs] + [f"{sign}\u200d👨" for sign in signs]
    texts += ["👩\u200d" * 3 + "👧", "a\u200d👧", "🇩🇪🇫", "\u200d", "\u0301a", "☎\u200d☎", "\r\n\r"]
    lower = [
        (text.encode("unicode_escape"), length(text), theirs)
        for text, theirs in zip(texts, server_counts(texts), strict=True)
        if length(text) < theirs
    ]
    assert lower == []


def test_a_token_the_server_refuses_is_renewed_once(
    bench: Any, pds: Any, proxy: Any, person: Any, post: Any, job: Any
) -> None:
    prepared = bench.run(lambda plugin: plugin.prepare_publish(post, job))
    bench.change_account(access=OF_NOBODY)
    bench.run(lambda plugin: posted(plugin, post, job, prepared=prepared))
    assert len(pds.posts(person)) == 1
    assert (proxy.count(REFRESH), proxy.count(CREATE)) == (1, 2)


def test_a_used_up_refresh_token_falls_back_to_the_password(bench: Any, proxy: Any, post: Any, job: Any) -> None:
    bench.run(lambda plugin: plugin.prepare_publish(post, job))
    bench.change_account(access=OF_NOBODY, refresh=OF_NOBODY)
    bench.run(lambda plugin: posted(plugin, post, job))
    assert (proxy.count(REFRESH), proxy.count(SIGN_IN)) == (1, 2)
    assert bench.accounts.values("bluesky")["refresh"] != OF_NOBODY


def test_no_way_to_sign_in_is_not_sent_at_first_and_unknown_later(
    bench: Any, pds: Any, person: Any, post: Any, job: Any
) -> None:
    prepared = bench.run(lambda plugin: plugin.prepare_publish(post, job))
    bench.change_account(access=OF_NOBODY, refresh=OF_NOBODY, password="revoked")
    with pytest.raises(NotSent, match="did not accept"):
        bench.run(lambda plugin: posted(plugin, post, job, prepared=prepared))
    bench.change_account(access="")
    with pytest.raises(OutcomeUnknown, match="did not accept"):
        bench.run(lambda plugin: posted(plugin, post, job, attempt=2, prepared=prepared))
    assert pds.posts(person) == []


def test_a_video_the_server_has_thrown_away_is_uploaded_again(
    bench: Any, pds: Any, proxy: Any, person: Any, post: Any, job: Any
) -> None:
    prepared = bench.run(lambda plugin: plugin.prepare_publish(post, job))
    prepared["blob"]["ref"]["$link"] = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"
    bench.run(lambda plugin: posted(plugin, post, job, prepared=prepared))
    [kept] = pds.posts(person)
    assert pds.video_of(person, kept) == post.clip.video.path.read_bytes()
    assert (proxy.count(UPLOAD), proxy.count(CREATE)) == (2, 2)


def test_another_person_behind_the_name_gets_no_post(bench: Any, pds: Any, post: Any, job: Any) -> None:
    prepared = bench.run(lambda plugin: plugin.prepare_publish(post, job))
    bench.accounts.remove("bluesky")
    bench.person = pds.person()
    with pytest.raises(Rejected, match="the account is now did:plc:"):
        bench.run(lambda plugin: posted(plugin, post, job, prepared=prepared))
    with pytest.raises(OutcomeUnknown, match="may be in the account did:plc:"):
        bench.run(lambda plugin: posted(plugin, post, job, attempt=2, prepared=prepared))
    assert pds.posts(bench.person) == []


@pytest.mark.parametrize("privacy", ["private", "unlisted"])
def test_a_post_for_some_is_refused_before_anything_is_uploaded(
    bench: Any, proxy: Any, post: Any, job: Any, privacy: str
) -> None:
    with pytest.raises(Rejected, match=f"this post is {privacy}"):
        bench.run(lambda plugin: plugin.prepare_publish(post.replace(privacy=privacy), job))
    assert proxy.count(UPLOAD) == 0


def test_a_video_too_large_for_the_server_is_said_so(bench: Any, post: Any, job: Any, tmp_path: Any) -> None:
    path = tmp_path / "large.mp4"
    path.write_bytes(b"\0" * 6_000_000)
    clip = post.clip.replace(video=Asset.from_file(path, Role.VIDEO))
    with pytest.raises(Rejected, match=r"does not take a video of 6\.0 MB") as raised:
        bench.run(lambda plugin: plugin.prepare_publish(post.replace(clip=clip), job))
    assert "video_service" in raised.value.hint


def test_an_account_of_another_kind_is_refused(bench: Any, post: Any, job: Any) -> None:
    from reelwork_hooks import Credentials

    bench.accounts.add("tube", "youtube", Credentials({"identifier": "me"}, {"token": "abcdef"}))
    with pytest.raises(InvalidInput, match="is for youtube, not for bluesky"):
        bench.run(lambda plugin: plugin.prepare_publish(post, job), account="tube")


def test_languages_and_a_template_of_ones_own(bench: Any, pds: Any, person: Any, post: Any, job: Any) -> None:
    settings = {
        "text": "{prompt} ({platform})",
        "alt": "Video: {prompt}",
        "disclosure": "",
        "languages": ("en", "pt-BR"),
    }
    bench.run(lambda plugin: posted(plugin, post, job), **settings)
    [kept] = pds.posts(person)
    assert kept["value"]["text"] == "A cat playing with yarn ()"
    assert kept["value"]["embed"]["alt"] == "Video: A cat playing with yarn"
    assert kept["value"]["langs"] == ["en", "pt-BR"]


def test_the_receipt_leads_to_the_post(bench: Any, pds: Any, person: Any, post: Any, job: Any) -> None:
    import json
    from urllib.request import urlopen

    receipt = bench.run(lambda plugin: posted(plugin, post, job))
    [kept] = pds.posts(person)
    rkey = record_key("key", job.created_at)
    assert receipt.id == kept["uri"] == f"at://{person.did}/app.bsky.feed.post/{rkey}"
    assert receipt.details["cid"] == kept["cid"]
    with urlopen(receipt.url) as answer:
        assert json.load(answer)["cid"] == kept["cid"]
    written = datetime.fromisoformat(kept["value"]["createdAt"])
    assert abs(written - job.created_at) < timedelta(milliseconds=2)


def test_captions_are_in_the_post_in_each_language(
    bench: Any, pds: Any, person: Any, post: Any, job: Any, tmp_path: Any, caplog: Any
) -> None:
    def words(name: str, text: str, media_type: str = "text/vtt") -> Asset:
        path = tmp_path / name
        path.write_text(text)
        return Asset.from_file(path, Role.CAPTIONS, media_type=media_type)

    english = "WEBVTT\n\n00:00.000 --> 00:00.400\nGood morning.\n"
    files = [
        words("1.en.vtt", english),
        words("2.el.vtt", english.replace("Good morning.", "Καλημέρα.")),
        words("3.vtt", english),
        words("4.de.srt", "1\n", "application/x-subrip"),
        words("5.fr.vtt", "WEBVTT\n" * 3000),
    ]
    told = post.replace(captions=tuple(files), options={"languages": ["en"]})
    receipt = bench.run(lambda plugin: posted(plugin, told, job))
    [kept] = pds.posts(person)
    sent = kept["value"]["embed"]["captions"]
    assert [(one["lang"], one["file"]["mimeType"]) for one in sent] == [("en", "text/vtt"), ("el", "text/vtt")]
    assert [pds.blob_of(person, one["file"]).decode() for one in sent] == [
        path.path.read_text() for path in files[:2]
    ]
    assert "no captions from 3.vtt: there are others in 'en'" in caplog.text
    assert "no captions from 4.de.srt: it does not take application/x-subrip" in caplog.text
    assert "no captions from 5.fr.vtt: it takes at most 20,000 bytes" in caplog.text
    assert [one.split(":")[0].split()[-1] for one in receipt.details["left_out"]] == [
        "3.vtt", "4.de.srt", "5.fr.vtt",
    ]  # fmt: skip


def test_captions_whose_language_nobody_says_stay_here(
    bench: Any, pds: Any, person: Any, post: Any, job: Any, tmp_path: Any, caplog: Any
) -> None:
    path = tmp_path / "words.vtt"
    path.write_text("WEBVTT\n")
    told = post.replace(captions=(Asset.from_file(path, Role.CAPTIONS, media_type="text/vtt"),))
    bench.run(lambda plugin: posted(plugin, told, job))
    [kept] = pds.posts(person)
    assert "captions" not in kept["value"]["embed"]
    assert "their language is not known; set `language`" in caplog.text
