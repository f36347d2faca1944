"""Lists of jobs as they are read, page by page. Imports no models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reelwork.studio.job_view import JobView

PAGE = 500
"""Jobs that are read at once."""


@dataclass(frozen=True)
class Page:
    """Some jobs of a list, and whether there are more."""

    views: list[JobView]
    more: bool
