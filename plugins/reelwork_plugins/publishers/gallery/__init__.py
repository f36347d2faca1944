"""`gallery`: publishes to a web page on this machine. Nothing leaves it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from reelwork_hooks import (
    Asset,
    Config,
    Effect,
    Found,
    Idempotency,
    Job,
    NotDone,
    NotSent,
    OutcomeUnknown,
    Plugin,
    Post,
    Receipt,
    hookimpl,
)
from reelwork_plugins.files import link_or_copy, why, write_whole
from reelwork_plugins.publishers.gallery import paging
from reelwork_plugins.publishers.gallery.entries import Entry, Medium, entry_path, read_entries, read_entry
from reelwork_plugins.publishers.gallery.lock import locked
from reelwork_plugins.publishers.gallery.page import Around, render_page
from reelwork_plugins.publishers.gallery.paging import Shelf


class GalleryConfig(Config):
    """Settings of `gallery`."""

    folder: Path | None = None
    """The page's folder, relative to the workflow's folder. `gallery` in the output folder by default."""
    title: str = "Gallery"
    """The page's heading."""


class Gallery(Plugin):
    """Puts each post on one page of its own folder: `index.html`, with the videos beside it in `media`.

    An effect's key names its entry, so publishing it twice gives one card. Several processes may
    publish to one gallery: each entry is a file of its own, and the page is rebuilt from them.
    """

    Config = GalleryConfig
    config: GalleryConfig
    public = False
    post_fields = ("alt_text", "disclosure")
    idempotency = Idempotency.KEY
    # Written on this machine: an entry is there at once, or not at all.
    settle_seconds = 0.0
    # A post stays under its key for as long as it exists.
    key_seconds = float("inf")

    @property
    def folder(self) -> Path:
        """The absolute path of the page's folder."""
        if self.config.folder is None:
            return (self.context.output_dir / "gallery").absolute()
        return (self.context.base_dir / self.config.folder.expanduser()).absolute()

    @property
    def identity(self) -> str:
        """The folder: under whatever name it is configured, it is one page."""
        return str(self.folder)

    @hookimpl
    def publish(self, post: Post, job: Job, effect: Effect) -> Receipt:
        """Place the files, write the entry, make the page.

        Raises `NotSent` when the files or the entry could not be written, `OutcomeUnknown` when the page could
        not: the entry is there then, and publishing again shows it.
        """
        path = entry_path(self.folder, effect.key)
        with _nothing_published(self.folder):
            # The files first: a crash before the entry publishes nothing, and no card ever lacks its video.
            video = self._placed(post.clip.video)
            poster = self._placed(post.clip.thumbnail) if post.clip.thumbnail else None
            # An entry that is there keeps its time of publication, so that the receipt stays the same.
            there = read_entry(path)
            entry = there or Entry.of(post, job, effect.key, video, poster, self.context.now())
            write_whole(path, entry.to_json())
        return self._receipt(entry, self._make_pages(path, fresh=there is None))

    @hookimpl
    def find_post(self, post: Post, job: Job, effect: Effect) -> Found[Receipt] | NotDone:
        """Look up the effect's entry."""
        entry = read_entry(entry_path(self.folder, effect.key))
        if entry is None:
            return NotDone(final=True, why="there is no entry under its key")
        # A crash between the entry and the page leaves a page without the card.
        shelf = self._make_pages(entry_path(self.folder, effect.key), fresh=False)
        return Found.one(self._receipt(entry, shelf))

    def _placed(self, asset: Asset) -> Medium:
        medium = Medium.of(asset)
        link_or_copy(asset.path, self.folder / medium.path, asset.sha256)
        return medium

    def _make_pages(self, path: Path, *, fresh: bool) -> Shelf:
        """Rebuild the first page, and the page the post is on if that is full."""
        index = self.folder / "index.html"
        try:
            with locked(self.folder / ".lock"):
                shelf = paging.add(self._order, path.stem, self._earlier, fresh=fresh)
                self._write_page(index, shelf.newest, shelf.count)
                for page in shelf.full_pages:
                    positions = range(page * paging.PAGE, (page + 1) * paging.PAGE)
                    self._write_page(self.folder / paging.page_name(page), positions, shelf.count)
                return shelf
        except OSError as error:
            raise OutcomeUnknown(
                f"gallery: the post is stored, but {index} could not be written: {why(error)}.",
                hint="Fix that, then resume the job: it is not posted twice.",
            ) from error

    @property
    def _order(self) -> Path:
        return self.folder / "order"

    def _earlier(self) -> Iterator[str]:
        """Yield the posts of a gallery that an older version made, in the order they came."""
        entries = sorted(read_entries(self.folder), key=lambda entry: (entry.published_at, entry.key))
        return (entry_path(self.folder, entry.key).stem for entry in entries)

    def _write_page(self, page: Path, positions: range, count: int) -> None:
        names = paging.names(self._order, positions)
        paths = (self.folder / "entries" / f"{name}.json" for name in names)
        entries = [entry for path in paths if (entry := read_entry(path)) is not None]
        older = positions.start // paging.PAGE - 1
        around = Around(
            total=count,
            older="" if older < 0 else paging.page_name(older),
            newest="" if page.name == "index.html" else "index.html",
            moved=self._moved(positions) if page.name == "index.html" else (),
        )
        write_whole(page, render_page(entries, self.config.title, around).encode())

    def _moved(self, positions: range) -> Sequence[Entry]:
        """Return the gallery's first posts once they have left the first page."""
        # Their receipts name `index.html`, which was their page when they were published.
        if not positions.start:
            return ()
        paths = (self.folder / "entries" / f"{name}.json" for name in paging.names(self._order, range(paging.PAGE)))
        return [entry for path in paths if (entry := read_entry(path)) is not None]

    def _receipt(self, entry: Entry, shelf: Shelf) -> Receipt:
        # The first page leads to the first posts for good; later ones stay where their own page will be.
        page = shelf.position // paging.PAGE
        file = self.folder / (paging.page_name(page) if page else "index.html")
        return Receipt(id=entry.id, url=f"{file.as_uri()}#{entry.id}", at=entry.published_at)


@contextmanager
def _nothing_published(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NotSent(
            f"gallery: nothing could be written to {folder}: {why(error)}.",
            money="The video is kept; this post was not made.",
            hint="Fix that or choose another `folder`, then resume the job.",
        ) from error
