"""From what a person asks for, a prompt or a file, to a workflow and a checked launch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwork.errors import WorkflowInvalid
from reelwork.planning.batch.cells import vars_of
from reelwork.planning.batch.templates import columns_in, without_places
from reelwork.planning.destinations import check_destinations, unused_copy
from reelwork.plugins.pipeline import Pipeline
from reelwork.settings.layers import with_one_name
from reelwork.settings.paths import BATCHES, batch_beside
from reelwork.settings.workflow import Loaded, brief_from, load
from reelwork.studio.launch import Launch, launch_brief, platform_names
from reelwork.studio.mistyped import looks_like_file
from reelwork_hooks.models import Brief

if TYPE_CHECKING:
    from reelwork.studio.batch_launch import Earlier

OPTIONS_OF_RUN = "the options"
Workflow = str | Path | Mapping[str, Any]
"""A file, or a mapping with its sections."""


def is_batch(what: str | Path | None) -> bool:
    """Return whether this is meant as a batch: a file with a brief in each row."""
    return isinstance(what, Path) and what.suffix.lower() != ".toml"


def load_asked(what: str | Path | None, workflow: Workflow | None, settings: Mapping[str, Any]) -> Loaded:
    """Return the workflow of a launch: `what` itself if it is one, else `workflow`. Raises `WorkflowInvalid`."""
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
    """Check that this is a prompt, a path or None, so that no other brief is paid for. Raises `WorkflowInvalid`."""
    if what is not None and not isinstance(what, str | Path):
        raise WorkflowInvalid(
            f"What is to be made is {what!r:.60}; it must be a prompt, or the Path of a workflow or batch.",
            hint="Many prompts go into a batch file, or are run one by one.",
        )
    # A text that names a file would be made, and paid for, as a prompt about its name.
    if isinstance(what, str) and looks_like_file(what):
        raise WorkflowInvalid(
            f"{what!r} is a text, which would be made as a prompt; it looks like a file.",
            hint=f"Give a path: Path({what!r}), with `from pathlib import Path`. Or a prompt that is one: "
            f"prompt={what!r}.",
        )


def launch_asked(
    pipeline: Pipeline,
    what: str | Path | None,
    brief: Mapping[str, Any],
    run_id: str,
    *,
    again: bool = False,
    earlier: Earlier | None = None,
) -> Launch:
    """The jobs of a prompt, a workflow or a batch; `again` makes those of a batch anew.

    `earlier` is asked which of a batch exist already. Raises `InvalidInput`.
    """
    given = with_one_name(brief)
    check_destinations(pipeline)
    pipeline.check_addresses()
    defaults = {**pipeline.workflow.briefs, **given}
    if isinstance(what, Path) and is_batch(what):
        if what.suffix.lower() not in BATCHES:
            raise WorkflowInvalid(f"{what}: a batch is a {_listed(BATCHES)} file, a workflow a .toml file.")
        _check_defaults(pipeline, given)
        # Only a batch needs the readers of its formats.
        from reelwork.planning.batch.reading import read_batch
        from reelwork.studio.batch_launch import launch_rows

        # After the defaults were checked: a mistake in the workflow would else be reported once for each row.
        rows = read_batch(what, defaults, platform_names(pipeline))
        launch = launch_rows(pipeline, rows, salt=run_id if again else "", earlier=earlier)
        return replace(launch, notes=(*launch.notes, *unused_copy(pipeline)))
    if isinstance(what, str):
        if "prompt" in brief:
            raise WorkflowInvalid("The prompt is given twice, by itself and as prompt=.", hint="Leave one of them.")
        given["prompt"] = what
    launch = launch_brief(pipeline, _brief(pipeline, given), run_id)
    return replace(launch, notes=(*launch.notes, *unused_copy(pipeline)))


def _check_defaults(pipeline: Pipeline, given: Mapping[str, Any]) -> None:
    """Blame what is wrong in the workflow or the options on these, once, and not on every row."""
    loaded = pipeline.loaded
    shared = {name: value for name, value in pipeline.workflow.brief.items() if name not in given}
    for values, where, text in (
        (given, OPTIONS_OF_RUN, ""),
        (shared, loaded.source or "the workflow", loaded.text),
    ):
        # A value with places for columns is complete only with a row, so it is checked there.
        plain = {name: value for name, value in values.items() if not columns_in(value)}
        brief_from({"prompt": "any", **plain}, where, text, section="brief" if text else "")


def _brief(pipeline: Pipeline, given: Mapping[str, Any]) -> Brief:
    """The brief of a workflow and of what was given beside it, each blamed for what is its own."""
    source, text = pipeline.loaded.source, pipeline.loaded.text
    written = {name: value for name, value in pipeline.workflow.briefs.items() if name not in given}
    cells = {**vars_of(written), **vars_of(given)}
    whole = {**without_places(written, cells, source or "the workflow"), **given}
    if not source:
        return brief_from(whole, "the brief", section="")
    # What was given by options first and alone, so that it is not blamed on a line of the file.
    brief_from({"prompt": "any", **given}, OPTIONS_OF_RUN, section="")
    if not str(whole.get("prompt", "")).strip():
        # First the keys: a misspelt `prompt` is an unknown key, not a missing prompt.
        brief_from({**whole, "prompt": "any"}, source, text)
        if batch := batch_beside(Path(source)):
            raise WorkflowInvalid(
                f"{source}: there is no prompt under [brief]; the prompts are in a batch file.",
                hint=f"Run that: reelwork run {batch} --workflow {source}",
            )
    return brief_from(whole, source, text)


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"
