"""To run: python examples/from_the_tutorial/batch.py

It should print a line of progress for each of three prompts, then the outcome of each. Run it again, and there is
nothing left to do. The videos are previews, unless a `reelwork.toml` in this folder or one above names another
provider.
"""

from collections import namedtuple
from pathlib import Path

from reelwork import Studio
from reelwork.engine.events import Happening

Watch = namedtuple("Watch", "happened seen")
jobs = []
ended = []


def tell(event: Happening) -> None:
    if event.name in ("done", "failed", "held", "rejected"):
        ended.append(event.job.id)
        print(f"Progress: {len(ended) / len(jobs):.1%}")


workflow = {"brief": {"duration": 4, "resolution": "720p"}, "limits": {"concurrent": 3}}
watch = Watch(happened=tell, seen=lambda render: None)
with Studio(workflow, on_begin=jobs.extend, watchers=[watch]) as studio:
    result = studio.run_sync(Path(__file__).with_name("prompts.csv"))

for job in result.jobs:
    print(job.status, job.prompt)
