"""To run: python examples/from_the_tutorial/first_video.py

It should print `done` and the path of a video. It is a preview, drawn here, unless a `reelwork.toml` in this
folder or one above names another provider.
"""

from reelwork import Studio

with Studio() as studio:
    [job] = studio.run_sync("A golden retriever playing in a sunny garden", duration=4, resolution="720p").jobs

print(job.status, job.video or job.reason)
