"""To run: python examples/quickstart.py

It should print the path of a video and the address of a gallery page.
"""

from reelwork import Studio

with Studio(out="reelwork-out") as studio:
    result = studio.run_sync("A golden retriever playing in a sunny garden", duration=3, platforms=["youtube"])

for job in result.jobs:
    print(job.status, job.video)
    for destination, receipt in job.receipts.items():
        print(destination, receipt.url)
