"""One process of a case: stores a clip with the plugin once, as the engine does, and reports the outcome."""

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
    forget_peak,
    limit_files,
    peak,
    write_report,
)
from reelwork.testing.contexts import SampleContext
from reelwork.testing.hooks import call_hook_async
from reelwork.testing.samples import sample_brief, sample_job, sample_prompt
from reelwork_hooks.models import Asset, Clip, Job


def run_storing(order: Mapping[str, Any], catalog: Catalog) -> None:
    """Store the order's clip, and write down the outcome beside it."""
    folder = Path(order["folder"])
    sys.dont_write_bytecode = True
    lines = Lines()
    logging.getLogger("reelwork").addHandler(lines)
    logging.getLogger("reelwork").setLevel(logging.DEBUG)
    context = SampleContext(folder, order["name"])
    # What is passing is no part of the storage.
    tempfile.tempdir = str(context.work_dir)
    target = catalog.get(order["name"]).target
    limit_files(order["half"], order["half_at"])
    before = forget_peak()
    changes = Changes(order["at_change"], refused=order["refused"], outside=str(context.work_dir))
    try:
        answer = _outcome(asyncio.run(_stored(order, target, context)))
    except Exception as error:
        answer = error_report(error)
    finally:
        changes.armed = False
    limit_files("", 0)
    report = {**answer, "log": lines.lines, "changes": changes.count, "growth": peak() - before}
    write_report(folder / f"stored-{order['number']}.json", report)


async def _stored(order: Mapping[str, Any], target: Any, context: SampleContext) -> Any:
    settings, clip, job = order["settings"], clip_of(order), job_of(order)
    return await call_hook_async(
        target, "post_download", settings=settings, context=context, time_limit=TIME_LIMIT, clip=clip, job=job
    )


def clip_of(order: Mapping[str, Any]) -> Clip:
    """Return the clip to store."""
    assets = [Asset.model_validate(asset) for asset in order["assets"]]
    return Clip(video=assets[0], assets=tuple(assets[1:]))


def job_of(order: Mapping[str, Any]) -> Job:
    """Return the job it belongs to."""
    words, row = order["words"], order["row"]
    return sample_job(brief=sample_brief(prompt=words), prompt=sample_prompt(text=words, title=words), row=row)


def _outcome(clip: Any) -> dict[str, Any]:
    if not isinstance(clip, Clip):
        return {"problem": f"returned {clip!r}, and not the clip with its addresses"}
    return {"assets": [asset.model_dump(mode="json") for asset in (clip.video, *clip.assets)]}
