"""The order in which posts came, so that a page is made from its own posts and not from all of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

# However many posts there are, publishing reads a few pages' worth of them.
PAGE = 50
"""Posts of one page. The first page shows the newest 50 to 100."""
_NAME = 40
# All lines have one length, so that a post is found by its position, without reading the file.
_LINE = _NAME + 1


@dataclass(frozen=True)
class Shelf:
    """A post's place among all: its position, and the number of posts."""

    position: int
    count: int

    @property
    def newest(self) -> range:
        """The positions that the first page shows."""
        return range(max((self.count - 1) // PAGE - 1, 0) * PAGE, self.count)

    @property
    def full_pages(self) -> tuple[int, ...]:
        """Pages that this post completes, or is on, and that no longer change."""
        page = self.position // PAGE
        return (page,) if self.count >= (page + 1) * PAGE else ()


def add(path: Path, name: str, earlier: Callable[[], Iterable[str]], *, fresh: bool) -> Shelf:
    """Put a post at the end, unless it is there. Call it under the gallery's lock. Raises `OSError`.

    `earlier` names the posts of a gallery without this file. `fresh` says that the post is new, so that it is
    looked for at the end only.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        size = os.fstat(handle).st_size
        if not size:
            size = _append(handle, 0, [*(one for one in earlier() if one != name), name])
        # A power cut may have left half a line: the next post is written over it.
        size -= size % _LINE
        begin = max(size - 2 * PAGE * _LINE, 0) if fresh else 0
        found = os.pread(handle, size - begin, begin).find(f"{name}\n".encode())
        if found >= 0:
            return Shelf((begin + found) // _LINE, size // _LINE)
        size = _append(handle, size, [name])
        return Shelf(size // _LINE - 1, size // _LINE)
    finally:
        os.close(handle)


def names(path: Path, positions: range) -> list[str]:
    """Return the posts at these positions."""
    with path.open("rb") as file:
        file.seek(positions.start * _LINE)
        return file.read(len(positions) * _LINE).decode("ascii", "replace").split()


def page_name(page: int) -> str:
    """Return the file of a page that is full."""
    return f"page-{page + 1:04d}.html"


def _append(handle: int, size: int, added: Iterable[str]) -> int:
    data = "".join(f"{name}\n" for name in added).encode()
    os.pwrite(handle, data, size)
    # The receipt names a page by this position: after a power cut another post must not get it.
    os.fsync(handle)
    return size + len(data)
