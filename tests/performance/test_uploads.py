"""Memory while a large file is sent or an answer is streamed, measured in processes of their own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from benchmarks.uploads import GOAL, WAYS, measure, serving


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the most memory a process had")
def test_a_large_transfer_takes_no_more_memory_than_a_small_one(tmp_path: Path) -> None:
    with serving() as url:
        _, small, large = measure(url, tmp_path, 50, *WAYS)
    assert large - small < GOAL * 1_000_000
