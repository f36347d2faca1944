from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelwork_hooks import Clip, Context, Effect, Job, Post, Receipt
from reelwork_plugins.publishers.gallery import Gallery, GalleryConfig, paging


@pytest.fixture
def gallery(context_for: Callable[[str], Context]) -> Gallery:
    return Gallery(GalleryConfig(), context_for("gallery"))


@pytest.fixture
def publish(
    gallery: Gallery,
    make_clip: Callable[..., Clip],
    make_job: Callable[..., Job],
    make_post: Callable[..., Post],
) -> Callable[[int], Receipt]:
    job, clip = make_job(), make_clip()
    return lambda number: gallery.publish(make_post(clip, job), job, Effect(key=f"k{number}"))


def cards(page: Path) -> list[str]:
    return re.findall(r'<article [^>]*id="(post-[0-9a-f]+)"', page.read_text(encoding="utf-8"))


def test_every_post_is_on_one_page_for_good_and_the_newest_are_on_the_first(
    gallery: Gallery, publish: Callable[[int], Receipt], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "PAGE", 5)
    receipts = [publish(number) for number in range(23)]
    kept = [name for page in sorted(gallery.folder.glob("page-*.html")) for name in sorted(cards(page))]
    ids = [str(receipt.id) for receipt in receipts]
    assert sorted(kept) == sorted(ids[:20])
    assert sorted(cards(gallery.folder / "index.html")) == sorted(ids[15:])
    assert "8 of 23 videos" in (gallery.folder / "index.html").read_text()


def test_a_receipt_leads_to_its_post_also_when_many_have_come_since(
    gallery: Gallery, publish: Callable[[int], Receipt], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "PAGE", 5)
    receipts = [publish(number) for number in range(20)]
    for receipt in receipts:
        page, _, anchor = str(receipt.url).removeprefix("file://").partition("#")
        text = Path(page).read_text(encoding="utf-8")
        assert f'id="{anchor}"' in text
        led_on = re.search(rf'<li id="{anchor}"><a href="([^"#]+)#{anchor}"', text)
        if led_on:
            assert anchor in cards(gallery.folder / led_on[1])


def test_pages_lead_from_one_to_the_next(
    gallery: Gallery, publish: Callable[[int], Receipt], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "PAGE", 3)
    for number in range(14):
        publish(number)
    seen, page = set[str](), "index.html"
    while page:
        text = (gallery.folder / page).read_text(encoding="utf-8")
        seen.update(cards(gallery.folder / page))
        older = re.search(r'<a href="([^"]+)">Older videos', text)
        page = older[1] if older else ""
    assert len(seen) == 14


def test_a_gallery_of_an_older_version_keeps_all_its_posts(
    gallery: Gallery, publish: Callable[[int], Receipt]
) -> None:
    for number in range(6):
        publish(number)
    (gallery.folder / "order").unlink()
    publish(6)
    assert len(cards(gallery.folder / "index.html")) == 7


@settings(max_examples=50)
@given(numbers=st.lists(st.integers(0, 12), min_size=1, max_size=40), torn=st.integers(0, 40))
def test_a_post_has_one_position_however_often_it_is_added(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[int], torn: int
) -> None:
    path = tmp_path_factory.mktemp("order") / "order"
    positions: dict[int, int] = {}
    for number in numbers:
        shelf = paging.add(path, f"{number:040x}", list, fresh=number not in positions)
        assert positions.setdefault(number, shelf.position) == shelf.position
    with path.open("ab") as file:
        file.write(b"f" * torn)
    assert paging.add(path, f"{numbers[0]:040x}", list, fresh=False).position == positions[numbers[0]]
    assert paging.add(path, f"{99:040x}", list, fresh=True).count == len(positions) + 1
