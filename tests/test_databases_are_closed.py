"""Each database that a test opens is closed: Python 3.13 warns of one that is not, in whichever test comes then."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
# A connection as a context manager ends its transaction, and stays open.
LEFT_OPEN = re.compile(r"with sqlite3\.connect\(")
FOUND = sorted(
    path
    for path in HERE.rglob("*.py")
    if "sqlite3" in path.read_text(encoding="utf-8") and path.name != Path(__file__).name
)


@pytest.mark.parametrize("path", FOUND, ids=lambda path: str(path.relative_to(HERE)))
def test_a_connection_is_no_context_that_closes_it(path: Path) -> None:
    assert not LEFT_OPEN.search(path.read_text(encoding="utf-8")), (
        "write: with closing(sqlite3.connect(...)) as db:"
    )
