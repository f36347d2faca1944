"""`reelwork serve` as it is, but that the plugins of networks wait as briefly as the matrix does."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from worker import hurry

import reelwork.engine.timing
from reelwork.cli import main

if __name__ == "__main__":
    hurry()
    reelwork.engine.timing.LEASE = 2.0
    main()
