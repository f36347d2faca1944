"""`gallery`: publishes to a web page on this machine, to look at and to hand round. Nothing leaves it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reelwork_hooks import (
    Absent,
    Asset,
    Config,
    Effect,
    Found,
    Idempotency,
    Job,
    NotSent,
    OutcomeUnknown,
    Plugin,
    Post,
    Receipt,
    hookimpl,
)
from reelwork_plugins.files import link_or_copy, why, write_whole
from reelwork_plugins.gallery.entries import Entry, Medium, entry_path, read_entries, read_entry
from reelwork_plugins.gallery.lock import locked
from reelwork_plugins.gallery.page import render_page


class GalleryConfig(Config):
    """Settings of `gallery`."""

    folder: Path | None = None
    """Where the page is made, relative to the workflow's folder. `gallery` in the output folder by default."""
    title: str = "Gallery"
    """The page's heading."""


class Gallery(Plugin):
    """Puts each post on one page of its own folder: `index.html`, with the videos beside it in `media`.

    An act's key names its entry, so publishing the same act twice gives one card. Several processes may
    publish to one gallery: entries are files of their own, and the page is made anew from all of them.
    """

    Config = GalleryConfig
    config: GalleryConfig
    public = False
    idempotency = Idempotency.KEY
    settle_seconds = 0.0
    # A post is kept under its key for as long as there is one.
    key_seconds = float("inf")

    @property
    def folder(self) -> Path:
        """Where the page is."""
        if self.config.folder is None:
            return (self.context.output_dir / "gallery").absolute()
        return (self.context.base_dir / self.config.folder.expanduser()).absolute()

    @property
    def identity(self) -> str:
        """The folder: whatever an instance is called, its page is one."""
        return str(self.folder)

    @hookimpl
    def publish(self, post: Post, job: Job, effect: Effect) -> Receipt:
        """Place the files, write the entry, make the page.

        Raises `NotSent` when the files or the entry could not be written, `OutcomeUnknown` when the page could
        not: the entry is there then, and publishing again shows it.
        """
        path = entry_path(self.folder, effect.key)
        with _nothing_published(self.folder):
            video = self._placed(post.clip.video)
            poster = self._placed(post.clip.thumbnail) if post.clip.thumbnail else None
            entry = read_entry(path) or Entry.of(post, job, effect.key, video, poster, self.context.now())
            write_whole(path, entry.to_json())
        self._make_page()
        return self._receipt(entry)

    @hookimpl
    def find_post(self, post: Post, job: Job, effect: Effect) -> Found[Receipt] | Absent:
        """Found when the act's entry is there; the page is made anew, in case it is behind."""
        entry = read_entry(entry_path(self.folder, effect.key))
        if entry is None:
            return Absent()
        self._make_page()
        return Found.one(self._receipt(entry))

    def _placed(self, asset: Asset) -> Medium:
        medium = Medium.of(asset)
        link_or_copy(asset.path, self.folder / medium.path, asset.sha256)
        return medium

    def _make_page(self) -> None:
        index = self.folder / "index.html"
        try:
            with locked(self.folder / ".lock"):
                write_whole(index, render_page(read_entries(self.folder), self.config.title).encode())
        except OSError as error:
            raise OutcomeUnknown(
                f"gallery: the post is kept, but {index} could not be written: {why(error)}.",
                hint="Set that right, then retry the job: the post is not made twice.",
            ) from error

    def _receipt(self, entry: Entry) -> Receipt:
        index = self.folder / "index.html"
        return Receipt(id=entry.id, url=f"{index.as_uri()}#{entry.id}", at=entry.published_at)


@contextmanager
def _nothing_published(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NotSent(
            f"gallery: nothing could be written to {folder}: {why(error)}.",
            money="The video is kept; this post was not made.",
            hint="Set that right or choose another `folder`, then retry the job.",
        ) from error
