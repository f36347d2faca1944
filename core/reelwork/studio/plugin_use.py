"""Which jobs that go on use the plugins of a package."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection

from reelwork.plugins.package_names import normalized
from reelwork.store.reader import SyncReader
from reelwork.store.statuses import GOES_ON


def jobs_using(store: SyncReader, packages: Collection[str]) -> dict[str, int]:
    """Return the number of jobs that go on with each plugin or provider of these packages."""
    jobs = Counter(head.run_id for head in store.heads(GOES_ON))
    found: Counter[str] = Counter()
    for run_id, number in jobs.items():
        run = store.run(run_id)
        # The store keeps it as it was launched, whatever is installed now.
        origins = json.loads(run.frozen).get("plugins", {}) if run is not None else {}
        for name, origin in origins.items():
            if normalized(str(origin).partition(" ")[0]) in packages:
                found[name] += number
    return dict(sorted(found.items()))
