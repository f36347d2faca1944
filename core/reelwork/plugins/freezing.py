"""The workflow that is kept with each run: frozen without secrets, and thawed by a later process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from reelwork.errors import WorkflowInvalid
from reelwork.plugins.catalog import Catalog
from reelwork.plugins.ordering import instance_name, named_plugins, order_of
from reelwork.plugins.pinned import packages_in
from reelwork.plugins.pipeline import Pipeline
from reelwork.settings.workflow import Loaded, Workflow
from reelwork.text import shown
from reelwork_hooks.errors import ReelworkError


def freeze(pipeline: Pipeline) -> str:
    """Return everything a later process needs to build the same pipeline, as JSON without secrets.

    Raises `WorkflowInvalid` for a folder whose name cannot be kept.
    """
    loaded = pipeline.loaded
    return json.dumps(
        {
            "workflow": loaded.workflow.model_dump(mode="json"),
            "base_dir": _kept(loaded.base_dir),
            "out": _kept(loaded.out),
            "source": loaded.source,
            "text": loaded.text,
            "plugins": pipeline.versions(),
        },
        ensure_ascii=False,
    )


def _kept(folder: Path) -> str:
    name = str(folder)
    try:
        name.encode()
    except UnicodeEncodeError:
        raise WorkflowInvalid(
            f"The name of the folder {shown(name)} is not UTF-8, so no job can be kept that works there.",
            money="Nothing was sent.",
            hint="Rename the folder, or run from another one.",
        ) from None
    return name


def thaw(frozen: str) -> Loaded:
    """Return the workflow a run was launched with."""
    data = json.loads(frozen)
    workflow = Workflow.model_validate(data["workflow"])
    packages = packages_in(data.get("plugins") or {})
    base_dir, out = Path(data["base_dir"]), Path(data["out"])
    return Loaded(workflow, base_dir, data["source"], out, data["text"], packages=packages)


def destinations_in(frozen: str) -> Iterator[str]:
    """Yield where a run's jobs publish. If its plugins cannot be loaded: all that may be a destination."""
    try:
        loaded = thaw(frozen)
        yield from order_of(loaded.workflow.plugins, named_plugins(loaded, Catalog()))["publish"]
    # A backup is put in use where the plugins may be missing. One destination too many is asked about; one too few
    # could be posted to twice.
    except (ReelworkError, ValueError, KeyError):
        lists = json.loads(frozen).get("workflow", {}).get("plugins", {})
        yield from dict.fromkeys(map(instance_name, (*lists.get("publish", ()), *lists.get("add", ()))))
