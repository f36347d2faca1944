"""Type checks for the arguments of the public API, so that a wrong one is reported where it was passed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from reelwork.errors import WorkflowInvalid


def check_workflow(given: object) -> None:
    """Refuse what is neither a file nor a mapping. Raises `WorkflowInvalid`."""
    if given is None or isinstance(given, str | Path):
        return
    if not _is_table(given):
        raise wrong("workflow", given, "the path of a TOML file, or a mapping with the same sections")


def check_settings(given: object) -> None:
    """Refuse settings that are no mapping of sections. Raises `WorkflowInvalid`."""
    if given is not None and not _is_table(given):
        raise wrong("settings", given, 'a mapping of sections, such as {"budget": {"per_day": 5}}')


def check_path(name: str, given: object) -> None:
    """Refuse what is no path. Raises `WorkflowInvalid`."""
    if given is not None and not isinstance(given, str | Path):
        raise wrong(name, given, "a path, as a text or a Path")


def check_ids(names: Sequence[object]) -> None:
    """Refuse what is no id. Raises `WorkflowInvalid`."""
    for name in names:
        if not isinstance(name, str):
            raise wrong("What names a job or run", name, "its id, as a text; several are given one by one")


def check_some(call: str, names: Sequence[object]) -> None:
    """Refuse a call that names nothing. Raises `WorkflowInvalid`."""
    # To do nothing in silence would look as if all of it were done.
    if not names:
        raise WorkflowInvalid(
            f"studio.{call} was called without a job.",
            money="Nothing was changed and nothing was sent.",
            hint=f"Name jobs or runs by their ids, such as studio.{call}(job.id); studio.jobs() has them.",
        )


def wrong(name: str, given: object, wanted: str) -> WorkflowInvalid:
    """Return the error for an argument of a wrong kind."""
    # Cut: a whole workflow may have been passed where a path belongs.
    return WorkflowInvalid(f"{name} is {given!r:.60}; it must be {wanted}.")


def _is_table(given: object) -> bool:
    return isinstance(given, Mapping) and all(isinstance(key, str) for key in given)
