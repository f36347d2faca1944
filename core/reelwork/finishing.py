"""After the download: each `post_download` plugin in its turn."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from reelwork.errors import HookFailed
from reelwork.store.rows import FAILED
from reelwork.transition import Next, Working, go, stop
from reelwork_hooks.errors import ReelworkError

if TYPE_CHECKING:
    from reelwork.steps import Steps


async def finish(steps: Steps, work: Working) -> Next:
    """Run the next `post_download` plugin."""
    order = work.pipeline.order["post_download"]
    if work.data.finished >= len(order):
        return go("publish", work.data)
    instance, clip = order[work.data.finished], work.data.clip
    assert clip is not None
    try:
        changed = await work.pipeline.dispatcher.finish(instance, clip, work.job)
        if changed is not None and changed.video.sha256 != clip.video.sha256:
            facts = await steps.probe(changed.video.path)
            changed = changed.with_video(changed.video.replace(**facts))
    except (HookFailed, ReelworkError) as error:
        reason = f"{error.message}. The download is kept; `reelwork resume` goes on at {instance!r}."
        return stop(FAILED, "finish", work.data, reason)
    data = work.data.replace(clip=changed or clip, finished=work.data.finished + 1)
    following = go("finish", data).telling("finished", plugin=instance)
    return following if data.finished < len(order) else replace(following, step="publish")
