"""The version since which each hook passes each argument, for advice to plugins that ask for others.

The table only grows, in the version that adds to a hook: `docs/hook-policy.md` says how hooks may change.
"""

from __future__ import annotations

from collections.abc import Mapping

from reelwork.version import __version__

SINCE: Mapping[str, Mapping[str, str]] = {
    "check_brief": {"brief": "0.3.0", "job": "0.3.0", "post": "0.3.0"},
    "pre_moderate": {"content": "0.1.0", "job": "0.1.0"},
    "prompt_transform": {"prompt": "0.1.0", "job": "0.1.0"},
    "post_download": {"clip": "0.1.0", "job": "0.1.0"},
    "prepare_publish": {"post": "0.1.0", "job": "0.1.0"},
    "publish": {"post": "0.1.0", "job": "0.1.0", "effect": "0.1.0"},
    "find_post": {"post": "0.1.0", "job": "0.1.0", "effect": "0.1.0"},
    "follow_post": {"post": "0.3.0", "job": "0.3.0", "receipt": "0.3.0"},
    "job_event": {"event": "0.1.0"},
    "register_providers": {},
    "register_platforms": {},
    "register_webhooks": {},
}
"""For each hook, its arguments and the first version that passes each."""


FIRST = "0.1.0"
"""The first version of the contract."""
LATER = ("register_webhooks",)
"""Hooks without arguments that came after it."""


def came_later(hook: str) -> bool:
    """Return whether the first version of the contract did not have this hook."""
    return hook in LATER or (FIRST not in SINCE[hook].values() and bool(SINCE[hook]))


def unknown_argument(hook: str, argument: str) -> str:
    """Return why a hook that asks for this argument cannot get it here."""
    return f"asks for {argument!r}, which no version of Reelwork up to {__version__} passes to {hook}"
