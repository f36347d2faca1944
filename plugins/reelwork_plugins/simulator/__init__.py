"""`simulator`: a server that speaks the Videos protocol in several dialects, with a switchboard of faults.

It renders nothing of value and charges nothing: workflows, and whatever can go wrong with them, are rehearsed
against it. It lacks `/v1/videos/extensions`, `/v1/videos/characters` and vLLM-Omni's `/v1/videos/sync`, which are
answered 404.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reelwork_plugins.simulator.app import create_app
    from reelwork_plugins.simulator.log import read_log
    from reelwork_plugins.simulator.server import RunningSimulator, run_simulator
    from reelwork_plugins.simulator.settings import SimulatorSettings

__all__ = ["RunningSimulator", "SimulatorSettings", "create_app", "read_log", "run_simulator"]

_HOME_OF = {
    "create_app": "app",
    "read_log": "log",
    "RunningSimulator": "server",
    "run_simulator": "server",
    "SimulatorSettings": "settings",
}


def __getattr__(name: str) -> Any:
    # Loaded when first used: the command line imports this package only to list the command.
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
