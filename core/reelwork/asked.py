"""From what a person asks for, a prompt or a file, to a workflow and a checked launch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from reelwork.batch import SUFFIXES, read_batch
from reelwork.config import Loaded, brief_from, load
from reelwork.errors import WorkflowInvalid
from reelwork.launch import KnownOf, Launch, launch_brief, launch_rows, unknown
from reelwork.layers import with_one_name
from reelwork.pipeline import Pipeline

Workflow = str | Path | Mapping[str, Any]
"""A file, or a mapping with its sections."""


def is_batch(what: str | Path | None) -> bool:
    """Whether this is meant as a file with a brief in each row."""
    return isinstance(what, Path) and what.suffix.lower() != ".toml"


def load_asked(what: str | Path | None, workflow: Workflow | None, settings: Mapping[str, Any]) -> Loaded:
    """The workflow of a launch: `what` itself when it is one, else `workflow`. Raises `WorkflowInvalid`."""
    _check_what(what)
    if isinstance(what, Path) and not is_batch(what):
        loaded = load(what, options=settings)
    elif isinstance(workflow, Mapping):
        loaded = load(None, options={**workflow, **settings}, options_from="the workflow")
    else:
        loaded = load(Path(workflow) if workflow is not None else None, options=settings)
    return replace(loaded, asked_for=tuple(_added(settings)))


def _added(settings: Mapping[str, Any]) -> list[str]:
    plugins = settings.get("plugins")
    added = plugins.get("add") if isinstance(plugins, Mapping) else plugins
    return [name for name in added if isinstance(name, str)] if isinstance(added, list | tuple) else []


def _check_what(what: object) -> None:
    """What is neither prompt nor file must not leave the workflow's own brief to be paid for in its place."""
    if what is not None and not isinstance(what, str | Path):
        raise WorkflowInvalid(
            f"What is to be made is {what!r:.60}; it must be a prompt, or the Path of a workflow or batch.",
            hint="Many prompts go into a batch file, or are run one by one.",
        )
    if isinstance(what, str) and what.lower().endswith((".toml", *SUFFIXES)) and not any(map(str.isspace, what)):
        raise WorkflowInvalid(
            f"{what!r} is a text, which would be made as a prompt; it looks like a file.",
            hint=f"Give a path: Path({what!r}), with `from pathlib import Path`.",
        )


def launch_asked(
    pipeline: Pipeline,
    what: str | Path | None,
    brief: Mapping[str, Any],
    run_id: str,
    *,
    again: bool = False,
    known_of: KnownOf = unknown,
) -> Launch:
    """The jobs of a prompt, a workflow or a batch; `again` makes those of a batch anew.

    `known_of` gives those of a batch that exist already, by key. Raises `InvalidInput`.
    """
    defaults = {**pipeline.workflow.brief, **with_one_name(brief)}
    if isinstance(what, Path) and is_batch(what):
        if what.suffix.lower() not in SUFFIXES:
            raise WorkflowInvalid(
                f"{what}: a batch is a .csv, .jsonl or .txt file, a workflow a .toml file.",
            )
        rows = read_batch(what, defaults)
        return launch_rows(pipeline, what, rows, salt=run_id if again else "", known_of=known_of)
    if isinstance(what, str):
        if "prompt" in brief:
            raise WorkflowInvalid("The prompt is given twice, by itself and as prompt=.", hint="Leave one of them.")
        defaults["prompt"] = what
    source, text = pipeline.loaded.source, pipeline.loaded.text
    asked = brief_from(defaults, source, text) if source else brief_from(defaults, "the brief", section="")
    return launch_brief(pipeline, asked, run_id)
