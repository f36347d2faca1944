"""One process of a case: finishes a clip with the plugin once, as the engine does, and reports the outcome."""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reelwork.plugins.catalog import Catalog
from reelwork.testing.conformance.hook_process import (
    TIME_LIMIT,
    Changes,
    Lines,
    error_report,
    limit_files,
    write_report,
)
from reelwork.testing.contexts import SampleContext
from reelwork.testing.hooks import call_hook_async
from reelwork.testing.samples import sample_job
from reelwork_hooks.models import Brief, Clip, Target


def run_finishing(order: Mapping[str, Any], catalog: Catalog) -> None:
    """Finish the order's clip, and write down the outcome beside it."""
    folder = Path(order["folder"])
    sys.dont_write_bytecode = True
    lines = Lines()
    logging.getLogger("reelwork").addHandler(lines)
    context = SampleContext(folder, order["name"])
    passing = folder / "passing"
    passing.mkdir(exist_ok=True)
    tempfile.tempdir = str(passing)
    target = catalog.get(order["name"]).target
    limit_files(order["half"], order["half_at"])
    changes = Changes(order["at_change"], refused=False, outside=str(passing))
    try:
        answer = _outcome(asyncio.run(_finished(order, target, context)))
    except Exception as error:
        answer = error_report(error)
    finally:
        changes.armed = False
    limit_files("", 0)
    write_report(folder / f"finished-{order['number']}.json", {**answer, "changes": changes.count})


async def _finished(order: Mapping[str, Any], target: Any, context: SampleContext) -> Any:
    clip = Clip.model_validate(order["clip"])
    brief, video = Brief.model_validate(order["brief"]), clip.video
    job = sample_job(brief=brief, platform=None, target=Target.model_validate(order["target"]))
    facts = {"width": video.width, "height": video.height, "fps": round(video.fps or 0), "duration": video.duration}
    spec = job.spec.replace(**{name: value for name, value in facts.items() if value})
    return await call_hook_async(
        target,
        "post_download",
        settings=order["settings"],
        context=context,
        time_limit=TIME_LIMIT,
        clip=clip,
        job=job.replace(spec=spec),
    )


def _outcome(clip: Any) -> dict[str, Any]:
    if clip is None:
        return {"left": True}
    if not isinstance(clip, Clip):
        return {"problem": f"returned {type(clip).__name__}, and not the clip"}
    return {"clip": clip.model_dump(mode="json")}
