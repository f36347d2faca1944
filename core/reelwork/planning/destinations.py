"""Checks what a workflow or a row asks of single destinations, before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from reelwork.credentials import principal
from reelwork.errors import NotFound, WorkflowInvalid
from reelwork.planning.batch.templates import columns_in
from reelwork.planning.post_copy import COPY, VIDEO
from reelwork.plugins.pipeline import Pipeline
from reelwork.settings.layers import Layer
from reelwork.settings.validation import OPTIONS, explain, line_of
from reelwork_hooks.errors import ReelworkError
from reelwork_hooks.models import Brief, PostCopy

CANNOT = {
    "alt_text": "{name} takes no alternative text",
    "disclosure": "{name} does not say that it has an AI label of its own",
}
"""Why a publisher that does not name this in its `post_fields` is not given it."""


def check_destinations(pipeline: Pipeline) -> None:
    """Check every `[destination.NAME]`, as far as it waits for no row. Raises `WorkflowInvalid` or `NotFound`."""
    for name, copy in pipeline.workflow.destination.items():
        # A value with places for columns is complete only with a row, so it is checked there.
        options = {key: value for key, value in copy.options.items() if not columns_in(value)}
        _check(pipeline, name, copy.replace(options=options), "")
    _check_label(pipeline)


def _check_label(pipeline: Pipeline) -> None:
    """Refuse a brand's `label = "refuse"` where a destination has no label of its own. Raises `WorkflowInvalid`."""
    said = pipeline.workflow.own_brand.disclosure
    if said is None or said.label != "refuse":
        return
    for name in pipeline.order["publish"]:
        own = pipeline.workflow.destination.get(name)
        # What a destination says of its own takes the place of it, and is checked by itself.
        if "disclosure" not in pipeline.instances[name].post_fields and (own is None or own.disclosure is None):
            raise WorkflowInvalid(
                f"brands.{pipeline.workflow.brand}.disclosure: {CANNOT['disclosure'].format(name=name)}",
                hint=f"Take {name} out of the workflow, or say it otherwise there: "
                f'disclosure = {{ label = "caption" }} under [destination.{name}].',
            )


def check_copy(pipeline: Pipeline, brief: Brief, where: str) -> None:
    """Check what a brief asks of single destinations. Raises `WorkflowInvalid` or `NotFound`."""
    for name, copy in brief.destinations.items():
        _check(pipeline, name, copy, where)
    if brief.destinations:
        _check_one_post_each(pipeline, brief, where)


def _check_one_post_each(pipeline: Pipeline, brief: Brief, where: str) -> None:
    """Refuse two different posts to one account, which gets one post of a job: the second would never be made."""
    first: dict[str, str] = {}
    for name in dict.fromkeys(pipeline.order["publish"]):
        other = first.setdefault(account_at(pipeline, name), name)
        if brief.destinations.get(name) != brief.destinations.get(other):
            own = name if name in brief.destinations else other
            raise WorkflowInvalid(
                f"{place_of(pipeline, own, '', where)}: {other} and {name} post to one account, and a job posts "
                "there once. Their posts differ, so one would not be made.",
                money="Nothing was sent.",
                hint="Give one of them another account, or make one of the posts with a workflow of its own.",
            )


def account_at(pipeline: Pipeline, name: str) -> str:
    """Return the plugin and the account of a destination, which may have other names in the same workflow."""
    return principal.destination(
        pipeline.definitions[name].name, pipeline.instances[name], pipeline.configs.get(name)
    )


def copy_problem(pipeline: Pipeline, name: str, copy: PostCopy) -> str:
    """Return why a destination would not take this now; empty if it would."""
    try:
        _check(pipeline, name, copy, "the job")
    except ReelworkError as error:
        return error.message
    return ""


def unused_copy(pipeline: Pipeline) -> Iterator[str]:
    """Yield a note for each `[destination.NAME]` that no post of this launch is made at."""
    for name in pipeline.workflow.destination:
        if name not in pipeline.order["publish"]:
            yield f"[destination.{name}] is not used: nothing is published to {name} here."


def unused_alt_text(pipeline: Pipeline, brief: Brief) -> str:
    """Return a note that some destinations take no alternative text, although the brief has one; else empty."""
    # Not refused: of two networks one may take it, and a brief is written for both.
    takes = {name: "alt_text" in pipeline.instances[name].post_fields for name in pipeline.order["publish"]}
    without = [name for name, taken in takes.items() if not taken]
    if not brief.alt_text or not without:
        return ""
    return f"alt_text is not used at {' and '.join(without)}: no alternative text is taken there."


def _check(pipeline: Pipeline, name: str, copy: PostCopy, where: str) -> None:
    if name not in pipeline.order["publish"]:
        _check_known(pipeline, name, where)
        return
    problem = next(_problems(pipeline, name, copy), None)
    if problem is not None:
        key, why, hint = problem
        raise WorkflowInvalid(f"{place_of(pipeline, name, key, where)}: {why}", hint=hint)


def _problems(pipeline: Pipeline, name: str, copy: PostCopy) -> Iterator[tuple[str, str, str]]:
    """Yield what is wrong, each with its key, the problem and a hint."""
    can = pipeline.instances[name].post_fields
    for key, why in CANNOT.items():
        asked = copy.disclosure is not None and copy.disclosure.label == "refuse"
        if key not in can and (asked if key == "disclosure" else getattr(copy, key) is not None):
            field = f"destination.{name}.{key}"
            yield key, f"{field}: {why.format(name=name)}", f"Leave it out, or take {name} out of the workflow."
    if not copy.options:
        return
    model = pipeline.instances[name].post_options
    known = () if model is None else tuple(model.model_fields)
    for key in copy.options if model is None else ():
        yield key, f"unknown key 'destination.{name}.{key}'", _known(key, known)
    error = None if model is None else pipeline.post_options_error(name, copy.options)
    if error is not None and model is not None:
        first = error.errors(include_url=False)[0]
        key = str(first["loc"][0]) if first["loc"] else ""
        told = explain(error, model, "", section=f"destination.{name}")
        hint = _known(key, known) if first["type"] == "extra_forbidden" else told.hint
        yield key, told.message.removeprefix("the options: "), hint


def _known(key: str, options: tuple[str, ...]) -> str:
    names = sorted({*COPY, *VIDEO, *options})
    near = get_close_matches(key, names, n=1, cutoff=0.5)
    return f"{f'Did you mean {near[0]!r}? ' if near else ''}Known here: {', '.join(names)}."


def _check_known(pipeline: Pipeline, name: str, where: str) -> None:
    """Refuse the name of no publisher. One that is only left out this time is none: its table waits for it."""
    definition, table = pipeline.definitions.get(name), pipeline.workflow.plugin.get(name)
    if definition is not None:
        if "publish" in definition.hooks:
            return
    elif (table is not None and table.use) or pipeline.catalog.name_of(name) is not None:
        return
    place = place_of(pipeline, name, "", where)
    problem = NotFound("destination", name, pipeline.order["publish"])
    raise WorkflowInvalid(f"{place}: {problem.message}", hint=problem.hint)


def place_of(pipeline: Pipeline, name: str, key: str, where: str) -> str:
    """Return where a key of `[destination.NAME]` was written."""
    loaded = pipeline.loaded
    if where:
        return where
    if Layer(OPTIONS, loaded.options).says(["destination", name, key]):
        return f"--set destination.{name}.{key}=…"
    path = ".".join(part for part in ("destination", name, key) if part)
    line = line_of(loaded.text, path)
    source = loaded.source or "the workflow"
    return f"{source}, line {line}" if line else source
