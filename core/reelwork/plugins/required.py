"""The packages that a workflow requires, such as `reelwork-acme>=1.2`. None is installed by itself."""

from __future__ import annotations

import importlib.metadata
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reelwork.errors import WorkflowInvalid
from reelwork.plugins.package_names import OURS, normalized

if TYPE_CHECKING:
    from packaging.requirements import Requirement


@dataclass(frozen=True)
class Missing:
    """A requirement that is not met here."""

    asked: Requirement
    problem: str

    @property
    def told(self) -> str:
        """The requirement and what stands in its way, for a sentence."""
        return f"{_plain(self.asked)} ({self.problem})"


def check_required(requires: Sequence[str], source: str) -> None:
    """Refuse a workflow that requires packages which are not here. Raises `WorkflowInvalid`."""
    missing = list(missing_among(requires))
    if missing:
        told = ", ".join(one.told for one in missing)
        commands = "\n".join(_commands(missing))
        raise WorkflowInvalid(
            f"{source or 'The workflow'} requires {told}.", money="Nothing was sent.", hint=commands
        )


def missing_among(requires: Sequence[str]) -> Iterator[Missing]:
    """Yield the requirements that are not met here, but for those about another system or Python."""
    if not requires:
        return
    # Imported late: most workflows require nothing.
    from packaging.requirements import Requirement

    for asked in map(Requirement, requires):
        if asked.marker is None or asked.marker.evaluate({"extra": ""}):
            problem = _problem(asked) or next(_lacking_for_extras(asked), "")
            if problem:
                yield Missing(asked, problem)


def _problem(asked: Requirement) -> str:
    try:
        installed = importlib.metadata.version(asked.name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
    # By default a pre-release meets no specifier, though it is what is installed.
    return "" if asked.specifier.contains(installed, prereleases=True) else f"{installed} is installed"


def _lacking_for_extras(asked: Requirement) -> Iterator[str]:
    """Yield what the extras that are asked for need and what is not here."""
    from packaging.requirements import Requirement

    for needed in map(Requirement, importlib.metadata.requires(asked.name) or ()):
        for extra in sorted(asked.extras):
            wanted = needed.marker is not None and needed.marker.evaluate({"extra": extra})
            if wanted and (problem := _problem(needed)):
                yield f"{needed.name}, for its extra {extra}: {problem}"


def _plain(asked: Requirement) -> str:
    extras = f"[{','.join(sorted(asked.extras))}]" if asked.extras else ""
    return f"{asked.name}{extras}{asked.specifier}"


def _commands(missing: Sequence[Missing]) -> Iterator[str]:
    ours = [_plain(one.asked) for one in missing if normalized(one.asked.name) == OURS]
    others = [_plain(one.asked) for one in missing if normalized(one.asked.name) != OURS]
    if ours:
        yield f"Upgrade Reelwork: pip install -U {shlex.join(ours)}"
    if others:
        what = "it" if len(others) == 1 else "them"
        yield f"To install {what}: reelwork plugins install {shlex.join(others)}"
