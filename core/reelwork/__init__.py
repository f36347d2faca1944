"""Reelwork: plugin-based automation for AI video that never pays twice and never posts twice."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from reelwork.version import __version__

if TYPE_CHECKING:
    from reelwork.studio.results import JobResult, RunResult
    from reelwork.studio.studio import Studio

__all__ = ["JobResult", "RunResult", "Studio", "__version__"]

_HOME_OF = {
    "JobResult": "reelwork.studio.results",
    "RunResult": "reelwork.studio.results",
    "Studio": "reelwork.studio.studio",
}


def __getattr__(name: str) -> Any:
    # Loaded when first used: a command that only looks at the store starts without the engine.
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)
