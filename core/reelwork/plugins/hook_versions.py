"""The version since which each hook passes each argument, for advice to plugins that ask for others.

The table only grows, in the version that adds to a hook: `docs/hook-policy.md` says how hooks may change.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import Distribution

from reelwork.version import __version__

SINCE: Mapping[str, Mapping[str, str]] = {
    "pre_moderate": {"content": "0.1.0", "job": "0.1.0"},
    "prompt_transform": {"prompt": "0.1.0", "job": "0.1.0"},
    "post_download": {"clip": "0.1.0", "job": "0.1.0"},
    "prepare_publish": {"post": "0.1.0", "job": "0.1.0"},
    "publish": {"post": "0.1.0", "job": "0.1.0", "effect": "0.1.0"},
    "find_post": {"post": "0.1.0", "job": "0.1.0", "effect": "0.1.0"},
    "job_event": {"event": "0.1.0"},
    "register_providers": {},
    "register_platforms": {},
}
"""For each hook, its arguments and the first version that passes each."""

_LOWER_BOUND = re.compile(r"(>=|==|~=|>)\s*(\d+(?:\.\d+)*)")
_REQUIREMENT = re.compile(r"\s*reelwork\s*(?:\[[^\]]*\]\s*)?(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_EXTRA = re.compile(r"\bextra\s*==")


def unknown_argument(hook: str, argument: str) -> str:
    """Return why a hook that asks for this argument cannot get it here."""
    return f"asks for {argument!r}, which no version of Reelwork up to {__version__} passes to {hook}"


def needed_by(hooks: Mapping[str, Callable[..., object]], since: Mapping[str, Mapping[str, str]] = SINCE) -> str:
    """Return the oldest version that passes everything these implementations ask for."""
    asked = [since[hook].get(name, "") for hook, function in hooks.items() for name in _arguments(function)]
    return max((version for version in asked if version), key=as_numbers, default="0.1.0")


def _arguments(function: Callable[..., object]) -> Iterable[str]:
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):
        return ()


def lower_bound(requirement: str) -> str | None:
    """Return the oldest Reelwork that a requirement such as `reelwork>=0.3,<2` allows; None for another package.

    Empty when the requirement names no oldest version.
    """
    match = _REQUIREMENT.fullmatch(requirement.partition(";")[0])
    if match is None or re.match(r"[\w.-]", match["rest"]):
        return None
    bounds = [version for _, version in _LOWER_BOUND.findall(match["rest"])]
    return max(bounds, key=as_numbers, default="")


def too_new(distribution: Distribution | None) -> str:
    """Return the advice for a plugin whose package needs a newer Reelwork than this; empty if it does not."""
    for requirement in (distribution.requires or ()) if distribution is not None else ():
        bound = lower_bound(requirement)
        # What an extra asks for says nothing about the plugin itself.
        if bound and not _EXTRA.search(requirement) and as_numbers(bound) > as_numbers(__version__):
            needs = f"Its package needs reelwork {bound} or newer; this is {__version__}"
            return f'{needs}: pip install -U "reelwork>={bound}"'
    return ""


def as_numbers(version: str) -> tuple[int, ...]:
    """Return a release such as `1.10.0` as numbers that sort as releases do: trailing zeros do not count."""
    numbers = [int(part) for part in re.findall(r"\d+", version.partition("+")[0])]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
