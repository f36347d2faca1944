from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from html.parser import HTMLParser

import pytest

from reelwork_hooks import (
    Brief,
    Clip,
    Context,
    Effect,
    Found,
    Idempotency,
    Job,
    NotSent,
    OutcomeUnknown,
    Platform,
    Post,
    Prompt,
    Receipt,
    RenderFacts,
)
from reelwork_plugins.publishers.gallery import Gallery, GalleryConfig

EVIL = """<script>alert(1)</script> "q" 'a' & </style></title> javascript:x"""


class Page(HTMLParser):
    """What a browser would find on the page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def text(self) -> str:
        return " ".join(self.words)


@pytest.fixture
def gallery(context_for: Callable[[str], Context]) -> Gallery:
    return Gallery(GalleryConfig(), context_for("gallery"))


@pytest.fixture
def published(
    gallery: Gallery,
    make_clip: Callable[..., Clip],
    make_job: Callable[..., Job],
    make_post: Callable[..., Post],
) -> Callable[..., Receipt]:
    def publish(key: str, job: Job | None = None, clip: Clip | None = None, **copy: object) -> Receipt:
        job = job or make_job()
        return gallery.publish(make_post(clip or make_clip(), job, **copy), job, Effect(key=key))

    return publish


def page_of(gallery: Gallery) -> Page:
    return Page((gallery.folder / "index.html").read_text(encoding="utf-8"))


def cards(gallery: Gallery) -> list[str | None]:
    return [card["id"] for card in page_of(gallery).all("article")]


def test_declares_that_it_is_local_and_repeatable() -> None:
    assert (Gallery.public, Gallery.idempotency) == (False, Idempotency.KEY)


def test_a_post_becomes_a_card_with_a_player(
    gallery: Gallery,
    published: Callable[..., Receipt],
    make_job: Callable[..., Job],
    platform: Callable[[str], Platform],
) -> None:
    receipt = published(
        "key-1",
        make_job(platform=platform("tiktok"), prompt=Prompt(text="A cat, energetic")),
        title="Yarn",
        caption="look at this",
        hashtags=("cats", "yarn"),
    )
    page = page_of(gallery)
    (video,) = page.all("video")
    (source,) = page.all("source")
    assert cards(gallery) == [receipt.id]
    assert receipt.url == f"{(gallery.folder / 'index.html').as_uri()}#{receipt.id}"
    assert (video["preload"], video["width"], video["height"]) == ("none", "64", "36")
    assert video["aria-label"] == "TikTok video: A cat playing with yarn"
    for path in (source["src"], video["poster"]):
        assert path is not None
        assert (gallery.folder / path).stat().st_size > 0
    for words in (
        "Yarn",
        "look at this",
        "#cats #yarn",
        "AI-generated",
        "64×36 · 1 s",
        "$0.10",
        "A cat, energetic",
    ):
        assert words in page.text
    assert "20 Nov 2026, 08:30 UTC" in page.text


def test_the_same_key_gives_one_card_and_the_same_receipt(
    gallery: Gallery, published: Callable[..., Receipt]
) -> None:
    first = published("key-1")
    page = (gallery.folder / "index.html").read_bytes()
    assert published("key-1") == first
    assert (gallery.folder / "index.html").read_bytes() == page
    assert published("key-2").id != first.id
    assert len(cards(gallery)) == 2


def test_find_post_knows_what_was_published_and_mends_the_page(
    gallery: Gallery,
    published: Callable[..., Receipt],
    make_clip: Callable[..., Clip],
    make_job: Callable[..., Job],
    make_post: Callable[..., Post],
) -> None:
    post = make_post(make_clip(), make_job())
    assert gallery.find_post(post, make_job(), Effect(key="key-1")).final is True  # type: ignore[union-attr]
    receipt = published("key-1")
    (gallery.folder / "index.html").unlink()
    assert gallery.find_post(post, make_job(), Effect(key="key-1")) == Found.one(receipt)
    assert cards(gallery) == [receipt.id]


def test_a_crash_between_entry_and_page_is_mended_by_publishing_again(
    gallery: Gallery, published: Callable[..., Receipt]
) -> None:
    published("key-0")
    (gallery.folder / "index.html").unlink()
    (gallery.folder / "index.html").mkdir()
    with pytest.raises(OutcomeUnknown, match="the post is stored, but"):
        published("key-1")
    (gallery.folder / "index.html").rmdir()
    published("key-1")
    assert len(cards(gallery)) == 2


def test_an_unreadable_entry_costs_its_own_card_only(gallery: Gallery, published: Callable[..., Receipt]) -> None:
    first, second = published("key-1"), published("key-2")
    for path in (gallery.folder / "entries").iterdir():
        if json.loads(path.read_text())["key"] == "key-1":
            path.write_text("{")
    published("key-2")
    assert cards(gallery) == [second.id]
    assert published("key-1").id == first.id
    assert len(cards(gallery)) == 2


def test_nothing_from_outside_becomes_markup(
    gallery: Gallery, published: Callable[..., Receipt], make_job: Callable[..., Job]
) -> None:
    evil = make_job(
        id=EVIL, run=EVIL, workflow=EVIL, provider=EVIL, brief=Brief(prompt=EVIL), prompt=Prompt(text=EVIL)
    )
    published("key-1", evil, title=f"{EVIL} title", caption=f"{EVIL} caption", hashtags=("<b>",))
    published("key-2", make_job(run=EVIL))
    page = page_of(gallery)
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "b", "iframe", "img", "link"}
    assert len(page.all("title")) == len(page.all("style")) == 1
    assert page.text.count("<script>alert(1)</script>") >= 6
    for _, attributes in page.tags:
        assert not {name for name in attributes if name.startswith("on")}
        assert not (attributes.get("href") or "").startswith("javascript:")


def test_the_page_asks_nothing_of_other_machines(gallery: Gallery, published: Callable[..., Receipt]) -> None:
    published("key-1")
    html = (gallery.folder / "index.html").read_text()
    assert not re.search(r"https?://|//[a-z]|url\(|@import", html)
    (policy,) = (
        meta["content"] or ""
        for meta in page_of(gallery).all("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert "script" not in policy


def test_the_newest_run_comes_first_and_its_shapes_stand_together(
    gallery: Gallery,
    published: Callable[..., Receipt],
    make_job: Callable[..., Job],
    make_clip: Callable[..., Clip],
    platform: Callable[[str], Platform],
) -> None:
    def at(hour: int, run: str, name: str) -> Job:
        created = datetime(2026, 11, 20, hour, tzinfo=UTC)
        return make_job(f"prompt of {run}", run=run, created_at=created, platform=platform(name))

    tall = published("k1", at(9, "new", "tiktok"), make_clip(10, 36, 64))
    old = published("k2", at(8, "old", "youtube"), make_clip(20))
    wide = published("k3", at(9, "new", "youtube"), make_clip(30))
    assert cards(gallery) == [wide.id, tall.id, old.id]
    text = page_of(gallery).text
    assert text.index("prompt of new") < text.index("prompt of old")
    assert len(page_of(gallery).all("section")) == 2


def test_platforms_can_be_chosen_without_a_script(
    gallery: Gallery,
    published: Callable[..., Receipt],
    make_job: Callable[..., Job],
    platform: Callable[[str], Platform],
) -> None:
    published("k1", make_job(platform=platform("tiktok")))
    assert page_of(gallery).all("input") == []
    published("k2", make_job(platform=platform("twitter")))
    published("k3", make_job())
    chosen = [choice["id"] for choice in page_of(gallery).all("input")]
    assert chosen == ["show", "show-tiktok", "show-twitter", "show-none"]
    html = (gallery.folder / "index.html").read_text()
    assert "body:has(#show-tiktok:checked) .card:not(.on-tiktok)" in html
    assert [card["class"] for card in page_of(gallery).all("article")] == [
        "card r1778 wide on-none",
        "card r1778 wide on-tiktok",
        "card r1778 wide on-twitter",
    ]


@pytest.mark.parametrize(
    ("cost", "words"),
    [
        (None, "cost unknown"),
        (Decimal("0"), "no cost"),
        (Decimal("1.2"), "$1.20"),
        (Decimal("0.0030"), "$0.003"),
        (Decimal("120"), "$120.00"),
    ],
)
def test_cost_in_words(
    gallery: Gallery,
    published: Callable[..., Receipt],
    make_job: Callable[..., Job],
    cost: Decimal | None,
    words: str,
) -> None:
    render = RenderFacts(provider="sora", remote_id="video_1", status="completed", cost=cost)
    published("k1", make_job(render=render))
    assert f"· {words}" in page_of(gallery).text


def test_a_render_shown_by_two_posts_is_counted_once(
    gallery: Gallery, published: Callable[..., Receipt], make_job: Callable[..., Job]
) -> None:
    def job_of(render: str) -> Job:
        facts = RenderFacts(provider="sora", remote_id=render, status="completed", cost=Decimal("0.25"))
        return make_job(render=facts)

    for key, render in (("k1", "video_1"), ("k2", "video_1"), ("k3", "video_2")):
        published(key, job_of(render))
    assert "3 videos · $0.50" in page_of(gallery).text


def test_a_video_without_size_or_thumbnail_has_a_card_too(
    gallery: Gallery, published: Callable[..., Receipt], make_clip: Callable[..., Clip]
) -> None:
    video = make_clip().video.replace(width=None, height=None, duration=None)
    published("k1", clip=Clip(video=video), ai_generated=False)
    (player,) = page_of(gallery).all("video")
    assert "poster" not in player
    assert "AI-generated" not in page_of(gallery).text


def test_a_card_has_the_alt_text_and_says_how_far_ai_made_it(
    gallery: Gallery, published: Callable[..., Receipt]
) -> None:
    published("k1", alt_text="A boat & a quay", disclosure={"ai": "partly"})
    (player,) = page_of(gallery).all("video")
    assert "A boat & a quay" in str(player["aria-label"])
    assert "Partly AI-generated" in page_of(gallery).text


def test_entries_without_new_fields_can_be_read_by_older_versions(
    gallery: Gallery, published: Callable[..., Receipt]
) -> None:
    published("k1")
    (entry,) = (gallery.folder / "entries").glob("*.json")
    assert not {"alt_text", "ai"} & json.loads(entry.read_text(encoding="utf-8")).keys()


def test_a_folder_that_is_a_file_sends_nothing(
    gallery: Gallery,
    published: Callable[..., Receipt],
    make_clip: Callable[..., Clip],
    make_job: Callable[..., Job],
    make_post: Callable[..., Post],
) -> None:
    gallery.folder.parent.mkdir(parents=True)
    gallery.folder.write_text("mine")
    with pytest.raises(NotSent, match="a file is where a folder is needed"):
        published("k1")
    post = make_post(make_clip(), make_job())
    assert gallery.find_post(post, make_job(), Effect(key="k1")).final is True  # type: ignore[union-attr]
    assert gallery.folder.read_text() == "mine"


PUBLISH_MANY = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from reelwork_hooks import Clip, Effect, Job, Post
from reelwork_plugins.publishers.gallery import Gallery, GalleryConfig

folder, clip, job, who = Path(sys.argv[1]), *sys.argv[2:5]
context = SimpleNamespace(base_dir=folder, output_dir=folder, now=lambda: datetime.now(UTC))
gallery = Gallery(GalleryConfig(), context)
post = Post(destination="gallery", clip=Clip.model_validate_json(clip))
for number in range(12):
    key = f"shared-{number}" if number % 2 else f"{who}-{number}"
    gallery.publish(post, Job.model_validate_json(job), Effect(key=key))
"""


def test_two_processes_may_publish_at_once(
    gallery: Gallery, make_clip: Callable[..., Clip], make_job: Callable[..., Job]
) -> None:
    arguments = [gallery.folder.parent, make_clip().model_dump_json(), make_job().model_dump_json()]
    command = [sys.executable, "-c", PUBLISH_MANY, *map(str, arguments)]
    running = [subprocess.Popen([*command, who]) for who in ("one", "two", "three")]
    assert [process.wait(timeout=60) for process in running] == [0, 0, 0]
    shown = cards(gallery)
    assert len(shown) == len(set(shown)) == 6 + 3 * 6
    assert not list(gallery.folder.rglob("*.part"))
